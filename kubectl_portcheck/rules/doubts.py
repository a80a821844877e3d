"""What a finding is worth where the files may not show an object as it is in the cluster."""

from collections.abc import Iterable

import msgspec

from kubectl_portcheck.model.evidence import Doubt
from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.semantics.case import ServiceCase


def doubted(found: Finding, rule: Rule, case: ServiceCase) -> Finding:
    """The finding, with what speaks against it and without what that takes from it.

    Where containers or fields may be missing in the files, it is information, and no fix is
    offered. Where the objects may belong to several clusters, it is a warning.
    """
    doubts = list(dict.fromkeys(_about(found, rule, case)))
    if not doubts:
        return found
    found = msgspec.structs.replace(
        found, impact=Impact.NONE, unsure="", evidence=(*found.evidence, *map(_observed, doubts))
    )
    if any(d.why != "environments" for d in doubts):
        return msgspec.structs.replace(found, severity="info", fixes=())
    return msgspec.structs.replace(
        found,
        severity="info" if found.severity == "info" else "warning",
        fixes=tuple(msgspec.structs.replace(f, safety="review") for f in found.fixes),
    )


def _about(found: Finding, rule: Rule, case: ServiceCase) -> Iterable[Doubt]:
    """The doubts that concern what the finding rests on."""
    objects = {("Service", case.name), (found.subject.kind, found.subject.name)}
    pods = set(found.pods or (p.metadata.name for p in case.pods)) if rule.of_containers else set()
    for doubt in case.evidence.doubts:
        if doubt.kind == "Pod":
            if doubt.name in pods:
                yield doubt
        elif (doubt.kind, doubt.name) in objects:
            yield doubt


def _observed(doubt: Doubt) -> Observation:
    subject = Subject(kind=doubt.kind, namespace="", name=doubt.name)
    return Observation(text=said(doubt), subject=subject)


def said(doubt: Doubt) -> str:
    """What the files do not show, as the end of a line that names the object."""
    if doubt.why == "injection":
        return f"{doubt.by} asks for a sidecar, whose ports these files do not show"
    if doubt.why == "partial":
        return f"it has no {doubt.by}: this may be a part of what is applied"
    if doubt.why == "environments":
        return "it may belong to another environment than the Service"
    if doubt.by:
        return f"{doubt.by} changes it: check what kubectl kustomize prints"
    return "no kustomization here takes in both it and the Service: check the rendered manifests"
