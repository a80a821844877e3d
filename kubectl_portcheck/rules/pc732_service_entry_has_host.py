"""PC732: a ServiceEntry of Istio has the host of the Service."""

from kubectl_portcheck.model.facts import Fact, Observation, State
from kubectl_portcheck.model.references import Referrer, RegistryEntry
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
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase

_EVERYONE = "*"
_OWN = "."


def _check(case: ServiceCase) -> Outcome:
    entries = [(r, r.entry) for r in case.read_by("registry") if r.entry is not None]
    if (missing := referrer_ports.lacking(case, "registry")) is not None:
        return RULE.lacks(missing)
    if not entries:
        return NotApplicable("no ServiceEntry is known to have the host of the Service")
    found = [
        f
        for referrer, entry in entries
        if (
            f := _in_its_namespace(case, referrer, entry)
            if case.namespace_of(referrer.metadata) == case.namespace
            else _in_another(case, referrer, entry)
        )
    ]
    return Several(tuple(found)) if found else Passed()


def _in_its_namespace(
    case: ServiceCase, referrer: Referrer, entry: RegistryEntry
) -> Finding | None:
    """Istio takes the ports of the Service, and the endpoints of both for ports of one name."""
    ports = case.service.spec.ports
    shared = [p for p in entry.ports if p.name in {q.name for q in ports}]
    ignored = [p.number for p in entry.ports if p.number not in {q.port for q in ports}]
    effects = []
    if entry.adds and shared:
        names = listing(p.name for p in shared)
        effects.append(f"sidecars send to its endpoints as well, on port {names}")
    if ignored:
        several = len(ignored) > 1
        which, are = ("ports", "are") if several else ("port", "is")
        effects.append(f"its {which} {listing(ignored)} {are} ignored")
    if not effects:
        return None
    return _finding(case, referrer, entry, "; ".join(effects))


def _in_another(case: ServiceCase, referrer: Referrer, entry: RegistryEntry) -> Finding | None:
    """Where both are visible, clients in the namespace of the ServiceEntry get that one."""
    home = case.namespace_of(referrer.metadata)
    if entry.export_to and not {_EVERYONE, _OWN, home} & set(entry.export_to):
        return None
    effect = f"clients with a sidecar in namespace {home} may follow it instead"
    older = Observation(
        text="with PILOT_UNIFIED_SIDECAR_SCOPE=false and in older versions of Istio only where "
        "a Sidecar resource holds"
    )
    return _finding(case, referrer, entry, effect, older)


def _finding(
    case: ServiceCase, referrer: Referrer, entry: RegistryEntry, effect: str, *more: Fact
) -> Finding:
    subject = referrer_ports.subject_of(case, referrer)
    ports = listing(f"{p.number} ({p.name})" for p in entry.ports) or "none"
    kept = "has endpoints of its own" if entry.adds else "names no endpoints"
    return RULE.finding(
        case,
        f"ServiceEntry {subject.name} has the host of Service {case.name}: {effect}",
        evidence=[
            State(subject=subject, state=f"ports: {ports}"),
            State(subject=subject, state=kept),
            *more,
        ],
        fixes=[
            fixes.by_hand(
                f"Give ServiceEntry {subject.name} a host of its own, or remove it where the "
                "Service is meant"
            )
        ],
        severity="warning",
        impact=Impact.NONE,
        subject=subject,
        pointer=referrer_ports.references_here(case, referrer)[0].pointer,
    )


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, namespace: shop, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
---
kind: ServiceEntry
metadata: {name: outside, namespace: SPACE}
spec:
  hosts: [HOST]
  ports: [{number: PORT, name: PORTNAME}]
  endpoints: [{address: 192.0.2.7}]
"""
_HOST = "checkout.shop.svc.cluster.local"


def _shop(space: str, port: int = 80, host: str = _HOST) -> str:
    name = "http" if port == 80 else "admin"
    filled = _SHOP.replace("SPACE", space).replace("PORTNAME", name).replace("PORT", str(port))
    return filled.replace("HOST", f'"{host}"')


RULE = Rule(
    code="PC732",
    name="service-entry-has-host",
    severity="warning",
    summary="An Istio ServiceEntry has the host of the Service",
    applies=(When.NOT_EXTERNAL_NAME,),
    needs=(),
    uses=(Need.REFERRERS,),
    clues=(Need.REFERRERS,),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="A ServiceEntry names NAME.NAMESPACE.svc.cluster.local of the Service among its "
        "hosts. In the namespace of the Service, Istio takes the ports of the Service, ignores "
        "those of the ServiceEntry, and sends to the endpoints of both where a port has the same "
        "name. In another namespace, the ServiceEntry holds for the clients there. Wildcards and "
        "shorter names are other hosts, and an entry that no client there may see has no effect.",
        why="Clients in the mesh meet endpoints that kubectl does not show beside the Service, and "
        "other clients do not. Nothing of it is visible without a sidecar.",
        confirm="istioctl proxy-config endpoints POD --cluster "
        "'outbound|PORT||NAME.NAMESPACE.svc.cluster.local' in a client's pod.",
        fix="Give the ServiceEntry another host. Where two clusters share a Service, or where the "
        "entry is meant to take its place, it is right.",
    ),
    examples=(
        Example(
            "endpoints beside those of the Service",
            _shop("shop"),
            expects="""
healthy
PC732 warning in ServiceEntry outside
  ServiceEntry outside has the host of Service checkout: sidecars send to its endpoints as well,
      on port http
  - ServiceEntry outside: ports: 80 (http)
  - ServiceEntry outside: has endpoints of its own
  review: Give ServiceEntry outside a host of its own, or remove it where the Service is meant
""",
        ),
        Example(
            "a port that the Service does not have",
            _shop("shop", 9090),
            expects="""
healthy
PC732 warning in ServiceEntry outside
  ServiceEntry outside has the host of Service checkout: its port 9090 is ignored
  - ServiceEntry outside: ports: 9090 (admin)
  - ServiceEntry outside: has endpoints of its own
  review: Give ServiceEntry outside a host of its own, or remove it where the Service is meant
""",
        ),
        Example(
            "in the place of the Service for another namespace",
            _shop("web"),
            expects="""
healthy
PC732 warning in ServiceEntry outside
  ServiceEntry outside has the host of Service checkout: clients with a sidecar in namespace web
      may follow it instead
  - ServiceEntry outside: ports: 80 (http)
  - ServiceEntry outside: has endpoints of its own
  - with PILOT_UNIFIED_SIDECAR_SCOPE=false and in older versions of Istio only where a Sidecar
      resource holds
  review: Give ServiceEntry outside a host of its own, or remove it where the Service is meant
""",
        ),
        Example(
            "a wildcard is another host",
            _shop("web", 80, "*.shop.svc.cluster.local"),
            expects="healthy",
        ),
    ),
    check_service=_check,
)
