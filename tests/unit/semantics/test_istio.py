"""Istio's PeerAuthentication and AuthorizationPolicy, for a pod with a sidecar."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.guards import Identity
from kubectl_portcheck.model.objects import ObjectMeta, Pod, Service
from kubectl_portcheck.semantics import istio_inbound, sidecar
from kubectl_portcheck.semantics.admission import mesh_admits_anyone
from kubectl_portcheck.semantics.annotations import ISTIO_PORTS
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.peers import Peer
from tests.unit.semantics.documents import Document, document

EXCLUDED, INCLUDED = ISTIO_PORTS


def pod(*names: str, **annotations: str) -> Pod:
    metadata = {
        "name": "checkout-1",
        "namespace": "shop",
        "labels": {"app": "checkout"},
        "annotations": annotations,
    }
    spec = {"containers": [{"name": n} for n in names or ("app", "istio-proxy")]}
    return msgspec.convert({"metadata": metadata, "spec": spec}, Pod)


def read(kind: str, spec: dict[str, Any], namespace: str = "shop", **annotations: str) -> Document:
    return document(kind, spec, namespace, annotations=annotations)


def peer(mode: str, namespace: str = "shop", *, app: str = "", **ports: str) -> Document:
    spec: dict[str, Any] = {"mtls": {"mode": mode}} if mode else {}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {p.removeprefix("p"): {"mode": m} for p, m in ports.items()}
    return read("PeerAuthentication", spec, namespace)


MODES: dict[str, tuple[list[Document], str]] = {
    "nothing": ([], "PERMISSIVE"),
    "the mesh": ([peer("STRICT", "istio-system")], "STRICT"),
    "another namespace": ([peer("STRICT", "other")], "PERMISSIVE"),
    "the namespace before the mesh": (
        [peer("STRICT", "istio-system"), peer("PERMISSIVE")],
        "PERMISSIVE",
    ),
    "the pods before the namespace": (
        [peer("PERMISSIVE"), peer("STRICT", app="checkout")],
        "STRICT",
    ),
    "other pods": ([peer("STRICT", app="web")], "PERMISSIVE"),
    "unset inherits": (
        [peer("STRICT", "istio-system"), peer("UNSET"), peer("", app="checkout")],
        "STRICT",
    ),
    "the port": ([peer("STRICT", app="checkout", p8080="DISABLE")], "DISABLE"),
    "another port": ([peer("STRICT", app="checkout", p80="DISABLE")], "STRICT"),
    "a port without a selector does not count": ([peer("STRICT", p8080="DISABLE")], "STRICT"),
    "a selector in the root namespace does not count": (
        [peer("STRICT", "istio-system", app="checkout")],
        "PERMISSIVE",
    ),
    "two of the same standing": (
        [peer("STRICT", app="checkout"), peer("PERMISSIVE", app="checkout")],
        "",
    ),
}


@pytest.mark.parametrize("case", MODES)
def test_the_mode_of_a_port(case: str) -> None:
    policies, mode = MODES[case]
    service = Service(metadata=ObjectMeta(name="checkout", namespace="shop"))
    evidence = ServiceEvidence(
        service=service, mesh_policies=Observed(value=tuple(p.guard for p in policies))
    )
    assert istio_inbound.mode(ServiceCase(evidence), pod(), 8080).name == mode


def policy(*rules: dict[str, Any], namespace: str = "shop", **spec: Any) -> Document:
    return read("AuthorizationPolicy", {"rules": list(rules), **spec}, namespace)


def to(*ports: str, **more: Any) -> dict[str, Any]:
    return {"to": [{"operation": {"ports": list(ports), **more}}]}


def source(**fields: Any) -> dict[str, Any]:
    return {"from": [{"source": fields}]}


WEB = {"from": [{"source": {"namespaces": ["web"]}}]}

POLICIES: dict[str, tuple[list[Document], bool | None]] = {
    "nothing": ([], True),
    "no rule allows nothing": ([policy()], False),
    "an empty rule allows all": ([policy({})], True),
    "the port": ([policy(to("8080"))], True),
    "the Service's port": ([policy(to("80"))], False),
    "one of two": ([policy(to("80")), policy(to("8080"))], True),
    "not the port": ([policy({"to": [{"operation": {"notPorts": ["8080"]}}]})], False),
    "some clients": ([policy({**WEB, **to("8080")})], None),
    "some clients to another port": ([policy({**WEB, **to("80")})], False),
    "deny comes first": ([policy({}), policy(to("8080"), action="DENY")], False),
    "deny another port": ([policy(to("80"), action="DENY")], True),
    "deny some, and allow nothing": (
        [policy(WEB, action="DENY"), policy(to("80"))],
        False,
    ),
    "other pods": ([policy(selector={"matchLabels": {"app": "web"}})], True),
    "another namespace": ([policy(namespace="other")], True),
    "the mesh": ([policy(namespace="istio-system")], False),
    "audit": ([policy(action="AUDIT")], True),
    "custom": ([policy({}, action="CUSTOM")], None),
    "methods": ([policy(to("8080", methods=["GET"]))], None),
    "methods of another port": ([policy(to("80", methods=["GET"]))], False),
    "denied methods": ([policy(to(methods=["GET"]), action="DENY")], None),
    "principals": ([policy({"from": [{"source": {"principals": ["*"]}}]})], None),
    "conditions": ([policy({"when": [{"key": "source.ip"}]})], None),
    "a gateway's": ([policy(targetRefs=[{"kind": "Gateway", "name": "edge"}])], True),
    "only reported": (
        [read("AuthorizationPolicy", {}, **{"istio.io/dry-run": "true"})],
        True,
    ),
}


@pytest.mark.parametrize("case", POLICIES)
def test_whether_any_client_may_connect(case: str) -> None:
    policies, allowed = POLICIES[case]
    guards = [p.guard for p in policies]
    assert mesh_admits_anyone(Peer(pod(), {}), 8080, "TCP", guards).allowed == allowed


@pytest.mark.parametrize(
    ("rule", "beyond"),
    [
        ({}, ""),
        (to("8080"), ""),
        (to("80*"), "ports by a pattern"),
        ({"to": [{"operation": {"notPorts": ["80*"]}}]}, "ports by a pattern"),
        (to(hosts=["example.com"]), "HTTP rules"),
        (to(notPaths=["/healthz"]), "HTTP rules"),
        ({"when": [{"key": "source.ip"}]}, "conditions"),
        ({**to("80*"), "when": [{"key": "source.ip"}]}, "ports by a pattern, conditions"),
        (WEB, ""),
        (source(namespaces=["web-*", "*-web"]), ""),
        (source(namespaces=["web-*-1"]), "namespaces by a pattern"),
        (source(notNamespaces=["*web*"]), "namespaces by a pattern"),
        (source(notIpBlocks=["10.0.0.0/8"]), ""),
        (source(ipBlocks=["10.0.0.0/8"]), ""),
        (source(principals=["*"], serviceAccounts=["shop/web"]), ""),
        (source(requestPrincipals=["*"]), "request principals"),
        (source(notRemoteIpBlocks=["10.0.0.0/8"]), "forwarded addresses"),
        (source(trustDomains=["td"]), "trust domains"),
        (source(namespaces=["a"], serviceAccounts=["b"]), "namespaces beside service accounts"),
    ],
)
def test_what_of_a_rule_is_not_compared(rule: dict[str, Any], beyond: str) -> None:
    (read_rule,) = policy(rule).guard.parts[0].rules
    assert read_rule.beyond == beyond


def test_the_sources_of_a_rule() -> None:
    addresses = ["10.0.0.0/8", "192.0.2.1", "fd00::1"]
    found = policy({"from": [{"source": {"ipBlocks": addresses}}, *WEB["from"]]}).guard
    by_address, by_namespace = found.parts[0].rules[0].peers or ()
    cidrs = [b.cidr for b in by_address.blocks or ()]
    assert cidrs == ["10.0.0.0/8", "192.0.2.1/32", "fd00::1/128"]
    assert by_address.identities is None
    assert by_namespace.blocks is None
    assert by_namespace.identities == (Identity(namespace="web"),)


def test_sources_that_are_not_compared_stand_apart() -> None:
    jwt = {"source": {"requestPrincipals": ["*"]}}
    found = policy({"from": [*WEB["from"], jwt]}).guard
    assert [r.beyond for r in found.parts[0].rules] == ["", "request principals"]


@pytest.mark.parametrize(
    ("found", "judged"),
    [
        (pod(), True),
        (pod("app"), False),
        (pod("istio-proxy"), False),
        (pod(**{EXCLUDED: "9000, 8080"}), False),
        (pod(**{EXCLUDED: "80"}), True),
        (pod(**{INCLUDED: "*"}), True),
        (pod(**{INCLUDED: "8080"}), True),
        (pod(**{INCLUDED: "80"}), False),
        (pod(**{INCLUDED: ""}), False),
    ],
)
def test_which_ports_go_through_the_sidecar(found: Pod, judged: bool) -> None:
    assert sidecar.judges(found, 8080) == judged
    assert not sidecar.judges(found, 15021)
