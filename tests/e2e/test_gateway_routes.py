"""Routes of the Gateway API besides HTTPRoutes with backends: mirrors, other kinds, a mesh's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .crds import served
from .portcheck import diagnose, paste
from .table import keep
from .test_paths import deploy, fixed, route
from .workloads import Document

if TYPE_CHECKING:
    from .conftest import Cluster


@pytest.mark.parametrize("kind", ["GRPCRoute", "TLSRoute", "TCPRoute"])
def test_a_route_names_the_port_of_the_pods(cluster: Cluster, namespace: str, kind: str) -> None:
    with served(cluster, kind):
        deploy(cluster, namespace, route(8080, kind))
        found = fixed(cluster, namespace, "PC702", f"the port 8080 in a {kind}")
        assert found.findings[0]["subject"]["kind"] == kind


def _mirror(port: int, namespace: str) -> Document:
    """A route to another Service, which sends copies of the requests to checkout."""
    made = route(80)
    copied = {"name": "checkout", "namespace": namespace, "port": port}
    [rule] = made["spec"]["rules"]
    rule["backendRefs"][0]["name"] = "primary"
    rule["filters"] = [{"type": "RequestMirror", "requestMirror": {"backendRef": copied}}]
    return made


def test_copies_of_requests(cluster: Cluster, namespace: str) -> None:
    """First the port of the copies is wrong, then they come from another namespace."""
    with served(cluster, "HTTPRoute", "ReferenceGrant"):
        deploy(cluster, namespace, _mirror(8080, namespace))
        found = diagnose(cluster, namespace)
        assert found.causes == ["PC702"]
        assert found.fix
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("a RequestMirror names the targetPort", found, well)
        other = cluster.make_namespace()
        try:
            cluster.apply(_mirror(80, namespace), other)
            found = diagnose(cluster, namespace)
            assert found.causes == ["PC703"]
            cluster.apply(found.findings[0]["fixes"][0]["patch"], namespace)
            well = diagnose(cluster, namespace)
            assert (well.verdict, well.findings) == ("healthy", [])
            keep("a RequestMirror of another namespace has no grant", found, well, by_hand=True)
        finally:
            cluster.kubectl("delete", "namespace", other, "--wait=false")


def test_a_route_of_a_mesh_needs_no_grant(cluster: Cluster, namespace: str) -> None:
    """Its parent is a Service; the same route with a Gateway as its parent needs one."""
    with served(cluster, "HTTPRoute", "ReferenceGrant"):
        deploy(cluster, namespace)
        other = cluster.make_namespace()
        try:
            made = route(80, namespace=namespace)
            made["spec"]["parentRefs"] = [{"name": "edge"}]
            cluster.apply(made, other)
            found = diagnose(cluster, namespace)
            assert (found.verdict, found.causes) == ("degraded", ["PC703"])
            made["spec"]["parentRefs"] = [{"group": "", "kind": "Service", "name": "storefront"}]
            cluster.apply(made, other)
            well = diagnose(cluster, namespace)
            assert (well.verdict, well.findings) == ("healthy", [])
            title = "a route of another namespace whose parent is a Gateway; then a mesh's"
            keep(title, found, well, by_hand=True)
        finally:
            cluster.kubectl("delete", "namespace", other, "--wait=false")
