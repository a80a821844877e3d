"""PC418: a Service has a selector and hand-written Endpoints, which are overwritten."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.selectors import as_query


def _check(case: ServiceCase) -> Outcome:
    if not case.overwritten:
        return NotApplicable("no hand-written Endpoints of its name are known")
    addresses = [
        a.ip for found in case.overwritten for s in found.subsets for a in s.addresses if a.ip
    ]
    selector = as_query(case.service.spec.selector)
    return RULE.finding(
        case,
        f"The Service has the selector {selector}, so Kubernetes overwrites the hand-written "
        f"Endpoints {case.name}: its addresses are lost",
        evidence=[
            State(
                subject=Subject(kind="Endpoints", namespace=case.namespace, name=case.name),
                state=f"has the addresses {listing(addresses) or 'none'}",
            )
        ],
        fixes=[
            fixes.by_hand(
                f"Remove the selector from Service {case.name} if clients are meant to reach "
                "these addresses, or remove the Endpoints"
            )
        ],
    )


RULE = Rule(
    code="PC418",
    name="endpoints-beside-selector",
    severity="warning",
    summary="A Service has a selector, and hand-written Endpoints that Kubernetes overwrites",
    applies=(When.SELECTOR,),
    clues=(Need.OVERWRITTEN,),
    needs=(),
    uses=(Need.OVERWRITTEN,),
    in_files=Worth.PROOF,
    field=("selector",),
    explanation=Explanation(
        meaning="Endpoints are written by hand for a Service without a selector. This Service has "
        "one: often a common label of an overlay was added to the selectors as well.",
        why="The endpoints controller replaces the addresses with those of the pods that the "
        "selector matches. Clients reach other pods, or none.",
        confirm="kubectl get endpoints NAME shows other addresses than the manifest.",
        fix="Remove the selector. In kustomize, use labels with includeSelectors: false instead of "
        "commonLabels.",
    ),
    examples=(
        Example(
            "the common label of an overlay became a selector",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {environment: staging}, ports: [{name: pg, port: 5432}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {environment: staging}}
spec: {containers: [{name: app}]}
---
kind: Endpoints
metadata: {name: checkout}
subsets: [{addresses: [{ip: 192.0.2.10}], ports: [{name: pg, port: 5432}]}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:5432"], port-forward: {5432: accepted}}}
""",
            expects="""
healthy
PC418 warning in Service checkout
  The Service has the selector environment=staging, so Kubernetes overwrites the hand-written
      Endpoints checkout: its addresses are lost
  - Endpoints checkout: has the addresses 192.0.2.10
  review: Remove the selector from Service checkout if clients are meant to reach these
      addresses, or remove the Endpoints
""",
        ),
        Example(
            "without a selector the Endpoints stay",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: pg, port: 5432}]}
---
kind: Endpoints
metadata: {name: checkout}
subsets: [{addresses: [{ip: 192.0.2.10}], ports: [{name: pg, port: 5432}]}]
""",
            expects="broken; also PC306",
        ),
    ),
    check_service=_check,
)
