"""PC709: the API server speaks TLS to the Service, and that fails."""

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.references import Reference, Referrer
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import evidence, fixes, referrer_ports
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
)
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.referrers.api_server import what_fails


def _check(case: Case) -> Outcome:
    called = [
        (referrer, here)
        for referrer in case.read_by("api-server")
        if (here := _of_the_port(case, referrer))
    ]
    if not called:
        return NotApplicable("the API server is not known to call the port")
    plain = [s for s in case.backends if s.proxy and s.proxy.speaks == "plain"]
    found = [_plain(case, c, here, plain) for c, here in called if plain]
    found = found or [f for c, here in called if (f := _unverified(case, c, here))]
    return Several(tuple(found)) if found else Passed()


def _of_the_port(case: Case, referrer: Referrer) -> list[Reference]:
    here = referrer_ports.references_here(case, referrer)
    return [r for r in here if r.meant == case.port.port]


def _plain(
    case: Case, referrer: Referrer, called: list[Reference], states: list[PodState]
) -> Finding:
    subject = referrer_ports.subject_of(case, referrer)
    targets = listing(sorted({s.target for s in states if s.target is not None}))
    fails = any(r.fails for r in called)
    return RULE.finding(
        case,
        f"The API server speaks TLS for {subject.kind} {subject.name}, and "
        f"{share(states, case.backends)} {verb(states, 'speaks', 'speak')} plain HTTP on {targets}"
        + (f"; {what_fails(referrer.kind, referrer.metadata.name)}" if fails else ""),
        evidence=[evidence.connected(s.proxy) for s in states if s.proxy],
        fixes=[
            fixes.by_hand(
                f"Make the application speak TLS on {targets}, or change the targetPort of port "
                f"{case.port.port} to the port on which it does"
            )
        ],
        impact=Impact.PATH,
        pods=names(states),
        subject=subject,
        pointer=called[0].pointer,
    )


def _unverified(case: Case, referrer: Referrer, called: list[Reference]) -> Finding | None:
    if not any(r.unverified for r in called):
        return None
    subject = referrer_ports.subject_of(case, referrer)
    facts: list[Fact] = [
        State(subject=subject, state=f"{r.where} has no caBundle") for r in called if r.unverified
    ]
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} has no caBundle, so the API server verifies the "
        "certificate of the Service by the authorities of its own machine",
        evidence=facts,
        fixes=[_given(case, referrer)],
        severity="warning",
        subject=subject,
        pointer=called[0].pointer,
    )


def _given(case: Case, referrer: Referrer) -> Fix:
    name = f"{case.name}.{case.namespace}.svc"
    return fixes.by_hand(
        f"Set caBundle in {referrer.kind} {referrer.metadata.name} to the authority that signed "
        f"the certificate for {name}, or find out why the controller that should do so does not"
    )


_SERVICE = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{name: https, port: 443, targetPort: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
"""
_CALLED = """kind: ValidatingWebhookConfiguration
metadata: {name: checkout}
webhooks:
- name: a.example.com
  clientConfig: {service: {name: checkout, namespace: default, port: 443}, caBundle: LS0t}
---
"""
_PLAIN = """probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: GET /, status: 200, speaks: plain}}
"""
_TLS = """probes:
  checkout-1:
    sockets: ["0.0.0.0:8443"]
    port-forward: {8443: accepted}
    spoken: {8443: {request: GET /, status: 200, speaks: tls}}
"""
_WITHOUT = """kind: MutatingWebhookConfiguration
metadata: {name: checkout}
webhooks:
- {name: a.example.com, clientConfig: {service: {name: checkout, namespace: default}}}
---
"""

RULE = Rule(
    code="PC709",
    name="api-server-tls-fails",
    severity="error",
    summary="The API server speaks TLS to a webhook or an aggregated API, and the pods do not, or "
    "there is nothing to verify them by",
    applies=(When.TCP,),
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS, Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The API server calls webhooks, those that convert versions too, and aggregated "
        "APIs by HTTPS only. Either the pods answer in plain HTTP on that port, which is an error, "
        "or the object has no caBundle, which is a warning: the certificate must then be of an "
        "authority that the API server's machine trusts, and hardly any is.",
        why="The TLS handshake fails: 'first record does not look like a TLS handshake', or "
        "'x509: certificate signed by unknown authority'. With failurePolicy Fail the API server "
        "refuses every request that the webhook is for.",
        confirm="kubectl get events -A shows 'failed calling webhook' beside ReplicaSets and "
        "Jobs; kubectl get apiservice NAME shows FailedDiscoveryCheck.",
        fix="Let the pods speak TLS on the port that is called, with a certificate for "
        "NAME.NAMESPACE.svc, and set caBundle to the authority that signed it.",
    ),
    examples=(
        Example(
            "the webhook's port speaks plain HTTP",
            f"{_SERVICE}{_CALLED}{_PLAIN}",
            expects="""
degraded; also PC505
PC709 error for path in ValidatingWebhookConfiguration checkout, port 443/TCP
  The API server speaks TLS for ValidatingWebhookConfiguration checkout, and the pod speaks
      plain HTTP on 8443; failurePolicy is Fail, so the API server refuses the requests
  pods: checkout-1
  - checkout-1: GET by TLS / to 8443: HTTP 200
  review: Make the application speak TLS on 8443, or change the targetPort of port 443 to the
      port on which it does
""",
        ),
        Example(
            "no caBundle",
            f"{_SERVICE}{_WITHOUT}{_TLS}",
            expects="""
healthy
PC709 warning in MutatingWebhookConfiguration checkout, port 443/TCP
  MutatingWebhookConfiguration checkout has no caBundle, so the API server verifies the
      certificate of the Service by the authorities of its own machine
  - MutatingWebhookConfiguration checkout: webhook a.example.com has no caBundle
  review: Set caBundle in MutatingWebhookConfiguration checkout to the authority that signed the
      certificate for checkout.default.svc, or find out why the controller that should do so
      does not
""",
        ),
        Example("TLS, and a caBundle", f"{_SERVICE}{_CALLED}{_TLS}", expects="healthy"),
    ),
    check=_check,
)
