"""PC307: the EndpointSlices do not match the pods or the targetPort."""

from collections.abc import Sequence

import msgspec

from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, share, verb
from kubectl_portcheck.semantics import endpoints, listening, pods, ports, traffic
from kubectl_portcheck.semantics.answers import answer
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.endpoints import SliceEndpoint


class _Stale(msgspec.Struct, frozen=True):
    """Ready endpoints that are not what the pods and the targetPort make of them."""

    elsewhere: list[tuple[SliceEndpoint, Pod, int]]
    """Those with another port than the targetPort resolves to in their pod."""
    gone: list[SliceEndpoint]
    """Those whose pod does not match, has ended, or does not exist."""


def _check(case: Case) -> Outcome:
    absent = _absent(case)
    settled = [p for p in absent if not traffic.is_new(case, p)]
    stale = _stale(case)
    if not settled and not stale.elsewhere and not stale.gone:
        if absent and not endpoints.used(case.endpoints):
            return RULE.lacks("the pods became Ready a moment ago, and no EndpointSlice has them")
        return Passed()
    impact = _impact(case, stale, settled)
    if impact is None:
        return RULE.lacks("what listens on the port that the EndpointSlices carry is not known")
    concerned = [p for _, p, _ in stale.elsewhere] + settled
    return RULE.finding(
        case,
        f"The EndpointSlices are out of date: {'; '.join(_facts(case, stale, settled))}",
        evidence=_evidence(case, stale, settled),
        fixes=_fixes(case, stale),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=dict.fromkeys(p.metadata.name for p in concerned),
    )


def _absent(case: Case) -> list[Pod]:
    """The Ready pods that are in no slice."""
    everyone = [e for piece in case.slices for e in piece.endpoints or ()]
    named = {e.target_ref.name for e in everyone if e.target_ref}
    listed = {a for e in everyone for a in e.addresses}
    return [
        p
        for p in case.pods
        if pods.is_ready(p)
        and not pods.is_terminating(p)
        and p.metadata.name not in named
        and (addresses := listening.addresses_of(p, case.families))
        and not listed & set(addresses)
    ]


def _stale(case: Case) -> _Stale:
    alive = {p.metadata.name: p for p in case.pods}
    found = _Stale([], [])
    for one in {(e.pod or e.endpoint.addresses, e.port): e for e in case.endpoints}.values():
        if one.pod is None or not one.endpoint.ready:
            continue
        if one.pod not in alive:
            # While pods come and go, the slices lag by a moment.
            if not any(traffic.is_new(case, p) or pods.is_terminating(p) for p in case.pods):
                found.gone.append(one)
            continue
        pod = alive[one.pod]
        number = ports.resolve_target_port(case.port, pod)
        if number is not None and one.port != number and not traffic.is_new(case, pod):
            found.elsewhere.append((one, pod, number))
    return found


def _impact(case: Case, stale: _Stale, absent: Sequence[Pod]) -> Impact | None:
    """What clients that follow the slices meet; None where it is not known."""
    used = {e.pod or e.endpoint.addresses for e in endpoints.used(case.endpoints)}
    if not used:
        return Impact.ALL
    failing = {e.pod for e in stale.gone if e.port is not None}
    for one, pod, _ in stale.elsewhere:
        if one.port is None:
            continue
        met = answer(case.measured(pod), one.port, case.port.protocol, case.families)
        if met.kind == "unknown":
            return None
        if met.kind != "serves":
            failing.add(one.pod)
    if not used - failing:
        return Impact.ALL
    return Impact.PODS if failing else Impact.NONE


def _facts(case: Case, stale: _Stale, absent: Sequence[Pod]) -> list[str]:
    facts = []
    if stale.elsewhere:
        carried = sorted({str(e.port or "none") for e, _, _ in stale.elsewhere})
        wanted = sorted({n for _, _, n in stale.elsewhere})
        facts.append(f"they have port {listing(carried)}, but targetPort is {listing(wanted)}")
    if absent:
        facts.append(
            f"{share(absent, case.pods)} {verb(absent, 'is', 'are')} Ready and not in them"
        )
    if stale.gone:
        everyone = {e.pod or e.endpoint.addresses for e in case.endpoints if e.endpoint.ready}
        gone = share(stale.gone, everyone, "endpoint")
        facts.append(f"{gone} {verb(stale.gone, 'leads', 'lead')} to no pod")
    return facts


def _evidence(case: Case, stale: _Stale, absent: Sequence[Pod]) -> list[Fact]:
    found: list[Fact] = [
        evidence.observed(
            case,
            pod.metadata.name,
            f"its endpoint has {f'port {e.port}' if e.port else 'no port'}, not {n}",
        )
        for e, pod, n in stale.elsewhere
    ]
    found += [
        evidence.pod_is(case, p.metadata.name, f"Ready at {p.status.pod_ip}, in no EndpointSlice")
        for p in absent
    ]
    found += [
        Observation(
            text=f"{', '.join(e.endpoint.addresses)} is a ready endpoint of {e.pod}, which the "
            "selector does not match"
        )
        for e in stale.gone
    ]
    return found


def _fixes(case: Case, stale: _Stale) -> list[Fix]:
    foreign = {
        piece.metadata.name: piece
        for piece in case.slices
        if piece.metadata.labels.get(endpoints.MANAGED_BY) not in (None, endpoints.CONTROLLER)
    }
    found = []
    for name, piece in foreign.items():
        who = piece.metadata.labels[endpoints.MANAGED_BY]
        ready = [e for e in piece.endpoints or () if e.ready]
        if ready and all(e in [g.endpoint for g in stale.gone] for e in ready):
            found.append(
                fixes.run(
                    case,
                    *("delete", "endpointslice", name),
                    title=f"Delete EndpointSlice {name}, which Kubernetes does not write, if "
                    f"{who} no longer needs it",
                    subject=Subject(kind="EndpointSlice", namespace=case.namespace, name=name),
                )
            )
    return found or [
        fixes.by_hand(
            "Check kube-controller-manager and its log: its EndpointSlice controller updates them "
            "within seconds when it works"
        )
    ]


RULE = Rule(
    code="PC307",
    name="endpoints-stale",
    severity="error",
    summary="The EndpointSlices do not match the pods or the targetPort",
    applies=(When.SELECTOR,),
    needs=(Need.PODS, Need.SLICES),
    uses=(Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="Kubernetes creates the EndpointSlices from the selector, the pods and the "
        "targetPort. Here they do not match: a Ready pod is missing, a listed pod no longer "
        "exists, or the port is not the one that targetPort resolves to.",
        why="kube-proxy follows the EndpointSlices, not the pods. Clients are sent to an old port "
        "or an old address, or new pods get no traffic.",
        confirm="Compare kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml "
        "with kubectl get pods -o wide. A delay of a second or two is normal.",
        fix="Run the command again after some seconds. If the difference stays, the EndpointSlice "
        "controller in kube-controller-manager is down or overloaded, or something else writes "
        "slices for this Service (label endpointslice.kubernetes.io/managed-by).",
    ),
    examples=(
        Example(
            "the targetPort was changed, the slice was not",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 9000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true},
  targetRef: {kind: Pod, name: checkout-1}}]
ports: [{name: "", port: 8080}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"], port-forward: {9000: accepted}}}
""",
            expects="""
broken
PC307 error for all in Service checkout, port 80/TCP
  The EndpointSlices are out of date: they have port 8080, but targetPort is 9000
  pods: checkout-1
  - checkout-1: its endpoint has port 8080, not 9000
  review: Check kube-controller-manager and its log: its EndpointSlice controller updates them
      within seconds when it works
""",
        ),
        Example(
            "a pod has been Ready for long and is in no slice",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.9], conditions: {ready: true},
  targetRef: {kind: Pod, name: checkout-0}}]
ports: [{name: "", port: 8080}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
broken
PC307 error for all in Service checkout, port 80/TCP
  The EndpointSlices are out of date: the pod is Ready and not in them; the endpoint leads to no
      pod
  pods: checkout-1
  - checkout-1: Ready at 10.0.0.1, in no EndpointSlice
  - 10.0.0.9 is a ready endpoint of checkout-0, which the selector does not match
  review: Check kube-controller-manager and its log: its EndpointSlice controller updates them
      within seconds when it works
""",
        ),
        Example(
            "the pod became Ready two seconds ago",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-06-01T11:59:58Z"}]
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: []
ports: []
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
inconclusive
not evaluated: the pods became Ready a moment ago, and no EndpointSlice has them
""",
        ),
    ),
    check=_check,
    deciding=True,
)
