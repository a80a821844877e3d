"""PC717: the rewrite of an Ingress refers to a group that its path does not have."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Fix, Operation
from kubectl_portcheck.model.references import Ingress
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import entries, fixes
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
from kubectl_portcheck.rules.wording import listing, plural
from kubectl_portcheck.semantics.annotations import NGINX_REWRITE
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ingress_classes import is_for_nginx
from kubectl_portcheck.semantics.ingresses import (
    IMPLEMENTATION,
    Place,
    groups_of,
    groups_wanted,
    is_pattern,
    places,
)


def _check(case: ServiceCase) -> Outcome:
    rewritten = [i for i in case.ingresses if groups_wanted(i)]
    rewritten = [i for i in rewritten if is_for_nginx(i, case.ingress_classes)]
    if not rewritten:
        return NotApplicable("no Ingress of ingress-nginx rewrites paths by groups")
    found = [_finding(case, i, lacking) for i in rewritten if (lacking := _lacking(case, i))]
    return Several(tuple(found)) if found else Passed()


def _lacking(case: ServiceCase, ingress: Ingress) -> list[Place]:
    most = max(groups_wanted(ingress))
    return [p for p in places(ingress, case.name) if groups_of(p.path.path) < most]


def _finding(case: ServiceCase, ingress: Ingress, lacking: list[Place]) -> Finding:
    subject = entries.subject_of(case, ingress)
    target = ingress.metadata.annotations[NGINX_REWRITE]
    wanted = max(groups_wanted(ingress))
    severity, impact = entries.weight(case, [p.port for p in lacking])
    count = groups_of(lacking[0].path.path)
    has = f"{count} {plural('group', count)}" if count else "no group"
    return RULE.finding(
        case,
        f"Ingress {subject.name} rewrites {lacking[0].text} to {target}, but the path has {has}, "
        f"so ${wanted} is empty",
        evidence=[
            *(State(subject=subject, state=f"path {p.path.path}, {p.type}") for p in lacking),
            State(subject=subject, state=f"annotation {NGINX_REWRITE}: {target}"),
        ],
        fixes=_fixes(case, ingress, lacking, target),
        impact=impact,
        severity=severity,
        subject=subject,
        pointer=f"{lacking[0].pointer}/path",
    )


def _fixes(case: ServiceCase, ingress: Ingress, lacking: list[Place], target: str) -> list[Fix]:
    """What makes the usual rewrite whole: ``/checkout(/|$)(.*)`` for ``/$2``."""
    subject = entries.subject_of(case, ingress)
    name = ingress.metadata.name
    plain = not any(is_pattern(p.path.path) for p in lacking)
    if plain and target in ("/$2", "/$1"):
        changes = [o for p in lacking for o in _with_groups(p, target)]
        new = listing(dict.fromkeys(_pattern(p, target) for p in lacking))
        return [
            fixes.patch(
                case,
                subject,
                changes,
                title=f"Change the path of Ingress {name} to {new}, which hands on what follows",
                safety="review",
            )
        ]
    return [
        fixes.by_hand(
            f"Give the path of Ingress {name} the groups that {target} refers to, or refer to "
            "those that it has"
        )
    ]


def _pattern(place: Place, target: str) -> str:
    base = place.path.path.rstrip("/")
    return f"{base}(/|$)(.*)" if target == "/$2" else f"{base}/?(.*)"


def _with_groups(place: Place, target: str) -> list[Operation]:
    at = f"{place.pointer}/path"
    change = fixes.replace(at, place.path.path, _pattern(place, target))
    if place.type == IMPLEMENTATION:
        return change
    # No other type takes a regular expression.
    return [*change, *fixes.replace(f"{place.pointer}/pathType", place.type, IMPLEMENTATION)]


RULE = Rule(
    code="PC717",
    name="ingress-rewrite-group-missing",
    severity="error",
    summary="The rewrite of an Ingress refers to a group that its path does not have",
    needs=(Need.INGRESSES,),
    uses=(Need.INGRESS_CLASSES,),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="The annotation nginx.ingress.kubernetes.io/rewrite-target replaces the path of "
        "a request. $1 and $2 are what the groups of the path matched, and the path has "
        "fewer groups.",
        why="A group that does not exist is empty, so ingress-nginx asks the pods for the same "
        "path whatever the client asked for, mostly /. Pages, assets and APIs under the path get "
        "wrong answers or 404.",
        confirm="kubectl get ingress NAME -o yaml: count the groups in parentheses in the path.",
        fix="Write the path with its groups, such as /checkout(/|$)(.*) for /$2, with pathType "
        "ImplementationSpecific.",
    ),
    examples=(
        Example(
            "the path has no second group",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
kind: Ingress
metadata:
  name: shop
  annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /checkout
        pathType: Prefix
        backend: {service: {name: checkout, port: {number: 80}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
degraded
PC717 error for path in Ingress shop
  Ingress shop rewrites shop.example/checkout to /$2, but the path has no group, so $2 is empty
  - Ingress shop: path /checkout, Prefix
  - Ingress shop: annotation nginx.ingress.kubernetes.io/rewrite-target: /$2
  review: Change the path of Ingress shop to /checkout(/|$)(.*), which hands on what follows
    replace /spec/rules/0/http/paths/0/path /checkout(/|$)(.*) in Ingress shop
    replace /spec/rules/0/http/paths/0/pathType ImplementationSpecific in Ingress shop
""",
        ),
        Example(
            "the path has both groups",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata:
  name: shop
  annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /checkout(/|$)(.*)
        pathType: ImplementationSpecific
        backend: {service: {name: checkout, port: {number: 80}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
""",
            expects="broken; also PC301",
        ),
        Example(
            "another controller does not read the annotation",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata:
  name: shop
  annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}
spec:
  ingressClassName: traefik
  rules:
  - http:
      paths:
      - path: /checkout
        pathType: Prefix
        backend: {service: {name: checkout, port: {number: 80}}}
---
kind: IngressClass
metadata: {name: traefik}
spec: {controller: traefik.io/ingress-controller}
""",
            expects="broken; also PC301",
        ),
    ),
    clues=(Need.INGRESSES,),
    check_service=_check,
)
