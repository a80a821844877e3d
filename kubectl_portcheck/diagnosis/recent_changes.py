"""What a debrief asks of a fault: who moved the port, what else names the old one, and where a fix
must be made to last.

These answer no rule and decide no verdict: they come beside the findings of a faulty Service.
"""

from collections.abc import Iterable, Sequence

import msgspec

from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import FieldManager, ObjectMeta, Workload
from kubectl_portcheck.model.report import Change, Finding, OldPort
from kubectl_portcheck.rules.wording import ago, listing, share
from kubectl_portcheck.semantics import ports, rollouts
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.ownership import Owner, owner_of
from kubectl_portcheck.semantics.references import uses_of_ingress

SCRAPED = "prometheus.io/port"


def with_owners(case: ServiceCase, finding: Finding) -> Finding:
    """The finding, whose fixes say who would take them back, and where they would last."""
    if case.in_files:
        return finding
    fixes: list[Fix] = []
    lasting: dict[str, Fix] = {}
    for fix in finding.fixes:
        owner = _owner(case, fix.subject) if fix.subject and fix.command else None
        if owner is None:
            fixes.append(fix)
            continue
        fixes.append(msgspec.structs.replace(fix, owner=owner.name))
        title = f"{owner.name} takes a live change back {owner.when}: make it in {owner.where} too"
        lasting.setdefault(owner.name, Fix(title=title, patch=fix.patch, target="source"))
    return msgspec.structs.replace(finding, fixes=(*fixes, *lasting.values()))


def _owner(case: ServiceCase, subject: Subject) -> Owner | None:
    metadata = _metadata(case, subject)
    return owner_of(metadata) if metadata else None


def _metadata(case: ServiceCase, subject: Subject) -> ObjectMeta | None:
    if subject == case.subject:
        return case.service.metadata
    everything: Iterable[tuple[str, ObjectMeta]] = (
        *((w.kind, w.metadata) for w in (*case.workloads, *case.deployments)),
        *(("Ingress", i.metadata) for i in case.ingresses),
        *((r.kind, r.metadata) for r in case.routes),
        *(("NetworkPolicy", p.metadata) for p in case.network_policies),
        *((m.kind, m.metadata) for m in case.monitors),
        *((c.kind, c.metadata) for c in case.referrers),
    )
    return next((m for kind, m in everything if subject.means(kind, m.namespace, m.name)), None)


def changes(case: ServiceCase) -> tuple[Change, ...]:
    """The last change of each workload behind the Service, and of the Service itself.

    Nothing is said of a workload that was never changed, and the Service is named only beside one
    that was: its age by itself explains nothing.
    """
    found = [c for w in case.workloads if (c := _last_change(case, w)) is not None]
    if not found:
        return ()
    manager = _last(case.service.metadata.managers, "ports")
    if manager is not None:
        said = ago(manager.time, case.now)
        found.append(
            Change(
                subject=case.subject,
                summary=f"last changed{f' {said}' if said else ''}",
                time=manager.time,
                by=manager.name,
            )
        )
    return tuple(found)


def _last_change(case: ServiceCase, workload: Workload) -> Change | None:
    pair = rollouts.last_two(case, workload)
    if pair is None:
        return None
    latest, before = pair
    different = rollouts.differences(before.spec, latest.spec)
    if not different:
        return None
    said = ago(latest.since, case.now)
    manager = _last(workload.metadata.managers, "template")
    return Change(
        subject=Subject(kind=workload.kind, namespace=case.namespace, name=workload.metadata.name),
        summary=f"revision {latest.number}{f', {said}' if said else ''}: {', '.join(different)}",
        time=latest.since,
        by=manager.name if manager else "",
    )


def _last(managers: Sequence[FieldManager], field: str) -> FieldManager | None:
    """Who changed the field last, as far as managedFields tell."""
    holding = [m for m in managers if field in m.sets]
    return max(holding, key=lambda m: m.time, default=None)


def old_port(cases: Sequence[Case]) -> OldPort | None:
    """The port that the application has left, and every place that still names it.

    It is the one port that clients or probes are sent to and on which none of the pods listens.
    """
    left = {n for case in cases for n in _left(case)}
    if len(left) != 1:
        return None
    number = left.pop()
    places = [*dict.fromkeys(p for case in cases for p in _places(case, number))]
    return OldPort(port=number, places=tuple(places)) if places else None


def _left(case: Case) -> set[int]:
    """The targets on which no pod that gets traffic listens."""
    closed = {s.target for s in case.in_state("not-listening") if s.target is not None}
    return closed - {s.target for s in case.in_state("serves") if s.target is not None}


def _places(case: Case, number: int) -> list[str]:
    said: list[str] = []
    if case.target == number:
        said.append(f"targetPort of Service {case.name}, port {case.port.port}")
    said += _in_containers(case, number)
    for policy in case.network_policies:
        if any(p.port == number for rule in policy.spec.ingress for p in rule.ports):
            said.append(f"NetworkPolicy {policy.metadata.name}")
    for monitor in case.monitors:
        scraped = (*monitor.spec.endpoints, *monitor.spec.pod_metrics_endpoints)
        if any(number in (e.target_port, e.port_number) for e in scraped):
            said.append(f"{monitor.kind} {monitor.metadata.name}")
    for ingress in case.ingresses:
        known = {p.port for p in case.service.spec.ports}
        if number not in known and any(
            u.service == case.name and u.port.number == number for u in uses_of_ingress(ingress)
        ):
            said.append(f"Ingress {ingress.metadata.name}")
    if case.service.metadata.annotations.get(SCRAPED) == str(number):
        said.append(f"annotation {SCRAPED} of Service {case.name}")
    scraped_pods = [p for p in case.pods if p.metadata.annotations.get(SCRAPED) == str(number)]
    if scraped_pods:
        said.append(f"annotation {SCRAPED} of {share(scraped_pods, case.pods)}")
    if said:
        said += [
            f"perhaps {w.kind} {w.metadata.name}: {listing(w.env)} (values are not read)"
            for w in case.workloads
            if w.env
        ]
    return said


def _in_containers(case: Case, number: int) -> list[str]:
    said = []
    for state in case.states:
        for container, port in ports.declared_ports(state.pod):
            if port.container_port == number and port.protocol == case.port.protocol:
                name = f" ({port.name})" if port.name else ""
                said.append(f"containerPort{name} of container {container.name}")
        for container in state.pod.spec.containers:
            for kind in ("readiness", "liveness", "startup"):
                probe = getattr(container, f"{kind}_probe")
                if probe and probe.port == number:
                    said.append(f"{kind} probe of container {container.name}")
    return said
