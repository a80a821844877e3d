"""PC740: the API server calls a Service to which it does not connect by default."""

from collections.abc import Iterator

from kubectl_portcheck.model.facts import Fact, Observation, Said
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import fixes, referrer_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    Worth,
)
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.referrers import api_server
from kubectl_portcheck.semantics.referrers.api_server import what_fails


def _check(case: ServiceCase) -> Outcome:
    if not (case.external_name or case.service.headless):
        return NotApplicable("the Service has a cluster IP, by which the API server calls it")
    known = case.read_by("api-server")
    if not known:
        if (missing := referrer_ports.lacking(case, "api-server")) is not None:
            return RULE.lacks(missing)
        return NotApplicable("the API server is not known to call the Service")
    if any(api_server.is_reached(r) for r in known):
        return Passed()
    find = _alias if case.external_name else _headless
    found = [f for r in known for f in find(case, r)]
    return Several(tuple(found)) if found else Passed()


def _headless(case: ServiceCase, referrer: Referrer) -> Iterator[Finding]:
    said = api_server.cannot_route(referrer)
    facts: list[Fact] = [Observation(text="clusterIP is None", subject=case.subject)]
    if said:
        facts.append(Said(source=f"{referrer.kind} {referrer.metadata.name}", words=said))
    title = (
        "Use a Service with a cluster IP there: a second one with the same selector and ports, or "
        f"delete {case.name} and create it again without clusterIP: None, which cannot be changed"
    )
    yield _finding(
        case,
        referrer,
        "calls a headless Service, and the API server calls Services by their cluster IP, unless "
        "it runs with --enable-aggregator-routing=true",
        facts,
        title,
        certain=bool(said),
    )


def _alias(case: ServiceCase, referrer: Referrer) -> Iterator[Finding]:
    alias = case.service.spec.external_name
    inner = api_server.service_of_name(alias)
    if inner is None:
        return
    name, namespace = inner
    yield _finding(
        case,
        referrer,
        f"calls an ExternalName Service, whose externalName {alias} only the cluster's DNS knows; "
        "the API server asks the DNS server of its own machine",
        [Observation(text=f"externalName is {alias}", subject=case.subject)],
        f"Call Service {name} in namespace {namespace} itself, with a certificate that is valid "
        f"for {name}.{namespace}.svc",
    )


def _finding(
    case: ServiceCase,
    referrer: Referrer,
    what: str,
    said: list[Fact],
    title: str,
    *,
    certain: bool = False,
) -> Finding:
    subject = referrer_ports.subject_of(case, referrer)
    called = referrer_ports.references_here(case, referrer)
    fails = any(r.fails for r in called)
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} {what}"
        + (f"; {what_fails(referrer.kind, subject.name)}" if fails else ""),
        evidence=said,
        fixes=[fixes.by_hand(title)],
        impact=Impact.PATH if certain else Impact.NONE,
        severity="error" if certain else "warning",
        subject=subject,
        pointer=called[0].pointer.rpartition("/")[0],
    )


_HEADLESS = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {clusterIP: None, selector: {app: checkout}, ports: [{name: https, port: 443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:443"], port-forward: {443: accepted}}}
---
"""
_ALIAS = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {type: ExternalName, externalName: %s}
---
"""
_WEBHOOK = """kind: ValidatingWebhookConfiguration
metadata: {name: checkout}
webhooks:
- name: a.example.com
  clientConfig: {service: {name: checkout, namespace: default}, caBundle: LS0t}
"""
_API = """kind: APIService
metadata: {name: v1.checkout.example.com}
spec: {service: {name: checkout, namespace: default}, caBundle: LS0t}
status:
  conditions:
  - %s
"""

RULE = Rule(
    code="PC740",
    name="api-server-cannot-route",
    severity="error",
    summary="A webhook configuration, a CustomResourceDefinition or an APIService calls a headless "
    "Service, or an ExternalName Service whose name only the cluster's DNS knows",
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS,),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="The API server calls webhooks and aggregated APIs by the Service's cluster IP. A "
        "headless Service has none. An ExternalName Service is called by its externalName, which "
        "the API server looks up in the DNS of its own machine; a name that ends with .svc or "
        ".svc.cluster.local is known only to the cluster's DNS. With "
        "--enable-aggregator-routing=true the API server connects to the endpoints instead, for "
        "webhooks as for APIServices, so that a headless Service works, and an ExternalName "
        "Service never does. The flags of the "
        "API server are not read, so the finding is a warning; it is an error where an APIService "
        "reports it, and there is none where an APIService is Available by the same Service.",
        why="The API server cannot call the webhook: 'cannot route to service with ClusterIP "
        '"None"\', or a lookup that fails. With failurePolicy Fail it refuses every request '
        "that the webhook is for; an APIService is unavailable.",
        confirm="kubectl create --dry-run=server an object that the webhook is for, or read the "
        "condition Available of the APIService. Where the API server runs as a pod, kubectl get "
        "pods -n kube-system -l component=kube-apiserver -o yaml shows its flags.",
        fix="Lead the webhook to a Service with a cluster IP. A StatefulSet may keep its headless "
        "Service beside it.",
    ),
    examples=(
        Example(
            "a webhook calls a headless Service",
            f"{_HEADLESS}{_WEBHOOK}",
            expects="""
healthy
PC740 warning in ValidatingWebhookConfiguration checkout
  ValidatingWebhookConfiguration checkout calls a headless Service, and the API server calls
      Services by their cluster IP, unless it runs with --enable-aggregator-routing=true;
      failurePolicy is Fail, so the API server refuses the requests
  - Service checkout: clusterIP is None
  review: Use a Service with a cluster IP there: a second one with the same selector and ports,
      or delete checkout and create it again without clusterIP: None, which cannot be changed
""",
        ),
        Example(
            "an APIService that reports it",
            _HEADLESS
            + _API
            % """type: Available
    status: "False"
    reason: FailedDiscoveryCheck
    message: 'cannot route to service with ClusterIP "None"'""",
            expects="""
degraded; also PC710
PC740 error for path in APIService v1.checkout.example.com
  APIService v1.checkout.example.com calls a headless Service, and the API server calls Services
      by their cluster IP, unless it runs with --enable-aggregator-routing=true
  - Service checkout: clusterIP is None
  - APIService v1.checkout.example.com: cannot route to service with ClusterIP "None"
  review: Use a Service with a cluster IP there: a second one with the same selector and ports,
      or delete checkout and create it again without clusterIP: None, which cannot be changed
""",
        ),
        Example(
            "a webhook calls an alias of another Service",
            f"{_ALIAS % 'hooks.tools.svc.cluster.local'}{_WEBHOOK}",
            expects="""
inconclusive; also PC409
PC740 warning in ValidatingWebhookConfiguration checkout
  ValidatingWebhookConfiguration checkout calls an ExternalName Service, whose externalName
      hooks.tools.svc.cluster.local only the cluster's DNS knows; the API server asks the DNS
      server of its own machine; failurePolicy is Fail, so the API server refuses the requests
  - Service checkout: externalName is hooks.tools.svc.cluster.local
  review: Call Service hooks in namespace tools itself, with a certificate that is valid for
      hooks.tools.svc
""",
        ),
        Example(
            "a webhook calls an alias of a host outside of the cluster",
            f"{_ALIAS % 'hooks.example.com'}{_WEBHOOK}",
            expects="inconclusive; also PC409",
        ),
        Example(
            "an API is available by a headless Service, so that the API server uses endpoints",
            _HEADLESS + _API % 'type: Available\n    status: "True"' + f"---\n{_WEBHOOK}",
            expects="healthy",
        ),
        Example(
            "a webhook calls a Service with a cluster IP",
            f"{_HEADLESS.replace('clusterIP: None, ', '')}{_WEBHOOK}",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
