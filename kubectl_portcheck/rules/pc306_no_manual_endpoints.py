"""PC306: a Service without a selector has no endpoints."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import OwnerReference
from kubectl_portcheck.model.report import Impact
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
    Worth,
)
from kubectl_portcheck.semantics import ownership, ports
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    endpoints = [e for piece in case.written_slices for e in piece.endpoints or () if e.addresses]
    if any(e.ready or (e.serving and e.terminating) for e in endpoints):
        return Passed()
    owner = ownership.controller_of(case.service.metadata)
    if owner is not None and case.in_files:
        return NotApplicable(f"{owner.kind} {owner.name} made the Service, and gives it endpoints")
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
        fixes=[_by_hand(case) if owner is None else _by_owner(case, owner)],
        impact=Impact.ALL,
    )


def _by_hand(case: ServiceCase) -> Fix:
    return fixes.by_hand(
        "Add a selector for the pods that the Service is for; or, for addresses outside of "
        "the cluster, create an EndpointSlice with the label "
        f"kubernetes.io/service-name: {case.name}",
        _slice(case),
    )


def _by_owner(case: ServiceCase, owner: OwnerReference) -> Fix:
    """What a controller writes is not written by hand: its object says why there is nothing."""
    group = owner.api_version.rpartition("/")[0]
    kind = f"{owner.kind.lower()}.{group}" if group else owner.kind.lower()
    return fixes.look(
        case,
        *("get", kind, owner.name, "-o", "yaml"),
        title=f"See in the status of {owner.kind} {owner.name}, whose controller writes the "
        "endpoints, why it writes none",
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
        "kubernetes.io/service-name, or by a controller, as Knative does. No such slice has a "
        "usable address.",
        why="kube-proxy has no endpoint for the Service and refuses connections to it.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME shows no slice, or "
        "no ENDPOINTS.",
        fix="If a controller made the Service, see what its object reports. Else add a selector if "
        "the Service is for pods. Otherwise write the EndpointSlice: the "
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
            "the public Service of a Knative revision",
            """
kind: Service
metadata:
  name: hello-00001
  ownerReferences:
  - {apiVersion: networking.internal.knative.dev/v1alpha1, kind: ServerlessService,
    name: hello-00001, uid: s, controller: true}
spec: {ports: [{port: 80, targetPort: 8012}]}
""",
            expects="""
broken
PC306 error for all in Service hello-00001
  The Service has no selector, and no EndpointSlice belongs to it
  review: See in the status of ServerlessService hello-00001, whose controller writes the
      endpoints, why it writes none
    look: kubectl get serverlessservice.networking.internal.knative.dev hello-00001 -o yaml -n
        default
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
