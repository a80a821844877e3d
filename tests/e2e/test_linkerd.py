"""Linkerd's policies are read where they are served. No mesh runs on the test cluster: the pods
have a container of its proxy's name, and nothing is enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_portcheck.semantics.annotations import LINKERD_OPAQUE, LINKERD_PORTS

from . import crds
from .portcheck import diagnose, diagnose_all, paste
from .table import keep
from .workloads import Document, client_pod, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

AUTHORIZATION = f"AuthorizationPolicy.{crds.LINKERD}"
KINDS = (
    *("Server", AUTHORIZATION, "ServerAuthorization"),
    *("MeshTLSAuthentication", "NetworkAuthentication", f"HTTPRoute.{crds.LINKERD}"),
)


def of(kind: str, spec: Document, name: str = "checkout") -> Document:
    version = "/".join(crds.KINDS[kind])
    plain = kind.partition(".")[0]
    return {"apiVersion": version, "kind": plain, "metadata": {"name": name}, "spec": spec}


def shop(cluster: Cluster, namespace: str, *documents: Document, **annotations: str) -> None:
    """Pods with a proxy by name, and a client without one."""
    app = container("http://0.0.0.0:8080", ports={"http": 8080})
    proxy = {**container("tcp://127.0.0.1:4140"), "name": "linkerd-proxy"}
    made = deployment(app)
    template = made["spec"]["template"]
    template["spec"]["containers"].append(proxy)
    template["metadata"]["annotations"] = annotations
    cluster.apply([made, service((80, 8080)), client_pod("web"), *documents], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_ready("pod/web", namespace)


def server(port: int | str = "http", **more: str) -> Document:
    return of("Server", {"podSelector": {"matchLabels": {"app": "checkout"}}, "port": port, **more})


def policy(required: str = "MeshTLSAuthentication") -> Document:
    reference = {"group": crds.LINKERD, "kind": required, "name": "clients"}
    target = {"group": crds.LINKERD, "kind": "Server", "name": "checkout"}
    spec = {"targetRef": target, "requiredAuthenticationRefs": [reference]}
    return of(AUTHORIZATION, spec)


MESHED = of("MeshTLSAuthentication", {"identities": ["*"]}, "clients")
EVERYONE = of(
    "NetworkAuthentication", {"networks": [{"cidr": "0.0.0.0/0"}, {"cidr": "::/0"}]}, "clients"
)


def test_a_server_without_a_policy(cluster: Cluster, namespace: str) -> None:
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, server())
        found = diagnose(cluster, namespace)
        swept = diagnose_all(cluster, namespace)
        cluster.apply([policy(), MESHED], namespace)
        well = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC724"])
    assert swept.causes == ["PC724"]
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "a Server of Linkerd, and no policy that authorizes clients (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_a_policy_refers_to_what_does_not_exist(cluster: Cluster, namespace: str) -> None:
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, server(), policy())
        found = diagnose(cluster, namespace)
        cluster.apply(MESHED, namespace)
        well = diagnose(cluster, namespace)
    assert (found.verdict, found.causes) == ("inconclusive", ["PC724"])
    said = "\n".join(found.findings[0]["evidence"])
    assert "refers to MeshTLSAuthentication clients, which does not exist" in said
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "an AuthorizationPolicy of Linkerd requires what does not exist (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_a_client_outside_of_the_mesh(cluster: Cluster, namespace: str) -> None:
    asked = ("svc/checkout", "--from=pod/web")
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, server(), policy(), MESHED)
        found = diagnose_all(cluster, namespace, *asked)
        cluster.apply([policy("NetworkAuthentication"), EVERYONE], namespace)
        well = diagnose_all(cluster, namespace, *asked)
    assert (found.verdict, found.causes) == ("inconclusive", ["PC724"])
    assert "pod/web, which is not in the mesh" in found.findings[0]["summary"]
    assert (well.verdict, well.findings) == ("healthy", [])
    title = (
        "a client outside of Linkerd's mesh, and a Server for clients in it (read, not enforced)"
    )
    keep(title, found, well, by_hand=True)


def test_pods_that_deny_by_default(cluster: Cluster, namespace: str) -> None:
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, **{"config.linkerd.io/default-inbound-policy": "deny"})
        found = diagnose(cluster, namespace)
        cluster.apply([server(), policy(), MESHED], namespace)
        well = diagnose(cluster, namespace)
    assert (found.verdict, found.causes) == ("inconclusive", ["PC724"])
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "pods that deny by default in Linkerd, without a Server (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_the_port_of_a_server(cluster: Cluster, namespace: str) -> None:
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, server(80), policy(), MESHED)
        found = diagnose(cluster, namespace)
        [fix] = found.findings[0]["fixes"]
        cluster.apply([server(8080)], namespace)
        well = diagnose(cluster, namespace)
    assert (found.verdict, [f["code"] for f in found.findings]) == ("healthy", ["PC725"])
    assert fix["title"].startswith("Set port of Server checkout to 8080, once ")
    assert not fix["command"]
    assert (well.verdict, well.findings) == ("healthy", [])
    keep("a Server of Linkerd with the Service's port", found, well, by_hand=True)


def database(cluster: Cluster, namespace: str, **annotations: str) -> None:
    """A server that speaks first, by the name of its port, with a proxy by name beside it."""
    app = container("tcp://0.0.0.0:3308", ports={"mysql": 3308})
    proxy = {**container("tcp://127.0.0.1:4140"), "name": "linkerd-proxy"}
    made = deployment(app, proxy)
    made["spec"]["template"]["metadata"]["annotations"] = annotations
    cluster.apply([made, service((3307, 3308))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)


def test_opaque_ports_with_the_port_of_the_service(cluster: Cluster, namespace: str) -> None:
    with crds.served(cluster, *KINDS):
        database(cluster, namespace, **{LINKERD_OPAQUE: "3307", LINKERD_PORTS: "3307"})
        found = diagnose(cluster, namespace)
        swept = diagnose_all(cluster, namespace)
        database(cluster, namespace, **{LINKERD_OPAQUE: "3308", LINKERD_PORTS: "4567"})
        well = diagnose(cluster, namespace)
    assert (found.verdict, [f["code"] for f in found.findings]) == ("healthy", ["PC726", "PC726"])
    assert [LINKERD_OPAQUE in f["summary"] for f in found.findings] == [False, True]
    assert swept.findings == found.findings
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "annotations of Linkerd list the Service's port, not the pods' (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_a_server_that_speaks_first_is_declared_http(cluster: Cluster, namespace: str) -> None:
    declared = service((3307, 3308))
    declared["spec"]["ports"][0]["appProtocol"] = "http"
    with crds.served(cluster, *KINDS):
        database(cluster, namespace)
        cluster.apply(declared, namespace)
        found = diagnose(cluster, namespace)
        assert found.fix
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)
    assert (found.verdict, found.causes) == ("inconclusive", ["PC727"])
    assert (well.verdict, well.findings) == ("healthy", [])
    title = (
        "a server that speaks first behind a port declared HTTP for Linkerd (read, not enforced)"
    )
    keep(title, found, well)
