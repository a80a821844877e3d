"""PC407: some pods listen on the target port, others do not."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.rules import evidence, fixes
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
    impact_of,
)
from kubectl_portcheck.rules.pc201_nothing_listening import deaf
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import candidates, rollouts
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    good = case.in_state("serves")
    bad = [s for s in case.in_state("not-listening") if not deaf(case, s)]
    if not good or not bad:
        return Passed()
    elsewhere = sorted(set().union(*(candidates.reachable(case, s) for s in bad)))
    facts: list[Fact] = [evidence.listens(case, s, wanted=s in bad) for s in (*good, *bad)]
    if all(rollouts.is_latest(case, s.pod) for s in bad):
        text = "the failing pods are of the latest revision, the others of an earlier one"
        facts.append(Observation(text=text))
    if case.service.spec.session_affinity == "ClientIP":
        text = "sessionAffinity is ClientIP, so each client is always served, or never"
        facts.append(Observation(text=text))
    return RULE.finding(
        case,
        f"{share(bad, case.backends)} {verb(bad, 'listens', 'listen')} on "
        f"{listing(elsewhere) or 'no port'}, not on "
        f"{listing(sorted({s.target for s in bad if s.target}))}; {len(good)} "
        f"{verb(good, 'serves', 'serve')} clients",
        evidence=facts,
        fixes=_fixes(case, good, bad),
        impact=impact_of(bad, case),
        pods=names(bad),
    )


def _fixes(case: Case, good: Sequence[PodState], bad: Sequence[PodState]) -> list[Fix]:
    """Always a change to the workload: another targetPort would break the good pods."""
    workloads = {case.workload(s.pod) for s in (*good, *bad)}
    workload = case.workload(bad[0].pod)
    if len(workloads) > 1 or workload is None:
        return [
            fixes.by_hand(
                f"Make {listing(names(bad))} listen on {bad[0].target}; another targetPort would "
                "break the pods that answer now"
            )
        ]
    latest_is_bad = all(rollouts.is_latest(case, s.pod) for s in bad)
    if latest_is_bad and not any(rollouts.is_latest(case, s.pod) for s in good):
        return [fixes.rollout_undo(case, workload, rollouts.undo_note(case, bad[0].pod))]
    if all(rollouts.is_latest(case, s.pod) for s in good):
        return [
            fixes.by_hand(
                f"Let the rollout of {workload.kind} {workload.name} complete: its latest revision "
                "listens on the right port"
            )
        ]
    return [
        fixes.by_hand(
            f"Make every pod of {workload.kind} {workload.name} listen on {bad[0].target}; another "
            "targetPort would break the pods that answer now"
        )
    ]


RULE = Rule(
    code="PC407",
    name="mixed-listeners",
    severity="error",
    summary="Some pods listen on the target port, others do not",
    applies=(When.SELECTOR,),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.REPLICA_SETS, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.HINT,
    of_containers=True,
    field=("ports", "#", "targetPort"),
    explanation=Explanation(
        meaning="The pods of the Service differ: some listen on its target port, others listen on "
        "other ports. Usually a rollout that changes the port is not complete.",
        why="Connections to the pods without a listener are refused and the others are served, so "
        "the Service fails now and then.",
        confirm="kubectl exec POD -- netstat -tln in each pod, and kubectl get pods -L "
        "pod-template-hash.",
        fix="Fix the workload, not the Service: with another targetPort the pods that answer now "
        "would fail. Undo the rollout, or give the port the same name in both revisions and use "
        "the name as targetPort.",
    ),
    examples=(
        Example(
            "one of two pods has the new revision",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="""
degraded; also PC501
PC407 error for pods in Service checkout, port 80/TCP
  1 of 2 pods listens on 9000, not on 8080; 1 serves clients
  pods: checkout-2
  - checkout-1: listens on 8080
  - checkout-2: listens on 9000, not on 8080
  review: Make checkout-2 listen on 8080; another targetPort would break the pods that answer
      now
""",
        ),
        Example(
            "a name that resolves to another number in each pod works",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: http}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 9000}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="healthy; also PC404",
        ),
    ),
    check=_check,
    follows_from=("PC102", "PC116", "PC309"),
)
