from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import (
    Event,
    ObjectMeta,
    ObjectReference,
    OwnerReference,
    Pod,
    Workload,
    WorkloadSpec,
    WorkloadStatus,
)
from kubectl_portcheck.semantics.creation import (
    Refusal,
    answered,
    lacks_pods,
    refusal,
    when,
)

POD = 'pods "checkout-8ddd774b-2k2x8" is forbidden: '


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            f"{POD}exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            Refusal("quota", "q", "requested: pods=1, used: pods=1, limited: pods=1"),
        ),
        (
            f"Error creating: {POD}failed quota: q: must specify requests.cpu for: app",
            Refusal("quota", "q", "must specify requests.cpu for: app"),
        ),
        (
            f"{POD}maximum memory usage per Container is 64Mi, but limit is 128Mi",
            Refusal(
                "limit-range", "", "maximum memory usage per Container is 64Mi, but limit is 128Mi"
            ),
        ),
        (
            f'{POD}violates PodSecurity "restricted:latest": privileged (container "app" must not)',
            Refusal("pod-security", "restricted:latest", 'privileged (container "app" must not)'),
        ),
        (
            f"{POD}error looking up service account shop/checkout-sa: "
            'serviceaccount "checkout-sa" not found',
            Refusal("service-account", "checkout-sa"),
        ),
        (
            'Internal error occurred: failed calling webhook "vet.shop.io": '
            'failed to call webhook: Post "https://vet.policy.svc:8443/vet?timeout=10s": '
            "dial tcp 10.96.0.9:8443: connect: connection refused",
            Refusal(
                "webhook-failed",
                "vet.shop.io",
                'failed to call webhook: Post "https://vet.policy.svc:8443/vet?timeout=10s": '
                "dial tcp 10.96.0.9:8443: connect: connection refused",
                ("policy", "vet", 8443),
            ),
        ),
        (
            'admission webhook "vet.shop.io" denied the request: image latest is not allowed',
            Refusal("webhook", "vet.shop.io", "image latest is not allowed"),
        ),
        (
            f"{POD}no PriorityClass with name high was found",
            Refusal("other", "", "no PriorityClass with name high was found"),
        ),
        ("connection refused", None),
        ("", None),
    ],
)
def test_who_refused_the_pods_and_what_they_ask_for(message: str, expected: Refusal | None) -> None:
    assert refusal(message) == expected


def test_a_webhook_without_a_port_is_called_on_443() -> None:
    found = refusal('failed calling webhook "a.b": Post "https://vet.policy.svc/vet": EOF')
    assert found is not None
    assert found.service == ("policy", "vet", 443)


MADE = "2026-06-01T11:50:00Z"


def _refused(at: str, kind: str = "StatefulSet") -> Event:
    return Event(
        metadata=ObjectMeta(name="e"),
        involved_object=ObjectReference(kind=kind, name="checkout"),
        reason="FailedCreate",
        message="no",
        last_timestamp=at,
    )


def _workload(kind: str = "StatefulSet", **status: Any) -> Workload:
    return Workload(
        metadata=ObjectMeta(name="checkout"),
        kind=kind,
        spec=WorkloadSpec(replicas=3),
        status=WorkloadStatus(**status),
    )


POD_OF = Pod(
    metadata=ObjectMeta(
        name="checkout-0",
        creation_timestamp=MADE,
        owner_references=(OwnerReference(kind="StatefulSet", name="checkout"),),
    )
)


@pytest.mark.parametrize(
    ("workload", "event", "pods", "answer"),
    [
        (_workload(replicas=1), _refused("2026-06-01T11:51:00Z"), [POD_OF], "no"),
        (_workload(replicas=1), _refused("2026-06-01T11:49:00Z"), [POD_OF], ""),
        (_workload(replicas=1), _refused("2026-06-01T11:49:00Z"), [], "no"),
        (_workload(replicas=3), _refused("2026-06-01T11:51:00Z"), [POD_OF], ""),
        (_workload(replicas=1), _refused("2026-06-01T11:51:00Z", "DaemonSet"), [POD_OF], ""),
        (
            _workload("DaemonSet", desired_number_scheduled=2, current_number_scheduled=1),
            _refused("2026-06-01T11:51:00Z", "DaemonSet"),
            [],
            "no",
        ),
        (
            _workload("DaemonSet", desired_number_scheduled=2, current_number_scheduled=2),
            _refused("2026-06-01T11:51:00Z", "DaemonSet"),
            [],
            "",
        ),
        (_workload("Job"), _refused("2026-06-01T11:51:00Z", "Job"), [], "no"),
        (_workload("Job", active=1), _refused("2026-06-01T11:51:00Z", "Job"), [], ""),
    ],
)
def test_a_refusal_counts_while_pods_are_lacking(
    workload: Workload, event: Event, pods: list[Pod], answer: str
) -> None:
    assert answered(workload, [event], pods) == answer


def _stands(kind: str, status: dict[str, Any], replicas: int | None = None) -> Workload:
    ended = [{"type": kind, "status": value} for kind, value in status.pop("ended", {}).items()]
    document = {
        "kind": kind,
        "metadata": {"name": "checkout"},
        "spec": {} if replicas is None else {"replicas": replicas},
        "status": {**status, "conditions": ended},
    }
    return msgspec.convert(document, Workload)


@pytest.mark.parametrize(
    ("workload", "lacks"),
    [
        (_stands("Deployment", {"replicas": 1}, 2), True),
        (_stands("Deployment", {"replicas": 2}, 2), False),
        (_stands("Deployment", {"replicas": 0}, 0), False),
        (_stands("Deployment", {}), True),
        (_stands("Deployment", {"replicas": 1}), False),
        (_stands("DaemonSet", {"currentNumberScheduled": 1, "desiredNumberScheduled": 2}), True),
        (_stands("DaemonSet", {"currentNumberScheduled": 2, "desiredNumberScheduled": 2}), False),
        (_stands("Job", {}), True),
        (_stands("Job", {"active": 1}), False),
        (_stands("Job", {"ended": {"Complete": "True"}}), False),
        (_stands("Job", {"ended": {"Failed": "True"}}), False),
        (_stands("Job", {"ended": {"Complete": "False"}}), True),
        (_stands("Job", {"ended": {"Suspended": "True"}}), True),
    ],
)
def test_whether_a_workload_lacks_pods(workload: Workload, lacks: bool) -> None:
    assert lacks_pods(workload) is lacks


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"type": "ReplicaFailure", "status": "True"}, "no"),
        ({"type": "ReplicaFailure", "status": "False"}, ""),
        ({"type": "Available", "status": "True"}, ""),
    ],
)
def test_a_condition_says_it_first(condition: dict[str, str], said: str) -> None:
    document = {
        "kind": "Deployment",
        "metadata": {"name": "checkout"},
        "status": {"replicas": 1, "conditions": [{**condition, "message": "no"}]},
    }
    assert answered(msgspec.convert(document, Workload), [], []) == said


@pytest.mark.parametrize(
    ("event", "at"),
    [
        ({"lastTimestamp": "a", "eventTime": "b"}, "a"),
        ({"eventTime": "b"}, "b"),
        ({}, ""),
    ],
)
def test_when_an_event_happened(event: dict[str, str], at: str) -> None:
    given = {"metadata": {"name": "e"}, "involvedObject": {}, **event}
    assert when(msgspec.convert(given, Event)) == at
