"""PC414: containers of one pod declare the same port name, or the same port number."""

from collections.abc import Iterator, Sequence

import msgspec

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Container, ContainerPort, Pod, ServicePort
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
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import capital, listing, share
from kubectl_portcheck.semantics import monitoring, ports
from kubectl_portcheck.semantics.case import ServiceCase

Declared = tuple[Container, ContainerPort]


class _Twice(msgspec.Struct, frozen=True):
    """Pods that declare one thing in the same several ways."""

    pods: tuple[Pod, ...]
    declared: tuple[Declared, ...]
    """In the order in which the data plane looks."""


def _check(case: ServiceCase) -> Outcome:
    if not case.pods:
        return NotApplicable("there is no pod")
    if all(len(ports.declared_ports(p)) < 2 for p in case.pods):
        return Passed()
    found = [f for port in case.asked_ports for f in _of_port(case, port)]
    found += [f for monitor in case.monitors for f in _of_monitor(case, monitor)]
    return Several(tuple(found)) if found else Passed()


def _of_port(case: ServiceCase, port: ServicePort) -> Iterator[Finding]:
    target = ports.declared_target(port)
    if isinstance(target, str) and not case.service.headless:
        for twice in _twice(case.pods, port, target):
            if len({p.container_port for _, p in twice.declared}) > 1:
                yield _by_name(case, port, target, twice)
                return
    for number in {n for p in case.pods if (n := ports.dialled_port(case.service, port, p))}:
        for twice in _twice(case.pods, port, number):
            if len({c.name for c, _ in twice.declared}) > 1:
                yield _by_number(case, port, number, twice)


def _by_name(case: ServiceCase, port: ServicePort, name: str, twice: _Twice) -> Finding:
    numbers = [p.container_port for _, p in twice.declared]
    (winner, won), *others = twice.declared
    return RULE.finding(
        case,
        f"{capital(_whose(case, twice))} the port name {name} more than once, as "
        f"{listing(numbers)}; port {port.port} of the Service leads to "
        f"{won.container_port} of container {winner.name}",
        evidence=_observed(
            f"container {winner.name} declares {name} as {won.container_port}: the Service uses "
            "this one, because Kubernetes takes the first container that declares the name",
            *(
                f"container {c.name} declares {name} as {p.container_port}: the Service does not "
                "use it"
                for c, p in others
            ),
            *_kubectl(case, port, twice),
        ),
        fixes=[
            fixes.by_hand(
                "Give each container's port a name of its own, and let targetPort name the one "
                "that is meant"
            )
        ],
        port=port,
        pods=[p.metadata.name for p in twice.pods],
    )


def _kubectl(case: ServiceCase, port: ServicePort, twice: _Twice) -> list[str]:
    """What ``kubectl port-forward`` takes, where that is another one."""
    theirs = ports.kubectl_target_port(case.service, port.port, twice.pods[0])
    if theirs in (None, twice.declared[0][1].container_port):
        return []
    return [f"kubectl port-forward to the Service takes {theirs}"]


def _by_number(case: ServiceCase, port: ServicePort, number: int, twice: _Twice) -> Finding:
    containers = [c.name for c, _ in twice.declared]
    return RULE.finding(
        case,
        f"{capital(_whose(case, twice))} port {number} in the containers {listing(containers)}; "
        "they share one network, so that only one of them can listen on it",
        evidence=_observed(
            *(f"container {c.name} declares {_spelt(p)}" for c, p in twice.declared),
            *_listening(case, twice.pods, number),
        ),
        severity="info",
        port=port,
        pods=[p.metadata.name for p in twice.pods],
    )


def _listening(case: ServiceCase, pods: Sequence[Pod], number: int) -> list[str]:
    """The container that does listen there, where the sockets tell."""
    if case.in_files:
        return []
    found = {
        s.container
        for pod in pods
        for s in case.listeners(pod) or ()
        if s.port == number and s.container
    }
    return [f"container {name} listens on {number}" for name in sorted(found)]


def _of_monitor(case: ServiceCase, monitor: Monitor) -> Iterator[Finding]:
    """A finding for each name by which the monitor means two ports of a pod."""
    for scrape in monitoring.scrapes(monitor, case.service, case.pods):
        of_service = monitor.kind == "ServiceMonitor" and scrape.field == "port"
        if of_service or not isinstance(scrape.named, str):
            continue
        for twice in _twice(case.pods, None, scrape.named):
            numbers = [p.container_port for _, p in twice.declared]
            if len(set(numbers)) < 2:
                continue
            yield RULE.finding(
                case,
                f"The {monitor.kind} {monitor.metadata.name} scrapes port {scrape.named}, which "
                f"{_whose(case, twice)} more than once, as {listing(numbers)}: Prometheus scrapes "
                "each of them",
                evidence=_observed(
                    *(f"container {c.name} declares {_spelt(p)}" for c, p in twice.declared)
                ),
                fixes=[fixes.by_hand("Give each container's port a name of its own")],
                subject=Subject(
                    kind=monitor.kind,
                    namespace=monitor.metadata.namespace,
                    name=monitor.metadata.name,
                ),
                pointer=scrape.pointer,
            )


def _twice(pods: Sequence[Pod], port: ServicePort | None, wanted: int | str) -> Iterator[_Twice]:
    """The pods that declare this name or number more than once, by how they do."""
    groups: dict[tuple[Declared, ...], list[Pod]] = {}
    for pod in pods:
        found = tuple(
            (container, declared)
            for container, declared in ports.declared_ports(pod)
            if wanted in (declared.name, declared.container_port)
            and (port is None or declared.protocol == port.protocol)
        )
        if len(found) > 1:
            groups.setdefault(found, []).append(pod)
    for declared, together in groups.items():
        yield _Twice(tuple(together), declared)


def _whose(case: ServiceCase, twice: _Twice) -> str:
    verb = "declares" if len(twice.pods) == 1 else "declare"
    return f"{share(twice.pods, case.pods)} {verb}"


def _observed(*texts: str) -> list[Observation]:
    return [Observation(text=text) for text in texts]


def _spelt(port: ContainerPort) -> str:
    name = f" as {port.name}" if port.name else ""
    return f"{port.container_port}/{port.protocol}{name}"


_TWO = """
---
kind: Pod
metadata: {name: cache-1, labels: {app: cache}}
spec:
  containers:
  - {name: cache, ports: [{name: http, containerPort: 6081}]}
  - {name: exporter, ports: [{name: http, containerPort: 9131}]}
---
probes: {cache-1: {sockets: ["0.0.0.0:6081", "0.0.0.0:9131"]}}
"""

RULE = Rule(
    code="PC414",
    name="container-port-declared-twice",
    severity="warning",
    summary="Containers of one pod declare the same port name or port number",
    applies=(When.NOT_EXTERNAL_NAME,),
    needs=(Need.PODS,),
    uses=(Need.SOCKETS, Need.MONITORS),
    in_files=Worth.PROOF,
    field=("ports", "#", "targetPort"),
    explanation=Explanation(
        meaning="Port names are unique within a container, not within a pod. If two containers "
        "use the same name, a targetPort of that name means the first one: Kubernetes looks "
        "through the containers in their order, then through the native sidecars (init containers "
        "with restartPolicy Always). A number that two containers declare belongs to the one that "
        "listens on it.",
        why="Nothing is refused. The clients of the Service reach another program than the one "
        "that was meant. A PodMonitor, or a ServiceMonitor with a targetPort, means all ports of "
        "that name, and Prometheus scrapes each of them.",
        confirm="kubectl get pod POD -o jsonpath='{.spec.containers[*].ports}' shows the "
        "declarations, kubectl get endpointslices -l kubernetes.io/service-name=NAME the number "
        "that is used.",
        fix="Rename one of the ports. If the second one is meant, use its new name or its number "
        "as targetPort.",
    ),
    examples=(
        Example(
            "a cache and its exporter both call their port http",
            f"""
kind: Service
metadata: {{name: cache}}
spec: {{selector: {{app: cache}}, ports: [{{name: metrics, port: 9131, targetPort: http}}]}}
{_TWO}""",
            expects="""
healthy
PC414 warning in Service cache, port 9131/TCP
  The pod declares the port name http more than once, as 6081 and 9131; port 9131 of the Service
      leads to 6081 of container cache
  pods: cache-1
  - container cache declares http as 6081: the Service uses this one, because Kubernetes takes
      the first container that declares the name
  - container exporter declares http as 9131: the Service does not use it
  review: Give each container's port a name of its own, and let targetPort name the one that is
      meant
""",
        ),
        Example(
            "two containers declare the port that the Service leads to",
            """
kind: Service
metadata: {name: cache}
spec: {selector: {app: cache}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: cache-1, labels: {app: cache}}
spec:
  containers:
  - {name: cache, ports: [{containerPort: 8080}]}
  - {name: proxy, ports: [{containerPort: 8080}]}
---
probes: {cache-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC414 info in Service cache, port 80/TCP
  The pod declares port 8080 in the containers cache and proxy; they share one network, so that
      only one of them can listen on it
  pods: cache-1
  - container cache declares 8080/TCP
  - container proxy declares 8080/TCP
""",
        ),
        Example(
            "the name that the Service uses is declared once",
            f"""
kind: Service
metadata: {{name: cache}}
spec: {{selector: {{app: cache}}, ports: [{{name: metrics, port: 9131, targetPort: 9131}}]}}
{_TWO}""",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
