"""``--debug-image``: an ephemeral container for a pod that has nothing to ask with, when asked for.

Kubernetes never removes one from a pod: it stays, running or ended, until the pod is deleted. So a
pod gets one of them, once, and the next run asks the one that is there. It idles without a
privilege, as the strictest Pod Security Standard demands, and shares the pod's network.

Source: Kubernetes ``pods/ephemeralcontainers`` (PATCH, a strategic merge by name; since 1.23).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import ContainerStatus, Pod
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.model.seat import DEBUG_CONTAINER

NAME = DEBUG_CONTAINER
POLL_SECONDS = 0.3

_IDLE = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
_HOPELESS = (
    *("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
)
"""Reasons of a waiting container that a few more seconds do not change."""


class Debug(NamedTuple):
    """What the user asked for."""

    image: str
    say: Callable[[str], object]
    """Tells the user, before anything is changed."""
    alike: int = 1
    """How many pods it is asked for: the others of the same kind are left as they are."""


def warning(debug: Debug, namespace: str, pod: str) -> str:
    """Give what is said before a pod is changed."""
    others = debug.alike - 1
    few = f"; {others} other pod{'s' * (others > 1)} like it stay{'s' * (others == 1)} unchanged"
    return (
        f"adding an ephemeral container of {debug.image} to pod/{pod} in namespace {namespace}: it "
        f"cannot be removed again and stays until the pod is deleted{few if others else ''}"
    )


def one_of_each(
    pods: Sequence[Pod], sockets: Mapping[str, Observed[PodSockets] | Missing]
) -> list[tuple[Pod, int]]:
    """Give one of each kind of pods that have nothing to ask with, and how many of it there are.

    Pods are of one kind that one controller made. Where one of a kind has answered, none is given;
    else one that has a debug container already, from an earlier run, or the first by name. In the
    node's own network nothing would tell a pod's sockets from the others.
    """
    kinds: dict[str, list[Pod]] = defaultdict(list)
    for pod in sorted(pods, key=lambda p: (status_of(p) is None, p.metadata.name)):
        kinds[_kind(pod)].append(pod)
    chosen = []
    for alike in kinds.values():
        found = [sockets[p.metadata.name] for p in alike if p.metadata.name in sockets]
        silent = [
            p
            for p in alike
            if not p.spec.host_network and _has_no_shell(sockets.get(p.metadata.name))
        ]
        if silent and not any(isinstance(s, Observed) for s in found):
            chosen.append((silent[0], len(silent)))
    return chosen


def _kind(pod: Pod) -> str:
    above = next((o for o in pod.metadata.owner_references if o.controller), None)
    if above is not None:
        return f"{above.kind}/{above.name}"
    return ",".join(f"{c.name}={c.image}" for c in pod.spec.containers)


def _has_no_shell(found: Observed[PodSockets] | Missing | None) -> bool:
    return isinstance(found, Missing) and found.reason == Reason.NO_SHELL


def patch_body(image: str) -> bytes:
    """The change of the pod, as a strategic merge patch."""
    container = {
        "name": NAME,
        "image": image,
        "command": ["/bin/sh", "-c", _IDLE],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return msgspec.json.encode({"spec": {"ephemeralContainers": [container]}})


def status_of(pod: Pod) -> ContainerStatus | None:
    """How the container is; None where the pod has none."""
    return next((s for s in pod.status.ephemeral_container_statuses if s.name == NAME), None)


def failure(pod: Pod) -> Missing | None:
    """Why the container will not answer; None while it may."""
    status = status_of(pod)
    if status is None:
        return None
    state = status.state
    if state.terminated is not None:
        why = f"the debug container of {pod.metadata.name} has ended, and a pod gets only one"
        return Missing(reason=Reason.NO_SHELL, detail=why)
    if state.waiting is not None and state.waiting.reason in _HOPELESS:
        words = f"{state.waiting.reason} {state.waiting.message}".strip()[:300]
        why = f"the debug container of {pod.metadata.name} does not start: {words}"
        return Missing(reason=Reason.NO_SHELL, detail=why)
    return None


def runs(pod: Pod) -> bool:
    """Whether the container can be asked now."""
    status = status_of(pod)
    return status is not None and status.state.running is not None


def with_only_itself(pod: Pod) -> Pod:
    """The pod with only this container: the others have been asked."""
    status = msgspec.structs.replace(
        pod.status,
        container_statuses=(),
        init_container_statuses=(),
        ephemeral_container_statuses=tuple(s for s in (status_of(pod),) if s),
    )
    return msgspec.structs.replace(pod, status=status)
