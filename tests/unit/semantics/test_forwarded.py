"""What port-forwards prove of listeners, and what they do not."""

import msgspec

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.evidence import Evidence
from kubectl_portcheck.model.probes import Attempt, Outcome, Path
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.json import report_json
from kubectl_portcheck.semantics.forwarded import forwarded

NO_SHELL = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
probes: {checkout-1: {port-forward: {8080: %s, 9000: %s}}}
"""


def attempt(port: int, outcome: Outcome, path: Path = "pod-port-forward") -> Attempt:
    return Attempt(pod="p", port=port, path=path, outcome=outcome)


def test_open_and_closed_ports() -> None:
    found = forwarded(
        [attempt(1, "accepted"), attempt(2, "refused"), attempt(3, "reset"), attempt(4, "unknown")]
    )
    assert found is not None
    assert [(s.port, s.source, s.address) for s in found.listeners] == [
        (1, "knock", ""),
        (3, "knock", ""),
    ]
    assert (found.source, found.closed, found.complete) == ("knock", (2,), False)


def test_other_paths_and_failures_prove_nothing() -> None:
    assert forwarded([attempt(1, "accepted", "pod-proxy"), attempt(2, "skipped")]) is None
    assert forwarded([]) is None


def report(first: str, second: str) -> Report:
    return diagnose(evidence_of(NO_SHELL % (first, second)))


def test_the_report_says_that_it_is_inferred() -> None:
    found = report("refused", "accepted")
    shown = report_json(found, "1")["services"][0]  # type: ignore[index]
    listeners = shown["pods"][0]["listeners"]
    assert [(x["port"], x["source"], x["address"], x["family"]) for x in listeners] == [
        (9000, "knock", None, None)
    ]
    port = shown["ports"][0]
    assert port["chain"]["listening"] == [9000]
    step = port["steps"][1]
    assert (step["status"], step["reason"]) == ("skipped", "no shell in the image")
    assert step["summary"] == "inferred from port-forwards: 9000 in the pod; 8080 in none"
    assert found.verdict == "broken"


def test_nothing_open_is_not_known_rather_than_nothing() -> None:
    found = report("refused", "refused")
    pod = found.services[0].pods[0]
    assert pod.listeners is None
    assert found.services[0].ports[0].chain.listening is None
    assert found.services[0].ports[0].steps[1].summary == "declared, not verified: 9000"
    assert found.verdict == "inconclusive"


def test_an_accepted_port_forward_by_itself_makes_nothing_healthy() -> None:
    """It reaches a listener that is bound to the loopback as well."""
    assert report("accepted", "accepted").verdict == "inconclusive"


def test_sockets_that_were_read_outweigh_port_forwards() -> None:
    text = NO_SHELL.replace("{port-forward", '{sockets: ["127.0.0.1:8080"], port-forward')
    evidence: Evidence = evidence_of(text % ("accepted", "refused"))
    found = diagnose(evidence).services[0].pods[0].listeners
    assert found is not None
    assert [s.source for s in found] == ["proc"]
    assert msgspec.to_builtins(evidence)
