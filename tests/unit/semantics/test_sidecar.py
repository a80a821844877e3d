"""Where a connection to a pod's port ends, where a mesh's proxy stands before the application."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, ListeningSocket, Outcome, Path, PodSockets
from kubectl_portcheck.semantics import sidecar
from kubectl_portcheck.semantics.annotations import (
    AMBIENT,
    CONSUL_PORTS,
    ISTIO_PORTS,
    KUMA_PORTS,
    LINKERD_PORTS,
)
from kubectl_portcheck.semantics.answers import answer, kubelet_reaches, shown
from kubectl_portcheck.semantics.measured import Measured

EXCLUDE, INCLUDE = ISTIO_PORTS
ADDRESS = "10.0.0.1"


def pod(proxy: str = "istio-proxy", image: str = "", **more: Any) -> Pod:
    """A Ready pod of an application and, where it has a name, a proxy."""
    containers: list[dict[str, Any]] = [{"name": "app", **more.pop("app", {})}]
    if proxy:
        containers.append({"name": proxy, "image": image})
    status = {"name": "app", "ready": True, "state": {"running": {}}}
    return msgspec.convert(
        {
            "metadata": {"name": "shop-1", "annotations": more},
            "spec": {"containers": containers},
            "status": {
                "phase": "Running",
                "podIP": ADDRESS,
                "podIPs": [{"ip": ADDRESS}],
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [status],
            },
        },
        Pod,
    )


@pytest.mark.parametrize(
    ("image", "proxy", "ends"),
    [
        ("docker.io/istio/proxyv2:1.10.0", "istio-proxy", "address"),
        ("docker.io/istio/proxyv2:1.9.9", "istio-proxy", "loopback"),
        ("gcr.io/istio-release/proxyv2:1.8.1-distroless", "istio-proxy", "loopback"),
        ("istio/proxyv2:1.9.9@sha256:0123", "istio-proxy", "loopback"),
        ("registry:5000/istio/proxyv2:1.29.1", "istio-proxy", "address"),
        # Without a version it is taken for one of the last years.
        ("registry.example:1.8/proxyv2", "istio-proxy", "address"),
        ("istio/proxyv2@sha256:0123", "istio-proxy", "address"),
        ("istio/proxyv2:latest", "istio-proxy", "address"),
        ("", "istio-proxy", "address"),
        ("cr.l5d.io/linkerd/proxy:stable-2.10.2", "linkerd-proxy", "loopback"),
        ("cr.l5d.io/linkerd/proxy:stable-2.11.0", "linkerd-proxy", "address"),
        ("cr.l5d.io/linkerd/proxy:edge-21.8.4", "linkerd-proxy", "loopback"),
        ("cr.l5d.io/linkerd/proxy:edge-21.9.1", "linkerd-proxy", "address"),
        ("cr.l5d.io/linkerd/proxy:edge-25.4.1", "linkerd-proxy", "address"),
        ("istio/proxyv2:0.0.0-dev", "istio-proxy", "address"),
        ("cr.l5d.io/linkerd/proxy:v2.1.0", "linkerd-proxy", "address"),
        ("hashicorp/consul-dataplane:1.5.0", "consul-dataplane", "unknown"),
        ("kumahq/kuma-dp:2.10.0", "kuma-sidecar", "unknown"),
        ("", "", "direct"),
    ],
)
def test_where_the_proxy_connects_to(image: str, proxy: str, ends: str) -> None:
    assert sidecar.delivery(pod(proxy, image), 8080) == ends


@pytest.mark.parametrize(
    ("proxy", "annotations", "taken"),
    [
        ("istio-proxy", {EXCLUDE: "8080"}, False),
        ("istio-proxy", {EXCLUDE: "9000, 8080"}, False),
        ("istio-proxy", {EXCLUDE: "80"}, True),
        ("istio-proxy", {EXCLUDE: ""}, True),
        ("istio-proxy", {INCLUDE: "*"}, True),
        ("istio-proxy", {INCLUDE: "8080"}, True),
        ("istio-proxy", {INCLUDE: "9000"}, False),
        ("istio-proxy", {INCLUDE: ""}, False),
        ("istio-proxy", {INCLUDE: "8080", EXCLUDE: "8080"}, False),
        ("linkerd-proxy", {LINKERD_PORTS: "8000-8100,25"}, False),
        ("linkerd-proxy", {LINKERD_PORTS: "8000-8079"}, True),
        ("linkerd-proxy", {LINKERD_PORTS: "all-of-them,-,8080-"}, True),
        ("linkerd-proxy", {EXCLUDE: "8080"}, True),
        ("kuma-sidecar", {KUMA_PORTS: "8080"}, False),
        ("consul-dataplane", {CONSUL_PORTS: "8080"}, False),
        ("", {AMBIENT: "enabled"}, True),
        ("", {}, False),
    ],
)
def test_what_annotations_take_out(proxy: str, annotations: Any, taken: bool) -> None:
    assert sidecar.takes(pod(proxy, **annotations), 8080) is taken


def test_a_meshs_own_ports_and_gateways_are_not_taken() -> None:
    assert not sidecar.takes(pod(), 15021)
    gateway = pod("", app={"name": "istio-proxy"})
    assert not sidecar.takes(gateway, 8080)


def listens(address: str, port: int = 8080) -> Observed[PodSockets]:
    socket = ListeningSocket(
        protocol="TCP", family="IPv4", address=address, port=port, source="proc"
    )
    return Observed(value=PodSockets(listeners=(socket,), source="proc"))


UNREAD = Missing(reason=Reason.NO_SHELL, detail="no shell")


def tried(path: Path, outcome: Outcome) -> Attempt:
    return Attempt(pod="shop-1", port=8080, path=path, outcome=outcome, address=ADDRESS)


def met(found: Pod, sockets: Observed[PodSockets] | Missing, *made: Attempt, **more: Any) -> str:
    return answer(Measured(found, sockets, made, **more), 8080, "TCP", ("IPv4",)).kind


@pytest.mark.parametrize("path", ["pod-proxy", "in-cluster"])
def test_that_a_proxy_accepts_proves_nothing(path: Path) -> None:
    accepted = tried(path, "accepted")
    assert met(pod(""), UNREAD, accepted) == "serves"
    assert met(pod(), UNREAD, accepted) == "unknown"
    assert met(pod(), listens("127.0.0.1"), accepted) == "loopback-only"
    assert met(pod(), listens("0.0.0.0", 9000), accepted) == "not-listening"
    assert met(pod(), listens("0.0.0.0"), accepted) == "serves"
    # An excluded port is the application's own.
    assert met(pod(**{EXCLUDE: "8080"}), UNREAD, accepted) == "serves"


def test_that_a_proxy_refuses_is_no_closed_port_of_the_application() -> None:
    refused, forwarded = tried("in-cluster", "refused"), tried("pod-port-forward", "accepted")
    assert met(pod(""), UNREAD, refused, forwarded) == "loopback-only"
    assert met(pod(), UNREAD, refused, forwarded) == "unknown"


@pytest.mark.parametrize(
    ("image", "address", "kind"),
    [
        ("istio/proxyv2:1.9.9", "127.0.0.1", "serves"),
        ("istio/proxyv2:1.9.9", "0.0.0.0", "serves"),
        ("istio/proxyv2:1.9.9", ADDRESS, "other-address"),
        ("istio/proxyv2:1.9.9", "127.0.0.2", "other-address"),
        ("istio/proxyv2:1.20.0", "127.0.0.1", "loopback-only"),
        ("istio/proxyv2:1.20.0", ADDRESS, "serves"),
    ],
)
def test_which_address_is_served_goes_by_the_proxys_version(
    image: str, address: str, kind: str
) -> None:
    assert met(pod(image=image), listens(address)) == kind


@pytest.mark.parametrize(
    ("address", "kind"), [("0.0.0.0", "serves"), ("127.0.0.1", "unknown"), (ADDRESS, "unknown")]
)
def test_behind_other_proxies_only_every_address_is_surely_served(address: str, kind: str) -> None:
    assert met(pod("kuma-sidecar"), listens(address)) == kind


def test_a_sidecar_resource_may_lead_to_loopback() -> None:
    to = {8080: "127.0.0.1:7020"}
    assert met(pod(), listens("127.0.0.1", 7020), passed_on=to) == "serves"
    assert met(pod(), listens("0.0.0.0", 7020), passed_on=to) == "serves"
    assert met(pod(), listens("127.0.0.1", 7021), passed_on=to) == "unknown"
    assert met(pod(), listens("0.0.0.0"), passed_on={8080: "unix:///run/app"}) == "unknown"
    # Where Sidecars could not be read, what listens on loopback may be served.
    assert met(pod(), listens("127.0.0.1"), passed_on=None) == "unknown"
    assert met(pod(), listens("127.0.0.1", 9000), passed_on=None) == "unknown"
    assert met(pod(), listens("0.0.0.0", 9000), passed_on=None) == "not-listening"


@pytest.mark.parametrize(("way", "tells"), [("tcpSocket", False), ("httpGet", True)])
def test_a_proxy_satisfies_a_probe_by_connection(way: str, tells: bool) -> None:
    probe = {"readinessProbe": {way: {"port": 8080}}}
    behind, bare = pod(app=probe), pod("", app=probe)
    assert kubelet_reaches(bare, 8080, ("IPv4",))
    assert kubelet_reaches(behind, 8080, ("IPv4",)) is tells
    assert shown(Measured(behind, UNREAD, ()), 8080) == ("answers" if tells else "listens")
    forwarded = tried("pod-port-forward", "accepted")
    assert met(bare, UNREAD, forwarded) == "serves"
    assert met(behind, UNREAD, forwarded) == ("serves" if tells else "unknown")


MIXED = """
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
probes:
  shop-1:
    sockets: ["0.0.0.0:15006 envoy", "0.0.0.0:15021 envoy", "127.0.0.1:15000 envoy"]
    pod-proxy: {8080: accepted}
"""


def test_a_meshs_port_is_never_the_fix() -> None:
    report = diagnose(evidence_of(MIXED)).services[0]
    assert report.verdict == "broken"
    assert report.findings[0].code == "PC201"
    titles = [fix.title for f in report.findings for fix in f.fixes]
    assert not any("15" in title for title in titles)


@pytest.mark.parametrize(
    ("proxy", "image", "reads"),
    [
        ("linkerd-proxy", "cr.l5d.io/linkerd/proxy:stable-2.17.1", False),
        ("linkerd-proxy", "cr.l5d.io/linkerd/proxy:stable-2.18.0", True),
        ("linkerd-proxy", "cr.l5d.io/linkerd/proxy:edge-25.1.2", False),
        ("linkerd-proxy", "cr.l5d.io/linkerd/proxy:edge-25.2.1", True),
        ("linkerd-proxy", "cr.l5d.io/linkerd/proxy:v2.310.0", True),  # the proxy's own version
        ("linkerd-proxy", "cr.l5d.io/linkerd/proxy", True),
        ("proxy", "shop/proxy:stable-2.17.1", True),  # of the application
        ("", "", True),  # in files it is not there yet
    ],
)
def test_whether_a_version_of_linkerd_reads_app_protocol(
    proxy: str, image: str, reads: bool
) -> None:
    assert sidecar.reads_app_protocol(pod(proxy, image)) is reads
