"""A Service and what was gathered about it: its pods, who gets traffic, which policies count."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Asked, Client, InCluster, ServiceEvidence
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload
from kubectl_portcheck.model.probes import Attempt, Outcome, Path, PodSockets
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.case import Case, ServiceCase

PORT = 8080
ATTEMPTS = (Attempt(pod="p1", port=PORT, path="pod-port-forward", outcome="accepted"),)


def pod(name: str = "p1", *, ready: bool = True, ip: str = "10.0.0.1", **more: Any) -> Pod:
    status = {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}] if ip else [],
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "app", "ready": ready, "state": {"running": {}}}],
        **more.pop("status", {}),
    }
    metadata = {"name": name, "namespace": "shop", **more.pop("metadata", {})}
    document = {"metadata": metadata, "spec": {"containers": [{"name": "app"}], **more}}
    return msgspec.convert({**document, "status": status}, Pod)


def service(**spec: Any) -> Service:
    port = {"port": 80, "targetPort": PORT}
    given = {"selector": {"app": "checkout"}, "clusterIP": "10.96.0.1", "ports": [port], **spec}
    metadata = {"name": "checkout", "namespace": "shop"}
    return msgspec.convert({"metadata": metadata, "spec": given}, Service)


def slices(*pods: str, conditions: dict[str, bool] | None = None, ref: bool = True) -> Any:
    made = [
        {
            "addresses": [f"10.0.0.{n}"],
            "conditions": conditions or {},
            **({"targetRef": {"kind": "Pod", "name": name}} if ref else {}),
        }
        for n, name in enumerate(pods, 1)
    ]
    written = {"metadata": {"name": "s"}, "endpoints": made, "ports": [{"name": "", "port": PORT}]}
    return Observed(value=(msgspec.convert(written, EndpointSlice),))


def case_of(*pods: Pod, of: Service | None = None, **evidence: Any) -> Case:
    found = ServiceEvidence(service=of or service(), pods=Observed(value=pods), **evidence)
    return Case(found, found.service.spec.ports[0])


UNREAD = Missing(reason=Reason.FORBIDDEN, detail="no list")
LEAVING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
OF_JOB = {"ownerReferences": [{"kind": "Job", "name": "j", "controller": True}]}
HEADLESS, WITHOUT = service(clusterIP="None"), service(selector={})
ALIAS = service(type="ExternalName", externalName="example.com")


@pytest.mark.parametrize(
    ("of", "pods", "endpoints", "used"),
    [
        (service(), [pod()], slices("p1"), {"p1"}),
        (service(), [pod()], slices("p1", conditions={"ready": False}), set()),
        (service(), [pod()], slices("p1", ref=False), set()),
        (
            service(),
            [pod(metadata=LEAVING)],
            slices("p1", conditions={"ready": False, "serving": True, "terminating": True}),
            {"p1"},
        ),
        # Names of a headless Service lead to no pod that is going.
        (
            HEADLESS,
            [pod(metadata=LEAVING)],
            slices("p1", conditions={"ready": False, "serving": True, "terminating": True}),
            set(),
        ),
        (HEADLESS, [pod()], slices("p1"), {"p1"}),
        (HEADLESS, [pod()], slices("p1", ref=False), set()),
        # Without the slices, as the controller would write them.
        (service(), [pod()], UNREAD, {"p1"}),
        (HEADLESS, [pod()], UNREAD, {"p1"}),
        (service(), [pod(ready=False)], UNREAD, set()),
        (service(), [pod(ip="")], UNREAD, set()),
        (service(), [pod(), pod("p2", metadata=LEAVING)], UNREAD, {"p1"}),
        (service(), [pod("p2", metadata=LEAVING)], UNREAD, {"p2"}),
        (service(), [pod("p2", ready=False, metadata=LEAVING)], UNREAD, set()),
        (service(publishNotReadyAddresses=True), [pod(ready=False)], UNREAD, {"p1"}),
        (service(ports=[{"port": 80, "targetPort": "http"}]), [pod()], UNREAD, set()),
    ],
)
def test_the_pods_to_which_clients_are_sent(
    of: Service, pods: list[Pod], endpoints: Any, used: set[str]
) -> None:
    assert case_of(*pods, of=of, endpoint_slices=endpoints).used_pods == used


def test_pods_that_count_and_pods_that_do_not() -> None:
    ended = pod("ended", status={"phase": "Succeeded"})
    task = pod("task", metadata=OF_JOB)
    live = case_of(pod(), ended, task)
    assert [p.metadata.name for p in live.pods] == ["p1", "task"]
    assert [p.metadata.name for p in live.finished_pods] == ["ended"]
    assert [p.metadata.name for p in live.caught] == ["task"]
    assert case_of(task).caught == ()
    assert case_of(task, ended).caught == ()
    in_files = case_of(pod(), task, files="all")
    assert [p.metadata.name for p in in_files.pods] == ["p1"]
    only_task = case_of(task, files="all")
    assert [p.metadata.name for p in only_task.pods] == ["task"]


@pytest.mark.parametrize(
    ("of", "pods", "selects", "walked"),
    [
        (service(), [], True, True),
        (WITHOUT, [], False, False),
        (WITHOUT, [pod()], False, True),
        (ALIAS, [], False, False),
        (ALIAS, [pod()], False, False),
    ],
)
def test_whether_there_are_pods_to_look_at(
    of: Service, pods: list[Pod], selects: bool, walked: bool
) -> None:
    case = case_of(*pods, of=of)
    assert (case.selects, case.walked) == (selects, walked)


def test_endpoints_that_are_no_known_pod() -> None:
    written = slices("p1", "p2", ref=False)
    assert [
        e.endpoint.addresses for e in case_of(pod(), of=WITHOUT, endpoint_slices=written).outside
    ] == [("10.0.0.2",)]
    assert case_of(endpoint_slices=written).outside == ()
    assert case_of(of=ALIAS, endpoint_slices=written).outside == ()
    unready = slices("p1", conditions={"ready": False}, ref=False)
    assert case_of(of=WITHOUT, endpoint_slices=unready).outside == ()


@pytest.mark.parametrize(
    ("of", "target"),
    [
        (service(), PORT),
        (HEADLESS, 80),
        (service(selector={}, ports=[{"port": 80, "targetPort": 1}]), PORT),
        (service(selector={}, clusterIP="None"), 80),
    ],
)
def test_the_port_that_clients_are_sent_to(of: Service, target: int) -> None:
    case = case_of(pod(), of=of, endpoint_slices=slices("p1"))
    assert case.target_in(pod()) == target
    assert case.followed(pod()).spec.ports[0].target_port in (PORT, target)


def test_a_reference_means_the_service() -> None:
    case = case_of()
    assert case.is_meant("checkout", "shop")
    assert not case.is_meant("checkout", "")
    assert not case.is_meant("cart", "shop")
    nameless = msgspec.structs.replace(
        service(), metadata=msgspec.convert({"name": "checkout"}, type(service().metadata))
    )
    assert case_of(of=nameless).is_meant("checkout", "")


def owner(kind: str, name: str, *, controller: bool = True) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": controller}]}


def replica_set(name: str, **metadata: Any) -> Workload:
    return msgspec.convert({"kind": "ReplicaSet", "metadata": {"name": name, **metadata}}, Workload)


@pytest.mark.parametrize(
    ("metadata", "sets", "expected"),
    [
        (owner("StatefulSet", "web"), [], ("StatefulSet", "web")),
        (owner("ReplicaSet", "web-1"), [], ("ReplicaSet", "web-1")),
        (
            owner("ReplicaSet", "web-1"),
            [
                replica_set("web-2", **owner("Deployment", "other")),
                replica_set("web-1", **owner("Deployment", "web")),
            ],
            ("Deployment", "web"),
        ),
        (owner("ReplicaSet", "web-1"), [replica_set("web-1")], ("ReplicaSet", "web-1")),
        (
            owner("ReplicaSet", "web-1"),
            [replica_set("web-1", **owner("Deployment", "web", controller=False))],
            ("ReplicaSet", "web-1"),
        ),
        (owner("StatefulSet", "web", controller=False), [], None),
        ({}, [], None),
    ],
)
def test_the_workload_that_made_a_pod(
    metadata: dict[str, Any], sets: list[Workload], expected: tuple[str, str] | None
) -> None:
    case = case_of(replica_sets=Observed(value=tuple(sets)))
    found = case.workload(pod(metadata=metadata))
    assert (found and (found.kind, found.name, found.namespace)) == (
        expected and (*expected, "shop")
    )


CLOSED = Observed(
    value=(
        msgspec.convert(
            {"metadata": {"name": "np", "namespace": "shop"}, "spec": {"podSelector": {}}},
            NetworkPolicy,
        ),
    )
)


def attempt(path: Path, outcome: Outcome, **more: Any) -> Attempt:
    return Attempt(pod="p1", port=PORT, path=path, outcome=outcome, **more)


@pytest.mark.parametrize(
    ("policies", "made", "stopped"),
    [
        (CLOSED, attempt("pod-proxy", "timeout"), True),
        (CLOSED, attempt("in-cluster", "refused"), True),
        (CLOSED, attempt("in-cluster", "unknown"), True),
        (CLOSED, attempt("pod-port-forward", "timeout"), False),
        (CLOSED, attempt("pod-proxy", "accepted"), False),
        (CLOSED, attempt("pod-proxy", "reset"), False),
        (CLOSED, attempt("pod-proxy", "skipped"), False),
        (Observed(value=()), attempt("pod-proxy", "timeout"), False),
        (UNREAD, attempt("pod-proxy", "timeout"), True),
        (Missing(reason=Reason.NOT_ASKED), attempt("pod-proxy", "timeout"), False),
        (Missing(reason=Reason.NOT_RECORDED), attempt("pod-proxy", "timeout"), False),
    ],
)
def test_whether_a_policy_may_be_why_a_connection_failed(
    policies: Any, made: Attempt, stopped: bool
) -> None:
    case = case_of(network_policies=policies)
    assert case.may_be_stopped(pod(), made) is stopped
    measured = case_of(network_policies=policies, attempts=(made,)).measured(pod())
    assert measured.stoppable == ({(made.path, PORT)} if stopped else set())


def client(namespace: str = "front", policies: Any = None, **more: Any) -> dict[str, Any]:
    own = pod("web", ip="10.0.0.9", metadata={"namespace": namespace, "name": "web"})
    given = Client(pod=own, policies=policies or Observed(value=()), **more)
    return {"in_cluster": Observed(value=InCluster(namespace=namespace, pod="web", client=given))}


def allowed(**evidence: Any) -> tuple[Any, str]:
    found = case_of(**evidence).admitted(pod(), PORT)
    return found.allowed, found.why


NOTHING: Any = Observed(value=())
LACKING: Any = Observed(value=(), lacking=(UNREAD,))


def test_the_policies_of_both_ends() -> None:
    assert allowed(**client()) == (True, "")
    assert allowed(network_policies=CLOSED, **client())[0] is False
    egress = msgspec.convert(
        {
            "metadata": {"name": "out", "namespace": "front"},
            "spec": {"podSelector": {}, "policyTypes": ["Egress"]},
        },
        NetworkPolicy,
    )
    assert allowed(**client(policies=Observed(value=(egress,))))[0] is False
    assert allowed(network_policies=UNREAD, **client()) == (None, "no list")
    assert allowed(**client(policies=UNREAD)) == (None, "no list")
    assert allowed(**client(policies=Missing(reason=Reason.TIMED_OUT))) == (None, "timed-out")
    assert allowed(**client(policies=Missing(reason=Reason.NOT_ASKED))) == (True, "")
    terse = Missing(reason=Reason.TIMED_OUT)
    assert allowed(network_policies=terse, **client()) == (None, "timed-out")


@pytest.mark.parametrize(
    ("guards", "home", "expected"),
    [
        (NOTHING, "front", (True, "")),
        (UNREAD, "front", (None, "no list")),
        (Missing(reason=Reason.FAILED), "front", (None, "failed")),
        (Missing(reason=Reason.TIMED_OUT), "front", (None, "timed-out")),
        (Missing(reason=Reason.NOT_SERVED), "front", (True, "")),
        (Missing(reason=Reason.NOT_ASKED), "front", (True, "")),
        # What was not read in another namespace is of the client's end, if it is there.
        (LACKING, "front", (None, "no list")),
        (LACKING, "shop", (True, "")),
    ],
)
def test_policies_of_other_kinds_that_were_not_read(
    guards: Any, home: str, expected: tuple[Any, str]
) -> None:
    assert allowed(guards=guards, **client(home)) == expected


def test_policies_of_other_kinds_that_were_not_read_without_a_client() -> None:
    assert case_of(guards=UNREAD).admitted(pod(), PORT).allowed is None
    assert case_of(guards=LACKING).admitted(pod(), PORT).allowed


BY_LABEL = Observed(
    value=(
        msgspec.convert(
            {
                "metadata": {"name": "np", "namespace": "shop"},
                "spec": {
                    "podSelector": {},
                    "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}],
                },
            },
            NetworkPolicy,
        ),
    )
)


def test_the_labels_of_the_clients_namespace() -> None:
    def of(home: str, **more: Any) -> Any:
        namespaces = more.pop("namespaces", {})
        found = case_of(network_policies=BY_LABEL, **client(home, namespaces=namespaces), **more)
        return found.admitted(pod(), PORT).allowed

    assert of("front") is None
    assert of("front", namespaces={"front": {"team": "a"}})
    assert of("front", namespaces={"front": {"team": "b"}}) is False
    assert of("front", namespace_labels=Observed(value={"team": "a"})) is None
    assert of("shop", namespace_labels=Observed(value={"team": "a"}))
    assert of("shop", namespace_labels=UNREAD, namespaces={"shop": {"team": "a"}})


def test_a_client_that_is_not_the_pod_of_from() -> None:
    mine = {**client(namespaces={"front": {"team": "a"}}), "network_policies": BY_LABEL}
    case = case_of(**mine)
    assert case.admitted(pod(), PORT).allowed
    assert case.admitted(pod(), PORT, from_client=False).allowed is False
    assert case.admits_anyone(pod(), PORT).allowed is None
    assert case_of(network_policies=CLOSED).admits_anyone(pod(), PORT).allowed is False


def test_what_was_measured_in_a_pod() -> None:
    read = Observed(value=PodSockets(listeners=(), source="proc"))
    case = case_of(pod(), pod("p2"), sockets={"p1": read}, attempts=ATTEMPTS)
    assert case.listeners(pod()) == ()
    assert case.listeners(pod("p2")) is None
    assert case.forwarded(pod()) is None, "the sockets were read"
    unread = case_of(pod(), pod("p2"), attempts=ATTEMPTS)
    found = unread.forwarded(pod())
    assert found is not None
    assert [s.port for s in found.listeners] == [PORT]
    assert unread.forwarded(pod("p2")) is None


def test_the_state_of_each_pod() -> None:
    made = [*ATTEMPTS, attempt("pod-proxy", "refused"), attempt("in-cluster", "timeout")]
    case = case_of(pod(), pod("p2"), endpoint_slices=slices("p1"), attempts=tuple(made))
    first, second = case.states
    assert [a and a.outcome for a in (first.forward, first.proxy, first.within)] == [
        "accepted",
        "refused",
        "timeout",
    ]
    assert (first.used, second.used) == (True, False)
    assert (second.forward, second.proxy, second.within) == (None, None, None)
    assert [s.name for s in case.backends] == ["p1"]
    kind = first.answer.kind
    assert [s.name for s in case.in_state(kind)] == ["p1"]
    assert case.in_state("serves") == ()
    nowhere = service(ports=[{"port": 80, "targetPort": "http"}])
    (state,) = case_of(pod(), of=nowhere, attempts=ATTEMPTS).states
    assert (state.target, state.forward, state.answer.kind) == (None, None, "unresolved")


def test_what_is_asked_about() -> None:
    assert ServiceCase(ServiceEvidence(service=service())).of_workload is False
    asked = Asked(kind="Deployment", what="calls")
    assert case_of(asked=asked).of_workload
    assert not case_of(asked=msgspec.structs.replace(asked, what="ports")).of_workload
