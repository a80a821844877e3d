"""The state of a pod, as the control plane and kubectl read it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

import msgspec

from kubectl_portcheck.model.objects import ContainerStatus, Pod, StateTerminated, StateWaiting
from kubectl_portcheck.semantics import ports

CRASHED = ("CrashLoopBackOff", "Error", "RunContainerError", "StartError")
UNSEEN = ("Unknown", "ContainerStatusUnknown")
"""Reasons of an end that the runtime did not see: most often the node went down with the container,
which says nothing about the container. (containerd CRI, status after a restart: exit code 255,
reason Unknown; kubelet, exit code 137, reason ContainerStatusUnknown)"""
JUST_UP = 60.0
"""Seconds for which a container that failed before counts as one that fails again."""
BACK_OFF_RESETS = 600.0
"""Seconds that a container runs before the kubelet forgets the delay of its next restart.
Source: *Container restarts* in the Kubernetes documentation on the lifecycle of pods."""
IMAGE = (
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ErrImageInspect",
    "RegistryUnavailable",
)


_labels = attrgetter("metadata.labels")


def by_labels(everyone: Iterable[Pod]) -> Iterator[tuple[Mapping[str, str], list[Pod]]]:
    """Neighbours with the same labels, together: the pods of one template stand side by side."""
    return ((labels, list(several)) for labels, several in groupby(everyone, _labels))


def condition(pod: Pod, kind: str) -> str:
    """The status of a condition; '' where the pod has none of that type."""
    for found in pod.status.conditions:
        if found.type == kind:
            return found.status
    return ""


def is_ready(pod: Pod) -> bool:
    """Whether the kubelet says Ready."""
    return condition(pod, "Ready") == "True"


def is_terminating(pod: Pod) -> bool:
    """Whether the pod is being deleted."""
    return pod.metadata.deletion_timestamp is not None


def is_healthy(pod: Pod) -> bool:
    """Whether the pod is plainly Running and Ready: nothing about it is unusual."""
    status = pod.status
    return (
        status.phase == "Running"
        and pod.metadata.deletion_timestamp is None
        and is_ready(pod)
        and all(c.status == "True" for c in status.conditions)
        and bool(status.container_statuses)
        and all(s.state.running is not None and _never_failed(s) for s in status.container_statuses)
        and all(map(_never_failed, status.init_container_statuses))
    )


def _never_failed(status: ContainerStatus) -> bool:
    """Whether the container is Ready, or has done its work, and was never restarted."""
    state, ended = status.state, status.state.terminated
    done = ended is not None and ended.exit_code == 0
    return (
        (status.ready or done)
        and not status.restart_count
        and state.waiting is None
        and status.last_state.terminated is None
        and (ended is None or done)
    )


FINISHED = ("Succeeded", "Failed")
"""The phases of a pod that ran to its end."""


def is_finished(pod: Pod) -> bool:
    """Whether the pod ran to its end: such pods leave the EndpointSlices."""
    return pod.status.phase in FINISHED


HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")
"""Annotations of objects that are made for one moment of a release: tests, migrations."""


def is_passing(pod: Pod) -> bool:
    """Whether the pod is there for a task: of a Job, a CronJob, a Helm test or another hook."""
    for owner in pod.metadata.owner_references:
        if owner.controller and owner.kind in ("Job", "CronJob"):
            return True
    annotations = pod.metadata.annotations
    return bool(annotations) and any(hook in annotations for hook in HOOKS)


def lost_with_its_node(pod: Pod) -> bool:
    """Whether the containers were Ready when last heard of, and the pod is not any more.

    The node lifecycle controller takes Ready away from the pods of a node that it does not hear
    from. (Kubernetes ``pkg/controller/nodelifecycle``)
    """
    ready = [s.ready for s in pod.status.container_statuses]
    return bool(ready) and all(ready) and condition(pod, "Ready") in ("False", "Unknown")


def main_statuses(pod: Pod) -> tuple[ContainerStatus, ...]:
    """The statuses of the containers that serve: the main ones and the native sidecars."""
    if not pod.status.init_container_statuses:
        return pod.status.container_statuses
    sidecar = {c.name for c in ports.sidecars(pod)}
    return (
        *pod.status.container_statuses,
        *(s for s in pod.status.init_container_statuses if s.name in sidecar),
    )


def init_unfinished(pod: Pod) -> tuple[ContainerStatus, ...]:
    """The init containers that began, have to end, and have not succeeded.

    A native sidecar never has to end.
    """
    sidecars = {c.name for c in pod.spec.init_containers if c.restart_policy == "Always"}
    return tuple(
        s
        for s in pod.status.init_container_statuses
        if s.name not in sidecars
        and not (s.state.terminated and s.state.terminated.exit_code == 0)
        and (s.state.running or s.state.terminated or s.last_state.terminated)
    )


def running_containers(pod: Pod) -> tuple[str, ...]:
    """The names of the containers that run now, the main ones first; ephemeral ones last."""
    statuses = (*main_statuses(pod), *pod.status.ephemeral_container_statuses)
    return tuple(s.name for s in statuses if s.state.running is not None)


def has_running_main(pod: Pod) -> bool:
    """Whether a main container runs: without one there is nothing that could listen."""
    return any(s.state.running is not None for s in pod.status.container_statuses)


def restarts(pod: Pod) -> int:
    """How often the containers restarted, the highest of them as kubectl counts it."""
    return max((s.restart_count for s in pod.status.container_statuses), default=0)


class Trouble(msgspec.Struct, frozen=True):
    """Why a container does not run."""

    container: str
    reason: str
    message: str
    exit_code: int | None
    restarts: int
    ended: StateTerminated | None = None
    """How it ended last, where that is known."""


def crash(pod: Pod, now: str = "") -> Trouble | None:
    """The container that starts and ends again and again, where there is one.

    Between two crashes a container runs for a while and looks healthy: :func:`_between` at ``now``
    (RFC 3339) counts as crashing still.
    """
    for status in main_statuses(pod):
        ended = status.state.terminated or status.last_state.terminated
        waiting = status.state.waiting
        looping = waiting is not None and waiting.reason in CRASHED
        down = status.state.terminated is not None and not is_finished(pod)
        failed_before = status.restart_count > 0 and ended is not None and ended.exit_code != 0
        just_up = _between(status, now)
        if looping or just_up or (down and (failed_before or (ended and ended.exit_code != 0))):
            return Trouble(
                container=status.name,
                reason=ended.reason if ended else (waiting.reason if waiting else ""),
                message=(ended.message if ended else "") or _waiting_message(waiting),
                exit_code=ended.exit_code if ended else None,
                restarts=status.restart_count,
                ended=ended,
            )
    return None


def _between(status: ContainerStatus, now: str) -> bool:
    """Whether a container that runs ended before and will probably end again.

    It has not yet outlived its last life, which was so short that the kubelet went on with its
    back-off. A program that ended without an error counts when it did so twice. One that ended with
    its node does not count.
    """
    running, ended = status.state.running, status.last_state.terminated
    if ended is not None and ended.reason in UNSEEN:
        return False
    if running is None or ended is None or status.restart_count < (1 if ended.exit_code else 2):
        return False
    lived = age(ended.started_at, ended.finished_at or "")
    again = lived if status.restart_count >= 2 and lived < BACK_OFF_RESETS else 0.0
    return age(running.started_at, now) < max(JUST_UP, again)


def _waiting_message(waiting: StateWaiting | None) -> str:
    """What the kubelet says of a container that waits, unless it is only that it waits."""
    message = waiting.message if waiting else ""
    return "" if message.startswith("back-off ") else message


EPOCH = "1970-01-01T00:00:00Z"


def age(since: str | None, now: str) -> float:
    """Seconds between two RFC 3339 times; infinite where one of them is not known."""
    if not since or not now:
        return float("inf")
    try:
        return _moment(now) - _moment(since)
    except (ValueError, OverflowError):
        return float("inf")


def latest(times: Iterable[str | None]) -> str:
    """The latest of several RFC 3339 times; '' where none of them is known."""
    return min(times, key=lambda time: age(time, EPOCH), default=None) or ""


@lru_cache(maxsize=4096)
def _moment(text: str) -> float:
    """Seconds since 1970. Raises ValueError. Pods that were made together have one time."""
    from datetime import datetime

    # Python 3.10 does not read the Z that Kubernetes writes.
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone could be anywhere's")
    return moment.timestamp()


def describe(pod: Pod) -> str:
    """One or two words on the pod's state, as ``kubectl get pods`` shows it."""
    if is_terminating(pod):
        return "Terminating"
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if status.state.waiting and status.state.waiting.reason not in ("", "PodInitializing"):
            return status.state.waiting.reason
        if status.state.terminated and status.state.terminated.exit_code:
            return status.state.terminated.reason or "Error"
    if pod.status.phase == "Running" and not is_ready(pod):
        return "Running, not Ready"
    return pod.status.reason or pod.status.phase or "Unknown"


def forward_choice(pods: Sequence[Pod]) -> Pod | None:
    """The pod that ``kubectl port-forward svc/NAME`` takes of all that the selector matches.

    Order: on a node, phase, Ready, not being deleted (or to be deleted last), longest Ready where
    both are, fewest restarts, oldest. A pod that is not Ready, and one that has finished, can be
    chosen; of equals the first. (kubectl ``util/podutils``, ActivePods reversed)
    """
    return max(pods, key=_forward_rank, default=None)


_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
"""kubectl's rank of a phase; that of any other is 0, as Go's maps have it."""


def _forward_rank(pod: Pod) -> tuple[float, ...]:
    return (
        bool(pod.spec.node_name),
        _PHASES.get(pod.status.phase, 0),
        is_ready(pod),
        not is_terminating(pod),
        _seconds(pod.metadata.deletion_timestamp, absent=0.0),
        # Two pods that come to this point are both Ready, or neither is.
        -_seconds(_ready_since(pod)) if is_ready(pod) else 0.0,
        -restarts(pod),
        -_sidecar_restarts(pod),
        -_seconds(pod.metadata.creation_timestamp),
    )


def _ready_since(pod: Pod) -> str | None:
    ready = (c for c in pod.status.conditions if c.type == "Ready" and c.status == "True")
    return next((c.last_transition_time for c in ready), None)


def _sidecar_restarts(pod: Pod) -> int:
    """How often the native sidecars restarted, the highest of them."""
    sidecars = {c.name for c in ports.sidecars(pod)}
    counts = (s.restart_count for s in pod.status.init_container_statuses if s.name in sidecars)
    return max(counts, default=0)


def _seconds(time: str | None, *, absent: float = float("inf")) -> float:
    """The time in seconds since 1970."""
    try:
        return _moment(time) if time else absent
    except (ValueError, OverflowError):
        return absent
