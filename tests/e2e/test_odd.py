"""Healthy but odd: what is legal, serves its clients, and must not raise an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kubectl_portcheck.collect import decode
from kubectl_portcheck.model.objects import Endpoints, EndpointSlice, Service
from kubectl_portcheck.semantics.endpoints import as_slices, for_port, used

from . import leading
from .portcheck import Diagnosis, diagnose, paste
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

HTTP = "http://0.0.0.0:8080"
HOSTILE = "\u202e[red]\x1b[31m; rm -rf /"
LONG = "x" + "y" * 61 + "z"


def workloads() -> list[Document]:
    quiet = container(HTTP, "http://0.0.0.0:9100", "tcp://127.0.0.1:6060", "udp://0.0.0.0:5353")
    named = container(
        HTTP, "http://0.0.0.0:9100", ports={"http": 8080, "metrics": 9100}, readiness=9100
    )
    moved = container("http://0.0.0.0:9000", ports={"http": 9000})
    sidecar = container(
        "http://0.0.0.0:15000", name="proxy", ports={"proxy": 15000}, restartPolicy="Always"
    )
    mesh = container(
        "http://0.0.0.0:15006", "http://127.0.0.1:15000", name="istio-proxy", image="busybox"
    )
    never = container(HTTP, readinessProbe={"tcpSocket": {"port": 1}, "periodSeconds": 1})
    bare = container(HTTP, image="distroless", ports={"http": 8080}, readiness=8080)
    unprivileged = container(HTTP, image="busybox", securityContext={"runAsUser": 65532})
    twelve = [f"tcp://0.0.0.0:{7000 + i}" for i in range(12)]
    many = [f"tcp://0.0.0.0:{20000 + i}" for i in range(39)]
    return [
        deployment(quiet, name="quiet", replicas=2),
        deployment(named, name="named", labels={"team": "shop"}),
        deployment(moved, name="moved", labels={"team": "shop"}),
        deployment(container(HTTP), name="sidecar", pod={"initContainers": [sidecar]}),
        deployment(container(HTTP), mesh, name="meshed"),
        deployment(container("tcp://[::]:8080"), name="dual"),
        deployment(container("tcp://0.0.0.0:18181"), name="host", pod={"hostNetwork": True}),
        deployment(never, name="never"),
        deployment(bare, name="bare"),
        deployment(unprivileged, name="unprivileged"),
        deployment(container(*twelve), name="twelve"),
        deployment(container(HTTP, *many), name="many"),
        deployment(container(HTTP), name="blue", labels={"colour": "any"}),
        deployment(container(HTTP), name="green", labels={"colour": "any"}),
        deployment(container(HTTP), name=LONG[:50]),
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "done"},
            "spec": {
                "template": {
                    "metadata": {"labels": {"app": "quiet"}},
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [container("exit://?code=0&after=0s")],
                    },
                }
            },
        },
    ]


def by_hand(name: str, address: str) -> list[Document]:
    """A Service without a selector, and its EndpointSlice."""
    made = service((80, 8080), name=name)
    del made["spec"]["selector"]
    return [
        made,
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": [{"name": "", "port": 8080}],
        },
    ]


def ports(*given: Document) -> Document:
    return {"ports": list(given)}


def select(name: str) -> Document:
    return {"selector": {"app": name}}


ODD: dict[str, tuple[Document, str]] = {
    "undeclared": (service((80, 8080), **select("quiet")), "healthy"),
    "no-target-port": (service(**select("quiet"), **ports({"port": 8080})), "healthy"),
    "udp": (
        service(**select("quiet"), **ports({"port": 53, "targetPort": 5353, "protocol": "UDP"})),
        "healthy",
    ),
    "tcp-and-udp-of-one-number": (
        service(
            **select("quiet"),
            **ports(
                {"name": "t", "port": 53, "targetPort": 8080},
                {"name": "u", "port": 53, "targetPort": 5353, "protocol": "UDP"},
            ),
        ),
        "healthy",
    ),
    "sticky": (service((80, 8080), sessionAffinity="ClientIP", **select("quiet")), "healthy"),
    "node-port": (service((80, 8080), type="NodePort", **select("quiet")), "healthy"),
    "load-balancer": (service((80, 8080), type="LoadBalancer", **select("quiet")), "healthy"),
    "local": (
        service((80, 8080), type="NodePort", externalTrafficPolicy="Local", **select("quiet")),
        "healthy",
    ),
    "internal-local": (
        service((80, 8080), internalTrafficPolicy="Local", **select("quiet")),
        "healthy",
    ),
    "headless": (service((8080, 8080), clusterIP="None", **select("quiet")), "healthy"),
    "headless-without-ports": (
        {**service(**select("quiet"), clusterIP="None", ports=[]), "kind": "Service"},
        "",
    ),
    "by-name": (service((80, "http"), **select("named")), "healthy"),
    "metrics-too": (service((80, "http"), (81, "metrics"), **select("named")), "healthy"),
    "app-protocol": (
        service(
            **select("named"),
            **ports({"port": 80, "targetPort": "http", "appProtocol": "kubernetes.io/ws"}),
        ),
        "healthy",
    ),
    "a-name-that-differs-by-pod": (service((80, "http"), selector={"team": "shop"}), "healthy"),
    "native-sidecar": (service((80, "proxy"), **select("sidecar")), "healthy"),
    "meshed": (service((80, 8080), **select("meshed")), "healthy"),
    "dual-listener": (service((80, 8080), **select("dual")), "healthy"),
    "dual-stack": (
        service((80, 8080), ipFamilyPolicy="PreferDualStack", **select("dual")),
        "healthy",
    ),
    "ipv6": (
        service((80, 8080), ipFamilies=["IPv6"], ipFamilyPolicy="SingleStack", **select("dual")),
        "healthy",
    ),
    "host-network": (service((80, 18181), **select("host")), ""),
    "not-ready-published": (
        service((80, 8080), publishNotReadyAddresses=True, **select("never")),
        "healthy",
    ),
    "distroless": (service((80, "http"), **select("bare")), "healthy"),
    "unprivileged": (service((80, 8080), **select("unprivileged")), "healthy"),
    "twelve": (service(*((81 + i, 7000 + i) for i in range(12)), **select("twelve")), "healthy"),
    "forty-listeners": (service((80, 8080), **select("many")), "healthy"),
    "blue-green": (service((80, 8080), selector={"colour": "any"}), "healthy"),
    "external-name": (service(type="ExternalName", externalName="db.example.com", ports=[]), ""),
    LONG: (service((80, 8080), **select(LONG[:50])), "healthy"),
}
"""By name: the Service, and the verdict it must have; '' where none can be reached from here."""


@pytest.fixture(scope="module")
def odd(cluster: Cluster) -> Iterator[str]:
    """A namespace with all of them, ready."""
    name = cluster.make_namespace()
    services = []
    for given, (made, _) in ODD.items():
        made["metadata"] = {"name": given, "annotations": {"note": HOSTILE}}
        if made["spec"].get("type") == "ExternalName":
            del made["spec"]["selector"]
        services.append(made)
    cluster.apply(workloads(), name)
    cluster.apply(services, name)
    for document in workloads():
        if document["kind"] == "Deployment" and document["metadata"]["name"] != "never":
            cluster.wait_ready(f"deployment/{document['metadata']['name']}", name, timeout=120)
    cluster.until(lambda: _all_endpoints(cluster, name), "all endpoints", 60)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def _all_endpoints(cluster: Cluster, namespace: str) -> bool:
    pods = cluster.get("pods", "-l", "app=quiet", namespace=namespace)["items"]
    slices = cluster.get("endpointslices", namespace=namespace)["items"]
    found = {s["metadata"]["labels"]["kubernetes.io/service-name"] for s in slices}
    empty = {"external-name"}
    done = any(p["status"]["phase"] == "Succeeded" for p in pods)
    return done and found >= set(ODD) - empty


@pytest.mark.parametrize("name", ODD)
def test_no_alarm(cluster: Cluster, odd: str, name: str) -> None:
    found = diagnose(cluster, odd, f"svc/{name}")
    assert [f for f in found.findings if f["severity"] == "error"] == []
    wanted = ODD[name][1]
    assert found.verdict in ((wanted,) if wanted else ("healthy", "inconclusive"))
    assert HOSTILE[0] not in str(found.report)


def test_a_service_without_a_selector(cluster: Cluster, odd: str) -> None:
    pods: list[dict[str, Any]] = cluster.get("pods", "-l", "app=quiet", namespace=odd)["items"]
    address = next(p["status"]["podIP"] for p in pods if p["status"]["phase"] == "Running")
    cluster.apply(by_hand("by-hand", address), odd)
    cluster.wait_dial(
        cluster.get("service/by-hand", namespace=odd)["spec"]["clusterIP"], 80, "accepted"
    )
    found = diagnose(cluster, odd, "svc/by-hand")
    assert [f for f in found.findings if f["severity"] == "error"] == []
    assert found.verdict == "healthy"


def test_the_api_servers_own_service(cluster: Cluster) -> None:
    found = diagnose(cluster, "default", "svc/kubernetes")
    assert [f for f in found.findings if f["severity"] == "error"] == []


@pytest.mark.parametrize(
    "name", ["by-name", "metrics-too", "a-name-that-differs-by-pod", "native-sidecar", "twelve"]
)
def test_the_older_endpoints_object_says_the_same(cluster: Cluster, odd: str, name: str) -> None:
    """What stands in for EndpointSlices on clusters before 1.21."""
    label = f"kubernetes.io/service-name={name}"
    slices = cluster.get("endpointslices", "-l", label, namespace=odd)["items"]
    endpoints = cluster.get(f"endpoints/{name}", namespace=odd)
    found = msgspec.convert(cluster.get(f"service/{name}", namespace=odd), Service)
    new = [decode.convert(s, EndpointSlice) for s in slices]
    old = as_slices(decode.convert(endpoints, Endpoints))
    for port in found.spec.ports:
        said = [{(e.pod, e.port) for e in used(for_port(s, port))} for s in (new, old)]
        assert said[0] == said[1]
        assert said[0]


def test_a_port_name_that_two_containers_declare(cluster: Cluster, namespace: str) -> None:
    """The first container wins, and every container before a native sidecar."""
    cache = container("http://0.0.0.0:6081", name="cache", ports={"http": 6081})
    exporter = container("http://0.0.0.0:9131", name="exporter", ports={"http": 9131})
    sidecar = container(
        "http://0.0.0.0:15000", name="proxy", ports={"http": 15000}, restartPolicy="Always"
    )
    said: dict[str, Diagnosis] = {}
    for name, pod in {
        "first": deployment(cache, exporter, name="first"),
        "last": deployment(exporter, cache, name="last"),
        "native": deployment(cache, name="native", pod={"initContainers": [sidecar]}),
    }.items():
        cluster.apply([pod, service((80, "http"), name=name)], namespace)
        cluster.wait_ready(f"deployment/{name}", namespace)
        address = cluster.get(f"service/{name}", namespace=namespace)["spec"]["clusterIP"]
        cluster.wait_dial(address, 80, "accepted")
        label = f"kubernetes.io/service-name={name}"
        slices = cluster.get("endpointslices", "-l", label, namespace=namespace)["items"]
        used_port = slices[0]["ports"][0]["port"]
        said[name] = diagnose(cluster, namespace, f"svc/{name}")
        assert (said[name].verdict, said[name].causes) == ("healthy", ["PC414"])
        assert f"leads to {used_port} of container" in said[name].findings[0]["summary"]
    ports_of = {n: f.findings[0]["summary"].partition("leads to ")[2] for n, f in said.items()}
    assert ports_of["first"] == "6081 of container cache"
    assert ports_of["last"] == "9131 of container exporter"
    assert ports_of["native"] == "6081 of container cache"
    renamed = container("http://0.0.0.0:9131", name="exporter", ports={"metrics": 9131})
    cluster.apply([deployment(cache, renamed, name="first")], namespace)
    cluster.wait_ready("deployment/first", namespace)
    cluster.until(
        lambda: diagnose(cluster, namespace, "svc/first").findings == [], "no finding", 60
    )
    after = diagnose(cluster, namespace, "svc/first")
    keep("two containers call their port http", said["first"], after, by_hand=True)


def written(name: str, address: str, port: int, pod: str = "") -> list[Document]:
    """A Service without a selector, and a slice that refers to a pod."""
    made, piece = by_hand(name, address)
    piece["ports"] = [{"name": "", "port": port}]
    if pod:
        piece["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": pod}
    return [made, piece]


def _free_address(cluster: Cluster) -> str:
    """An address of the pods' range that no pod has."""
    node = cluster.get("nodes")["items"][0]
    ranges = [ip_network(r) for r in node["spec"]["podCIDRs"]]
    return str(next(r for r in ranges if r.version == 4)[-3])


def test_endpoints_that_a_controller_writes_are_walked(cluster: Cluster, namespace: str) -> None:
    """By address only, and by reference: they are pods like any."""
    app = container(HTTP, "http://0.0.0.0:9000", readinessProbe={"tcpSocket": {"port": 9000}})
    cluster.apply([deployment(app)], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    pod = cluster.get("pods", namespace=namespace)["items"][0]
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    cluster.apply(
        [
            *written("by-address", address, 8080),
            *written("by-reference", address, 9000, name),
            *written("closed", address, 8081, name),
            *written("gone", "10.244.0.254", 8080, "checkout-old"),
            *written("outside", "192.0.2.7", 8080),
            *written("nobodys", _free_address(cluster), 8080),
        ],
        namespace,
    )
    address = cluster.get("service/by-address", namespace=namespace)["spec"]["clusterIP"]
    cluster.wait_dial(address, 80, "accepted")
    said = {
        n: diagnose(cluster, namespace, f"svc/{n}")
        for n in ("by-address", "by-reference", "closed", "gone", "outside", "nobodys")
    }
    verdicts = {n: f.verdict for n, f in said.items()}
    assert verdicts == {
        "by-address": "healthy",
        "by-reference": "healthy",
        "closed": "broken",
        "gone": "broken",
        "outside": "inconclusive",
        "nobodys": "broken",
    }
    assert "no pod and no node has this address" in str(said["outside"].report)
    assert said["nobodys"].causes == ["PC415"]
    assert said["by-reference"].findings[0]["code"] == "PC416"
    assert (said["closed"].causes, said["gone"].causes) == (["PC501"], ["PC415"])
    cluster.apply(written("closed", pod["status"]["podIP"], 8080, name), namespace)
    cluster.apply(written("gone", pod["status"]["podIP"], 8080, name), namespace)
    for title, service_name in (
        ("a slice by hand leads to a port on which the pod does not listen", "closed"),
        ("a slice by hand leads to a pod that is gone", "gone"),
    ):
        after = diagnose(cluster, namespace, f"svc/{service_name}")
        assert after.verdict == "healthy"
        keep(title, said[service_name], after, by_hand=True)


def test_a_slice_by_hand_beside_those_of_kubernetes(cluster: Cluster, namespace: str) -> None:
    cluster.apply([deployment(container(HTTP)), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    _, piece = by_hand("left-over", "10.244.0.254")
    piece["metadata"]["labels"]["kubernetes.io/service-name"] = "checkout"
    cluster.apply([piece], namespace)
    cluster.until(
        lambda: diagnose(cluster, namespace).causes == ["PC415"], "the slice to be seen", 60
    )
    found = diagnose(cluster, namespace)
    assert (found.verdict, found.findings[0]["severity"]) == ("inconclusive", "warning")
    assert found.fix
    paste(cluster, found.fix)
    after = diagnose(cluster, namespace)
    assert after.verdict == "healthy"
    keep("a left-over slice beside those of Kubernetes", found, after)


@pytest.fixture(scope="module")
def led(cluster: Cluster) -> Iterator[str]:
    """A namespace with a Service that serves, and the class nginx."""
    name = cluster.make_namespace()
    cluster.apply([leading.APP, leading.SERVICE], name)
    cluster.wait_ready("deployment/checkout", name)
    made = leading.ingress_classes(cluster)
    next(made)
    yield name
    next(made, None)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


LED: dict[str, list[Document]] = {
    "a cloud's class without an IngressClass": [
        leading.ingress(class_="", annotations={leading.OLD_CLASS: "gce"})
    ],
    "a rewrite to one path": [
        leading.ingress("/checkout", annotations={leading.REWRITE: "/index.html"})
    ],
    "a rewrite with its groups": [
        leading.ingress(
            "/checkout(/|$)(.*)", "ImplementationSpecific", annotations={leading.REWRITE: "/$2"}
        )
    ],
    "a wildcard of a cloud's load balancer": [
        leading.ingress("/*", "ImplementationSpecific", class_="alb")
    ],
    "a path of an API, and none for /": [leading.ingress("/api/v1.2/~user")],
    "a canary of the same path": [
        leading.ingress("/", name="stable", backend="monolith"),
        leading.ingress("/", annotations={leading.CANARY: "true"}),
    ],
    "the same path twice, to the same Service": [
        leading.ingress("/", name="first"),
        leading.ingress("/", name="second"),
    ],
    "Ingresses of two classes for the same path": [
        leading.ingress("/", name="other", class_="alb", backend="monolith"),
        leading.ingress("/"),
    ],
}


@pytest.mark.parametrize("case", LED)
def test_an_odd_ingress_raises_no_alarm(cluster: Cluster, led: str, case: str) -> None:
    cluster.kubectl("delete", "ingress", "--all", namespace=led, check=True)
    for document in LED[case]:
        cluster.apply([document], led)
    found = diagnose(cluster, led)
    assert (found.verdict, found.findings) == ("healthy", [])
    assert found.report["services"][0]["ingresses"]


def test_a_controller_that_takes_ingresses_without_a_class(cluster: Cluster, led: str) -> None:
    cluster.kubectl("delete", "ingress", "--all", namespace=led, check=True)
    cluster.apply([leading.ingress(class_="")], led)
    taken = '{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"}]}}}'
    words = ("patch", "ingress", "shop", "--subresource=status", "--type=merge", "-p", taken)
    cluster.kubectl(*words, namespace=led, check=True)
    found = diagnose(cluster, led)
    assert (found.verdict, found.findings) == ("healthy", [])


def test_a_stateful_set_with_its_headless_service(cluster: Cluster, namespace: str) -> None:
    database = container("tcp://0.0.0.0:5432", ports=[5432])
    client = service((5432, 5432), name="db-client", selector={"app": "db"})
    headless = service((5432, 5432), name="db", clusterIP="None")
    cluster.apply([leading.stateful_set(database, names="db"), client, headless], namespace)
    cluster.wait_ready("statefulset/db", namespace)
    cluster.until(
        lambda: diagnose(cluster, namespace, "sts/db").verdict == "healthy", "sts/db to be healthy"
    )
    assert diagnose(cluster, namespace, "sts/db").findings == []


def test_a_worker_without_ports_needs_no_service(cluster: Cluster, namespace: str) -> None:
    cluster.apply([deployment(container(), name="worker")], namespace)
    cluster.wait_ready("deployment/worker", namespace)
    found = diagnose(cluster, namespace, "deploy/worker")
    assert (found.verdict, found.findings) == ("inconclusive", [])
