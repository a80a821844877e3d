"""What a workload's earlier revisions say: which revision a pod is of, and what came before."""

import msgspec

from kubectl_portcheck.model.objects import Container, ObjectMeta, Pod, PodSpec, Workload
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.images import repository

REVISION = "deployment.kubernetes.io/revision"
"""The annotation in which the Deployment controller counts its ReplicaSets."""

OF_REVISION = "controller-revision-hash"
"""The label of a StatefulSet's or DaemonSet's pod that names its ControllerRevision."""


def revision(replica_set: Workload) -> int:
    """The revision of a Deployment that the ReplicaSet holds; 0 where it has none."""
    text = replica_set.metadata.annotations.get(REVISION, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def replica_set_of(case: ServiceCase, pod: Pod) -> Workload | None:
    """The ReplicaSet that made the pod, where it may be read."""
    owners = {o.uid for o in pod.metadata.owner_references if o.kind == "ReplicaSet"}
    return next((r for r in case.replica_sets if r.metadata.uid in owners), None)


def siblings(case: ServiceCase, replica_set: Workload) -> list[Workload]:
    """The ReplicaSets of the same Deployment, the latest revision first, this one among them."""
    owners = {o.uid for o in replica_set.metadata.owner_references}
    same = [r for r in case.replica_sets if owners & {o.uid for o in r.metadata.owner_references}]
    return sorted(same, key=revision, reverse=True)


def is_latest(case: ServiceCase, pod: Pod) -> bool:
    """Whether the pod is of its Deployment's latest revision; False where that is not known."""
    own = replica_set_of(case, pod)
    return own is not None and siblings(case, own)[:1] == [own]


def previous(case: ServiceCase, pod: Pod) -> Workload | None:
    """The revision to which an undo would go back from the pod's, if the pod's is the latest."""
    own = replica_set_of(case, pod)
    if own is None or not is_latest(case, pod):
        return None
    return next((r for r in siblings(case, own) if revision(r) < revision(own)), None)


def other_image(case: ServiceCase, pod: Pod) -> str:
    """How the last rollout put another image, not another version, into a container; '' if not."""
    before = previous(case, pod)
    old = {c.name: c.image for c in before.spec.template.spec.containers} if before else {}
    changed = (
        f"the last rollout changed the image of container {c.name} from {old[c.name]} to {c.image}"
        for c in pod.spec.containers
        if old.get(c.name) and repository(c.image) != repository(old[c.name])
    )
    return next(changed, "")


def new_and_old(case: ServiceCase, workload: Workload) -> tuple[list[Pod], list[Pod]]:
    """The workload's pods of its latest revision, and all others; none where that is not known."""
    latest = _latest(case, workload)
    new: list[Pod] = []
    old: list[Pod] = []
    for pod in case.pods if latest else ():
        made = case.workload(pod)
        if made is None or (made.kind, made.name) != (workload.kind, workload.metadata.name):
            continue
        own = replica_set_of(case, pod)
        mark = pod.metadata.labels.get(OF_REVISION, "")
        # A DaemonSet's pods have the end of the revision's name, a StatefulSet's have it whole.
        same = own.metadata.name == latest if own else bool(mark) and latest.endswith(mark)
        (new if same else old).append(pod)
    return new, old


def _latest(case: ServiceCase, workload: Workload) -> str:
    """The name of the ReplicaSet or ControllerRevision of the latest revision."""
    if workload.kind == "Deployment":
        made = [(revision(r), r.metadata) for r in case.replica_sets]
    else:
        made = [(r.revision, r.metadata) for r in case.revisions]
    own = [(number, m.name) for number, m in made if _is_of(m, workload)]
    return max(own, default=(0, ""))[1]


def is_paused(workload: Workload) -> bool:
    """Whether changes of the pod template wait until the rollout is resumed."""
    return workload.kind == "Deployment" and workload.spec.paused


def is_behind(workload: Workload) -> bool:
    """Whether some of the workload's pods do not have its present pod template."""
    return workload.status.updated_replicas < workload.status.replicas


def undo_note(case: ServiceCase, pod: Pod) -> str:
    """A warning where an undo takes long: minReadySeconds holds the old pods back."""
    own = replica_set_of(case, pod)
    seconds = own.spec.min_ready_seconds if own else 0
    return f" (slow: minReadySeconds is {seconds})" if seconds else ""


class Revision(msgspec.Struct, frozen=True):
    """One revision of a workload's pod template."""

    number: int
    since: str
    """When it was made, in RFC 3339 form."""
    spec: PodSpec


def last_two(case: ServiceCase, workload: Workload) -> tuple[Revision, Revision] | None:
    """The workload's latest revision and the one before it; None where there are not two.

    NOTE: A rollback gives an old ReplicaSet a new number, and its age then says nothing: such a
    revision has no time.
    """
    if workload.kind == "Deployment":
        made = [
            Revision(revision(r), r.metadata.creation_timestamp, r.spec.template.spec)
            for r in case.replica_sets
            if _is_of(r.metadata, workload)
        ]
    else:
        made = [
            Revision(r.revision, r.metadata.creation_timestamp, r.data.spec.template.spec)
            for r in case.revisions
            if _is_of(r.metadata, workload)
        ]
    if len(made) < 2:
        return None
    latest, before = sorted(made, key=lambda r: r.number, reverse=True)[:2]
    if latest.since < before.since:
        latest = msgspec.structs.replace(latest, since="")
    return latest, before


def _is_of(metadata: ObjectMeta, workload: Workload) -> bool:
    return any(
        (o.kind, o.name) == (workload.kind, workload.metadata.name)
        for o in metadata.owner_references
    )


def differences(old: PodSpec, new: PodSpec) -> tuple[str, ...]:
    """What changed between two pod templates, as far as ports or images are concerned."""
    before = {c.name: c for c in (*old.init_containers, *old.containers)}
    now = {c.name: c for c in (*new.init_containers, *new.containers)}
    said: list[str] = []
    for name in now:
        said += _changes(before[name], now[name]) if name in before else [f"container {name} added"]
    said += [f"container {name} removed" for name in before if name not in now]
    if old.host_network != new.host_network:
        said.append("hostNetwork " + ("false → true" if new.host_network else "true → false"))
    return tuple(said)


def _changes(old: Container, new: Container) -> list[str]:
    said = []
    ports = [
        ", ".join(str(p.container_port) + (f" ({p.name})" if p.name else "") for p in c.ports)
        for c in (old, new)
    ]
    if ports[0] != ports[1]:
        said.append(f"containerPort {ports[0] or 'none'} → {ports[1] or 'none'}")
    for kind in ("readiness", "liveness", "startup"):
        probes = [getattr(c, f"{kind}_probe") for c in (old, new)]
        checked = [str(p.port or "a command") if p else "none" for p in probes]
        if checked[0] != checked[1]:
            said.append(f"{kind} probe {checked[0]} → {checked[1]}")
    if old.image != new.image:
        said.append(f"image {old.image} → {new.image}")
    return said
