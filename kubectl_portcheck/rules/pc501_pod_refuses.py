"""PC501: pods of the Service refuse connections on the target port."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact
from kubectl_portcheck.model.share import share_of
from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    impact_of,
)
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics import sidecar
from kubectl_portcheck.semantics.case import Case, PodState

WORDS = {
    "not-listening": "no process listens",
    "loopback-only": "the application listens on the loopback address only,",
    "other-address": "the application listens on another address only,",
    "other-family": "the application listens for another address family only,",
    "other-protocol": "the application listens for another protocol only,",
    "not-running": "no container runs, so nothing listens",
}
REFUSING = (
    "not-listening",
    "loopback-only",
    "other-address",
    "other-family",
    "other-protocol",
    "refuses",
    "not-running",
)


def _check(case: Case) -> Outcome:
    missing = case.missing("pods")
    if case.external_name:
        return RULE.lacks(f"nothing here has connected to {case.service.spec.external_name}")
    if not case.selects and missing is not None:
        return RULE.lacks(missing)
    found = case.in_state(*REFUSING)
    if not found:
        if case.outside:
            where = listing(_stranger(case, e.endpoint.addresses[0], e.port) for e in case.outside)
            return RULE.lacks(
                f"{where} {verb(case.outside, 'is', 'are')} outside of namespace "
                f"{case.namespace}, and nothing here can connect to "
                f"{verb(case.outside, 'it', 'them')}"
            )
        unknown = case.in_state("unknown")
        if unknown:
            why = dict.fromkeys(s.answer.why for s in unknown)
            return RULE.lacks(listing(why), share_of(unknown, case.backends))
        return Passed() if case.backends else NotApplicable("no pod gets traffic")
    numbers = listing(sorted({s.target for s in found if s.target is not None}))
    proxied = [s for s in found if sidecar.takes(s.pod, s.target or 0)]
    facts = [fact for s in found for fact in _proof(case, s)]
    facts += [evidence.pod_is(case, s.name, _BEHIND) for s in proxied]
    who = share(found, case.backends)
    return RULE.finding(
        case,
        f"The application in {who} refuses connections on {numbers}, after the mesh's proxy has "
        "accepted them"
        if len(proxied) == len(found)
        else capital(f"{who} {verb(found, 'refuses', 'refuse')} connections on {numbers}"),
        evidence=facts,
        impact=impact_of(found, case),
        pods=names(found),
    )


_BEHIND = (
    "has a mesh's proxy that accepts every connection: clients meet its end, or HTTP status 503"
)


def _stranger(case: Case, address: str, port: int | None) -> str:
    """``192.0.2.7:5432 (no pod and no node has it)``: the endpoint, and who has its address."""
    holder = case.holder(address)
    who = ""
    if holder is not None and holder.held_by == "Pod":
        who = f" (pod {holder.name} of namespace {holder.namespace})"
    elif holder is not None and holder.held_by == "Node":
        who = f" (node {holder.name})"
    elif holder is not None:
        who = " (no pod and no node has this address)"
    return f"{address}:{port}{who}"


def _proof(case: Case, state: PodState) -> Sequence[Fact]:
    made = evidence.attempts([state])
    what = WORDS.get(state.answer.kind, "does not accept connections")
    return made or [evidence.pod_is(case, state.name, f"{what} on {state.target}")]


RULE = Rule(
    code="PC501",
    name="pod-refuses",
    severity="error",
    summary="Pods of the Service refuse connections on the target port",
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.HOLDERS),
    explanation=Explanation(
        meaning="The pod refuses a connection to its port. Usually another finding of the report "
        "says why: nothing listens there, or not on that address.",
        why="A pod refuses connections to a port without a listener.",
        confirm="kubectl port-forward POD :PORT, then connect to it.",
        fix="Fix the cause. If no cause is named, the sockets could not be read: find the port "
        "that the application uses in its log or its configuration.",
    ),
    examples=(
        Example(
            "no selector, and the endpoint is no pod: nothing here can connect to it",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{port: 5432}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: "", port: 5432}]
""",
            expects="""
inconclusive
not evaluated: 192.0.2.7:5432 is outside of namespace default, and nothing here can connect to
    it
""",
        ),
        Example(
            "a listener that refuses, for example because its process just exited",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: refused}}}
""",
            expects="""
broken
PC501 error for all in Service checkout, port 80/TCP
  The pod refuses connections on 8080
  pods: checkout-1
  - checkout-1: port-forward to the pod, 8080: refused
""",
        ),
        Example(
            "a port-forward that is accepted",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
""",
            expects="healthy",
        ),
    ),
    clues=(Clue.UNPROVED,),
    check=_check,
    deciding=True,
    follows_from=(
        "PC102",
        "PC103",
        "PC116",
        "PC201",
        "PC202",
        "PC203",
        "PC204",
        "PC206",
        "PC309",
        "PC401",
        "PC405",
        "PC406",
        "PC407",
        "PC603",
    ),
)
