"""PC120: the Service of a canary has no pods between two releases, by design."""

from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.semantics import twins
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    why = twins.rests(case)
    if not why:
        return Passed()
    return RULE.finding(case, f"The Service has no pods between two releases: {why}")


def _service(more: str, selector: str = "app: checkout") -> str:
    return f"""
kind: Service
metadata: {{name: checkout-canary{more}}}
spec: {{selector: {{{selector}}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""


RULE = Rule(
    code="PC120",
    name="canary-at-rest",
    severity="info",
    summary="The Service of a canary has no pods between two releases, by design",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.DEPLOYMENTS,),
    explanation=Explanation(
        meaning="The name of the Service says canary or preview, and Flagger or Argo Rollouts "
        "keeps it, or the Deployment that it selects is scaled to 0. It has pods only while a "
        "release is tried.",
        why="No client is sent to it now. Who uses its address all the same is refused.",
        confirm="kubectl get canaries,rollouts, or kubectl get deployments.",
        fix="Nothing is wrong. If a release is being tried now, see what the Canary or Rollout "
        "reports.",
    ),
    examples=(
        Example(
            "Flagger's canary between two releases",
            _service(", ownerReferences: [{kind: Canary, name: checkout, controller: true}]"),
            expects="""
healthy
PC120 info in Service checkout-canary
  The Service has no pods between two releases: Flagger's Canary checkout gives it pods while it
      tries a release
""",
        ),
        Example(
            "the canary Service of an Argo Rollout",
            _service(
                ', annotations: {argo-rollouts.argoproj.io/managed-by-rollouts: "checkout"}',
                "app: checkout, rollouts-pod-template-hash: 7bf84f9696",
            ),
            expects="""
healthy
PC120 info in Service checkout-canary
  The Service has no pods between two releases: Rollout checkout gives it pods while it tries a
      release
""",
        ),
        Example(
            "a canary that was scaled to 0 by hand",
            _service("", "app: checkout-canary")
            + """---
kind: Deployment
metadata: {name: checkout-canary}
spec: {replicas: 0, template: {metadata: {labels: {app: checkout-canary}}}}
""",
            expects="""
healthy
PC120 info in Service checkout-canary
  The Service has no pods between two releases: Deployment checkout-canary is scaled to 0, as a
      canary is between releases
""",
        ),
        Example(
            "nothing makes pods with these labels: that is PC301",
            _service("", "app: checkout-canary"),
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
