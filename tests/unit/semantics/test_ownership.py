"""Who keeps an object as it is."""

import pytest

from kubectl_portcheck.model.objects import FieldManager, ObjectMeta, OwnerReference
from kubectl_portcheck.semantics.ownership import TRACKING, owner_of

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
