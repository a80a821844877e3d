"""Which objects refer to a Service or to its pods, and by what."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Client, InCluster, ServiceEvidence
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Referrer,
    Route,
)
from kubectl_portcheck.semantics.concerning import concerning
from kubectl_portcheck.semantics.references import (
    class_of,
    granted,
    is_for_mesh,
    looks_into,
    may_select,
    refusals,
    uses_of_ingress,
    uses_of_route,
    watches,
)
from tests.unit.semantics.documents import Document, document
from tests.unit.semantics.test_cilium import policy as cilium

GATEWAY = "gateway.networking.k8s.io"


def backend(to: str = "checkout", **port: Any) -> dict[str, Any]:
    return {"service": {"name": to, "port": port or {"number": 80}}}


def ingress(name: str = "shop", **spec: Any) -> Ingress:
    annotations = spec.pop("annotations", {})
    metadata = {"name": name, "annotations": annotations}
    return msgspec.convert({"metadata": metadata, "spec": spec}, Ingress)


def rule(host: str, *paths: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"host": host, "http": {"paths": [{"path": p, "backend": b} for p, b in paths]}}


def test_the_places_of_an_ingress_that_name_a_service() -> None:
    resource = {"resource": {"kind": "StorageBucket"}}
    found = uses_of_ingress(
        ingress(
            defaultBackend=backend("web"),
            rules=[
                rule("a.example", ("/x", backend()), ("/y", resource)),
                rule("", ("", backend("cart", name="http"))),
            ],
        )
    )
    assert [(u.where, u.service, u.port.name or u.port.number, u.pointer) for u in found] == [
        ("default backend", "web", 80, "/spec/defaultBackend/service/port"),
        ("a.example/x", "checkout", 80, "/spec/rules/0/http/paths/0/backend/service/port"),
        ("*/", "cart", "http", "/spec/rules/1/http/paths/0/backend/service/port"),
    ]
    assert uses_of_ingress(ingress()) == []
    assert uses_of_ingress(ingress(defaultBackend=resource)) == []


def test_the_class_of_an_ingress() -> None:
    old = {"kubernetes.io/ingress.class": "old"}
    assert class_of(ingress(ingressClassName="new", annotations=old)) == "new"
    assert class_of(ingress(annotations=old)) == "old"
    assert class_of(ingress()) == ""


def route(
    *rules: dict[str, Any], kind: str = "HTTPRoute", namespace: str = "shop", **more: Any
) -> Route:
    metadata = {"name": "r", "namespace": namespace}
    spec = {"rules": list(rules), "parentRefs": more.pop("parents", [])}
    return msgspec.convert({"metadata": metadata, "kind": kind, "spec": spec, **more}, Route)


def ref(name: str = "checkout", **more: Any) -> dict[str, Any]:
    return {"name": name, "port": 80, **more}


def mirror(to: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": to}}


def test_the_services_of_a_route() -> None:
    found = uses_of_route(
        route(
            {
                "backendRefs": [
                    ref(filters=[{"type": "x"}, mirror(ref("copy", namespace="other"))]),
                    ref("bucket", kind="Bucket"),
                    ref("alien", group="example.com"),
                    ref("core", group="core"),
                ],
                "filters": [mirror(ref("log"))],
            }
        )
    )
    at = "/spec/rules/0"
    assert [(u.service, u.namespace, u.pointer) for u in found] == [
        ("checkout", "shop", f"{at}/backendRefs/0"),
        ("copy", "other", f"{at}/backendRefs/0/filters/1/requestMirror/backendRef"),
        ("core", "shop", f"{at}/backendRefs/3"),
        ("log", "shop", f"{at}/filters/0/requestMirror/backendRef"),
    ]


SERVICE_PARENT = {"name": "checkout", "kind": "Service", "group": ""}


@pytest.mark.parametrize(
    ("parents", "mesh"),
    [
        ([], False),
        ([{"name": "edge"}], False),
        ([SERVICE_PARENT], True),
        ([{**SERVICE_PARENT, "group": "core"}], True),
        ([{**SERVICE_PARENT, "group": "example.com"}], False),
        ([SERVICE_PARENT, {"name": "edge"}], False),
    ],
)
def test_routes_that_a_mesh_reads(parents: list[dict[str, str]], mesh: bool) -> None:
    assert is_for_mesh(route(parents=parents)) is mesh


def test_what_gateways_say_of_a_route() -> None:
    def condition(kind: str, status: str, **more: str) -> dict[str, str]:
        return {"type": kind, "status": status, **more}

    status = {
        "parents": [
            {
                "parentRef": {"name": "edge"},
                "conditions": [
                    condition(
                        "ResolvedRefs", "False", reason="RefNotPermitted", message="no grant"
                    ),
                    condition("Accepted", "False"),
                ],
            },
            {"conditions": [condition("ResolvedRefs", "False")]},
            {"conditions": [condition("ResolvedRefs", "True")]},
        ]
    }
    found = route(status=status)
    assert [(r.said.source, r.said.words) for r in refusals(found)] == [
        ("Gateway edge", "RefNotPermitted: no grant"),
        ("its Gateway", "ResolvedRefs"),
    ]
    assert [r.reason for r in refusals(found, ("Accepted",))] == ["Accepted"]


def grant(from_: dict[str, str], to: dict[str, str]) -> ReferenceGrant:
    spec = {"from": [{"group": "x", "kind": "x", "namespace": "x"}, from_], "to": [to]}
    return msgspec.convert({"metadata": {"name": "g"}, "spec": spec}, ReferenceGrant)


FROM = {"group": GATEWAY, "kind": "HTTPRoute", "namespace": "front"}
TO = {"group": "", "kind": "Service"}
SERVICE = msgspec.convert(
    {
        "metadata": {"name": "checkout", "namespace": "shop", "labels": {"app": "checkout"}},
        "spec": {"selector": {"app": "checkout"}},
    },
    Service,
)


@pytest.mark.parametrize(
    ("from_", "to", "allowed"),
    [
        (FROM, TO, True),
        (FROM, {**TO, "name": "checkout"}, True),
        (FROM, {**TO, "name": "cart"}, False),
        (FROM, {**TO, "group": "core"}, True),
        (FROM, {**TO, "group": "apps"}, False),
        (FROM, {**TO, "kind": "Secret"}, False),
        ({**FROM, "namespace": "other"}, TO, False),
        ({**FROM, "kind": "GRPCRoute"}, TO, False),
        ({**FROM, "group": ""}, TO, False),
    ],
)
def test_a_grant_for_a_route(from_: dict[str, str], to: dict[str, str], allowed: bool) -> None:
    asking = route(namespace="front")
    assert granted([grant(from_, to)], asking, SERVICE) is allowed
    assert granted([grant(from_, to), grant(FROM, TO)], asking, SERVICE)
    # One part of each of two grants is no grant.
    assert not granted(
        [grant({**FROM, "kind": "x"}, TO), grant(FROM, {**TO, "kind": "x"})], asking, SERVICE
    )


def pod(name: str = "checkout-1", namespace: str = "shop", app: str = "checkout") -> Pod:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": app}}
    return msgspec.convert({"metadata": metadata, "spec": {"containers": [{"name": "app"}]}}, Pod)


ELSEWHERE = {"matchLabels": {"io.kubernetes.pod.namespace": "front"}}
BY_LABEL = {"matchLabels": {"io.cilium.k8s.namespace.labels.team": "a"}}


def clusterwide(**selector: Any) -> Document:
    return cilium("CiliumClusterwideNetworkPolicy", "", endpointSelector=selector, ingress=[{}])


@pytest.mark.parametrize(
    ("guard", "may"),
    [
        (cilium(ingress=[{}]), True),
        (cilium(namespace="front", ingress=[{}]), False),
        (cilium(endpointSelector={"matchLabels": {"app": "cart"}}, ingress=[{}]), False),
        (clusterwide(), True),
        (clusterwide(**ELSEWHERE), False),
        (clusterwide(matchLabels={"io.kubernetes.pod.namespace": "shop"}), True),
        (clusterwide(**BY_LABEL), True),
        (clusterwide(matchLabels={"app": "cart"}), False),
    ],
)
def test_whether_a_policy_may_be_about_a_pod(guard: Document, may: bool) -> None:
    assert may_select(guard.guard, pod()) is may


def test_a_policy_without_a_namespace_is_of_the_default_one() -> None:
    here = document("CiliumNetworkPolicy", {"endpointSelector": {}, "ingress": [{}]}, "").guard
    assert may_select(here, pod(namespace="default"))
    assert may_select(here, pod(namespace=""))
    assert not may_select(here, pod())


def monitor(kind: str = "ServiceMonitor", namespace: str = "shop", **spec: Any) -> Monitor:
    metadata = {"name": "m", "namespace": namespace}
    return msgspec.convert({"metadata": metadata, "kind": kind, "spec": spec}, Monitor)


@pytest.mark.parametrize(
    ("found", "sees"),
    [
        (monitor(), True),
        (monitor(namespace="monitoring"), False),
        (monitor(namespace="monitoring", namespaceSelector={"any": True}), True),
        (monitor(namespace="monitoring", namespaceSelector={"matchNames": ["shop"]}), True),
        (monitor(namespaceSelector={"matchNames": ["other"]}), False),
    ],
)
def test_whether_a_monitor_looks_into_the_namespace(found: Monitor, sees: bool) -> None:
    assert looks_into(found, "shop") is sees
    assert watches(found, SERVICE, []) is sees


@pytest.mark.parametrize(
    ("kind", "labels", "pods", "watched"),
    [
        ("ServiceMonitor", {"app": "checkout"}, [], True),
        ("ServiceMonitor", {"app": "cart"}, [pod(app="cart")], False),
        ("PodMonitor", {"app": "checkout"}, [], False),
        ("PodMonitor", {"app": "checkout"}, [pod()], True),
        ("PodMonitor", {"app": "cart"}, [pod()], False),
        ("PodMonitor", {"app": "cart"}, [pod(), pod(app="cart")], True),
    ],
)
def test_what_a_monitor_watches(
    kind: str, labels: dict[str, str], pods: list[Pod], watched: bool
) -> None:
    assert watches(monitor(kind, selector={"matchLabels": labels}), SERVICE, pods) is watched


def observed(*objects: Any) -> Any:
    return Observed(value=objects)


def network(name: str, app: str) -> NetworkPolicy:
    spec = {"podSelector": {"matchLabels": {"app": app}}}
    return msgspec.convert(
        {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}, NetworkPolicy
    )


def referrer(name: str, service: str, namespace: str = "shop") -> Referrer:
    reference = {"where": "webhook", "service": service, "namespace": namespace}
    document = {
        "metadata": {"name": name},
        "kind": "ValidatingWebhookConfiguration",
        "references": [reference],
    }
    return msgspec.convert(document, Referrer)


def names(part: Any) -> list[str]:
    return [o.metadata.name for o in part.value]


def test_only_what_concerns_the_service_is_kept() -> None:
    path = ("/x", backend())
    client = Client(pod=pod("web", "front", app="web"))
    mine, theirs = (
        document(
            "CiliumNetworkPolicy",
            {"endpointSelector": {"matchLabels": {"app": app}}, "ingress": [{}]},
            "front",
            app,
        ).guard
        for app in ("web", "worker")
    )
    found = concerning(
        ServiceEvidence(
            service=SERVICE,
            pods=observed(pod()),
            ingresses=observed(
                ingress("mine", rules=[rule("a", path)]),
                ingress("rival", rules=[rule("a", ("/x", backend("cart")))]),
                ingress("other", rules=[rule("b", ("/x", backend("cart")))]),
                ingress("by-default", defaultBackend=backend()),
            ),
            routes=observed(route({"backendRefs": [ref()]}), route({"backendRefs": [ref("cart")]})),
            referrers=observed(
                referrer("mine", "checkout"),
                referrer("cart", "cart"),
                referrer("elsewhere", "checkout", "other"),
            ),
            network_policies=observed(network("mine", "checkout"), network("other", "cart")),
            guards=observed(mine, theirs),
            mesh_policies=observed(theirs, mine),
            monitors=observed(monitor(), monitor(namespace="monitoring")),
            in_cluster=Observed(value=InCluster(namespace="front", pod="web", client=client)),
        )
    )
    assert names(found.ingresses) == ["by-default", "mine", "rival"]
    assert isinstance(found.routes, Observed)
    assert [u.service for r in found.routes.value for u in uses_of_route(r)] == ["checkout"]
    assert names(found.referrers) == ["mine"]
    assert names(found.network_policies) == ["mine"]
    assert names(found.guards) == names(found.mesh_policies) == ["web"]
    assert len(names(found.monitors)) == 1


def test_what_was_not_read_stays_so() -> None:
    missing = Missing(reason=Reason.FORBIDDEN)
    found = concerning(
        ServiceEvidence(
            service=SERVICE, pods=missing, ingresses=missing, referrers=missing, guards=missing
        )
    )
    assert (found.ingresses, found.referrers, found.guards) == (missing, missing, missing)
