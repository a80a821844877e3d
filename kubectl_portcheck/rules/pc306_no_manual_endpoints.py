"""PC306: a Service without a selector has no endpoints."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    endpoints = [e for piece in case.written_slices for e in piece.endpoints or () if e.addresses]
    if any(e.ready or (e.serving and e.terminating) for e in endpoints):
        return Passed()
    lacking = (
        "its EndpointSlices mark every address as not ready"
        if endpoints
        else "its EndpointSlices hold no address"
        if case.written_slices
        else "no EndpointSlice belongs to it"
    )
    return RULE.finding(
        case,
        f"The Service has no selector, and {lacking}",
        evidence=[
            State(
                subject=Subject(
                    kind="EndpointSlice", namespace=case.namespace, name=s.metadata.name
                ),
                state=f"has {len(s.endpoints or ())} addresses",
            )
            for s in case.written_slices
        ],
        fixes=[
            fixes.by_hand(
                "Add a selector for the pods that the Service is for; or, for addresses outside of "
                "the cluster, create an EndpointSlice with the label "
                f"kubernetes.io/service-name: {case.name}",
                _slice(case),
            )
        ],
        impact=Impact.ALL,
    )


def _slice(case: ServiceCase) -> str:
    """An EndpointSlice to be filled in, with the ports as the Service names them."""
    lines = ["apiVersion: discovery.k8s.io/v1", "kind: EndpointSlice", "metadata:"]
    lines += [f"  name: {case.name}-1", f"  namespace: {case.namespace}", "  labels:"]
    lines += [f"    kubernetes.io/service-name: {case.name}", "addressType: IPv4", "endpoints:"]
    lines += ["- addresses: [ADDRESS]", "ports:"]
    for port in case.service.spec.ports:
        target = ports.declared_target(port)
        number = target if isinstance(target, int) else port.port
        lines.append(f'- {{name: "{port.name}", port: {number}, protocol: {port.protocol}}}')
    return "\n".join(lines) + "\n"


RULE = Rule(
    code="PC306",
    name="no-manual-endpoints",
    severity="error",
    summary="A Service without a selector has no endpoints",
    applies=(When.MANUAL_ENDPOINTS,),
    needs=(Need.SLICES,),
    uses=(),
    in_files=Worth.ABSENCE,
    field=("ports",),
    explanation=Explanation(
        meaning="The Service has no selector, so Kubernetes does not create endpoints for it. "
        "They have to be written by hand, in EndpointSlices with the label "
        "kubernetes.io/service-name. No such slice has a usable address.",
        why="kube-proxy has no endpoint for the Service and refuses connections to it.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME shows no slice, or "
        "no ENDPOINTS.",
        fix="Add a selector if the Service is for pods. Otherwise write the EndpointSlice: the "
        "label, the addresses, and a port with the name of the Service port.",
    ),
    examples=(
        Example(
            "no slice at all",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{port: 80, targetPort: 8080}]}
""",
            expects="""
broken
PC306 error for all in Service checkout
  The Service has no selector, and no EndpointSlice belongs to it
  review: Add a selector for the pods that the Service is for; or, for addresses outside of the
      cluster, create an EndpointSlice with the label kubernetes.io/service-name: checkout
""",
        ),
        Example(
            "one address, written by hand",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{port: 80, targetPort: 8080}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: "", port: 8080}]
""",
            expects="inconclusive",
        ),
        Example(
            "an ExternalName Service has no endpoints by design",
            """
kind: Service
metadata: {name: checkout}
spec: {type: ExternalName, externalName: shop.example.com}
""",
            expects="inconclusive; also PC409",
        ),
    ),
    check_service=_check,
)
