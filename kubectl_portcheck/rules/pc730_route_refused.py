"""PC730: a Gateway's controller reports that it does not accept a route to the Service."""

from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
)
from kubectl_portcheck.semantics import references
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if not case.routes:
        return NotApplicable("no route names the Service")
    found = [f for r in case.routes if (f := _finding(case, r))]
    return Several(tuple(found)) if found else Passed()


def _finding(case: ServiceCase, route: Route) -> Finding | None:
    uses = references.uses_of_route(route)
    # What does not resolve may be another backend of the route.
    ours = all(case.is_meant(u.service, u.namespace) for u in uses)
    refused = references.refusals(route, ("Accepted", *(("ResolvedRefs",) if ours else ())))
    if not refused:
        return None
    meta = route.metadata
    subject = Subject(kind=route.kind, namespace=case.namespace_of(meta), name=meta.name)
    return RULE.finding(
        case,
        f"The controller of a Gateway reports that it does not accept {route.kind} {meta.name}: "
        f"{refused[0].reason}",
        evidence=[r.said for r in refused],
        fixes=[
            fixes.look(
                case,
                *("get", route.kind.lower(), meta.name, "-o", "yaml"),
                title="Fix what the controller reports under status.parents: the Gateway's "
                "listeners, hostnames and allowedRoutes, or the backends",
                namespace=subject.namespace,
            )
        ],
        subject=subject,
    )


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
---
kind: HTTPRoute
metadata: {name: shop, namespace: default}
spec: {rules: [{backendRefs: [{name: checkout, port: 80}%s]}]}
status:
  parents:
  - parentRef: {name: edge}
    conditions:
    - %s
"""
_ACCEPTED = """{type: Accepted, status: "False", reason: NotAllowedByListeners}"""
_UNRESOLVED = """{type: ResolvedRefs, status: "False", reason: BackendNotFound}"""

RULE = Rule(
    code="PC730",
    name="route-refused",
    severity="warning",
    summary="The controller of a Gateway reports that it does not accept a route to the Service",
    needs=(Need.ROUTES,),
    uses=(),
    explanation=Explanation(
        meaning="The status of a route says for each Gateway whether its controller accepts the "
        "route (condition Accepted) and finds its backends (ResolvedRefs). One of them is False. "
        "The finding quotes the controller and is a warning: the status may be older than the "
        "last change.",
        why="The Gateway sends the requests of a route that it does not accept elsewhere, mostly "
        "to a 404; a backend that does not resolve gets status 500. Clients inside the cluster are "
        "not affected.",
        confirm="kubectl get httproute NAME -o yaml: read the conditions under status.parents.",
        fix="Fix what the controller reports: the listener, hostname or allowedRoutes of the "
        "Gateway, or the backends of the route.",
    ),
    examples=(
        Example(
            "the listeners allow no routes of this namespace",
            _SHOP % ("", _ACCEPTED),
            expects="""
healthy
PC730 warning in HTTPRoute shop
  The controller of a Gateway reports that it does not accept HTTPRoute shop:
      NotAllowedByListeners
  - Gateway edge: NotAllowedByListeners
  review: Fix what the controller reports under status.parents: the Gateway's listeners,
      hostnames and allowedRoutes, or the backends
    look: kubectl get httproute shop -o yaml -n default
""",
        ),
        Example(
            "the backend does not resolve",
            _SHOP % ("", _UNRESOLVED),
            expects="""
healthy
PC730 warning in HTTPRoute shop
  The controller of a Gateway reports that it does not accept HTTPRoute shop: BackendNotFound
  - Gateway edge: BackendNotFound
  review: Fix what the controller reports under status.parents: the Gateway's listeners,
      hostnames and allowedRoutes, or the backends
    look: kubectl get httproute shop -o yaml -n default
""",
        ),
        Example(
            "another backend of the route may be meant",
            _SHOP % (", {name: other, port: 80}", _UNRESOLVED),
            expects="healthy",
        ),
    ),
    check_service=_check,
    follows_from=("PC702", "PC703", "PC713"),
)
