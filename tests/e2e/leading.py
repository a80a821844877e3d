"""Builders of what leads to a Service: Ingresses with their classes, and StatefulSets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

APP = deployment(container("http://0.0.0.0:8080", ports=[8080], readiness=8080))
SERVICE = service((80, 8080))
OLD_CLASS = "kubernetes.io/ingress.class"
REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"
REGEX = "nginx.ingress.kubernetes.io/use-regex"
CANARY = "nginx.ingress.kubernetes.io/canary"


def ingress(
    path: str = "/",
    type_: str = "Prefix",
    *,
    name: str = "shop",
    class_: str = "nginx",
    backend: str = "checkout",
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """An Ingress that leads one path of shop.example to port 80 of a Service."""
    to = {"service": {"name": backend, "port": {"number": 80}}}
    paths = [{"path": path, "pathType": type_, "backend": to}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "annotations": dict(annotations or {})},
        "spec": {
            "rules": [{"host": "shop.example", "http": {"paths": paths}}],
            **({"ingressClassName": class_} if class_ else {}),
        },
    }


def ingress_class(name: str, controller: str = "k8s.io/ingress-nginx") -> Document:
    """A class of the whole cluster."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name},
        "spec": {"controller": controller},
    }


def ingress_classes(cluster: Cluster) -> Iterator[None]:
    """Make the class nginx, for as long as a fixture lasts."""
    cluster.apply([ingress_class("nginx")])
    yield
    cluster.kubectl("delete", "ingressclass", "nginx")


def stateful_set(*containers: Document, names: str, replicas: int = 1) -> Document:
    """A StatefulSet db that names a Service."""
    made = deployment(*containers, name="db", replicas=replicas, serviceName=names)
    return {**made, "kind": "StatefulSet"}
