"""``-o yaml``: the JSON report, field for field, as YAML."""

import json

import yaml

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.json import render_json


def render_yaml(report: Report, version: str) -> str:
    """The report as one YAML document of the JSON schema's fields, in the same order.

    What is dumped went through JSON: plain types alone, and a text that occurs twice is no alias.
    """
    document = json.loads(render_json(report, version))
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=False, width=100)
    return text
