"""PC505: the port is declared as plain HTTP and speaks TLS, or the reverse."""

import msgspec

from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
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
)
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics import references, speech
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.speech import Expected

SPOKEN = {"http": "plain", "https": "tls"}
WORDS = {"plain": "plain HTTP", "tls": "TLS"}


class _Wrong(msgspec.Struct, frozen=True):
    """A pod whose answer contradicts what is said of its port."""

    state: PodState
    said: Expected
    clients: bool
    """Whether it is the Service that says it, so that its clients speak the wrong language."""


def _check(case: Case) -> Outcome:
    asked = [s for s in case.backends if s.target is not None and s.proxy and s.proxy.speaks]
    said = [s for s in asked if _expected(case, s)]
    if not said:
        return NotApplicable("no request to a port that is said to speak HTTP was answered")
    wrong = [w for s in said if (w := _wrong(case, s))]
    if not wrong:
        return Passed()
    first = wrong[0]
    states = [w.state for w in wrong]
    spoken = listing(sorted({WORDS[s.proxy.speaks] for s in states if s.proxy}))
    targets = listing(sorted({s.target for s in states if s.target is not None}))
    severe = first.clients and not _behind_a_proxy(case)
    return RULE.finding(
        case,
        capital(f"{share(states, case.backends)} {verb(states, 'speaks', 'speak')} {spoken} on ")
        + f"{targets}, but {first.said.why} says {WORDS[SPOKEN[first.said.scheme]]}",
        evidence=[
            *(evidence.connected(w.state.proxy) for w in wrong if w.state.proxy),
            *_meaning(case, first),
        ],
        fixes=_fixes(case, first),
        severity="error" if severe else "warning",
        impact=Impact.PATH if severe else Impact.NONE,
        pods=names(states),
    )


def _wrong(case: Case, state: PodState) -> _Wrong | None:
    """What is said of the pod's port and is wrong: the Service's own word first."""
    assert state.proxy is not None
    clients = speech.of_clients(case.port)
    if clients is not None and state.proxy.speaks != SPOKEN[clients.scheme]:
        return _Wrong(state, clients, clients=True)
    said = _expected(case, state)
    if said is not None and state.proxy.speaks != SPOKEN[said.scheme]:
        return _Wrong(state, said, clients=False)
    return None


def _expected(case: Case, state: PodState) -> Expected | None:
    """What is said of the pod's port."""
    service = case.followed(state.pod)
    asked = [p for p in service.spec.ports if p.port == case.port.port]
    return speech.expected(service, asked, state.pod, state.target or 0)


def _behind_a_proxy(case: Case) -> bool:
    """Whether an Ingress or a route leads here, or may: such proxies can be configured
    otherwise."""
    if case.missing("ingresses"):
        return True
    ports = (case.port.port, case.port.name)
    return bool(case.routes) or any(
        use.service == case.name and (use.port.number in ports or use.port.name in ports)
        for ingress in case.ingresses
        for use in references.uses_of_ingress(ingress)
    )


def _meaning(case: Case, wrong: _Wrong) -> list[Fact]:
    """Who is concerned, as facts."""
    if not wrong.clients:
        return []
    if _behind_a_proxy(case):
        text = "an annotation or a policy can say to an Ingress or a route what the backend speaks"
        return [Observation(text=text)]
    return [Observation(text=f"clients that follow {wrong.said.why} get errors")]


def _fixes(case: Case, wrong: _Wrong) -> list[Fix]:
    said = wrong.said
    right = "https" if said.scheme == "http" else "http"
    found = [
        fixes.by_hand(
            f"Make the application speak {WORDS[SPOKEN[said.scheme]]} on {wrong.state.target}, or "
            f"name the port {right} in its container and its Service",
        )
    ]
    if wrong.clients:
        field = f"/spec/ports/{case.service.spec.ports.index(case.port)}/appProtocol"
        change = (
            fixes.replace(field, case.port.app_protocol, right)
            if said.by == "app-protocol"
            else [fixes.add(field, right)]
        )
        title = f"Set appProtocol to {right} on port {case.port.port}, which the pods speak"
        found.insert(0, fixes.patch(case, case.subject, change, title=title, safety="review"))
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
    severity="error",
    summary="The port is declared as plain HTTP and speaks TLS, or the reverse",
    applies=(When.PODS, When.NOT_LOAD_BALANCER),
    clues=(Clue.MEASURED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.INGRESSES, Need.ROUTES),
    explanation=Explanation(
        meaning="The port's name, its appProtocol or a probe says http, and the server requires "
        "TLS. Or they say https, and the server speaks plain HTTP. The server's answer to one GET "
        "through the API server proves it.",
        why="A client or proxy that follows the declaration gets the answer that it sent an HTTP "
        "request to an HTTPS server, or its TLS handshake fails. What the Service's own port "
        "says (its appProtocol or name) is what its clients speak, so that is an error. It is "
        "a warning where only the container's port name or a probe is wrong, and where an "
        "Ingress or a route leads to the port, since their controllers can be configured "
        "otherwise.",
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
degraded
PC505 error for path in Service checkout, port 443/TCP
  The pod speaks TLS on 8443, but the appProtocol http says plain HTTP
  pods: checkout-1
  - checkout-1: GET / to 8443: HTTP 400
  - clients that follow the appProtocol http get errors
  review: Set appProtocol to https on port 443, which the pods speak
    replace /spec/ports/0/appProtocol https in Service checkout
  review: Make the application speak plain HTTP on 8443, or name the port https in its container
      and its Service
""",
        ),
        Example(
            "the probe uses HTTPS and succeeds, and the Service's port is named http",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - name: app
    ports: [{name: https, containerPort: 8443}]
    readinessProbe: {httpGet: {port: 8443, scheme: HTTPS}}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: https /, status: 200, speaks: tls}}
""",
            expects="""
degraded
PC505 error for path in Service checkout, port 80/TCP
  The pod speaks TLS on 8443, but the Service port's name http says plain HTTP
  pods: checkout-1
  - checkout-1: GET by TLS / to 8443: HTTP 200
  - clients that follow the Service port's name http get errors
  review: Set appProtocol to https on port 80, which the pods speak
    add /spec/ports/0/appProtocol https in Service checkout
  review: Make the application speak plain HTTP on 8443, or name the port https in its container
      and its Service
""",
        ),
        Example(
            "the container's port is named http, and its server requires TLS: a warning",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 443, targetPort: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8443}]}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: http /, status: 400, speaks: tls}}
""",
            expects="""
healthy
PC505 warning in Service checkout, port 443/TCP
  The pod speaks TLS on 8443, but the container port's name http says plain HTTP
  pods: checkout-1
  - checkout-1: GET / to 8443: HTTP 400
  review: Make the application speak plain HTTP on 8443, or name the port https in its container
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
