"""PC703: a route of another namespace references the Service without a ReferenceGrant."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.kinds import GATEWAY
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.model.report import Finding, Impact
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
from kubectl_portcheck.semantics import references
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    foreign = [
        r
        for r in case.routes
        if r.metadata.namespace not in ("", case.namespace) and not references.is_for_mesh(r)
    ]
    if not foreign:
        return NotApplicable("no route of another namespace is known to name the Service")
    missing = case.missing("reference_grants")
    if missing is not None:
        return RULE.lacks(missing)
    found = [
        _finding(case, r)
        for r in foreign
        if not references.granted(case.reference_grants, r, case.service)
    ]
    return Several(tuple(found)) if found else Passed()


def _finding(case: ServiceCase, route: Route) -> Finding:
    meta = route.metadata
    uses = [u for u in references.uses_of_route(route) if case.is_meant(u.service, u.namespace)]
    numbers = {u.port for u in uses}
    port = next((p for p in case.service.spec.ports if numbers == {p.port}), None)
    touches = port is None or port in case.asked_ports
    grants = [g.metadata.name for g in case.reference_grants]
    return RULE.finding(
        case,
        f"The {route.kind} {meta.name} of namespace {meta.namespace} may not refer to the Service: "
        f"no ReferenceGrant in namespace {case.namespace} allows it",
        evidence=[
            *(Observation(text=f"ReferenceGrant {name} does not allow it") for name in grants),
            *(r.said for r in references.refusals(route)),
        ],
        fixes=[_grant(case, route)],
        impact=Impact.PATH if touches else Impact.NONE,
        severity="error" if touches else "warning",
        subject=Subject(kind=route.kind, namespace=meta.namespace, name=meta.name),
        port=port,
        pointer=uses[0].pointer,
    )


def _grant(case: ServiceCase, route: Route) -> Fix:
    space = route.metadata.namespace
    return Fix(
        title=f"Allow {route.kind}s of namespace {space} to reference Service {case.name}: apply "
        f"this ReferenceGrant (kubectl apply -f FILE) in namespace {case.namespace}",
        patch=f"""\
apiVersion: {GATEWAY}/v1beta1
kind: ReferenceGrant
metadata:
  name: {case.name}-from-{space}
  namespace: {case.namespace}
spec:
  from:
  - group: {GATEWAY}
    kind: {route.kind}
    namespace: {space}
  to:
  - group: ""
    kind: Service
    name: {case.name}
""",
        target="source",
    )


RULE = Rule(
    code="PC703",
    name="reference-not-granted",
    severity="error",
    summary="A route of another namespace references the Service without a ReferenceGrant",
    needs=(Need.ROUTES,),
    uses=(Need.GRANTS,),
    in_files=Worth.ABSENCE,
    explanation=Explanation(
        meaning="A route of the Gateway API may reference a Service of another namespace only if "
        "a ReferenceGrant in the Service's namespace allows it: from that kind of route and that "
        "namespace, to all Services or to this one. The backend of a RequestMirror filter counts "
        "as well. A route whose parents are Services is for a mesh and needs no grant.",
        why="The backend does not resolve (condition ResolvedRefs is False, reason "
        "RefNotPermitted), and the Gateway answers with status 500 for its share of the requests.",
        confirm="kubectl get referencegrants -n NAMESPACE -o yaml, and the conditions under "
        "status.parents of the route.",
        fix="Create the ReferenceGrant in the Service's namespace, or move the route to that "
        "namespace.",
    ),
    examples=(
        Example(
            "a route of another namespace, and the grant is for another kind of route",
            """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
kind: HTTPRoute
metadata: {name: edge, namespace: web}
spec: {rules: [{backendRefs: [{name: checkout, namespace: shop, port: 80}]}]}
---
kind: ReferenceGrant
metadata: {name: web, namespace: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: web}]
  to: [{group: "", kind: Service}]
""",
            expects="""
broken; also PC301
PC703 error for path in HTTPRoute edge, port 80/TCP
  The HTTPRoute edge of namespace web may not refer to the Service: no ReferenceGrant in
      namespace shop allows it
  - ReferenceGrant web does not allow it
  review: Allow HTTPRoutes of namespace web to reference Service checkout: apply this
      ReferenceGrant (kubectl apply -f FILE) in namespace shop
""",
        ),
        Example(
            "granted to every Service of the namespace",
            """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
kind: HTTPRoute
metadata: {name: edge, namespace: web}
spec: {rules: [{backendRefs: [{name: checkout, namespace: shop, port: 80}]}]}
---
kind: ReferenceGrant
metadata: {name: web, namespace: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web}]
  to: [{group: "", kind: Service}]
""",
            expects="broken; also PC301",
        ),
        Example(
            "the backend of a RequestMirror filter counts as well",
            """
kind: Service
metadata: {name: shadow, namespace: shop}
spec: {selector: {app: shadow}, ports: [{port: 80}]}
---
kind: HTTPRoute
metadata: {name: edge, namespace: web}
spec:
  parentRefs: [{name: edge}]
  rules:
  - filters:
    - requestMirror: {backendRef: {name: shadow, namespace: shop, port: 80}}
    backendRefs: [{name: front, port: 80}]
---
kind: ReferenceGrant
metadata: {name: other, namespace: shop}
spec: {from: [], to: [{group: "", kind: Service}]}
""",
            expects="""
broken; also PC301
PC703 error for path in HTTPRoute edge, port 80/TCP
  The HTTPRoute edge of namespace web may not refer to the Service: no ReferenceGrant in
      namespace shop allows it
  - ReferenceGrant other does not allow it
  review: Allow HTTPRoutes of namespace web to reference Service shadow: apply this
      ReferenceGrant (kubectl apply -f FILE) in namespace shop
""",
        ),
        Example(
            "a route whose parent is a Service is for a mesh and needs no grant",
            """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
kind: HTTPRoute
metadata: {name: edge, namespace: web}
spec:
  parentRefs: [{group: "", kind: Service, name: checkout, namespace: shop}]
  rules: [{backendRefs: [{name: checkout, namespace: shop, port: 80}]}]
---
kind: ReferenceGrant
metadata: {name: other, namespace: shop}
spec: {from: [], to: [{group: "", kind: Service}]}
""",
            expects="broken; also PC301",
        ),
        Example(
            "a route of the Service's own namespace needs no grant",
            """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
kind: HTTPRoute
metadata: {name: edge, namespace: shop}
spec: {rules: [{backendRefs: [{name: checkout, port: 80}]}]}
""",
            expects="broken; also PC301",
        ),
    ),
    clues=(Need.ROUTES,),
    check_service=_check,
)
