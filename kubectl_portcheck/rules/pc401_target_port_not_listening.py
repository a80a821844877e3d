"""PC401: no process listens on the Service's targetPort."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Listens, Observation, Weighs
from kubectl_portcheck.model.fixes import Fix, Safety
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
    impact_of,
)
from kubectl_portcheck.rules.pc201_nothing_listening import deaf
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import candidates, images, ports, probes, rollouts
from kubectl_portcheck.semantics.case import Case, PodState

COPIED = (80, 443, 8080)
"""Numbers that are used in examples, and are copied from there into other manifests."""
COMMON = (*COPIED, 3000, 5000, 8000, 8443, 9000, 9090)
"""Numbers that many applications have."""


def _check(case: Case) -> Outcome:
    closed = [s for s in case.in_state("not-listening") if not deaf(case, s)]
    if not closed or case.in_state("serves"):
        return Passed()
    return _finding(case, closed)


def _finding(case: Case, closed: Sequence[PodState]) -> Outcome:
    choice = candidates.choose(case, closed)
    open_ports = [c.port for c in choice.candidates]
    elsewhere = choice.best.port if choice.best else listing(open_ports)
    if case.in_files:
        return _undeclared(case, closed, choice)
    summary = f"No process listens on targetPort {case.target}"
    if open_ports:
        what = verb(closed, "listens", "listen")
        summary += f"; {share(closed, case.backends)} {what} on {elsewhere}"
    facts: list[Fact] = [_what_listens(case, s) for s in closed]
    facts += map(_weighed, choice.candidates)
    agreeing = candidates.speaks_for_target(case, closed)
    if agreeing:
        facts.append(Weighs(port=case.target, reasons=agreeing))
    readiness = sorted(
        {p for s in closed for p, kind in probes.asked_ports(s.pod).items() if kind == "readiness"}
    )
    if readiness and case.target not in readiness:
        checked = f"the readinessProbe asks for {listing(readiness)}, so the pods are Ready"
        facts.append(Observation(text=checked))
    elif not readiness:
        facts.append(Observation(text="no readinessProbe asks for a port, so the pods are Ready"))
    return RULE.finding(
        case,
        summary,
        evidence=facts,
        fixes=_other_side(case, closed, choice, agreeing) or _fixes(case, closed, choice),
        impact=impact_of(closed, case),
        pods=names(closed),
    )


def _other_side(
    case: Case, closed: Sequence[PodState], choice: candidates.Choice, agreeing: Sequence[str]
) -> list[Fix]:
    """Fixes where the pods' own manifest sides with the Service: the application is the odd one."""
    best = choice.best
    if best is None or best.reasons or not agreeing:
        return []
    found = [
        fixes.retarget(
            case,
            best.port,
            safety="review",
            title=f"Set targetPort to {best.port}, if the application is meant to use it, and "
            "correct what the pods declare",
            cautions=best.against,
        )
    ]
    found = [*fixes.undo(case, [s.pod for s in closed]), *found]
    back = f"Make the application listen on {case.target}, as Service and pod template say"
    return [*found, fixes.by_hand(back)]


def _undeclared(case: Case, closed: Sequence[PodState], choice: candidates.Choice) -> Outcome:
    """The same for manifest files, where a declared port is taken for a socket."""
    numbers = listing([choice.best.port] if choice.best else [c.port for c in choice.candidates])
    where = listing(dict.fromkeys(s.name for s in closed))
    summary = f"{where} {verb(closed, 'does', 'do')} not declare targetPort {case.target}"
    if numbers:
        summary += f", but {numbers}"
    facts = [evidence.declares(s.pod, case.target) for s in closed]
    slip = all(_may_be_a_slip(case, s) for s in closed)
    return RULE.finding(
        case,
        summary,
        evidence=[*facts, *(_weighed(c) for c in choice.candidates)],
        fixes=() if slip else _fixes(case, closed, choice, "review"),
        impact=impact_of(closed, case),
        severity="info" if slip else None,
        pods=names(closed),
    )


def _may_be_a_slip(case: Case, state: PodState) -> bool:
    """Whether the declaration may be the wrong one: a number that is often copied, without a name.

    It repeats the Service's own number, or it is a common one while the Service leads to one that
    is not common. Neither a probe nor a well-known image speaks for it.
    """
    probed = probes.asked_ports(state.pod)
    return all(
        (p.container_port == case.port.port or _copied(p.container_port, case.target))
        and not p.name
        and p.container_port not in probed
        and p.container_port not in images.ports_of(c.image)
        for c, p in ports.declared_ports(state.pod)
    )


def _copied(declared: int, target: int | str) -> bool:
    return declared in COPIED and target not in COMMON


def _weighed(candidate: candidates.Candidate) -> Weighs:
    """The facts that speak for a port, and those against it."""
    return Weighs(
        port=candidate.port,
        reasons=candidate.reasons or ("a process listens there, undeclared",),
        against=candidate.against,
    )


def _what_listens(case: Case, state: PodState) -> Fact:
    listeners = case.listeners(state.pod)
    if listeners is None and state.forward is not None:
        return evidence.connected(state.forward, note="its sockets cannot be read")
    found = sorted({s.port for s in listeners or () if s.protocol == case.port.protocol})
    return Listens(pod=state.name, ports=tuple(found), wanted=state.target)


def _fixes(
    case: Case, closed: Sequence[PodState], choice: candidates.Choice, most: Safety = "safe"
) -> list[Fix]:
    best = choice.best
    if best is None:
        return fixes.undo(case, [s.pod for s in closed]) + [
            fixes.retarget(
                case,
                c.port,
                safety="review",
                title=f"Set targetPort to {c.port}, if that is the port that was meant",
                cautions=c.against,
            )
            for c in choice.candidates
        ]
    safety: Safety = most if best.reasons else "review"
    other = next((o for s in closed if (o := rollouts.other_image(case, s.pod))), "")
    cautions = (*best.against, *([other] if other else ()))
    found = [fixes.retarget(case, best.port, safety=safety, cautions=cautions)]
    if best.name and most == "safe":
        title = (
            f"Set targetPort to the port's name {best.name}, which stays when the number changes"
        )
        found.append(fixes.retarget(case, best.name, safety=safety, title=title, cautions=cautions))
    if best.against and not case.in_files:
        why = "; ".join(best.against)
        return [fixes.by_hand(f"Correct the selector, if these pods are not meant: {why}"), *found]
    # The program may be the wrong one: another image, or nothing but a socket speaks for the port.
    undo = [] if best.reasons and not other else fixes.undo(case, [s.pod for s in closed])
    return [*undo, *found]


RULE = Rule(
    code="PC401",
    name="target-port-not-listening",
    severity="error",
    summary="No process listens on the Service's targetPort",
    applies=(When.SELECTOR, When.NOT_HEADLESS, When.NUMBERED_TARGET_PORT),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.REPLICA_SETS, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.HINT,
    of_containers=True,
    field=("ports", "#", "targetPort"),
    explanation=Explanation(
        meaning="The Service sends traffic to a port on which no process of the pods listens, and "
        "the pods listen on other ports. Usually the application moved to another port and the "
        "Service was not changed, or the reverse.",
        why="The pod refuses the connection. Endpoints and readiness look healthy, because "
        "neither checks this port.",
        confirm="Compare kubectl exec POD -- netstat -tln with kubectl get service NAME -o yaml: "
        "the targetPort is not among the listening ports. A declared containerPort does not open "
        "a port.",
        fix="Set targetPort to the port that the application listens on. If you use the name of a "
        "container port as targetPort, the Service follows when the number changes.",
    ),
    examples=(
        Example(
            "the application moved from 8080 to 9000",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:9000 python3", "0.0.0.0:9100 python3"]
    port-forward: {8080: refused, 9000: accepted}
""",
            expects="""
broken; also PC501
PC401 error for all in Service checkout, port 80/TCP
  No process listens on targetPort 8080; the pod listens on 9000
  pods: checkout-1
  - checkout-1: listens on 9000 and 9100, not on 8080
  - for 9000: containerPort 9000 is declared
  - for 9100: a process listens there, undeclared
  - no readinessProbe asks for a port, so the pods are Ready
  safe: Set targetPort to 9000
    replace /spec/ports/0/targetPort 9000 in Service checkout
""",
        ),
        Example(
            "the application moved, and neither the Service nor the pod template was changed",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080, name: http}]}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:9000 python3"]
    port-forward: {8080: refused}
""",
            expects="""
broken; also PC501
PC401 error for all in Service checkout, port 80/TCP
  No process listens on targetPort 8080; the pod listens on 9000
  pods: checkout-1
  - checkout-1: listens on 9000, not on 8080
  - for 9000: a process listens there, undeclared
  - for 8080: containerPort 8080 is declared
  - no readinessProbe asks for a port, so the pods are Ready
  review: Set targetPort to 9000, if the application is meant to use it, and correct what the
      pods declare
    replace /spec/ports/0/targetPort 9000 in Service checkout
  review: Make the application listen on 8080, as Service and pod template say
""",
        ),
        Example(
            "the last rollout put another program into the pods: its undo comes first",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1, annotations: {deployment.kubernetes.io/revision: "1"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
spec: {template: {spec: {containers: [{name: app, image: "shop/checkout:7"}]}}}
---
kind: ReplicaSet
metadata: {name: checkout-2, uid: rs-2, annotations: {deployment.kubernetes.io/revision: "2"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
spec: {template: {spec: {containers: [{name: app, image: "shop/payment:7"}]}}}
---
kind: Pod
metadata: {name: checkout-2-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-2, uid: rs-2, controller: true}]}
spec: {containers: [{name: app, image: "shop/payment:7", ports: [{containerPort: 9000}]}]}
---
probes:
  checkout-2-a:
    sockets: ["0.0.0.0:9000 python3"]
    port-forward: {8080: refused, 9000: accepted}
""",
            expects="""
broken; also PC501
PC401 error for all in Service checkout, port 80/TCP
  No process listens on targetPort 8080; the pod listens on 9000
  pods: checkout-2-a
  - checkout-2-a: listens on 9000, not on 8080
  - for 9000: containerPort 9000 is declared
  - no readinessProbe asks for a port, so the pods are Ready
  review: Undo the last rollout of Deployment checkout
    kubectl rollout undo deployment/checkout -n default
  review: Set targetPort to 9000
    replace /spec/ports/0/targetPort 9000 in Service checkout
""",
        ),
        Example(
            "an undeclared port works if a process listens there",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
probes:
  checkout-1:
    sockets: ["[::]:8080 java"]
    port-forward: {8080: accepted}
""",
            expects="healthy; also PC205",
        ),
        Example(
            "two ports are declared and open, and nothing speaks for one of them",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 7000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{name: one, containerPort: 8001}, {name: two, containerPort: 8002}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8001", "0.0.0.0:8002"]}}
""",
            expects="""
broken; also PC501
PC401 error for all in Service checkout, port 80/TCP
  No process listens on targetPort 7000; the pod listens on 8001 and 8002
  pods: checkout-1
  - checkout-1: listens on 8001 and 8002, not on 7000
  - for 8001: containerPort 8001 is declared as one
  - for 8002: containerPort 8002 is declared as two
  - no readinessProbe asks for a port, so the pods are Ready
  review: Set targetPort to 8001, if that is the port that was meant
    replace /spec/ports/0/targetPort 8001 in Service checkout
  review: Set targetPort to 8002, if that is the port that was meant
    replace /spec/ports/0/targetPort 8002 in Service checkout
""",
        ),
        Example(
            "the readiness probe asks for the port on which the pod listens",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {tcpSocket: {port: 9000}}}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="""
broken; also PC412, PC501
PC401 error for all in Service checkout, port 80/TCP
  No process listens on targetPort 8080; the pod listens on 9000
  pods: checkout-1
  - checkout-1: listens on 9000, not on 8080
  - for 9000: a process listens there, undeclared
  - the readinessProbe asks for 9000, so the pods are Ready
  review: Set targetPort to 9000
    replace /spec/ports/0/targetPort 9000 in Service checkout
""",
        ),
        Example(
            "only a liveness probe asks for the port on which the pod listens",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, livenessProbe: {tcpSocket: {port: 9000}}}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="""
broken; also PC501
PC401 error for all in Service checkout, port 80/TCP
  No process listens on targetPort 8080; the pod listens on 9000
  pods: checkout-1
  - checkout-1: listens on 9000, not on 8080
  - for 9000: a process listens there, undeclared
  - no readinessProbe asks for a port, so the pods are Ready
  review: Set targetPort to 9000
    replace /spec/ports/0/targetPort 9000 in Service checkout
""",
        ),
    ),
    check=_check,
    follows_from=("PC102", "PC116"),
)
