"""Istio's policies for one client: its identity, and which Services its sidecar knows of.

No proxy of Istio was asked: the answers are those of its reference and of its source.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED, InCluster, ServiceEvidence
from kubectl_portcheck.model.objects import ObjectMeta, Pod, Service, ServicePort
from kubectl_portcheck.model.references import Reference, Referrer
from kubectl_portcheck.model.seat import Dns, NameLookup, Resolver
from kubectl_portcheck.semantics import istio_client, istio_egress, istio_inbound
from kubectl_portcheck.semantics.annotations import (
    AMBIENT,
    ISTIO_CAPTURE,
    ISTIO_SKIPPED_OUT,
    ISTIO_WAYPOINT,
)
from kubectl_portcheck.semantics.case import Case
from tests.unit.semantics.documents import Document, document
from tests.unit.semantics.test_istio import peer, policy, source, to


def pod(name: str, *more: str, namespace: str = "shop", **annotations: str) -> Pod:
    """A pod of a service account of the same name."""
    metadata = {"name": f"{name}-1", "namespace": namespace, "labels": {"app": name}}
    spec = {"serviceAccountName": name, "containers": [{"name": n} for n in ("app", *more)]}
    status = {"podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}]}
    found = {"metadata": {**metadata, "annotations": annotations}, "spec": spec, "status": status}
    return msgspec.convert(found, Pod)


CHECKOUT = pod("checkout", "istio-proxy")
WEB, PLAIN = pod("web", "istio-proxy", namespace="front"), pod("web", namespace="front")
ON_NODE = msgspec.structs.replace(
    PLAIN, spec=msgspec.structs.replace(PLAIN.spec, host_network=True)
)


def leading(kind: str, **modes: str) -> Referrer:
    """An object that leads to the Service."""
    reference = Reference(where="host checkout", service="checkout", namespace="shop")
    return Referrer(
        kind=kind,
        metadata=ObjectMeta(name="one", namespace="shop"),
        references=(reference,),
        tls_modes=modes,
    )


def case(
    *documents: Document,
    referrers: tuple[Referrer, ...] = (),
    domain: str = "",
    labels: dict[str, str] | None = None,
    waypoint: str = "",
    **spec: Any,
) -> Callable[[], Case]:
    """Makes the case in the test that asks it; the labels are those of the Service's namespace."""

    def made() -> Case:
        found = _case(documents, referrers, domain, spec)
        service = found.evidence.service
        own = {ISTIO_WAYPOINT: waypoint} if waypoint else {}
        metadata = msgspec.structs.replace(service.metadata, labels=own)
        evidence = msgspec.structs.replace(
            found.evidence,
            service=msgspec.structs.replace(service, metadata=metadata),
            namespace_labels=NOT_ASKED if labels is None else Observed(value=labels),
        )
        return Case(evidence, found.port)

    return made


def _case(
    documents: tuple[Document, ...],
    referrers: tuple[Referrer, ...],
    domain: str,
    spec: dict[str, Any],
) -> Case:
    port = ServicePort(port=80, target_port=8080)
    made = {"selector": {"app": "checkout"}, **spec}
    service = msgspec.convert(
        {"metadata": {"name": "checkout", "namespace": "shop"}, "spec": made}, Service
    )
    search = (f"front.svc.{domain}", f"svc.{domain}", domain)
    lookup = NameLookup(name="checkout.shop", tool="python3", outcome="answered")
    dns = Dns(resolver=Resolver(search=search), lookup=lookup)
    client = InCluster(namespace="front", pod="web-1")
    if domain:
        client = msgspec.structs.replace(client, dns=Observed(value=dns))
    evidence = ServiceEvidence(
        service=service,
        mesh_policies=Observed(value=tuple(d.guard for d in documents)),
        referrers=Observed(value=referrers),
        in_cluster=Observed(value=client),
    )
    return Case(evidence, port)


def only(**fields: Any) -> Document:
    """A policy that allows only these sources."""
    return policy(source(**fields))


def denied(**fields: Any) -> Document:
    return policy(source(**fields), action="DENY")


SOURCES: dict[str, tuple[Document, bool | None, bool | None]] = {
    "the principal": (only(principals=["cluster.local/ns/front/sa/web"]), True, False),
    "of another account": (only(principals=["cluster.local/ns/front/sa/api"]), False, False),
    "of another namespace": (only(principals=["cluster.local/ns/shop/sa/web"]), False, False),
    "of another trust domain": (only(principals=["td/ns/front/sa/web"]), None, False),
    "of any trust domain": (only(principals=["*/ns/front/sa/web"]), True, False),
    "with the end of a trust domain": (only(principals=["*al/ns/front/sa/web"]), None, False),
    "with the end of an account": (only(principals=["*eb"]), True, False),
    "with another end": (only(principals=["*/sa/api"]), False, False),
    "of every account": (only(principals=["cluster.local/ns/front/sa/*"]), True, False),
    "of every account there": (only(principals=["cluster.local/ns/shop/sa/*"]), False, False),
    "with a short beginning": (only(principals=["cluster.local/ns/front/*"]), None, False),
    "with the beginning of a domain": (only(principals=["cluster*"]), None, False),
    "that is none": (only(principals=["web"]), False, False),
    "any principal": (only(principals=["*"]), True, False),
    "not the principal": (
        only(notPrincipals=["cluster.local/ns/front/sa/web"]),
        False,
        True,
    ),
    "not another principal": (only(notPrincipals=["*/sa/api"]), True, True),
    "the namespace": (only(namespaces=["other", "front"]), True, False),
    "a namespace that begins so": (only(namespaces=["fr*"]), True, False),
    "a namespace that ends so": (only(namespaces=["*ont"]), True, False),
    "any namespace": (only(namespaces=["*"]), True, False),
    "another namespace": (only(namespaces=["front-2"]), False, False),
    "not the namespace": (only(notNamespaces=["front"]), False, True),
    "the service account": (only(serviceAccounts=["front/web"]), True, False),
    "that of the policy's namespace": (only(serviceAccounts=["web"]), False, False),
    "not the service account": (only(notServiceAccounts=["front/web"]), False, True),
    "the principal and the namespace": (
        only(principals=["*/sa/web"], namespaces=["front"]),
        True,
        False,
    ),
    "the principal and another namespace": (
        only(principals=["*/sa/web"], namespaces=["shop"]),
        False,
        False,
    ),
    "the address": (only(ipBlocks=["10.0.0.0/24"]), True, True),
    "another address": (only(ipBlocks=["10.9.0.0/24"]), False, False),
    "not the address": (only(notIpBlocks=["10.0.0.9"]), False, False),
    "the namespace at another address": (
        only(namespaces=["front"], ipBlocks=["10.9.0.0/24"]),
        False,
        False,
    ),
    "a token": (only(requestPrincipals=["*"]), None, None),
    "a token of another namespace": (
        only(namespaces=["shop"], requestPrincipals=["*"]),
        False,
        False,
    ),
    "another port": (policy({**source(namespaces=["front"]), **to("80")}), False, False),
    "the port": (policy({**source(namespaces=["front"]), **to("8080")}), True, False),
    "a condition": (policy({**source(namespaces=["front"]), "when": [{"key": "a"}]}), None, False),
    "a method": (policy({**source(namespaces=["front"]), **to(methods=["GET"])}), None, False),
    "denied": (denied(namespaces=["front"]), False, True),
    "denied elsewhere": (denied(namespaces=["shop"]), True, True),
    "denied without an identity": (denied(notPrincipals=["*"]), True, False),
    "denied by a method": (
        policy({**source(namespaces=["front"]), **to(methods=["GET"])}, action="DENY"),
        None,
        True,
    ),
    "custom": (policy(source(namespaces=["front"]), action="CUSTOM"), None, True),
}


@pytest.mark.parametrize("words", SOURCES)
def test_what_a_policy_says_of_a_client(words: str) -> None:
    document, in_mesh, outside = SOURCES[words]
    asked = case(document)()
    assert istio_client.admits(asked, WEB, CHECKOUT, 8080).allowed == in_mesh
    assert istio_client.admits(asked, PLAIN, CHECKOUT, 8080).allowed == outside


def test_deny_comes_before_allow() -> None:
    asked = case(policy({}), denied(serviceAccounts=["front/web"]))()
    assert istio_client.admits(asked, WEB, CHECKOUT, 8080).allowed is False


def test_a_pod_reaches_itself() -> None:
    asked = case(policy())()
    assert istio_client.admits(asked, CHECKOUT, CHECKOUT, 8080).allowed
    assert not istio_client.admits(asked, WEB, CHECKOUT, 8080).allowed


def test_the_address_of_a_pod_on_its_nodes_network_is_not_known() -> None:
    asked = case(only(ipBlocks=["10.0.0.0/24"]))()
    assert istio_client.admits(asked, ON_NODE, CHECKOUT, 8080).allowed is None


@pytest.mark.parametrize(
    ("reason", "known"), [(Reason.FORBIDDEN, False), (Reason.NOT_SERVED, True)]
)
def test_without_the_destination_rules_the_identity_is_not_known(
    reason: Reason, known: bool
) -> None:
    asked = case(FRONT)()
    missing = Missing(reason=reason, detail="destinationrules: forbidden")
    asked = Case(msgspec.structs.replace(asked.evidence, referrers=missing), asked.port)
    side = istio_client.admits(asked, WEB, CHECKOUT, 8080)
    assert side.allowed == (True if known else None)
    assert side.why.endswith("" if known else "destinationrules: forbidden")


FRONT = only(namespaces=["front"])
AWAY = "Sidecar"


def limits(*hosts: str, namespace: str = "front", port: int = 0, **spec: Any) -> Document:
    """A Sidecar that imports these hosts."""
    entry = {"hosts": list(hosts), **({"port": {"number": port}} if port else {})}
    return document(AWAY, {"egress": [entry], **spec}, namespace)


SHOWS: dict[str, tuple[Callable[[], Case], Pod, bool | None]] = {
    "its own": (case(FRONT), WEB, True),
    "to pods that take no mutual TLS": (case(FRONT, peer("DISABLE")), WEB, False),
    "to pods that take nothing else": (case(FRONT, peer("STRICT")), WEB, True),
    "to pods with two modes": (case(FRONT, peer("STRICT"), peer("PERMISSIVE")), WEB, None),
    "past the sidecar": (
        case(FRONT),
        pod("web", "istio-proxy", namespace="front", **{ISTIO_SKIPPED_OUT: "80"}),
        False,
    ),
    "another port past the sidecar": (
        case(FRONT),
        pod("web", "istio-proxy", namespace="front", **{ISTIO_SKIPPED_OUT: "8080"}),
        True,
    ),
    "the pod's port of a headless Service past it": (
        case(FRONT, clusterIP="None"),
        pod("web", "istio-proxy", namespace="front", **{ISTIO_SKIPPED_OUT: "8080"}),
        False,
    ),
    "by ranges that are not compared": (
        case(FRONT),
        pod("web", "istio-proxy", namespace="front", **{ISTIO_CAPTURE[1]: "10.0.0.0/8"}),
        None,
    ),
    "by a DestinationRule without TLS": (
        case(FRONT, referrers=(leading("DestinationRule", **{"": "DISABLE"}),)),
        WEB,
        None,
    ),
    "by a DestinationRule with the mesh's": (
        case(FRONT, referrers=(leading("DestinationRule", **{"": "ISTIO_MUTUAL"}),)),
        WEB,
        True,
    ),
    "to endpoints that are written by hand": (case(FRONT, selector={}), WEB, None),
    "to a host that the sidecar does not know of": (case(FRONT, limits("./*")), WEB, False),
}


@pytest.mark.parametrize("words", SHOWS)
def test_whether_a_client_shows_its_identity(words: str) -> None:
    asked, client, allowed = SHOWS[words]
    side = istio_client.admits(asked(), client, CHECKOUT, 8080)
    assert side.allowed == allowed
    assert bool(side.why) == (allowed is None)


IN_AMBIENT = {AMBIENT: "enabled"}
ZTUNNEL = pod("checkout", **IN_AMBIENT)
AMBIENT_WEB = pod("web", namespace="front", **IN_AMBIENT)
OTHERS = only(namespaces=["other"])
GET = policy({**source(namespaces=["front"]), **to(methods=["GET"])})
EITHER = {"to": [{"operation": {"ports": ["8080"]}}, {"operation": {"methods": ["GET"]}}]}
IN_ZTUNNEL: dict[str, tuple[Callable[[], Case], bool | None]] = {
    "without policies": (case(), True),
    "its own identity": (case(FRONT, waypoint="none"), True),
    "another's": (case(OTHERS, waypoint="none"), False),
    "to pods that would take no mutual TLS": (
        case(FRONT, peer("DISABLE"), waypoint="none"),
        True,
    ),
    "through a waypoint": (case(FRONT, waypoint="gate"), None),
    "another's through a waypoint": (case(OTHERS, waypoint="gate"), None),
    "a waypoint is not known": (case(FRONT), None),
    "no waypoint of the namespace": (case(FRONT, labels={}), True),
    "a waypoint of the namespace": (case(FRONT, labels={ISTIO_WAYPOINT: "gate"}), None),
    "by attributes of HTTP": (case(GET, waypoint="none"), False),
    "by a token": (case(only(requestPrincipals=["*"]), waypoint="none"), False),
    "by a condition of HTTP": (
        case(policy({"when": [{"key": "request.headers[a]"}]}), waypoint="none"),
        False,
    ),
    "by a condition of connections": (
        case(policy({"when": [{"key": "source.ip"}]}), waypoint="none"),
        None,
    ),
    "by HTTP in one of two rules": (case(GET, FRONT, waypoint="none"), True),
    "by HTTP in one of two operations": (case(policy(EITHER), waypoint="none"), False),
    "denied by attributes of HTTP": (
        case(policy(to(methods=["GET"]), action="DENY"), waypoint="none"),
        None,
    ),
    "attached to a waypoint": (
        case(policy(targetRefs=[{"kind": "Service", "name": "checkout"}]), waypoint="none"),
        True,
    ),
}


@pytest.mark.parametrize("words", IN_ZTUNNEL)
def test_what_ztunnel_says_of_a_client(words: str) -> None:
    asked, allowed = IN_ZTUNNEL[words]
    side = istio_client.admits(asked(), AMBIENT_WEB, ZTUNNEL, 8080)
    assert side.allowed == allowed
    assert bool(side.why) == (allowed is None)


@pytest.mark.parametrize(
    ("client", "server", "allowed"),
    [(WEB, ZTUNNEL, None), (AMBIENT_WEB, CHECKOUT, None), (PLAIN, ZTUNNEL, False)],
)
def test_what_sidecars_and_ztunnel_show_each_other_is_not_known(
    client: Pod, server: Pod, allowed: bool | None
) -> None:
    asked = case(FRONT, waypoint="none")()
    assert istio_client.admits(asked, client, server, 8080).allowed is allowed


@pytest.mark.parametrize(
    ("found", "enforced"),
    [
        (ZTUNNEL, True),
        (pod("checkout", **{AMBIENT: "pending"}), False),
        (pod("checkout", "istio-proxy", **IN_AMBIENT), True),
        (pod("checkout"), False),
    ],
)
def test_which_pods_have_their_policies_enforced(found: Pod, enforced: bool) -> None:
    assert istio_inbound.enforces(found, 8080) == enforced
    assert istio_inbound.in_ambient(found) == (found is ZTUNNEL)
    assert not istio_inbound.enforces(found, 15008)


def sidecar(namespace: str, *hosts: str, app: str = "", name: str = "guard") -> Document:
    selector = {"workloadSelector": {"labels": {"app": app}}} if app else {}
    return document(AWAY, {"egress": [{"hosts": list(hosts)}], **selector}, namespace, name)


HOST = "checkout.shop.svc.cluster.local"
ROUTED = (leading("VirtualService"),)
SCOPES: dict[str, tuple[Callable[[], Case], bool | None]] = {
    "nothing": (case(), True),
    "without hosts": (case(document(AWAY, {}, "front")), True),
    "the namespace": (case(limits("./*", "shop/*")), True),
    "the own namespace": (case(limits("./*", "istio-system/*")), False),
    "every namespace": (case(limits("*/*")), True),
    "none": (case(limits("~/*")), False),
    "the host": (case(limits(f"shop/{HOST}")), True),
    "the host anywhere": (case(limits(f"*/{HOST}")), True),
    "the host elsewhere": (case(limits(f"front/{HOST}")), False),
    "another host": (case(limits(f"shop/x{HOST}")), False),
    "a short name": (case(limits("shop/checkout")), False),
    "no namespace": (case(limits(HOST)), False),
    "the hosts of the namespace": (case(limits("*/*.shop.svc.cluster.local")), True),
    "the hosts of another namespace": (case(limits("*/*.front.svc.cluster.local")), False),
    "the hosts of the cluster": (case(limits("*/*.svc.cluster.local")), True),
    "the hosts of a domain": (case(limits("*/*.local")), True),
    "the hosts of another domain": (case(limits("*/*.lan")), None),
    "the hosts of a domain that is not the cluster's": (
        case(limits("*/*.lan"), domain="cluster.local"),
        False,
    ),
    "the hosts of the cluster's domain": (case(limits("*/*.lan"), domain="corp.lan"), True),
    "taken out": (case(limits("*/*", "~shop/*")), None),
    "another taken out": (case(limits("*/*", "~other/*")), True),
    "taken out and not named": (case(limits("./*", "~shop/*")), False),
    "for the port": (case(limits("shop/*", port=80)), True),
    "for another port": (case(limits("shop/*", port=8080)), False),
    "the entry of the port in place of the other": (
        case(
            document(
                AWAY,
                {"egress": [{"port": {"number": 80}, "hosts": ["./*"]}, {"hosts": ["*/*"]}]},
                "front",
            )
        ),
        False,
    ),
    "the mesh": (case(sidecar("istio-system", "./*")), False),
    "the namespace before the mesh": (
        case(sidecar("istio-system", "./*"), sidecar("front", "*/*")),
        True,
    ),
    "the pods before the namespace": (
        case(sidecar("front", "*/*"), sidecar("front", "./*", app="web")),
        False,
    ),
    "other pods": (case(sidecar("front", "./*", app="api")), True),
    "another namespace's": (case(sidecar("shop", "./*")), True),
    "pods of the root namespace": (case(sidecar("istio-system", "./*", app="web")), True),
    "two beside each other": (
        case(sidecar("front", "./*", name="a"), sidecar("front", "*/*", name="b")),
        None,
    ),
    "a VirtualService leads there": (case(limits("./*"), referrers=ROUTED), None),
    "known, and a VirtualService leads there": (case(limits("shop/*"), referrers=ROUTED), True),
}


@pytest.mark.parametrize("words", SCOPES)
def test_whether_a_sidecar_knows_of_the_service(words: str) -> None:
    asked, known = SCOPES[words]
    found = istio_egress.scope(asked(), WEB)
    assert found.known == known
    assert bool(found.why) == (known is None)


@pytest.mark.parametrize(
    ("spec", "unmatched"),
    [
        ({}, ""),
        ({"outboundTrafficPolicy": {}}, "REGISTRY_ONLY"),
        ({"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}, "REGISTRY_ONLY"),
        ({"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}, "ALLOW_ANY"),
    ],
)
def test_what_becomes_of_connections_to_other_hosts(spec: dict[str, Any], unmatched: str) -> None:
    found = istio_egress.scope(case(limits("./*", **spec))(), WEB)
    assert (found.known, found.unmatched) == (False, unmatched)
