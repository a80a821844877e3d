"""PC706: the API server calls a port of the Service that it does not have."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Operation, Subject
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.references import Caller
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes, service_ports
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
from kubectl_portcheck.rules.service_ports import Wrong
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import meant, references
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    callers = [c for c in case.callers if c.kind != "VirtualService"]
    if not callers:
        return NotApplicable("no webhook configuration or APIService is known to lead to it")
    found = [_finding(case, c, w) for c in callers if (w := _wrong(case, c))]
    return Several(tuple(found)) if found else Passed()


def _wrong(case: ServiceCase, caller: Caller) -> list[Wrong]:
    return [
        service_ports.wrong(case, use.where, _number(use), use.pointer)
        for use in references.uses_of_caller(caller)
        if case.is_meant(use.service, use.namespace) and not meant.has(case, _number(use))
    ]


def _number(use: references.CallerUse) -> int:
    return use.port or references.DEFAULT_WEBHOOK_PORT


def _finding(case: ServiceCase, caller: Caller, found: Sequence[Wrong]) -> Finding:
    meta = caller.metadata
    subject = Subject(kind=caller.kind, namespace=meta.namespace, name=meta.name)
    given = {u.pointer for u in references.uses_of_caller(caller) if u.port}
    numbers = listing(dict.fromkeys(w.named for w in found))
    default = "" if all(w.pointer in given for w in found) else " (the default)"
    fails = any(u.fails for u in references.uses_of_caller(caller) if u.pointer in _places(found))
    severity, impact = service_ports.weight(case, found)
    return RULE.finding(
        case,
        f"The {caller.kind} {meta.name} calls port {numbers}{default} of the Service, which it "
        f"does not have; {service_ports.has_ports(case)}"
        + ("; with failurePolicy Fail the API server refuses the requests" if fails else ""),
        evidence=service_ports.told(subject, found),
        fixes=service_ports.repaired(case, subject, found, lambda w, p: _change(w, p, given)),
        impact=impact,
        severity=severity,
        subject=subject,
        port=service_ports.meant_by_all(found),
        pointer=found[0].pointer,
    )


def _places(found: Sequence[Wrong]) -> set[str]:
    return {w.pointer for w in found}


def _change(found: Wrong, port: ServicePort, given: set[str]) -> list[Operation]:
    if found.pointer in given:
        return fixes.replace(found.pointer, found.named, port.port)
    return [fixes.add(found.pointer, port.port)]


RULE = Rule(
    code="PC706",
    name="webhook-port-missing",
    severity="error",
    summary="A webhook configuration or APIService calls a port that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    needs=(),
    uses=(Need.CALLERS, Need.PODS),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="clientConfig.service of a webhook, and spec.service of an APIService, reference a "
        "port of a Service by its number; 443 where they name none. The Service has no such port.",
        why="The API server finds no such port and cannot call the webhook. With failurePolicy "
        "Fail it refuses every request that the webhook is for; an APIService is unavailable.",
        confirm="kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml "
        "beside kubectl get service; the API server says 'no service port 443 found'.",
        fix="Set the port in the webhook configuration, or give the Service the port 443.",
    ),
    examples=(
        Example(
            "the webhook names no port, the Service has 10250",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 10250, targetPort: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: MutatingWebhookConfiguration
metadata: {name: checkout}
webhooks:
- {name: a.example.com, clientConfig: {service: {name: checkout, namespace: default}}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8443"], port-forward: {8443: accepted}}}
""",
            expects="""
degraded
PC706 error for path in MutatingWebhookConfiguration checkout, port 10250/TCP
  The MutatingWebhookConfiguration checkout calls port 443 (the default) of the Service, which
      it does not have; the ports of Service checkout: 10250/TCP; with failurePolicy Fail the
      API server refuses the requests
  - MutatingWebhookConfiguration checkout: webhook a.example.com references port 443
  - for port 10250: it is the Service's only port
  review: Change the port in MutatingWebhookConfiguration checkout to 10250
    add /webhooks/0/clientConfig/service/port 10250 in MutatingWebhookConfiguration checkout
""",
        ),
        Example(
            "the webhook names the Service's port",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 10250, targetPort: 8443}]}
---
kind: ValidatingWebhookConfiguration
metadata: {name: checkout}
webhooks:
- name: a.example.com
  clientConfig: {service: {name: checkout, namespace: default, port: 10250}}
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
