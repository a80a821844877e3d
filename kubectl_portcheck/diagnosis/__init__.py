"""Evidence in, report out: the six steps, causes and consequences, the verdict."""

from kubectl_portcheck.diagnosis.diagnose import diagnose
from kubectl_portcheck.diagnosis.parts import in_order
from kubectl_portcheck.diagnosis.verdicts import worst

__all__ = ["diagnose", "in_order", "worst"]
