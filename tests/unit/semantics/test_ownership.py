"""Who made an object, and who keeps it as it is."""

import pytest

from kubectl_portcheck.model.objects import FieldManager, ObjectMeta, OwnerReference
from kubectl_portcheck.semantics.ownership import TRACKING, maker_of, owner_of

FLUX = "kustomize.toolkit.fluxcd.io"


def managed(name: str) -> ObjectMeta:
    return ObjectMeta(managers=(FieldManager(name=name, sets=("ports",)),))


def owned(api_version: str, *, controller: bool = True) -> ObjectMeta:
    owner = OwnerReference(kind="Shop", name="main", api_version=api_version, controller=controller)
    return ObjectMeta(owner_references=(owner,))


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        (ObjectMeta(annotations={"meta.helm.sh/release-name": "shop"}), "Helm release shop"),
        (managed("helm"), "Helm release"),
        (
            ObjectMeta(annotations={TRACKING: "web:/Service:shop/checkout"}),
            "Argo CD application web",
        ),
        (ObjectMeta(labels={"argocd.argoproj.io/instance": "web"}), "Argo CD application web"),
        (managed("argocd-controller"), "Argo CD application"),
        (
            ObjectMeta(labels={"kustomize.toolkit.fluxcd.io/name": "apps"}),
            "Flux Kustomization apps",
        ),
        (
            # Flux installs releases by Helm, and it is Flux that puts them back.
            ObjectMeta(
                labels={"helm.toolkit.fluxcd.io/name": "shop"},
                annotations={"meta.helm.sh/release-name": "shop"},
            ),
            "Flux HelmRelease shop",
        ),
        (owned("shops.example.org/v1"), "Shop main"),
    ],
)
def test_an_owner_is_named(metadata: ObjectMeta, name: str) -> None:
    found = owner_of(metadata)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "metadata",
    [
        ObjectMeta(),
        managed("kubectl-client-side-apply"),
        managed("kubectl-edit"),
        # What `helm template | kubectl apply` leaves behind: no release would put it back.
        ObjectMeta(labels={"app.kubernetes.io/managed-by": "Helm"}),
        # Argo CD's old default label is everybody's.
        ObjectMeta(labels={"app.kubernetes.io/instance": "web"}),
        owned("apps/v1"),
        owned("shops.example.org/v1", controller=False),
    ],
)
def test_who_wrote_it_once_is_no_owner(metadata: ObjectMeta) -> None:
    assert owner_of(metadata) is None


def made(kind: str, name: str, *, controller: bool = True, **labels: str) -> ObjectMeta:
    owner = OwnerReference(kind=kind, name=name, controller=controller)
    marks = {label.replace("_", "-"): value for label, value in labels.items()}
    return ObjectMeta(owner_references=(owner,), labels=marks)


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (made("ReplicaSet", "web-7d9", pod_template_hash="7d9"), ("Deployment", "web")),
        (made("ReplicaSet", "web-7d9", rollouts_pod_template_hash="7d9"), ("Rollout", "web")),
        (made("ReplicaSet", "web-7d9"), ("ReplicaSet", "web-7d9")),
        # A Deployment may have taken over a ReplicaSet of another name.
        (made("ReplicaSet", "web-7d9", pod_template_hash="5c4"), None),
        (made("ReplicaSet", "web7d9", pod_template_hash="7d9"), None),
        (made("Rollout", "web-7d9", pod_template_hash="7d9"), ("Rollout", "web-7d9")),
        (made("StatefulSet", "web"), ("StatefulSet", "web")),
        (made("Node", "one", controller=False), None),
        (ObjectMeta(), None),
    ],
)
def test_the_maker_of_a_pod(pod: ObjectMeta, expected: tuple[str, str] | None) -> None:
    found = maker_of(pod, "shop")
    assert (found and (found.kind, found.name)) == expected
    assert found is None or found.namespace == "shop"
