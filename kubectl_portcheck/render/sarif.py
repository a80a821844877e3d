"""``-o sarif``: SARIF 2.1.0, for code scanning; above all with the manifests of ``-f``."""

import json
from collections.abc import Sequence
from typing import Final

from kubectl_portcheck.model.report import Finding, Report, ServiceReport, Suppressed
from kubectl_portcheck.render import facts
from kubectl_portcheck.render.json import TOOL, Json
from kubectl_portcheck.render.text import clean
from kubectl_portcheck.rules.texts import Texts

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}


def render_sarif(report: Report, version: str, rules: Sequence[Texts] = ()) -> str:
    """The findings as one SARIF run. ``rules`` is the catalogue, to describe what was found."""
    found = [(s, f) for s in report.services for f in s.findings]
    ignored = [(s, i) for s in report.services for i in s.suppressed]
    codes = sorted({f.code for _, f in found} | {i.finding.code for _, i in ignored})
    known = {r.code: r for r in rules}
    names = {f.code: f.name for _, f in (*found, *((s, i.finding) for s, i in ignored))}
    run: Json = {
        "tool": {
            "driver": {
                "name": TOOL,
                "semanticVersion": version,
                "rules": [_rule(code, names[code], known.get(code)) for code in codes],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not report.interrupted,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": clean(m)}} for m in _notes(report)
                ],
            }
        ],
        "results": [
            *(_result(s, f, codes.index(f.code)) for s, f in found),
            *(_ignored(s, i, codes.index(i.finding.code)) for s, i in ignored),
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {"verdict": report.verdict},
    }
    document: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _notes(report: Report) -> list[str]:
    """What could not be had, over all and then Service by Service."""
    own = [
        m
        for s in report.services
        for m in dict.fromkeys((*s.missing, *(str(n) for n in s.lacking)))
    ]
    return [*report.missing, *own]


def _rule(code: str, name: str, rule: Texts | None) -> Json:
    described: Json = {"id": code, "name": _pascal(name)}
    if rule:
        described |= {
            "shortDescription": {"text": rule.summary},
            "fullDescription": {"text": rule.meaning},
            "help": {"text": f"{rule.confirm}\n\n{rule.fix}"},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
    return described


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in clean(name).split("-"))


def _uri(path: str) -> str:
    """A path as a relative reference (RFC 3986), without the dot that -f . leaves before it."""
    path = path.removeprefix("./")
    plain = "/._-~"
    return "".join(
        c
        if c.isascii() and (c.isalnum() or c in plain)
        else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogateescape"))
        for c in path
    )


def _ignored(service: ServiceReport, ignored: Suppressed, index: int) -> Json:
    """A finding that does not count: code scanning shows it as dismissed."""
    kind = "inSource" if ignored.by == "annotation" else "external"
    return {**_result(service, ignored.finding, index), "suppressions": [{"kind": kind}]}


def _result(service: ServiceReport, finding: Finding, index: int) -> Json:
    subject = finding.subject
    port = f":{finding.port}" if finding.port is not None else ""
    cluster = f"{service.cluster}/" if service.cluster else ""
    where = f"{cluster}{subject.namespace}/{subject.kind}/{subject.name}"
    about = f"{cluster}{service.namespace}/{service.name}{port}"
    shown = "".join(f"\n- {clean(e)}" for e in facts.lines(finding.evidence))
    fixes = "".join(f"\nFix: {clean(f.title)}" for f in finding.fixes)
    logical: Json = {
        "logicalLocations": [
            {
                "name": clean(subject.name),
                "fullyQualifiedName": clean(where),
                "kind": "resource",
            }
        ]
    }
    if finding.origin:
        logical["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(finding.origin.file)},
            "region": {"startLine": finding.origin.line},
        }
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{clean(about)}: {clean(finding.summary)}{shown}{fixes}"},
        "locations": [logical],
        "partialFingerprints": {"portcheck/v1": clean(f"{finding.code} {where}{port}")},
        "properties": {"cause": finding.cause, "impact": finding.impact},
    }
