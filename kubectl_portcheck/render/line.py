"""``-q``: the verdict on one line."""

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.sweep import tally
from kubectl_portcheck.render.text import ascii_only, clean


def render_line(report: Report, *, unicode: bool = True) -> str:
    """``BROKEN svc/checkout -n production: port 80: nothing listens on ...``."""
    if len(report.services) == 1:
        service = report.services[0]
        where = f" {clean(service.title)} -n {clean(service.namespace)}"
        what = clean(str(service.headline))
    else:
        where, what = "", tally(report)
    partial = " (interrupted: partial report)" if report.interrupted else ""
    text = f"{report.verdict.upper()}{where}: {what}{partial}"
    return (text if unicode else ascii_only(text)) + "\n"
