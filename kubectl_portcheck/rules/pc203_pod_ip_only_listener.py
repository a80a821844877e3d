"""PC203: the target port listens on the pod's IP address only, so port-forward fails."""

from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics import listening
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    found = [s for s in case.in_state("serves") if _only_own_address(s)]
    if not found:
        return Passed()
    failed = [s for s in found if s.forward and s.forward.outcome != "accepted"]
    return RULE.finding(
        case,
        capital(f"{share(found, case.backends)} {verb(found, 'listens', 'listen')} on ")
        + f"{listing(sorted({s.target for s in found if s.target is not None}))} at the pod's IP "
        "address only: the Service works, but a port-forward does not",
        evidence=[
            *(evidence.at(s) for s in found),
            *(evidence.connected(s.forward) for s in failed if s.forward),
        ],
        severity="warning" if failed else "info",
        pods=names(found),
    )


def _only_own_address(state: PodState) -> bool:
    """Whether sockets are known, and none of them takes what comes by the loopback."""
    return bool(state.answer.listeners) and not any(
        listening.is_loopback(s) or s.address in listening.WILDCARDS for s in state.answer.listeners
    )


RULE = Rule(
    code="PC203",
    name="pod-ip-only-listener",
    severity="warning",
    summary="The target port listens on the pod's IP address only, so port-forward fails",
    applies=(When.SELECTOR, When.TCP),
    clues=(Clue.MEASURED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The application listens on the pod's IP address, not on all addresses. Clients "
        "of the Service connect to that address and are served.",
        why="Traffic does not fail. Only kubectl port-forward fails: it connects to loopback "
        "inside the pod, where nothing listens.",
        confirm="kubectl exec POD -- netstat -tln shows POD-IP:PORT instead of 0.0.0.0:PORT.",
        fix="The Service needs no fix. To make port-forward work, make the application listen on "
        "0.0.0.0 (or [::]).",
    ),
    examples=(
        Example(
            "a cluster member that binds to its own address",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["10.0.0.1:8080 java"], port-forward: {8080: refused}}}
""",
            expects="""
healthy
PC203 warning in Service checkout, port 80/TCP
  The pod listens on 8080 at the pod's IP address only: the Service works, but a port-forward
      does not
  pods: checkout-1
  - checkout-1: listens on 10.0.0.1:8080 (java)
  - checkout-1: port-forward to the pod, 8080: refused
""",
        ),
        Example(
            "loopback is served as well",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["10.0.0.1:8080", "127.0.0.1:8080"]}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
)
