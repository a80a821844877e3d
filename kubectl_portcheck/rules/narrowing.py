"""Selectors that match too much: the label that tells the right pods from the others."""

from collections.abc import Collection, Sequence

from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.wording import plural
from kubectl_portcheck.semantics import ownership, rollouts
from kubectl_portcheck.semantics.case import ServiceCase

REVISION_LABELS = ("hash", "version", "revision", "chart", "index", "uid", "pod-name", "job-name")
"""Ends of labels that change with each revision or pod: no selector should name them."""
ROLE_LABELS = ("component", "name", "app", "role", "tier")
"""Ends of labels that tell what a pod is for, the best first."""


def telling_label(
    selector: Collection[str], wanted: Sequence[Pod], others: Sequence[Pod]
) -> tuple[str, str] | None:
    """Return a label that all of the wanted pods have and none of the others has."""
    shared = set.intersection(*(set(p.metadata.labels.items()) for p in wanted))
    found = sorted(
        (
            (key, value)
            for key, value in shared
            if key not in selector
            and not key.endswith(REVISION_LABELS)
            and all(p.metadata.labels.get(key) != value for p in others)
        ),
        key=lambda label: (_rank(label[0]), label),
    )
    return found[0] if found else None


def narrowed(case: ServiceCase, wanted: Sequence[Pod], others: Sequence[Pod], whose: str) -> Fix:
    """Return the fix that leaves the other pods out; ``whose`` says which ones remain."""
    selector = case.service.spec.selector
    label = telling_label(selector, wanted, others)
    if label is None:
        return fixes.by_hand(f"Add a label to {whose} only, and select it in the Service")
    key, value = label
    return fixes.patch(
        case,
        case.subject,
        [
            fixes.test("/spec/selector", selector),
            fixes.add(f"/spec/selector/{fixes.pointer(key)}", value),
        ],
        title=f"Add {key}={value} to the selector, which only {whose} have: then it matches "
        f"{len(wanted)} {plural('pod', len(wanted))}",
        safety="review",
        source=f"spec:\n  selector:\n    {key}: {value}\n",
    )


def workload_of(case: ServiceCase, pod: Pod) -> Subject | None:
    """The workload that made the pod, or the pod itself; None where it is not known."""
    if ownership.controller_of(pod.metadata) is None:
        return Subject(kind="Pod", namespace=case.namespace, name=pod.metadata.name)
    found = case.workload(pod)
    # What is above a ReplicaSet that was not read, and does not say it, may be anything.
    unread = found and found.kind == "ReplicaSet" and not rollouts.replica_set_of(case, pod)
    return None if unread else found


def _rank(key: str) -> int:
    return next((i for i, end in enumerate(ROLE_LABELS) if key.endswith(end)), len(ROLE_LABELS))
