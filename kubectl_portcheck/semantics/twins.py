"""Workloads that replace one another: blue and green, stable and canary, two versions.

Sources: Argo Rollouts (``managed-by-rollouts``, the label ``rollouts-pod-template-hash``); Flagger
(Services owned by a ``Canary``; the Deployment that it was given is scaled to 0 between releases).
"""

import re
from typing import Final

from kubectl_portcheck.model.objects import PodSpec, Workload
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.images import repository
from kubectl_portcheck.semantics.selectors import matches

ARGO: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"
"""The annotation of a Service whose selector a Rollout keeps."""
HASH: Final = "rollouts-pod-template-hash"
"""The label that it sets there."""
TRIALS: Final = frozenset({"canary", "preview"})
"""What names what gets clients only while a release is tried."""
SIDES: Final = frozenset(
    {*TRIALS, "blue", "green", "stable", "primary", "active", "old", "new", "prev", "next"}
)
_VERSION = regex(r"v?\d{1,9}")


def rests(case: ServiceCase) -> str:
    """Why the Service has no pods by design, in words; '' where it has some, or ought to."""
    if case.pods or case.finished_pods or not case.selects:
        return ""
    metadata, selector = case.service.metadata, case.service.spec.selector
    if not TRIALS & _tokens(metadata.name):
        return ""
    owner = next((o for o in metadata.owner_references if o.kind == "Canary"), None)
    if owner is not None:
        return f"Flagger's Canary {owner.name} gives it pods while it tries a release"
    rollout = metadata.annotations.get(ARGO, "")
    if rollout or HASH in selector:
        named = f"Rollout {rollout}" if rollout else "an Argo Rollout"
        return f"{named} gives it pods while it tries a release"
    made = _selected(case)
    if made and all(w.spec.replicas == 0 for w in made):
        return f"Deployment {made[0].metadata.name} is scaled to 0, as a canary is between releases"
    return ""


def _selected(case: ServiceCase) -> list[Workload]:
    return [
        w
        for w in case.deployments
        if matches(case.service.spec.selector, w.spec.template.metadata.labels)
    ]


def are_twins(one: str, other: str) -> bool:
    """Whether two values of a label differ only in a side or a version."""
    return one != other and _rest(one) == _rest(other)


def alike(one: PodSpec, other: PodSpec) -> bool:
    """Whether two pods run the same programs, whatever their versions."""
    images = [{repository(c.image) for c in spec.containers} for spec in (one, other)]
    return images[0] == images[1]


def _tokens(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[-_.]", name.lower()))


def _rest(name: str) -> list[str]:
    """The parts of a name that say neither a side nor a version."""
    parts = re.split(r"[-_.]", name.lower())
    return [p for p in parts if p not in SIDES and not _VERSION.fullmatch(p)]
