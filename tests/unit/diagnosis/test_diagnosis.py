"""What must hold for every verdict, whatever the rules."""

import random
import time
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose, worst
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Evidence, ServiceEvidence
from kubectl_portcheck.model.report import Verdict
from tests.situations import SITUATIONS

PARTS = ("pods", "endpoint_slices", "replica_sets", "deployments", "namespace_pods")
GONE = Missing(reason=Reason.FORBIDDEN, detail="list is forbidden")


def changed(evidence: Evidence, **parts: Any) -> Evidence:
    services = tuple(msgspec.structs.replace(s, **parts) for s in evidence.services)
    return msgspec.structs.replace(evidence, services=services)


def verdict(evidence: Evidence) -> Verdict:
    return diagnose(evidence).verdict


@pytest.mark.parametrize("evidence", SITUATIONS.values(), ids=SITUATIONS)
def test_less_evidence_never_makes_it_well(evidence: Evidence) -> None:
    if verdict(evidence) == "healthy":
        return
    no_sockets = dict.fromkeys(evidence.services[0].sockets, GONE)
    for part, without in {**dict.fromkeys(PARTS, GONE), "sockets": no_sockets}.items():
        assert verdict(changed(evidence, **{part: without})) != "healthy", part


@pytest.mark.parametrize("evidence", SITUATIONS.values(), ids=SITUATIONS)
def test_the_order_of_answers_changes_nothing(evidence: Evidence) -> None:
    whole = msgspec.json.encode(diagnose(evidence))
    for seed in range(5):
        shuffled = changed(evidence, **_shuffled(evidence.services[0], random.Random(seed)))
        assert msgspec.json.encode(diagnose(shuffled)) == whole


def _shuffled(service: ServiceEvidence, order: random.Random) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name in PARTS:
        found = getattr(service, name)
        if isinstance(found, Observed):
            parts[name] = Observed(value=tuple(order.sample(found.value, len(found.value))))
    items = list(service.sockets.items())
    parts["sockets"] = dict(order.sample(items, len(items)))
    parts["attempts"] = tuple(order.sample(service.attempts, len(service.attempts)))
    return parts


def test_the_worst_verdict_decides() -> None:
    assert worst(["healthy", "degraded", "inconclusive"]) == "degraded"
    assert worst(["healthy", "inconclusive"]) == "inconclusive"
    assert worst([]) == "inconclusive"


TWO_FAULTS = """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: htpp}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 9000}]}]}
---
probes:
  checkout-1: {sockets: ["0.0.0.0:9000"], port-forward: {8080: refused, 9000: accepted}}
"""


def test_two_independent_faults_are_both_reported() -> None:
    report = diagnose(evidence_of(TWO_FAULTS)).services[0]
    assert [f.code for f in report.findings if f.cause] == ["PC401", "PC402"]
    assert [(p.port, p.verdict) for p in report.ports] == [(80, "broken"), (81, "broken")]


MIXED = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes:
  checkout-1: {sockets: ["127.0.0.1:8080"]}
  checkout-2: {sockets: ["0.0.0.0:9000"]}
"""


def test_faults_that_together_leave_no_pod_break_the_service() -> None:
    report = diagnose(evidence_of(MIXED))
    assert report.verdict == "broken"
    assert {f.code for f in report.services[0].findings if f.cause} == {"PC202", "PC401"}


def test_what_was_not_measured_is_never_healthy() -> None:
    blind = evidence_of(MIXED.rpartition("---")[0])
    report = diagnose(blind)
    assert report.verdict == "inconclusive"
    assert "no shell in the image" in report.services[0].missing
    steps = {s.name: s.status for s in report.services[0].ports[0].steps}
    assert steps["listening-ports"] == steps["pod-port-forward"] == "skipped"


def test_what_is_not_judged_in_time_is_not_healthy() -> None:
    evidence = SITUATIONS["PC401-0"]
    service = evidence.services[0]
    several = msgspec.structs.replace(evidence, services=(service,) * 3)
    report = diagnose(several, until=time.monotonic() - 1)
    assert report.verdict == "inconclusive"
    assert {str(s.headline) for s in report.services} == {
        "could not tell: the time was up before it was judged (--timeout)"
    }
