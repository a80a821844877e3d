"""What is read only where a pod does not run or is not Ready: what it may be waiting for.

Beside the walk, bounded, and never more than what a pod's own state asks for.
"""

from collections.abc import Sequence

from kubectl_portcheck.collect.cluster.cluster import Reads
from kubectl_portcheck.collect.cluster.init_calls import init_calls
from kubectl_portcheck.collect.cluster.listable import (
    CLAIMS,
    CONFIG_MAPS,
    NODES,
    SECRETS,
    STORAGE_CLASSES,
)
from kubectl_portcheck.collect.cluster.parts import Parts
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import scheduling, unmet
from kubectl_portcheck.semantics.pods import (
    has_running_main,
    init_unfinished,
    is_ready,
    lost_with_its_node,
)

CREATING = "ContainerCreating"
"""The reason of a container that waits for its volumes or its sandbox."""


def around_the_unready(parts: Parts, reads: Reads, work: Work, pods: Sequence[Pod]) -> None:
    """Begin to read what the pods that are not Ready may lack."""
    unready = [p for p in pods if not is_ready(p)]
    if any(_waits_for_a_claim(p) for p in unready):
        parts.claims = work.ask(reads.objects, CLAIMS, {})
        parts.storage_classes = work.ask(reads.objects, STORAGE_CLASSES, {})
    wanted = {kind for p in unready for kind in _missing_kinds(p)}
    if "ConfigMap" in wanted:
        parts.config_maps = work.ask(reads.objects, CONFIG_MAPS, {})
    if "Secret" in wanted:
        parts.secrets = work.ask(reads.objects, SECRETS, {})
    waiting = [p for p in unready if init_unfinished(p)]
    if waiting:
        parts.init_calls = work.ask(init_calls, reads, waiting)
    said = [verdict for p in unready if (verdict := _scheduler_said(p)) is not None]
    if any(v.ports_taken for v in said):
        parts.namespace_pods = work.ask(reads.pods, {})
    kept_out = any(v.node_kept_out for v in said)
    if parts.nodes is None and (kept_out or any(lost_with_its_node(p) for p in unready)):
        parts.nodes = work.ask(reads.objects, NODES, {})


def _waits_for_a_claim(pod: Pod) -> bool:
    mounts = any(v.persistent_volume_claim for v in pod.spec.volumes)
    return mounts and not has_running_main(pod)


def _scheduler_said(pod: Pod) -> scheduling.Verdict | None:
    """Why the scheduler found no node for the pod."""
    unscheduled = (
        c.message for c in pod.status.conditions if c.type == "PodScheduled" and c.status == "False"
    )
    return scheduling.read(next(unscheduled, ""))


def _missing_kinds(pod: Pod) -> set[str]:
    """The kinds of what the pod may wait for: by the kubelet's words, or by what it mounts."""
    found: set[str] = set()
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting is None:
            continue
        lacking = unmet.reference(waiting.message)
        if lacking:
            found.add(lacking.kind)
        if waiting.reason == CREATING:
            found |= {"ConfigMap" for v in pod.spec.volumes if v.config_map}
            found |= {"Secret" for v in pod.spec.volumes if v.secret}
    return found
