"""Every format by its name, as one function from a report to text."""

from collections.abc import Callable

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render import (
    export,
    html,
    junit,
    line,
    markdown,
    name,
    openmetrics,
    sarif,
    yaml,
)
from kubectl_portcheck.render import json as json_format
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import render_table

VERSION = "1.2.3"

LOOKS = {
    "80": Look(width=80),
    "140": Look(width=140),
    "pipe": Look(width=None),
    "wide": Look(width=140, wide=True),
    "ascii": Look(width=80, unicode=False),
    "plain": Look(width=80, plain=True),
}


def table(look: Look, *, show_commands: bool = False) -> Callable[[Report], str]:
    return lambda report: render_table(report, look, show_commands=show_commands)


FORMATS: dict[str, Callable[[Report], str]] = {
    **{f"table-{name}.txt": table(look) for name, look in LOOKS.items()},
    "commands.txt": table(Look(width=80), show_commands=True),
    "summary.txt": lambda r: render_table(r, Look(width=80), summary=True),
    "line.txt": line.render_line,
    "name.txt": name.render_name,
    "report.json": lambda r: json_format.render_json(r, VERSION),
    "report.yaml": lambda r: yaml.render_yaml(r, VERSION),
    "report.md": markdown.render_markdown,
    "junit.xml": junit.render_junit,
    "report.sarif": lambda r: sarif.render_sarif(r, VERSION),
    "report.svg": export.render_svg,
    "metrics.txt": lambda r: openmetrics.render_openmetrics(r, VERSION),
    "report.html": lambda r: html.render_html(r, VERSION),
}
