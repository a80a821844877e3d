"""PC506: a port-forward and the socket tables contradict each other."""

from kubectl_portcheck.model.facts import Observation
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
from kubectl_portcheck.rules.wording import names, share
from kubectl_portcheck.semantics import listening
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    found = {s.name: (s, why) for s in case.backends if (why := _contradiction(case, s))}
    if not found:
        return Passed()
    states = [s for s, _ in found.values()]
    serving = all(s.answer.kind == "serves" for s in states)
    return RULE.finding(
        case,
        f"In {share(states, case.backends)} a port-forward contradicts the socket tables: "
        + (
            "clients are served; do not rely on the port-forward"
            if serving
            else "which of them is right is not known"
        ),
        evidence=[
            *(evidence.observed(case, name, why) for name, (_, why) in found.items()),
            Observation(text="a sandboxed runtime (gVisor, Kata) has a network stack of its own"),
        ],
        pods=names(states),
    )


def _contradiction(case: Case, state: PodState) -> str:
    """How the two disagree, where each of them was had; an answer that is settled is none."""
    listeners = case.listeners(state.pod)
    if listeners is None or state.forward is None or state.target is None:
        return ""
    if state.answer.kind not in ("serves", "unknown"):
        return ""
    # Those of an answer say more: that IPv4 is refused shows which family a socket is for.
    here = state.answer.listeners or [
        s for s in listeners if s.port == state.target and s.protocol == "TCP"
    ]
    outcome = state.forward.outcome
    if not here and outcome == "accepted":
        return f"no process listens on {state.target}, but a port-forward to it is accepted"
    loopback = [
        s
        for s in here
        if listening.is_loopback(s) or (s.address in listening.WILDCARDS and s.family != "IPv6")
    ]
    if loopback and outcome in ("refused", "timeout"):
        word = "gets no answer" if outcome == "timeout" else "is refused"
        return f"a process listens on {state.target}, but a port-forward to it {word}"
    return ""


RULE = Rule(
    code="PC506",
    name="sandbox-inconclusive",
    severity="warning",
    summary="A port-forward and the socket tables contradict each other",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MEASURED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The pod's socket tables say one thing and a port-forward says another. Sandboxed "
        "runtimes (gVisor, Kata Containers) have their own network stack, which a port-forward "
        "may not reach.",
        why="Traffic may work: clients connect to the pod's IP address, which such a runtime "
        "serves. Only the test by port-forward means nothing there.",
        confirm="kubectl get pod POD -o yaml shows runtimeClassName. Then test from another pod: "
        "kubectl exec OTHER -- nc -vz POD-IP PORT.",
        fix="Nothing, if clients are served. Do not conclude anything from a port-forward to this "
        "pod.",
    ),
    examples=(
        Example(
            "the pod's IP address answers, a port-forward does not",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: refused}
    pod-proxy: {8080: accepted}
""",
            expects="""
healthy
PC506 warning in Service checkout, port 80/TCP
  In the pod a port-forward contradicts the socket tables: clients are served; do not rely on
      the port-forward
  pods: checkout-1
  - checkout-1: a process listens on 8080, but a port-forward to it is refused
  - a sandboxed runtime (gVisor, Kata) has a network stack of its own
""",
        ),
        Example(
            "no socket listens, but a port-forward is accepted",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"], port-forward: {8080: accepted}}}
""",
            expects="""
inconclusive
PC506 warning in Service checkout, port 80/TCP
  In the pod a port-forward contradicts the socket tables: which of them is right is not known
  pods: checkout-1
  - checkout-1: no process listens on 8080, but a port-forward to it is accepted
  - a sandboxed runtime (gVisor, Kata) has a network stack of its own
""",
        ),
        Example(
            "a listener on the pod's IP address only: that is PC203",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["10.0.0.1:8080"], port-forward: {8080: refused}}}
""",
            expects="healthy; also PC203",
        ),
    ),
    check=_check,
)
