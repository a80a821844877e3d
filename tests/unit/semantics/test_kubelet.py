"""What the probes of the kubelet meet, and whether policies are enforced at a pod."""

from typing import Any

import pytest
import yaml

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.model.probes import Attempt, Outcome, Path
from kubectl_portcheck.semantics import kubelet
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.enforcement import blocked, denied, stopped, unreachable

PORT = 8080


def pod(*containers: dict[str, Any], ready: bool = False, **more: Any) -> dict[str, Any]:
    """Each container may have a ``status``."""
    made = containers or (container(),)
    statuses = [
        {"name": c["name"], "ready": ready, "state": {"running": {}}, **c.pop("status", {})}
        for c in map(dict, made)
    ]
    specs = [{k: v for k, v in c.items() if k != "status"} for c in made]
    ip = more.pop("ip", "10.0.0.1")
    return {
        "kind": "Pod",
        "metadata": {"name": more.pop("name", "checkout-1"), "labels": {"app": "checkout"}},
        "spec": {"containers": specs, **more},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": statuses,
        },
    }


def container(
    name: str = "app", *kinds: str, way: str = "tcpSocket", **status: Any
) -> dict[str, Any]:
    probes = {f"{kind}Probe": {way: {"port": PORT}} for kind in kinds}
    return {"name": name, **probes, "status": status}


def case_of(*documents: dict[str, Any], **measured: Any) -> Case:
    service = {
        "kind": "Service",
        "metadata": {"name": "checkout"},
        "spec": {"selector": {"app": "checkout"}, "ports": [{"port": 80, "targetPort": PORT}]},
    }
    given = {"probes": {"checkout-1": {k.replace("_", "-"): v for k, v in measured.items()}}}
    (found,) = evidence_of(yaml.safe_dump_all([service, *documents, given])).services
    return Case(found, found.service.spec.ports[0])


ALL = ("startup", "liveness", "readiness")


@pytest.mark.parametrize(
    ("made", "failing"),
    [
        (container("app", *ALL), ["readiness"]),
        (container("app", *ALL, started=False), ["startup"]),
        (container("app", *ALL, started=True), ["readiness"]),
        (container("app", "liveness", "readiness", started=False), ["readiness"]),
        (container("app", "liveness"), []),
        (container("app", *ALL, ready=True), []),
        (container("app", *ALL, state={"waiting": {}}), []),
    ],
)
def test_the_probes_that_keep_a_container_from_being_ready(
    made: dict[str, Any], failing: list[str]
) -> None:
    (found,) = case_of(pod(made)).pods
    assert [c.kind for c in kubelet.failing(found)] == failing


def test_each_container_has_a_startup_of_its_own() -> None:
    several = pod(container("app", "readiness", started=False), container("side", "startup"))
    (found,) = case_of(several).pods
    assert [(c.container, c.kind) for c in kubelet.failing(found)] == [("app", "readiness")]
    unknown = pod(container("app", "readiness"))
    unknown["status"]["containerStatuses"] = [{"name": "other", "ready": False}]
    (found,) = case_of(unknown).pods
    assert kubelet.failing(found) == ()
    assert kubelet.status_of(found, "app") is None


@pytest.mark.parametrize(
    ("made", "ready", "number", "vouches"),
    [
        (container("app", "readiness", way="httpGet"), True, PORT, True),
        (container("app", "readiness", way="grpc"), True, PORT, True),
        (container("app", "readiness"), True, PORT, False),
        (container("app", "liveness", way="httpGet"), True, PORT, False),
        (container("app", "readiness", way="httpGet"), True, 9000, False),
        (container("app", "readiness", way="httpGet"), False, PORT, False),
    ],
)
def test_whether_a_probe_vouches_for_an_answer(
    made: dict[str, Any], ready: bool, number: int, vouches: bool
) -> None:
    (found,) = case_of(pod(made, ready=ready)).pods
    assert kubelet.vouches(found, number) is vouches


def event(message: str, reason: str = "Unhealthy", about: str = "checkout-1") -> dict[str, Any]:
    return {
        "kind": "Event",
        "metadata": {"name": "e"},
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "Pod", "name": about},
    }


CLOSED = "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        (event(CLOSED), True),
        (event(CLOSED.replace("8080", "9000")), False),
        (event(CLOSED.replace("Readiness", "Liveness")), False),
        (event(CLOSED.replace("connection refused", "i/o timeout")), False),
        (event(CLOSED, reason="Killing"), False),
        (event(CLOSED, about="checkout-2"), False),
        (event(":8080: connect: connection refused"), False),
    ],
)
def test_the_kubelets_word_on_a_closed_port(given: dict[str, Any], refused: bool) -> None:
    case = case_of(pod(container("app", "readiness")), given)
    (check,) = kubelet.failing(case.pods[0])
    assert kubelet.refused(case, case.pods[0], check) == (given["message"] if refused else None)


def test_the_ports_on_which_the_kubelet_is_heard() -> None:
    listening = ["0.0.0.0:9000", "0.0.0.0:8080", "127.0.0.1:1", "udp 0.0.0.0:53", "10.0.0.1:9000"]
    case = case_of(pod(), sockets=listening)
    assert kubelet.heard(case, case.pods[0]) == [8080, 9000]
    meshed = case_of(
        pod(container(), container("istio-proxy")), sockets=["0.0.0.0:15021", "0.0.0.0:1"]
    )
    assert kubelet.heard(meshed, meshed.pods[0]) == [1]
    unread = case_of(pod())
    assert kubelet.heard(unread, unread.pods[0]) == []


def test_what_the_kubelet_meets_is_at_the_pods_first_address() -> None:
    case = case_of(pod(ip="fd00::1"), sockets=["0.0.0.0:8080", "[::]:9000"])
    assert kubelet.meets(case, case.pods[0], 8080).kind == "other-family"
    assert kubelet.meets(case, case.pods[0], 9000).kind == "serves"


def policy(spec: dict[str, Any], name: str = "closed") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": {}, **spec}}


def attempt(
    outcome: Outcome, path: Path = "in-cluster", detail: str = "", address: str = ""
) -> Attempt:
    return Attempt(
        pod="checkout-1", port=PORT, path=path, outcome=outcome, detail=detail, address=address
    )


OPEN, LOOPBACK = ["0.0.0.0:8080"], ["127.0.0.1:8080"]
NO_ROUTE = "connect: no route to host"


@pytest.mark.parametrize(
    ("made", "sockets", "shows"),
    [
        (attempt("timeout"), OPEN, True),
        (attempt("timeout"), None, True),
        (attempt("unknown", detail=NO_ROUTE), OPEN, True),
        (attempt("unknown", detail=NO_ROUTE), None, False),
        (attempt("unknown", detail="Operation not permitted"), OPEN, True),
        (attempt("unknown", detail="no such tool"), OPEN, False),
        (attempt("refused"), OPEN, True),
        (attempt("refused"), LOOPBACK, False),
        (attempt("refused"), ["0.0.0.0:9000"], False),
        (attempt("refused"), ["udp 0.0.0.0:8080"], False),
        (attempt("refused"), None, False),
        (attempt("refused", address="fd00::1"), OPEN, False),
        (attempt("refused", address="10.0.0.1"), OPEN, True),
        (attempt("accepted"), OPEN, False),
        (attempt("reset"), OPEN, False),
    ],
)
def test_whether_an_attempt_shows_that_policies_are_enforced(
    made: Attempt, sockets: list[str] | None, shows: bool
) -> None:
    case = case_of(pod(ready=True), sockets=sockets) if sockets else case_of(pod(ready=True))
    assert stopped(case, case.pods[0], made) is shows
    assert unreachable(made) is (made.outcome == "unknown" and "tool" not in made.detail)


TO_OTHERS = {"ingress": [{"ports": [{"port": 1}]}]}


@pytest.mark.parametrize(
    ("spec", "measured", "closed", "shown"),
    [
        ({}, {"pod_proxy": {PORT: "timeout"}}, True, True),
        (TO_OTHERS, {"pod_proxy": {PORT: "timeout"}}, True, True),
        ({}, {"in_cluster": {PORT: "refused"}}, True, True),
        ({}, {"pod_proxy": {PORT: "accepted"}}, True, False),
        ({}, {}, True, False),
        ({}, {"port_forward": {PORT: "accepted"}}, True, False),
        # Another pod got through: nothing is enforced there.
        ({}, {"in_cluster": {PORT: "accepted"}}, False, False),
        ({}, {"in_cluster": {PORT: "reset"}}, False, False),
        ({"ingress": [{}]}, {"pod_proxy": {PORT: "timeout"}}, False, False),
    ],
)
def test_the_pods_that_no_policy_admits_a_client_to(
    spec: dict[str, Any], measured: dict[str, Any], closed: bool, shown: bool
) -> None:
    case = case_of(pod(ready=True), policy(spec), sockets=OPEN, **measured)
    found = blocked(case)
    assert [s.name for s in found.states] == ["checkout-1"] * closed
    assert [s.name for s in found.shown] == ["checkout-1"] * shown
    assert [s.name for s in found.open] == ["checkout-1"] * (closed and not shown)
    assert [p.metadata.name for p in found.policies] == ["closed"] * closed
    passed = measured.get("pod_proxy", {}).get(PORT) == "accepted"
    passed = passed or measured.get("in_cluster", {}).get(PORT) == "refused"
    assert bool(found.passed) is passed
    assert blocked(case, of_other_kinds=True).states == ()


@pytest.mark.parametrize("sockets", [LOOPBACK, ["0.0.0.0:9000"]])
def test_a_pod_at_whose_port_nothing_would_arrive(sockets: list[str]) -> None:
    assert blocked(case_of(pod(ready=True), policy({}), sockets=sockets)).states == ()


GUARD = {
    "apiVersion": "policy.networking.k8s.io/v1alpha1",
    "kind": "AdminNetworkPolicy",
    "metadata": {"name": "guard"},
    "spec": {
        "priority": 1,
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    },
}


def test_policies_of_other_kinds_and_pods_only() -> None:
    case = case_of(pod(ready=True), GUARD, sockets=OPEN, in_cluster={PORT: "timeout"})
    assert blocked(case, of_other_kinds=True).states == (), "others than pods may be admitted"
    found = blocked(case, of_other_kinds=True, pods_only=True)
    assert [s.name for s in found.shown] == ["checkout-1"]
    assert [g.metadata.name for g in found.guards] == ["guard"]
    assert found.policies == ()
    assert blocked(case, pods_only=True).states == ()
    assert [a.path for a in denied(case, case.pods[0], pods_only=True)] == ["in-cluster"]
    by_server = case_of(pod(ready=True), GUARD, sockets=OPEN, pod_proxy={PORT: "timeout"})
    assert denied(by_server, by_server.pods[0], pods_only=True) == []
