"""What proxies speak to the pods, and what they make of an ExternalName Service: broken, diagnosed,
fixed. No controller is there: what one would do is known from its source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .crds import served
from .leading import ingress, ingress_class
from .portcheck import Diagnosis, diagnose, paste
from .table import keep
from .test_paths import deploy, fixed, route
from .test_references import applied, of
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

NGINX = "nginx.ingress.kubernetes.io/backend-protocol"


@contextmanager
def nginx(cluster: Cluster, namespace: str) -> Iterator[str]:
    """A class of only this test, whose controller is ingress-nginx."""
    name = f"nginx-{namespace}"
    with applied(cluster, ingress_class(name)):
        yield name


def named(name: str, target: int) -> Document:
    """The Service, whose port 80 has a name."""
    made = service((80, target))
    made["spec"]["ports"][0]["name"] = name
    return made


def deploy_https(cluster: Cluster, namespace: str, *more: Document, name: str = "https") -> None:
    """Pods that speak TLS, as the name of the Service port says."""
    app = container("https://0.0.0.0:8443", ports=[8443])
    cluster.apply([deployment(app), named(name, 8443), *more], namespace)
    cluster.wait_ready("deployment/checkout", namespace)


def annotated(cluster: Cluster, namespace: str, title: str) -> Diagnosis:
    found = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC712"]), found.findings
    assert found.fix
    paste(cluster, found.fix)
    well = diagnose(cluster, namespace)
    assert (well.code, well.verdict, well.findings) == (0, "healthy", [])
    keep(title, found, well)
    return found


def test_ingress_nginx_sends_plain_http_to_a_tls_port(cluster: Cluster, namespace: str) -> None:
    with nginx(cluster, namespace) as name:
        deploy_https(cluster, namespace, ingress(class_=name))
        found = annotated(cluster, namespace, "an Ingress sends plain HTTP to pods that speak TLS")
        assert found.findings[0]["subject"]["kind"] == "Ingress"


def test_ingress_nginx_sends_tls_to_a_plain_port(cluster: Cluster, namespace: str) -> None:
    with nginx(cluster, namespace) as name:
        deploy(cluster, namespace, ingress(class_=name, annotations={NGINX: "HTTPS"}))
        # Nothing says HTTP, so that nothing is asked: the name has to.
        cluster.apply(named("http", 8080), namespace)
        annotated(cluster, namespace, "an Ingress sends TLS to pods that speak plain HTTP")


def test_an_ingress_route_sends_plain_http_to_a_tls_port(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "IngressRoute"):
        called = {"name": "checkout", "port": 80, "scheme": "http"}
        spec = {"routes": [{"services": [called]}]}
        deploy_https(cluster, namespace, of("IngressRoute", spec))
        title = "an IngressRoute sends plain HTTP to pods that speak TLS"
        fixed(cluster, namespace, "PC712", title)


def test_what_does_not_follow_an_alias(cluster: Cluster, namespace: str) -> None:
    """An Ingress of ingress-nginx beside it raises no alarm."""
    alias = service((80, 8080), type="ExternalName", externalName="shop.example.com")
    del alias["spec"]["selector"]
    called = {"routes": [{"services": [{"name": "checkout", "port": 80}]}]}
    with served(cluster, "IngressRoute", "HTTPRoute"), nginx(cluster, namespace) as name:
        app = deployment(container("http://0.0.0.0:8080", ports=[8080]))
        cluster.apply([app, alias, ingress(class_=name)], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        assert "PC713" not in [f["code"] for f in diagnose(cluster, namespace).findings]
        cluster.apply([of("IngressRoute", called), route(80)], namespace)
        found = diagnose(cluster, namespace)
        subjects = {f["subject"]["kind"] for f in found.findings if f["code"] == "PC713"}
        assert subjects == {"IngressRoute", "HTTPRoute"}
        cluster.kubectl("delete", "service", "checkout", namespace=namespace, check=True)
        cluster.apply(service((80, 8080)), namespace)
        cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "healthy")
        well = diagnose(cluster, namespace)
        assert well.findings == []
        keep("an IngressRoute leads to an ExternalName Service", found, well, by_hand=True)


def test_kong_and_google_cloud_send_plain_http_to_a_tls_port(
    cluster: Cluster, namespace: str
) -> None:
    """By what an annotation of the Service says, and by what is the default without it."""
    kong = ingress_class(f"kong-{namespace}", "ingress-controllers.konghq.com/kong")
    with applied(cluster, kong):
        deploy_https(cluster, namespace, ingress(class_=kong["metadata"]["name"]))
        annotated(cluster, namespace, "Kong sends plain HTTP to pods that speak TLS")
        cluster.kubectl("delete", "ingress", "shop", namespace=namespace, check=True)
    by_class = {"kubernetes.io/ingress.class": "gce"}
    cluster.apply(ingress(class_="", annotations=by_class), namespace)
    annotated(cluster, namespace, "Google Cloud sends plain HTTP to pods that speak TLS")


def test_haproxy_sends_tls_to_a_plain_port(cluster: Cluster, namespace: str) -> None:
    made = ingress_class(f"haproxy-{namespace}", "haproxy.org/ingress-controller")
    with applied(cluster, made):
        notes = {"haproxy.org/server-ssl": "true"}
        deploy(cluster, namespace, ingress(class_=made["metadata"]["name"], annotations=notes))
        cluster.apply(named("http", 8080), namespace)
        annotated(cluster, namespace, "HAProxy sends TLS to pods that speak plain HTTP")


def test_tls_is_passed_on_to_a_plain_port(cluster: Cluster, namespace: str) -> None:
    called = {"services": [{"name": "checkout", "port": 80}]}
    tls = {"passthrough": True}
    kinds: dict[str, Document] = {
        "IngressRouteTCP": {"routes": [called], "tls": tls},
        "HTTPProxy": {"virtualhost": {"tls": tls}, "tcpproxy": called},
    }
    with served(cluster, *kinds):
        deploy(cluster, namespace, *(of(kind, spec) for kind, spec in kinds.items()))
        cluster.apply(named("http", 8080), namespace)
        found = diagnose(cluster, namespace)
        assert (found.verdict, set(found.causes)) == ("degraded", {"PC712"})
        assert {f["subject"]["kind"] for f in found.findings} == set(kinds)
        app = container("https://0.0.0.0:8443", ports=[8443])
        cluster.apply([deployment(app), named("https", 8443)], namespace)
        cluster.kubectl("rollout", "status", "deployment/checkout", namespace=namespace, check=True)
        cluster.until(
            lambda: len(cluster.get("pods", namespace=namespace)["items"]) == 1, "the old pod to go"
        )
        well = diagnose(cluster, namespace)
    assert (well.verdict, well.findings) == ("healthy", [])
