"""No fix that harms: every patch is tried on the evidence before it is offered."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose, what_if
from kubectl_portcheck.diagnosis.changed import Unknown, applied, changed
from kubectl_portcheck.diagnosis.what_if import untried
from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import NOT_ASKED, Context, Evidence, ServiceEvidence
from kubectl_portcheck.model.fixes import Fix, JsonPatch, Operation, Prediction, Subject
from kubectl_portcheck.model.objects import ObjectMeta, Service, ServicePort, ServiceSpec
from kubectl_portcheck.model.report import Finding, ServiceReport
from tests.situations import SITUATIONS


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def patches(found: ServiceReport) -> list[Fix]:
    return [f for x in found.findings for f in x.fixes if isinstance(f.change, JsonPatch)]


def lead(found: ServiceReport) -> Finding:
    return found.findings[0]


def service(spec: str) -> str:
    return f"kind: Service\nmetadata: {{name: shop}}\nspec: {spec}\n"


def pod(name: str, spec: str, *, labels: str = "app: shop", ready: bool = True) -> str:
    owner = "{kind: ReplicaSet, name: shop-1, uid: r, controller: true}"
    status = "True" if ready else "False"
    return f"""---
kind: Pod
metadata: {{name: {name}, labels: {{{labels}}}, ownerReferences: [{owner}]}}
spec: {{containers: [{{name: app, {spec}}}]}}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{{ip: 10.0.0.1}}]
  conditions: [{{type: Ready, status: "{status}"}}]
  containerStatuses: [{{name: app, ready: {str(ready).lower()}, state: {{running: {{}}}}}}]
"""


OWNER = """---
kind: ReplicaSet
metadata: {name: shop-1, uid: r,
  ownerReferences: [{kind: Deployment, name: shop, uid: d, controller: true}]}
"""
PROBE = "readinessProbe: {tcpSocket: {port: 8080}}"


def probes(**sockets: list[str]) -> str:
    rows = "".join(f"  {name}: {{sockets: {found}}}\n" for name, found in sockets.items())
    return f"---\nprobes:\n{rows}"


def test_a_standby_is_never_made_ready() -> None:
    """The leader opens the served port; the standby does not, on purpose."""
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}")
        + OWNER
        + pod("a", PROBE)
        + pod("b", PROBE, ready=False)
        + probes(a=["0.0.0.0:8080", "0.0.0.0:9440"], b=["0.0.0.0:9440"])
    )
    found = report(text)
    assert found.verdict == "healthy"
    assert not patches(found)
    assert not [f for x in found.findings if x.code == "PC411" for f in x.fixes]


def test_a_probe_on_a_port_that_all_pods_open_may_be_moved() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 9000}]}")
        + OWNER
        + pod("a", PROBE, ready=False)
        + probes(a=["0.0.0.0:9000"])
    )
    found = report(text)
    assert found.verdict == "broken"
    [fix] = patches(found)
    assert fix.predicted == Prediction(verdict="healthy", served=1, of=1)
    assert fix.safety == "review"


def test_a_fix_that_would_not_serve_by_itself_says_what_else_it_needs() -> None:
    """The probe and the targetPort are both wrong: neither fix by itself serves a client."""
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8081}]}")
        + OWNER
        + pod("a", PROBE + ", ports: [{containerPort: 9000, name: http}]", ready=False)
        + probes(a=["0.0.0.0:9000"])
    )
    found = report(text)
    assert found.verdict == "broken"
    for fix in patches(found):
        assert fix.predicted is None or fix.predicted.together or fix.predicted.served
        assert fix.safety == "review"


def test_clients_of_a_database_are_not_sent_to_a_web_server() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{name: pg, port: 5432}]}")
        + pod("a", "ports: [{name: http, containerPort: 8080}]")
        + probes(a=["0.0.0.0:8080"])
    )
    found = report(text)
    assert lead(found).code == "PC401"
    assert lead(found).fixes[0].command is None
    for fix in patches(found):
        assert fix.safety == "review"
        assert fix.cautions == ("port pg of the Service is for PostgreSQL, http is for HTTP",)


def test_clients_of_https_are_not_sent_to_plain_http_as_safe() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{name: https, port: 443, targetPort: 443}]}")
        + pod("a", "ports: [{name: http, containerPort: 80}]")
        + probes(a=["0.0.0.0:80"])
    )
    assert {f.safety for f in patches(report(text))} == {"review"}


@pytest.mark.parametrize(
    ("port", "word"), [(4143, "Linkerd"), (5005, "debugger"), (15090, "Istio")]
)
def test_ports_of_a_mesh_and_of_a_debugger_are_never_safe(port: int, word: str) -> None:
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}")
        + pod("a", "image: shop")
        + probes(a=[f"0.0.0.0:{port}"])
    )
    found = patches(report(text))
    assert found
    assert all(f.safety == "review" and word in f.cautions[0] for f in found)


def test_a_port_for_which_nothing_speaks_is_for_review() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}")
        + pod("a", "image: shop")
        + probes(a=["0.0.0.0:9000"])
    )
    [fix] = patches(report(text))
    assert (fix.safety, fix.predicted) == (
        "review",
        Prediction(verdict="healthy", served=1, of=1),
    )


def test_a_name_that_no_pod_declares_becomes_the_number_that_listens() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: web}]}")
        + pod("a", "image: shop")
        + probes(a=["0.0.0.0:9000"])
    )
    [fix] = [f for f in patches(report(text)) if "9000" in f.title]
    assert (fix.safety, fix.predicted) == (
        "review",
        Prediction(verdict="healthy", served=1, of=1),
    )


def test_another_service_that_leads_there_is_a_caution() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}")
        + pod("a", "ports: [{containerPort: 9000, name: http}]")
        + probes(a=["0.0.0.0:9000"])
    )
    evidence = evidence_of(text)
    first = evidence.services[0]
    assert patches(diagnose(evidence).services[0])[0].safety == "safe"
    beside = Service(
        metadata=ObjectMeta(name="metrics", namespace=first.service.metadata.namespace),
        spec=ServiceSpec(
            selector={"app": "shop"}, ports=(ServicePort(port=9000, target_port=9000),)
        ),
    )
    other = msgspec.structs.replace(first, service=beside)
    both: Evidence = msgspec.structs.replace(evidence, services=(first, other))
    fix = patches(diagnose(both).services[0])[0]
    assert fix.safety == "review"
    assert fix.cautions == ("Service metrics already leads to 9000",)


def beside(name: str, **spec: Any) -> Service:
    return Service(metadata=ObjectMeta(name=name), spec=ServiceSpec(**spec))


def test_a_change_of_the_pods_is_tried_on_the_services_that_were_read_beside() -> None:
    evidence = evidence_of(
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: http}]}")
        + pod("a", "ports: [{containerPort: 8080, name: http}]")
        + OWNER
        + probes(a=["0.0.0.0:9000", "0.0.0.0:8080"])
    )
    walked = evidence.services[0]
    change = Operation(
        op="replace", path="/spec/template/spec/containers/0/ports/0/containerPort", value=7000
    )
    fix = Fix(
        title="",
        change=JsonPatch(operations=(change,)),
        subject=Subject(kind="Deployment", namespace="default", name="shop"),
    )
    led = beside(
        "admin", selector={"app": "shop"}, ports=(ServicePort(port=80, target_port="http"),)
    )
    numbered = beside(
        "metrics", selector={"app": "shop"}, ports=(ServicePort(port=80, target_port=9000),)
    )
    other = beside("other", selector={"app": "x"}, ports=(ServicePort(port=80),))
    for services, harmed in (((led, other), True), ((numbered, other), False), ((other,), False)):
        seen = msgspec.structs.replace(walked, services=Observed(value=services))
        assert [e.service for e in what_if.beside(seen, ())] == list(services[:-1])
        trial = what_if.Trial(seen, "", what_if.beside(seen, ()), judged)
        assert what_if.harms_others(fix, trial) is harmed
    assert what_if.beside(msgspec.structs.replace(walked, services=NOT_ASKED), ()) == []


def judged(evidence: ServiceEvidence) -> ServiceReport:
    whole = Evidence(context=Context(source="cluster"), services=(evidence,))
    return diagnose(whole).services[0]


def test_a_patch_that_does_not_fit_is_unknown() -> None:
    plain = Service(
        metadata=ObjectMeta(name="shop"), spec=ServiceSpec(ports=(ServicePort(port=1),))
    )
    test = Operation(op="test", path="/spec/ports/0/port", value=2)
    beyond = Operation(op="replace", path="/spec/ports/7/port", value=2)
    for operation in (test, beyond):
        with pytest.raises(Unknown):
            applied(plain, [operation])


def test_what_a_command_brings_is_not_predicted() -> None:
    evidence = evidence_of(
        service("{selector: {app: shop}, ports: [{port: 80}]}") + pod("a", "image: shop")
    )
    with pytest.raises(Unknown):
        changed(evidence.services[0], Fix(title="Do it"))


def test_a_rollout_is_undone_only_where_clients_get_errors() -> None:
    """The leader serves; the standby that is not Ready is no reason to replace it."""
    before = OWNER.replace("shop-1", "shop-0").replace("uid: r,", "uid: r0,")
    revisions = "".join(
        owner.replace("uid: r", f"annotations: {{{key}: '{i}'}}, uid: r")
        for i, owner in enumerate((before, OWNER), 1)
        for key in ("deployment.kubernetes.io/revision",)
    )
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}")
        + revisions
        + pod("a", PROBE)
        + pod("b", PROBE, ready=False)
        + probes(a=["0.0.0.0:8080", "0.0.0.0:9440"], b=["0.0.0.0:9440"])
    )
    found = report(text)
    assert found.verdict == "healthy"
    assert not [f for x in found.findings for f in x.fixes if f.command]
    broken = report(
        text.replace("[{port: 80, targetPort: 8080}]", "[{port: 80, targetPort: 9999}]")
    )
    assert broken.verdict == "broken"
    assert [f for x in broken.findings for f in x.fixes if f.command and "undo" in f.command]


def test_what_was_not_tried_in_time_is_never_safe() -> None:
    text = (
        service("{selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}")
        + pod("a", "ports: [{containerPort: 9000, name: http}]")
        + probes(a=["0.0.0.0:9000"])
    )
    found = report(text)
    assert patches(found)[0].safety == "safe"
    late = patches(untried(found, "the time was up"))
    assert {(f.safety, f.unpredicted) for f in late} == {("review", "the time was up")}


@pytest.mark.parametrize("evidence", SITUATIONS.values(), ids=SITUATIONS)
def test_every_command_is_predicted_or_says_why_it_is_not(evidence: Evidence) -> None:
    found = [f for s in diagnose(evidence).services for f in s.findings]
    changing = [x for f in found for x in f.fixes if x.command]
    assert [x.title for x in changing if not (x.predicted or x.unpredicted)] == []
    assert [x.title for x in changing if x.safety == "safe" and not x.predicted] == []
