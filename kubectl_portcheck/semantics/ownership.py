"""Who made an object, and who keeps it as it is: what takes back a change that is made by hand."""

import msgspec

from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import ObjectMeta, OwnerReference

RELEASE = "meta.helm.sh/release-name"
TRACKING = "argocd.argoproj.io/tracking-id"
OWNER_ANNOTATIONS = (RELEASE, TRACKING)
"""Annotations that name an owner."""

REVISION_LABELS = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}
"""The labels with which these mark the pods of each of their ReplicaSets, whose names end in it.
(Kubernetes ``pkg/controller/deployment``, ``getNewReplicaSet``; Argo Rollouts ``rollout/sync.go``)
"""

CORE_GROUPS = ("", "v1", "apps", "batch")


class Owner(msgspec.Struct, frozen=True):
    """What keeps an object as it is."""

    name: str
    """``Helm release shop``."""
    when: str
    """When it takes a change by hand back."""
    where: str
    """Where a change lasts: ``its chart or values``."""


def owner_of(metadata: ObjectMeta) -> Owner | None:
    """The object's owner; the one nearest to the source where there are several.

    Argo CD marks what it applies by an annotation, or by a label of its own name; Flux by labels;
    Helm by annotations. An operator is the controller in the owner references. Who merely wrote
    the object once, as kubectl does, is no owner.
    (argo-cd.readthedocs.io, user-guide/resource_tracking; fluxcd.io, components/kustomize;
    helm.sh, docs/howto/charts_tips_and_tricks)
    """
    labels, annotations = metadata.labels, metadata.annotations
    managers = {m.name for m in metadata.managers}
    if TRACKING in annotations or "argocd.argoproj.io/instance" in labels:
        app = annotations.get(TRACKING, "").partition(":")[0]
        return _argo(app or labels.get("argocd.argoproj.io/instance", ""))
    if managers & {"argocd-controller", "argocd-application-controller"}:
        return _argo("")
    for prefix, kind in (("kustomize", "Kustomization"), ("helm", "HelmRelease")):
        name = labels.get(f"{prefix}.toolkit.fluxcd.io/name")
        if name or f"{prefix}-controller" in managers:
            said = f"Flux {kind} {name or ''}".rstrip()
            return Owner(said, "at its next reconciliation", "its source")
    operator = next(
        (
            o
            for o in metadata.owner_references
            if o.controller and o.api_version.rpartition("/")[0] not in CORE_GROUPS
        ),
        None,
    )
    if operator is not None:
        said = f"{operator.kind} {operator.name}"
        return Owner(said, "as soon as its operator looks again", "its settings")
    release = annotations.get(RELEASE)
    if release or managers & {"helm", "Helm"}:
        said = f"Helm release {release or ''}".rstrip()
        return Owner(said, "at the next helm upgrade", "its chart or values")
    return None


def controller_of(metadata: ObjectMeta) -> OwnerReference | None:
    """The object whose controller made this one; None where it has no such owner."""
    return next((o for o in metadata.owner_references if o.controller), None)


def maker_of(pod: ObjectMeta, namespace: str) -> Subject | None:
    """The workload that made the pod, as far as the pod itself tells: no ReplicaSet of another one.

    None where it has none, or where its ReplicaSet is of a workload that is not known.
    """
    owner = controller_of(pod)
    if owner is None:
        return None
    if owner.kind == "ReplicaSet":
        for label, kind in REVISION_LABELS.items():
            if (value := pod.labels.get(label)) is not None:
                name = owner.name.removesuffix(f"-{value}")
                known = name != owner.name
                return Subject(kind=kind, namespace=namespace, name=name) if known else None
    return Subject(kind=owner.kind, namespace=namespace, name=owner.name)


def _argo(application: str) -> Owner:
    said = f"Argo CD application {application}".rstrip()
    return Owner(said, "at its next sync", "its source")
