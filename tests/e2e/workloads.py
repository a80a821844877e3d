"""Builders of what the end-to-end tests deploy: valid by default, wrong only where a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]


def container(
    *listeners: str,
    name: str = "app",
    image: str = "debian",
    ports: Mapping[str, int] | Sequence[int] = (),
    readiness: int | None = None,
    program: str = "",
    **more: Any,
) -> Document:
    """A container that listens as its arguments say; ``ports`` is what it declares.

    With ``program`` the listening process has that name; the image must have a shell.
    """
    named = ports.items() if isinstance(ports, Mapping) else [("", p) for p in ports]
    declared = [{"containerPort": p, **({"name": n} if n else {})} for n, p in named]
    probe = {"httpGet": {"port": readiness, "path": "/"}, "periodSeconds": 1}
    command = ["/listen", *(listeners or ("sleep",))]
    if program:
        copied = f'cp /listen /tmp/{program} && exec /tmp/{program} "$@"'
        command = ["/bin/sh", "-c", copied, program, *command[1:]]
    return {
        "name": name,
        "image": f"portcheck.test/{image}:1",
        "imagePullPolicy": "Never",
        "command": command,
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        **({"ports": declared} if declared else {}),
        **({"readinessProbe": probe} if readiness else {}),
        **more,
    }


def labels_of(name: str) -> Document:
    """A selector of the pods with ``app: NAME``."""
    return {"matchLabels": {"app": name}}


def client_pod(name: str) -> Document:
    """A pod with ``app: NAME`` that serves no client and can connect."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [container(image="busybox")],
        },
    }


def network_policy(name: str, app: str = "", **spec: Any) -> Document:
    """A NetworkPolicy for the pods with ``app: APP``, or for all of the namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": labels_of(app) if app else {}, **spec},
    }


def deployment(
    *containers: Document,
    name: str = "checkout",
    replicas: int = 1,
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Document:
    """A Deployment whose pods have ``app: NAME`` and what else is given."""
    selector = {"app": name}
    pod = {"terminationGracePeriodSeconds": 0, "containers": list(containers)}
    pod.update(spec.pop("pod", {}))
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": {**selector, **(labels or {})}}, "spec": pod},
            **spec,
        },
    }


def service(*ports: tuple[int, int | str], name: str = "checkout", **spec: Any) -> Document:
    """A Service that selects ``app: NAME``; ports are pairs of port and targetPort."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": name},
            "ports": [
                {
                    "port": port,
                    "targetPort": target,
                    **({"name": f"p{port}"} if len(ports) > 1 else {}),
                }
                for port, target in ports
            ],
            **spec,
        },
    }
