"""Reads the example of a rule: YAML as kubectl prints it, and what was measured, into evidence.

It is strict: an example holds nothing that has no effect. An unknown kind, an unknown field, a
measurement of a pod that is not there and a word outside a closed set are errors.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
import yaml

from kubectl_portcheck.collect.manifests.neighbours import FIELDS, as_evidence, joined_policies
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    Absence,
    Asked,
    Client,
    Context,
    Evidence,
    InCluster,
    InitCall,
    Lookup,
    ServiceEvidence,
    ServiceForward,
)
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    Endpoints,
    EndpointSlice,
    Event,
    Node,
    ObjectMeta,
    Pod,
    PodSpec,
    Service,
    Workload,
)
from kubectl_portcheck.model.probes import (
    AcceptQueue,
    Attempt,
    Family,
    ListeningSocket,
    Outcome,
    Path,
    PodSockets,
)
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.model.storage import (
    ConfigMap,
    PersistentVolumeClaim,
    Secret,
    StorageClass,
)
from kubectl_portcheck.semantics import endpoints, pods, ports, selectors
from kubectl_portcheck.semantics.references import concerning

READY: dict[str, Any] = {
    "phase": "Running",
    "podIP": "10.0.0.1",
    "podIPs": [{"ip": "10.0.0.1"}],
    "conditions": [{"type": "Ready", "status": "True"}],
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOW = "2026-06-01T12:00:00Z"
"""When the evidence of every example was gathered."""

_AROUND: dict[str, dict[str, type[Record]]] = {
    **FIELDS,
    "replica_sets": {"ReplicaSet": Workload},
    "workloads": dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet"), Workload),
    "overwritten": {"Endpoints": Endpoints},
    "revisions": {"ControllerRevision": ControllerRevision},
    "events": {"Event": Event},
    "nodes": {"Node": Node},
    "claims": {"PersistentVolumeClaim": PersistentVolumeClaim},
    "ingress_classes": {"IngressClass": IngressClass},
    "storage_classes": {"StorageClass": StorageClass},
    "config_maps": {"ConfigMap": ConfigMap},
    "secrets": {"Secret": Secret},
}
"""By field of the evidence: the kinds of documents that it is read from, and as what."""
_TYPES: dict[str, type[Record]] = {
    "Service": Service,
    "Pod": Pod,
    "EndpointSlice": EndpointSlice,
    **{kind: type_ for kinds in _AROUND.values() for kind, type_ in kinds.items()},
}


class UnfitExample(ValueError):
    """An example that holds something without effect, or lacks what it needs."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Refuses what it does not know."""


class _Spoken(_Strict, frozen=True):
    """What a request to the port met."""

    request: str
    outcome: Outcome = "accepted"
    status: int | None = None
    speaks: str = ""
    detail: str = ""


class _Queue(_Strict, frozen=True):
    """The connections that wait to be accepted."""

    waiting: int
    limit: int | None = None
    sockets: int = 1
    stuck: int | None = None
    accepted: int = 0


class _Measured(_Strict, frozen=True):
    """What was measured in one pod, by port."""

    sockets: list[str] | None = None
    """Each ``[udp] ADDRESS:PORT [PROGRAM]``; without them no shell could read the sockets."""
    queues: dict[int, _Queue] = {}
    port_forward: dict[int, Outcome] = {}
    pod_proxy: dict[int, Outcome] = {}
    in_cluster: dict[int, Outcome] = {}
    spoken: dict[int, _Spoken] = {}
    service_port_forward: dict[int, Outcome] = {}
    """By Service port."""


class _From(_Strict, frozen=True):
    """What ``--from`` met at the Service's own address, by Service port."""

    pod: str
    """Its name; where it is one of the documents, policies are compared with it."""
    tool: str
    service: dict[int, Outcome] = {}
    namespace: str = "default"
    namespaces: dict[str, dict[str, str]] = {}
    """The labels of namespaces that could be read."""
    client: PodSpec | None = None
    """What the pod is asked to be, where it is none of the documents: a Deployment's, then."""
    dns: Dns | None = None
    dns_server: str = ""
    """An example of its own: the Service behind the nameserver."""
    others: "tuple[_From, ...]" = ()
    """What other pods met."""


class _Measurements(_Strict, frozen=True):
    """The document beside those of Kubernetes."""

    probes: dict[str, _Measured] = {}
    init_calls: tuple[InitCall, ...] = ()
    """What the commands of init containers name."""
    calls: tuple[Call, ...] | None = None
    """What workloads call, as far as it concerns the Service."""
    absent: Absence | None = None
    """What is known of the Service, where there is none."""
    calls_of: str = ""
    """The kind of the workload that was asked about, of which all calls are given."""
    asked: int | str | None = None
    """The port of ``NAME:PORT``."""
    about: str = ""
    """The kind of a workload, where its own ports are asked about and no Service is."""
    lookup: Lookup | None = None
    """The address by which the Service was asked for."""
    from_: _From | None = msgspec.field(name="from", default=None)


def evidence_of(text: str) -> Evidence:
    """Return the evidence that an example describes.

    A pod without a status is Running and Ready at 10.0.0.1. A pod whose sockets are not given
    has sockets that could not be read.
    """
    documents = [d for d in yaml.load_all(text, _LOADER) if d]
    objects = [d for d in documents if "kind" in d]
    found: dict[str, list[Any]] = {kind: [] for kind in _TYPES}
    for document in objects:
        kind, item = _object(document)
        found[kind].append(item)
    measured = _measurements([d for d in documents if "kind" not in d])
    if not found["Service"]:
        raise UnfitExample("an example is about a Service")
    service: Service = found["Service"][0]
    everything: tuple[Pod, ...] = tuple(found["Pod"])
    named = _subdomains(everything)
    strange = [
        s
        for s in found["Service"][1:]
        if _place(s) != endpoints.alias_of(service) and s.metadata.name not in named
    ]
    if strange:
        raise UnfitExample(
            "an example is about one Service, that of which it is an alias, and those under which "
            "DNS knows its pods"
        )
    strangers = set(measured.probes) - {p.metadata.name for p in everything}
    if strangers:
        raise UnfitExample(f"probes of pods that are not there: {sorted(strangers)}")
    evidence = _evidence(service, everything, found, measured)
    context = Context(source="cluster", namespace="default", collected_at=NOW)
    return Evidence(context=context, services=(concerning(evidence),))


def _evidence(
    service: Service, everything: tuple[Pod, ...], found: dict[str, list[Any]], given: _Measurements
) -> ServiceEvidence:
    matching = tuple(
        p for p in everything if selectors.matches(service.spec.selector, p.metadata.labels)
    )
    slices = tuple(found["EndpointSlice"]) or tuple(_slices(service, matching))
    if not service.spec.selector:
        matching = endpoints.pods_behind(slices, everything)
    around = {
        field: Observed(value=tuple(item for kind in kinds for item in found[kind]))
        for field, kinds in _AROUND.items()
    }
    around["mesh_policies"] = joined_policies(around["mesh_policies"].value)
    evidence = ServiceEvidence(
        service=service,
        asked_port=given.asked,
        lookup=given.lookup,
        asked=_asked(given),
        absence=given.absent,
        unread=None if given.absent is None else Missing(reason=Reason.NOT_FOUND),
        calls=NOT_ASKED if given.calls is None else Observed(value=given.calls),
        init_calls=given.init_calls,
        pods=Observed(value=matching),
        endpoint_slices=Observed(value=slices),
        deployments=NOT_ASKED if matching else Observed(value=tuple(found["Deployment"])),
        stateful_sets=NOT_ASKED if matching else Observed(value=tuple(found["StatefulSet"])),
        services=Observed(value=tuple(found["Service"])) if _subdomains(matching) else NOT_ASKED,
        namespace_pods=Observed(value=everything) if matching != everything else NOT_ASKED,
        sockets={
            p.metadata.name: _sockets(given.probes.get(p.metadata.name, _Measured()))
            for p in matching
        },
        attempts=tuple(a for name, m in given.probes.items() for a in _attempts(name, m)),
        service_forwards=tuple(_forwards(service, matching, given.probes))
        if service.spec.selector
        else (),
        in_cluster=_in_cluster(service, given.from_, found),
    )
    aliases = [s for s in found["Service"] if _place(s) == endpoints.alias_of(service)]
    alias = Observed(value=aliases[0]) if aliases else NOT_ASKED
    return msgspec.structs.replace(evidence, **around, alias=alias)


def _asked(given: _Measurements) -> Asked | None:
    if given.calls_of:
        return Asked(kind=given.calls_of, what="calls")
    return Asked(kind=given.about, services=Observed(value=())) if given.about else None


def _subdomains(found: tuple[Pod, ...]) -> set[str]:
    """The Services under which DNS knows the pods."""
    return {p.spec.subdomain for p in found if p.spec.subdomain}


def _place(service: Service) -> tuple[str, str]:
    return service.metadata.namespace, service.metadata.name


def _measurements(documents: list[dict[str, Any]]) -> _Measurements:
    """The documents that are no objects, as one."""
    keys = Counter(key for d in documents for key in d)
    if any(count > 1 for count in keys.values()):
        raise UnfitExample(f"said twice: {[k for k, count in keys.items() if count > 1]}")
    merged = {key: value for d in documents for key, value in d.items()}
    try:
        return msgspec.convert(merged, _Measurements)
    except msgspec.ValidationError as wrong:
        raise UnfitExample(str(wrong)) from None


def _object(document: Mapping[str, Any]) -> tuple[str, Any]:
    kind = document["kind"]
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    if f"{kind}.{group}" in _TYPES:
        kind = f"{kind}.{group}"
    if kind not in _TYPES:
        raise UnfitExample(f"kind {kind} is none that an example may hold")
    extra = () if "kind" in _encoded(_TYPES[kind]) else ("kind",)
    plain = {k: v for k, v in document.items() if k not in ("apiVersion", *extra)}
    unknown = list(_unknown(plain, _fields_of(kind)))
    if unknown:
        raise UnfitExample(f"{kind}: nothing reads {unknown}")
    item = msgspec.convert(_with_status(plain) if kind == "Pod" else plain, _TYPES[kind])
    return kind, as_evidence(kind, item)


@cache
def _fields_of(kind: str) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(_TYPES[kind])


def _encoded(type_: type[Record]) -> frozenset[str]:
    return frozenset(f.encode_name for f in msgspec.structs.fields(type_))


def _unknown(value: Any, type_: msgspec.inspect.Type, at: str = "") -> Iterator[str]:
    """The paths in the value of which the type knows nothing."""
    inspect = msgspec.inspect
    if isinstance(type_, inspect.StructType) and isinstance(value, Mapping):
        fields = {f.encode_name: f.type for f in type_.fields}
        for key, below in value.items():
            path = f"{at}.{key}".lstrip(".")
            if key in fields:
                yield from _unknown(below, fields[key], path)
            else:
                yield path
    elif isinstance(type_, inspect.UnionType):
        struct = [t for t in type_.types if not isinstance(t, inspect.NoneType)]
        yield from _unknown(value, struct[0], at) if len(struct) == 1 else ()
    elif isinstance(type_, inspect.VarTupleType) and isinstance(value, list):
        for n, item in enumerate(value):
            yield from _unknown(item, type_.item_type, f"{at}[{n}]")
    elif isinstance(type_, inspect.DictType) and isinstance(value, Mapping):
        for key, below in value.items():
            yield from _unknown(below, type_.value_type, f"{at}.{key}")


def _with_status(document: Mapping[str, Any]) -> dict[str, Any]:
    """The pod with the status of a good one, and with its containers' where it runs."""
    status = dict(document.get("status", READY))
    if "containerStatuses" not in status and status["phase"] == "Running":
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])
        names = [c["name"] for c in document["spec"]["containers"]]
        status["containerStatuses"] = [
            {"name": n, "ready": ready, "state": {"running": {}}} for n in names
        ]
    return {**document, "status": status}


def _slices(service: Service, matching: tuple[Pod, ...]) -> Iterator[EndpointSlice]:
    """What the EndpointSlice controller writes, a slice a pod: the grouping does not matter."""
    for pod in matching:
        if not pod.status.pod_ip:
            continue
        numbers = [(p, ports.resolve_target_port(p, pod)) for p in service.spec.ports]
        yield msgspec.convert(
            {
                "metadata": {"name": f"{service.metadata.name}-{pod.metadata.name}"},
                "endpoints": [
                    {
                        "addresses": [pod.status.pod_ip],
                        "conditions": {"ready": pods.is_ready(pod)},
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


def _sockets(measured: _Measured) -> Observed[PodSockets] | Missing:
    if measured.sockets is None:
        return Missing(reason=Reason.NO_SHELL, detail="no shell in the image")
    listeners = tuple(_listener(text) for text in measured.sockets)
    queues = tuple(
        AcceptQueue(port=port, **msgspec.structs.asdict(given))
        for port, given in measured.queues.items()
    )
    return Observed(value=PodSockets(listeners=listeners, source="proc", queues=queues))


def _listener(text: str) -> ListeningSocket:
    """Reads ``[udp] ADDRESS:PORT [PROGRAM [in CONTAINER]]``.

    In the place of the program may be ``v6only``, and ``unsure``: as /proc shows a socket on
    ``::``, which may accept IPv4 too, or not.
    """
    udp = text.startswith("udp ")
    address, _, process = text.removeprefix("udp ").partition(" ")
    program, _, container = process.partition(" in ")
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family: Family = "dual" if host == "::" else "IPv6" if ":" in host else "IPv4"
    return ListeningSocket(
        protocol="UDP" if udp else "TCP",
        family="IPv6" if program == "v6only" else family,
        family_certain=program != "unsure",
        address=host,
        port=int(port),
        program=None if program in ("", "unsure") else program,
        container=container or None,
        source="proc",
    )


def _attempts(pod: str, measured: _Measured) -> Iterator[Attempt]:
    by_path: tuple[tuple[Path, dict[int, Outcome]], ...] = (
        ("pod-port-forward", measured.port_forward),
        ("pod-proxy", measured.pod_proxy),
        ("in-cluster", measured.in_cluster),
    )
    for path, outcomes in by_path:
        address = "10.0.0.1" if path == "in-cluster" else ""
        for port, outcome in outcomes.items():
            yield Attempt(pod=pod, port=port, path=path, outcome=outcome, address=address)
    for port, spoken in measured.spoken.items():
        given = msgspec.to_builtins(spoken)
        yield msgspec.convert({"pod": pod, "port": port, "path": "pod-proxy", **given}, Attempt)


def _in_cluster(
    service: Service, given: _From | None, found: Mapping[str, list[Any]]
) -> Observed[InCluster] | Missing:
    if given is None:
        return NOT_ASKED
    attempts = tuple(
        Attempt(
            pod="", port=port, path="in-cluster", outcome=outcome, address=service.spec.cluster_ip
        )
        for port, outcome in given.service.items()
    )
    others = [_in_cluster(service, o, found) for o in given.others]
    return Observed(
        value=InCluster(
            namespace=given.namespace,
            pod=given.pod,
            tool=given.tool,
            attempts=attempts,
            client=_made(given) or _client(given, found),
            dns=Observed(value=given.dns) if given.dns else NOT_ASKED,
            dns_server=Observed(value=evidence_of(given.dns_server).services[0])
            if given.dns_server
            else NOT_ASKED,
            others=tuple(o.value for o in others if isinstance(o, Observed)),
        )
    )


def _made(given: _From) -> Client | None:
    """The pod of ``--from`` where only its specification is given: one of a Deployment."""
    if given.client is None:
        return None
    owner = {"kind": "ReplicaSet", "name": f"{given.pod}-7c", "controller": True}
    metadata = {
        "name": f"{given.pod}-7c-x",
        "namespace": given.namespace,
        "labels": {"pod-template-hash": "7c"},
        "ownerReferences": [owner],
    }
    return Client(pod=Pod(metadata=msgspec.convert(metadata, ObjectMeta), spec=given.client))


def _client(given: _From, found: Mapping[str, list[Any]]) -> Client | None:
    """The pod of ``--from`` where it is one of the documents, with the policies that select it."""
    pod: Pod | None = next(
        (
            p
            for p in found["Pod"]
            if p.metadata.name == given.pod
            and (p.metadata.namespace or "default") == given.namespace
        ),
        None,
    )
    if pod is None:
        return None
    selecting = tuple(
        p
        for p in found["NetworkPolicy"]
        if (p.metadata.namespace or "default") == given.namespace
        and selectors.holds(p.spec.pod_selector, pod.metadata.labels)
    )
    return Client(pod=pod, policies=Observed(value=selecting), namespaces=given.namespaces)


def _forwards(
    service: Service, matching: tuple[Pod, ...], probes: Mapping[str, _Measured]
) -> Iterator[ServiceForward]:
    """The port-forwards to the Service: to the pod that kubectl would pick, and to no other."""
    chosen = pods.forward_choice(matching)
    name = chosen.metadata.name if chosen else ""
    for pod, measured in probes.items():
        for port, outcome in measured.service_port_forward.items():
            target = ports.kubectl_target_port(service, port, chosen) if chosen else None
            if pod != name or target is None:
                raise UnfitExample(f"kubectl would not forward {port} to {pod}")
            attempt = Attempt(pod=pod, port=target, path="service-port-forward", outcome=outcome)
            yield ServiceForward(port=port, pod=pod, pod_port=target, attempt=attempt)
