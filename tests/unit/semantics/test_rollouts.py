"""Which revision a pod is of, what came before it, and what changed between two pod templates."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    ObjectMeta,
    Pod,
    PodSpec,
    Service,
    Workload,
)
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.rollouts import (
    OF_REVISION,
    REVISION,
    differences,
    is_behind,
    is_latest,
    is_paused,
    last_two,
    new_and_old,
    other_image,
    previous,
    revision,
    undo_note,
)


def spec(**container: Any) -> PodSpec:
    return msgspec.convert({"containers": [{"name": "app", **container}]}, PodSpec)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (spec(), spec(), ()),
        (spec(image="a:1"), spec(image="a:2"), ("image a:1 → a:2",)),
        (
            spec(ports=[{"containerPort": 8080}]),
            spec(ports=[{"containerPort": 9000, "name": "http"}]),
            ("containerPort 8080 → 9000 (http)",),
        ),
        (spec(), spec(ports=[{"containerPort": 1}]), ("containerPort none → 1",)),
        (
            spec(readinessProbe={"tcpSocket": {"port": 80}}),
            spec(readinessProbe={"exec": {}}, livenessProbe={"httpGet": {"port": "http"}}),
            ("readiness probe 80 → a command", "liveness probe none → http"),
        ),
        (
            PodSpec(),
            msgspec.convert({"containers": [{"name": "b"}], "hostNetwork": True}, PodSpec),
            ("container b added", "hostNetwork false → true"),
        ),
        (spec(), PodSpec(), ("container app removed",)),
    ],
)
def test_what_changed(old: PodSpec, new: PodSpec, said: tuple[str, ...]) -> None:
    assert differences(old, new) == said


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("999999999", 999999999), ("1000000000", 0), ("x", 0), ("", 0)]
)
def test_the_revision_of_a_replica_set(text: str, number: int) -> None:
    metadata = ObjectMeta(name="checkout-1", annotations={REVISION: text} if text else {})
    assert revision(Workload(kind="ReplicaSet", metadata=metadata)) == number


def owner(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}


def replica_set(name: str, number: int, of: str = "checkout", image: str = "", **more: Any) -> Any:
    containers = [{"name": "app", "image": image or f"shop/app:{number}"}]
    return msgspec.convert(
        {
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "annotations": {REVISION: str(number)},
                "ownerReferences": [owner("Deployment", of)],
                "creationTimestamp": more.pop("since", f"2026-01-0{number}T00:00:00Z"),
            },
            "spec": {"template": {"spec": {"containers": containers}}, **more},
        },
        Workload,
    )


def made_by(
    kind: str, name: str, *, pod: str = "p", mark: str = "", image: str = "shop/app:2"
) -> Pod:
    labels = {"app": "checkout", **({OF_REVISION: mark} if mark else {})}
    metadata = {"name": pod, "labels": labels, "ownerReferences": [owner(kind, name)]}
    containers = [{"name": "app", "image": image}]
    return msgspec.convert({"metadata": metadata, "spec": {"containers": containers}}, Pod)


def workload(kind: str, name: str = "checkout", **spec: Any) -> Workload:
    status = spec.pop("status", {})
    document = {"kind": kind, "metadata": {"name": name}, "spec": spec, "status": status}
    return msgspec.convert(document, Workload)


def case_of(*several: Any) -> ServiceCase:
    """With pods, ReplicaSets and ControllerRevisions."""

    def of_type(wanted: type[Any]) -> Observed[tuple[Any, ...]]:
        return Observed(value=tuple(s for s in several if isinstance(s, wanted)))

    service = msgspec.convert(
        {"metadata": {"name": "checkout"}, "spec": {"selector": {"app": "checkout"}}}, Service
    )
    return ServiceCase(
        ServiceEvidence(
            service=service,
            pods=of_type(Pod),
            replica_sets=of_type(Workload),
            revisions=of_type(ControllerRevision),
        )
    )


FIRST, SECOND = replica_set("checkout-a", 1), replica_set("checkout-b", 2)
OTHER = replica_set("cart-c", 9, of="cart")
OF_FIRST, OF_SECOND = made_by("ReplicaSet", "checkout-a"), made_by("ReplicaSet", "checkout-b")


@pytest.mark.parametrize(
    ("pod", "sets", "latest", "before"),
    [
        (OF_SECOND, [FIRST, SECOND, OTHER], True, FIRST),
        (OF_SECOND, [SECOND, OTHER], True, None),
        (OF_FIRST, [FIRST, SECOND, OTHER], False, None),
        (OF_FIRST, [FIRST, OTHER], True, None),
        (OF_SECOND, [replica_set("checkout-0", 2), SECOND, FIRST], False, None),
        (OF_SECOND, [SECOND, replica_set("checkout-0", 2), FIRST], True, FIRST),
        (OF_SECOND, [FIRST], False, None),
        (made_by("StatefulSet", "checkout-b"), [FIRST, SECOND], False, None),
    ],
)
def test_the_latest_revision_and_the_one_before(
    pod: Pod, sets: list[Workload], latest: bool, before: Workload | None
) -> None:
    case = case_of(pod, *sets)
    assert is_latest(case, pod) is latest
    assert previous(case, pod) == before


@pytest.mark.parametrize(
    ("image", "before", "changed"),
    [
        ("nginx:2", "shop/app:1", True),
        ("shop/app:2", "shop/app:1", False),
        ("nginx:2", "", False),
    ],
)
def test_another_image_and_not_another_version(image: str, before: str, changed: bool) -> None:
    pod = made_by("ReplicaSet", "checkout-b", image=image)
    old = replica_set("checkout-a", 1, image=before) if before else OTHER
    said = other_image(case_of(pod, old, SECOND), pod)
    expected = f"image of container app from {before} to {image}" if changed else ""
    assert said.removeprefix("the last rollout changed the ") == expected


def test_a_container_that_is_new_has_no_other_image() -> None:
    spec = {"template": {"spec": {"containers": [{"name": "side", "image": "x"}]}}}
    old = msgspec.convert(
        {**msgspec.to_builtins(FIRST), "kind": "ReplicaSet", "spec": spec}, Workload
    )
    assert other_image(case_of(OF_SECOND, old, SECOND), OF_SECOND) == ""


def controller_revision(name: str, number: int, kind: str, of: str = "checkout") -> Any:
    metadata = {
        "name": name,
        "ownerReferences": [owner(kind, of)],
        "creationTimestamp": f"2026-01-0{number}T00:00:00Z",
    }
    return msgspec.convert({"metadata": metadata, "revision": number}, ControllerRevision)


def parts(case: ServiceCase, of: Workload) -> tuple[list[str], list[str]]:
    new, old = new_and_old(case, of)
    return [p.metadata.name for p in new], [p.metadata.name for p in old]


def test_new_and_old_pods_of_a_deployment() -> None:
    pods = [
        made_by("ReplicaSet", "checkout-a", pod="old"),
        made_by("ReplicaSet", "checkout-b", pod="new"),
        made_by("ReplicaSet", "cart-c", pod="other"),
        msgspec.convert({"metadata": {"name": "bare", "labels": {"app": "checkout"}}}, Pod),
    ]
    deployment = workload("Deployment")
    assert parts(case_of(*pods, FIRST, SECOND, OTHER), deployment) == (["new"], ["old"])
    assert parts(case_of(*pods), deployment) == ([], [])
    # A revision of a StatefulSet with the same name is none of the Deployment.
    assert parts(case_of(*pods, controller_revision("x", 3, "Deployment")), deployment) == ([], [])


@pytest.mark.parametrize(
    ("kind", "new", "old"),
    [("StatefulSet", "checkout-b", "checkout-a"), ("DaemonSet", "b", "a")],
)
def test_new_and_old_pods_by_the_label_of_their_revision(kind: str, new: str, old: str) -> None:
    pods = [
        made_by(kind, "checkout", pod="old", mark=old),
        made_by(kind, "checkout", pod="new", mark=new),
        made_by(kind, "checkout", pod="unmarked"),
        made_by(kind, "cart", pod="other", mark=new),
    ]
    revisions = [
        controller_revision("checkout-a", 1, kind),
        controller_revision("checkout-b", 2, kind),
        controller_revision("cart-c", 9, kind, of="cart"),
    ]
    found = parts(case_of(*pods, *revisions), workload(kind))
    assert found == (["new"], ["old", "unmarked"])


def test_the_last_two_revisions() -> None:
    deployment = workload("Deployment")
    third = replica_set("checkout-c", 3)
    found = last_two(case_of(FIRST, third, SECOND, OTHER), deployment)
    assert found is not None
    assert [(r.number, r.since[8:10]) for r in found] == [(3, "03"), (2, "02")]
    assert last_two(case_of(FIRST, OTHER), deployment) is None
    assert last_two(case_of(FIRST, SECOND), workload("StatefulSet")) is None
    several = [controller_revision("a", 1, "DaemonSet"), controller_revision("b", 2, "DaemonSet")]
    found = last_two(case_of(*several), workload("DaemonSet"))
    assert found is not None
    assert [r.number for r in found] == [2, 1]


@pytest.mark.parametrize(("since", "shown"), [("2026-01-01", ""), ("2026-01-02", "2026-01-02")])
def test_a_rollback_has_no_time(since: str, shown: str) -> None:
    back = replica_set("checkout-a", 3, since=since)
    before = replica_set("checkout-b", 2, since="2026-01-02")
    found = last_two(case_of(back, before), workload("Deployment"))
    assert found is not None
    assert [r.since for r in found] == [shown, "2026-01-02"]


def test_rollouts_that_are_paused_or_behind() -> None:
    assert is_paused(workload("Deployment", paused=True))
    assert not is_paused(workload("Deployment"))
    assert not is_paused(workload("StatefulSet", paused=True))
    assert is_behind(workload("Deployment", status={"replicas": 2, "updatedReplicas": 1}))
    assert not is_behind(workload("Deployment", status={"replicas": 2, "updatedReplicas": 2}))


def test_an_undo_that_takes_long_is_announced() -> None:
    slow = replica_set("checkout-b", 2, minReadySeconds=30)
    assert undo_note(case_of(slow), OF_SECOND) == " (slow: minReadySeconds is 30)"
    assert undo_note(case_of(SECOND), OF_SECOND) == undo_note(case_of(), OF_SECOND) == ""


def test_all_that_differs_is_named_and_nothing_else() -> None:
    probe = {"tcpSocket": {"port": 80}}
    old = spec(image="a:1", startupProbe=probe, ports=[{"containerPort": 1, "name": "x"}])
    assert differences(old, old) == ()
    assert differences(old, spec(image="a:1")) == (
        "containerPort 1 (x) → none",
        "startup probe 80 → none",
    )
    host = msgspec.convert({"containers": [], "hostNetwork": True}, PodSpec)
    assert differences(host, PodSpec()) == ("hostNetwork true → false",)
