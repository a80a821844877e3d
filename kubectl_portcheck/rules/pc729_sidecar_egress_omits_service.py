"""PC729: a Sidecar of Istio hides the Service from the client of --from, whose proxy drops it."""

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import State
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
from kubectl_portcheck.rules.pc721_mesh_tls_conflicts import policy_of, unread
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import istio_client, istio_egress, mesh, seat
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.guards.compare import title

_UNSEEN = (
    "whether the client's sidecar drops it was not seen: it accepts a connection before it looks "
    "for the host"
)


def _check(case: Case) -> Outcome:
    client = None if isinstance(case.in_cluster, Missing) else case.in_cluster.value.client
    if client is None or not mesh.has_istio_sidecar(client.pod):
        return NotApplicable("no client with a sidecar of Istio is known")
    lacking = unread(case, kinds.ISTIO)
    if lacking is not None:
        return RULE.lacks(lacking)
    scope = istio_egress.scope(case, client.pod)
    if scope.known is None:
        return RULE.lacks(scope.why)
    if scope.known or scope.by is None or scope.unmatched == "ALLOW_ANY":
        return Passed()
    if istio_client.passes_by(case, client.pod, case.port.port):
        return NotApplicable("the connection passes by the client's sidecar")
    annotation = istio_client.capture(client.pod)
    if annotation:
        return RULE.lacks(f"{annotation} decides what goes through the client's sidecar")
    sidecar = scope.by
    does_not = f"{title(sidecar)} does not import Service {case.name}"
    if not scope.unmatched:
        return RULE.lacks(f"{does_not}, and outboundTrafficPolicy of the mesh is not read")
    subject = policy_of(case, sidecar)
    hosts = [h for entry in sidecar.parts[0].imports for h in entry.hosts]
    host = f"{case.namespace}/{case.name}.{case.namespace}.svc.{_domain(case)}"
    return RULE.finding(
        case,
        f"{does_not} for pod/{client.pod.metadata.name}, whose sidecar drops connections to what "
        "is not imported",
        evidence=[
            State(subject=subject, state=f"egress hosts: {listing(hosts) or 'none'}"),
            State(subject=subject, state=f"outboundTrafficPolicy: {scope.unmatched}"),
        ],
        fixes=[
            fixes.by_hand(
                f"Add {host} to egress.hosts of {title(sidecar)} in namespace {subject.namespace}, "
                "if the client is meant to connect"
            )
        ],
        subject=subject,
        unsure=_UNSEEN,
    )


def _domain(case: Case) -> str:
    return istio_egress.domain_of(case) or seat.DOMAIN


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, namespace: shop, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: web-1, namespace: front, labels: {app: web}}
spec: {containers: [{name: web}, {name: istio-proxy}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], in-cluster: {8080: accepted}}}
---
from: {pod: web-1, namespace: front, tool: nc, service: {80: accepted}}
---
kind: Sidecar
metadata: {name: default, namespace: front}
spec: {egress: [{hosts: [HOSTS]}]POLICY}
"""


def _shop(hosts: str, policy: str = ", outboundTrafficPolicy: {mode: REGISTRY_ONLY}") -> str:
    return _SHOP.replace("HOSTS", hosts).replace("POLICY", policy)


RULE = Rule(
    code="PC729",
    name="sidecar-egress-omits-service",
    severity="warning",
    summary="A Sidecar of Istio does not import the Service for the client, whose proxy drops such "
    "connections (--from)",
    applies=(When.TCP, When.NOT_EXTERNAL_NAME),
    needs=(),
    uses=(Need.IN_CLUSTER, Need.MESH_POLICIES, Need.REFERRERS),
    clues=(Need.MESH_POLICIES,),
    explanation=Explanation(
        meaning="A Sidecar resource limits the hosts that the sidecars of a namespace, or of some "
        "of its pods, know of (egress.hosts). None of them means the Service, and its "
        "outboundTrafficPolicy is REGISTRY_ONLY: connections to hosts that are not known are "
        "dropped. With ALLOW_ANY they go on as plain text, so nothing is said. The setting of the "
        "whole mesh is not read.",
        why="The client's sidecar accepts the connection, then answers 502 or resets it. Other "
        "clients are served, and so is this one from outside of the mesh.",
        confirm="istioctl proxy-config cluster POD lists the hosts that the sidecar knows; its log "
        "names BlackHoleCluster or block_all.",
        fix="Add NAMESPACE/HOST to egress.hosts of the Sidecar, with the full name of the host; "
        "NAMESPACE/* imports all of a namespace.",
    ),
    examples=(
        Example(
            "only the client's own namespace is imported",
            _shop('"./*", istio-system/*'),
            expects="""
inconclusive
not evaluated: whether the client's sidecar drops it was not seen: it accepts a connection
    before it looks for the host
PC729 warning in Sidecar default, port 80/TCP
  Sidecar default does not import Service checkout for pod/web-1, whose sidecar drops
      connections to what is not imported
  unsure: whether the client's sidecar drops it was not seen: it accepts a connection before it
      looks for the host
  - Sidecar default: egress hosts: ./* and istio-system/*
  - Sidecar default: outboundTrafficPolicy: REGISTRY_ONLY
  review: Add shop/checkout.shop.svc.cluster.local to egress.hosts of Sidecar default in
      namespace front, if the client is meant to connect
""",
        ),
        Example(
            "the short name of the Service means no host",
            _shop("shop/checkout"),
            expects="""
inconclusive
not evaluated: whether the client's sidecar drops it was not seen: it accepts a connection
    before it looks for the host
PC729 warning in Sidecar default, port 80/TCP
  Sidecar default does not import Service checkout for pod/web-1, whose sidecar drops
      connections to what is not imported
  unsure: whether the client's sidecar drops it was not seen: it accepts a connection before it
      looks for the host
  - Sidecar default: egress hosts: shop/checkout
  - Sidecar default: outboundTrafficPolicy: REGISTRY_ONLY
  review: Add shop/checkout.shop.svc.cluster.local to egress.hosts of Sidecar default in
      namespace front, if the client is meant to connect
""",
        ),
        Example(
            "the Service is imported by its full name",
            _shop("shop/checkout.shop.svc.cluster.local"),
            expects="healthy",
        ),
        Example(
            "connections to other hosts go on",
            _shop('"./*"', ", outboundTrafficPolicy: {mode: ALLOW_ANY}"),
            expects="healthy",
        ),
        Example(
            "what the mesh does with them is not known",
            _shop('"./*"', ""),
            expects="""
healthy
not evaluated: Sidecar default does not import Service checkout, and outboundTrafficPolicy of
    the mesh is not read
""",
        ),
    ),
    check=_check,
)
