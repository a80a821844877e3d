"""PC706: the API server calls a port of the Service that it does not have."""

from kubectl_portcheck.rules import referrer_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    return referrer_ports.check(case, RULE, "api-server")


RULE = Rule(
    code="PC706",
    name="webhook-port-missing",
    severity="error",
    summary="A webhook configuration or APIService calls a port that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
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
  MutatingWebhookConfiguration checkout references port 443 (the default), which Service
      checkout does not have; the ports of Service checkout: 10250/TCP; failurePolicy is Fail,
      so the API server refuses the requests
  - MutatingWebhookConfiguration checkout: webhook a.example.com references port 443
  - for port 10250: it is the Service's only port
  safe: Change the port in MutatingWebhookConfiguration checkout to 10250
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
            expects="broken; also PC301, PC709",
        ),
    ),
    check_service=_check,
)
