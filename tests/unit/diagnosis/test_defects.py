"""A check that fails by a defect of its own: the rest is reported, and nothing is healthy."""

from collections.abc import Sequence

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.evidence import Evidence
from kubectl_portcheck.model.report import ServiceReport
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.outcomes import Outcome, Passed
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.semantics.case import Case, ServiceCase
from tests.situations import SITUATIONS

pytestmark = pytest.mark.defects

MISMATCH = SITUATIONS["PC401-0"]
HEALTHY = """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports: [{name: a, port: 80, targetPort: 9000}, {name: b, port: 81, targetPort: 9001}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}, {containerPort: 9001}]}]}
---
probes:
  checkout-1: {sockets: ["0.0.0.0:9000", "0.0.0.0:9001"]}
"""


def of_service(case: ServiceCase) -> Outcome:
    raise ZeroDivisionError("a value of the cluster")


def of_second_port(case: Case) -> Outcome:
    return of_service(case) if case.port.port == 81 else Passed()


def failing(code: str) -> Sequence[Rule]:
    """The catalogue, in which the check of this rule fails."""
    return [
        msgspec.structs.replace(
            r, check=None, check_service=of_service, applies=(), needs=(), clues=()
        )
        if r.code == code
        else r
        for r in CATALOGUE
    ]


def judged(evidence: Evidence, rules: Sequence[Rule]) -> ServiceReport:
    report = diagnose(evidence, rules=rules)
    assert "a value of the cluster" not in str(report)
    (found,) = report.services
    assert found.verdict == report.verdict
    return found


def test_the_cause_is_named_and_no_fix_is_called_safe() -> None:
    whole, found = (judged(MISMATCH, rules) for rules in (CATALOGUE, failing("PC610")))
    assert whole.findings[0].fixes[0].safety == "safe"
    assert (found.verdict, found.headline) == ("broken", whole.headline)
    assert [f.code for f in found.findings] == [f.code for f in whole.findings]
    (fix, *_) = found.findings[0].fixes
    assert fix.safety == "review"
    assert "a defect of kubectl-portcheck (ZeroDivisionError in " in fix.unpredicted


def test_nothing_is_healthy_where_a_check_failed() -> None:
    evidence = evidence_of(HEALTHY)
    assert judged(evidence, CATALOGUE).verdict == "healthy"
    found = judged(evidence, failing("PC610"))
    assert found.verdict == "inconclusive"
    assert str(found.headline).startswith(
        "could not tell: PC610: a defect of kubectl-portcheck (ZeroDivisionError in test_defects.py"
    )
    assert [p.verdict for p in found.ports] == ["inconclusive", "inconclusive"]


def test_the_other_ports_are_as_healthy_as_they_were() -> None:
    rules = [
        msgspec.structs.replace(r, check=of_second_port, applies=(), needs=(), clues=())
        if r.code == "PC402"
        else r
        for r in CATALOGUE
    ]
    found = judged(evidence_of(HEALTHY), rules)
    assert (found.verdict, [p.verdict for p in found.ports]) == (
        "inconclusive",
        ["healthy", "inconclusive"],
    )


def test_it_is_the_same_in_files() -> None:
    evidence = evidence_of(HEALTHY)
    services = [msgspec.structs.replace(s, files="all") for s in evidence.services]
    evidence = msgspec.structs.replace(evidence, services=tuple(services))
    assert judged(evidence, CATALOGUE).verdict == "healthy"
    assert judged(evidence, failing("PC403")).verdict == "inconclusive"


@pytest.mark.parametrize("situation", ["PC612-2", "PC613-2", "PC616-1"])
def test_a_rule_that_is_ignored_decides_nothing_by_its_defect(situation: str) -> None:
    code = situation.partition("-")[0]
    evidence = SITUATIONS[situation]
    report = diagnose(evidence, rules=failing(code))
    ignoring = diagnose(evidence, rules=failing(code), ignore=(code,))
    assert (report.verdict, ignoring.verdict) == ("inconclusive", "healthy")


def test_a_fix_is_as_safe_as_it_was_where_the_rule_is_ignored() -> None:
    report = diagnose(MISMATCH, rules=failing("PC610"), ignore=("PC610",))
    assert report.services[0].findings[0].fixes[0].safety == "safe"


def test_it_is_named_where_the_service_does_not_exist() -> None:
    (found,) = diagnose(SITUATIONS["PC617-0"], rules=failing("PC617")).services
    assert [(n.code, n.defect) for n in found.not_evaluated] == [("PC617", True)]
