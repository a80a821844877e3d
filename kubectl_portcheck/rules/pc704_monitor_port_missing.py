"""PC704: a monitor or an annotation references a port that does not exist."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.fixes import Fix, Operation, Subject
from kubectl_portcheck.model.objects import ObjectMeta, Pod
from kubectl_portcheck.model.references import Monitor
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import monitoring
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.monitoring import Scrape
from kubectl_portcheck.semantics.selectors import nearest


def _check(case: ServiceCase) -> Outcome:
    annotated = _annotated(case)
    missing = case.missing("monitors")
    if not annotated and missing is not None:
        return RULE.lacks(missing)
    if not annotated and not case.monitors:
        return NotApplicable("nothing is known to scrape the Service")
    found = [f for m in case.monitors if (f := _of_monitor(case, m))]
    found += [f for meta, kind in annotated if (f := _of_annotation(case, meta, kind))]
    return Several(tuple(found)) if found else Passed()


def _of_monitor(case: ServiceCase, monitor: Monitor) -> Finding | None:
    """A finding where none of the monitor's endpoints is there.

    One monitor may select several Services with one endpoint for each: where one of them fits,
    the others are meant for another Service.
    """
    asked = monitoring.scrapes(monitor, case.service, case.pods)
    if not asked or any(s.found for s in asked):
        return None
    subject = Subject(
        kind=monitor.kind, namespace=monitor.metadata.namespace, name=monitor.metadata.name
    )
    names = listing(f"{s.field} {s.named}" for s in asked)
    whose = "the Service has" if _of_the_service(monitor, asked[0]) else "the pods declare"
    return RULE.finding(
        case,
        f"The {monitor.kind} {subject.name} scrapes {names}, and {whose} no such port",
        evidence=_known(case, monitor, asked),
        fixes=_fixes(case, monitor, subject, asked),
        subject=subject,
        pointer=asked[0].pointer,
    )


def _of_the_service(monitor: Monitor, asked: Scrape) -> bool:
    return monitor.kind == "ServiceMonitor" and asked.field == "port"


def _known(case: ServiceCase, monitor: Monitor, asked: Sequence[Scrape]) -> list[str]:
    ports = [
        f"Service port {p.port}/{p.protocol} {f'is named {p.name}' if p.name else 'has no name'}"
        for p in case.service.spec.ports
    ]
    pods = [
        f"container port {p.container_port} {f'is named {p.name}' if p.name else 'has no name'}"
        for p in dict.fromkeys(monitoring.declared(case.pods))
    ]
    return (
        ports if _of_the_service(monitor, asked[0]) else pods or ["no container port is declared"]
    )


def _fixes(
    case: ServiceCase, monitor: Monitor, subject: Subject, asked: Sequence[Scrape]
) -> list[Fix]:
    found = []
    for scrape in asked:
        new = _meant(case, monitor, scrape)
        if new is not None:
            found.append(
                fixes.patch(
                    case,
                    subject,
                    fixes.replace(scrape.pointer, scrape.named, new),
                    title=f"Let {subject.kind} {subject.name} scrape {scrape.field} {new}",
                    safety="review",
                )
            )
    only = case.service.spec.ports
    if not found and _of_the_service(monitor, asked[0]) and len(only) == 1 and not only[0].name:
        name = str(asked[0].named)
        operations: list[Operation] = [
            fixes.test("/spec/ports/0/port", only[0].port),
            fixes.add("/spec/ports/0/name", name),
        ]
        title = f"If port {only[0].port} serves the metrics: name it {name}"
        found.append(fixes.patch(case, case.subject, operations, title=title, safety="review"))
    return found or [
        fixes.by_hand(
            f"Name a port in {subject.kind} {subject.name} that is there, or let its selector "
            "leave this Service out"
        )
    ]


def _meant(case: ServiceCase, monitor: Monitor, scrape: Scrape) -> str | None:
    """The name of the port that was meant: the one behind a number, or one that resembles it."""
    named = scrape.named
    if _of_the_service(monitor, scrape):
        known = [p for p in case.service.spec.ports if p.name]
        behind = {
            p.name
            for p in known
            if str(named) in (str(p.port), str(p.target_port), *_names_behind(case, p.target_port))
        }
        names = [p.name for p in known]
    else:
        declared = list(monitoring.declared(case.pods))
        behind = {p.name for p in declared if p.name and str(p.container_port) == str(named)}
        names = [p.name for p in declared if p.name]
    if len(behind) == 1:
        return next(iter(behind))
    if isinstance(named, int):
        return None
    parts = [n for n in dict.fromkeys(names) if named in n.split("-") or n in named.split("-")]
    return parts[0] if len(parts) == 1 else nearest(named, names)


def _names_behind(case: ServiceCase, target: int | str | None) -> list[str]:
    return [p.name for p in monitoring.declared(case.pods) if p.container_port == target and p.name]


def _annotated(case: ServiceCase) -> list[tuple[ObjectMeta, str]]:
    """The Service and the first of its pods, where annotations say what to scrape."""
    objects: list[tuple[ObjectMeta, str]] = [(case.service.metadata, "Service")]
    objects += [(p.metadata, "Pod") for p in case.pods]
    found = [
        (m, kind)
        for m, kind in objects
        if m.annotations.get(monitoring.SCRAPE) == "true" and monitoring.PORT in m.annotations
    ]
    return [f for i, f in enumerate(found) if f[1] not in (k for _, k in found[:i])]


def _of_annotation(case: ServiceCase, metadata: ObjectMeta, kind: str) -> Finding | None:
    """A finding where no pod listens on the port that the annotation names."""
    named = metadata.annotations[monitoring.PORT]
    # In files a port that is not declared may well be open.
    heard = None if case.in_files else _heard(case, case.pods)
    if named.isdecimal() and (heard is None or int(named) in heard):
        return None
    what = "is no number" if not named.isdecimal() else "is a port on which no pod listens"
    pods = "" if kind == "Service" else " of the pods"
    return RULE.finding(
        case,
        f"The annotation {monitoring.PORT}{pods} {what}: {named}",
        evidence=[f"the pods listen on {listing(sorted(heard))}"] if heard else [],
        fixes=[fixes.by_hand(f"Let {monitoring.PORT} name a port that serves the metrics")],
        pointer="/metadata/annotations" if kind == "Service" else "",
    )


def _heard(case: ServiceCase, pods: Iterable[Pod]) -> set[int] | None:
    """The TCP ports on which the pods listen; None where that is not known of all of them."""
    found: set[int] = set()
    for pod in pods:
        listeners = case.listeners(pod)
        if listeners is None:
            return None
        found |= {s.port for s in listeners if s.protocol == "TCP"}
    return found or None


RULE = Rule(
    code="PC704",
    name="monitor-port-missing",
    severity="warning",
    summary="A ServiceMonitor, PodMonitor or prometheus.io/port references a port that does not "
    "exist",
    needs=(),
    uses=(Need.MONITORS, Need.PODS, Need.SOCKETS),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="endpoints.port of a ServiceMonitor is the name of a Service port, never a "
        "number. Its targetPort, and port and portNumber of a PodMonitor, are ports that a "
        "container declares. The annotation prometheus.io/port is a port number of the pod. The "
        "referenced port does not exist.",
        why="Prometheus has no target, or a target that refuses: there are no metrics, and alerts "
        "on them do not fire. Clients of the Service are not affected.",
        confirm="The target is missing under Status > Targets of Prometheus. Compare the monitor "
        "with kubectl get service NAME -o yaml.",
        fix="Set the port in the ServiceMonitor to the name of a Service port, or give the "
        "Service port a name. If the monitor selects several Services and means another one, "
        "change its selector so that it does not select this one.",
    ),
    examples=(
        Example(
            "the ServiceMonitor has the name of the container port",
            """
kind: Service
metadata: {name: checkout, namespace: shop, labels: {app: checkout}}
spec:
  selector: {app: checkout}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: stats, port: 9100}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9100, name: prom}]}]}
---
kind: ServiceMonitor
metadata: {name: checkout, namespace: shop}
spec: {selector: {matchLabels: {app: checkout}}, endpoints: [{port: prom}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]}}
""",
            expects="""
healthy
PC704 warning in ServiceMonitor checkout
  The ServiceMonitor checkout scrapes port prom, and the Service has no such port
  review: Name a port in ServiceMonitor checkout that is there, or let its selector leave this
      Service out
""",
        ),
        Example(
            "the annotation has a port on which nothing listens",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata:
  name: checkout-1
  labels: {app: checkout}
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9100"}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC704 warning in Service checkout
  The annotation prometheus.io/port of the pods is a port on which no pod listens: 9100
  review: Let prometheus.io/port name a port that serves the metrics
""",
        ),
        Example(
            "one monitor for two Services: the other endpoint matches",
            """
kind: Service
metadata: {name: checkout, namespace: shop, labels: {app: checkout}}
spec: {selector: {app: checkout}, ports: [{name: web, port: 80}]}
---
kind: ServiceMonitor
metadata: {name: checkout, namespace: shop}
spec: {selector: {matchLabels: {app: checkout}}, endpoints: [{port: web}, {port: grpc}]}
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
