"""PC603: the pod refuses on its IP address and accepts a port-forward."""

from kubectl_portcheck.model.facts import Fact, Observation
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
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    # With the sockets it is known where they listen, and PC202 tells it.
    found = tuple(s for s in case.in_state("loopback-only") if not s.answer.listeners)
    if not found:
        return Passed()
    numbers = listing(sorted({s.target for s in found if s.target is not None}))
    facts: list[Fact] = [
        evidence.connected(a) for s in found for a in (s.forward, s.proxy or s.within) if a
    ]
    text = "the sockets could not be read, so the cause is inferred from these connections"
    facts.append(Observation(text=text))
    return RULE.finding(
        case,
        f"{capital(share(found, case.backends))} {verb(found, 'refuses', 'refuse')} connections on "
        f"{numbers} at the pod's IP address and {verb(found, 'accepts', 'accept')} them on "
        "loopback: the application seems to listen only there",
        evidence=facts,
        fixes=[fixes.listen_everywhere(found[0].target)],
        impact=impact_of(found, case),
        pods=names(found),
    )


RULE = Rule(
    code="PC603",
    name="pod-ip-refuses",
    severity="error",
    summary="The pod refuses on its IP address and accepts a port-forward",
    applies=(When.PODS,),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(
        Need.SLICES,
        Need.SOCKETS,
        Need.ATTEMPTS,
        Need.POLICIES,
        Need.IN_CLUSTER,
        Need.GUARDS,
        Need.NAMESPACE_LABELS,
    ),
    explanation=Explanation(
        meaning="The API server's pod proxy connects to the pod's IP address, as clients do, and "
        "is refused. A port-forward connects to loopback in the pod and is accepted. The sockets "
        "could not be read; otherwise PC202 would report the cause.",
        why="Clients of the Service connect to the pod's IP address, where the connection is "
        "refused: the application listens on loopback only, or a network plugin rejects the "
        "connection.",
        confirm="kubectl get --raw /api/v1/namespaces/NAMESPACE/pods/POD:PORT/proxy/ says "
        "connection refused, while kubectl port-forward POD :PORT works. --debug-image reads the "
        "sockets of a pod without a shell.",
        fix="Bind the application to all addresses: many servers have --host 0.0.0.0, --bind or a "
        "listen directive. If it is already bound to all addresses, look for a network policy "
        "that rejects the connection.",
    ),
    examples=(
        Example(
            "no shell in the image; refused on its IP address, accepted on loopback",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {port-forward: {8080: accepted}, pod-proxy: {8080: refused}}}
""",
            expects="""
broken; also PC501
PC603 error for all in Service checkout, port 80/TCP
  The pod refuses connections on 8080 at the pod's IP address and accepts them on loopback: the
      application seems to listen only there
  pods: checkout-1
  - checkout-1: port-forward to the pod, 8080: accepted
  - checkout-1: API server's request to the pod's address, 8080: refused
  - the sockets could not be read, so the cause is inferred from these connections
  review: Make the application listen on 0.0.0.0:8080 (or [::]:8080): a setting of the
      application, such as --host, --bind or listen
""",
        ),
        Example(
            "a policy guards the pod: it, too, may be what refuses",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: NetworkPolicy
metadata: {name: api-allow}
spec:
  podSelector: {}
  ingress: [{from: [{podSelector: {matchLabels: {app: frontend}}}]}]
---
probes: {checkout-1: {port-forward: {8080: accepted}, pod-proxy: {8080: refused}}}
""",
            expects="inconclusive",
        ),
        Example(
            "the pod proxy connects",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {port-forward: {8080: accepted}, pod-proxy: {8080: accepted}}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
)
