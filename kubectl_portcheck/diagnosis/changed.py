"""The evidence as it would be after a fix: what the API server, the controllers and the kubelet
would make of the change, from what was measured before.

Processes are taken to go on as they are: who listens where does not change by a patch. What cannot
be known beforehand raises :class:`Unknown`, and is never guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.evidence import NOT_ASKED, ServiceEvidence
from kubectl_portcheck.model.fixes import Fix, JsonPatch, Operation, Subject
from kubectl_portcheck.model.kinds import REFERRERS
from kubectl_portcheck.model.objects import Condition, Pod, PodStatus, Service
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.semantics import endpoints, kubelet, pods, probes, selectors
from kubectl_portcheck.semantics.case import ServiceCase

R = TypeVar("R", bound=Record)

LISTS = {
    "EndpointSlice": "endpoint_slices",
    "NetworkPolicy": "network_policies",
    "Ingress": "ingresses",
    "HTTPRoute": "routes",
    "GRPCRoute": "routes",
    "TLSRoute": "routes",
    "TCPRoute": "routes",
    "UDPRoute": "routes",
    **dict.fromkeys((kind.name for kind in REFERRERS), "referrers"),
    "ServiceMonitor": "monitors",
    "PodMonitor": "monitors",
}
"""By kind, the part of the evidence that holds an object."""
ANYWHERE = ("referrers", "routes")
"""Parts whose objects may be in another namespace than the Service, or in none."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
TEMPLATE = "/spec/template/spec"
NOT_CONTACTED = Missing(
    reason=Reason.NOT_CONTACTED, detail="the pods that it would select were not looked into"
)


class Unknown(Exception):
    """What the change would do cannot be known; the message says why."""


def changed(evidence: ServiceEvidence, fix: Fix) -> ServiceEvidence:
    """The evidence after the fix. Raises Unknown."""
    if not isinstance(fix.change, JsonPatch) or fix.subject is None:
        raise Unknown("what the new pods do is not known before they run")
    subject, operations = fix.subject, fix.change.operations
    if LISTS.get(subject.kind) in ANYWHERE:
        return _with_object(evidence, LISTS[subject.kind], subject, operations)
    if (subject.namespace or "default") != (evidence.service.metadata.namespace or "default"):
        raise Unknown(f"it changes an object of namespace {subject.namespace}")
    if subject.kind in WORKLOADS:
        return _with_template(evidence, subject, operations)
    if subject.kind == "Service":
        if subject.name != evidence.service.metadata.name:
            raise Unknown("the Service is another one")
        return _with_service(evidence, _service(evidence.service, operations))
    field = LISTS.get(subject.kind)
    if field is None:
        raise Unknown(f"objects of kind {subject.kind} are not read")
    return _with_object(evidence, field, subject, operations)


def applied(item: R, operations: Iterable[Operation]) -> R:
    """The object with the operations of a JSON patch. Raises Unknown where they do not fit."""
    data = msgspec.json.decode(msgspec.json.encode(item))
    try:
        for operation in operations:
            _carry_out(data, operation)
        return msgspec.convert(data, type(item))
    except (AttributeError, LookupError, TypeError, ValueError) as why:
        raise Unknown(f"the patch does not fit what was read: {why}") from None


def _carry_out(data: Any, operation: Operation) -> None:
    steps = [s.replace("~1", "/").replace("~0", "~") for s in operation.path.split("/")[1:]]
    for step in steps[:-1]:
        data = data[int(step)] if isinstance(data, list) else data.setdefault(step, {})
    key: Any = steps[-1]
    if isinstance(data, list):
        if key == "-":
            data.append(operation.value)
            return
        key = int(key)
    if operation.op == "test":
        # What the API server fills in by default may be missing in what was read.
        present = data[key] if isinstance(data, list) else data.get(key, operation.value)
        if present != operation.value:
            raise ValueError(f"{operation.path} is {present!r}")
    elif operation.op == "remove":
        del data[key]
    else:
        data[key] = operation.value


def _service(service: Service, operations: Sequence[Operation]) -> Service:
    new = applied(service, operations)
    if any((o.path, o.value) == ("/spec/ipFamilyPolicy", "SingleStack") for o in operations):
        # The API server keeps the primary family. (pkg/registry/core/service/storage/alloc.go)
        spec = msgspec.structs.replace(
            new.spec, ip_families=new.spec.ip_families[:1], cluster_ips=new.spec.cluster_ips[:1]
        )
        new = msgspec.structs.replace(new, spec=spec)
    if new == service:
        raise Unknown("a field that is not read would change")
    return new


def _with_service(evidence: ServiceEvidence, service: Service) -> ServiceEvidence:
    old = evidence.service.spec
    selected = evidence.pods
    if service.spec.selector != old.selector:
        selected = Observed(value=_selected(evidence, service.spec.selector))
    return _resolved(
        msgspec.structs.replace(evidence, service=service, pods=selected, in_cluster=NOT_ASKED)
    )


def _selected(evidence: ServiceEvidence, selector: Mapping[str, str]) -> tuple[Pod, ...]:
    """The pods that a selector matches. Raises Unknown where pods that were not read may match."""
    before = evidence.service.spec.selector
    narrower = bool(before) and before.items() <= selector.items()
    if isinstance(evidence.pods, Missing):
        raise Unknown("the pods could not be read")
    known = {p.metadata.name: p for p in evidence.pods.value}
    if not narrower:
        if isinstance(evidence.namespace_pods, Missing):
            raise Unknown("the other pods of the namespace were not read")
        known |= {p.metadata.name: p for p in evidence.namespace_pods.value}
    found = (p for _, p in sorted(known.items()))
    return tuple(p for p in found if selectors.matches(selector, p.metadata.labels))


def _resolved(evidence: ServiceEvidence) -> ServiceEvidence:
    """The evidence with the EndpointSlices that the controller would make of Service and pods."""
    if isinstance(evidence.pods, Missing):
        return evidence
    everyone = evidence.pods.value
    slices = evidence.endpoint_slices
    if not isinstance(slices, Missing) and evidence.service.spec.selector:
        foreign = tuple(s for s in slices.value if endpoints.is_foreign(s, slices.value))
        slices = Observed(value=(*foreign, *endpoints.made_for(evidence.service, everyone)))
    unseen = [p.metadata.name for p in everyone if p.metadata.name not in evidence.sockets]
    return msgspec.structs.replace(
        evidence,
        endpoint_slices=slices,
        sockets={**dict.fromkeys(unseen, NOT_CONTACTED), **evidence.sockets},
        service_forwards=(),
        # What was said of the past says nothing of what comes.
        events=Observed(value=()) if isinstance(evidence.events, Observed) else evidence.events,
    )


def _with_template(
    evidence: ServiceEvidence, subject: Subject, operations: Sequence[Operation]
) -> ServiceEvidence:
    if isinstance(evidence.pods, Missing):
        raise Unknown("the pods could not be read")
    case = ServiceCase(evidence)
    if not any(case.workload(p) == subject for p in evidence.pods.value):
        raise Unknown("what the new pods do is not known before they run")
    inner = [
        msgspec.structs.replace(o, path=o.path.removeprefix(TEMPLATE))
        for o in operations
        if o.path.startswith(TEMPLATE)
    ]
    if len(inner) < len(operations):
        raise Unknown("it changes more than the containers")
    made = tuple(
        _replaced(case, p, inner) if case.workload(p) == subject else p for p in evidence.pods.value
    )
    return _resolved(msgspec.structs.replace(evidence, pods=Observed(value=made)))


def _replaced(case: ServiceCase, pod: Pod, operations: Sequence[Operation]) -> Pod:
    """The pod that takes this one's place, with the same processes and sockets."""
    new = msgspec.structs.replace(pod, spec=applied(pod.spec, operations))
    if pods.condition(pod, "PodScheduled") == "False":
        raise Unknown("whether a node takes the new pods is not known before they are scheduled")
    if _asked(new) == _asked(pod):
        return new
    return msgspec.structs.replace(new, status=_probed(case, new))


def _asked(pod: Pod) -> set[probes.Check]:
    return {c for c in probes.checks(pod) if c.container}


def _probed(case: ServiceCase, pod: Pod) -> PodStatus:
    """The pod's status once the kubelet has asked its new probes. Raises Unknown."""
    if not pods.has_running_main(pod):
        raise Unknown("no container runs, so what would listen is not known")
    passing = {c.container: _passes(case, pod, c) for c in probes.checks(pod)}
    ready = all(passing.values())
    conditions = [c for c in pod.status.conditions if c.type not in ("Ready", "ContainersReady")]
    conditions += [
        Condition(type=kind, status="True" if ready else "False")
        for kind in ("ContainersReady", "Ready")
    ]
    statuses = tuple(
        msgspec.structs.replace(s, ready=passing.get(s.name, s.ready), started=True)
        for s in pod.status.container_statuses
    )
    return msgspec.structs.replace(
        pod.status, conditions=tuple(conditions), container_statuses=statuses
    )


def _passes(case: ServiceCase, pod: Pod, check: probes.Check) -> bool:
    """Whether the probe would pass; an answer is taken for a good one. Raises Unknown."""
    if check.asked is None:
        raise Unknown("what a command in a probe says is not known beforehand")
    if check.number is None:
        return False
    met = kubelet.meets(case, pod, check.number).kind
    if met in ("unknown", "not-running"):
        raise Unknown(f"what listens on {check.number} is not known")
    return met == "serves"


def _with_object(
    evidence: ServiceEvidence, field: str, subject: Subject, operations: Sequence[Operation]
) -> ServiceEvidence:
    part = getattr(evidence, field)
    if isinstance(part, Missing) or not any(_is(o, subject) for o in part.value):
        raise Unknown(f"{subject.kind} {subject.name} was not read")
    made = tuple(_altered(o, operations) if _is(o, subject) else o for o in part.value)
    attempts = evidence.attempts
    if field == "network_policies":
        # What a policy stopped says nothing of the time after it.
        case = ServiceCase(evidence)
        pods = {p.metadata.name: p for p in case.pods}
        attempts = tuple(
            a for a in attempts if a.pod not in pods or not case.may_be_stopped(pods[a.pod], a)
        )
    return msgspec.structs.replace(
        evidence, **{field: Observed(value=made)}, attempts=attempts, in_cluster=NOT_ASKED
    )


def _altered(item: Record, operations: Sequence[Operation]) -> Record:
    if isinstance(item, Referrer):
        return _with_ports(item, operations)
    return applied(item, operations)


def _with_ports(referrer: Referrer, operations: Sequence[Operation]) -> Referrer:
    """The object with other ports and schemes in its references: nothing else of it is kept.

    Raises Unknown.
    """
    ports: dict[str, Any] = {r.pointer: r.port for r in referrer.references}
    ports |= {r.scheme_pointer: r.scheme for r in referrer.references if r.scheme_field}
    for operation in operations:
        if operation.path not in ports or operation.op == "remove":
            raise Unknown("a field that is not read would change")
        if operation.op != "test":
            ports[operation.path] = operation.value
        elif operation.value != ports[operation.path]:
            raise Unknown(f"the patch does not fit what was read: {operation.path} is another one")
    made = (
        msgspec.structs.replace(
            r, port=ports[r.pointer], scheme=ports.get(r.scheme_pointer, r.scheme)
        )
        for r in referrer.references
    )
    return msgspec.structs.replace(referrer, references=tuple(made))


def _is(item: Any, subject: Subject) -> bool:
    kind = getattr(item, "kind", "") or subject.kind
    return subject.means(kind, item.metadata.namespace, item.metadata.name)
