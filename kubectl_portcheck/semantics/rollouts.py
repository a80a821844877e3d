"""What a workload's earlier revisions say: which revision a pod is of, and what came before."""

from kubectl_portcheck.model.objects import Pod, Workload
from kubectl_portcheck.semantics.case import ServiceCase

REVISION = "deployment.kubernetes.io/revision"
"""The annotation in which the Deployment controller counts its ReplicaSets."""


def revision(replica_set: Workload) -> int:
    """The revision of a Deployment that the ReplicaSet holds; 0 where it bears none."""
    text = replica_set.metadata.annotations.get(REVISION, "")
    return int(text) if text.isdecimal() else 0


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


def undo_note(case: ServiceCase, pod: Pod) -> str:
    """A warning where an undo takes long: minReadySeconds holds the old pods back."""
    own = replica_set_of(case, pod)
    seconds = own.spec.min_ready_seconds if own else 0
    return f" (slow: minReadySeconds is {seconds})" if seconds else ""
