"""PC716: no controller takes an Ingress, because of its class."""

from kubectl_portcheck.model.facts import Fact, Observation, State
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
)
from kubectl_portcheck.rules.wording import ago, listing
from kubectl_portcheck.semantics import ingress_classes
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ingress_classes import Class, class_standing
from kubectl_portcheck.semantics.pods import age
from kubectl_portcheck.semantics.references import INGRESS_CLASS

PATIENCE = 300
"""Seconds after which a controller that gives addresses has given one."""


def _check(case: ServiceCase) -> Outcome:
    if not case.ingresses:
        return NotApplicable("no Ingress names the Service")
    missing = case.missing("ingress_classes")
    if missing is not None:
        return RULE.lacks(missing)
    standings = [(i, class_standing(i, case.ingress_classes)) for i in case.ingresses]
    found = [f for i, s in standings if (f := _finding(case, i, s))]
    if found:
        return Several(tuple(found))
    untold = [(i, s) for i, s in standings if s.standing == "unknown"]
    return RULE.lacks(_untold(*untold[0])) if untold else Passed()


def _untold(ingress: Ingress, standing: Class) -> str:
    what = f"class {standing.name} has no IngressClass" if standing.name else "it names no class"
    return f"whether a controller takes Ingress {ingress.metadata.name} is not known: {what}"


def _finding(case: ServiceCase, ingress: Ingress, standing: Class) -> Finding | None:
    said = _said(case, ingress, standing)
    if said is None:
        return None
    severity, impact = entries.weight(
        case,
        entries.ports_of(case, ingress),
        # Without any class there may be no controller at all, and no client that uses the Ingress.
        "error" if standing.standing == "missing" and case.ingress_classes else "warning",
    )
    if standing.standing == "fine":
        severity = "info"
    classes = [_class(case, c.metadata.name, c.spec.controller) for c in case.ingress_classes]
    facts: list[Fact] = [entries.leads(case, ingress)]
    facts.append(Observation(text=f"IngressClasses of the cluster: {listing(classes) or 'none'}"))
    if not ingress_classes.is_taken(ingress):
        state = "no controller has given it an address"
        facts.append(State(subject=entries.subject_of(case, ingress), state=state))
    return RULE.finding(
        case,
        said,
        evidence=facts,
        fixes=_fixes(case, ingress, standing),
        impact=impact,
        severity=severity,
        subject=entries.subject_of(case, ingress),
        pointer="/spec/ingressClassName",
    )


def _class(case: ServiceCase, name: str, controller: str) -> str:
    default = ", default" if name == ingress_classes.default_class(case.ingress_classes) else ""
    return f"{name} ({controller}{default})"


def _said(case: ServiceCase, ingress: Ingress, standing: Class) -> str | None:
    name = f"Ingress {ingress.metadata.name}"
    near = f"; {standing.near} does" if _resembles(standing) else ""
    if standing.standing == "missing":
        return f"No controller takes {name}: its IngressClass {standing.name} does not exist{near}"
    if standing.standing == "none":
        return (
            f"{name} has no class, and no class is the default: ingress-nginx ignores it, unless "
            "its flag --watch-ingress-without-class is set"
            if not ingress_classes.default_class(case.ingress_classes)
            else f"{name} has no class: it is older than the default {standing.near}, which is "
            "given to new Ingresses only"
        )
    if standing.standing == "old-style":
        return f"{name} has the class {standing.name}, which may be {standing.near}, misspelt"
    if standing.standing == "fine" and _unnoticed(case, ingress):
        since = ago(ingress.metadata.creation_timestamp, case.now)
        return (
            f"{name} was created {since} and has no address: no controller of its class "
            f"{standing.name} runs, or its load balancer is pending"
        )
    return None


def _resembles(standing: Class) -> bool:
    return bool(standing.near) and ingress_classes.resembles(standing.name, standing.near)


def _unnoticed(case: ServiceCase, ingress: Ingress) -> bool:
    """Whether a controller that always gives an address has given none for long."""
    controller = ingress_classes.controller_of(ingress, case.ingress_classes)
    if controller not in ingress_classes.GIVE_ADDRESSES or ingress_classes.is_taken(ingress):
        return False
    return PATIENCE < age(ingress.metadata.creation_timestamp, case.now) < float("inf")


def _fixes(case: ServiceCase, ingress: Ingress, standing: Class) -> list[Fix]:
    if standing.standing == "fine":
        return []
    names = [c.metadata.name for c in case.ingress_classes]
    offered = [standing.near] if standing.near else names[:3]
    sure = _resembles(standing) and standing.standing == "missing"
    found = [
        fixes.patch(
            case,
            entries.subject_of(case, ingress),
            _change(ingress, standing, name),
            title=f"Set the class of Ingress {ingress.metadata.name} to {name}"
            + ("" if sure else ", if that was meant"),
            safety="safe" if sure else "review",
            source=f"spec:\n  ingressClassName: {name}\n",
        )
        for name in offered
    ]
    if found:
        return found
    return [
        fixes.by_hand(
            f"Install an Ingress controller, and set the class of Ingress {ingress.metadata.name} "
            "to the one that it takes (kubectl get ingressclass)"
        )
    ]


def _change(ingress: Ingress, standing: Class, name: str) -> list[Operation]:
    if ingress.spec.ingress_class_name:
        return fixes.replace("/spec/ingressClassName", standing.name, name)
    change = [fixes.add("/spec/ingressClassName", name)]
    if standing.name:
        # Both at once are refused.
        at = f"/metadata/annotations/{fixes.pointer(INGRESS_CLASS)}"
        change = [fixes.test(at, standing.name), fixes.remove(at), *change]
    return change


RULE = Rule(
    code="PC716",
    name="ingress-not-taken",
    severity="error",
    summary="No controller takes an Ingress, because of its class",
    needs=(Need.INGRESSES,),
    uses=(Need.INGRESS_CLASSES,),
    explanation=Explanation(
        meaning="The class of an Ingress (spec.ingressClassName, or the older annotation "
        "kubernetes.io/ingress.class) says which controller takes it. The class does not exist, or "
        "the Ingress has none and no class is the default. Some controllers compare the name and "
        "need no IngressClass (GKE, Kong, Contour, Cilium): then the report says that it could not "
        "tell. An Ingress with an address was taken by a controller.",
        why="Every controller ignores the Ingress. Clients that come by its host get the answer "
        "of another rule, mostly 404. Clients inside the cluster are not affected.",
        confirm="kubectl get ingressclass, and the columns CLASS and ADDRESS of kubectl get "
        "ingress.",
        fix="Set ingressClassName to a class that exists. A default class is given to an Ingress "
        "when it is created, and never later.",
    ),
    examples=(
        Example(
            "the class is misspelt",
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
metadata: {name: shop}
spec:
  ingressClassName: nginix
  rules:
  - host: shop.example
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: checkout, port: {number: 80}}}}]
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
degraded
PC716 error for path in Ingress shop
  No controller takes Ingress shop: its IngressClass nginix does not exist; nginx does
  - Ingress shop: shop.example/ → port 80
  - IngressClasses of the cluster: nginx (k8s.io/ingress-nginx)
  - Ingress shop: no controller has given it an address
  safe: Set the class of Ingress shop to nginx
    replace /spec/ingressClassName nginx in Ingress shop
""",
        ),
        Example(
            "no class, and ingress-nginx takes only Ingresses of its own",
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
metadata: {name: shop}
spec: {defaultBackend: {service: {name: checkout, port: {number: 80}}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
healthy
PC716 warning in Ingress shop
  Ingress shop has no class, and no class is the default: ingress-nginx ignores it, unless its
      flag --watch-ingress-without-class is set
  - Ingress shop: default backend → port 80
  - IngressClasses of the cluster: nginx (k8s.io/ingress-nginx)
  - Ingress shop: no controller has given it an address
  review: Set the class of Ingress shop to nginx, if that was meant
    add /spec/ingressClassName nginx in Ingress shop
""",
        ),
        Example(
            "the class exists, and no controller of it seems to run",
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
metadata: {name: shop, creationTimestamp: "2026-06-01T09:00:00Z"}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: checkout, port: {number: 80}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
healthy
PC716 info in Ingress shop
  Ingress shop was created 3 hours ago and has no address: no controller of its class nginx
      runs, or its load balancer is pending
  - Ingress shop: default backend → port 80
  - IngressClasses of the cluster: nginx (k8s.io/ingress-nginx)
  - Ingress shop: no controller has given it an address
""",
        ),
        Example(
            "a controller took an Ingress without a class: it watches all",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata: {name: shop}
spec: {defaultBackend: {service: {name: checkout, port: {number: 80}}}}
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}]}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
""",
            expects="broken; also PC301",
        ),
        Example(
            "a cloud's controller knows its class by name",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata: {name: shop, annotations: {kubernetes.io/ingress.class: gce}}
spec: {defaultBackend: {service: {name: checkout, port: {number: 80}}}}
""",
            expects="""
broken; also PC301
not evaluated: whether a controller takes Ingress shop is not known: class gce has no
    IngressClass
""",
        ),
    ),
    clues=(Need.INGRESSES,),
    check_service=_check,
)
