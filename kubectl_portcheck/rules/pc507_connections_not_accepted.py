"""PC507: the process listens and accepts no connections; they wait in the kernel's queue."""

from kubectl_portcheck.model.probes import AcceptQueue
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
from kubectl_portcheck.rules.wording import listing, names, plural, share
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    hung = [s for s in case.states if s.answer.kind == "not-accepting"]
    slow = [s for s in case.states if s not in hung and s.used and _falls_behind(_queue(case, s))]
    if not hung and not slow:
        return Passed()
    found = hung or slow
    ports = listing(sorted({s.target for s in found if s.target is not None}))
    queues = [q for s in found if (q := _queue(case, s))]
    waiting = sum(q.waiting for q in queues)
    verb = "waits" if waiting == 1 else "wait"
    what = (
        f"accepts no connections on {ports}"
        if hung
        else f"accepts connections on {ports} too slowly"
    )
    return RULE.finding(
        case,
        f"The process in {share(found, case.states)} {what}: {waiting} "
        f"{plural('connection', waiting)} {verb} in the accept queue",
        evidence=[
            evidence.pod_is(case, s.name, _in_words(q)) for s in found if (q := _queue(case, s))
        ],
        fixes=[
            fixes.by_hand(
                "Find out what the process waits for (its log, a thread dump), then restart it; "
                "a liveness probe that sends a request restarts it next time"
                if hung
                else "Give the process more workers or CPU, or add replicas"
            )
        ],
        severity="error" if hung else "warning",
        impact=impact_of(hung, case) if hung else Impact.NONE,
        unsure=""
        if hung
        else f"connections to {ports} wait to be accepted; how long clients wait is not known",
        pods=names(found),
    )


def _queue(case: Case, state: PodState) -> AcceptQueue | None:
    return case.measured(state.pod).queue(state.target) if state.target is not None else None


def _falls_behind(queue: AcceptQueue | None) -> bool:
    """Whether connections wait for long, or the queue is full, though some are accepted."""
    return queue is not None and (bool(queue.stuck) or _full(queue))


def _full(queue: AcceptQueue) -> bool:
    return queue.limit is not None and 0 < queue.limit <= queue.waiting


def _in_words(queue: AcceptQueue) -> str:
    """``6 connections wait on 8080, of at most 128; none was accepted within 1 s``."""
    most = f", of at most {queue.limit}" if queue.limit is not None else ""
    verb = "waits" if queue.waiting == 1 else "wait"
    said = f"{queue.waiting} {plural('connection', queue.waiting)} {verb} on {queue.port}{most}"
    if queue.sockets > 1:
        said += f", for {queue.sockets} sockets"
    if queue.stuck is None:
        return said
    gone = f"{queue.accepted} of them" if queue.accepted else "none of them"
    return f"{said}; {gone} {'were' if queue.accepted > 1 else 'was'} accepted within 1 s"


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
"""

RULE = Rule(
    code="PC507",
    name="connections-not-accepted",
    severity="error",
    summary="The process listens and does not accept the connections that wait for it",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MEASURED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The kernel finishes a TCP handshake by itself and puts the connection into the "
        "accept queue of the listening socket, until the process takes it out. Here the same "
        "connections were still in the queue a second later. The process hangs, is stopped, or "
        "has no worker left. Where some connections were accepted, it is overloaded, and the "
        "finding is a warning.",
        why="Clients connect and then wait until their own timeout. A tcpSocket probe and a "
        "port-forward succeed all the same, because the kernel answers them. Once the queue is "
        "full, new connections time out too.",
        confirm="kubectl exec POD -- ss -ltn: Recv-Q of the port is the number of connections "
        "that wait, Send-Q the most that can. It does not fall.",
        fix="Look at the log and the CPU of the process, take a thread dump where it has one, and "
        "restart it. Use an httpGet or gRPC probe on the served port: a tcpSocket probe does not "
        "notice this.",
    ),
    examples=(
        Example(
            "six connections wait, and none is accepted",
            f"""{_SHOP}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {{8080: accepted}}
    queues: {{8080: {{waiting: 6, limit: 128, stuck: 6}}}}
""",
            expects="""
broken
PC507 error for all in Service checkout, port 80/TCP
  The process in the pod accepts no connections on 8080: 6 connections wait in the accept queue
  pods: checkout-1
  - checkout-1: 6 connections wait on 8080, of at most 128; none of them was accepted within 1 s
  review: Find out what the process waits for (its log, a thread dump), then restart it; a
      liveness probe that sends a request restarts it next time
""",
        ),
        Example(
            "the queue is full, and connections leave it",
            f"""{_SHOP}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {{8080: accepted}}
    queues: {{8080: {{waiting: 6, limit: 5, stuck: 2, accepted: 3}}}}
""",
            expects="""
inconclusive
not evaluated: connections to 8080 wait to be accepted; how long clients wait is not known
PC507 warning in Service checkout, port 80/TCP
  The process in the pod accepts connections on 8080 too slowly: 6 connections wait in the
      accept queue
  pods: checkout-1
  unsure: connections to 8080 wait to be accepted; how long clients wait is not known
  - checkout-1: 6 connections wait on 8080, of at most 5; 3 of them were accepted within 1 s
  review: Give the process more workers or CPU, or add replicas
""",
        ),
        Example(
            "a busy server: the connections of the first look were accepted",
            f"""{_SHOP}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {{8080: accepted}}
    queues: {{8080: {{waiting: 2, limit: 128, stuck: 0, accepted: 2}}}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
    deciding=True,
    follows_from=("PC102",),
)
