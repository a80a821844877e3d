"""Policies of Calico and of the Network Policy API: asked in turn, beside NetworkPolicies."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.admission import ANY_POD, ANYONE, Admitted, admits
from kubectl_portcheck.semantics.guards.calico_selectors import NotCompared, selectors, ways
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.selectors import holds
from kubectl_portcheck.semantics.sides import Policies
from tests.unit.semantics.documents import Document, document
from tests.unit.semantics.test_cilium import pod
from tests.unit.semantics.test_cilium import policy as cilium

SERVER, CLIENT = pod("checkout", "shop"), pod("web", "front")
LABELS = {"team": "sales"}
CALICO = "NetworkPolicy.projectcalico.org"
GLOBAL = "GlobalNetworkPolicy"
ADMIN = "AdminNetworkPolicy"
BASELINE = "BaselineAdminNetworkPolicy"
CLUSTER = "ClusterNetworkPolicy"


def read(kind: str, spec: dict[str, Any], name: str = "guard", namespace: str = "shop") -> Document:
    return document(kind, spec, namespace, name)


def network(**spec: Any) -> NetworkPolicy:
    document = {
        "metadata": {"name": "np", "namespace": "shop"},
        "spec": {"podSelector": {}, **spec},
    }
    return msgspec.convert(document, NetworkPolicy)


def ask(
    *guards: Document,
    client: Peer | None = None,
    network: tuple[NetworkPolicy, ...] = (),
    port: int = 8080,
    server: Pod = SERVER,
    labels: dict[str, str] | None = None,
) -> Admitted:
    client = client or Peer(CLIENT, LABELS)
    known = Policies(network, {}, [g.guard for g in guards])
    return admits(client, Peer(server, labels or {}), port, "TCP", known, "IPv4")


def calico(
    *rules: dict[str, Any], kind: str = CALICO, name: str = "guard", **spec: Any
) -> Document:
    return read(kind, {"ingress": list(rules), "types": ["Ingress"], **spec}, name)


def rule(action: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"action": action, **more}


def source(**more: Any) -> dict[str, Any]:
    return rule(source=more)


TO_8080: dict[str, Any] = {"protocol": "TCP", "destination": {"ports": [8080]}}
OF_FRONT = {"namespaceSelector": "projectcalico.org/name == 'front'"}

CALICO_CASES: dict[str, tuple[list[Document], bool | None]] = {
    "other pods": ([calico(selector="app == 'x'")], True),
    "no rule at all": ([calico()], False),
    "everyone": ([calico(rule())], True),
    "the port": ([calico(rule(**TO_8080))], True),
    "another port": ([calico(rule(protocol="TCP", destination={"ports": [80]}))], False),
    "a range": ([calico(rule(protocol="TCP", destination={"ports": ["8000:9000"]}))], True),
    "by the protocol's number": ([calico(rule(protocol=6))], True),
    "another protocol": ([calico(rule(protocol="UDP"))], False),
    "not that protocol": ([calico(rule(notProtocol="TCP"))], False),
    "not those ports": ([calico(rule(protocol="TCP", destination={"notPorts": [8080]}))], False),
    "not other ports": ([calico(rule(protocol="TCP", destination={"notPorts": [80]}))], True),
    "ICMP alone": ([calico(rule(protocol="ICMP"))], False),
    "its own namespace by default": ([calico(source(selector="app == 'web'"))], False),
    "every namespace": (
        [calico(source(selector="app == 'web'", namespaceSelector="all()"))],
        True,
    ),
    "a namespace by its name": ([calico(source(**OF_FRONT))], True),
    "a namespace by its label": ([calico(source(namespaceSelector="team == 'sales'"))], True),
    "of no namespace": ([calico(source(namespaceSelector="global()"))], False),
    "global by labels": (
        [calico(source(selector="app in {'web', 'api'}"), kind=GLOBAL, selector="has(app)")],
        True,
    ),
    "global for namespaces": (
        [calico(kind=GLOBAL, namespaceSelector="kubernetes.io/metadata.name == 'other'")],
        True,
    ),
    "not those pods": (
        [calico(source(notSelector="app == 'web'", namespaceSelector="all()"))],
        False,
    ),
    "not other pods": (
        [calico(source(notSelector="app == 'api'", namespaceSelector="all()"))],
        True,
    ),
    "not other pods of its own namespace": ([calico(source(notSelector="app == 'api'"))], False),
    "global, not other pods": ([calico(source(notSelector="app == 'api'"), kind=GLOBAL)], True),
    "a net has pods": ([calico(source(nets=["10.0.0.0/8"]))], True),
    "not that net": ([calico(source(notNets=["10.0.0.0/8"]))], False),
    "the other family": ([calico(rule(ipVersion=6))], False),
    "the destination too": (
        [calico(rule(destination={"selector": "app == 'other'"}))],
        False,
    ),
    "the first rule decides": ([calico(rule("Deny", **TO_8080), rule())], False),
    "the first rule allows": ([calico(rule(**TO_8080), rule("Deny"))], True),
    "a log goes on": ([calico(rule("Log"), rule())], True),
    "a pass goes to what follows": ([calico(rule("Pass"), rule("Deny"))], True),
    "the lower order first": (
        [calico(rule("Deny"), order=10), calico(rule(), order=1, name="early")],
        True,
    ),
    "without an order the last": (
        [calico(rule("Deny")), calico(rule(), order=1e6, name="early")],
        True,
    ),
    "one order, two answers": (
        [calico(rule("Deny"), order=1), calico(rule(), order=1, name="other")],
        None,
    ),
    "one order, one answer": (
        [calico(rule(), order=1), calico(rule(), order=1, name="other")],
        True,
    ),
    "HTTP": ([calico(rule(http={"methods": ["GET"]}))], None),
    "another service account": ([calico(source(serviceAccounts={"names": ["web"]}))], False),
    "service accounts of its own namespace": (
        [calico(source(serviceAccounts={"names": ["default"]}))],
        False,
    ),
    "service accounts of the namespace": (
        [calico(source(serviceAccounts={"names": ["web", "default"]}, **OF_FRONT))],
        True,
    ),
    "service accounts of every namespace": (
        [calico(source(serviceAccounts={"names": ["default"]}), kind=GLOBAL)],
        True,
    ),
    "service accounts by their labels": (
        [calico(source(serviceAccounts={"selector": "team == 'x'"}, **OF_FRONT))],
        None,
    ),
    "service accounts by name and label": (
        [calico(source(serviceAccounts={"names": ["default"], "selector": "has(x)"}, **OF_FRONT))],
        None,
    ),
    "service accounts by another name and by label": (
        [calico(source(serviceAccounts={"names": ["web"], "selector": "has(x)"}, **OF_FRONT))],
        False,
    ),
    "a source's port": ([calico(rule(protocol="TCP", source={"ports": [80]}))], None),
    "not a source's port": ([calico(rule(protocol="TCP", source={"notPorts": [80]}))], None),
    "Services": ([calico(source(services={"name": "web"}))], None),
    "an unknown action": ([calico(rule("Allowed"))], None),
    "a number as text": (
        [calico(rule(protocol="tcp", destination={"ports": ["8080"]}))],
        True,
    ),
    "a range of others": ([calico(rule(protocol="TCP", destination={"ports": ["1:90"]}))], False),
    "a number that is none": ([calico(rule(protocol="TCP", destination={"ports": ["x"]}))], False),
    "this family": ([calico(rule(ipVersion=4))], True),
    "a net of others": ([calico(source(nets=["192.0.2.0/24"]))], False),
    "not a net of others": ([calico(source(notNets=["192.0.2.0/24"]))], True),
    "about nodes, before translation": ([calico(rule("Deny"), kind=GLOBAL, preDNAT=True)], True),
    "rules of both directions, types left out": (
        [read(CALICO, {"ingress": [rule()], "egress": [rule("Deny")]}, namespace="front")],
        False,
    ),
    "no rule, types left out: not egress": ([read(CALICO, {}, namespace="front")], True),
    "no rule, types left out: ingress": ([read(CALICO, {})], False),
    "rules of a type that is not named": (
        [
            read(CALICO, {"types": ["Ingress"], "egress": [rule("Deny")]}, "a", "front"),
            read(CALICO, {"types": ["Egress"], "ingress": [rule("Deny")]}, "b"),
        ],
        True,
    ),
    "another port and HTTP": (
        [calico(rule(http={}, protocol="TCP", destination={"ports": [80]}), rule())],
        True,
    ),
    "a selector beyond": ([calico(source(selector="app starts with 'w'"))], None),
    "pods by a selector beyond": ([calico(selector="app contains 'x'")], None),
    "pods by service account": ([calico(serviceAccountSelector="a == 'b'")], None),
    "pods of every service account": ([calico(serviceAccountSelector="all()")], False),
    "every service account may be a set of networks": (
        [calico(source(serviceAccounts={"selector": "all()"}, **OF_FRONT))],
        None,
    ),
    "so may those without a label": (
        [calico(source(serviceAccounts={"selector": "!has(x)"}, **OF_FRONT))],
        None,
    ),
    "pods of Kubernetes, and no set of networks": (
        [calico(source(selector="projectcalico.org/orchestrator == 'k8s'", **OF_FRONT))],
        True,
    ),
    "everything but pods of Kubernetes": (
        [calico(source(selector="projectcalico.org/orchestrator != 'k8s'", **OF_FRONT))],
        None,
    ),
    "another tier": ([calico(rule(), tier="security")], None),
    "another tier for other pods": ([calico(rule(), tier="security", types=["Egress"])], True),
    "about nodes": ([calico(rule("Deny"), kind=GLOBAL, doNotTrack=True)], True),
    "a copy of a NetworkPolicy": ([calico(rule("Deny"), name="knp.default.np")], True),
    "egress only": ([read(CALICO, {"egress": [rule("Deny")]})], True),
    "egress of the client": (
        [read(CALICO, {"egress": [rule(**TO_8080)]}, namespace="front")],
        True,
    ),
    "egress to elsewhere": (
        [read(CALICO, {"egress": [rule(destination={"nets": ["1.1.1.1/32"]})]}, "x", "front")],
        False,
    ),
}


@pytest.mark.parametrize("case", CALICO_CASES)
def test_a_client_and_policies_of_calico(case: str) -> None:
    guards, allowed = CALICO_CASES[case]
    found = ask(*guards)
    assert (found.allowed, bool(found.why)) == (allowed, allowed is None)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tier": "security"}, "tier security"),
        ({"tier": "security", "selector": "a contains 'b'"}, "tier security"),
        ({"selector": "a contains 'b'"}, "a selector of a kind"),
        ({"serviceAccountSelector": "a == 'b'"}, "selects service accounts"),
        ({"serviceAccountSelector": "a contains 'b'"}, "a selector of a kind"),
    ],
)
def test_what_of_a_policy_of_calico_is_not_compared(more: dict[str, Any], why: str) -> None:
    assert why in ask(calico(rule(), **more)).why


def test_a_named_port_of_calico_is_that_of_the_pod() -> None:
    containers = [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]
    named = calico(rule(protocol="TCP", destination={"ports": ["http"]}))
    assert ask(named, server=pod("checkout", "shop", containers=containers)).allowed
    assert ask(named).allowed is False


def test_network_policies_have_the_order_1000_among_those_of_calico() -> None:
    allow, closed = network(ingress=[{}]), network()
    deny = [rule("Deny")]
    assert ask(calico(*deny, order=999), network=(allow,)).allowed is False
    assert ask(calico(*deny, order=1001), network=(allow,)).allowed
    assert ask(calico(*deny, order=1000), network=(allow,)).allowed is None
    # A NetworkPolicy denies nothing by itself: what it does not allow, the next policy may allow.
    assert ask(calico(rule(), order=2000), network=(closed,)).allowed
    found = ask(calico(order=2000), network=(closed,))
    assert found.allowed is False
    assert {p.metadata.name for p in found.guards} == {"np", "guard"}


def test_a_client_that_is_no_pod_may_be_of_a_network_set() -> None:
    outside = Peer(address="192.0.2.1")
    assert ask(calico(source(selector="role == 'office'")), client=outside).allowed is None
    assert ask(calico(source(nets=["192.0.2.0/24"])), client=outside).allowed


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True),
        ("all()", {}, True),
        ("global()", {}, False),
        ("a == 'b'", {"a": "b"}, True),
        ('a == "b"', {"a": "c"}, False),
        ("a != 'b'", {}, True),
        ("a not in {'b', 'c'}", {"a": "c"}, False),
        ("a in {'b','c',}", {"a": "c"}, True),
        ("has(a)", {"a": ""}, True),
        ("!has(a)", {}, True),
        ("! (a == 'b' || has(c))", {"a": "b"}, False),
        ("! (a == 'b' || has(c))", {"a": "x"}, True),
        ("!(a == 'b' && has(c))", {"a": "b"}, True),
        ("a == 'b' && c == 'd' || e == 'f'", {"e": "f"}, True),
        ("a == 'b' && (c == 'd' || e == 'f')", {"e": "f"}, False),
        ("!!has(a)", {"a": "1"}, True),
        ("k8s-app.kubernetes.io/x-y_z == 'b'", {"k8s-app.kubernetes.io/x-y_z": "b"}, True),
        ("projectcalico.org/orchestrator == 'k8s'", {}, True),
        ("projectcalico.org/orchestrator != 'k8s'", {}, False),
    ],
)
def test_the_selector_language(text: str, labels: dict[str, str], expected: bool) -> None:
    found = selectors(text, "", "", others=False)
    assert any(
        holds(s.pods, labels) and holds(s.namespaces, {}) for s in found if s.namespaces
    ) == (expected)


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a ==", "a == b", "(a == 'b'", "a == 'b')", "a == 'b' c", "a contains 'b'", "&&"),
        *("a in {b}", "a == 'b", "a == 'b' && ", "has(a", "(" * 40 + "all()" + ")" * 40),
        *("a == 'b' &" * 3, "all() || " * 100 + "all()", "a ends with 'x'", "\x1b[0m"),
    ],
)
def test_what_the_selector_language_does_not_hold(text: str) -> None:
    with pytest.raises(NotCompared):
        ways(text)


def admin(*rules: dict[str, Any], kind: str = ADMIN, priority: int = 10, **more: Any) -> Document:
    spec: dict[str, Any] = {"subject": {"namespaces": {}}, "ingress": list(rules), **more}
    if kind != BASELINE:
        spec["priority"] = priority
    return read(kind, spec, more.pop("name", f"guard-{priority}"))


def of(action: str, *peers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"action": action, "from": list(peers) or [{"namespaces": {}}], **more}


SALES = {"namespaces": {"matchLabels": {"team": "sales"}}}
WEB = {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}}
NUMBER = [{"portNumber": {"protocol": "TCP", "port": 8080}}]
CNP: dict[str, Any] = {"kind": CLUSTER, "tier": "Admin"}


def in_range(start: int, end: int) -> dict[str, Any]:
    return {"tcp": {"destinationPort": {"range": {"start": start, "end": end}}}}


ADMIN_CASES: dict[str, tuple[list[Document], tuple[NetworkPolicy, ...], bool | None]] = {
    "no rule isolates nothing": ([admin()], (), True),
    "deny": ([admin(of("Deny"))], (), False),
    "deny before NetworkPolicies": ([admin(of("Deny"))], (network(ingress=[{}]),), False),
    "allow before NetworkPolicies": ([admin(of("Allow"))], (network(),), True),
    "pass to NetworkPolicies": ([admin(of("Pass"), of("Deny"))], (network(),), False),
    "pass to nothing": ([admin(of("Pass"), of("Deny"))], (), True),
    "another rule leaves it to them": ([admin(of("Allow", ports=[]))], (network(),), True),
    "the label of a namespace": ([admin(of("Deny", SALES))], (), False),
    "the label of a pod": ([admin(of("Deny", WEB))], (), False),
    "other pods of the subject": (
        [admin(of("Deny"), subject={"namespaces": {"matchLabels": {"team": "x"}}})],
        (),
        True,
    ),
    "the port": ([admin(of("Deny", ports=NUMBER))], (), False),
    "another port": (
        [admin(of("Deny", ports=[{"portNumber": {"protocol": "TCP", "port": 80}}]))],
        (),
        True,
    ),
    "a range": (
        [admin(of("Deny", ports=[{"portRange": {"start": 8000, "end": 9000}}]))],
        (),
        False,
    ),
    "the lower priority first": (
        [admin(of("Deny"), priority=20), admin(of("Allow"), priority=5)],
        (),
        True,
    ),
    "one priority": (
        [admin(of("Deny"), priority=5), admin(of("Allow"), priority=5, name="other")],
        (),
        None,
    ),
    "an unknown peer": ([admin(of("Deny", {}))], (), None),
    "an unknown subject": ([admin(of("Deny"), subject={})], (), None),
    "an unknown action": ([admin(of("Drop"))], (), None),
    "an unknown action before one that denies": ([admin(of("Drop"), of("Deny"))], (), None),
    "a port of an unknown kind": ([admin(of("Deny", ports=[{}]))], (), None),
    "a protocol of an unknown kind": ([admin(of("Deny", protocols=[{}]), **CNP)], (), None),
    "pods of a namespace": (
        [admin(of("Deny", {"pods": {"namespaceSelector": SALES["namespaces"]}}))],
        (),
        False,
    ),
    "a range of others": (
        [admin(of("Deny", ports=[{"portRange": {"start": 8081, "end": 9000}}]))],
        (),
        True,
    ),
    "another protocol": (
        [admin(of("Deny", ports=[{"portNumber": {"protocol": "UDP", "port": 8080}}]))],
        (),
        True,
    ),
    "a name that the pod has not": ([admin(of("Deny", ports=[{"namedPort": "http"}]))], (), True),
    "baseline": ([admin(of("Deny"), kind=BASELINE)], (), False),
    "baseline after NetworkPolicies": (
        [admin(of("Deny"), kind=BASELINE)],
        (network(ingress=[{}]),),
        True,
    ),
    "baseline allows what comes after it denies": (
        [admin(of("Allow", SALES), of("Deny"), kind=BASELINE)],
        (),
        True,
    ),
    "cluster, deny": ([admin(of("Deny"), **CNP)], (), False),
    "cluster, accept": ([admin(of("Accept"), of("Deny"), **CNP)], (network(),), True),
    "cluster, baseline": (
        [admin(of("Deny"), kind=CLUSTER, tier="Baseline")],
        (network(ingress=[{}]),),
        True,
    ),
    "cluster, the port": (
        [admin(of("Deny", protocols=[{"tcp": {"destinationPort": {"number": 8080}}}]), **CNP)],
        (),
        False,
    ),
    "cluster, another port": (
        [admin(of("Deny", protocols=[{"tcp": {"destinationPort": {"number": 80}}}]), **CNP)],
        (),
        True,
    ),
    "cluster, every TCP port": ([admin(of("Deny", protocols=[{"tcp": {}}]), **CNP)], (), False),
    "cluster, a range": (
        [admin(of("Deny", protocols=[in_range(8000, 8080)]), **CNP)],
        (),
        False,
    ),
    "cluster, a range of others": (
        [admin(of("Deny", protocols=[in_range(8000, 8079)]), **CNP)],
        (),
        True,
    ),
    "cluster, a name that the pod has not": (
        [admin(of("Deny", protocols=[{"destinationNamedPort": "http"}]), **CNP)],
        (),
        True,
    ),
    "cluster, every UDP port": ([admin(of("Deny", protocols=[{"udp": {}}]), **CNP)], (), True),
    "cluster, an unknown tier": ([admin(of("Deny"), kind=CLUSTER, tier="Platform")], (), None),
}


@pytest.mark.parametrize("case", ADMIN_CASES)
def test_a_client_and_policies_of_the_network_policy_api(case: str) -> None:
    guards, several, allowed = ADMIN_CASES[case]
    found = ask(*guards, network=several)
    assert (found.allowed, bool(found.why)) == (allowed, allowed is None)


@pytest.mark.parametrize(
    "rule",
    [
        admin(of("Deny", ports=[{"namedPort": "http"}])),
        admin(of("Deny", protocols=[{"destinationNamedPort": "http"}]), **CNP),
    ],
)
def test_a_named_port_of_the_network_policy_api_is_that_of_the_pod(rule: Document) -> None:
    containers = [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]
    assert ask(rule, server=pod("checkout", "shop", containers=containers)).allowed is False
    assert ask(rule, server=pod("checkout", "shop", containers=containers), port=80).allowed


def test_egress_of_the_network_policy_api() -> None:
    def out(*to: dict[str, Any]) -> Document:
        return admin(egress=[{"action": "Deny", "to": list(to)}])

    assert ask(out({"networks": ["0.0.0.0/0"]})).allowed is False, "networks mean pods as well"
    assert ask(out({"networks": ["192.0.2.0/24"]})).allowed
    several: list[dict[str, Any]] = [{"nodes": {}}, {"domainNames": ["example.com"]}]
    for beyond in several:
        assert ask(out(beyond)).allowed is None


def test_labels_of_a_namespace_that_were_not_read_decide_nothing() -> None:
    subject = {"namespaces": {"matchLabels": {"stage": "live"}}}
    guard = admin(of("Deny"), subject=subject)
    known = Policies((), {}, (guard.guard,))
    unread = admits(Peer(CLIENT, LABELS), Peer(SERVER), 8080, "TCP", known)
    assert (unread.allowed, "labels of shop" in unread.why) == (None, True)
    assert ask(guard, labels={"stage": "live"}).allowed is False
    assert ask(guard, labels={"stage": "test"}).allowed


def test_any_client_and_any_pod() -> None:
    deny = admin(of("Deny"))
    assert ask(deny, client=ANYONE).ingress.allowed is None
    assert ask(deny, client=ANY_POD).ingress.allowed is False
    assert ask(admin(of("Deny", SALES)), client=ANY_POD).ingress.allowed is None
    assert ask(calico(rule("Deny")), client=ANYONE).ingress.allowed is False
    assert ask(calico(source(selector="a == 'b'"), rule("Deny")), client=ANYONE).allowed is None


def test_a_pod_on_the_network_of_its_node_is_no_subject() -> None:
    agent = Peer(pod("agent", "front", hostNetwork=True), LABELS)
    assert ask(admin(of("Deny")), client=agent).allowed
    assert ask(admin(of("Deny")), server=pod("checkout", "shop", hostNetwork=True)).allowed


def test_two_sorts_of_policies_that_say_different_things() -> None:
    closed, open_ = cilium(ingress=[{}]), admin(of("Allow"))
    found = ask(closed, open_)
    assert found.allowed is None
    assert "CiliumNetworkPolicy guard and AdminNetworkPolicy guard-10" in found.why
    assert ask(closed, admin(of("Deny"))).allowed is False


def names(found: Admitted) -> list[str]:
    return sorted(p.metadata.name for p in found.ingress.guards)


def test_the_policies_that_deny_and_those_that_have_a_say() -> None:
    port_80 = [{"portNumber": {"protocol": "TCP", "port": 80}}]
    several = (
        admin(of("Deny", ports=port_80), priority=1),
        admin(of("Deny"), priority=2),
        admin(of("Allow"), priority=3),
    )
    denied = ask(*several)
    assert (denied.allowed, names(denied)) == (False, ["guard-2"])
    assert [p.metadata.name for p in denied.guards] == ["guard-2"]
    allowed = ask(several[0], several[2])
    assert (allowed.allowed, names(allowed)) == (True, ["guard-1", "guard-3"])
    assert [p.metadata.name for p in allowed.ingress.by] == ["guard-3"]
    unknown = ask(admin(of("Deny", {}), priority=1), several[2])
    assert (unknown.allowed, names(unknown)) == (None, ["guard-1", "guard-3"])


def test_policies_of_one_order_that_say_different_things_are_named() -> None:
    deny, allow = calico(rule("Deny"), order=1), calico(rule(), order=1, name="other")
    found = ask(deny, allow)
    kind = CALICO
    assert found.why == (
        f"{kind} other and {kind} guard have the same order and say different things"
    )


def test_why_policies_that_add_up_do_not_decide() -> None:
    by_label = {"from": [{"namespaceSelector": {"matchLabels": {"team": "sales"}}}]}
    unread = Peer(CLIENT)
    elsewhere = cilium(ingress=[{"fromEndpoints": [{}]}])
    found = ask(elsewhere, network=(network(ingress=[by_label]),), client=unread)
    assert (found.allowed, found.why) == (None, "the labels of namespace front were not read")
    unclear = cilium(ingress=[{"toPorts": [{"ports": [], "rules": {"http": [{}]}}]}])
    found = ask(unclear, network=(network(),))
    assert found.allowed is None
    assert found.why == "CiliumNetworkPolicy guard has rules of layer 7, which is not compared"


def test_a_deny_that_is_not_known() -> None:
    http = [{"ports": [{"port": "8080"}], "rules": {"http": [{}]}}]
    deny = cilium(ingressDeny=[{"toPorts": http}], enableDefaultDeny={"ingress": False})
    found = ask(deny)
    assert (found.allowed, "layer 7" in found.why) == (None, True)
    everyone = cilium(ingress=[{"fromEntities": ["all"]}], ingressDeny=[{"toPorts": http}])
    found = ask(everyone)
    assert (found.allowed, "layer 7" in found.why) == (None, True)
    assert [p.metadata.name for p in found.ingress.by] == ["guard"]
    # Where nothing allows it, it does not matter.
    closed = cilium(ingress=[{}], ingressDeny=[{"toPorts": http}])
    assert ask(closed).allowed is False
