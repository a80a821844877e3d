"""PC112: a pod waits for a PersistentVolumeClaim that does not exist or has no volume."""

from collections.abc import Iterable

import msgspec

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.model.storage import PersistentVolumeClaim
from kubectl_portcheck.rules import fixes
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
from kubectl_portcheck.rules.wording import listing, share
from kubectl_portcheck.semantics import traffic
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import condition, is_terminating
from kubectl_portcheck.semantics.selectors import nearest

LATE = "WaitForFirstConsumer"
"""The binding mode in which a claim waits for a pod to be scheduled: then it is not the cause."""


class _Open(msgspec.Struct, frozen=True):
    """A claim that keeps pods from running."""

    name: str
    claim: PersistentVolumeClaim | None
    """None where it does not exist."""
    pods: tuple[Pod, ...]


def _check(case: ServiceCase) -> Outcome:
    mounted: dict[str, list[Pod]] = {}
    for pod in case.pods:
        if condition(pod, "PodScheduled") == "False" and not is_terminating(pod):
            for volume in pod.spec.volumes:
                if volume.persistent_volume_claim:
                    name = volume.persistent_volume_claim.claim_name
                    mounted.setdefault(name, []).append(pod)
    if not mounted:
        return Passed()
    if (missing := case.missing(Need.CLAIMS)) is not None:
        return RULE.lacks(missing)
    there = {c.metadata.name: c for c in case.claims}
    found = [
        _Open(name, there.get(name), tuple(pods))
        for name, pods in mounted.items()
        if name not in there or _is_open(case, there[name])
    ]
    return Several(tuple(_finding(case, o) for o in found)) if found else Passed()


def _is_open(case: ServiceCase, claim: PersistentVolumeClaim) -> bool:
    if claim.status.phase == "Bound":
        return False
    return claim.status.phase == "Lost" or not _waits_for_a_pod(case, claim)


def _waits_for_a_pod(case: ServiceCase, claim: PersistentVolumeClaim) -> bool:
    wanted = claim.spec.storage_class_name
    return any(
        c.metadata.name == wanted and c.volume_binding_mode == LATE for c in case.storage_classes
    )


def _finding(case: ServiceCase, found: _Open) -> Finding:
    impact = traffic.impact_on(case, found.pods)
    names = [p.metadata.name for p in found.pods]
    return RULE.finding(
        case,
        f"PersistentVolumeClaim {found.name} {_lacks(case, found)}; "
        f"{share(names, case.pods)} cannot be scheduled without it",
        evidence=[Observation(text=line) for line in _lines(case, found)],
        fixes=_fixes(case, found),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=names,
    )


def _unknown_class(case: ServiceCase, found: _Open) -> str:
    """The StorageClass that the claim asks for and that does not exist; '' otherwise."""
    wanted = found.claim.spec.storage_class_name if found.claim else None
    if not wanted or case.missing(Need.STORAGE_CLASSES) is not None:
        return ""
    return "" if wanted in _classes(case) else wanted


def _classes(case: ServiceCase) -> list[str]:
    return sorted(c.metadata.name for c in case.storage_classes)


def _lacks(case: ServiceCase, found: _Open) -> str:
    if found.claim is None:
        return "does not exist"
    unknown = _unknown_class(case, found)
    if unknown:
        return f"asks for StorageClass {unknown}, which does not exist"
    if found.claim.status.phase == "Lost":
        return "has lost its volume"
    return "has no volume yet"


def _near(name: str, others: Iterable[str]) -> str:
    return nearest(name, others) or ""


def _lines(case: ServiceCase, found: _Open) -> list[str]:
    if found.claim is None:
        near = _near(found.name, (c.metadata.name for c in case.claims))
        return [f"PersistentVolumeClaim {near} exists"] if near else []
    wanted = found.claim.spec.storage_class_name
    asked = "the default StorageClass" if wanted is None else f"StorageClass {wanted or 'none'}"
    lines = [f"PersistentVolumeClaim {found.name}: {found.claim.status.phase}, asks for {asked}"]
    if case.missing(Need.STORAGE_CLASSES) is None:
        lines.append(f"StorageClasses that exist: {listing(_classes(case)) or 'none'}")
    return lines


def _fixes(case: ServiceCase, found: _Open) -> list[Fix]:
    if found.claim is None:
        near = _near(found.name, (c.metadata.name for c in case.claims))
        other = f", or mount {near} instead" if near else ""
        title = f"Create PersistentVolumeClaim {found.name} in namespace {case.namespace}{other}"
        return [fixes.by_hand(title)]
    unknown = _unknown_class(case, found)
    if unknown:
        near = _near(unknown, _classes(case))
        other = f" with storageClassName {near}" if near else " with a StorageClass that exists"
        title = (
            f"Create StorageClass {unknown}, or recreate the claim{other} (the class of a claim "
            "cannot be changed)"
        )
        return [fixes.by_hand(title)]
    title = f"Provide a volume for {found.name}; its events say what the provisioner lacks"
    words = ("describe", "persistentvolumeclaim", found.name)
    return [fixes.look(case, *words, title=title)]


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers: [{name: app}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
status:
  phase: Pending
  conditions:
  - {type: PodScheduled, status: "False", reason: Unschedulable,
     message: "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."}
"""

RULE = Rule(
    code="PC112",
    name="volume-claim-pending",
    severity="error",
    summary="Pods behind the Service wait for a PersistentVolumeClaim without a volume",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.CLAIMS, Need.STORAGE_CLASSES),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The pod mounts a PersistentVolumeClaim that does not exist, that asks for a "
        "StorageClass that does not exist, or for which nothing has made a volume. A claim of a "
        "class with WaitForFirstConsumer waits for the pod, and is not reported.",
        why="The scheduler places no pod before its claims are bound. A pod without a node is no "
        "endpoint.",
        confirm="kubectl get persistentvolumeclaims shows Pending; kubectl describe shows why.",
        fix="Create the claim or the class, or name one that exists in the pod template.",
    ),
    examples=(
        Example(
            "the claim asks for a class that does not exist",
            _SERVICE
            + """---
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast-ssd}
status: {phase: Pending}
---
kind: StorageClass
metadata: {name: fast}
volumeBindingMode: Immediate
""",
            expects="""
broken; also PC101, PC302
PC112 error for all in Service checkout
  PersistentVolumeClaim data asks for StorageClass fast-ssd, which does not exist; the pod
      cannot be scheduled without it
  pods: checkout-1
  - PersistentVolumeClaim data: Pending, asks for StorageClass fast-ssd
  - StorageClasses that exist: fast
  review: Create StorageClass fast-ssd, or recreate the claim with storageClassName fast (the
      class of a claim cannot be changed)
""",
        ),
        Example(
            "the claim does not exist",
            _SERVICE
            + """---
kind: PersistentVolumeClaim
metadata: {name: database}
status: {phase: Bound}
""",
            expects="""
broken; also PC101, PC302
PC112 error for all in Service checkout
  PersistentVolumeClaim data does not exist; the pod cannot be scheduled without it
  pods: checkout-1
  - PersistentVolumeClaim database exists
  review: Create PersistentVolumeClaim data in namespace default, or mount database instead
""",
        ),
        Example(
            "the claim waits for the pod, as its class says",
            _SERVICE
            + """---
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: local}
status: {phase: Pending}
---
kind: StorageClass
metadata: {name: local}
volumeBindingMode: WaitForFirstConsumer
""",
            expects="broken; also PC101, PC302",
        ),
    ),
    check_service=_check,
)
