"""What a client's pod meets on its way: what became of the name, its owner, the way to DNS."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Absence, Client, InCluster, ServiceEvidence
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service
from kubectl_portcheck.model.probes import Attempt, Outcome
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.semantics import seat
from kubectl_portcheck.semantics.case import ServiceCase
from tests.unit.semantics.documents import document

RIGHT, WRONG = "10.96.0.10", "192.0.2.1"
NODE_RESOLVER = {"dnsPolicy": "Default"}


def pod(name: str = "web", namespace: str = "front", **more: Any) -> Pod:
    document: dict[str, Any] = {
        "metadata": {"name": name, "namespace": namespace, **more.pop("metadata", {})},
        "spec": {"containers": [{"name": "app"}], **more.pop("spec", {})},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.9"}], **more},
    }
    return msgspec.convert(document, Pod)


def dns(outcome: str, *addresses: str, answers: list[tuple[str, str, str]] | None = None) -> Dns:
    """``answers`` are protocol, outcome and address."""
    return msgspec.convert(
        {
            "resolver": {"nameservers": ["10.96.0.2"]},
            "lookup": {
                "name": "checkout.shop.",
                "tool": "getent",
                "outcome": outcome,
                "addresses": list(addresses),
            },
            "answers": [
                {
                    "server": "10.96.0.2",
                    "protocol": protocol,
                    "tool": "python3",
                    "outcome": result,
                    "addresses": [address] if address else [],
                }
                for protocol, result, address in answers or []
            ],
        },
        Dns,
    )


def client(found: Dns | Missing | None = None, of: Pod | None = None, **more: Any) -> InCluster:
    looked = Missing(reason=Reason.NOT_ASKED) if found is None else found
    return InCluster(
        namespace="front",
        pod="web",
        client=Client(pod=of) if of else None,
        dns=looked if isinstance(looked, Missing) else Observed(value=looked),
        **more,
    )


def service(**spec: Any) -> Service:
    metadata = {"name": "checkout", "namespace": "shop"}
    return msgspec.convert({"metadata": metadata, "spec": {"clusterIP": RIGHT, **spec}}, Service)


def slices(*addresses: str) -> Observed[tuple[EndpointSlice, ...]]:
    written = {"metadata": {"name": "s"}, "endpoints": [{"addresses": [a]} for a in addresses]}
    empty = {"metadata": {"name": "e"}, "endpoints": None}
    return Observed(value=tuple(msgspec.convert(d, EndpointSlice) for d in (written, empty)))


def case_of(who: InCluster, of: Service | None = None, **evidence: Any) -> ServiceCase:
    return ServiceCase(
        ServiceEvidence(service=of or service(), in_cluster=Observed(value=who), **evidence)
    )


def named(found: Dns, who: Pod | None = None, **more: Any) -> tuple[str, tuple[str, ...]]:
    seen = seat.seen(case_of(client(found, who), **more))
    assert isinstance(seen, seat.Seen)
    return seen.kind, seen.wrong


HEADLESS = service(clusterIP="None")
ALIASES = {"hostAliases": [{"ip": WRONG, "hostnames": ["checkout.shop"]}]}
ALIAS_OF_IT = {"hostAliases": [{"ip": RIGHT, "hostnames": ["checkout.shop"]}]}
ALIAS_OF_OTHERS = {"hostAliases": [{"ip": WRONG, "hostnames": ["cart.shop"]}]}
ABSENT: dict[str, Any] = {"absence": Absence()}


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (dns("answered", RIGHT), "right"),
        (dns("answered", WRONG), "differs"),
        (dns("answered", RIGHT, WRONG), "differs"),
        (dns("no-such-name"), "unknown-name"),
        (dns("no-such-name", answers=[("UDP", "timeout", "")]), "unknown-name"),
        (dns("no-answer"), "no-answer"),
        (dns("no-answer", answers=[("UDP", "no-such-name", "")]), "unknown-name"),
        (dns("no-answer", answers=[("TCP", "answered", "")]), "no-answer"),
        (dns("no-answer", answers=[("UDP", "unknown", "")]), "no-answer"),
        (dns("unknown"), "unclear"),
        (dns("unknown", answers=[("UDP", "timeout", "")]), "no-answer"),
        (dns("unknown", answers=[("UDP", "refused", ""), ("UDP", "timeout", "")]), "no-answer"),
        (dns("unknown", answers=[("UDP", "unknown", ""), ("UDP", "timeout", "")]), "unclear"),
        (dns("unknown", answers=[("TCP", "timeout", "")]), "unclear"),
        (dns("unknown", answers=[("UDP", "no-such-name", "")]), "unknown-name"),
    ],
)
def test_what_became_of_the_name(found: Dns, kind: str) -> None:
    assert named(found) == (kind, (WRONG,) if kind == "differs" else ())


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (ALIASES, "alias"),
        (ALIAS_OF_IT, "right"),
        (ALIAS_OF_OTHERS, "right"),
    ],
)
def test_an_alias_of_the_pod_comes_before_dns(spec: dict[str, Any], kind: str) -> None:
    assert named(dns("answered", RIGHT), pod(spec=spec))[0] == kind


def test_an_alias_of_a_service_that_does_not_exist() -> None:
    nothing = service(clusterIP="")
    found = dns("answered", WRONG)
    assert named(found, pod(spec=ALIASES), of=nothing, **ABSENT) == ("alias", (WRONG,))
    assert named(found, pod(), of=nothing, **ABSENT) == ("differs", (WRONG,))
    # Which address is right is not known: then none is wrong.
    assert named(found, pod(spec=ALIASES), of=nothing)[0] == "right"


@pytest.mark.parametrize(
    ("spec", "answers", "absent", "kind"),
    [
        (NODE_RESOLVER, [("UDP", "no-such-name", "")], False, "skips"),
        (NODE_RESOLVER, [], False, "skips"),
        (NODE_RESOLVER, [("UDP", "answered", WRONG)], False, "skips"),
        (NODE_RESOLVER, [("UDP", "answered", RIGHT)], False, "unknown-name"),
        (NODE_RESOLVER, [("UDP", "no-such-name", "")], True, "unknown-name"),
        ({"hostNetwork": True}, [], False, "skips"),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, [], False, "unknown-name"),
        ({"dnsPolicy": "ClusterFirst"}, [], False, "unknown-name"),
        ({}, [], False, "unknown-name"),
    ],
)
def test_a_pod_that_asks_the_resolver_of_its_node(
    spec: dict[str, Any], answers: list[tuple[str, str, str]], absent: bool, kind: str
) -> None:
    found = dns("no-such-name", answers=answers)
    assert named(found, pod(spec=spec), **(ABSENT if absent else {}))[0] == kind


def test_addresses_of_a_headless_service_come_and_go() -> None:
    known: dict[str, Any] = {"endpoint_slices": slices("10.0.0.1", "10.0.0.2")}
    assert named(dns("answered", "10.0.0.1", WRONG), of=HEADLESS, **known) == ("right", ())
    assert named(dns("answered", WRONG), of=HEADLESS, **known) == ("differs", (WRONG,))
    assert named(dns("answered", WRONG), of=HEADLESS)[0] == "right", "none is known to be right"


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (service(), {RIGHT}),
        (service(clusterIPs=[RIGHT, "fd00::10"]), {RIGHT, "fd00::10"}),
        (service(clusterIP=""), set()),
        (service(clusterIP="", clusterIPs=["None"]), set()),
        (HEADLESS, {"10.0.0.1"}),
        (service(type="ExternalName", externalName="example.com"), set()),
    ],
)
def test_the_addresses_that_the_name_should_lead_to(of: Service, expected: set[str]) -> None:
    case = case_of(client(), of, endpoint_slices=slices("10.0.0.1"))
    assert seat.rightful(case) == expected


def test_where_nothing_was_asked_of_dns() -> None:
    assert seat.seen(ServiceCase(ServiceEvidence(service=service()))) is None
    assert seat.seen(case_of(client())) is None
    why = Missing(reason=Reason.NO_SHELL, detail="no program in the image")
    assert seat.seen(case_of(client(why))) == why


def owned(kind: str, name: str, *, controller: bool = True, hashed: str = "") -> Pod:
    owner = {"kind": kind, "name": name, "controller": controller}
    labels = {"pod-template-hash": hashed} if hashed else {}
    return pod(metadata={"ownerReferences": [owner], "labels": labels})


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (owned("ReplicaSet", "web-7d9", hashed="7d9"), ("Deployment", "web")),
        (owned("ReplicaSet", "web-7d9"), ("ReplicaSet", "web-7d9")),
        (owned("ReplicaSet", "web-7d9", hashed="5c4"), None),
        (owned("Rollout", "web-7d9", hashed="7d9"), ("Rollout", "web-7d9")),
        (owned("StatefulSet", "web"), ("StatefulSet", "web")),
        (owned("Node", "one", controller=False), None),
        (pod(), None),
    ],
)
def test_the_workload_of_a_pod(of: Pod, expected: tuple[str, str] | None) -> None:
    found = seat.owner_of(client(of=of))
    assert (found and (found.kind, found.name)) == expected
    assert seat.owner_of(client()) is None


DNS_SERVICE = msgspec.convert(
    {
        "metadata": {"name": "kube-dns", "namespace": "kube-system"},
        "spec": {
            "selector": {"k8s-app": "kube-dns"},
            "ports": [
                {"name": "metrics", "port": 9153},
                {"name": "dns-tcp", "port": 53, "targetPort": 5353},
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
            ],
        },
    },
    Service,
)


def to_dns(*pods: Pod, of: Service = DNS_SERVICE, **more: Any) -> tuple[seat.ToDns, ...]:
    given = more.pop("server", {"network_policies": NONE})
    server = ServiceEvidence(service=of, pods=Observed(value=pods), **given)
    who = InCluster(
        namespace="front",
        pod="web",
        client=Client(pod=pod(), policies=more.pop("policies", NONE)),
        dns_server=Observed(value=server),
    )
    return seat.to_dns(case_of(who, **more), who)


NONE: Observed[tuple[NetworkPolicy, ...]] = Observed(value=())
COREDNS = pod("coredns", "kube-system")


def network(space: str, **spec: Any) -> Observed[tuple[NetworkPolicy, ...]]:
    metadata = {"name": "closed", "namespace": space}
    made = msgspec.convert(
        {"metadata": metadata, "spec": {"podSelector": {}, **spec}}, NetworkPolicy
    )
    return Observed(value=(made,))


def test_the_way_to_each_dns_pod() -> None:
    ended = pod("old", "kube-system", phase="Succeeded")
    (way,) = to_dns(ended, COREDNS)
    assert (way.pod.metadata.name, way.port) == ("coredns", 5353)
    assert (way.udp.allowed, way.tcp.allowed) == (True, True)
    ports = [p for p in DNS_SERVICE.spec.ports if p.protocol != "UDP"]
    tcp_only = msgspec.structs.replace(
        DNS_SERVICE, spec=msgspec.structs.replace(DNS_SERVICE.spec, ports=tuple(ports))
    )
    assert to_dns(COREDNS, of=tcp_only) == ()


def test_policies_of_both_ends_stop_the_way_to_dns() -> None:
    closed = network("front", policyTypes=["Egress"])
    (way,) = to_dns(COREDNS, policies=closed)
    assert (way.udp.egress.allowed, way.udp.ingress.allowed) == (False, True)
    udp = {"port": 5353, "protocol": "UDP"}
    only = network("front", policyTypes=["Egress"], egress=[{"ports": [udp]}])
    (way,) = to_dns(COREDNS, policies=only)
    assert (way.udp.allowed, way.tcp.allowed) == (True, False)
    (way,) = to_dns(COREDNS, server={"network_policies": network("kube-system")})
    assert (way.udp.egress.allowed, way.udp.ingress.allowed) == (True, False)
    spec = {
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    }
    guards: Observed[tuple[Guard, ...]] = Observed(
        value=(document("AdminNetworkPolicy", spec, "").guard,)
    )
    (way,) = to_dns(COREDNS, guards=guards)
    assert way.udp.allowed is False
    (way,) = to_dns(COREDNS, server={"network_policies": NONE, "guards": guards})
    assert way.udp.allowed is False


@pytest.mark.parametrize(
    ("reason", "allowed"),
    [
        (Reason.NOT_ASKED, True),
        (Reason.NOT_RECORDED, True),
        (Reason.NOT_SERVED, True),
        (Reason.FORBIDDEN, None),
        (Reason.TIMED_OUT, None),
    ],
)
def test_policies_that_were_not_read_may_stop_it(reason: Reason, allowed: bool | None) -> None:
    (way,) = to_dns(COREDNS, policies=Missing(reason=reason, detail="no list"))
    assert (way.udp.allowed, way.udp.why) == (allowed, "" if allowed else "no list")
    (way,) = to_dns(COREDNS, server={"network_policies": Missing(reason=reason)})
    assert (way.udp.allowed, way.udp.why) == (allowed, "" if allowed else str(reason))


def test_the_way_to_dns_is_not_known_without_its_ends() -> None:
    case = case_of(client())
    assert seat.to_dns(case, client(of=pod())) == ()
    unlisted = ServiceEvidence(service=DNS_SERVICE, pods=Missing(reason=Reason.FORBIDDEN))
    assert seat.to_dns(case, client(of=pod(), dns_server=Observed(value=unlisted))) == ()
    listed = ServiceEvidence(service=DNS_SERVICE, pods=Observed(value=(COREDNS,)))
    assert seat.to_dns(case, client(dns_server=Observed(value=listed))) == ()


def attempt(outcome: Outcome, *, to: str = "") -> Attempt:
    return Attempt(pod=to, port=80, path="in-cluster", outcome=outcome)


ACCEPTED, REFUSED, SKIPPED = attempt("accepted"), attempt("refused"), attempt("skipped")
TO_POD, POD_REFUSES = attempt("accepted", to="checkout-1"), attempt("refused", to="checkout-1")
OK, NAMELESS, UNCLEAR = dns("answered", RIGHT), dns("no-such-name"), dns("unknown")


@pytest.mark.parametrize(
    ("found", "attempts", "connects", "served"),
    [
        (OK, (ACCEPTED,), True, True),
        (OK, (REFUSED,), False, False),
        (OK, (ACCEPTED, REFUSED), False, False),
        (OK, (ACCEPTED, SKIPPED), True, True),
        (OK, (ACCEPTED, attempt("unknown")), True, True),
        (OK, (SKIPPED,), None, None),
        (OK, (), None, None),
        (OK, (ACCEPTED, POD_REFUSES), True, True),
        (OK, (TO_POD,), True, True),
        (OK, (TO_POD, POD_REFUSES), False, False),
        (NAMELESS, (ACCEPTED,), True, False),
        (NAMELESS, (), None, False),
        (UNCLEAR, (ACCEPTED,), True, None),
        (UNCLEAR, (REFUSED,), False, False),
        (None, (ACCEPTED,), True, None),
        (None, (), None, None),
        (None, (REFUSED,), False, False),
    ],
)
def test_whether_a_pod_is_served(
    found: Dns | None, attempts: tuple[Attempt, ...], connects: bool | None, served: bool | None
) -> None:
    (met,) = seat.met(case_of(client(found, attempts=attempts)))
    assert (met.connects, met.served) == (connects, served)


def test_what_each_pod_met() -> None:
    other = client(OK, attempts=(TO_POD, ACCEPTED))
    first = client(OK, of=pod(spec={"nodeName": "one"}), attempts=(REFUSED,), others=(other,))
    beside = (TO_POD, msgspec.structs.replace(POD_REFUSES, path="pod-proxy"))
    own, theirs = seat.met(case_of(first, attempts=beside))
    assert (own.service, own.pods, own.node) == (("refused",), ("accepted",), "one")
    assert (theirs.service, theirs.pods, theirs.node) == (("accepted",), ("accepted",), "")
    assert seat.met(ServiceCase(ServiceEvidence(service=service()))) == ()


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("checkout.shop.svc.cluster.local.", "cluster.local"),
        ("checkout.shop.svc.corp.example", "corp.example"),
        ("checkout.shop.svc", ""),
        ("checkout.shop", ""),
        ("example.com", ""),
    ],
)
def test_the_domain_of_a_full_name(name: str, domain: str) -> None:
    assert seat.asked_domain(name) == domain


def test_the_clusters_domain_is_that_of_the_search_list() -> None:
    found = dns("answered")
    assert seat.domain_of(found) == "cluster.local"
    search = ("front.svc.corp.example", "svc.corp.example", "corp.example")
    resolver = msgspec.structs.replace(found.resolver, search=search)
    assert seat.domain_of(msgspec.structs.replace(found, resolver=resolver)) == "corp.example"


def test_answers_by_protocol() -> None:
    found = dns("answered", answers=[("UDP", "timeout", ""), ("TCP", "refused", "")])
    assert [a.outcome for a in seat.by_protocol(found, "TCP")] == ["refused"]
