"""PC410: kubectl apply lost one of two ports with the same number."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix, Operation
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
)
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ports import declared_target


def _check(case: ServiceCase) -> Outcome:
    applied = case.service.last_applied
    if applied is None:
        return NotApplicable("the Service was not made by kubectl apply")
    numbers = [p.port for p in applied]
    shared = [p for p in applied if numbers.count(p.port) > 1]
    if not shared:
        return NotApplicable("no two ports of the Service were given one number")
    live = {(p.port, p.protocol): p for p in case.service.spec.ports}
    found = []
    for port in shared:
        there = live.get((port.port, port.protocol))
        if there is None and any(p.port == port.port for p in case.service.spec.ports):
            found.append(_lost(case, port))
        elif there is not None and declared_target(there) != declared_target(port):
            found.append(_kept(case, port, there))
    return Several(tuple(found)) if found else Passed()


def _lost(case: ServiceCase, port: ServicePort) -> Finding:
    given = f"{port.port}/{port.protocol}"
    others = [p for p in case.service.spec.ports if p.port == port.port]
    asked = case.evidence.asked_port
    touches = asked in (None, port.port, port.name)
    return RULE.finding(
        case,
        f"kubectl apply was given port {given}, but the Service does not have it: kubectl apply "
        "merges ports of one number",
        evidence=[
            Observation(text=f"last applied: {given} (targetPort {declared_target(port)})"),
            *(
                Observation(
                    text=f"the Service has {p.port}/{p.protocol} (targetPort {declared_target(p)})"
                )
                for p in others
            ),
        ],
        fixes=[_added(case, port)],
        impact=Impact.PATH if touches else Impact.NONE,
        severity="error" if touches else "warning",
    )


def _added(case: ServiceCase, port: ServicePort) -> Fix:
    value: dict[str, object] = {"port": port.port, "protocol": port.protocol}
    if port.name:
        value["name"] = port.name
    value["targetPort"] = declared_target(port)
    guards: list[Operation] = [
        fixes.test(f"/spec/ports/{i}/protocol", p.protocol)
        for i, p in enumerate(case.service.spec.ports)
        if p.port == port.port
    ]
    return fixes.patch(
        case,
        case.subject,
        [*guards, fixes.add("/spec/ports/-", value)],
        title=f"Add port {port.port}/{port.protocol} to the Service; from then on use kubectl "
        "apply --server-side, which knows both",
        safety="safe",
    )


def _kept(case: ServiceCase, port: ServicePort, there: ServicePort) -> Finding:
    given = f"{port.port}/{port.protocol}"
    base = f"/spec/ports/{case.service.spec.ports.index(there)}"
    return RULE.finding(
        case,
        f"kubectl apply was given targetPort {declared_target(port)} for port {given}, and the "
        f"Service still has {declared_target(there)}: of ports of one number, one is changed",
        evidence=[
            Observation(text=f"last applied: {given} (targetPort {declared_target(port)})"),
            Observation(text=f"the Service has {given} (targetPort {declared_target(there)})"),
        ],
        fixes=[
            fixes.patch(
                case,
                case.subject,
                [
                    fixes.test(f"{base}/port", port.port),
                    fixes.test(f"{base}/protocol", port.protocol),
                    *fixes.replace(
                        f"{base}/targetPort", declared_target(there), declared_target(port)
                    ),
                ],
                title=f"Set targetPort of port {given} to {declared_target(port)}, as applied",
                safety="review",
            )
        ],
        severity="warning",
        port=there,
    )


RULE = Rule(
    code="PC410",
    name="port-lost-in-apply",
    severity="error",
    summary="kubectl apply lost one of two ports with the same number",
    needs=(),
    uses=(),
    explanation=Explanation(
        meaning="kubectl apply identifies the ports of a Service by their number only (the merge "
        "key is port), but a TCP and a UDP port may have the same number. If a file has both, one "
        "of them can be lost or keep its old targetPort, and apply reports success. The "
        "annotation of the last apply has the ports of the file.",
        why="kube-proxy has no rule for the lost port: clients get a time-out or 'no route to "
        "host', not a refusal. Often this happens to DNS over TCP next to UDP.",
        confirm="Compare kubectl apply view-last-applied service NAME with kubectl get service "
        "NAME -o yaml.",
        fix="Add the port with a JSON patch, which does not merge. After that use kubectl apply "
        "--server-side, which identifies a port by number and protocol. (Kubernetes API, "
        "ServiceSpec.ports)",
    ),
    examples=(
        Example(
            "DNS: TCP was added next to UDP",
            """
kind: Service
metadata: {name: dns}
spec: {selector: {app: dns}, ports: [{name: dns, port: 53, protocol: UDP}]}
lastApplied:
- {name: dns, port: 53, protocol: UDP}
- {name: dns-tcp, port: 53, protocol: TCP}
""",
            expects="""
broken; also PC301
PC410 error for path in Service dns
  kubectl apply was given port 53/TCP, but the Service does not have it: kubectl apply merges
      ports of one number
  - last applied: 53/TCP (targetPort 53)
  - the Service has 53/UDP (targetPort 53)
  review: Add port 53/TCP to the Service; from then on use kubectl apply --server-side, which
      knows both
    add /spec/ports/- {"port": 53, "protocol": "TCP", "name": "dns-tcp", "targetPort": 53} in
        Service dns
""",
        ),
        Example(
            "both ports exist",
            """
kind: Service
metadata: {name: dns}
spec:
  selector: {app: dns}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
lastApplied:
- {name: dns, port: 53, protocol: UDP}
- {name: dns-tcp, port: 53, protocol: TCP}
""",
            expects="broken; also PC301",
        ),
        Example(
            "a port that was renumbered later was not lost in apply",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 8081}]}
lastApplied: [{port: 80}]
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
