"""Evidence in, report out: the six steps, causes and consequences, the verdict."""

from kubectl_portcheck.diagnosis.diagnose import diagnose, in_order, worst

__all__ = ["diagnose", "in_order", "worst"]
