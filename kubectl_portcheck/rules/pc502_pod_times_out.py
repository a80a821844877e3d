"""PC502: a process listens on the target port, but connections get no answer."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.model.share import share_of
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
    impact_of,
)
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics import kubelet
from kubectl_portcheck.semantics.answers import silent
from kubectl_portcheck.semantics.case import Case, PodState

DIALLED = ("i/o timeout", "connection timed out", "deadline exceeded")
"""What a runtime says when it dialled the port, and the port gave no answer."""


def _check(case: Case) -> Outcome:
    found = case.in_state("times-out")
    if not found:
        return _silent(case)
    certain = [s for s in found if _certain(case, s)]
    if not certain:
        return RULE.lacks(
            "a port-forward gets no answer, and nothing shows that it is the port that gives none",
            share_of(found, case.backends),
        )
    return RULE.finding(
        case,
        capital(f"{share(certain, case.backends)} {verb(certain, 'does', 'do')} not answer on ")
        + f"{listing(sorted({s.target for s in certain if s.target is not None}))}, though a "
        "process listens there",
        evidence=evidence.attempts(certain),
        impact=impact_of(certain, case),
        pods=names(certain),
    )


def _silent(case: Case) -> Outcome:
    """What it means that connections are accepted and a request gets no answer."""
    asked = [s for s in case.backends if s.proxy and s.proxy.request]
    mute = [s for s in asked if s.target and silent(case.measured(s.pod), s.target)]
    if not mute:
        return Passed()
    ports = listing(sorted({s.target for s in mute if s.target is not None}))
    path = next(s.proxy.asked_path for s in mute if s.proxy)
    # Where other pods answer the same request, it is not the request's fault.
    answering = [s for s in asked if s.proxy and s.proxy.outcome == "accepted"]
    certain = bool(answering) and len({s.proxy.request for s in asked if s.proxy}) == 1
    unanswered = f"GET {path} on {ports} got no answer"
    return RULE.finding(
        case,
        capital(f"{share(mute, case.backends)} {verb(mute, 'accepts', 'accept')} connections on ")
        + f"{ports} and {verb(mute, 'does', 'do')} not answer GET {path}",
        evidence=[
            *(evidence.connected(s.proxy) for s in (*mute, *answering) if s.proxy),
            Observation(
                text="another port of the same pod refused at once, so the API server reaches it"
            ),
        ],
        severity="error" if certain else "warning",
        impact=impact_of(mute, case) if certain else Impact.NONE,
        unsure=""
        if certain
        else f"{unanswered}; whether the application hangs or is slow on that path is not known",
        pods=names(mute),
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
    applies=(When.PODS,),
    clues=(Clue.UNPROVED, Clue.MEASURED),
    needs=(Need.PODS,),
    uses=(
        Need.SLICES,
        Need.SOCKETS,
        Need.ATTEMPTS,
        Need.POLICIES,
        Need.IN_CLUSTER,
        Need.GUARDS,
    ),
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
  The pod does not answer on 8080, though a process listens there
  pods: checkout-1
  - checkout-1: port-forward to the pod, 8080: no answer
""",
        ),
        Example(
            "a request gets no answer, though the API server reaches the pod",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: accepted}
    pod-proxy: {1: refused}
    spoken: {8080: {request: http /, outcome: timeout, detail: no answer within 5 s}}
""",
            expects="""
inconclusive
not evaluated: GET / on 8080 got no answer; whether the application hangs or is slow on that
    path is not known
PC502 warning in Service checkout, port 80/TCP
  The pod accepts connections on 8080 and does not answer GET /
  pods: checkout-1
  unsure: GET / on 8080 got no answer; whether the application hangs or is slow on that path is
      not known
  - checkout-1: GET / to 8080: no answer (no answer within 5 s)
  - another port of the same pod refused at once, so the API server reaches it
""",
        ),
        Example(
            "the API server reaches no port of the pod: its request proves nothing",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: accepted}
    pod-proxy: {1: timeout}
    spoken: {8080: {request: http /, outcome: timeout}}
""",
            expects="healthy",
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
    follows_from=("PC102", "PC507"),
)
