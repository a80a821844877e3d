"""PC712: what leads to a port makes its proxy speak plain HTTP to pods that speak TLS, or TLS to
pods that speak plain HTTP."""

from typing import NamedTuple

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Finding, Impact, Severity
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import speech
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.proxied import Language, Proxied, proxied
from kubectl_portcheck.semantics.speech import Expected

WORDS: dict[Language, str] = {"plain": "plain HTTP", "tls": "TLS"}
LANGUAGES: dict[speech.Scheme, Language] = {"http": "plain", "https": "tls"}
OTHER: dict[Language, Language] = {"plain": "tls", "tls": "plain"}


class _Spoken(NamedTuple):
    """What is known of the language of a pod's port."""

    state: PodState
    language: Language
    sure: bool
    """Whether the pod's own answer shows it."""
    said: Expected | None = None
    """What says so, where it is no answer."""


def _check(case: Case) -> Outcome:
    ways = list(proxied(case))
    if not ways:
        return NotApplicable("it is not known what a proxy speaks to the port")
    states = case.backends or case.states
    spoken = [t for s in states if (t := _spoken(case, s))]
    found = [f for w in ways if (f := _finding(case, w, spoken))]
    if found:
        return Several(tuple(found))
    if len(spoken) < len(states) or not states:
        return NotApplicable("nothing says what the port speaks")
    return Passed()


def _spoken(case: Case, state: PodState) -> _Spoken | None:
    """What the pod answered; else what is said of its port, where nothing says otherwise."""
    if state.target is None:
        return None
    said = speech.sayings(case.followed(state.pod), state.pod, state.target)
    proxy = state.proxy
    if proxy and (answered := proxy.speaks):
        asked = LANGUAGES["https" if proxy.scheme == "https" else "http"]
        # An answer in the language of the request leaves open whether the other one is spoken too.
        if asked != answered or all(LANGUAGES[s.scheme] == answered for s in said):
            return _Spoken(state, answered, sure=True)
        return None
    languages = {LANGUAGES[s.scheme] for s in said}
    if len(languages) != 1:
        return None
    return _Spoken(state, languages.pop(), sure=False, said=said[0])


def _finding(case: Case, way: Proxied, spoken: list[_Spoken]) -> Finding | None:
    wrong = [t for t in spoken if t.language != way.language]
    if not wrong:
        return None
    states = [t.state for t in wrong]
    sure = all(t.sure for t in wrong)
    severity: Severity = "error" if sure else "warning"
    targets = listing(sorted({s.target for s in states if s.target is not None}))
    what = WORDS[OTHER[way.language]]
    return RULE.finding(
        case,
        f"{way.subject.kind} {way.subject.name} sends {WORDS[way.language]} to Service port "
        f"{case.port.port}, but "
        + (
            f"{share(states, case.backends)} {verb(states, 'speaks', 'speak')} {what} on {targets}"
            if sure
            else f"{_saying(wrong)} says {what}"
        ),
        evidence=[_decides(way), *_facts(wrong)],
        fixes=_fixes(case, way, targets),
        severity=severity,
        impact=Impact.PATH if sure else Impact.NONE,
        pods=names(states),
        subject=way.subject,
        pointer=way.field,
    )


def _saying(wrong: list[_Spoken]) -> str:
    said = next(t.said for t in wrong if t.said is not None)
    return said.why


def _decides(way: Proxied) -> Fact:
    return State(subject=way.subject, state=way.why)


def _facts(wrong: list[_Spoken]) -> list[Fact]:
    return [evidence.connected(t.state.proxy) for t in wrong if t.state.proxy and t.sure]


def _fixes(case: Case, way: Proxied, targets: str) -> list[Fix]:
    wanted = OTHER[way.language]
    by_hand = fixes.by_hand(
        f"Make the application speak {WORDS[way.language]} on {targets}, or lead "
        f"{way.subject.kind} {way.subject.name} to a port on which it does"
    )
    word = way.words.get(wanted)
    if word is None or way.holder is None:
        return [by_hand]
    what = f"{way.holder.kind} {way.holder.name}"
    if way.annotation:
        short = way.annotation.partition("/")[2]
        whole = ", for all of its paths" if way.shared else ""
        words = (f"{way.holder.kind.lower()}/{way.holder.name}", f"{way.annotation}={word}")
        title = f"Set {short} to {word} on {what}{whole}"
        return [
            fixes.run(case, "annotate", *words, "--overwrite", title=title, subject=way.holder),
            by_hand,
        ]
    field = way.field.rpartition("/")[2]
    change = (
        fixes.replace(way.field, way.written, word) if way.written else [fixes.add(way.field, word)]
    )
    title = f"Set {field} to {word} in {what}"
    return [fixes.patch(case, way.holder, change, title=title, safety="safe"), by_hand]


_SERVICE = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{name: https, port: 443, targetPort: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: https, containerPort: 8443}]}]}
---
"""
_INGRESS = """kind: Ingress
metadata: {name: shop, namespace: default, annotations: {%s}}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: checkout, port: {number: 443}}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
"""
_HTTPS = 'nginx.ingress.kubernetes.io/backend-protocol: "HTTPS"'
_TLS = """probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: https /, status: 200, speaks: tls}}
"""
_PLAIN = """probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: https /, speaks: plain}}
"""

RULE = Rule(
    code="PC712",
    name="proxy-speaks-otherwise",
    severity="error",
    summary="An Ingress, a route, an IngressRoute or an HTTPProxy makes its proxy speak plain "
    "HTTP to pods that speak TLS, or the reverse",
    applies=(When.TCP, When.NOT_EXTERNAL_NAME),
    clues=(Need.INGRESSES, Need.ROUTES, Need.REFERRERS),
    needs=(),
    uses=(
        *(Need.INGRESSES, Need.INGRESS_CLASSES, Need.ROUTES, Need.REFERRERS),
        *(Need.PODS, Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    ),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="What a proxy speaks to the pods is decided by an annotation "
        "(nginx.ingress.kubernetes.io/backend-protocol and alb.ingress.kubernetes.io/"
        "backend-protocol, plain HTTP by default; traefik.ingress.kubernetes.io/"
        "service.serversscheme, konghq.com/protocol and cloud.google.com/app-protocols on the "
        "Service; haproxy.org/server-ssl and haproxy-ingress.github.io/backend-protocol where one "
        "is set), by a field (scheme of a Traefik IngressRoute, "
        "protocol of a Contour HTTPProxy, tls.passthrough of that or of an IngressRouteTCP, "
        "tls.termination of an OpenShift Route), by a "
        "BackendTLSPolicy (routes of the Gateway API are not judged without one), or by the "
        "Service port (Traefik speaks TLS to port 443 and to names that begin with https). The "
        "pods speak the other language. It is a warning where only names or a probe say so.",
        why="Plain HTTP on a TLS port gets the answer 400 (Client sent an HTTP request to an HTTPS "
        "server) or a reset; TLS on a plain port fails in the handshake, and clients get 502. "
        "Clients inside the cluster are not affected.",
        confirm="curl -vk https://localhost:PORT and curl -v http://localhost:PORT through kubectl "
        "port-forward: one of them works. Read the proxy's log.",
        fix="Set the annotation or the field to what the pods speak, or lead the object to a port "
        "that speaks what the proxy does.",
    ),
    examples=(
        Example(
            "ingress-nginx speaks plain HTTP by default, and the pods speak TLS",
            f"{_SERVICE}{_INGRESS % ''}{_TLS}",
            expects="""
degraded
PC712 error for path in Ingress shop, port 443/TCP
  Ingress shop sends plain HTTP to Service port 443, but the pod speaks TLS on 8443
  pods: checkout-1
  - Ingress shop: nginx.ingress.kubernetes.io/backend-protocol is not set, and the default is
      HTTP
  - checkout-1: GET by TLS / to 8443: HTTP 200
  review: Set backend-protocol to HTTPS on Ingress shop
    kubectl annotate ingress/shop nginx.ingress.kubernetes.io/backend-protocol=HTTPS --overwrite
        -n default
  review: Make the application speak plain HTTP on 8443, or lead Ingress shop to a port on which
      it does
""",
        ),
        Example(
            "backend-protocol HTTPS, and the pods speak plain HTTP",
            f"{_SERVICE}{_INGRESS % _HTTPS}{_PLAIN}",
            expects="""
degraded; also PC505
PC712 error for path in Ingress shop, port 443/TCP
  Ingress shop sends TLS to Service port 443, but the pod speaks plain HTTP on 8443
  pods: checkout-1
  - Ingress shop: its annotation nginx.ingress.kubernetes.io/backend-protocol is HTTPS
  - checkout-1: GET by TLS / to 8443: accepted
  review: Set backend-protocol to HTTP on Ingress shop
    kubectl annotate ingress/shop nginx.ingress.kubernetes.io/backend-protocol=HTTP --overwrite
        -n default
  review: Make the application speak TLS on 8443, or lead Ingress shop to a port on which it
      does
""",
        ),
        Example(
            "only names say that the port speaks TLS",
            f"{_SERVICE}{_INGRESS % ''}".rstrip("-\n"),
            expects="""
inconclusive
PC712 warning in Ingress shop, port 443/TCP
  Ingress shop sends plain HTTP to Service port 443, but the container port's name https says
      TLS
  pods: checkout-1
  - Ingress shop: nginx.ingress.kubernetes.io/backend-protocol is not set, and the default is
      HTTP
  review: Set backend-protocol to HTTPS on Ingress shop
    kubectl annotate ingress/shop nginx.ingress.kubernetes.io/backend-protocol=HTTPS --overwrite
        -n default
  review: Make the application speak plain HTTP on 8443, or lead Ingress shop to a port on which
      it does
""",
        ),
        Example(
            "an IngressRoute of Traefik sends plain HTTP to a TLS port",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{name: secure, port: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: https, containerPort: 8443}]}]}
---
kind: IngressRoute
metadata: {name: shop, namespace: default}
spec: {routes: [{services: [{name: checkout, port: 8443}]}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: https /, status: 200, speaks: tls}}
""",
            expects="""
degraded
PC712 error for path in IngressRoute shop, port 8443/TCP
  IngressRoute shop sends plain HTTP to Service port 8443, but the pod speaks TLS on 8443
  pods: checkout-1
  - IngressRoute shop: Traefik speaks plain HTTP where no scheme is set
  - checkout-1: GET by TLS / to 8443: HTTP 200
  safe: Set scheme to https in IngressRoute shop
    add /spec/routes/0/services/0/scheme https in IngressRoute shop
  review: Make the application speak plain HTTP on 8443, or lead IngressRoute shop to a port on
      which it does
""",
        ),
        Example(
            "Kong speaks plain HTTP where the Service has no annotation, and the pods speak TLS",
            f"{_SERVICE}{(_INGRESS % '').replace('nginx', 'kong', 1)}{_TLS}",
            expects="""
degraded
PC712 error for path in Ingress shop, port 443/TCP
  Ingress shop sends plain HTTP to Service port 443, but the pod speaks TLS on 8443
  pods: checkout-1
  - Ingress shop: konghq.com/protocol is not set, and the default is http
  - checkout-1: GET by TLS / to 8443: HTTP 200
  review: Set protocol to https on Service checkout
    kubectl annotate service/checkout konghq.com/protocol=https --overwrite -n default
  review: Make the application speak plain HTTP on 8443, or lead Ingress shop to a port on which
      it does
""",
        ),
        Example(
            "Google Cloud's load balancer speaks TLS to a port, and the pods speak plain HTTP",
            _SERVICE.replace(
                "namespace: default}",
                """namespace: default,
  annotations: {cloud.google.com/app-protocols: '{"https": "HTTPS", "grpc": "HTTP2"}'}}""",
                1,
            )
            + (_INGRESS % "").replace("nginx", "gce", 1)
            + _PLAIN,
            expects="""
degraded; also PC505
PC712 error for path in Ingress shop, port 443/TCP
  Ingress shop sends TLS to Service port 443, but the pod speaks plain HTTP on 8443
  pods: checkout-1
  - Ingress shop: the annotation cloud.google.com/app-protocols of the Service is HTTPS
  - checkout-1: GET by TLS / to 8443: accepted
  review: Set app-protocols to {"https": "HTTP", "grpc": "HTTP2"} on Service checkout
    kubectl annotate service/checkout cloud.google.com/app-protocols={"https": "HTTP", "grpc":
        "HTTP2"} --overwrite -n default
  review: Make the application speak TLS on 8443, or lead Ingress shop to a port on which it
      does
""",
        ),
        Example(
            "a BackendTLSPolicy makes Gateways speak TLS, and the pods speak plain HTTP",
            f"""{_SERVICE}kind: BackendTLSPolicy
metadata: {{name: checkout, namespace: default}}
spec: {{targetRefs: [{{group: "", kind: Service, name: checkout, sectionName: https}}]}}
---
kind: HTTPRoute
metadata: {{name: shop, namespace: default}}
spec: {{rules: [{{backendRefs: [{{name: checkout, port: 443}}]}}]}}
---
{_PLAIN}""",
            expects="""
degraded; also PC505
PC712 error for path in HTTPRoute shop, port 443/TCP
  HTTPRoute shop sends TLS to Service port 443, but the pod speaks plain HTTP on 8443
  pods: checkout-1
  - HTTPRoute shop: BackendTLSPolicy checkout is for the Service
  - checkout-1: GET by TLS / to 8443: accepted
  review: Make the application speak TLS on 8443, or lead HTTPRoute shop to a port on which it
      does
""",
        ),
        Example(
            "backend-protocol HTTPS, and the pods speak TLS",
            f"{_SERVICE}{_INGRESS % _HTTPS}{_TLS}",
            expects="healthy",
        ),
        Example(
            "a server that speaks both on one port, by what its Service ports are named",
            f"""
kind: Service
metadata: {{name: checkout, namespace: default}}
spec:
  selector: {{app: checkout}}
  ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: https, port: 443, targetPort: 8080}}]
---
kind: Pod
metadata: {{name: checkout-1, labels: {{app: checkout}}}}
spec: {{containers: [{{name: app, readinessProbe: {{httpGet: {{port: 8080}}}}}}]}}
---
{_INGRESS % _HTTPS}probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {{8080: accepted}}
    spoken: {{8080: {{request: http /, status: 307, speaks: plain}}}}
""",
            expects="healthy; also PC505",
        ),
    ),
    check=_check,
)
