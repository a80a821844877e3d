"""What the redirect rules of a mesh do to every way of asking, and what is said of such pods.

The rules are Istio's; the proxy is a stand-in, which accepts before it connects, as Envoy does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

from kubectl_portcheck.semantics import mesh

from . import crds
from .plumbing import client, meshed
from .portcheck import diagnose, diagnose_all, paste
from .table import keep
from .test_references import of
from .workloads import Document, container, service

if TYPE_CHECKING:
    from .conftest import Cluster


class Met(NamedTuple):
    """What each way of asking meets at the target port."""

    forward: str
    """A port-forward to the pod."""
    proxy: str
    """The API server's pod proxy: the status of its answer, or how it failed."""
    connection: str
    """A connection of a client outside of the mesh, which sends nothing."""
    request: str
    """Its request by HTTP."""
    from_mesh: str
    """A connection of a client in the mesh."""
    request_from_mesh: str


ON = {
    "healthy": "http://0.0.0.0:8080",
    "closed": "http://0.0.0.0:9000",
    "loopback": "http://127.0.0.1:8080",
    "pod-ip": "http://${POD_IP}:8080",
}
EXPECTED = {
    "healthy": Met("accepted", "200", "accepted", "200", "accepted", "200"),
    "closed": Met("refused", "503", "accepted", "503", "accepted", "503"),
    "loopback": Met("accepted", "503", "accepted", "503", "accepted", "503"),
    "pod-ip": Met("refused", "200", "accepted", "200", "accepted", "200"),
    "excluded": Met("refused", "refused", "refused", "refused", "accepted", "503"),
    "old-loopback": Met("accepted", "200", "accepted", "200", "accepted", "200"),
    "old-pod-ip": Met("refused", "503", "accepted", "503", "accepted", "503"),
}
"""The table of docs/testing.md. ``excluded`` is a closed port that the annotation takes out; what
is ``old`` is passed on to the loopback, as before Istio 1.10."""


def named(listen: str, name: str, to: str = "", excluded: tuple[int, ...] = ()) -> list[Document]:
    app = container(listen, image="busybox", ports=[8080], program="shop")
    return [meshed(app, name, excluded, to), service((80, 8080), name=name)]


@pytest.fixture(scope="module")
def town(cluster: Cluster) -> Iterator[str]:
    """All of these pods, and a client outside of the mesh and one in it."""
    name = cluster.make_namespace()
    documents = [d for key, listen in ON.items() for d in named(listen, key)]
    documents += named(ON["closed"], "excluded", excluded=(8080,))
    documents += named(ON["loopback"], "old-loopback", to="loopback")
    documents += named(ON["pod-ip"], "old-pod-ip", to="loopback")
    cluster.apply([*documents, client("outside"), client("inside", in_mesh=True)], name)
    for document in documents:
        if document["kind"] == "Deployment":
            cluster.wait_ready(f"deployment/{document['metadata']['name']}", name)
    for pod in ("outside", "inside"):
        cluster.wait_ready(f"pod/{pod}", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def asked(cluster: Cluster, town: str, name: str) -> Met:
    """Ask the pod in each way."""
    [pod] = cluster.get("pods", "-l", f"app={name}", namespace=town)["items"]
    address = pod["status"]["podIP"]
    path = f"/api/v1/namespaces/{town}/pods/{pod['metadata']['name']}:8080/proxy/"
    proxied = cluster.kubectl("get", "--raw", path, timeout=60)
    status = "200" if proxied.returncode == 0 else ""
    if not status:
        status = "refused" if "refused" in proxied.stderr else "503"
    return Met(
        forwarded(cluster, town, pod["metadata"]["name"]),
        status,
        connects(cluster, town, "outside", address),
        requests(cluster, town, "outside", address),
        connects(cluster, town, "inside", address),
        requests(cluster, town, "inside", address),
    )


def forwarded(cluster: Cluster, town: str, pod: str) -> str:
    """What a port-forward to the pod meets, as the program sees it."""
    report = diagnose_all(cluster, town, f"pod/{pod}:8080").report
    tried = [a for p in report["services"][0]["ports"] for a in p["attempts"]]
    return str(next(a["outcome"] for a in tried if a["path"] == "pod-port-forward"))


def connects(cluster: Cluster, town: str, source: str, address: str) -> str:
    done = cluster.kubectl(
        *("exec", source, "-c", "client", "--", "/listen", "probe", f"{address}:8080", "3s"),
        namespace=town,
    )
    return done.stdout.strip() or done.stderr.strip()


def requests(cluster: Cluster, town: str, source: str, address: str) -> str:
    """The status of an answer, or how curl failed: 7 is refused, 52 and 56 an end without one."""
    done = cluster.kubectl(
        *("exec", source, "-c", "client", "--", "curl", "-s", "-m", "5", "-o", "/dev/null"),
        *("-w", "%{http_code} %{exitcode}", f"http://{address}:8080/"),
        namespace=town,
    )
    status, code = done.stdout.split()
    return {"0": status, "7": "refused"}.get(code, f"curl {code}")


@pytest.mark.parametrize("name", EXPECTED)
def test_what_each_way_of_asking_meets(cluster: Cluster, town: str, name: str) -> None:
    assert asked(cluster, town, name) == EXPECTED[name]


# What is said of them


def causes(cluster: Cluster, town: str, name: str, *flags: str) -> tuple[str, list[str]]:
    found = diagnose_all(cluster, town, f"svc/{name}", *flags)
    return found.verdict, found.causes


VERDICTS = {
    "healthy": ("healthy", []),
    "closed": ("broken", ["PC401"]),
    "loopback": ("broken", ["PC202"]),
    "pod-ip": ("healthy", ["PC203"]),
    "excluded": ("broken", ["PC401"]),
    "old-loopback": ("healthy", []),
    "old-pod-ip": ("broken", ["PC203"]),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_is_what_clients_meet(cluster: Cluster, town: str, name: str) -> None:
    found = diagnose_all(cluster, town, f"svc/{name}")
    assert (found.verdict, found.causes) == VERDICTS[name]
    served = EXPECTED[name].request == "200"
    assert (found.verdict == "healthy") is served
    proxied = [a for p in found.report["services"][0]["ports"] for a in p["attempts"]]
    through = [a for a in proxied if a["path"] == "pod-proxy"]
    assert bool(through) is (name == "excluded"), "nothing is sent to a proxy that may pass it on"
    text = json.dumps([f["fixes"] for f in found.findings])
    assert not any(str(port) in text for port in mesh.ISTIO.ports)


@pytest.mark.parametrize("source", ["outside", "inside"])
@pytest.mark.parametrize("name", ["closed", "loopback", "old-pod-ip"])
def test_a_connection_from_a_client_proves_nothing(
    cluster: Cluster, town: str, name: str, source: str
) -> None:
    """The proxies of both ends accept it."""
    assert causes(cluster, town, name, f"--from=pod/{source}") == VERDICTS[name]


@pytest.mark.parametrize("source", ["outside", "inside"])
def test_that_a_healthy_pod_is_reached_is_not_known(
    cluster: Cluster, town: str, source: str
) -> None:
    found = diagnose_all(cluster, town, "svc/healthy", f"--from=pod/{source}")
    assert found.verdict == "inconclusive"
    lacking = " ".join(n["missing"] for n in found.report["services"][0]["notEvaluated"])
    assert "something in the way accepts every connection" in lacking


def test_a_closed_port_behind_a_proxy(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:9000", image="busybox", ports=[9000], program="shop")
    cluster.apply([meshed(app), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    found = diagnose(cluster, namespace)
    assert (found.verdict, found.causes) == ("broken", ["PC401"])
    assert found.fix
    paste(cluster, found.fix)
    after = diagnose(cluster, namespace)
    assert after.verdict == "healthy"
    keep("no process listens on the target port, behind a mesh's proxy", found, after)


@pytest.mark.parametrize(
    ("listen", "to", "cause", "title"),
    [
        ("127.0.0.1", "", "PC202", "the application listens on loopback behind a mesh's proxy"),
        (
            "${POD_IP}",
            "loopback",
            "PC203",
            "a pod-IP-only listener behind a proxy before Istio 1.10",
        ),
    ],
)
def test_an_address_that_the_proxy_does_not_connect_to(
    cluster: Cluster, namespace: str, listen: str, to: str, cause: str, title: str
) -> None:
    def rolled_out(address: str) -> None:
        way = f"http://{address}:8080"
        app = container(way, image="busybox", ports=[8080], program="shop")
        cluster.apply([meshed(app, to=to), service((80, 8080))], namespace)
        cluster.wait_ready("deployment/checkout", namespace)

    rolled_out(listen)
    found = diagnose(cluster, namespace)
    assert (found.verdict, found.causes) == ("broken", [cause])
    rolled_out("0.0.0.0")
    after = diagnose(cluster, namespace)
    assert after.verdict == "healthy"
    keep(title, found, after, by_hand=True)


def test_a_sidecar_resource_that_leads_to_loopback(cluster: Cluster, namespace: str) -> None:
    """What it says is read; the stand-in does the same by its own option."""
    app = container("http://127.0.0.1:8080", image="busybox", ports=[8080], program="shop")
    made = meshed(app, to="loopback")
    made["spec"]["template"]["spec"]["containers"][1]["image"] = "portcheck.test/distroless:1"
    leads = {"port": {"number": 8080}, "defaultEndpoint": "127.0.0.1:8080"}
    with crds.served(cluster, "Sidecar"):
        cluster.apply([made, service((80, 8080))], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        assert diagnose(cluster, namespace).causes == ["PC202"]
        cluster.apply(of("Sidecar", {"ingress": [leads]}), namespace)
        assert diagnose(cluster, namespace).verdict == "healthy"
        assert diagnose_all(cluster, namespace).verdict == "healthy"
