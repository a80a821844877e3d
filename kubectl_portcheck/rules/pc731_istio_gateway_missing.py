"""PC731: a VirtualService to the Service names an Istio Gateway that does not exist, or that does
not take its hosts."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix
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
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import istio_gateways
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.istio_gateways import MESH, Named
from kubectl_portcheck.semantics.selectors import nearest


def _check(case: ServiceCase) -> Outcome:
    routed = [
        (r, named)
        for r in case.read_by("istio")
        if r.gateways and (named := case.gateways.named(r))
    ]
    if not routed:
        return NotApplicable("no VirtualService with a Gateway is known to lead to the Service")
    if (missing := referrer_ports.lacking(case, "istio")) is not None:
        return RULE.lacks(missing)
    found = [f for r, named in routed if (f := _finding(case, r, named))]
    return Several(tuple(found)) if found else Passed()


def _place(case: ServiceCase, gateway: Referrer) -> tuple[str, str]:
    return case.namespace_of(gateway.metadata), gateway.metadata.name


def _finding(case: ServiceCase, virtual: Referrer, named: Sequence[Named]) -> Finding | None:
    if any(n.takes for n in named):
        return None  # It is reached by one of them.
    absent = [n for n in named if n.gateway is None]
    offered = _fixes(case, virtual, absent)
    if absent and case.in_files and case.evidence.files != "all" and not offered:
        return None  # Gateways are mostly in the files of others.
    subject = referrer_ports.subject_of(case, virtual)
    if absent:
        several = len(absent) > 1
        what = (
            f"names {'Gateways' if several else 'Gateway'} {listing(n.text for n in absent)}, "
            f"which {'do' if several else 'does'} not exist"
        )
    else:
        what = (
            f"has {'the host' if len(virtual.hosts) == 1 else 'the hosts'} "
            f"{listing(virtual.hosts)}, which {_do_not_serve(named)}"
            f"{_for(subject.namespace, named)}"
        )
    harmless = MESH in virtual.gateways
    return RULE.finding(
        case,
        f"VirtualService {virtual.metadata.name} {what}",
        evidence=_facts(case, virtual, named),
        fixes=offered
        or [
            fixes.by_hand(
                f"Name a Gateway that exists and takes the hosts of VirtualService {subject.name}, "
                "or add the hosts to its servers"
            )
        ],
        severity="warning" if harmless else "error",
        impact=Impact.NONE if harmless else Impact.PATH,
        subject=subject,
        pointer=f"/spec/gateways/{named[0].place}",
    )


def _do_not_serve(named: Sequence[Named]) -> str:
    several = len(named) > 1
    names = listing(n.text for n in named)
    return f"Gateways {names} do not serve" if several else f"Gateway {names} does not serve"


def _for(namespace: str, named: Sequence[Named]) -> str:
    """Which VirtualServices are meant, where a server is for those of some namespaces only."""
    hosts = [h for n in named if n.gateway for h in n.gateway.hosts]
    some = any("/" in h and not h.startswith("*/") for h in hosts)
    return f" for VirtualServices of namespace {namespace}" if some else ""


def _facts(case: ServiceCase, virtual: Referrer, named: Sequence[Named]) -> list[Fact]:
    facts: list[Fact] = [
        State(
            subject=referrer_ports.subject_of(case, n.gateway),
            state=f"its servers take {listing(n.gateway.hosts) or 'no host'}",
        )
        for n in named
        if n.gateway is not None
    ]
    hosts = listing(virtual.hosts) or "no host"
    return [
        State(subject=referrer_ports.subject_of(case, virtual), state=f"hosts: {hosts}"),
        *facts,
    ]


def _fixes(case: ServiceCase, virtual: Referrer, absent: Sequence[Named]) -> list[Fix]:
    """Name the Gateway that was meant: the same name elsewhere, or one that resembles it."""
    home = case.namespace_of(virtual.metadata)
    known = [_place(case, g) for g in case.referrers if istio_gateways.is_istio(g)]
    found = []
    for one in absent:
        name = istio_gateways.place_of(one.text, home)[1]
        meant = [p for p in known if p[1] == name]
        if not meant:
            similar = nearest(name, [n for _, n in known])
            meant = [p for p in known if p[1] == similar]
        for space, other in meant[:3]:
            new = other if space == home else f"{space}/{other}"
            found.append(
                fixes.patch(
                    case,
                    referrer_ports.subject_of(case, virtual),
                    fixes.replace(f"/spec/gateways/{one.place}", one.text, new),
                    title=f"Change the Gateway in VirtualService {virtual.metadata.name} to {new}",
                    safety="review",
                )
            )
    return found


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
  gateways: [%s]
  http: [{route: [{destination: {host: checkout, port: {number: 80}}}]}]
---
kind: Gateway
metadata: {name: public, namespace: istio-system}
spec: {servers: [{hosts: ["%s"]}]}
"""

RULE = Rule(
    code="PC731",
    name="istio-gateway-missing",
    severity="error",
    summary="A VirtualService names an Istio Gateway that does not exist, or whose servers do not "
    "take its hosts",
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS,),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="A VirtualService is bound to the Gateways in its field gateways: by name in its "
        "own namespace, or NAMESPACE/NAME. Each of them does not exist, or none of its servers "
        "has a host that fits a host of the VirtualService and is for its namespace (the part "
        "before a slash). Where mesh is among the gateways, "
        "sidecars follow it all the same, and it is a warning. A Gateway of the Gateway API with "
        "that name counts, and its hosts are not compared.",
        why="The ingress gateway knows no route for the host and answers with 404. Clients inside "
        "the cluster are not affected.",
        confirm="kubectl get gateways.networking.istio.io -A, and istioctl analyze "
        "(IST0101, IST0132).",
        fix="Name the Gateway with its namespace, or make the hosts fit.",
    ),
    examples=(
        Example(
            "the Gateway is in another namespace",
            _SHOP % ("public", "*.example.com"),
            expects="""
degraded
PC731 error for path in VirtualService shop
  VirtualService shop names Gateway public, which does not exist
  - VirtualService shop: hosts: shop.example.com
  review: Change the Gateway in VirtualService shop to istio-system/public
    replace /spec/gateways/0 istio-system/public in VirtualService shop
""",
        ),
        Example(
            "the servers of the Gateway take other hosts",
            _SHOP % ("istio-system/public", "shop.example.org"),
            expects="""
degraded
PC731 error for path in VirtualService shop
  VirtualService shop has the host shop.example.com, which Gateway istio-system/public does not
      serve
  - VirtualService shop: hosts: shop.example.com
  - Gateway public: its servers take shop.example.org
  review: Name a Gateway that exists and takes the hosts of VirtualService shop, or add the
      hosts to its servers
""",
        ),
        Example(
            "a wildcard takes the host",
            _SHOP % ("istio-system/public", "*.example.com"),
            expects="healthy",
        ),
        Example("sidecars only", _SHOP % ("mesh", "*"), expects="healthy"),
    ),
    check_service=_check,
)
