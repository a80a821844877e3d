"""PC733: no pod opens the Istio Gateway of a VirtualService, or no Service leads to its port."""

from collections.abc import Sequence
from typing import NamedTuple

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.model.report import Finding
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
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import istio_gateways
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ports import declared_target
from kubectl_portcheck.semantics.selectors import matches


class _Entered(NamedTuple):
    """A Gateway by which clients come to a VirtualService, and the pods that open it."""

    gateway: Referrer
    pods: Sequence[Pod]


def _check(case: ServiceCase) -> Outcome:
    routed = [
        (virtual, gateways)
        for virtual in case.read_by("istio")
        if virtual.gateways and (gateways := _gateways(case, virtual))
    ]
    if not routed:
        return NotApplicable("no VirtualService with a Gateway that selects pods leads here")
    unread = case.missing("gateway_pods")
    if unread is not None:
        if case.in_files:
            return NotApplicable("the pods of the gateway are not in the files")
        return RULE.lacks(unread)
    found: list[Finding] = []
    lacking: list[Missing] = []
    for virtual, gateways in routed:
        entered = [_Entered(g, p) for g in gateways if (p := _pods(case, g))]
        if not entered:
            unseen = case.lacking("gateway_pods")
            lacking += unseen
            if not unseen and not case.in_files:
                found.append(_no_pod(case, virtual, gateways))
            continue
        unknown = _lacking_services(case)
        lacking += unknown
        if not unknown:
            found += [f for one in entered if (f := _closed(case, virtual, one))]
    if found:
        return Several(tuple(found))
    return RULE.lacks(lacking[0]) if lacking else Passed()


def _gateways(case: ServiceCase, virtual: Referrer) -> list[Referrer]:
    """The Gateways by which clients come; none where they may come by one that is not compared."""
    taking = [n.gateway for n in case.gateways.named(virtual) if n.takes]
    own = [g for g in taking if g is not None and istio_gateways.is_istio(g) and g.labels]
    return own if len(own) == len(taking) else []


def _pods(case: ServiceCase, gateway: Referrer) -> list[Pod]:
    return [p for p in case.gateway_pods if matches(gateway.labels, p.metadata.labels)]


def _lacking_services(case: ServiceCase) -> list[Missing]:
    missing = case.missing("gateway_services")
    return [missing] if missing is not None else list(case.lacking("gateway_services"))


def _no_pod(case: ServiceCase, virtual: Referrer, gateways: Sequence[Referrer]) -> Finding:
    subject = referrer_ports.subject_of(case, gateways[0])
    names = listing(_place(case, g) for g in gateways)
    kind, verb = ("Gateway", "selects") if len(gateways) == 1 else ("Gateways", "select")
    # NOTE: istiod gives a Gateway to the pods of every cluster that it serves. Nothing that is read
    # here shows for certain that it serves no other: their kubeconfigs are in Secrets.
    unseen = (
        f"whether another cluster of the mesh has pods for {kind} {names} was not seen; this "
        "cluster has none"
    )
    followed = istio_gateways.MESH in virtual.gateways
    return RULE.finding(
        case,
        f"{kind} {names} {verb} no pod of this cluster, and no other Gateway leads to "
        f"VirtualService {virtual.metadata.name}",
        evidence=[_selects(case, g) for g in gateways],
        fixes=[
            fixes.by_hand(
                f"Set the selector of Gateway {_place(case, gateways[0])} to labels of the pods of "
                "an ingress gateway, or install that gateway"
            )
        ],
        subject=subject,
        pointer="/spec/selector",
        unsure="" if followed else unseen,
    )


def _closed(case: ServiceCase, virtual: Referrer, entered: _Entered) -> Finding | None:
    """The ports of the Gateway for the VirtualService to which no Service leads."""
    gateway, pods = entered
    if any(p.spec.host_network for p in pods):
        return None
    offered = {n for p in pods for n in istio_gateways.offered(p, case.gateway_services)}
    spaces = (case.namespace_of(gateway.metadata), case.namespace_of(virtual.metadata))
    opened = istio_gateways.opened_for(virtual, gateway, spaces)
    closed = [(i, e.port) for i, e in opened if e.port and e.port not in offered]
    if not closed:
        return None
    ports = listing(dict.fromkeys(port for _, port in closed))
    which = "port" if len({port for _, port in closed}) == 1 else "ports"
    before = [s for s in case.gateway_services if any(istio_gateways.is_before(s, p) for p in pods)]
    way = (
        f"Add {which} {ports} to the Service before the pods of the gateway, or set port.number of "
        "the server to a port that this Service has"
        if before
        else f"Make a Service with {which} {ports} for the pods of the gateway"
    )
    return RULE.finding(
        case,
        f"Gateway {_place(case, gateway)} opens {which} {ports} for VirtualService "
        f"{virtual.metadata.name}, and no Service leads there",
        evidence=[_selects(case, gateway), *map(_ports, before)],
        fixes=[fixes.by_hand(way)],
        subject=referrer_ports.subject_of(case, gateway),
        pointer=f"/spec/servers/{closed[0][0]}/port/number",
    )


def _place(case: ServiceCase, gateway: Referrer) -> str:
    return f"{case.namespace_of(gateway.metadata)}/{gateway.metadata.name}"


def _selects(case: ServiceCase, gateway: Referrer) -> Fact:
    labels = ", ".join(f"{k}={v}" for k, v in sorted(gateway.labels.items()))
    subject = referrer_ports.subject_of(case, gateway)
    return State(subject=subject, state=f"selects pods by {labels}")


def _ports(service: Service) -> Fact:
    subject = Subject(
        kind="Service", namespace=service.metadata.namespace, name=service.metadata.name
    )
    ports = listing(f"{p.port} to {declared_target(p)}" for p in service.spec.ports)
    return State(subject=subject, state=f"leads from port {ports}")


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, namespace: shop, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
---
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [public]
  http: [{route: [{destination: {host: checkout, port: {number: 80}}}]}]
---
kind: Pod
metadata: {name: ingress-1, namespace: istio-system, labels: {istio: ingressgateway}}
spec: {containers: [{name: istio-proxy}]}
---
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec: {selector: {istio: ingressgateway}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Gateway
metadata: {name: public, namespace: shop}
spec:
  selector: {istio: SELECTED}
  servers: [{port: {number: PORT}, hosts: [shop.example.com]}]
"""


def _shop(selected: str, port: int) -> str:
    return _SHOP.replace("SELECTED", selected).replace("PORT", str(port))


RULE = Rule(
    code="PC733",
    name="istio-gateway-unreachable",
    severity="warning",
    summary="No pod opens the Istio Gateway of a VirtualService, or no Service leads to its port",
    needs=(),
    uses=(Need.REFERRERS, Need.GATEWAY_PODS, Need.GATEWAY_SERVICES),
    clues=(Need.REFERRERS,),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="The pods that the selector of an Istio Gateway selects open its ports, in any "
        "namespace. No pod of this cluster has these labels; or the number of a server is "
        "neither a port nor a targetPort of a Service before these pods. A host port and pods in "
        "the network of their node count as reachable. A Gateway without a selector is opened by "
        "every gateway and is not judged; nor is a VirtualService that clients reach by another "
        "Gateway that is not compared. In files only the ports are judged, and only where the "
        "workload of the gateway is among them.",
        why="Without pods nothing listens for the hosts of the VirtualService. A port that no "
        "Service has can be reached at the address of a pod only. Clients inside the cluster are "
        "not affected. In a mesh of several clusters the pods of the gateway may be in another "
        "cluster, which is not read: so no pod is a warning too, and the Service is not called "
        "healthy.",
        confirm="kubectl get pods -A -l KEY=VALUE with the labels of the selector, in each cluster "
        "of the mesh, and istioctl analyze (IST0101, IST0162).",
        fix="Select the labels of the gateway's pods, and open ports that their Service has.",
    ),
    examples=(
        Example(
            "no pod has the label",
            _shop("ingress", 80),
            expects="""
inconclusive
not evaluated: whether another cluster of the mesh has pods for Gateway shop/public was not
    seen; this cluster has none
PC733 warning in Gateway public
  Gateway shop/public selects no pod of this cluster, and no other Gateway leads to
      VirtualService shop
  unsure: whether another cluster of the mesh has pods for Gateway shop/public was not seen;
      this cluster has none
  - Gateway public: selects pods by istio=ingress
  review: Set the selector of Gateway shop/public to labels of the pods of an ingress gateway,
      or install that gateway
""",
        ),
        Example(
            "the Service does not have the port",
            _shop("ingressgateway", 443),
            expects="""
healthy
PC733 warning in Gateway public
  Gateway shop/public opens port 443 for VirtualService shop, and no Service leads there
  - Gateway public: selects pods by istio=ingressgateway
  - Service istio-ingressgateway: leads from port 80 to 8080
  review: Add port 443 to the Service before the pods of the gateway, or set port.number of the
      server to a port that this Service has
""",
        ),
        Example("a port of the Service", _shop("ingressgateway", 80), expects="healthy"),
        Example("a targetPort of the Service", _shop("ingressgateway", 8080), expects="healthy"),
    ),
    check_service=_check,
)
