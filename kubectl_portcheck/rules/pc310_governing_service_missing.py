"""PC310: the Service that a StatefulSet names does not exist, or does not fit."""

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Pod, Service, Workload
from kubectl_portcheck.model.report import Finding
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
    Several,
    When,
)
from kubectl_portcheck.semantics import selectors
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.expose import Wanted, exposed
from kubectl_portcheck.semantics.pods import is_ready


def _check(case: ServiceCase) -> Outcome:
    named = _named(case)
    if not named:
        return NotApplicable("no pod of a StatefulSet that names a Service")
    found = [f for name, pods in named.items() if (f := _finding(case, name, pods))]
    return Several(tuple(found)) if found else Passed()


def _named(case: ServiceCase) -> dict[str, list[Pod]]:
    """The pods of StatefulSets by the Service under which DNS is to know them."""
    found: dict[str, list[Pod]] = {}
    for pod in case.pods:
        owner = next((o for o in pod.metadata.owner_references if o.controller), None)
        if pod.spec.subdomain and owner is not None and owner.kind == "StatefulSet":
            found.setdefault(pod.spec.subdomain, []).append(pod)
    return found


def _finding(case: ServiceCase, name: str, pods: list[Pod]) -> Finding | None:
    owner = case.workload(pods[0])
    assert owner is not None
    if name == case.name and case.evidence.asked is None:
        return None if case.service.headless else _not_headless(case, owner, case.service)
    if case.missing("services"):
        return None  # All pods are Ready, and nothing asked for more.
    service = next((s for s in case.services if s.metadata.name == name), None)
    if service is None:
        return _missing(case, owner, name, pods)
    if not all(selectors.matches(service.spec.selector, p.metadata.labels) for p in pods):
        return _elsewhere(case, owner, service)
    return None if service.headless else _not_headless(case, owner, service)


def _missing(case: ServiceCase, owner: Subject, name: str, pods: list[Pod]) -> Finding:
    return RULE.finding(
        case,
        f"StatefulSet {owner.name} names Service {name}, which does not exist: its pods have no "
        "DNS names",
        evidence=[_names(owner, name)],
        fixes=[_create(case, owner, name)],
        severity="info" if all(map(is_ready, pods)) else "warning",
        subject=owner,
        pointer="/spec/serviceName",
    )


def _create(case: ServiceCase, owner: Subject, name: str) -> Fix:
    subject = Subject(kind="Service", namespace=case.namespace, name=name)
    workload = next((w for w in case.workloads if _is(w, owner)), None)
    found = exposed(workload, Wanted(name, headless=True)) if workload else None
    title = f"Create headless Service {name} for the pods of StatefulSet {owner.name}"
    if found is None:
        return fixes.by_hand(title)
    if not found.words:
        return fixes.by_hand(f"{title} (kubectl apply -f FILE)", found.manifest)
    return fixes.run(case, *found.words, title=title, subject=subject)


def _is(workload: Workload, owner: Subject) -> bool:
    return (workload.kind, workload.metadata.name) == (owner.kind, owner.name)


def _elsewhere(case: ServiceCase, owner: Subject, service: Service) -> Finding:
    name = service.metadata.name
    terms = selectors.as_query(service.spec.selector)
    subject = Subject(kind="Service", namespace=case.namespace, name=name)
    facts: list[Fact] = [_names(owner, name)]
    facts.append(State(subject=subject, state=f"selects {terms}" if terms else "has no selector"))
    return RULE.finding(
        case,
        f"StatefulSet {owner.name} names Service {name}, which does not select its pods: they have "
        "no DNS names",
        evidence=facts,
        fixes=[fixes.by_hand(f"Set the selector of Service {name} to labels that these pods have")],
        severity="warning",
        subject=subject,
        pointer="/spec/selector",
    )


def _not_headless(case: ServiceCase, owner: Subject, service: Service) -> Finding:
    name = service.metadata.name
    return RULE.finding(
        case,
        f"StatefulSet {owner.name} names Service {name}, which is not headless: its pods have no "
        "DNS names of their own",
        evidence=[_names(owner, name)],
        severity="info",
        subject=Subject(kind="Service", namespace=case.namespace, name=name),
        pointer="/spec/clusterIP",
    )


def _names(owner: Subject, name: str) -> State:
    return State(subject=owner, state=f"serviceName: {name}")


RULE = Rule(
    code="PC310",
    name="governing-service-missing",
    severity="warning",
    summary="The Service that a StatefulSet names does not exist, or does not fit",
    applies=(When.PODS,),
    clues=(Clue.SUBDOMAIN,),
    needs=(Need.PODS,),
    uses=(Need.SERVICES, Need.WORKLOADS),
    about_pods=True,
    explanation=Explanation(
        meaning="spec.serviceName of a StatefulSet names the headless Service under which DNS "
        "knows each of its pods, such as db-0.db. Kubernetes does not create this Service. It "
        "does not exist, does not select the pods, or has a ClusterIP.",
        why="Members of the StatefulSet that look for each other by these names find no one, and "
        "often never become Ready. Clients of another Service before the same pods are not "
        "affected by it.",
        confirm="kubectl get statefulset NAME -o jsonpath={.spec.serviceName}, then kubectl get "
        "service of that name.",
        fix="Create the Service with clusterIP: None and the labels of the pods as its selector. "
        "serviceName itself cannot be changed later.",
    ),
    examples=(
        Example(
            "the headless Service was forgotten, and the members wait for each other",
            """
kind: Service
metadata: {name: db-client}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
kind: Pod
metadata:
  name: db-0
  labels: {app: db}
  ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
spec:
  subdomain: db
  containers: [{name: app, ports: [{containerPort: 5432}]}]
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
---
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: app, ports: [{containerPort: 5432}]}]}
---
probes: {db-0: {sockets: ["0.0.0.0:5432 app"], port-forward: {5432: accepted}}}
""",
            expects="""
broken; also PC302
PC310 warning in StatefulSet db
  StatefulSet db names Service db, which does not exist: its pods have no DNS names
  - StatefulSet db: serviceName: db
  review: Create headless Service db for the pods of StatefulSet db
    kubectl create service clusterip db --tcp=5432:5432 --clusterip=None -n default
""",
        ),
        Example(
            "the headless Service selects other pods",
            """
kind: Service
metadata: {name: db-client}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: database}, ports: [{port: 5432}]}
---
kind: Pod
metadata:
  name: db-0
  labels: {app: db}
  ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
spec:
  subdomain: db
  containers: [{name: app, ports: [{containerPort: 5432}]}]
---
probes: {db-0: {sockets: ["0.0.0.0:5432 app"], port-forward: {5432: accepted}}}
""",
            expects="""
healthy
PC310 warning in Service db
  StatefulSet db names Service db, which does not select its pods: they have no DNS names
  - StatefulSet db: serviceName: db
  - Service db: selects app=database
  review: Set the selector of Service db to labels that these pods have
""",
        ),
        Example(
            "the Service that is named has a ClusterIP",
            """
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
kind: Pod
metadata:
  name: db-0
  labels: {app: db}
  ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
spec:
  subdomain: db
  containers: [{name: app, ports: [{containerPort: 5432}]}]
---
probes: {db-0: {sockets: ["0.0.0.0:5432 app"], port-forward: {5432: accepted}}}
""",
            expects="""
healthy
PC310 info in Service db
  StatefulSet db names Service db, which is not headless: its pods have no DNS names of their
      own
  - StatefulSet db: serviceName: db
""",
        ),
        Example(
            "headless, as it should be",
            """
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
kind: Pod
metadata:
  name: db-0
  labels: {app: db}
  ownerReferences: [{kind: StatefulSet, name: db, controller: true}]
spec:
  subdomain: db
  containers: [{name: app, ports: [{containerPort: 5432}]}]
---
probes: {db-0: {sockets: ["0.0.0.0:5432 app"], port-forward: {5432: accepted}}}
""",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
