"""What rules share: fixes of workloads, what is lacking, and what doubts take from a finding."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import Doubt
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.report import Finding, Impact, NotEvaluated
from kubectl_portcheck.rules import calls, fixes, referrer_ports
from kubectl_portcheck.rules.base import NotApplicable, Rule, impact_of
from kubectl_portcheck.rules.doubts import doubted, said
from kubectl_portcheck.rules.pc310_governing_service_missing import RULE as PC310
from kubectl_portcheck.rules.pc401_target_port_not_listening import RULE as PC401
from kubectl_portcheck.rules.pc707_virtual_service_port_missing import RULE as PC707
from kubectl_portcheck.rules.run import run
from kubectl_portcheck.semantics.case import Case, ServiceCase

SERVICE = """
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 53, targetPort: dns}]}
---
kind: ReplicaSet
metadata: {name: shop-1, uid: rs-1, annotations: {deployment.kubernetes.io/revision: "1"},
  ownerReferences: [{kind: Deployment, name: shop, uid: d, controller: true}]}
---
kind: ReplicaSet
metadata: {name: shop-2, uid: rs-2, annotations: {deployment.kubernetes.io/revision: "2"},
  ownerReferences: [{kind: Deployment, name: shop, uid: d, controller: true}]}
---
"""


def pod(name: str, kind: str = "", owner: str = "") -> str:
    made = f"{{kind: {kind}, name: {owner}, uid: {owner.replace('shop', 'rs')}, controller: true}}"
    return f"""kind: Pod
metadata: {{name: {name}, labels: {{app: shop}}, ownerReferences: [{made if kind else ""}]}}
spec:
  containers:
  - {{name: side, ports: [{{name: web, containerPort: 80}}]}}
  - {{name: app, ports: [{{name: dns, containerPort: 53, protocol: UDP}},
      {{name: dns, containerPort: 5353}}, {{name: web, containerPort: 81}}]}}
---
"""


def case_of(text: str, **more: Any) -> Case:
    (evidence,) = evidence_of(text).services
    evidence = msgspec.structs.replace(evidence, **more)
    return Case(evidence, evidence.service.spec.ports[0])


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", ""])
def test_a_name_is_redeclared_in_the_template_of_a_workload(kind: str) -> None:
    case = case_of(SERVICE + pod("one", kind, "w"))
    fix = fixes.redeclare(case, case.pods[0], "dns", 9053)
    if kind in ("Job", ""):
        assert fix is None
        return
    assert fix is not None
    assert fix.subject == Subject(kind=kind, namespace="default", name="w")
    assert fix.command is not None
    # The name's declaration for the Service's protocol, not the one for UDP before it.
    ports = "/spec/template/spec/containers/1/ports/1/containerPort"
    assert f'"replace","path":"{ports}","value":9053' in fix.command[-1]
    assert fixes.redeclare(case, case.pods[0], "absent", 9053) is None


@pytest.mark.parametrize(
    ("pods", "offered"),
    [
        (("ReplicaSet", "shop-2"), True),
        (("ReplicaSet", "shop-1"), False),
        (("Job", "shop-2"), False),
        (("", ""), False),
    ],
)
def test_a_rollout_is_undone_from_the_latest_revision(pods: tuple[str, str], offered: bool) -> None:
    case = case_of(SERVICE + pod("one", *pods) + pod("two", "ReplicaSet", "shop-2"))
    one = next(p for p in case.pods if p.metadata.name == "one")
    assert [f.command for f in fixes.undo(case, [one])] == [
        ("kubectl", "rollout", "undo", "deployment/shop", "-n", "default")
    ] * offered
    assert bool(fixes.undo(case, case.pods)) == offered


@pytest.mark.parametrize(
    ("status", "previous"),
    [
        ("lastState: {terminated: {exitCode: 1}}", True),
        ("restartCount: 0", False),
    ],
)
def test_the_log_is_that_of_the_container_that_ended(status: str, previous: bool) -> None:
    text = f"""{SERVICE}kind: Pod
metadata: {{name: one, labels: {{app: shop}}}}
spec: {{containers: [{{name: app}}, {{name: side}}]}}
status:
  phase: Running
  conditions: [{{type: Ready, status: "False"}}]
  containerStatuses:
  - {{name: app, {status}, state: {{waiting: {{reason: CrashLoopBackOff}}}}}}
  - {{name: side, state: {{running: {{}}}}}}
"""
    case = case_of(text)
    app = fixes.look_at_log(case, case.pods[0], "app", title="Look").look
    side = fixes.look_at_log(case, case.pods[0], "side", title="Look").look
    words = ("kubectl", "logs", "one", "-c")
    assert app == (*words, "app", *["--previous"] * previous, "-n", "default")
    assert side == (*words, "side", "-n", "default")


RIGHTS = {
    right: Missing(reason=Reason.FORBIDDEN, detail="no", right=Right(verb="list", resource=right))
    for right in ("virtualservices", "ingressroutes")
}


@pytest.mark.parametrize(
    ("referrers", "lacks"),
    [
        (Observed(value=()), False),
        (Missing(reason=Reason.FORBIDDEN), True),
        (Missing(reason=Reason.NOT_ASKED), False),
        (Missing(reason=Reason.NOT_RECORDED), False),
        (Missing(reason=Reason.NOT_SERVED), False),
        (RIGHTS["virtualservices"], True),
        (RIGHTS["ingressroutes"], False),
        (Observed(value=(), lacking=(RIGHTS["ingressroutes"],)), False),
        (Observed(value=(), lacking=(RIGHTS["ingressroutes"], RIGHTS["virtualservices"])), True),
    ],
)
def test_only_the_kinds_that_a_reader_follows_are_lacking(referrers: Any, lacks: bool) -> None:
    case = case_of(SERVICE, referrers=referrers)
    found = referrer_ports.check(case, PC707, "istio")
    assert isinstance(found, NotEvaluated if lacks else NotApplicable)


@pytest.mark.parametrize(
    ("missing", "said", "unserved"),
    [
        (Missing(reason=Reason.NOT_ASKED), "a part of the evidence was not read", False),
        (Missing(reason=Reason.NOT_ASKED, detail="why"), "why", False),
        (Missing(reason=Reason.TIMED_OUT), str(Reason.TIMED_OUT), False),
        (Missing(reason=Reason.NOT_SERVED, detail="why"), "why", True),
    ],
)
def test_what_a_rule_lacks_is_said(missing: Missing, said: str, unserved: bool) -> None:
    lacks = PC401.lacks(missing)
    assert (lacks.code, lacks.missing, lacks.unserved) == ("PC401", said, unserved)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.NOT_ASKED, NotApplicable),
        (Reason.NOT_RECORDED, NotApplicable),
        (Reason.FORBIDDEN, NotEvaluated),
    ],
)
def test_settings_of_workloads_that_were_not_read(reason: Reason, kind: type) -> None:
    case = case_of(SERVICE, calls=Missing(reason=reason))
    assert isinstance(calls.unread(PC401, case), kind)
    assert calls.unread(PC401, case_of(SERVICE, calls=Observed(value=()))) is None


def test_a_fault_of_no_pod_that_gets_traffic_hurts_no_client() -> None:
    case = case_of(SERVICE + pod("one"))
    assert impact_of(case.states, case) == Impact.ALL
    assert impact_of([], case) == Impact.NONE
    both = case_of(SERVICE + pod("one") + pod("two"))
    assert impact_of(both.states[:1], both) == Impact.PODS
    assert impact_of((), case_of(SERVICE)) == Impact.ALL


OUTSIDE = """
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80}]}
---
kind: Pod
metadata: {name: one}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: shop-a}
endpoints:
- {addresses: [192.0.2.1]}
- {addresses: [10.0.0.1], targetRef: {kind: Pod, name: one}}
ports: [{name: "", port: 80}]
"""


def test_endpoints_outside_of_the_namespace_may_serve_beside_pods_that_fail() -> None:
    case = case_of(OUTSIDE)
    assert case.outside
    assert impact_of(case.states, case) == Impact.PODS
    assert impact_of((), case) == Impact.NONE


def doubt(why: Any, kind: Any = "Service", name: str = "shop", by: str = "") -> Doubt:
    return Doubt(why=why, kind=kind, name=name, by=by)


def finding(case: ServiceCase, rule: Rule, pods: tuple[str, ...], severity: Any = None) -> Finding:
    return rule.finding(
        case, "a fault", pods=pods, severity=severity, fixes=[fixes.by_hand("Do")], unsure="x"
    )


OF_PODS, NOT_OF_PODS = PC401, PC707
assert OF_PODS.of_containers
assert not NOT_OF_PODS.of_containers


@pytest.mark.parametrize(
    ("rule", "pods", "about", "severity"),
    [
        (OF_PODS, ("one",), (), "error"),
        (OF_PODS, ("one",), (doubt("injection", "Pod", "one"),), "info"),
        (OF_PODS, ("one",), (doubt("injection", "Pod", "two"),), "error"),
        (OF_PODS, (), (doubt("injection", "Pod", "one"),), "info"),
        (NOT_OF_PODS, ("one",), (doubt("injection", "Pod", "one"),), "error"),
        (NOT_OF_PODS, ("one",), (doubt("partial"),), "info"),
        (NOT_OF_PODS, ("one",), (doubt("partial", "Service", "other"),), "error"),
        (NOT_OF_PODS, ("one",), (doubt("partial", "Deployment"),), "error"),
        (NOT_OF_PODS, ("one",), (doubt("environments"),), "warning"),
        (NOT_OF_PODS, ("one",), (doubt("environments"), doubt("kustomize")), "info"),
    ],
)
def test_a_doubt_takes_from_what_rests_on_its_object(
    rule: Rule, pods: tuple[str, ...], about: tuple[Doubt, ...], severity: str
) -> None:
    case = case_of(SERVICE + pod("one") + pod("two"), doubts=about)
    given = finding(case, rule, pods)
    found = doubted(given, rule, case)
    assert found.severity == severity
    assert bool(found.fixes) == (severity != "info")
    assert (found.unsure, len(found.evidence)) == (
        ("x", 0) if severity == "error" else ("", len(about))
    )
    assert found == given or found.impact == Impact.NONE


def test_information_stays_information_where_environments_may_differ() -> None:
    case = case_of(SERVICE, doubts=(doubt("environments"),))
    given = finding(case, NOT_OF_PODS, (), severity="info")
    assert doubted(given, NOT_OF_PODS, case).severity == "info"


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (doubt("injection", by="label x"), "label x asks for a sidecar"),
        (doubt("partial", by="selector"), "it has no selector"),
        (doubt("environments"), "another environment"),
        (doubt("kustomize", by="k.yaml"), "k.yaml changes it"),
        (doubt("kustomize"), "no kustomization here"),
    ],
)
def test_a_doubt_is_said(about: Doubt, words: str) -> None:
    assert words in said(about)


def call(**more: Any) -> Call:
    named = {
        "container": "app",
        "setting": "env",
        "variable": "SHOP_URL",
        "host": "old",
        "port": 80,
        "whole": True,
        "sure": True,
    }
    named |= more
    return msgspec.convert(
        {
            "kind": "Deployment",
            "namespace": "default",
            "name": "web",
            "named": named,
            "service": "old",
            "serviceNamespace": "default",
        },
        Call,
    )


@pytest.mark.parametrize(
    ("more", "port", "variables"),
    [
        ({}, 81, ["SHOP_URL=new:81"]),
        ({}, None, ["SHOP_URL=new"]),
        ({"port": None}, 81, ["SHOP_URL=new"]),
        ({"whole": False}, 81, None),
        ({"init": True}, 81, None),
        ({"variable": "-x"}, 81, None),
        ({"portVariable": "SHOP_PORT"}, 81, ["SHOP_URL=new", "SHOP_PORT=81"]),
        ({"portVariable": "SHOP_PORT"}, 80, ["SHOP_URL=new"]),
        ({"portVariable": "SHOP_PORT"}, None, ["SHOP_URL=new"]),
        ({"portVariable": "SHOP_PORT", "host": "new"}, 81, ["SHOP_PORT=81"]),
        ({"portVariable": "SHOP-PORT-"}, 81, None),
    ],
)
def test_only_what_is_nothing_but_host_and_port_is_set_by_a_command(
    more: dict[str, Any], port: int | None, variables: list[str] | None
) -> None:
    fix = calls.set_to(case_of(SERVICE), call(**more), "new", port)
    words = ("kubectl", "set", "env", "deployment/web", "-c", "app")
    assert fix.command == (None if variables is None else (*words, *variables, "-n", "default"))


@pytest.mark.parametrize(("headless", "found"), [(True, False), (False, True)])
def test_the_service_itself_is_judged_where_the_list_of_services_is_not_read(
    headless: bool, found: bool
) -> None:
    text = f"""
kind: Service
metadata: {{name: db}}
spec: {{{"clusterIP: None, " if headless else ""}selector: {{app: db}}, ports: [{{port: 80}}]}}
---
kind: Pod
metadata: {{name: db-0, labels: {{app: db}},
  ownerReferences: [{{kind: StatefulSet, name: db, uid: s, controller: true}}]}}
spec: {{subdomain: db, containers: [{{name: app}}]}}
"""
    case = case_of(text, services=Missing(reason=Reason.FORBIDDEN))
    outcomes = run(PC310, ServiceCase(case.evidence))
    assert [isinstance(o, Finding) for o in outcomes] == [found]
