"""Linkerd's Servers and what authorizes their clients, for a pod with its proxy.

No proxy of Linkerd was asked: the answers are those of its reference and of the descriptions in
its CRDs.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.kinds import LINKERD
from kubectl_portcheck.model.objects import ObjectMeta, Pod, Service, ServicePort
from kubectl_portcheck.semantics import linkerd_inbound
from kubectl_portcheck.semantics.admission import ANYONE
from kubectl_portcheck.semantics.annotations import LINKERD_POLICY, LINKERD_PORTS
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.guards import joining, linkerd_servers
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.selectors import nearest
from tests.unit.semantics.documents import Document, document

AUTHORIZATION = f"AuthorizationPolicy.{LINKERD}"
ROUTE = f"HTTPRoute.{LINKERD}"


def pod(name: str = "checkout", *proxies: str, namespace: str = "shop", **annotations: str) -> Pod:
    app = {"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}
    spec = {
        "serviceAccountName": name,
        "containers": [app, *({"name": n} for n in proxies)],
    }
    metadata = {
        "name": f"{name}-1",
        "namespace": namespace,
        "labels": {"app": name},
        "annotations": annotations,
    }
    status = {"podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}]}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": status}, Pod)


MESHED, PLAIN = pod("web", "linkerd-proxy"), pod("web")
OTHER = pod("web", "linkerd-proxy", namespace="other")


def read(kind: str, spec: dict[str, Any], name: str = "one", **metadata: Any) -> Document:
    return document(kind, spec, "shop", name, **metadata)


def server(
    port: int | str = 8080, name: str = "http", app: str = "checkout", **more: Any
) -> Document:
    metadata = {k: more.pop(k) for k in ("creationTimestamp", "labels") if k in more}
    spec = {"podSelector": {"matchLabels": {"app": app}}, "port": port, **more}
    return read("Server", spec, name, **metadata)


def ref(kind: str, name: str, group: str = LINKERD, **more: str) -> dict[str, str]:
    return {"group": group, "kind": kind, "name": name, **more}


def policy(
    *required: dict[str, str], kind: str = "Server", target: str = "http", group: str = LINKERD
) -> Document:
    return read(
        AUTHORIZATION,
        {"targetRef": ref(kind, target, group), "requiredAuthenticationRefs": list(required)},
    )


def identities(*texts: str, **more: Any) -> Document:
    return read("MeshTLSAuthentication", {"identities": list(texts)}, "clients", **more)


def accounts(*refs: dict[str, str]) -> Document:
    return read("MeshTLSAuthentication", {"identityRefs": list(refs)}, "clients")


def networks(*ranges: dict[str, Any]) -> Document:
    return read("NetworkAuthentication", {"networks": list(ranges)}, "net")


def server_authorization(client: dict[str, Any], **of: Any) -> Document:
    return read("ServerAuthorization", {"server": of or {"name": "http"}, "client": client})


CLIENTS = ref("MeshTLSAuthentication", "clients")
NET = ref("NetworkAuthentication", "net")
WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local"
EVERYONE = {"cidr": "0.0.0.0/0"}, {"cidr": "::/0"}

ANSWERS: dict[str, tuple[list[Document], tuple[bool | None, bool | None, bool | None]]] = {
    # Any client at all; one in the mesh; one outside of it.
    "nothing": ([], (True, True, True)),
    "a Server alone": ([server()], (False, False, False)),
    "by the port's name": ([server("http")], (False, False, False)),
    "another port": ([server(80)], (True, True, True)),
    "other pods": ([server(app="web")], (True, True, True)),
    "audited": ([server(accessPolicy="audit")], (True, True, True)),
    "denied": ([server(accessPolicy="deny")], (False, False, False)),
    "in the mesh": ([server(accessPolicy="all-authenticated")], (None, True, False)),
    "in the cluster": ([server(accessPolicy="cluster-unauthenticated")], (None, True, True)),
    "in both": ([server(accessPolicy="cluster-authenticated")], (None, True, False)),
    "an unknown word": ([server(accessPolicy="some")], (None, None, None)),
    "all clients": ([server(), policy()], (True, True, True)),
    "every identity": ([server(), policy(CLIENTS), identities("*")], (None, True, False)),
    "the identity": ([server(), policy(CLIENTS), identities(WEB)], (None, True, False)),
    "another identity": (
        [server(), policy(CLIENTS), identities(WEB.replace("web", "api"))],
        (None, False, False),
    ),
    "the namespace": (
        [server(), policy(CLIENTS), identities(WEB.replace("web", "*"))],
        (None, True, False),
    ),
    "another trust domain": (
        [server(), policy(CLIENTS), identities(WEB.replace("cluster.local", "x.org"))],
        (None, None, None),
    ),
    "a ServiceAccount": (
        [server(), policy(CLIENTS), accounts(ref("ServiceAccount", "web", ""))],
        (None, True, False),
    ),
    "one of another namespace": (
        [server(), policy(CLIENTS), accounts(ref("ServiceAccount", "web", "", namespace="x"))],
        (None, False, False),
    ),
    "a whole namespace": (
        [server(), policy(CLIENTS), accounts(ref("Namespace", "shop", ""))],
        (None, True, False),
    ),
    "a ServiceAccount, named by the policy": (
        [server(), policy(ref("ServiceAccount", "web", ""))],
        (None, True, False),
    ),
    "no such authentication": ([server(), policy(CLIENTS)], (False, False, False)),
    "one of another name": (
        [server(), policy(ref("MeshTLSAuthentication", "client")), identities("*")],
        (False, False, False),
    ),
    "all addresses": ([server(), policy(NET), networks(*EVERYONE)], (True, True, True)),
    "some addresses": (
        [server(), policy(NET), networks({"cidr": "10.0.0.0/8"})],
        (None, True, True),
    ),
    "but not these": (
        [server(), policy(NET), networks({"cidr": "10.0.0.0/8", "except": ["10.0.0.0/24"]})],
        (None, False, False),
    ),
    "an identity from some addresses": (
        [server(), policy(CLIENTS, NET), identities("*"), networks({"cidr": "10.0.0.0/8"})],
        (None, True, False),
    ),
    "the same in the other order": (
        [server(), policy(NET, CLIENTS), identities("*"), networks({"cidr": "10.0.0.0/8"})],
        (None, True, False),
    ),
    "for another Server": ([server(), policy(target="admin"), server(90, "admin")], (False,) * 3),
    "for the namespace": (
        [server(), policy(kind="Namespace", target="shop", group="")],
        (True,) * 3,
    ),
    "for a route of the Server": (
        [
            server(),
            policy(kind="HTTPRoute", target="get"),
            read(ROUTE, {"parentRefs": [ref("Server", "http")]}, "get"),
        ],
        (None, None, None),
    ),
    "for a route of another Server": (
        [
            server(),
            policy(kind="HTTPRoute", target="get"),
            read(ROUTE, {"parentRefs": [ref("Server", "admin")]}, "get"),
        ],
        (False, False, False),
    ),
    "for a route that does not exist": (
        [server(), policy(kind="HTTPRoute", target="get")],
        (False, False, False),
    ),
    "for a route of the Gateway API": (
        [server(), policy(kind="HTTPRoute", target="get", group="gateway.networking.k8s.io")],
        (None, None, None),
    ),
    "a ServerAuthorization": (
        [server(), server_authorization({"unauthenticated": True})],
        (True,) * 3,
    ),
    "one by labels": (
        [
            server(labels={"tier": "web"}),
            server_authorization(
                {"unauthenticated": True}, selector={"matchLabels": {"tier": "web"}}
            ),
        ],
        (True, True, True),
    ),
    "one by other labels": (
        [
            server(labels={"tier": "web"}),
            server_authorization(
                {"unauthenticated": True}, selector={"matchLabels": {"tier": "db"}}
            ),
        ],
        (False, False, False),
    ),
    "one for the mesh": (
        [server(), server_authorization({"meshTLS": {"identities": ["*"]}})],
        (None, True, False),
    ),
    "one for a ServiceAccount": (
        [server(), server_authorization({"meshTLS": {"serviceAccounts": [{"name": "web"}]}})],
        (None, True, False),
    ),
    "one for a ServiceAccount of another namespace": (
        [
            server(),
            server_authorization(
                {"meshTLS": {"serviceAccounts": [{"name": "web", "namespace": "other"}]}}
            ),
        ],
        (None, False, False),
    ),
    "one by unauthenticated TLS": (
        [server(), server_authorization({"meshTLS": {"unauthenticatedTLS": True}})],
        (None, None, None),
    ),
    "one from some addresses": (
        [
            server(),
            server_authorization({"unauthenticated": True, "networks": [{"cidr": "10.9.0.0/16"}]}),
        ],
        (None, False, False),
    ),
    "one that says nothing": ([server(), server_authorization({})], (False, False, False)),
    "the older of two Servers": (
        [
            server(name="new", accessPolicy="audit", creationTimestamp="2026-02-01T00:00:00Z"),
            server(name="old", creationTimestamp="2026-01-01T00:00:00Z"),
        ],
        (False, False, False),
    ),
    "two Servers, one of unknown age": (
        [
            server(name="new"),
            server(name="old", accessPolicy="audit", creationTimestamp="2026-01-01T00:00:00Z"),
        ],
        (None, None, None),
    ),
    "two Servers of one age": ([server(name="a"), server(name="b")], (None, None, None)),
}


def case(policies: list[Document]) -> Case:
    read_: dict[str, Any] = {}
    for one in policies:
        read_.setdefault(one.kind, []).append(one.guard)
    whole = joining.with_servers({k: Observed(value=tuple(v)) for k, v in read_.items()})
    assert isinstance(whole, Observed) or not policies
    kept: joining.Found = whole if policies else Observed(value=())
    service = Service(metadata=ObjectMeta(name="checkout", namespace="shop"))
    return Case(ServiceEvidence(service=service, mesh_policies=kept), ServicePort(port=80))


@pytest.mark.parametrize("name", ANSWERS)
def test_whether_a_client_may_connect(name: str) -> None:
    policies, answers = ANSWERS[name]
    here, there = case(policies), pod("checkout", "linkerd-proxy")
    clients = (ANYONE, Peer(MESHED, {}), Peer(PLAIN, {}))
    assert tuple(linkerd_inbound.admits(here, c, there, 8080).allowed for c in clients) == answers


@pytest.mark.parametrize(
    ("word", "answers"),
    [
        ("deny", (False, False, False)),
        ("all-authenticated", (None, True, False)),
        ("all-unauthenticated", (True, True, True)),
        ("cluster-unauthenticated", (None, True, True)),
        ("audit", (True, True, True)),
    ],
)
def test_the_default_of_a_pod(word: str, answers: tuple[bool | None, ...]) -> None:
    there = pod("checkout", "linkerd-proxy", **{LINKERD_POLICY: word})
    clients = (ANYONE, Peer(MESHED, {}), Peer(PLAIN, {}))
    for policies in ([], [server(80)], [server(app="web")]):
        here = case(policies)
        found = [linkerd_inbound.admits(here, c, there, 8080).allowed for c in clients]
        assert tuple(found) == answers
    assert linkerd_inbound.admits(case([server()]), ANYONE, there, 8080).allowed is False


def test_an_identity_is_of_its_namespace() -> None:
    here = case([server(), policy(CLIENTS), identities(WEB)])
    there = pod("checkout", "linkerd-proxy")
    assert linkerd_inbound.admits(here, Peer(OTHER, {}), there, 8080).allowed is False


def test_a_number_that_the_pod_does_not_declare_is_not_judged() -> None:
    there = pod("checkout", "linkerd-proxy")
    assert linkerd_inbound.admits(case([server(9000)]), ANYONE, there, 9000).allowed is None


@pytest.mark.parametrize(
    ("found", "judged"),
    [
        (pod("checkout", "linkerd-proxy"), True),
        (pod("checkout"), False),
        (pod("checkout", "istio-proxy"), False),
        (pod("checkout", "linkerd-proxy", **{LINKERD_PORTS: "80, 8000-8100"}), False),
        (pod("checkout", "linkerd-proxy", **{LINKERD_PORTS: "80,9000-9100"}), True),
        (pod("checkout", "linkerd-proxy", **{LINKERD_PORTS: ""}), True),
        (pod("checkout", "linkerd-proxy", **{LINKERD_PORTS: "http"}), False),
        (pod("checkout", "linkerd-proxy", **{LINKERD_PORTS: "90-80"}), False),
    ],
)
def test_which_ports_go_through_the_proxy(found: Pod, judged: bool) -> None:
    assert linkerd_inbound.judges(case([]), found, 8080) == judged
    assert not linkerd_inbound.judges(case([]), found, 4191)


def test_a_pod_on_the_hosts_network_has_no_redirect_rules() -> None:
    there = pod("checkout", "linkerd-proxy")
    hosted = msgspec.structs.replace(there.spec, host_network=True)
    there = msgspec.structs.replace(there, spec=hosted)
    assert not linkerd_inbound.judges(case([]), there, 8080)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("80", [range(80, 81)]),
        (" 80 , 8000 - 8100,", [range(80, 81), range(8000, 8101)]),
        ("1,65535", [range(1, 2), range(65535, 65536)]),
        ("80-80", [range(80, 81)]),
        ("80-79", None),
        ("0", None),
        ("0-80", None),
        ("65536", None),
        ("80-65536", None),
        ("123456", None),
        ("1-000080", None),
        ("http", None),
        ("http-80", None),
        ("80-http", None),
    ],
)
def test_a_list_of_ports_is_read_as_a_whole_or_not(text: str, found: list[range] | None) -> None:
    assert linkerd_inbound.listed(text) == found


def test_a_policy_for_a_server_that_exists_is_not_for_one_of_nearly_its_name() -> None:
    about = policy(CLIENTS, target="https")
    policies = [server(), server(9000, "https"), about, identities("*")]
    [http] = [g for g in case(policies).mesh_policies if g.metadata.name == "http"]
    assert not [r for part in http.parts for r in part.rules]
    [misspelt] = case([server(), about, identities("*")]).mesh_policies
    assert [r.absent.name for part in misspelt.parts for r in part.rules if r.absent] == ["https"]


def test_a_server_that_does_not_exist_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of Servers and policies would else take minutes."""
    asked = []

    def counted(name: str, others: Iterable[str]) -> str | None:
        asked.append(name)
        return nearest(name, others)

    monkeypatch.setattr(linkerd_servers, "nearest", counted)
    servers = [server(8080, name=f"http-{n}") for n in range(9)]
    policies = [policy(target=f"htttp-{n % 2}") for n in range(9)]
    assert case([*servers, *policies]).mesh_policies
    assert sorted(asked) == ["htttp-0", "htttp-1"]


def test_galera_passes_by_unless_it_is_set() -> None:
    plain = pod("checkout", "linkerd-proxy")
    assert not linkerd_inbound.judges(case([]), plain, 4567)
    said = pod("checkout", "linkerd-proxy", **{LINKERD_PORTS: "1"})
    assert linkerd_inbound.judges(case([]), said, 4567)


REFUSED = Missing(reason=Reason.FORBIDDEN, detail="forbidden")


@pytest.mark.parametrize(
    ("kind", "matters"),
    [
        (AUTHORIZATION, True),
        ("ServerAuthorization", True),
        ("MeshTLSAuthentication", True),
        ("NetworkAuthentication", False),
        (ROUTE, False),
    ],
)
def test_what_may_not_be_read_counts_where_it_is_asked_for(kind: str, matters: bool) -> None:
    guards = {"Server": server(), AUTHORIZATION: policy(CLIENTS)}
    parts: dict[str, joining.Found] = {k: Observed(value=(g.guard,)) for k, g in guards.items()}
    whole = joining.with_servers({**parts, kind: REFUSED})
    assert isinstance(whole, Observed)
    assert [g.kind for g in whole.value] == ["Server"]
    assert (whole.lacking == (REFUSED,)) == matters


def test_a_route_that_may_not_be_read_may_be_of_the_server() -> None:
    about = policy(kind="HTTPRoute", target="get")
    parts: dict[str, joining.Found] = {
        g.kind: Observed(value=(g.guard,)) for g in (server(), about)
    }
    whole = joining.with_servers({**parts, ROUTE: REFUSED})
    assert isinstance(whole, Observed)
    assert [r.beyond for g in whole.value for p in g.parts for r in p.rules] == [f"{ROUTE} get"]
    assert whole.lacking == (REFUSED,)


def test_without_a_server_nothing_else_matters() -> None:
    parts: dict[str, joining.Found] = {"Server": Observed(value=()), AUTHORIZATION: REFUSED}
    assert joining.with_servers(parts) == Observed(value=())
