"""The picture of a request's way: which rule it names where the way ends at the Service."""

from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.render.chain import way_of
from kubectl_portcheck.rules.table import CATALOGUE
from tests.situations import SITUATIONS

ABOUT_ENDPOINTS = {"PC302", "PC305", "PC306"}
"""What these find is what the picture says without a name."""


def _leads(finding: Finding) -> bool:
    return finding.cause and finding.impact == Impact.ALL


def test_a_rule_says_itself_whether_it_is_named_as_the_reason() -> None:
    """A new rule that stands there says so, or is about endpoints."""
    found: dict[str, set[str]] = {}
    for evidence in SITUATIONS.values():
        for service in diagnose(evidence).services:
            for port in service.ports:
                way = way_of(service, port)
                lead = next((f for f in service.findings if _leads(f)), None)
                if lead is not None and len(way.stations) == 1:
                    (branch,) = way.branches
                    found.setdefault(lead.code, set()).update(row.who for row in branch.rows)
    declared = {rule.code: rule.name for rule in CATALOGUE if rule.why_unready}
    assert set(found) - set(declared) == ABOUT_ENDPOINTS
    assert {code: {name} for code, name in declared.items()} == {
        code: names for code, names in found.items() if code in declared
    }
