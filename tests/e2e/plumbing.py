"""Pods with the redirect rules of Istio's sidecar, and a stand-in for its proxy.

The rules are what Istio's own ``istio-iptables`` writes for the default settings: inbound to 15006,
outbound to 15001, the proxy's user 1337 left out, as well as what the proxy passes on from
127.0.0.6 or ::6. The stand-in is the test image's program; see ``tests/bed/listen/mesh.go``.
"""

from __future__ import annotations

from collections.abc import Sequence

from .workloads import Document, container, deployment

UID = 1337
EXCLUDED = "traffic.sidecar.istio.io/excludeInboundPorts"


def rules(loopback: str, own: str, excluded: Sequence[int] = ()) -> str:
    """The rules of one address family, as ``iptables-restore`` reads them."""
    passed = [f"-A ISTIO_INBOUND -p tcp --dport {port} -j RETURN" for port in (15008, *excluded)]
    of_proxy = [
        line
        for who in ("uid", "gid")
        for line in (
            f"-A ISTIO_OUTPUT -o lo ! -d {loopback} -p tcp ! --dport 15008 "
            f"-m owner --{who}-owner {UID} -j ISTIO_IN_REDIRECT",
            f"-A ISTIO_OUTPUT -o lo -m owner ! --{who}-owner {UID} -j RETURN",
            f"-A ISTIO_OUTPUT -m owner --{who}-owner {UID} -j RETURN",
        )
    ]
    lines = [
        "*nat",
        *(f":ISTIO_{n} - [0:0]" for n in ("INBOUND", "REDIRECT", "IN_REDIRECT", "OUTPUT")),
        "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001",
        "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006",
        *passed,
        "-A PREROUTING -p tcp -j ISTIO_INBOUND",
        "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT",
        "-A OUTPUT -j ISTIO_OUTPUT",
        f"-A ISTIO_OUTPUT -o lo -s {own} -j RETURN",
        *of_proxy,
        f"-A ISTIO_OUTPUT -d {loopback} -j RETURN",
        "-A ISTIO_OUTPUT -j ISTIO_REDIRECT",
        "COMMIT",
    ]
    return "\n".join(lines)


def redirected(app: Document, excluded: Sequence[int] = (), to: str = "") -> Document:
    """A pod's specification, with its annotations: the application behind the stand-in.

    ``to`` is ``loopback`` for what Istio did before 1.10; the image's tag says so too.
    """
    four = rules("127.0.0.1/32", "127.0.0.6/32", excluded)
    six = rules("::1/128", "::6/128", excluded)
    script = (
        f"ip -6 addr add ::6/128 dev lo; iptables-restore --noflush <<'END' && "
        f"ip6tables-restore --noflush <<'END6'\n{four}\nEND\n{six}\nEND6\n"
    )
    root = {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}
    init = {
        "name": "istio-init",
        "image": "portcheck.test/debian:1",
        "imagePullPolicy": "Never",
        "command": ["/bin/sh", "-c", script],
        "securityContext": root,
    }
    option = f"?to={to}" if to else ""
    ways = [
        f"mesh-in://0.0.0.0:15006{option}",
        f"mesh-in6://[::]:15006{option}",
        "mesh-out://127.0.0.1:15001",
        "tcp://127.0.0.1:15000",
        "http://0.0.0.0:15021",
    ]
    proxy = container(*ways, name="istio-proxy", image="distroless")
    if to:
        proxy["image"] = "portcheck.test/proxyv2:1.9"
    proxy["securityContext"] = {"runAsUser": UID, "runAsGroup": UID}
    spec = {
        "terminationGracePeriodSeconds": 0,
        "initContainers": [init],
        "containers": [app, proxy],
    }
    listed = ",".join(map(str, excluded))
    annotations = {EXCLUDED: listed} if excluded else {}
    return {"metadata": {"annotations": annotations}, "spec": spec}


def meshed(
    app: Document, name: str = "checkout", excluded: Sequence[int] = (), to: str = ""
) -> Document:
    """A Deployment of such pods."""
    made = deployment(app, name=name)
    pod = redirected(app, excluded, to)
    template = made["spec"]["template"]
    template["metadata"]["annotations"] = pod["metadata"]["annotations"]
    template["spec"].update(pod["spec"])
    return made


def client(name: str, *, in_mesh: bool = False) -> Document:
    """A pod that connects, behind a stand-in of its own or without one."""
    app = container(image="debian", name="client")
    pod = redirected(app) if in_mesh else {"spec": {"containers": [app]}}
    spec = {**pod["spec"], "terminationGracePeriodSeconds": 0}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }
