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
            (
                {
                    "state": {"running": {"startedAt": "2026-06-01T11:59:50Z"}},
                    "lastState": {"terminated": {"exitCode": code, "reason": reason}},
                    "restartCount": 1,
                },
                None,
            )
            # The node went down with it.
            for code, reason in ((255, "Unknown"), (137, "ContainerStatusUnknown"))
        ),
        (
            {
                "state": WAITING,
                "lastState": {"terminated": {"exitCode": 255, "reason": "Unknown"}},
                "restartCount": 2,
            },
            (255, "Unknown", 2),
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


def statuses(*found: dict[str, Any]) -> dict[str, Any]:
    return {"containerStatuses": list(found)}


RUNS: dict[str, Any] = {"ready": True, "state": {"running": {}}}
DONE: dict[str, Any] = {"state": {"terminated": {"exitCode": 0}}}
BROKE: dict[str, Any] = {"state": {"terminated": {"exitCode": 1}}}
GATED = {
    "conditions": [
        {"type": "Ready", "status": "True"},
        {"type": "example.com/up", "status": "False"},
    ]
}


@pytest.mark.parametrize(
    ("found", "healthy"),
    [
        (pod(), True),
        (pod(status={"phase": "Pending"}), False),
        (pod(metadata={"deletionTimestamp": "x"}), False),
        (pod(ready=False), False),
        (pod(status={"conditions": []}), False),
        (pod(status=GATED), False),
        (pod(status=statuses()), False),
        (pod(container={"ready": False}), False),
        (pod(container={"restartCount": 1}), False),
        (pod(container={"lastState": FAILED}), False),
        (pod(container={"state": WAITING}), False),
        (pod(container=DONE), False),
        (pod(status={"initContainerStatuses": [{"name": "i", **DONE}]}), True),
        (pod(status={"initContainerStatuses": [{"name": "i", **BROKE}]}), False),
        (pod(status={"initContainerStatuses": [{"name": "i", "ready": True, **BROKE}]}), False),
        (pod(status={"initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}), False),
        (pod(status={"initContainerStatuses": [{"name": "i", **RUNS}]}), True),
        (
            pod(status={"initContainerStatuses": [{"name": "i", "ready": True, "state": WAITING}]}),
            False,
        ),
    ],
)
def test_whether_nothing_about_a_pod_is_unusual(found: Pod, healthy: bool) -> None:
    assert pods.is_healthy(found) is healthy


def owned(kind: str, *, controller: bool = True) -> Pod:
    return pod(
        metadata={"ownerReferences": [{"kind": kind, "name": "o", "controller": controller}]}
    )


@pytest.mark.parametrize(
    ("found", "passing"),
    [
        (pod(), False),
        (owned("Job"), True),
        (owned("CronJob"), True),
        (owned("ReplicaSet"), False),
        (owned("Job", controller=False), False),
        (pod(metadata={"annotations": {"helm.sh/hook": "test"}}), True),
        (pod(metadata={"annotations": {"argocd.argoproj.io/hook": "PreSync"}}), True),
        (pod(metadata={"annotations": {"a": "b"}}), False),
    ],
)
def test_pods_of_tasks(found: Pod, passing: bool) -> None:
    assert pods.is_passing(found) is passing


def condition(status: str, **more: Any) -> Pod:
    return pod(status={"conditions": [{"type": "Ready", "status": status}], **more})


@pytest.mark.parametrize(
    ("found", "lost"),
    [
        (condition("Unknown"), True),
        (condition("False"), True),
        (condition("True"), False),
        (pod(status={"conditions": []}), False),
        (condition("Unknown", **statuses()), False),
        (condition("Unknown", **statuses({"name": "a", **RUNS}, {"name": "b"})), False),
    ],
)
def test_pods_lost_with_their_node(found: Pod, lost: bool) -> None:
    assert pods.lost_with_its_node(found) is lost


INIT: dict[str, Any] = {
    "initContainers": [{"name": "first"}, {"name": "proxy", "restartPolicy": "Always"}]
}


def with_init(**states: dict[str, Any]) -> Pod:
    found = [{"name": name, **status} for name, status in states.items()]
    return pod(spec=INIT, status={"initContainerStatuses": found})


def names(found: Any) -> list[str]:
    return [s.name for s in found]


def test_the_containers_that_serve() -> None:
    assert names(pods.main_statuses(pod())) == ["app"]
    assert names(pods.main_statuses(with_init(first=DONE, proxy=RUNS))) == ["app", "proxy"]


@pytest.mark.parametrize(
    ("status", "unfinished"),
    [
        ({"state": {"running": {}}}, True),
        (BROKE, True),
        ({"state": {"waiting": {}}, "lastState": BROKE["state"]}, True),
        ({"state": {"waiting": {}}}, False),
        (DONE, False),
    ],
)
def test_init_containers_that_have_to_end(status: dict[str, Any], unfinished: bool) -> None:
    assert names(pods.init_unfinished(with_init(first=status))) == ["first"] * unfinished
    assert pods.init_unfinished(with_init(proxy=status)) == ()


def test_the_containers_that_run() -> None:
    found = with_init(first={"state": {"running": {}}}, proxy=RUNS)
    debugged = msgspec.structs.replace(
        found.status,
        ephemeral_container_statuses=pod(
            status=statuses({"name": "debug", **RUNS})
        ).status.container_statuses,
    )
    assert pods.running_containers(msgspec.structs.replace(found, status=debugged)) == (
        "app",
        "proxy",
        "debug",
    )
    assert pods.running_containers(pod(container={"state": WAITING})) == ()
    assert pods.has_running_main(pod())
    assert not pods.has_running_main(pod(container={"state": WAITING}))
    assert not pods.has_running_main(pod(status=statuses()))
    several = statuses({"name": "a", "restartCount": 2}, {"name": "b", "restartCount": 5})
    assert pods.restarts(pod(status=several)) == 5
    assert pods.restarts(pod(status=statuses())) == 0


IMAGE_PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
START_ERROR = {"waiting": {"reason": "RunContainerError", "message": "no such file"}}
ENDED_WELL = {"terminated": {"exitCode": 0, "reason": "Completed"}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pod(container={"state": IMAGE_PULL}), None),
        (pod(container={"state": IMAGE_PULL, "lastState": FAILED, "restartCount": 1}), None),
        (pod(container={"state": START_ERROR}), ("app", "RunContainerError", "no such file", None)),
        (pod(container={"state": WAITING}), ("app", "CrashLoopBackOff", "", None)),
        (pod(container={"state": WAITING, "lastState": FAILED}), ("app", "Error", "no config", 3)),
        (pod(container={"state": ENDED_WELL}), None),
        (pod(container={"state": ENDED_WELL, "lastState": FAILED, "restartCount": 1}), None),
        (pod(container={"state": FAILED}), ("app", "Error", "no config", 3)),
        (pod(container={"state": FAILED, "restartCount": 1}), ("app", "Error", "no config", 3)),
        (pod(status={"phase": "Failed"}, container={"state": FAILED}), None),
        (
            pod(status=statuses({"name": "a", **RUNS}, {"name": "b", "state": FAILED})),
            ("b", "Error", "no config", 3),
        ),
        (with_init(proxy={"state": WAITING}), ("proxy", "CrashLoopBackOff", "", None)),
        (with_init(first={"state": WAITING}), None),
    ],
)
def test_what_a_crash_says(found: Pod, expected: tuple[Any, ...] | None) -> None:
    trouble = pods.crash(found)
    said = trouble and (trouble.container, trouble.reason, trouble.message, trouble.exit_code)
    assert said == expected


@pytest.mark.parametrize(
    ("count", "ended", "up", "crashes"),
    [
        # After one failure: for a minute.
        (1, 1, 59, True),
        (1, 1, 60, False),
        (0, 1, 10, False),
        # A program that ended without an error counts when it did so twice.
        (1, 0, 10, False),
        (2, 0, 10, True),
    ],
)
def test_a_container_that_runs_and_ended_before(
    count: int, ended: int, up: int, crashes: bool
) -> None:
    began = f"2026-06-01T11:59:{60 - up:02}Z"
    container = {
        "state": {"running": {"startedAt": began}},
        "lastState": {"terminated": {"exitCode": ended}},
        "restartCount": count,
    }
    found = pods.crash(pod(container=container), "2026-06-01T12:00:00Z")
    assert (found is not None) is crashes


def lives(seconds: int, up: int) -> Pod:
    """A container that ran so long, ended, and has been up for so long since."""
    now = 12 * 3600
    ended, began = now - up, now - up - seconds

    def at(second: int) -> str:
        return f"2026-06-01T{second // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}Z"

    last = {"exitCode": 1, "startedAt": at(began), "finishedAt": at(ended)}
    container = {
        "state": {"running": {"startedAt": at(ended)}},
        "lastState": {"terminated": last},
        "restartCount": 2,
    }
    return pod(container=container)


@pytest.mark.parametrize(
    ("life", "up", "crashes"),
    [
        (200, 199, True),
        (200, 200, False),
        (599, 598, True),
        (600, 599, False),
        (600, 59, True),
        (10, 59, True),
        (10, 60, False),
    ],
)
def test_a_container_that_has_not_outlived_its_last_life(life: int, up: int, crashes: bool) -> None:
    found = pods.crash(lives(life, up), "2026-06-01T12:00:00Z")
    assert (found is not None) is crashes


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            pod(container={"state": {"waiting": {"reason": "PodInitializing"}}}, ready=False),
            "Running, not Ready",
        ),
        (pod(container={"state": {"waiting": {}}}), "Running"),
        (
            pod(container={"state": {"terminated": {"exitCode": 1, "reason": "OOMKilled"}}}),
            "OOMKilled",
        ),
        (pod(container=BROKE), "Error"),
        (pod(container=DONE), "Running"),
        (with_init(first=BROKE), "Error"),
        (pod(status={"phase": ""}), "Unknown"),
        (pod(status={"phase": "Pending"}, ready=False), "Pending"),
    ],
)
def test_the_state_as_kubectl_shows_it(found: Pod, words: str) -> None:
    assert pods.describe(found) == words


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        ((), ""),
        ((None, "", "soon"), ""),
        (("2026-06-01T12:00:00Z", None, "2026-06-01T12:00:01Z"), "2026-06-01T12:00:01Z"),
        (("2026-06-01T12:00:00Z", "2026-06-01T12:30:00+02:00"), "2026-06-01T12:00:00Z"),
    ],
)
def test_the_latest_of_several_times(times: tuple[str | None, ...], latest: str) -> None:
    found = pods.latest(times)
    assert found == latest or pods.age(found, "2026-06-01T13:00:00Z") == float("inf")


def test_pods_with_the_same_labels_come_together() -> None:
    labels: list[dict[str, str]] = [{"app": "a"}, {"app": "a"}, {"app": "b"}, {"app": "a"}]
    several = [pod(str(i), metadata={"labels": own}) for i, own in enumerate(labels)]
    found = [(own, [p.metadata.name for p in alike]) for own, alike in pods.by_labels(several)]
    assert found == [({"app": "a"}, ["0", "1"]), ({"app": "b"}, ["2"]), ({"app": "a"}, ["3"])]


def test_ages() -> None:
    assert pods.age("2026-06-01T11:59:00Z", "2026-06-01T12:00:00Z") == 60
    assert pods.age("2026-06-01T12:00:00+02:00", "2026-06-01T12:00:00Z") == 7200
    assert pods.age("2026-06-01T11:59:00Z", "") == float("inf")
