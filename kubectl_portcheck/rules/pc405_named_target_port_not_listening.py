"""PC405: the targetPort's name resolves to a declared port on which nothing listens."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Fix
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
    impact_of,
)
from kubectl_portcheck.rules.pc201_nothing_listening import deaf
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import candidates
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    closed = [s for s in case.in_state("not-listening") if not deaf(case, s)]
    if not closed or case.in_state("serves"):
        return Passed()
    choice = candidates.choose(case, closed)
    numbers = sorted({s.target for s in closed if s.target is not None})
    open_ports = [c.port for c in choice.candidates]
    summary = (
        f"The port name {case.target} resolves to {listing(numbers)}, where no process listens"
    )
    if open_ports:
        elsewhere = choice.best.port if choice.best else listing(open_ports)
        what = verb(closed, "listens", "listen")
        summary += f"; {share(closed, case.backends)} {what} on {elsewhere}"
    return RULE.finding(
        case,
        summary,
        evidence=[f for s in closed for f in (evidence.declares(s.pod), evidence.listens(case, s))],
        fixes=_fixes(case, closed, choice),
        impact=impact_of(closed, case),
        pods=names(closed),
    )


def _fixes(case: Case, closed: Sequence[PodState], choice: candidates.Choice) -> list[Fix]:
    best = choice.best
    if best is None:
        return [
            fixes.retarget(
                case,
                c.port,
                safety="review",
                title=f"Set targetPort to {c.port}, if that was meant",
                cautions=c.against,
            )
            for c in choice.candidates
        ]
    protocol = case.port.protocol
    template = fixes.redeclare(case, closed[0].pod, str(case.target), best.port, protocol)
    number = fixes.retarget(
        case,
        best.port,
        safety="safe" if best.reasons else "review",
        cautions=best.against,
        title=f"Set targetPort to the number {best.port}, which replaces no pod",
    )
    return [template, number] if template else [number]


RULE = Rule(
    code="PC405",
    name="named-target-port-not-listening",
    severity="error",
    summary="The targetPort's name resolves to a declared port on which nothing listens",
    applies=(When.SELECTOR, When.NOT_HEADLESS, When.NAMED_TARGET_PORT),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The Service refers to a container port by name, the pods declare the name, and "
        "no process listens on the declared number. The pod template is wrong, not the Service.",
        why="Clients are sent to the declared number, where the connection is refused.",
        confirm="Compare kubectl exec POD -- netstat -tln with the containerPort in the pod's "
        "YAML.",
        fix="Correct the containerPort in the pod template; every Service that uses the name "
        "follows. Setting targetPort to the number helps at once, but the Service no longer "
        "follows the name.",
    ),
    examples=(
        Example(
            "the template still declares 8080",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: http}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"], port-forward: {8080: refused}}}
""",
            expects="""
broken; also PC501
PC405 error for all in Service checkout, port 80/TCP
  The port name http resolves to 8080, where no process listens; the pod listens on 9000
  pods: checkout-1
  - checkout-1: declares http (8080)
  - checkout-1: listens on 9000, not on 8080
  review: Set targetPort to the number 9000, which replaces no pod
    replace /spec/ports/0/targetPort 9000 in Service checkout
""",
        ),
        Example(
            "a name that resolves to a listening port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: http}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 9000}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
    follows_from=("PC102", "PC116"),
)
