"""PC502: a process listens on the target port, but connections get no answer."""

from kubectl_portcheck.model.share import share_of
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    impact_of,
)
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import kubelet
from kubectl_portcheck.semantics.case import Case, PodState

DIALLED = ("i/o timeout", "connection timed out", "deadline exceeded")
"""What a runtime says when it dialled the port, and the port gave no answer."""


def _check(case: Case) -> Outcome:
    found = case.in_state("times-out")
    if not found:
        return Passed()
    certain = [s for s in found if _certain(case, s)]
    if not certain:
        return RULE.lacks(
            "a port-forward gets no answer, and nothing shows that it is the port that gives none",
            share_of(found, case.backends),
        )
    return RULE.finding(
        case,
        f"{share(certain, case.backends)} {'does' if len(certain) == 1 else 'do'} "
        f"not answer on {listing(sorted({s.target for s in certain if s.target is not None}))}, "
        "though a process listens there",
        evidence=[
            f"{s.name}: {a.path} to {a.port}: {a.outcome}" + (f", {a.detail}" if a.detail else "")
            for s in certain
            for a in (s.forward, s.proxy)
            if a
        ],
        impact=impact_of(certain, case),
        pods=names(certain),
    )


def _certain(case: Case, state: PodState) -> bool:
    """Whether the port gives no answer, and not the way to it.

    A port-forward that answers for nothing at all is itself what hangs. And where the kubelet's
    probe is answered on this very port, the pod serves.
    """
    if state.target and kubelet.vouches(state.pod, state.target):
        return False
    attempts = case.measured(state.pod).attempts
    if any(a.outcome in ("accepted", "refused", "reset") for a in attempts):
        return True
    said = " ".join(a.detail.lower() for a in (state.forward, state.proxy) if a)
    return any(words in said for words in DIALLED)


RULE = Rule(
    code="PC502",
    name="pod-times-out",
    severity="error",
    summary="A process listens on the target port, but connections get no answer",
    applies=(When.SELECTOR,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="A socket listens on the port, and a connection to it is neither accepted nor "
        "refused. The process hangs and its accept queue is full, or packets are dropped inside "
        "the pod.",
        why="Clients wait until they time out. A process that is stopped, blocked or out of "
        "workers accepts no new connection.",
        confirm="kubectl exec POD -- ss -ltn: the queue is full if Recv-Q of the port is at or "
        "above Send-Q. kubectl top pod shows whether the process uses CPU.",
        fix="Find what the process waits for (its log, a thread dump) and restart it. With a "
        "liveness probe on the served port the kubelet restarts such a container.",
    ),
    examples=(
        Example(
            "the accept queue is full",
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
    sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]
    port-forward: {8080: timeout, 9100: accepted}
""",
            expects="""
broken
PC502 error for all in Service checkout, port 80/TCP
  the pod does not answer on 8080, though a process listens there
  pods: checkout-1
""",
        ),
        Example(
            "the port-forward gets no answer on any port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: timeout}}}
""",
            expects="""
inconclusive
not evaluated: a port-forward gets no answer, and nothing shows that it is the port that gives
    none
""",
        ),
        Example(
            "the readiness probe succeeds on this port, so only the port-forward hangs",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080}}}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: timeout}}}
""",
            expects="""
inconclusive
not evaluated: a port-forward gets no answer, and nothing shows that it is the port that gives
    none
""",
        ),
    ),
    check=_check,
    deciding=True,
    follows_from=("PC102",),
)
