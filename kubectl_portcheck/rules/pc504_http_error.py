"""PC504: the pods answer a request with an HTTP status of 5xx."""

from collections.abc import Sequence

from kubectl_portcheck.model.report import Impact
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
from kubectl_portcheck.semantics.case import Case, PodState

NO_FAULT = (501, 505)
"""Answers to the form of the request, which is not a client's."""


def _check(case: Case) -> Outcome:
    asked = [s for s in case.backends if _status(s) is not None]
    if not asked:
        return NotApplicable("no request was answered with HTTP")
    failing = [s for s in asked if _is_error(s)]
    if not failing:
        return Passed()
    found = sorted({status for s in failing if (status := _status(s)) is not None})
    # Where other pods answer the same request well, it is not the request's fault.
    certain = len(failing) < len(asked) and len({_request(s) for s in asked}) == 1
    edge = case.service.spec.type == "LoadBalancer"
    return RULE.finding(
        case,
        capital(f"{share(failing, case.backends)} {verb(failing, 'answers', 'answer')} ")
        + f"{_paths(failing)} with HTTP {listing(found)}",
        evidence=[
            evidence.connected(s.proxy)
            for s in (*failing, *(s for s in asked if s not in failing))
            if s.proxy
        ],
        severity="error" if certain else "warning",
        impact=impact_of(failing, case) if certain else Impact.NONE,
        # A proxy at the edge answers so to a host that it does not know, and serves the others.
        unsure=""
        if certain or edge
        else f"{_paths(failing)} is answered with HTTP {listing(found)}; whether clients get it "
        "too is not known",
        pods=names(failing),
    )


def _status(state: PodState) -> int | None:
    return state.proxy.status if state.proxy and state.proxy.request else None


def _is_error(state: PodState) -> bool:
    status = _status(state)
    return status is not None and 500 <= status <= 599 and status not in NO_FAULT


def _request(state: PodState) -> str:
    return state.proxy.asked_path if state.proxy else ""


def _paths(states: Sequence[PodState]) -> str:
    return f"GET {listing(sorted({_request(s) for s in states}))}"


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
"""

RULE = Rule(
    code="PC504",
    name="http-error",
    severity="warning",
    summary="The pods answer a request with an HTTP status of 5xx",
    applies=(When.PODS,),
    clues=(Clue.MEASURED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The port is right and an HTTP server answers with an error. The request is one "
        "GET through the API server, for the path of the HTTP probe or for /. It is sent only if "
        "a probe, an appProtocol or a port's name says HTTP. A status of 4xx is not a fault: it "
        "depends on the request.",
        why="502, 503 and 504 come from a proxy in the pod whose backend is down, or from an "
        "application that is not ready to serve. 500 is an error inside the application. If other "
        "pods answer the same request without an error, the finding is an error. Otherwise the "
        "verdict is inconclusive, because other paths and hosts may be served.",
        confirm="kubectl get --raw /api/v1/namespaces/NAMESPACE/pods/POD:PORT/proxy/PATH, or curl "
        "through kubectl port-forward. kubectl logs POD says why.",
        fix="Read the log of the application, and check what it depends on: a database, a "
        "backend. A readiness probe on the served path would have kept clients away.",
    ),
    examples=(
        Example(
            "the backend of the proxy in the pod is down",
            f"""{_SHOP}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080 nginx"]
    port-forward: {{8080: accepted}}
    spoken: {{8080: {{request: http /, status: 502, speaks: plain}}}}
""",
            expects="""
inconclusive
not evaluated: GET / is answered with HTTP 502; whether clients get it too is not known
PC504 warning in Service checkout, port 80/TCP
  The pod answers GET / with HTTP 502
  pods: checkout-1
  unsure: GET / is answered with HTTP 502; whether clients get it too is not known
  - checkout-1: GET / to 8080: HTTP 502
""",
        ),
        Example(
            "nothing is served at /, which is not a fault",
            f"""{_SHOP}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080 api"]
    port-forward: {{8080: accepted}}
    spoken: {{8080: {{request: http /, status: 404, speaks: plain}}}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
    follows_from=("PC102",),
)
