"""PC604: a connection from inside the cluster fails, though the pods accept (--from)."""

from collections.abc import Sequence

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import InCluster
from kubectl_portcheck.model.facts import Connected, Fact, Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import names, share, verb
from kubectl_portcheck.semantics.answers import FAULTY
from kubectl_portcheck.semantics.case import Case, PodState

FAILED = ("refused", "timeout", "reset")
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
"""The label by which a Service is left to another proxy than kube-proxy."""


def _check(case: Case) -> Outcome:
    told = case.in_cluster
    if isinstance(told, Missing):
        if told.reason in (Reason.NOT_ASKED, Reason.NOT_RECORDED):
            return NotApplicable("--from was not asked for")
        return RULE.lacks(told.detail or told.reason)
    source = told.value
    if source.undialled is not None:
        if source.undialled.reason == Reason.NOT_ASKED:
            return NotApplicable("there was nothing to connect to")
        return RULE.lacks(source.undialled)
    direct = next((a for a in source.attempts if a.port == case.port.port), None)
    tried = [s for s in case.backends if s.within is not None]
    failed = [s for s in tried if s.within and s.within.outcome in FAILED]
    if any(s.answer.kind in FAULTY for s in failed):
        return NotApplicable("pods refuse whoever asks: other rules say why")
    if failed:
        return _pods_fail(case, source, direct, tried, failed)
    if direct is not None and direct.outcome in FAILED:
        if tried and all(s.within and s.within.outcome == "accepted" for s in tried):
            return _service_fails(case, source, direct, tried)
        if case.selects and not case.backends:
            return NotApplicable("no pod gets traffic: other rules say why")
        return RULE.lacks(f"from pod/{source.pod}: {_words(direct)}; no pod could be tried beside")
    unclear = [a for a in (direct, *(s.within for s in tried)) if a and a.outcome != "accepted"]
    if unclear:
        return RULE.lacks(f"from pod/{source.pod}: {unclear[0].detail or unclear[0].outcome}")
    return Passed() if direct or tried else NotApplicable("there was nothing to connect to")


def _service_fails(
    case: Case, source: InCluster, direct: Attempt, tried: Sequence[PodState]
) -> Outcome:
    """The Service's address fails, each pod's own works: kube-proxy, or what stands for it."""
    name = case.service.metadata.labels.get(PROXY_NAME)
    facts: list[Fact] = [_fact(source, direct)]
    facts += [_fact(source, s.within) for s in tried if s.within]
    found: list[Fix] = []
    if name is not None:
        text = f"the label {PROXY_NAME}={name} tells kube-proxy to ignore the Service"
        facts.append(Observation(text=text))
        found = [
            fixes.run(
                case,
                *("label", "service", case.name, f"{PROXY_NAME}-"),
                title=f"Remove the label {PROXY_NAME}, so that kube-proxy serves the Service again",
                subject=case.subject,
            )
        ]
    elif case.service.spec.internal_traffic_policy == "Local":
        text = "internalTrafficPolicy is Local: only pods on the same node are reached"
        facts.append(Observation(text=text))
    found.append(
        fixes.by_hand(
            f"Check kube-proxy, or what replaces it, on the node of {source.pod}: its pod and log, "
            "and the egress NetworkPolicies of that pod"
        )
    )
    return RULE.finding(
        case,
        f"From pod/{source.pod} the Service's address {_verb(direct)}, though the same pod "
        f"reaches {share(tried, tried)} at {verb(tried, 'its', 'their')} IP address",
        evidence=facts,
        fixes=found,
        impact=Impact.PATH,
        pods=names(tried),
    )


def _pods_fail(
    case: Case,
    source: InCluster,
    direct: Attempt | None,
    tried: Sequence[PodState],
    failed: Sequence[PodState],
) -> Outcome:
    """The pods' own addresses fail from there, though nothing says that the pods refuse."""
    facts: list[Fact] = [_fact(source, s.within) for s in failed if s.within]
    if direct is not None:
        facts.append(_fact(source, direct))
    silent = all(s.within and s.within.outcome == "timeout" for s in failed)
    text = (
        "no answer: most often a NetworkPolicy, or the routing between the nodes"
        if silent
        else "refused on the way: the pods' loopback or sockets show that they accept"
    )
    facts.append(Observation(text=text))
    met = "does not reach" if silent else "is refused by"
    return RULE.finding(
        case,
        f"pod/{source.pod} {met} {share(failed, tried)} at "
        f"{verb(failed, 'its', 'their')} IP address",
        evidence=facts,
        fixes=[
            fixes.by_hand(
                f"Allow traffic from pod {source.pod} in namespace {source.namespace} to port "
                f"{failed[0].target} of these pods in the NetworkPolicies on both sides; where "
                "there is none, look at the network between the nodes"
            )
        ],
        impact=Impact.PATH,
        pods=names(failed),
    )


def _fact(source: InCluster, attempt: Attempt) -> Connected:
    return evidence.connected(attempt, source=f"{source.tool} in pod {source.pod}")


def _address(attempt: Attempt) -> str:
    host = f"[{attempt.address}]" if ":" in attempt.address else attempt.address
    return f"{host}:{attempt.port}"


def _words(attempt: Attempt) -> str:
    return "no answer" if attempt.outcome == "timeout" else attempt.outcome


def _verb(attempt: Attempt) -> str:
    verb = {"refused": "refuses", "reset": "resets"}.get(attempt.outcome, "does not answer")
    return f"{_address(attempt)} {verb}"


RULE = Rule(
    code="PC604",
    name="cluster-path-fails",
    severity="error",
    summary="A connection from inside the cluster fails, though the pods accept (--from)",
    applies=(When.TCP,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.IN_CLUSTER),
    explanation=Explanation(
        meaning="--from pod/NAME connects from inside that pod to the Service's address and to "
        "each pod's IP address, as a client does, through kube-proxy and every NetworkPolicy. The "
        "connection failed, though the pods themselves are healthy.",
        why="If the Service's address fails and the pods' addresses work, the fault is in "
        "kube-proxy (or its replacement) on that node, or in the Service. If the pods' addresses "
        "fail too, the fault is a NetworkPolicy or the routing between nodes.",
        confirm="kubectl exec POD -- bash -c 'echo >/dev/tcp/ADDRESS/PORT', for the Service's "
        "cluster IP and for a pod's IP address, from pods on several nodes.",
        fix="Fix kube-proxy on that node, or allow the traffic in the NetworkPolicies of both "
        "sides. The test ran from one pod: clients elsewhere may be served.",
    ),
    examples=(
        Example(
            "the pods answer on their own addresses, the Service's address does not",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: accepted}}}
---
from: {pod: client, tool: nc, service: {80: timeout}}
""",
            expects="""
degraded
PC604 error for path in Service checkout, port 80/TCP
  From pod/client the Service's address 10.96.0.10:80 does not answer, though the same pod
      reaches the pod at its IP address
  pods: checkout-1
  - nc in pod client, 10.96.0.10:80: no answer
  - checkout-1: nc in pod client, 10.0.0.1:8080: accepted
  review: Check kube-proxy, or what replaces it, on the node of client: its pod and log, and the
      egress NetworkPolicies of that pod
""",
        ),
        Example(
            "a policy between the two pods: the target listens, and does not answer",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: timeout}}}
---
from: {pod: client, tool: bash, service: {80: timeout}}
""",
            expects="""
degraded
PC604 error for path in Service checkout, port 80/TCP
  pod/client does not reach the pod at its IP address
  pods: checkout-1
  - checkout-1: bash in pod client, 10.0.0.1:8080: no answer
  - bash in pod client, 10.96.0.10:80: no answer
  - no answer: most often a NetworkPolicy, or the routing between the nodes
  review: Allow traffic from pod client in namespace default to port 8080 of these pods in the
      NetworkPolicies on both sides; where there is none, look at the network between the nodes
""",
        ),
        Example(
            "everything works",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: accepted}}}
---
from: {pod: client, tool: bash, service: {80: accepted}}
""",
            expects="healthy",
        ),
        Example(
            "the pod listens on another port: another rule says why it refuses",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"], in-cluster: {8080: refused}}}
---
from: {pod: client, tool: bash, service: {80: refused}}
""",
            expects="broken; also PC401, PC501",
        ),
    ),
    check=_check,
    deciding=True,
    follows_from=("PC307", "PC308", "PC501", "PC502", "PC503", "PC602", "PC705"),
)
