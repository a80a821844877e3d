"""PC505: the port is declared as plain HTTP and speaks TLS, or the reverse."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.rules import fixes
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
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import speech
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.speech import Expected

SPOKEN = {"http": "plain", "https": "tls"}
WORDS = {"plain": "plain HTTP", "tls": "TLS"}


def _check(case: Case) -> Outcome:
    asked = [
        (s, said)
        for s in case.backends
        if s.target is not None
        and s.proxy
        and s.proxy.speaks
        and (said := speech.expected(case.service, (case.port,), s.pod, s.target))
    ]
    if not asked:
        return NotApplicable("no request to a port that is said to speak HTTP was answered")
    wrong = [(s, e) for s, e in asked if s.proxy and s.proxy.speaks != SPOKEN[e.scheme]]
    if not wrong:
        return Passed()
    states = [s for s, _ in wrong]
    spoken = listing(sorted({WORDS[s.proxy.speaks] for s in states if s.proxy}))
    declared = listing(dict.fromkeys(e.why for _, e in wrong))
    return RULE.finding(
        case,
        f"{share(states, case.backends)} {'speaks' if len(states) == 1 else 'speak'} {spoken} on "
        f"{listing(sorted({s.target for s in states if s.target is not None}))}, where "
        f"{declared} says {WORDS[SPOKEN[wrong[0][1].scheme]]}",
        evidence=[_told(s, e) for s, e in wrong],
        fixes=_fixes(case, wrong),
        pods=names(states),
    )


def _told(state: PodState, said: Expected) -> str:
    attempt = state.proxy
    assert attempt is not None
    answer = f"HTTP {attempt.status}" if attempt.status is not None else attempt.detail
    return f"{state.name}: asked by {said.scheme} on {state.target}: {answer}"


def _fixes(case: Case, wrong: Sequence[tuple[PodState, Expected]]) -> list[Fix]:
    state, said = wrong[0]
    right = "https" if said.scheme == "http" else "http"
    found = [
        fixes.by_hand(
            f"Let the application speak {WORDS[SPOKEN[said.scheme]]} on {state.target}, or name "
            f"the port {right} in its container and its Service",
        )
    ]
    if said.by == "app-protocol":
        index = case.service.spec.ports.index(case.port)
        field = f"/spec/ports/{index}/appProtocol"
        change = fixes.replace(field, case.port.app_protocol, right)
        found.insert(
            0,
            fixes.patch(
                case,
                case.subject,
                change,
                title=f"Say appProtocol {right}, as the pods speak",
                safety="review",
            ),
        )
    return found


_POD = """
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8443}]}]}
---
"""
_SHOP = f"""
kind: Service
metadata: {{name: checkout}}
spec:
  selector: {{app: checkout}}
  ports: [{{port: 443, targetPort: 8443, appProtocol: http}}]
{_POD}"""

RULE = Rule(
    code="PC505",
    name="tls-mismatch",
    severity="warning",
    summary="The port is declared as plain HTTP and speaks TLS, or the reverse",
    applies=(When.SELECTOR, When.NOT_LOAD_BALANCER),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The port's name, its appProtocol or a probe says http, and the server requires "
        "TLS. Or they say https, and the server speaks plain HTTP. The server's answer to one GET "
        "through the API server proves it.",
        why="A client or proxy that follows the declaration gets 'client sent an HTTP request to "
        "an HTTPS server', or its TLS handshake fails. A client that does not follow it is "
        "served, so the finding is a warning.",
        confirm="curl -vk https://localhost:PORT and curl -v http://localhost:PORT through "
        "kubectl port-forward: one of them works.",
        fix="Declare what the server speaks: set appProtocol and the port's name. If an Ingress "
        "uses the port, set its backend-protocol annotation, too. Or configure the application as "
        "declared.",
    ),
    examples=(
        Example(
            "appProtocol http, and a server that requires TLS",
            f"""{_SHOP}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {{8443: accepted}}
    spoken: {{8443: {{request: http /, status: 400, speaks: tls}}}}
""",
            expects="""
healthy
PC505 warning in Service checkout, port 443/TCP
  the pod speaks TLS on 8443, where the appProtocol http says plain HTTP
  pods: checkout-1
  review: Say appProtocol https, as the pods speak
    replace /spec/ports/0/appProtocol https in Service checkout
  review: Let the application speak plain HTTP on 8443, or name the port https in its container
      and its Service
""",
        ),
        Example(
            "named https, and the server speaks TLS",
            f"""
kind: Service
metadata: {{name: checkout}}
spec: {{selector: {{app: checkout}}, ports: [{{name: https, port: 443, targetPort: 8443}}]}}
{_POD}
probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {{8443: accepted}}
    spoken: {{8443: {{request: https /, status: 200, speaks: tls}}}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
)
