"""PC503: connections are accepted, and closed or reset before a byte."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.report import Impact
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
    When,
    impact_of,
)
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics import kubelet
from kubectl_portcheck.semantics.case import Case, PodState

PROXY = (
    "Possible reasons: the port speaks another protocol than HTTP, admits certain clients only, or "
    "expects a PROXY protocol header first, as behind a load balancer that sends one"
)


def _check(case: Case) -> Outcome:
    found = case.in_state("resets")
    if not found:
        return Passed()
    # The port-forward is one way, the kubelet's probe another: where it is answered on this very
    # port, the pod serves, and the port-forward is what fails.
    certain = [s for s in found if not (s.target and kubelet.vouches(s.pod, s.target))]
    if not certain and not any(s.forward and s.forward.outcome == "reset" for s in found):
        # A request of the API server is closed, the kubelet's is answered: clients are served, and
        # the application does not serve everyone (nginx: return 444).
        return Passed()
    if not certain:
        return RULE.lacks(
            "a port-forward is reset, and the readiness probe is answered on the same port",
            share_of(found, case.backends),
        )
    by_request = [s for s in certain if s.proxy and s.proxy.request]
    only_by_request = [s for s in by_request if not (s.forward and s.forward.outcome == "reset")]
    if len(only_by_request) == len(certain) and case.service.spec.type == "LoadBalancer":
        return NotApplicable(
            "what a load balancer sends may begin with a header of its own (PROXY)"
        )
    open_question = len(only_by_request) == len(certain)
    return RULE.finding(
        case,
        capital(f"{share(certain, case.backends)} {verb(certain, 'accepts', 'accept')} connections")
        + f" on {listing(sorted({s.target for s in certain if s.target is not None}))} and "
        f"{_ends(certain)} them before sending a byte",
        evidence=[
            *evidence.attempts(certain),
            *([Observation(text=PROXY)] if open_question else []),
        ],
        severity="warning" if open_question else "error",
        impact=Impact.NONE if open_question else impact_of(certain, case),
        unsure="a request through the API server was closed without an answer; whether those of "
        "clients are is not known"
        if open_question
        else "",
        pods=names(certain),
    )


def _ends(states: Sequence[PodState]) -> str:
    """``closes`` or ``resets``, in the number of the pods."""
    attempts = [s.proxy if s.proxy and s.proxy.request else s.forward for s in states]
    polite = all(a and a.detail.endswith("EOF") for a in attempts)
    word = "close" if polite else "reset"
    return f"{word}s" if len(states) == 1 else word


RULE = Rule(
    code="PC503",
    name="pod-resets",
    severity="error",
    summary="Connections to the target port are accepted, and closed or reset without a byte",
    applies=(When.PODS,),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The port is open, and the process that listens closes or resets each connection "
        "before it sends a byte. It is overloaded, it does not accept this client, it expects a "
        "PROXY protocol header or another protocol, or it is a proxy without a working backend.",
        why="Clients get 'connection reset by peer' or 'empty reply from server'. The port is "
        "right; the process behind it "
        "does not serve.",
        confirm="kubectl port-forward POD :PORT, then connect: the connection is reset. kubectl "
        "logs POD may say why.",
        fix="Read the log of the process that listens. Common causes are a list of allowed "
        "clients, a limit on connections, and a proxy whose backend is down.",
    ),
    examples=(
        Example(
            "every connection is reset",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: reset}}}
""",
            expects="""
broken
PC503 error for all in Service checkout, port 80/TCP
  The pod accepts connections on 8080 and resets them before sending a byte
  pods: checkout-1
  - checkout-1: port-forward to the pod, 8080: reset
""",
        ),
        Example(
            "a port-forward is accepted, and a request to a port named http is reset",
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
    spoken: {8080: {request: http /, outcome: reset}}
""",
            expects="""
inconclusive
not evaluated: a request through the API server was closed without an answer; whether those of
    clients are is not known
PC503 warning in Service checkout, port 80/TCP
  The pod accepts connections on 8080 and resets them before sending a byte
  pods: checkout-1
  unsure: a request through the API server was closed without an answer; whether those of
      clients are is not known
  - checkout-1: port-forward to the pod, 8080: accepted
  - checkout-1: GET / to 8080: reset
  - Possible reasons: the port speaks another protocol than HTTP, admits certain clients only,
      or expects a PROXY protocol header first, as behind a load balancer that sends one
""",
        ),
        Example(
            "a request to a port named http ends without a byte",
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
    spoken: {8080: {request: http /, outcome: reset, detail: "EOF"}}
""",
            expects="""
inconclusive
not evaluated: a request through the API server was closed without an answer; whether those of
    clients are is not known
PC503 warning in Service checkout, port 80/TCP
  The pod accepts connections on 8080 and closes them before sending a byte
  pods: checkout-1
  unsure: a request through the API server was closed without an answer; whether those of
      clients are is not known
  - checkout-1: port-forward to the pod, 8080: accepted
  - checkout-1: GET / to 8080: reset (EOF)
  - Possible reasons: the port speaks another protocol than HTTP, admits certain clients only,
      or expects a PROXY protocol header first, as behind a load balancer that sends one
""",
        ),
        Example(
            "the readiness probe is answered there, a request through the API server is closed",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080}}}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: accepted}
    spoken: {8080: {request: http /, outcome: reset, detail: "EOF"}}
""",
            expects="healthy",
        ),
        Example(
            "the readiness probe succeeds on this port, so only loopback is reset",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080}}}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: reset}}}
""",
            expects="""
inconclusive
not evaluated: a port-forward is reset, and the readiness probe is answered on the same port
""",
        ),
        Example(
            "a port-forward is reset, and so is the request",
            """
kind: Service
metadata: {name: checkout}
spec:
  type: LoadBalancer
  selector: {app: checkout}
  ports: [{name: http, port: 80, targetPort: 8080}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.1}]}}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: reset}
    spoken: {8080: {request: http /, outcome: reset}}
""",
            expects="""
broken
PC503 error for all in Service checkout, port 80/TCP
  The pod accepts connections on 8080 and resets them before sending a byte
  pods: checkout-1
  - checkout-1: port-forward to the pod, 8080: reset
  - checkout-1: GET / to 8080: reset
""",
        ),
    ),
    check=_check,
    deciding=True,
    follows_from=("PC102",),
)
