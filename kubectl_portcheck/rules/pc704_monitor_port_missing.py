"""PC704: a monitor or an annotation references a port that does not exist."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Observation
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
from kubectl_portcheck.rules.wording import listing, share, verb
from kubectl_portcheck.semantics import monitoring
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.monitoring import Scrape
from kubectl_portcheck.semantics.ports import declared_target
from kubectl_portcheck.semantics.selectors import nearest


def _check(case: ServiceCase) -> Outcome:
    found = [f for m in case.monitors if (f := _of_monitor(case, m))]
    found += _of_annotations(case)
    if found:
        return Several(tuple(found))
    if _annotated(case):
        return Passed()
    if (missing := case.missing("monitors")) is not None:
        return RULE.lacks(missing)
    if lacking := case.lacking("monitors"):
        return RULE.lacks(lacking[0])
    return Passed() if case.monitors else NotApplicable("nothing is known to scrape the Service")


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


def _known(case: ServiceCase, monitor: Monitor, asked: Sequence[Scrape]) -> list[Fact]:
    ports = [
        f"Service port {p.port}/{p.protocol} {f'is named {p.name}' if p.name else 'has no name'}"
        for p in case.service.spec.ports
    ]
    pods = [
        f"container port {p.container_port} {f'is named {p.name}' if p.name else 'has no name'}"
        for p in dict.fromkeys(monitoring.declared(case.pods))
    ]
    if _of_the_service(monitor, asked[0]):
        return [Observation(text=text) for text in ports]
    return [Observation(text=text) for text in pods or ["no container port is declared"]]


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
                    title=f"Change {scrape.field} to {new} in {subject.kind} {subject.name}",
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
        title = f"Name port {only[0].port} of the Service {name}, if it serves the metrics"
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
            if str(named) in (str(p.port), str(t := declared_target(p)), *_names_behind(case, t))
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
    parts = {n for n in names if named in n.split("-") or n in named.split("-")}
    if parts:
        return parts.pop() if len(parts) == 1 else None
    return nearest(named, names)


def _names_behind(case: ServiceCase, target: int | str) -> list[str]:
    return [p.name for p in monitoring.declared(case.pods) if p.container_port == target and p.name]


def _annotated(case: ServiceCase) -> bool:
    """Whether annotations of the Service or of one of its pods say what to scrape."""
    return bool(_port(case.service.metadata)) or any(_port(p.metadata) for p in case.pods)


def _port(metadata: ObjectMeta) -> str:
    """The port that the annotations tell Prometheus to scrape; '' where they tell it nothing."""
    wanted = metadata.annotations.get(monitoring.SCRAPE) == "true"
    return metadata.annotations.get(monitoring.PORT, "") if wanted else ""


def _of_annotations(case: ServiceCase) -> list[Finding]:
    """A finding for each value that is wrong: that of the Service holds for all of the pods."""
    found = []
    named = _port(case.service.metadata)
    wrong = _wrong(case, named, case.pods) if named else ()
    if wrong or (named and not _is_number(named)):
        unserved = "on which no pod listens"
        if len(wrong) < len(case.pods):
            some = f"{share(wrong, case.pods)} {verb(wrong, 'does', 'do')}"
            unserved = f"on which {some} not listen"
        found.append(_of_annotation(case, named, "the Service", unserved, wrong))
    for named in dict.fromkeys(_port(p.metadata) for p in case.pods):
        annotated = [p for p in case.pods if _port(p.metadata) == named]
        if named and (wrong := _wrong(case, named, annotated)):
            whose = share(wrong, case.pods)
            found.append(_of_annotation(case, named, whose, "where nothing listens", wrong))
    return found


def _wrong(case: ServiceCase, named: str, pods: Sequence[Pod]) -> Sequence[Pod]:
    """The pods that do not listen on the port, as far as their sockets are known."""
    if not _is_number(named):
        return pods
    # In files a port that is not declared may well be open.
    heard = [] if case.in_files else [(p, _heard(case, p)) for p in pods]
    return [p for p, ports in heard if ports and int(named) not in ports]


def _is_number(named: str) -> bool:
    return named.isascii() and named.isdecimal() and len(named) < 6


def _of_annotation(
    case: ServiceCase, named: str, whose: str, unserved: str, wrong: Sequence[Pod]
) -> Finding:
    is_number = _is_number(named)
    what = f"references port {named}, {unserved}" if is_number else f"is not a port number: {named}"
    heard = sorted({n for p in wrong for n in _heard(case, p)}) if is_number else []
    return RULE.finding(
        case,
        f"The annotation {monitoring.PORT} of {whose} {what}",
        evidence=[
            Observation(
                text=f"{share(wrong, case.pods)} {verb(wrong, 'listens', 'listen')} on "
                f"{listing(heard)}"
            )
        ]
        if heard
        else [],
        fixes=[fixes.by_hand(f"Set {monitoring.PORT} to a port that serves the metrics")],
        pods=[p.metadata.name for p in wrong],
        pointer="/metadata/annotations" if whose == "the Service" else "",
    )


def _heard(case: ServiceCase, pod: Pod) -> set[int]:
    """The TCP ports on which the pod listens; none where that is not known."""
    return {s.port for s in case.listeners(pod) or () if s.protocol == "TCP"}


RULE = Rule(
    code="PC704",
    name="monitor-port-missing",
    severity="warning",
    summary="A ServiceMonitor, PodMonitor or prometheus.io/port references a port that does not "
    "exist",
    needs=(),
    uses=(Need.MONITORS, Need.PODS, Need.SOCKETS),
    in_files=Worth.HINT,
    of_containers=True,
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
  - Service port 80/TCP is named http
  - Service port 9100/TCP is named stats
  review: Change port to stats in ServiceMonitor checkout
    replace /spec/endpoints/0/port stats in ServiceMonitor checkout
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
  The annotation prometheus.io/port of the pod references port 9100, where nothing listens
  pods: checkout-1
  - the pod listens on 8080
  review: Set prometheus.io/port to a port that serves the metrics
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
        Example(
            "the annotation is a number with more digits than a port has",
            """
kind: Service
metadata:
  name: checkout
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "909000"}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC704 warning in Service checkout
  The annotation prometheus.io/port of the Service is not a port number: 909000
  pods: checkout-1
  review: Set prometheus.io/port to a port that serves the metrics
""",
        ),
    ),
    check_service=_check,
)
