"""PC111: a controller wants to create pods, and the API server refuses them."""

import msgspec

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Workload
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.semantics import ownership
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.creation import Refusal, answered, refusal
from kubectl_portcheck.semantics.selectors import matches


class _Refused(msgspec.Struct, frozen=True):
    """A workload whose pods are refused."""

    workload: Workload
    refusal: Refusal
    message: str
    """The API server's own words."""


def _check(case: ServiceCase) -> Outcome:
    found = [r for w in _makers(case) if (r := _refused(case, w))]
    if not found:
        return Passed()
    first = found[0]
    kind, name = _owner(first.workload)
    some = bool(case.pods)
    return RULE.finding(
        case,
        f"{kind} {name} cannot create {'all of its ' if some else ''}pods: {_why(first.refusal)}",
        evidence=[_said(case, r) for r in found],
        fixes=_fixes(case, first),
        impact=Impact.NONE if some else Impact.ALL,
        severity="warning" if some else "error",
    )


def _makers(case: ServiceCase) -> list[Workload]:
    """The workloads whose pods the Service selects, each once; no ReplicaSet of one of them."""
    everyone = (*case.deployments, *case.workloads, *case.replica_sets)
    known = {(w.kind, w.metadata.name): w for w in everyone}
    return [
        w
        for w in known.values()
        if matches(case.service.spec.selector, w.spec.template.metadata.labels)
        and not any((o.kind, o.name) in known for o in w.metadata.owner_references)
    ]


def _owner(workload: Workload) -> tuple[str, str]:
    """The kind and the name of what has the pod template: no ReplicaSet of a Deployment."""
    above = ownership.controller_of(workload.metadata)
    return (above.kind, above.name) if above else (workload.kind, workload.metadata.name)


def _refused(case: ServiceCase, workload: Workload) -> _Refused | None:
    message = answered(workload, case.events, case.pods)
    found = refusal(message)
    return _Refused(workload, found, " ".join(message.split())) if found else None


def _said(case: ServiceCase, refused: _Refused) -> Said:
    kind, name = refused.workload.kind, refused.workload.metadata.name
    subject = Subject(kind=kind, namespace=case.namespace, name=name)
    return Said(source="the API server", words=refused.message, subject=subject)


def _why(refused: Refusal) -> str:
    if refused.by == "service-account":
        return f"ServiceAccount {refused.name} does not exist"
    if refused.by == "quota":
        return f"ResourceQuota {refused.name} does not allow them"
    if refused.by == "limit-range":
        return "a LimitRange does not allow them"
    if refused.by == "pod-security":
        return f"they violate the Pod Security Standard {refused.name.partition(':')[0]}"
    if refused.by == "webhook":
        return f"admission webhook {refused.name} denies them"
    if refused.by == "webhook-failed":
        late = "deadline exceeded" in refused.words or "Client.Timeout" in refused.words
        fails = "does not answer in time" if late else "cannot be called"
        return f"admission webhook {refused.name} {fails}"
    return "the API server refuses them"


def _fixes(case: ServiceCase, refused: _Refused) -> list[Fix]:
    by = refused.refusal
    owner = " ".join(_owner(refused.workload))
    if by.by == "service-account":
        subject = Subject(kind="ServiceAccount", namespace=case.namespace, name=by.name)
        words = ("create", "serviceaccount", by.name)
        title = f"Create ServiceAccount {by.name}; it starts without any permissions"
        return [fixes.run(case, *words, title=title, subject=subject)]
    if by.by == "quota":
        title = (
            f"Raise ResourceQuota {by.name}, delete what uses it up, or ask for less in {owner} "
            f"({by.words})"
        )
    elif by.by == "limit-range":
        title = f"Change the resources of {owner} to what the LimitRange allows ({by.words})"
    elif by.by == "pod-security":
        title = f"Set the securityContext of {owner} as the standard asks for it ({by.words})"
    elif by.service is not None:
        space, service, port = by.service
        title = f"Repair Service {service} of the webhook; this says what is wrong with it"
        target = f"{service}:{port}"
        return [fixes.look(case, "portcheck", target, title=title, namespace=space)]
    elif by.by == "webhook":
        title = f"Change {owner} to what the webhook asks for ({by.words})"
    else:
        title = f"Change {owner} so that the API server accepts its pods ({by.words})"
    return [fixes.by_hand(title)]


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
"""

RULE = Rule(
    code="PC111",
    name="pods-not-created",
    severity="error",
    summary="The API server refuses the pods of the workload behind the Service",
    applies=(When.SELECTOR,),
    clues=(Need.DEPLOYMENTS, Need.WORKLOADS, Need.REPLICA_SETS),
    needs=(Need.PODS,),
    uses=(Need.DEPLOYMENTS, Need.WORKLOADS, Need.REPLICA_SETS, Need.EVENTS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The controller of the workload tries to create pods, and admission refuses "
        "them: a ResourceQuota, a LimitRange, the Pod Security Standard of the namespace, an "
        "admission webhook, or a ServiceAccount that does not exist.",
        why="There is no pod, so the Service has no endpoint and its clients are refused.",
        confirm="kubectl describe deployment NAME shows the condition ReplicaFailure; of a "
        "StatefulSet, DaemonSet or Job it shows the event FailedCreate.",
        fix="Change what refuses the pods, or the pod template. The controller tries again by "
        "itself.",
    ),
    examples=(
        Example(
            "the quota of the namespace is used up",
            _SERVICE
            + """---
kind: Deployment
metadata: {name: checkout}
spec: {replicas: 1, template: {metadata: {labels: {app: checkout}}}}
status:
  conditions:
  - type: ReplicaFailure
    status: "True"
    reason: FailedCreate
    message: 'pods "checkout-8ddd774b-2k2x8" is forbidden: exceeded quota: team, requested:
      pods=1, used: pods=10, limited: pods=10'
""",
            expects="""
broken; also PC301
PC111 error for all in Service checkout
  Deployment checkout cannot create pods: ResourceQuota team does not allow them
  - Deployment checkout: the API server: pods "checkout-8ddd774b-2k2x8" is forbidden: exceeded
      quota: team, requested: pods=1, used: pods=10, limited: pods=10
  review: Raise ResourceQuota team, delete what uses it up, or ask for less in Deployment
      checkout (requested: pods=1, used: pods=10, limited: pods=10)
""",
        ),
        Example(
            "the ServiceAccount does not exist",
            _SERVICE
            + """---
kind: Deployment
metadata: {name: checkout}
spec: {replicas: 1, template: {metadata: {labels: {app: checkout}}}}
status:
  conditions:
  - type: ReplicaFailure
    status: "True"
    reason: FailedCreate
    message: 'pods "checkout-779586999d-" is forbidden: error looking up service account
      shop/checkout-sa: serviceaccount "checkout-sa" not found'
""",
            expects="""
broken; also PC301
PC111 error for all in Service checkout
  Deployment checkout cannot create pods: ServiceAccount checkout-sa does not exist
  - Deployment checkout: the API server: pods "checkout-779586999d-" is forbidden: error looking
      up service account shop/checkout-sa: serviceaccount "checkout-sa" not found
  review: Create ServiceAccount checkout-sa; it starts without any permissions
    kubectl create serviceaccount checkout-sa -n default
""",
        ),
        Example(
            "a webhook of another Service cannot be called",
            _SERVICE
            + """---
kind: Deployment
metadata: {name: checkout}
spec: {replicas: 1, template: {metadata: {labels: {app: checkout}}}}
status:
  conditions:
  - type: ReplicaFailure
    status: "True"
    reason: FailedCreate
    message: 'Internal error occurred: failed calling webhook "vet.shop.io": failed to call
      webhook: Post "https://vet.policy.svc:443/vet?timeout=10s": dial tcp 10.96.0.9:443: connect:
      connection refused'
""",
            expects="""
broken; also PC301
PC111 error for all in Service checkout
  Deployment checkout cannot create pods: admission webhook vet.shop.io cannot be called
  - Deployment checkout: the API server: Internal error occurred: failed calling webhook
      "vet.shop.io": failed to call webhook: Post "https://vet.policy.svc:443/vet?...": dial tcp
      10.96.0.9:443: connect: connection refused
  review: Repair Service vet of the webhook; this says what is wrong with it
    look: kubectl portcheck vet:443 -n policy
""",
        ),
        Example(
            "the quota leaves a StatefulSet one of its three pods: its event says so",
            _SERVICE
            + """---
kind: StatefulSet
metadata: {name: checkout}
spec: {replicas: 3, template: {metadata: {labels: {app: checkout}}}}
status: {replicas: 1}
---
kind: Pod
metadata: {name: checkout-0, labels: {app: checkout}, creationTimestamp: "2026-06-01T11:50:00Z",
  ownerReferences: [{kind: StatefulSet, name: checkout, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Event
metadata: {name: e1}
involvedObject: {kind: StatefulSet, name: checkout}
type: Warning
reason: FailedCreate
message: 'create Pod checkout-1 in StatefulSet checkout failed error: pods "checkout-1" is
  forbidden: exceeded quota: team, requested: pods=1, used: pods=10, limited: pods=10'
lastTimestamp: "2026-06-01T11:58:00Z"
---
probes: {checkout-0: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC111 warning in Service checkout
  StatefulSet checkout cannot create all of its pods: ResourceQuota team does not allow them
  - StatefulSet checkout: the API server: create Pod checkout-1 in StatefulSet checkout failed
      error: pods "checkout-1" is forbidden: exceeded quota: team, requested: pods=1, used:
      pods=10, limited: pods=10
  review: Raise ResourceQuota team, delete what uses it up, or ask for less in StatefulSet
      checkout (requested: pods=1, used: pods=10, limited: pods=10)
""",
        ),
        Example(
            "the refusal is of before, and the next pod waits for the one before it",
            _SERVICE
            + """---
kind: StatefulSet
metadata: {name: checkout}
spec: {replicas: 3, template: {metadata: {labels: {app: checkout}}}}
status: {replicas: 1}
---
kind: Pod
metadata: {name: checkout-0, labels: {app: checkout}, creationTimestamp: "2026-06-01T11:59:00Z",
  ownerReferences: [{kind: StatefulSet, name: checkout, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Event
metadata: {name: e1}
involvedObject: {kind: StatefulSet, name: checkout}
type: Warning
reason: FailedCreate
message: 'pods "checkout-0" is forbidden: exceeded quota: team, requested: pods=1'
lastTimestamp: "2026-06-01T11:58:00Z"
---
probes: {checkout-0: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "a webhook does not answer in time, and a DaemonSet has no pod",
            _SERVICE
            + """---
kind: DaemonSet
metadata: {name: checkout}
spec: {template: {metadata: {labels: {app: checkout}}}}
status: {desiredNumberScheduled: 2}
---
kind: Event
metadata: {name: e1}
involvedObject: {kind: DaemonSet, name: checkout}
type: Warning
reason: FailedCreate
message: 'Error creating: Internal error occurred: failed calling webhook "vet.shop.io": failed to
  call webhook: Post "https://vet.policy.svc:443/vet?timeout=10s": context deadline exceeded'
""",
            expects="""
broken; also PC301
PC111 error for all in Service checkout
  DaemonSet checkout cannot create pods: admission webhook vet.shop.io does not answer in time
  - DaemonSet checkout: the API server: Error creating: Internal error occurred: failed calling
      webhook "vet.shop.io": failed to call webhook: Post "https://vet.policy.svc:443/vet?...":
      context deadline exceeded
  review: Repair Service vet of the webhook; this says what is wrong with it
    look: kubectl portcheck vet:443 -n policy
""",
        ),
        Example(
            "the pods were created",
            _SERVICE
            + """---
kind: Deployment
metadata: {name: checkout}
spec: {replicas: 1, template: {metadata: {labels: {app: checkout}}}}
status: {replicas: 1, conditions: [{type: Available, status: "True"}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
""",
            expects="inconclusive",
        ),
    ),
    check_service=_check,
)
