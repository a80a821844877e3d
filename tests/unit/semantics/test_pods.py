"""What is read from a pod's status, and which pod kubectl would take."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import pods


def pod(
    name: str = "p", *, ready: bool = True, since: str | None = "2026-01-01T00:00:00Z", **more: Any
) -> Pod:
    status: dict[str, Any] = {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": str(ready), "lastTransitionTime": since},
        ],
        "containerStatuses": [
            {"name": "app", "ready": ready, "state": {"running": {}}, **more.pop("container", {})}
        ],
    }
    status.update(more.pop("status", {}))
    metadata = {
        "name": name,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **more.pop("metadata", {}),
    }
    return msgspec.convert(
        {"metadata": metadata, "spec": {"nodeName": "n", **more.pop("spec", {})}, "status": status},
        Pod,
    )


SIDECAR: dict[str, Any] = {
    "spec": {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]},
    "status": {"initContainerStatuses": [{"name": "proxy", "restartCount": 1}]},
}
PENDING = pod(ready=False, status={"phase": "Pending"}, spec={"nodeName": ""})


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (pod(), pod(spec={"nodeName": ""})),
        (pod(), pod(status={"phase": "Pending"})),
        (pod(), pod(ready=False)),
        (pod(), pod(metadata={"deletionTimestamp": "2026-01-02T00:00:00Z"})),
        (pod(since="2026-01-01T00:00:00Z"), pod(since="2026-01-02T00:00:00Z")),
        (pod(), pod(container={"restartCount": 3})),
        (pod(), pod(metadata={"creationTimestamp": "2026-01-02T00:00:00Z"})),
        (pod(ready=False), pod(status={"phase": "Unknown"}, ready=True)),
        (
            # When a pod lost its readiness says nothing; its restarts do.
            pod(ready=False, since="2026-01-02T00:00:00Z"),
            pod(ready=False, since="2026-01-01T00:00:00Z", container={"restartCount": 1}),
        ),
        (
            pod(metadata={"deletionTimestamp": "2026-01-03T00:00:00Z"}),
            pod(metadata={"deletionTimestamp": "2026-01-02T00:00:00Z"}),
        ),
        (pod(), pod(**SIDECAR)),
        (pod(container={"restartCount": 1}, **SIDECAR), pod(container={"restartCount": 2})),
        (pod(since="2026-01-02T00:00:00Z"), pod(since=None)),
        (pod(ready=False, status={"phase": "Failed"}), PENDING),
    ],
)
def test_the_pod_that_kubectl_forwards_to(better: Pod, worse: Pod) -> None:
    assert pods.forward_choice((worse, better)) is better
    assert pods.forward_choice((better, worse)) is better


def test_no_pod_to_forward_to() -> None:
    assert pods.forward_choice(()) is None


FAILED = {"terminated": {"exitCode": 3, "reason": "Error", "message": "no config"}}
WAITING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
UP_FOR_100_S = {"running": {"startedAt": "2026-06-01T11:58:20Z"}}


def lived(code: int, since: str) -> dict[str, Any]:
    """A last state that began at that time and ended at 11:58:20, or else at 11:59:40."""
    end = "11:58:20Z" if since < "11:58:20Z" else "11:59:40Z"
    times = {"startedAt": f"2026-06-01T{since}", "finishedAt": f"2026-06-01T{end}"}
    return {"terminated": {"exitCode": code, "reason": "Error", **times}}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"state": WAITING, "lastState": FAILED, "restartCount": 4}, (3, "Error", 4)),
        ({"state": FAILED, "restartCount": 0}, (3, "Error", 0)),
        ({"state": WAITING}, (None, "CrashLoopBackOff", 0)),
        (
            {
                "state": {"running": {"startedAt": "2026-06-01T11:59:50Z"}},
                "lastState": FAILED,
                "restartCount": 1,
            },
            (3, "Error", 1),
        ),
        (
            {
                "state": {"running": {"startedAt": "2026-06-01T09:00:00Z"}},
                "lastState": FAILED,
                "restartCount": 1,
            },
            None,
        ),
        *(
            ({"state": UP_FOR_100_S, "lastState": lived(code, life), "restartCount": count}, found)
            for code, life, count, found in (
                # An end that comes after 200 s each time is expected again.
                (137, "11:55:00Z", 2, (137, "Error", 2)),
                (0, "11:55:00Z", 2, (0, "Error", 2)),
                (137, "11:55:00Z", 1, None),
                # It outlived its last life.
                (137, "11:57:30Z", 2, None),
                # The kubelet forgot the delay.
                (137, "11:40:00Z", 2, None),
            )
        ),
        *(
            (
                {
                    "state": {"running": {"startedAt": "2026-06-01T11:59:50Z"}},
                    "lastState": lived(0, "11:59:30Z"),
                    "restartCount": count,
                },
                found,
            )
            for count, found in ((2, (0, "Error", 2)), (1, None))
        ),
        ({}, None),
    ],
)
def test_crash_loops(container: dict[str, Any], expected: tuple[Any, ...] | None) -> None:
    trouble = pods.crash(pod(ready=False, container=container), "2026-06-01T12:00:00Z")
    found = trouble and (trouble.exit_code, trouble.reason, trouble.restarts)
    assert found == expected


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (pod(), "Running"),
        (pod(ready=False), "Running, not Ready"),
        (pod(container={"state": WAITING}), "CrashLoopBackOff"),
        (pod(metadata={"deletionTimestamp": "x"}), "Terminating"),
        (pod(status={"phase": "Failed", "reason": "Evicted"}), "Evicted"),
    ],
)
def test_a_pod_in_two_words(found: Pod, words: str) -> None:
    assert pods.describe(found) == words


@pytest.mark.parametrize("wrong", [None, "", "yesterday", "2026-01-01T00:00:00"])
def test_an_age_that_is_not_known_is_endless(wrong: str | None) -> None:
    assert pods.age(wrong, "2026-06-01T12:00:00Z") == float("inf")
