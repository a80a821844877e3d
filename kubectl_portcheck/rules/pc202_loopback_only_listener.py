"""PC202: the target port listens on 127.0.0.1 or ::1 only."""

from collections.abc import Sequence

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
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import sidecar
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    # Without the sockets it is a conclusion, and PC603 tells it.
    found = tuple(s for s in case.in_state("loopback-only") if s.answer.listeners)
    if not found:
        return Passed()
    programs = sorted({s.program for f in found for s in f.answer.listeners if s.program})
    addresses = sorted({s.address for f in found for s in f.answer.listeners})
    who = listing(programs)
    facts: list[Fact] = [evidence.at(f) for f in found]
    if any(f.forward and f.forward.outcome == "accepted" for f in found):
        facts.append(Observation(text="a port-forward works: it connects to the pod's loopback"))
    return RULE.finding(
        case,
        f"{who or 'The application'} listens on {listing(addresses)} only in "
        f"{share(found, case.backends)}; {_met(found)}",
        evidence=facts,
        fixes=[
            fixes.listen_everywhere(
                found[0].target, who or "the application", listing(addresses) or "loopback"
            )
        ],
        impact=impact_of(found, case),
        pods=names(found),
    )


def _met(found: Sequence[PodState]) -> str:
    proxies = [sidecar.proxy_of(s.pod, s.target or 0) for s in found]
    if not all(proxies):
        return "clients connect to the pod's IP address and are refused"
    names = listing(sorted({p.name for p in proxies if p}))
    return f"the proxy of {names} accepts clients, connects to the pod's IP address and is refused"


RULE = Rule(
    code="PC202",
    name="loopback-only-listener",
    severity="error",
    summary="The target port listens on 127.0.0.1 or ::1 only",
    applies=(When.PODS,),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES),
    explanation=Explanation(
        meaning="The application listens on the right port, but on the loopback address only. "
        "Only processes of the same pod can reach it.",
        why="Clients of the Service connect to the pod's IP address, where nothing listens. A "
        "port-forward connects to loopback inside the pod, so it works and misleads.",
        confirm="kubectl exec POD -- netstat -tln shows 127.0.0.1:PORT instead of 0.0.0.0:PORT.",
        fix="Bind the application to all addresses: many development servers have --host 0.0.0.0, "
        "--bind or a listen directive. Behind Istio's proxy, a Sidecar with defaultEndpoint "
        "127.0.0.1:PORT helps too; before Istio 1.10 and Linkerd 2.11 the proxy connects to "
        "127.0.0.1 anyway.",
    ),
    examples=(
        Example(
            "a development server on 127.0.0.1",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["127.0.0.1:8080 python3"], port-forward: {8080: accepted}}}
""",
            expects="""
broken; also PC501
PC202 error for all in Service checkout, port 80/TCP
  python3 listens on 127.0.0.1 only in the pod; clients connect to the pod's IP address and are
      refused
  pods: checkout-1
  - checkout-1: listens on 127.0.0.1:8080 (python3)
  - a port-forward works: it connects to the pod's loopback
  review: Make python3 listen on 0.0.0.0:8080 (or [::]:8080) instead of 127.0.0.1: a setting of
      the application, such as --host, --bind or listen
""",
        ),
        Example(
            "on all addresses",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 python3", "127.0.0.1:9091"]}}
""",
            expects="healthy",
        ),
        Example(
            "behind Istio's proxy, which connects to the pod's IP address",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
kind: Sidecar
metadata: {name: payment}
spec:
  workloadSelector: {labels: {app: payment}}
  ingress: [{port: {number: 8080}, defaultEndpoint: "127.0.0.1:8080"}]
---
probes: {checkout-1: {sockets: ["127.0.0.1:8080 python3"], port-forward: {8080: accepted}}}
""",
            expects="""
broken; also PC501
PC202 error for all in Service checkout, port 80/TCP
  python3 listens on 127.0.0.1 only in the pod; the proxy of Istio accepts clients, connects to
      the pod's IP address and is refused
  pods: checkout-1
  - checkout-1: listens on 127.0.0.1:8080 (python3)
  - a port-forward works: it connects to the pod's loopback
  review: Make python3 listen on 0.0.0.0:8080 (or [::]:8080) instead of 127.0.0.1: a setting of
      the application, such as --host, --bind or listen
""",
        ),
        Example(
            "a Sidecar of Istio has the proxy connect to loopback",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
kind: Sidecar
metadata: {name: checkout}
spec:
  workloadSelector: {labels: {app: checkout}}
  ingress: [{port: {number: 8080}, defaultEndpoint: "127.0.0.1:8080"}]
---
probes: {checkout-1: {sockets: ["127.0.0.1:8080 python3"], port-forward: {8080: accepted}}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
)
