"""PC312: the clients of a zone or a node are sent only to endpoints that fail."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, names
from kubectl_portcheck.semantics import endpoints, topology
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.measured import FAULTY
from kubectl_portcheck.semantics.topology import Place


def _check(case: Case) -> Outcome:
    spec = case.service.spec
    if spec.internal_traffic_policy == "Local":
        return NotApplicable("internalTrafficPolicy Local comes before any preference")
    used = [e for e in endpoints.used(case.endpoints) if e.endpoint.ready]
    found = topology.places(e.endpoint for e in used)
    if not found:
        return NotApplicable("no hints of EndpointSlices tell kube-proxy to prefer endpoints")
    faulty = {s.name: s for s in case.in_state(*FAULTY)}
    serving = {s.name for s in case.backends} - set(faulty)
    failing = [p for p in found if _pods(p) and _pods(p) <= set(faulty)]
    if not failing or not (serving or case.outside):
        return Passed()
    places = listing(f"{p.kind} {p.name}" for p in failing)
    behind = sorted({n for p in failing for n in _pods(p)})
    why = f"trafficDistribution is {spec.traffic_distribution}" if spec.traffic_distribution else ""
    return RULE.finding(
        case,
        f"Clients in {places} are sent only to pods that fail, though others serve",
        evidence=[
            *([Observation(text=why, subject=case.subject)] if why else []),
            *(
                Observation(text=f"clients in {p.kind} {p.name} use {listing(sorted(_pods(p)))}")
                for p in failing
            ),
        ],
        fixes=[
            fixes.by_hand(
                f"Fix {listing(behind)}; until then, clients there are served if the pods are not "
                "Ready or are deleted, since kube-proxy then uses the endpoints of all zones"
            )
        ],
        pods=names(faulty[n] for n in behind),
    )


def _pods(place: Place) -> set[str]:
    """The pods that are the endpoints of a place; none where one of them is no known pod."""
    refs = [e.target_ref for e in place.endpoints]
    if any(r is None or r.kind != "Pod" for r in refs):
        return set()
    return {r.name for r in refs if r is not None}


_SHOP = """
kind: Service
metadata: {name: shop}
spec: {trafficDistribution: PreferSameZone, selector: {app: shop}, ports: [{port: 80}]}
---
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: shop-2, labels: {app: shop}}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: shop-1}
endpoints:
- {addresses: [10.0.0.1], targetRef: {kind: Pod, name: shop-1}%s}
- {addresses: [10.0.0.2], targetRef: {kind: Pod, name: shop-2}%s}
ports: [{name: "", port: 80}]
---
probes:
  shop-1: {sockets: ["0.0.0.0:80"], port-forward: {80: accepted}}
  shop-2: {sockets: ["%s"], port-forward: {80: %s}}
"""


def _shop(first: str, second: str, *, well: bool = False) -> str:
    hints = [f", hints: {{forZones: [{{name: {z}}}]}}" if z else "" for z in (first, second)]
    shown = ("0.0.0.0:80", "accepted") if well else ("0.0.0.0:9000", "refused")
    return _SHOP % (*hints, *shown)


RULE = Rule(
    code="PC312",
    name="preferred-endpoints-fail",
    severity="warning",
    summary="The clients of a zone or a node are sent only to pods that fail, since their own are "
    "preferred",
    applies=(When.NOT_EXTERNAL_NAME, When.NOT_HEADLESS),
    clues=(Clue.HINTED,),
    needs=(Need.SLICES,),
    uses=(Need.PODS, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The EndpointSlices of the Service have hints, because trafficDistribution is set "
        "or topology-aware routing is on. kube-proxy sends the clients of a zone or a node only to "
        "the endpoints that are hinted for it. For some zone or node all of these fail, while "
        "other pods of the Service serve. A preference by itself never leaves clients without an "
        "endpoint: a zone for which no endpoint is hinted uses all of them.",
        why="A preference looks at whether endpoints are Ready, not at whether they answer. All "
        "clients there get errors, and clients elsewhere none, so the fault looks like one of the "
        "zone.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml: compare "
        "the hints with the pods that fail.",
        fix="Fix the pods. A readiness probe that asks the served port makes kube-proxy use other "
        "endpoints as soon as such pods fail.",
    ),
    examples=(
        Example(
            "the pod of one zone refuses",
            _shop("a", "b"),
            expects="""
degraded; also PC407, PC501
PC312 warning in Service shop, port 80/TCP, follows from PC407
  Clients in zone b are sent only to pods that fail, though others serve
  pods: shop-2
  - Service shop: trafficDistribution is PreferSameZone
  - clients in zone b use shop-2
  review: Fix shop-2; until then, clients there are served if the pods are not Ready or are
      deleted, since kube-proxy then uses the endpoints of all zones
""",
        ),
        Example(
            "a zone has no endpoint of its own, and uses all",
            _shop("a", "a", well=True),
            expects="healthy",
        ),
        Example(
            "one endpoint has no hint, so that none is followed",
            _shop("a", ""),
            expects="degraded; also PC407, PC501",
        ),
        Example(
            "both pods are in one zone", _shop("a", "a"), expects="degraded; also PC407, PC501"
        ),
    ),
    check=_check,
    follows_from=("PC202", "PC204", "PC401", "PC407", "PC501", "PC502", "PC503", "PC507"),
)
