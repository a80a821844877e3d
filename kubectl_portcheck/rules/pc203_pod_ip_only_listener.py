"""PC203: the target port listens on the pod's IP address only, so port-forward fails."""

from collections.abc import Sequence

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
from kubectl_portcheck.semantics import listening, sidecar
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    behind = [s for s in case.in_state("other-address") if _only_own_address(s) and not_reached(s)]
    if behind:
        return _not_reached(case, behind)
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


def not_reached(state: PodState) -> bool:
    """Whether a mesh's proxy connects to loopback, and not to the pod's IP address."""
    return sidecar.delivery(state.pod, state.target or 0) == "loopback"


def _not_reached(case: Case, found: Sequence[PodState]) -> Outcome:
    """The proxy of a mesh connects to loopback, where nothing listens."""
    proxies = sorted({m.name for s in found if (m := sidecar.proxy_of(s.pod, s.target or 0))})
    numbers = listing(sorted({s.target for s in found if s.target is not None}))
    return RULE.finding(
        case,
        capital(f"{share(found, case.backends)} {verb(found, 'listens', 'listen')} on {numbers} ")
        + f"at the pod's IP address only, and the proxy of {listing(proxies)} connects to "
        "127.0.0.1",
        evidence=[
            fact
            for s in found
            for fact in (evidence.at(s), evidence.pod_is(case, s.name, _proxy_image(s)))
        ],
        fixes=[
            fixes.by_hand(
                f"Make the application listen on 0.0.0.0:{found[0].target}, or upgrade the proxy: "
                "Istio from 1.10 and Linkerd from 2.11 connect to the pod's IP address"
            )
        ],
        impact=impact_of(found, case),
        severity="error",
        pods=names(found),
    )


def _proxy_image(state: PodState) -> str:
    return f"has a proxy of image {sidecar.image_of(state.pod, state.target or 0)}"


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
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES),
    explanation=Explanation(
        meaning="The application listens on the pod's IP address, not on all addresses. Clients "
        "of the Service connect to that address and are served.",
        why="Traffic does not fail. Only kubectl port-forward fails: it connects to loopback "
        "inside the pod, where nothing listens. Behind the proxy of Istio before 1.10, or of "
        "Linkerd before 2.11, traffic fails too: that proxy connects to 127.0.0.1.",
        confirm="kubectl exec POD -- netstat -tln shows POD-IP:PORT instead of 0.0.0.0:PORT.",
        fix="The Service needs no fix. To make port-forward work, and behind such a proxy to be "
        "served, make the application listen on 0.0.0.0 (or [::]).",
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
        Example(
            "behind a proxy of Istio 1.9, which connects to 127.0.0.1",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app}
  - {name: istio-proxy, image: "docker.io/istio/proxyv2:1.9.9"}
---
probes: {checkout-1: {sockets: ["10.0.0.1:8080 java"], port-forward: {8080: refused}}}
""",
            expects="""
broken; also PC501
PC203 error for all in Service checkout, port 80/TCP
  The pod listens on 8080 at the pod's IP address only, and the proxy of Istio connects to
      127.0.0.1
  pods: checkout-1
  - checkout-1: listens on 10.0.0.1:8080 (java)
  - checkout-1: has a proxy of image docker.io/istio/proxyv2:1.9.9
  review: Make the application listen on 0.0.0.0:8080, or upgrade the proxy: Istio from 1.10 and
      Linkerd from 2.11 connect to the pod's IP address
""",
        ),
        Example(
            "behind a proxy of Istio 1.10, which connects to the pod's IP address",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app}
  - {name: istio-proxy, image: "docker.io/istio/proxyv2:1.10.0"}
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
    ),
    check=_check,
)
