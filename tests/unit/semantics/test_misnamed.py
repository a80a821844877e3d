"""What names a Service that does not exist, and which Service it seems to mean."""

from typing import Any

import msgspec
import pytest
import yaml

from kubectl_portcheck.collect.manifests.neighbours import as_evidence, shape_of
from kubectl_portcheck.model.evidence import Misnamed
from kubectl_portcheck.semantics import misnamed
from kubectl_portcheck.semantics.needs import Leading

SPECS = {
    "Ingress": "spec: {defaultBackend: {service: {name: NAME, port: {number: 80}}}}",
    "HTTPRoute": "spec: {rules: [{backendRefs: [{name: NAME, port: 80}]}]}",
    "VirtualService": "spec: {http: [{route: [{destination: {host: NAME}}]}]}",
    "ServiceEntry": "spec: {hosts: [NAME.default.svc.cluster.local]}",
    "MutatingWebhookConfiguration": "webhooks: [{name: a.b.c, "
    "clientConfig: {service: {name: NAME, namespace: default}}}]",
}


def naming(name: str, kind: str = "Ingress") -> str:
    space = "" if "Configuration" in kind else ", namespace: default"
    spec = SPECS[kind].replace("NAME", name)
    return f"kind: {kind}\nmetadata: {{name: shop{space}}}\n{spec}\n"


def found(services: str, *documents: str) -> list[Misnamed]:
    """What seems to mean the first of the Services of the namespace."""
    by_field: dict[str, list[Any]] = {"Ingress": [], "HTTPRoute": [], "": []}
    for text in documents:
        data = yaml.safe_load(text)
        kind = data["kind"]
        value = as_evidence(kind, msgspec.convert(data, shape_of(kind)))
        by_field[kind if kind in by_field else ""].append(value)
    names = services.split()
    meant = misnamed.misnamed(Leading("default", *by_field.values()), names)
    return list(meant.get(names[0], ()))


@pytest.mark.parametrize("kind", sorted({*SPECS} - {"ServiceEntry"}))
def test_each_kind_of_reference_with_a_mistyped_name_is_found(kind: str) -> None:
    [one] = found("checkout", naming("chekcout", kind))
    assert (one.kind, one.name, one.service) == (kind, "shop", "chekcout")
    assert one.namespace == ("" if "Configuration" in kind else "default")


@pytest.mark.parametrize(
    "name", ["checkouts", "checkout-svc", "check-out", "shop-checkout", "chckout"]
)
def test_names_that_nearly_fit_mean_the_service(name: str) -> None:
    own = "shop-chekcout" if name.startswith("shop") else "checkout"
    assert [one.service for one in found(own, naming(name))] == [name]


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("checkout-v1", "checkout-v2"),
        ("checkout-1", "checkout-2"),
        ("checkout-external", "checkout"),
        ("checkout", "checkout-web"),
        ("cm-acme-http-solver-4f7xk", "cm-acme-http-solver-b9zqp"),
        ("checkout", "cart"),
        ("redisstore6", "redisstore7"),
        ("shop-checkout", "ship-chekcout"),
        ("checkout", "checkout"),
    ],
)
def test_siblings_and_others_are_not_meant(own: str, name: str) -> None:
    assert found(own, naming(name)) == []


def test_a_service_that_exists_is_meant_by_its_name() -> None:
    assert found("checkout checkouts", naming("checkouts")) == []


def test_of_several_services_the_nearest_is_meant() -> None:
    assert found("checkout checkouts-web", naming("checkout-web")) == []
    assert len(found("checkouts-web checkout", naming("checkout-web"))) == 1


def test_what_leads_to_another_namespace_means_no_service_of_this_one() -> None:
    away = naming("chekcout", "HTTPRoute").replace("port: 80", "port: 80, namespace: other")
    assert found("checkout", away) == []


def test_a_service_entry_of_the_mesh_has_the_name() -> None:
    entry = naming("chekcout", "ServiceEntry")
    assert found("checkout", naming("chekcout", "VirtualService"), entry) == []


def test_the_action_of_an_aws_load_balancer_is_no_service() -> None:
    action = naming("ssl-redirect").replace("number: 80", "name: use-annotation")
    assert found("ssl-redirects", action) == []
    assert len(found("ssl-redirects", naming("ssl-redirect"))) == 1


def test_no_more_than_so_many_words_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    several = [naming(name).replace("shop", name) for name in ("cart", "chekcout")]
    assert len(found("checkout", *several)) == 1
    monkeypatch.setattr(misnamed, "MOST", 1)
    assert found("checkout", *several) == []
