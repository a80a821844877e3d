"""PC121: Knative has scaled the pods behind a Service to zero, by design."""

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
from kubectl_portcheck.semantics import knative
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    why = knative.at_zero(case)
    if not why:
        return Passed()
    return RULE.finding(case, f"The Service has no pods now: {why}")


_PRIVATE = """
kind: Service
metadata:
  name: hello-00001-private
  labels:
    networking.internal.knative.dev/serviceType: Private
    serving.knative.dev/revision: hello-00001
spec: {selector: {serving.knative.dev/revisionUID: a1}, ports: [{port: 80, targetPort: 8012}]}
"""
_DEPLOYMENT = """---
kind: Deployment
metadata: {name: hello-00001-deployment}
spec: {replicas: %s, template: {metadata: {labels: {serving.knative.dev/revisionUID: a1}}}}
"""

RULE = Rule(
    code="PC121",
    name="revision-at-zero",
    severity="info",
    summary="Knative has scaled the revision behind a private Service to zero, by design",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.DEPLOYMENTS,),
    explanation=Explanation(
        meaning="The Service is the private one of a revision of Knative Serving, and the "
        "revision's Deployment is scaled to 0, because no request has come for a while. The "
        "public Service of the revision has the endpoints of Knative's activator meanwhile.",
        why="Clients are to use the Knative Service or the public Service: the activator holds "
        "their requests until a pod serves. A client of the private Service is refused.",
        confirm="kubectl get revisions, and kubectl get endpointslices -l "
        "kubernetes.io/service-name=REVISION for the activator's endpoints.",
        fix="Nothing is wrong. Call the Knative Service instead of the private Service; set the "
        "annotation autoscaling.knative.dev/min-scale on the revision's template if pods are to "
        "run all the time.",
    ),
    examples=(
        Example(
            "a revision without requests",
            _PRIVATE + _DEPLOYMENT % 0,
            expects="""
healthy
PC121 info in Service hello-00001-private
  The Service has no pods now: Knative has scaled revision hello-00001 to 0, until a request
      comes
""",
        ),
        Example(
            "the Deployment has replicas, and no pod was made: that is PC301",
            _PRIVATE + _DEPLOYMENT % 1,
            expects="broken; also PC301",
        ),
        Example(
            "another Service whose Deployment was scaled to 0: that is PC301",
            _PRIVATE.replace(": Private", ": Other") + _DEPLOYMENT % 0,
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
