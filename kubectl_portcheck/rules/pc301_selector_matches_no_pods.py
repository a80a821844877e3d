"""PC301: the selector of the Service matches no pod."""

from collections.abc import Mapping

import msgspec

from kubectl_portcheck.model.facts import Fact, Observation, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Workload
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing, plural
from kubectl_portcheck.semantics import resting
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ownership import maker_of
from kubectl_portcheck.semantics.pods import by_labels
from kubectl_portcheck.semantics.selectors import NearMiss, as_query, closeness, matches, near_miss

NAMING = ("Deployment", "StatefulSet")
"""The kinds after whose objects their pods are named."""


class _Meant(msgspec.Struct, frozen=True):
    """A workload, or a group of pods, whose labels nearly match."""

    what: Subject
    miss: NearMiss
    pods: int

    @property
    def label(self) -> str:
        """``Deployment checkout``."""
        return f"{self.what.kind} {self.what.name}"


def _check(case: ServiceCase) -> Outcome:
    if case.pods or case.finished_pods or resting.rests(case):
        return Passed()
    selector = case.service.spec.selector
    wanted = as_query(selector)
    everyone = (*case.deployments, *case.stateful_sets)
    idle = [w for w in everyone if matches(selector, w.spec.template.metadata.labels)]
    if idle:
        return _idle(case, wanted, idle[0])
    meant = _meant(case)
    facts: list[Fact] = [State(subject=case.subject, state=f"selects {wanted}")]
    facts += [State(subject=m.what, state=f"has {_found(m.miss)}") for m in meant[:3]]
    summary = f"The selector {wanted} matches no pod"
    if len(meant) == 1:
        summary += f"; {meant[0].label} has {_found(meant[0].miss)}"
    gone = not meant and _known(case)
    if gone:
        text = "no Deployment and no StatefulSet of the namespace makes pods with these labels"
        facts.append(Observation(text=text))
    return RULE.finding(
        case,
        summary,
        evidence=facts,
        fixes=[_find(case, wanted)] if gone else _fixes(case, meant),
        impact=Impact.ALL,
    )


def _known(case: ServiceCase) -> bool:
    """Whether all Deployments and StatefulSets of the cluster's namespace were read."""
    return not (case.in_files or case.missing("deployments") or case.missing("stateful_sets"))


def _find(case: ServiceCase, wanted: str) -> Fix:
    """What is left where the workload does not exist: it was deleted, or never applied here."""
    return fixes.look(
        case,
        *("get", "deployments,statefulsets,daemonsets", "-A", "-o", "wide"),
        title=f"Apply the workload whose pods have {wanted}, if it was deleted; this shows whether "
        "one exists in another namespace or with other labels",
        namespace="",
    )


def _idle(case: ServiceCase, wanted: str, workload: Workload) -> Outcome:
    """The selector is right, and the workload that it means has no pods."""
    name, kind = workload.metadata.name, workload.kind
    subject = Subject(kind=kind, namespace=case.namespace, name=name)
    asleep = workload.spec.replicas == 0
    scale = fixes.run(
        case,
        *("scale", f"{kind.lower()}/{name}", "--replicas=1"),
        title=f"Scale {kind} {name} to 1",
        subject=subject,
    )
    return RULE.finding(
        case,
        f"The selector {wanted} matches no pod: {kind} {name}, whose pods it selects, "
        + ("is scaled to 0" if asleep else "has none"),
        evidence=[State(subject=subject, state=f"replicas: {workload.spec.replicas}")],
        fixes=[scale] if asleep else [],
        impact=Impact.ALL,
    )


def _found(miss: NearMiss) -> str:
    if miss.found is not None:
        return f"{miss.key}={miss.found}"
    if miss.found_key is not None:
        return f"{miss.found_key}={miss.wanted}"
    return f"no label {miss.key}"


def _meant(case: ServiceCase) -> list[_Meant]:
    """The workloads and lone pods that fail in one label, the nearest first."""
    selector = case.service.spec.selector
    found: dict[tuple[Subject, NearMiss], int] = {}
    for workload in (*case.deployments, *case.stateful_sets):
        miss = near_miss(selector, workload.spec.template.metadata.labels)
        if miss:
            found.setdefault((_subject(case, workload.kind, workload.metadata.name), miss), 0)
    named = [key for key in found if key[0].kind in NAMING]
    for labels, several in by_labels(case.namespace_pods):
        miss = near_miss(selector, labels)
        if miss is None:
            continue
        for pod in several:
            known = (k for k in named if _made(pod.metadata.name, k[0]) and k[1] == miss)
            key = next(known, None)
            if key is None:
                made = maker_of(pod.metadata, case.namespace)
                key = (made or _subject(case, "Pod", pod.metadata.name), miss)
                if key not in found and key[0].kind in NAMING:
                    named.append(key)
            found[key] = found.get(key, 0) + 1
    meant = [_Meant(what, miss, pods) for (what, miss), pods in found.items()]
    meant = [m for m in meant if m.miss.closeness >= 0.6 or len(selector) > 1]
    meant.sort(key=lambda m: (-m.miss.closeness, -m.pods, m.label))
    # A near-identical label beats one that merely shares the other terms.
    return [m for m in meant if m.miss.closeness >= meant[0].miss.closeness - 0.2]


def _subject(case: ServiceCase, kind: str, name: str) -> Subject:
    return Subject(kind=kind, namespace=case.namespace, name=name)


def _made(pod: str, workload: Subject) -> bool:
    return pod.startswith(f"{workload.name}-")


def _is_slip(case: ServiceCase, miss: NearMiss) -> bool:
    """Whether the Service's own name agrees that its selector, not the workload, is misspelt."""
    if miss.closeness < 0.6 or miss.found is None:
        return miss.closeness >= 0.6
    return closeness(miss.found, case.name) >= closeness(miss.wanted, case.name)


def _fixes(case: ServiceCase, meant: list[_Meant]) -> list[Fix]:
    misses = list(dict.fromkeys(m.miss for m in meant))
    safe = len(misses) == 1 and _is_slip(case, misses[0])
    found = []
    for miss in misses:
        path = f"/spec/selector/{fixes.pointer(miss.key)}"
        if miss.found is not None:
            operations = fixes.replace(path, miss.wanted, miss.found)
        elif miss.found_key is not None:
            operations = [
                fixes.test(path, miss.wanted),
                fixes.remove(path),
                fixes.add(f"/spec/selector/{fixes.pointer(miss.found_key)}", miss.wanted),
            ]
        elif len(case.service.spec.selector) > 1:
            found.append(_without(case, miss))
            continue
        else:
            continue
        alike = [m.label for m in meant if m.miss == miss]
        label = {miss.found_key or miss.key: miss.found or miss.wanted}
        rest = {k: v for k, v in case.service.spec.selector.items() if k != miss.key}
        found.append(
            fixes.patch(
                case,
                case.subject,
                operations,
                title=f"Change the selector to {_found(miss)}, the label of {listing(alike)}"
                + _matching(case, {**rest, **label}),
                safety="safe" if safe else "review",
                source=f"spec:\n  selector:\n    {_found(miss).replace('=', ': ', 1)}\n",
            )
        )
    return found


def _without(case: ServiceCase, miss: NearMiss) -> Fix:
    """Takes away the one term that nothing matches."""
    path = f"/spec/selector/{fixes.pointer(miss.key)}"
    rest = {k: v for k, v in case.service.spec.selector.items() if k != miss.key}
    return fixes.patch(
        case,
        case.subject,
        [fixes.test(path, miss.wanted), fixes.remove(path)],
        title=f"Remove {miss.key}={miss.wanted} from the selector{_matching(case, rest)}",
        safety="review",
    )


def _matching(case: ServiceCase, selector: Mapping[str, str]) -> str:
    """``, which then matches 3 pods``: as far as pods of the namespace are known."""
    terms = selector.items()
    alike = by_labels(case.namespace_pods)
    count = sum(len(several) for labels, several in alike if terms <= labels.items())
    return f", which then matches {count} {plural('pod', count)}" if count and terms else ""


RULE = Rule(
    code="PC301",
    name="selector-matches-no-pods",
    severity="error",
    summary="The selector of the Service matches no pod",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.DEPLOYMENTS, Need.STATEFUL_SETS, Need.NAMESPACE_PODS),
    in_files=Worth.ABSENCE,
    field=("selector",),
    why_unready=True,
    explanation=Explanation(
        meaning="The labels of the pods differ from the Service's selector, often in one letter. "
        "Or the workload does not exist, or is scaled to 0.",
        why="Without a matching pod the Service has no endpoint, and connections to it are "
        "refused.",
        confirm="Compare kubectl get pods --show-labels with kubectl get service NAME -o wide.",
        fix="Correct the Service's selector. The selector of a workload cannot be changed; the "
        "labels of its pod template can, within that selector.",
    ),
    examples=(
        Example(
            "a letter is missing",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: chekout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Deployment
metadata: {name: checkout}
spec: {template: {metadata: {labels: {app: checkout}}}}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
""",
            expects="""
broken
PC301 error for all in Service checkout
  The selector app=chekout matches no pod; Deployment checkout has app=checkout
  - Service checkout: selects app=chekout
  - Deployment checkout: has app=checkout
  review: Change the selector to app=checkout, the label of Deployment checkout, which then
      matches 1 pod
    replace /spec/selector/app checkout in Service checkout
""",
        ),
        Example(
            "the Deployment is scaled to 0, and another one has a similar label by chance",
            """
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Deployment
metadata: {name: cart}
spec: {replicas: 0, template: {metadata: {labels: {app: cart}}}}
---
kind: Pod
metadata: {name: chart-1, labels: {app: chart}}
spec: {containers: [{name: app}]}
""",
            expects="""
broken
PC301 error for all in Service cart
  The selector app=cart matches no pod: Deployment cart, whose pods it selects, is scaled to 0
  - Deployment cart: replicas: 0
  review: Scale Deployment cart to 1
    kubectl scale deployment/cart --replicas=1 -n default
""",
        ),
        Example(
            "the StatefulSet is scaled to 0",
            """
kind: Service
metadata: {name: postgres}
spec: {selector: {app: postgres}, ports: [{port: 5432}]}
---
kind: StatefulSet
metadata: {name: postgres}
spec: {replicas: 0, template: {metadata: {labels: {app: postgres}}}}
""",
            expects="""
broken
PC301 error for all in Service postgres
  The selector app=postgres matches no pod: StatefulSet postgres, whose pods it selects, is
      scaled to 0
  - StatefulSet postgres: replicas: 0
  review: Scale StatefulSet postgres to 1
    kubectl scale statefulset/postgres --replicas=1 -n default
""",
        ),
        Example(
            "the workload was deleted",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Deployment
metadata: {name: mail}
spec: {template: {metadata: {labels: {app: mail}}}}
""",
            expects="""
broken
PC301 error for all in Service checkout
  The selector app=checkout matches no pod
  - Service checkout: selects app=checkout
  - no Deployment and no StatefulSet of the namespace makes pods with these labels
  review: Apply the workload whose pods have app=checkout, if it was deleted; this shows whether
      one exists in another namespace or with other labels
    look: kubectl get deployments,statefulsets,daemonsets -A -o wide
""",
        ),
        Example(
            "one pod matches",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
""",
            expects="inconclusive",
        ),
        Example(
            "the selector is like the labels, and the Service has the name of the workload",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: chekout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {tcpSocket: {port: 8080}}}]}
""",
            expects="""
broken
PC301 error for all in Service checkout
  The selector app=chekout matches no pod; Pod checkout-1 has app=checkout
  - Service checkout: selects app=chekout
  - checkout-1: has app=checkout
  safe: Change the selector to app=checkout, the label of Pod checkout-1, which then matches 1
      pod
    replace /spec/selector/app checkout in Service checkout
""",
        ),
        Example(
            "the labels of the pods are misspelt, as the name of the Service shows",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: chekout}}
spec: {containers: [{name: app, readinessProbe: {tcpSocket: {port: 8080}}}]}
""",
            expects="""
broken
PC301 error for all in Service checkout
  The selector app=checkout matches no pod; Pod checkout-1 has app=chekout
  - Service checkout: selects app=checkout
  - checkout-1: has app=chekout
  review: Change the selector to app=chekout, the label of Pod checkout-1, which then matches 1
      pod
    replace /spec/selector/app chekout in Service checkout
""",
        ),
    ),
    check_service=_check,
    follows_from=(
        "PC111",
        "PC119",
    ),
)
