"""PC116: a container has just started, and may open its port in a moment."""

from kubectl_portcheck.model.facts import Fact
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Impact
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
from kubectl_portcheck.rules.wording import share
from kubectl_portcheck.semantics import starting, traffic
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.starting import Starting

Found = dict[str, tuple[PodState, Starting]]


def _check(case: Case) -> Outcome:
    waiting = {
        s.name: (s, found)
        for s in case.states
        if not s.used and (found := starting.before_ready(case, s.pod))
    }
    if any(traffic.receives(case, p) for p in case.pods):
        waiting = {}  # While others serve, a pod that starts is no news.
    met = {
        s.name: (s, found)
        for s in case.backends
        if s.target is not None and (found := starting.before_listening(case, s.pod, s.target))
    }
    if not (met or waiting):
        return Passed()
    chosen = met or waiting
    state, first = next(iter(chosen.values()))
    impact = (
        impact_of([s for s, _ in met.values()], case)
        if met
        else traffic.impact_on(case, [s.pod for s, _ in waiting.values()])
    )
    return RULE.finding(
        case,
        f"Container {first.container} is still starting in {share(chosen, case.pods)}: "
        + (_unopened(state, first) if met else _unready(first)),
        evidence=[_fact(case, name, found) for name, (_, found) in chosen.items()],
        fixes=_fixes(case, state, first),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=chosen,
    )


def _unopened(state: PodState, first: Starting) -> str:
    said = f"it started {first.age:.0f} s ago and does not listen on {state.target} yet"
    if _probed(state.pod, first.container):
        return said
    return f"{said}; it has no readinessProbe, so clients are sent to it already"


def _unready(first: Starting) -> str:
    assert first.check is not None
    return (
        f"it started {first.age:.0f} s ago, and its {first.check.field} has not passed yet "
        f"(it may fail for {first.allowed} s)"
    )


def _probed(pod: Pod, container: str) -> bool:
    return any(c.readiness_probe for c in pod.spec.containers if c.name == container)


def _fact(case: Case, name: str, found: Starting) -> Fact:
    state = f"container {found.container} started {found.age:.0f} s ago"
    if found.check is not None:
        state += f"; its {found.check.field} has not passed yet"
    return evidence.pod_is(case, name, state)


def _fixes(case: Case, state: PodState, first: Starting) -> list[Fix]:
    words = ("portcheck", f"svc/{case.name}", "--wait")
    title = "Wait until it has started; this checks again until it serves"
    found = [fixes.look(case, *words, title=title)]
    workload = case.workload(state.pod)
    if first.check is not None or _probed(state.pod, first.container):
        return found
    title = (
        f"Add a readinessProbe on {state.target} to container {first.container}, so that no "
        "client is sent to it before it listens"
    )
    place = next(
        (n for n, c in enumerate(state.pod.spec.containers) if c.name == first.container), None
    )
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    # While no pod serves, nothing can be predicted of new ones.
    if (
        workload is None
        or place is None
        or workload.kind not in kinds
        or not case.in_state("serves")
    ):
        return [*found, fixes.by_hand(title)]
    base = f"/spec/template/spec/containers/{place}"
    operations = [
        fixes.test(f"{base}/name", first.container),
        fixes.add(f"{base}/readinessProbe", {"tcpSocket": {"port": state.target}}),
    ]
    whole = f"{title} (its pods are replaced)"
    return [*found, fixes.patch(case, workload, operations, title=whole, safety="review")]


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1,
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
"""


def _pod(name: str, seconds: int, *, probe: str = "", ready: bool = True) -> str:
    """A pod whose container started so many seconds before the evidence was gathered."""
    return f"""---
kind: Pod
metadata: {{name: {name}, labels: {{app: checkout}},
  creationTimestamp: "2026-06-01T11:59:{60 - seconds:02}Z",
  ownerReferences: [{{kind: ReplicaSet, name: checkout-1, uid: rs-1, controller: true}}]}}
spec: {{containers: [{{name: app{probe}}}]}}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{{type: Ready, status: "{ready}"}}]
  containerStatuses:
  - name: app
    ready: {str(ready).lower()}
    state: {{running: {{startedAt: "2026-06-01T11:59:{60 - seconds:02}Z"}}}}
"""


_PROBE = ", readinessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 20}"

RULE = Rule(
    code="PC116",
    name="still-starting",
    severity="error",
    summary="A container behind the Service has just started and does not serve yet",
    applies=(When.PODS, When.TCP),
    clues=(Clue.UNHEALTHY, Clue.MEASURED),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.REPLICA_SETS),
    why_unready=True,
    explanation=Explanation(
        meaning="The container started a moment ago. Either nothing listens in it yet, or its "
        "readiness or startup probe may still fail. It may open its port soon, or never: for 30 "
        "seconds after the start, as long as its probes allow, or for 5 minutes where an older pod "
        "of the same revision listens, it is called a start and not a fault.",
        why="A program accepts no connection before it has opened its port. A container without a "
        "readinessProbe is Ready as soon as it runs, so clients are sent to it too early, at every "
        "rollout and every restart.",
        confirm="kubectl get pods -w, and kubectl portcheck svc/NAME --wait, which checks again.",
        fix="Wait. Add a readinessProbe on the port that clients use; it keeps them away until the "
        "port is open. A startupProbe gives a slow start its time.",
    ),
    examples=(
        Example(
            "started six seconds ago, without a readinessProbe",
            _SERVICE + _pod("checkout-1-a", 6) + "---\nprobes: {checkout-1-a: {sockets: []}}\n",
            expects="""
broken; also PC201, PC501
PC116 error for all in Service checkout, port 80/TCP
  Container app is still starting in the pod: it started 6 s ago and does not listen on 8080
      yet; it has no readinessProbe, so clients are sent to it already
  pods: checkout-1-a
  - checkout-1-a: container app started 6 s ago
  review: Wait until it has started; this checks again until it serves
    look: kubectl portcheck svc/checkout --wait -n default
  review: Add a readinessProbe on 8080 to container app, so that no client is sent to it before
      it listens
""",
        ),
        Example(
            "its readinessProbe has not been asked yet",
            _SERVICE
            + _pod("checkout-1-a", 6, probe=_PROBE, ready=False)
            + "---\nprobes: {checkout-1-a: {sockets: []}}\n",
            expects="""
broken; also PC104, PC302
PC116 error for all in Service checkout, port 80/TCP
  Container app is still starting in the pod: it started 6 s ago, and its readinessProbe has not
      passed yet (it may fail for 50 s)
  pods: checkout-1-a
  - checkout-1-a: container app started 6 s ago; its readinessProbe has not passed yet
  review: Wait until it has started; this checks again until it serves
    look: kubectl portcheck svc/checkout --wait -n default
""",
        ),
        Example(
            "a second pod starts, and its debugger listens already; the first pod serves",
            _SERVICE
            + _pod("checkout-1-a", 59)
            + _pod("checkout-1-b", 50)
            + """---
probes:
  checkout-1-a: {sockets: ["0.0.0.0:8080", "0.0.0.0:5005"]}
  checkout-1-b: {sockets: ["0.0.0.0:5005"]}
""",
            expects="""
degraded; also PC407, PC501
PC116 error for pods in Service checkout, port 80/TCP
  Container app is still starting in 1 of 2 pods: it started 50 s ago and does not listen on
      8080 yet; it has no readinessProbe, so clients are sent to it already
  pods: checkout-1-b
  - checkout-1-b: container app started 50 s ago
  review: Wait until it has started; this checks again until it serves
    look: kubectl portcheck svc/checkout --wait -n default
  review: Add a readinessProbe on 8080 to container app, so that no client is sent to it before
      it listens (its pods are replaced)
    add /spec/template/spec/containers/0/readinessProbe {"tcpSocket": {"port": 8080}} in
        Deployment checkout
""",
        ),
        Example(
            "started 40 seconds ago: that is PC201",
            _SERVICE + _pod("checkout-1-a", 40) + "---\nprobes: {checkout-1-a: {sockets: []}}\n",
            expects="broken; also PC201, PC501",
        ),
        Example(
            "it listens on another port already: that is PC401",
            _SERVICE
            + _pod("checkout-1-a", 6)
            + '---\nprobes: {checkout-1-a: {sockets: ["0.0.0.0:9000"]}}\n',
            expects="broken; also PC401, PC501",
        ),
    ),
    check=_check,
)
