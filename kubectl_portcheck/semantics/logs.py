"""Which container's log says why a pod does not serve, and which of its instances wrote it.

A container has the log of the instance that runs, or ran last, and that of the one before. (kubelet
``validateContainerLogStatus``)
"""

import msgspec

from kubectl_portcheck.model.objects import ContainerStatus, Pod
from kubectl_portcheck.semantics import mesh, pods


class Wanted(msgspec.Struct, frozen=True):
    """A log of a pod."""

    container: str
    previous: bool
    """Whether it is that of the instance before the one that runs or waits now."""


def wanted(pod: Pod, now: str, *, silent: bool = False, port: int | None = None) -> Wanted | None:
    """The log to read; None where no container of the pod is known to fail.

    ``silent`` says that nothing in the pod accepts clients, which are sent to ``port``.
    """
    if pods.is_terminating(pod) or pods.is_finished(pod):
        return None
    for status in pods.init_unfinished(pod):
        return Wanted(status.name, previous(status))
    trouble = pods.crash(pod, now)
    for status in pods.main_statuses(pod):
        if trouble and status.name == trouble.container:
            return Wanted(status.name, previous(status))
    for status in pods.main_statuses(pod):
        if status.state.running and not (status.ready or pods.is_ready(pod)):
            return Wanted(status.name, previous=False)
    return Wanted(_serving(pod, port), previous=False) if silent else None


def previous(status: ContainerStatus) -> bool:
    """Whether what ended last is an instance before the present one."""
    return status.state.terminated is None and status.last_state.terminated is not None


def _serving(pod: Pod, port: int | None) -> str:
    """The container that was meant to listen: the one that declares the port, else the first."""
    own = [c for c in pod.spec.containers if c.name not in mesh.CONTAINERS] or pod.spec.containers
    declaring = (c.name for c in own if any(p.container_port == port for p in c.ports))
    return next(declaring, own[0].name)
