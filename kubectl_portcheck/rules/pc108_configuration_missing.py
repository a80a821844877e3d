"""PC108: a container waits for a ConfigMap or Secret that does not exist, or for a key of it."""

from collections.abc import Mapping

from kubectl_portcheck.model.facts import Fact, Observation, Said
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
)
from kubectl_portcheck.rules.wording import share
from kubectl_portcheck.semantics import traffic, unmet
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import is_ready, is_terminating
from kubectl_portcheck.semantics.selectors import nearest
from kubectl_portcheck.semantics.unmet import Unmet, Waiting

Found = Mapping[str, tuple[Pod, Waiting]]
"""The pods that wait for one thing, by name."""


def _check(case: ServiceCase) -> Outcome:
    by_cause: dict[Unmet, dict[str, tuple[Pod, Waiting]]] = {}
    for pod in case.pods:
        if is_ready(pod) or is_terminating(pod):
            continue
        for waiting in unmet.waiting(case, pod):
            by_cause.setdefault(waiting.unmet, {})[pod.metadata.name] = (pod, waiting)
    if not by_cause:
        return Passed()
    return Several(tuple(_finding(case, lacking, found) for lacking, found in by_cause.items()))


def _finding(case: ServiceCase, lacking: Unmet, found: Found) -> Finding:
    pod, waiting = next(iter(found.values()))
    impact = traffic.impact_on(case, [p for p, _ in found.values()])
    who = f"Container {waiting.container}" if waiting.container else f"Volume {lacking.volume}"
    near = _near(case, lacking)
    there = f" ({near} does)" if near else ""
    return RULE.finding(
        case,
        f"{who} in {share(found, case.pods)} waits for {_what(lacking)}, which does not "
        f"exist{there}",
        evidence=[
            *(
                Said(
                    source="the kubelet",
                    words=w.words,
                    subject=evidence.pod_subject(case, name),
                )
                for name, (_, w) in found.items()
            ),
            *_others(case, lacking),
        ],
        fixes=_fixes(case, pod, lacking),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=found,
    )


def _what(lacking: Unmet) -> str:
    whole = f"{lacking.kind} {lacking.name}"
    return f"key {lacking.key} of {whole}" if lacking.key else whole


def _near(case: ServiceCase, lacking: Unmet) -> str | None:
    """The object of a similar name that does exist, where one is missing as a whole."""
    there = case.config_maps if lacking.kind == "ConfigMap" else case.secrets
    return None if lacking.key else nearest(lacking.name, (o.metadata.name for o in there))


def _others(case: ServiceCase, lacking: Unmet) -> list[Fact]:
    near = _near(case, lacking)
    there = f"{lacking.kind} {near} exists in namespace {case.namespace}"
    return [Observation(text=there)] if near else []


def _fixes(case: ServiceCase, pod: Pod, lacking: Unmet) -> list[Fix]:
    workload = case.workload(pod)
    found = fixes.undo(case, [pod])
    owner = f"{workload.kind} {workload.name}" if workload else f"pod {pod.metadata.name}"
    near = _near(case, lacking)
    if lacking.key:
        title = (
            f"Add key {lacking.key} to {lacking.kind} {lacking.name}, or correct the key in "
            f"{owner}; this lists the keys that exist"
        )
        words = ("describe", lacking.kind.lower(), lacking.name)
        return [*found, fixes.look(case, *words, title=title)]
    other = f" {near}" if near else " one that exists"
    title = (
        f"Create {lacking.kind} {lacking.name} in namespace {case.namespace}, or reference"
        f"{other} in {owner}"
    )
    return [*found, fixes.by_hand(title)]


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
"""

RULE = Rule(
    code="PC108",
    name="configuration-missing",
    severity="error",
    summary="A container behind the Service waits for a ConfigMap or Secret that does not exist",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.REPLICA_SETS, Need.EVENTS, Need.CONFIG_MAPS, Need.SECRETS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The pod template references a ConfigMap or Secret, or one of its keys, that "
        "does not exist in the pod's namespace. The kubelet retries until it does.",
        why="The container does not start, so the pod is not Ready and gets no traffic. If all "
        "pods of the Service wait, its clients are refused.",
        confirm="kubectl describe pod POD: CreateContainerConfigError or the event FailedMount "
        "names the object. kubectl get configmaps,secrets -n NAMESPACE shows those that exist.",
        fix="Create the missing object or key, or correct the name in the pod template. The "
        "kubelet starts the container by itself as soon as the object exists.",
    ),
    examples=(
        Example(
            "an environment variable from a ConfigMap with a similar name",
            _SERVICE
            + """---
kind: ConfigMap
metadata: {name: app-conf}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout, uid: rs-1, controller: true}]}
spec: {containers: [{name: app}]}
status:
  phase: Pending
  containerStatuses:
  - name: app
    state:
      waiting: {reason: CreateContainerConfigError, message: 'configmap "app-config" not found'}
""",
            expects="""
broken; also PC302
PC108 error for all in Service checkout
  Container app in the pod waits for ConfigMap app-config, which does not exist (app-conf does)
  pods: checkout-1
  - checkout-1: the kubelet: configmap "app-config" not found
  - ConfigMap app-conf exists in namespace default
  review: Create ConfigMap app-config in namespace default, or reference app-conf in ReplicaSet
      checkout
""",
        ),
        Example(
            "a volume from a Secret that does not exist",
            _SERVICE
            + """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}], volumes: [{name: tls, secret: {secretName: checkout-tls}}]}
status:
  phase: Pending
  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]
---
kind: Event
metadata: {name: e1}
involvedObject: {kind: Pod, name: checkout-1}
reason: FailedMount
message: 'MountVolume.SetUp failed for volume "tls" : secret "checkout-tls" not found'
""",
            expects="""
broken; also PC302
PC108 error for all in Service checkout
  Volume tls in the pod waits for Secret checkout-tls, which does not exist
  pods: checkout-1
  - checkout-1: the kubelet: MountVolume.SetUp failed for volume "tls" : secret "checkout-tls"
      not found
  review: Create Secret checkout-tls in namespace default, or reference one that exists in pod
      checkout-1
""",
        ),
        Example(
            "the container has started since the event",
            _SERVICE
            + """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, started: true, state: {running: {}}}]
---
kind: Event
metadata: {name: e1}
involvedObject: {kind: Pod, name: checkout-1}
reason: FailedMount
message: 'MountVolume.SetUp failed for volume "tls" : secret "checkout-tls" not found'
""",
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
)
