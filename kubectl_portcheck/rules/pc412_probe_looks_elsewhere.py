"""PC412: the readiness probe checks another port than the one that is served."""

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, plural, share
from kubectl_portcheck.semantics import mesh, pods, ports, probes
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if all(p.protocol != "TCP" for p in case.service.spec.ports):
        return NotApplicable("no probe can ask a UDP or SCTP port")
    found = {
        p.metadata.name: (checked, served)
        for p in case.pods
        if pods.is_ready(p)
        and (checked := _checked(case, p))
        and (served := _served(case, p))
        and not checked & served
    }
    if not found:
        return Passed()
    asked = sorted(set().union(*(checked for checked, _ in found.values())))
    unasked = sorted(set().union(*(served for _, served in found.values())))
    ready = [p for p in case.pods if pods.is_ready(p)]
    return RULE.finding(
        case,
        f"The readinessProbe of {share(found, ready, 'ready pod')} asks for {listing(asked)}, "
        f"not for the served {plural('port', len(unasked))} {listing(unasked)}",
        evidence=[
            evidence.observed(
                case,
                name,
                f"the readinessProbe asks for {listing(sorted(checked))}, clients use "
                f"{listing(sorted(served))}",
            )
            for name, (checked, served) in found.items()
        ],
        pods=found,
    )


def _checked(case: ServiceCase, pod: Pod) -> set[int]:
    """The ports of the application's readiness probes; empty where one of them asks no port.

    A mesh rewrites probes to its agent's port, which asks the port that was meant: no news.
    """
    asking = [c for c in probes.checks(pod) if c.kind == "readiness"]
    if mesh.is_meshed(pod):
        own = {c.name for c in mesh.own_containers(pod)}
        asking = [c for c in asking if c.container in own]
    numbers = {c.number for c in asking}
    if None in numbers or numbers & mesh.ports_of(pod):
        return set()
    return {n for n in numbers if n is not None}


def _served(case: ServiceCase, pod: Pod) -> set[int]:
    targets = (ports.dialled_port(case.service, p, pod) for p in case.service.spec.ports)
    return {t for t in targets if t is not None}


RULE = Rule(
    code="PC412",
    name="probe-looks-elsewhere",
    severity="info",
    summary="The readiness probe checks another port than the one that is served",
    applies=(When.SELECTOR,),
    needs=(Need.PODS,),
    uses=(),
    explanation=Explanation(
        meaning="The readiness probe uses one port, and the Service sends clients to another. A "
        "separate management or health port is common and healthy.",
        why="Traffic does not fail because of it. But a pod stays Ready and gets clients while "
        "its served port is closed. On a broken Service this is why everything looked healthy.",
        confirm="Compare readinessProbe in kubectl get pod POD -o yaml with the Service's "
        "targetPort.",
        fix="If nothing speaks against it, change the readiness probe to the served port, by its "
        "name. Otherwise make the health endpoint check that the served port is open.",
    ),
    examples=(
        Example(
            "a management port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 9100, path: /ready}}}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]}}
""",
            expects="""
healthy
PC412 info in Service checkout
  The readinessProbe of the ready pod asks for 9100, not for the served port 8080
  pods: checkout-1
  - checkout-1: the readinessProbe asks for 9100, clients use 8080
""",
        ),
        Example(
            "the served port, by its name",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - name: app
    ports: [{name: http, containerPort: 8080}]
    readinessProbe: {httpGet: {port: http}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "a probe that a mesh changed to its agent's port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, readinessProbe: {httpGet: {port: 15020, path: /app-health/app/readyz}}}
  - {name: istio-proxy, readinessProbe: {httpGet: {port: 15021}}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "[::]:15020 pilot-agent", "0.0.0.0:15021 envoy"]}}
""",
            expects="healthy",
        ),
    ),
    check_service=_check,
    follows_from=(
        *("PC202", "PC204", "PC206", "PC309", "PC401", "PC403", "PC402", "PC405", "PC406", "PC603"),
        *("PC407", "PC201", "PC502", "PC503", "PC501"),
    ),
)
