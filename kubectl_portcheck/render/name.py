"""``-o name``: one object a line, to be piped into xargs."""

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.table import worst_first
from kubectl_portcheck.render.text import clean


def render_name(report: Report) -> str:
    """``service/checkout`` for each that is not healthy, the worst first, as kubectl prints names.

    Those that are healthy need no attention; ``kubectl get service -o name`` names them all.
    Blanks do not occur in the names that Kubernetes allows; in a name from elsewhere they are
    written out, so that one Service stays one word.
    """
    unhealthy = [s for s in worst_first(report) if s.verdict != "healthy"]
    return "".join(f"{_resource(s.kind)}/{_word(s.name)}\n" for s in unhealthy)


def _resource(kind: str) -> str:
    """``service``, ``deployment.apps``: the resource with its group, as kubectl prints it."""
    return clean(kind).lower() + (".apps" if kind not in ("Service", "Pod") else "")


def _word(name: str) -> str:
    return clean(name).replace(" ", "\\x20")
