"""PC406: clients of a headless Service connect to its port in the pods, where nothing listens."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Observation
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
    Worth,
    impact_of,
)
from kubectl_portcheck.rules.pc201_nothing_listening import deaf
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import candidates, ports
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    closed = [s for s in case.in_state("not-listening") if not deaf(case, s)]
    if not closed or case.in_state("serves"):
        return Passed()
    targeted = _targeted(case, closed)
    elsewhere = [targeted] if targeted else _elsewhere(case, closed)
    what = verb(closed, "listens", "listen")
    heard = (
        f"; {share(closed, case.backends)} {what} on {listing(elsewhere)}"
        if elsewhere and not targeted
        else ""
    )
    ignored = f"; targetPort {case.target} is ignored" if case.target != case.port.port else ""
    facts: list[Fact] = [evidence.listens(case, s) for s in closed]
    if targeted:
        facts.append(
            Observation(
                text="clients that read EndpointSlices or SRV records, such as Ingress "
                f"controllers, use {targeted} and are served"
            )
        )
    return RULE.finding(
        case,
        f"The Service is headless, so clients connect to port {case.port.port} of the pods, where "
        f"no process listens{ignored}{heard}",
        evidence=facts,
        fixes=_fixes(case, elsewhere),
        impact=impact_of(closed, case),
        pods=names(closed),
    )


def _targeted(case: Case, closed: Sequence[PodState]) -> int | None:
    """The number that the targetPort means in all of the pods, where they accept clients on it."""
    numbers = {ports.resolve_target_port(case.port, s.pod) for s in closed}
    number = numbers.pop() if len(numbers) == 1 else None
    if number is None or not all(number in candidates.reachable(case, s) for s in closed):
        return None
    return number


def _elsewhere(case: Case, closed: Sequence[PodState]) -> list[int]:
    choice = candidates.choose(case, closed)
    return [choice.best.port] if choice.best else [c.port for c in choice.candidates]


def _fixes(case: Case, elsewhere: Sequence[int]) -> list[Fix]:
    base = f"/spec/ports/{case.service.spec.ports.index(case.port)}"
    used = {p.port for p in case.service.spec.ports if p is not case.port}
    found = []
    for number in elsewhere:
        operations = fixes.replace(f"{base}/port", case.port.port, number)
        if case.target != number and isinstance(case.target, int):
            operations += fixes.replace(f"{base}/targetPort", case.target, number)
        if number in used:
            continue
        found.append(
            fixes.patch(
                case,
                case.subject,
                operations,
                title=f"Change the Service's port to {number}; clients then have to use {number}",
                safety="review",
                source=f"spec:\n  ports:\n  - port: {number}\n    targetPort: {number}\n",
            )
        )
    return [
        *found,
        fixes.by_hand(
            f"Make the application listen on {case.port.port}; or add a Service with a clusterIP, "
            "which translates ports"
        ),
    ]


RULE = Rule(
    code="PC406",
    name="headless-port-differs",
    severity="error",
    summary="Clients of a headless Service connect to its port in the pods, where nothing listens",
    applies=(When.SELECTOR, When.HEADLESS),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.HINT,
    of_containers=True,
    field=("ports", "#", "port"),
    explanation=Explanation(
        meaning="A headless Service (clusterIP: None) is a DNS name for the addresses of its "
        "pods. Clients connect to the Service's port on these addresses, and the pods listen on "
        "another port.",
        why="Nothing translates the port: only programs that read EndpointSlices or SRV records "
        "use targetPort. The pod refuses the connection.",
        confirm="kubectl get service NAME shows None under CLUSTER-IP. kubectl exec POD -- "
        "netstat -tln does not show the Service's port.",
        fix="Set the Service's port to the port on which the pods listen, and let clients use it. "
        "Or add a Service with a cluster IP for clients that need the other number.",
    ),
    examples=(
        Example(
            "port 80 was meant to lead to 8080",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: None, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-0, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-0: {sockets: ["0.0.0.0:8080"], port-forward: {80: refused, 8080: accepted}}}
""",
            expects="""
broken; also PC501
PC406 error for all in Service checkout, port 80/TCP
  The Service is headless, so clients connect to port 80 of the pods, where no process listens;
      targetPort 8080 is ignored
  pods: checkout-0
  - checkout-0: listens on 8080, not on 80
  - clients that read EndpointSlices or SRV records, such as Ingress controllers, use 8080 and
      are served
  review: Change the Service's port to 8080; clients then have to use 8080
    replace /spec/ports/0/port 8080 in Service checkout
  review: Make the application listen on 80; or add a Service with a clusterIP, which translates
      ports
""",
        ),
        Example(
            "the pods listen on the Service's port, whatever targetPort says",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: None, selector: {app: checkout}, ports: [{port: 5432, targetPort: 15432}]}
---
kind: Pod
metadata: {name: checkout-0, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-0: {sockets: ["0.0.0.0:5432"]}}
""",
            expects="healthy",
        ),
        Example(
            "not headless: targetPort is used",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.9, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-0, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-0: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
    follows_from=("PC102",),
)
