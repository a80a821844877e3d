"""What the example of a rule may hold: YAML as kubectl prints it, and what was measured.

It is read strictly: an example holds nothing that has no effect. An unknown kind, an unknown field
and a word outside a closed set are errors.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
import yaml

from kubectl_portcheck.collect.manifests.neighbours import FIELDS, as_evidence, shape_of
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import Absence, InitCall, Lookup
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    Endpoints,
    EndpointSlice,
    Event,
    Node,
    Pod,
    PodSpec,
    Service,
    Workload,
)
from kubectl_portcheck.model.probes import Outcome
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.model.storage import (
    ConfigMap,
    PersistentVolumeClaim,
    Secret,
    StorageClass,
)

READY: dict[str, Any] = {
    "phase": "Running",
    "podIP": "10.0.0.1",
    "podIPs": [{"ip": "10.0.0.1"}],
    "conditions": [{"type": "Ready", "status": "True"}],
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
AROUND: dict[str, dict[str, type[Record]]] = {
    **{field: {kind: shape_of(kind) for kind in kinds} for field, kinds in FIELDS.items()},
    "replica_sets": {"ReplicaSet": Workload},
    "workloads": dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet"), Workload),
    "overwritten": {"Endpoints": Endpoints},
    "revisions": {"ControllerRevision": ControllerRevision},
    "events": {"Event": Event},
    "nodes": {"Node": Node},
    "claims": {"PersistentVolumeClaim": PersistentVolumeClaim},
    "storage_classes": {"StorageClass": StorageClass},
    "config_maps": {"ConfigMap": ConfigMap},
    "secrets": {"Secret": Secret},
}
"""By field of the evidence: the kinds of documents that it is read from, and as what."""
TYPES: dict[str, type[Record]] = {
    "Service": Service,
    "Pod": Pod,
    "EndpointSlice": EndpointSlice,
    **{kind: type_ for kinds in AROUND.values() for kind, type_ in kinds.items()},
}


class UnfitExample(ValueError):
    """An example that holds something without effect, or lacks what it needs."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Refuses what it does not know."""


class Spoken(_Strict, frozen=True):
    """What a request to the port met."""

    request: str
    outcome: Outcome = "accepted"
    status: int | None = None
    speaks: str = ""
    detail: str = ""


class Queue(_Strict, frozen=True):
    """The connections that wait to be accepted."""

    waiting: int
    limit: int | None = None
    sockets: int = 1
    stuck: int | None = None
    accepted: int = 0


class Measured(_Strict, frozen=True):
    """What was measured in one pod, by port."""

    sockets: list[str] | None = None
    """Each ``[udp] ADDRESS:PORT [PROGRAM]``; without them no shell could read the sockets."""
    queues: dict[int, Queue] = {}
    port_forward: dict[int, Outcome] = {}
    pod_proxy: dict[int, Outcome] = {}
    in_cluster: dict[int, Outcome] = {}
    spoken: dict[int, Spoken] = {}
    service_port_forward: dict[int, Outcome] = {}
    """By Service port."""


class From(_Strict, frozen=True):
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
    others: "tuple[From, ...]" = ()
    """What other pods met."""


class Measurements(_Strict, frozen=True):
    """The document beside those of Kubernetes."""

    probes: dict[str, Measured] = {}
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
    from_: From | None = msgspec.field(name="from", default=None)


class Documents(NamedTuple):
    """An example as it is written."""

    objects: dict[str, list[Any]]
    """By kind."""
    measured: Measurements


def documents(text: str) -> Documents:
    """Return what an example holds. Raises UnfitExample."""
    written = [d for d in yaml.load_all(text, _LOADER) if d]
    objects: dict[str, list[Any]] = {kind: [] for kind in TYPES}
    for document in written:
        if "kind" in document:
            kind, item = _object(document)
            objects[kind].append(item)
    return Documents(objects, _measurements([d for d in written if "kind" not in d]))


def _measurements(documents: list[dict[str, Any]]) -> Measurements:
    """The documents that are no objects, as one."""
    keys = Counter(key for d in documents for key in d)
    if any(count > 1 for count in keys.values()):
        raise UnfitExample(f"said twice: {[k for k, count in keys.items() if count > 1]}")
    merged = {key: value for d in documents for key, value in d.items()}
    try:
        return msgspec.convert(merged, Measurements)
    except msgspec.ValidationError as wrong:
        raise UnfitExample(str(wrong)) from None


def _object(document: Mapping[str, Any]) -> tuple[str, Any]:
    kind = document["kind"]
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    if f"{kind}.{group}" in TYPES:
        kind = f"{kind}.{group}"
    if kind not in TYPES:
        raise UnfitExample(f"kind {kind} is none that an example may hold")
    extra = () if "kind" in _encoded(TYPES[kind]) else ("kind",)
    plain = {k: v for k, v in document.items() if k not in ("apiVersion", *extra)}
    unknown = list(_unknown(plain, _fields_of(kind)))
    if unknown:
        raise UnfitExample(f"{kind}: nothing reads {unknown}")
    item = msgspec.convert(_with_status(plain) if kind == "Pod" else plain, TYPES[kind])
    return kind, as_evidence(kind, item)


@cache
def _fields_of(kind: str) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(TYPES[kind])


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
