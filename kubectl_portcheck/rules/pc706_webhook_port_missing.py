"""PC706: the API server calls a port that the Service does not have."""

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
    summary="A webhook configuration, the conversion webhook of a CustomResourceDefinition, or an "
    "APIService calls a port that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="clientConfig.service of an admission webhook or of the conversion webhook of a "
        "CustomResourceDefinition, and spec.service of an APIService, reference a port of a "
        "Service by its number; 443 where they name none. The Service has no such port.",
        why="The API server finds no such port and cannot call the webhook. With failurePolicy "
        "Fail it refuses every request that the webhook is for; an APIService is unavailable. "
        "Without the conversion webhook, objects of the kind can be neither read nor written in "
        "another version than the one in which they are stored.",
        confirm="Compare kubectl get validatingwebhookconfigurations,"
        "mutatingwebhookconfigurations -o yaml, or kubectl get crd NAME -o yaml, with kubectl get "
        "service; the API server says 'no service port 443 found'.",
        fix="Set the port in the object that is named, or give the Service the port 443.",
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
            "the conversion webhook of a kind names no port",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 9443, targetPort: 9443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: CustomResourceDefinition
metadata: {name: carts.example.com}
spec:
  conversion:
    strategy: Webhook
    webhook: {clientConfig: {service: {name: checkout, namespace: default}}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9443"], port-forward: {9443: accepted}}}
""",
            expects="""
degraded
PC706 error for path in CustomResourceDefinition carts.example.com, port 9443/TCP
  CustomResourceDefinition carts.example.com references port 443 (the default), which Service
      checkout does not have; the ports of Service checkout: 9443/TCP; the API server cannot
      read or write carts.example.com where the version has to be converted
  - CustomResourceDefinition carts.example.com: spec.conversion.webhook references port 443
  - for port 9443: it is the Service's only port
  safe: Change the port in CustomResourceDefinition carts.example.com to 9443
    add /spec/conversion/webhook/clientConfig/service/port 9443 in CustomResourceDefinition
        carts.example.com
""",
        ),
        Example(
            "a kind that is converted by nothing but its apiVersion",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 9443}]}
---
kind: CustomResourceDefinition
metadata: {name: carts.example.com}
spec:
  conversion:
    strategy: None
    webhook: {clientConfig: {service: {name: checkout, namespace: default}}}
""",
            expects="broken; also PC301",
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
