"""PC311: no Service selects the pods of a workload that declares ports."""

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Workload
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
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.expose import Exposure, Wanted, exposed


def _check(case: ServiceCase) -> Outcome:
    asked = case.evidence.asked
    if asked is None:
        return NotApplicable("a Service was asked about")
    workload = next((w for w in case.workloads if _is_asked(case, w)), None)
    if workload is None:
        return NotApplicable("no workload was asked about, or it has no pods")
    if isinstance(asked.services, Missing):
        return RULE.lacks(asked.services)
    if asked.services.value:
        return Passed()  # One selects them, or nearly does.
    found = exposed(workload, Wanted(case.name))
    if found is None or not found.ports:
        return NotApplicable("it declares no port: it may have no clients")
    subject = Subject(kind=workload.kind, namespace=case.namespace, name=case.name)
    ports = listing(target for _, target in found.ports)
    return RULE.finding(
        case,
        f"No Service leads to {workload.kind} {case.name}, which declares port {ports}",
        evidence=[State(subject=subject, state=f"its pods have {_labels(workload)}")],
        fixes=[_create(case, found)],
        subject=subject,
    )


def _is_asked(case: ServiceCase, workload: Workload) -> bool:
    assert case.evidence.asked is not None
    return (workload.kind, workload.metadata.name) == (case.evidence.asked.kind, case.name)


def _labels(workload: Workload) -> str:
    labels = workload.spec.template.metadata.labels
    return listing(f"{k}={v}" for k, v in sorted(labels.items()))


def _create(case: ServiceCase, found: Exposure) -> Fix:
    title = f"Create Service {case.name}, if clients are meant to reach these pods by a name"
    if not found.words:
        return fixes.by_hand(f"{title} (kubectl apply -f FILE)", found.manifest)
    subject = Subject(kind="Service", namespace=case.namespace, name=case.name)
    return fixes.run(case, *found.words, title=title, subject=subject)


RULE = Rule(
    code="PC311",
    name="no-service-selects",
    severity="info",
    summary="No Service selects the pods of a workload that declares ports",
    clues=(Clue.ASKED,),
    needs=(Need.PODS,),
    uses=(Need.WORKLOADS,),
    about_pods=True,
    explanation=Explanation(
        meaning="The workload that was asked about declares ports, and no Service of its namespace "
        "selects its pods. A worker without clients needs none; then nothing is wrong.",
        why="There is no name and no stable address by which clients could reach the pods.",
        confirm="kubectl get services -o wide: compare the selectors with kubectl get pods "
        "--show-labels.",
        fix="Create a Service with the labels of the pods as its selector.",
    ),
    examples=(
        Example(
            "a Deployment that has a port and no Service",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 8080}]}
---
kind: Pod
metadata:
  name: checkout-1
  labels: {app: checkout}
  ownerReferences: [{kind: Deployment, name: checkout, controller: true}]
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
kind: Deployment
metadata: {name: checkout}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"]}}
---
about: Deployment
""",
            expects="""
inconclusive
PC311 info in Deployment checkout
  No Service leads to Deployment checkout, which declares port 8080
  - Deployment checkout: its pods have app=checkout
  review: Create Service checkout, if clients are meant to reach these pods by a name
    kubectl expose deploy/checkout --port=8080 -n default
""",
        ),
        Example(
            "a worker without ports",
            """
kind: Service
metadata: {name: worker}
spec: {selector: {app: worker}}
---
kind: Pod
metadata:
  name: worker-1
  labels: {app: worker}
  ownerReferences: [{kind: Deployment, name: worker, controller: true}]
spec: {containers: [{name: app}]}
---
kind: Deployment
metadata: {name: worker}
spec:
  selector: {matchLabels: {app: worker}}
  template: {metadata: {labels: {app: worker}}, spec: {containers: [{name: app}]}}
---
probes: {worker-1: {sockets: []}}
---
about: Deployment
""",
            expects="inconclusive",
        ),
    ),
    check_service=_check,
)
