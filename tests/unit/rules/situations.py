"""Reads the examples of rules: YAML as kubectl prints it, and what was measured, into evidence."""

from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from kubectl_portcheck.collect.manifests.neighbours import FIELDS
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    Context,
    Evidence,
    InCluster,
    ServiceEvidence,
    ServiceForward,
)
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    EndpointSlice,
    Event,
    Node,
    Pod,
    Service,
    Workload,
)
from kubectl_portcheck.model.probes import Attempt, Family, ListeningSocket, Path, PodSockets
from kubectl_portcheck.semantics import selectors
from kubectl_portcheck.semantics.pods import forward_choice
from kubectl_portcheck.semantics.ports import kubectl_target_port
from kubectl_portcheck.semantics.references import concerning

READY: dict[str, Any] = {
    "phase": "Running",
    "podIP": "10.0.0.1",
    "podIPs": [{"ip": "10.0.0.1"}],
    "conditions": [{"type": "Ready", "status": "True"}],
}

KINDS = ("Service", "Pod", "EndpointSlice", "ReplicaSet", "Deployment")
AROUND: dict[str, tuple[type[Record], tuple[str, ...]]] = {
    **FIELDS,
    "workloads": (Workload, ("Deployment", "StatefulSet", "DaemonSet")),
    "revisions": (ControllerRevision, ("ControllerRevision",)),
    "events": (Event, ("Event",)),
    "nodes": (Node, ("Node",)),
}
"""By field of the evidence: the type, and the kinds of documents that it is read from."""

PATHS: dict[str, Path] = {
    "port-forward": "pod-port-forward",
    "pod-proxy": "pod-proxy",
    "in-cluster": "in-cluster",
}


def evidence_of(text: str) -> Evidence:
    """The evidence that an example describes.

    A pod without a status is Running and Ready at 10.0.0.1. A pod whose sockets are not given
    has ``probes`` that could not be read.
    """
    documents = [d for d in yaml.safe_load_all(text) if d]
    of_kind = {
        kind: [d for d in documents if d.get("kind") == kind]
        for kind in (*KINDS, *(k for _, kinds in AROUND.values() for k in kinds))
    }
    probes: dict[str, Any] = next((d["probes"] for d in documents if "probes" in d), {})
    asked = next((d["asked"] for d in documents if "asked" in d), None)
    service = msgspec.convert(of_kind["Service"][0], Service)
    everything = tuple(_pod(d) for d in of_kind["Pod"])
    matching = tuple(
        p for p in everything if selectors.matches(service.spec.selector, p.metadata.labels)
    )
    slices = tuple(msgspec.convert(d, EndpointSlice) for d in of_kind["EndpointSlice"])
    replica_sets = tuple(msgspec.convert(d, Workload) for d in of_kind["ReplicaSet"])
    deployments = tuple(msgspec.convert(d, Workload) for d in of_kind["Deployment"])
    found = ServiceEvidence(
        service=service,
        asked_port=asked,
        pods=Observed(value=matching),
        endpoint_slices=Observed(value=slices) if slices else _slices(service, matching),
        replica_sets=Observed(value=replica_sets),
        deployments=NOT_ASKED if matching else Observed(value=deployments),
        namespace_pods=NOT_ASKED if matching else Observed(value=everything),
        sockets={p.metadata.name: _sockets(probes.get(p.metadata.name, {})) for p in matching},
        attempts=tuple(
            Attempt(
                pod=name,
                port=port,
                path=path,
                outcome=outcome,
                address="10.0.0.1" if path == "in-cluster" else "",
            )
            for name, measured in probes.items()
            for key, path in PATHS.items()
            for port, outcome in measured.get(key, {}).items()
        )
        + tuple(
            Attempt(pod=name, port=port, path="pod-proxy", **{"outcome": "accepted", **told})
            for name, measured in probes.items()
            for port, told in measured.get("spoken", {}).items()
        ),
        service_forwards=_forwards(service, matching, probes),
        in_cluster=_in_cluster(service, next((d["from"] for d in documents if "from" in d), {})),
    )
    found = msgspec.structs.replace(
        found,
        **{
            field: Observed(
                value=tuple(msgspec.convert(d, type_) for kind in kinds for d in of_kind[kind])
            )
            for field, (type_, kinds) in AROUND.items()
        },
    )
    context = Context(source="cluster", namespace="default", collected_at="2026-06-01T12:00:00Z")
    return Evidence(context=context, services=(concerning(found),))


def _pod(document: dict[str, Any]) -> Pod:
    document = {"status": READY, **document}
    status = dict(document["status"])
    if status is not READY and "containerStatuses" not in status and status["phase"] == "Running":
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])
        names = [c["name"] for c in document["spec"]["containers"]]
        status["containerStatuses"] = [
            {"name": n, "ready": ready, "state": {"running": {}}} for n in names
        ]
    return msgspec.convert({**document, "status": status}, Pod)


def _slices(service: Service, pods: tuple[Pod, ...]) -> Observed[tuple[EndpointSlice, ...]]:
    """What the EndpointSlice controller writes, a slice a pod: the grouping does not matter."""
    from kubectl_portcheck.semantics.pods import is_ready
    from kubectl_portcheck.semantics.ports import resolve_target_port

    made = []
    for pod in pods:
        if not pod.status.pod_ip:
            continue
        numbers = [(p, resolve_target_port(p, pod)) for p in service.spec.ports]
        made.append(
            msgspec.convert(
                {
                    "metadata": {"name": f"{service.metadata.name}-{pod.metadata.name}"},
                    "endpoints": [
                        {
                            "addresses": [pod.status.pod_ip],
                            "conditions": {"ready": is_ready(pod)},
                            "targetRef": {"kind": "Pod", "name": pod.metadata.name},
                        }
                    ],
                    "ports": [
                        {"name": p.name, "port": n, "protocol": p.protocol}
                        for p, n in numbers
                        if n is not None
                    ],
                },
                EndpointSlice,
            )
        )
    return Observed(value=tuple(made))


def _sockets(measured: Mapping[str, Any]) -> Observed[PodSockets] | Missing:
    if "sockets" not in measured:
        return Missing(reason=Reason.NO_SHELL, detail="no shell in the image")
    listeners = tuple(_listener(text) for text in measured["sockets"])
    return Observed(value=PodSockets(listeners=listeners, source="proc"))


def _listener(text: str) -> ListeningSocket:
    """Reads ``[udp] ADDRESS:PORT [PROGRAM]``."""
    udp = text.startswith("udp ")
    address, _, program = text.removeprefix("udp ").partition(" ")
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family: Family = "dual" if host == "::" else "IPv6" if ":" in host else "IPv4"
    return ListeningSocket(
        protocol="UDP" if udp else "TCP",
        family="IPv6" if program == "v6only" else family,
        address=host,
        port=int(port),
        program=program or None,
        source="proc",
    )


def _in_cluster(service: Service, told: Mapping[str, Any]) -> Observed[InCluster] | Missing:
    """Reads ``from: {pod: ..., tool: ..., service: {PORT: OUTCOME}}``."""
    if not told:
        return NOT_ASKED
    attempts = tuple(
        Attempt(
            pod="",
            port=port,
            path="in-cluster",
            outcome=outcome,
            address=service.spec.cluster_ip,
        )
        for port, outcome in told["service"].items()
    )
    found = InCluster(namespace="default", pod=told["pod"], tool=told["tool"], attempts=attempts)
    return Observed(value=found)


def _forwards(
    service: Service, pods: tuple[Pod, ...], probes: Mapping[str, Any]
) -> tuple[ServiceForward, ...]:
    chosen = forward_choice(pods)
    if chosen is None:
        return ()
    outcomes = probes.get(chosen.metadata.name, {}).get("service-port-forward", {})
    return tuple(
        ServiceForward(
            port=port,
            pod=chosen.metadata.name,
            pod_port=target,
            attempt=Attempt(
                pod=chosen.metadata.name, port=target, path="service-port-forward", outcome=outcome
            ),
        )
        for port, outcome in outcomes.items()
        if (target := kubectl_target_port(service, port, chosen)) is not None
    )
