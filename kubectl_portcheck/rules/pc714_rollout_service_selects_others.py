"""PC714: a Rollout moves the clients of a Service whose selector does not fit its pods."""

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Operation
from kubectl_portcheck.model.references import Reference, Referrer
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes, referrer_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.twins import HASH


def _check(case: ServiceCase) -> Outcome:
    moved = case.read_by("rollout")
    found = [f for r in moved if (f := _finding(case, r))]
    if found:
        return Several(tuple(found))
    if (missing := referrer_ports.lacking(case, "rollout")) is not None:
        return RULE.lacks(missing)
    return Passed() if moved else NotApplicable("no Rollout is known to name the Service")


def _finding(case: ServiceCase, rollout: Referrer) -> Finding | None:
    here = referrer_ports.references_here(case, rollout)
    wrong = {
        key: value
        for key, value in case.service.spec.selector.items()
        if key != HASH and rollout.labels.get(key) != value
    }
    if not here or not rollout.labels or not wrong:
        return None
    subject = referrer_ports.subject_of(case, rollout)
    terms = listing(f"{k}={v}" for k, v in wrong.items())
    facts: list[Fact] = [
        State(subject=subject, state=f"its pods have {_label(rollout, key)}") for key in wrong
    ]
    return RULE.finding(
        case,
        f"Rollout {subject.name} names the Service as its {_fields(here)}, and its pods do not "
        f"have {terms}, which the Service selects: Argo Rollouts refuses the Rollout",
        evidence=facts,
        fixes=[
            fixes.patch(
                case,
                case.subject,
                _change(rollout, wrong),
                title=f"Let the Service select the pods of Rollout {subject.name}",
                safety="review",
            )
        ],
        subject=subject,
        pointer=here[0].pointer,
    )


def _fields(here: list[Reference]) -> str:
    return listing(r.where for r in here)


def _label(rollout: Referrer, key: str) -> str:
    return f"{key}={rollout.labels[key]}" if key in rollout.labels else f"no label {key}"


def _change(rollout: Referrer, wrong: dict[str, str]) -> list[Operation]:
    made: list[Operation] = []
    for key, value in wrong.items():
        path = f"/spec/selector/{fixes.pointer(key)}"
        if key in rollout.labels:
            made += fixes.replace(path, value, rollout.labels[key])
        else:
            made += [fixes.test(path, value), fixes.remove(path)]
    return made


_POD = "metadata: {name: checkout-1, labels: {app: checkout, tier: web}}"
_NEW_POD = _POD.replace("tier: web", "rollouts-pod-template-hash: abc")
_ROLLOUT = f"""kind: Rollout
metadata: {{name: checkout, namespace: default}}
spec:
  strategy: {{canary: {{stableService: checkout, canaryService: checkout-canary}}}}
  template: {{metadata: {{labels: {{app: checkout, tier: web}}}}}}
---
kind: Pod
{_POD}
spec: {{containers: [{{name: app}}]}}
---
probes: {{checkout-1: {{sockets: ["0.0.0.0:8080"], port-forward: {{8080: accepted}}}}}}
"""

RULE = Rule(
    code="PC714",
    name="rollout-service-selects-others",
    severity="warning",
    summary="An Argo Rollout names a Service whose selector does not fit the Rollout's pods",
    applies=(When.SELECTOR,),
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS,),
    in_files=Worth.PROOF,
    field=("selector",),
    explanation=Explanation(
        meaning="stableService, canaryService, activeService and previewService of a Rollout are "
        "the Services between which Argo Rollouts moves the clients. It adds the label "
        "rollouts-pod-template-hash to their selectors; all other labels must be labels of the "
        "Rollout's pods.",
        why="Argo Rollouts refuses the Rollout (InvalidSpec) and makes no progress. The Service "
        "leads to other pods, or to none.",
        confirm="kubectl get rollout NAME -o yaml: read the condition InvalidSpec. Compare "
        "spec.template.metadata.labels with the selector of the Service.",
        fix="Make the selector of the Service fit the labels of the Rollout's pods.",
    ),
    examples=(
        Example(
            "the canary Service selects a label that the pods have with another value",
            f"""
kind: Service
metadata: {{name: checkout-canary, namespace: default}}
spec: {{selector: {{app: checkout, tier: canary}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
{_ROLLOUT}""",
            expects="""
broken; also PC301
PC714 warning in Rollout checkout
  Rollout checkout names the Service as its canaryService, and its pods do not have tier=canary,
      which the Service selects: Argo Rollouts refuses the Rollout
  - Rollout checkout: its pods have tier=web
  review: Let the Service select the pods of Rollout checkout
    replace /spec/selector/tier web in Service checkout-canary
""",
        ),
        Example(
            "the stable Service, whose selector has the hash of Argo Rollouts",
            f"""
kind: Service
metadata: {{name: checkout, namespace: default}}
spec:
  selector: {{app: checkout, rollouts-pod-template-hash: abc}}
  ports: [{{port: 80, targetPort: 8080}}]
---
{_ROLLOUT.replace(_POD, _NEW_POD)}""",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
