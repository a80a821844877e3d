"""PC711: an Istio VirtualService asks for a subset that no DestinationRule defines, or that has no
pod."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Observation, State
from kubectl_portcheck.model.references import Reference, Referrer
from kubectl_portcheck.model.report import Finding, Impact
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
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.selectors import as_query, matches, nearest

PLACES = ("topology.", "istio.io/", "networking.istio.io/")
"""How the keys of labels begin that Istio itself gives to endpoints."""


def _check(case: ServiceCase) -> Outcome:
    followed = case.read_by("istio")
    asking = [
        (c, [r for r in referrer_ports.references_here(case, c) if r.subset]) for c in followed
    ]
    if not any(here for _, here in asking):
        return NotApplicable("no VirtualService is known to ask for a subset of the Service")
    if (missing := referrer_ports.lacking(case, "istio")) is not None:
        return RULE.lacks(missing)
    defined = [s for c in followed for s in c.subsets]
    found = [
        _finding(case, referrer, wrong, defined)
        for referrer, here in asking
        if (wrong := [r for r in here if r.subset not in defined])
    ]
    found += [
        _empty(case, referrer, wrong, labels)
        for referrer, here in asking
        for subset in dict.fromkeys(r.subset for r in here if not r.idle)
        if (labels := _of_no_pod(case, followed, subset))
        and (wrong := [r for r in here if r.subset == subset and not r.idle])
    ]
    return Several(tuple(found)) if found else Passed()


def _finding(
    case: ServiceCase, referrer: Referrer, wrong: Sequence[Reference], defined: Sequence[str]
) -> Finding:
    subject = referrer_ports.subject_of(case, referrer)
    asked = listing(dict.fromkeys(r.subset for r in wrong))
    facts: list[Fact] = [
        State(subject=subject, state=f"{r.where} asks for subset {r.subset}") for r in wrong
    ]
    known = listing(dict.fromkeys(defined))
    rules = f"subsets of the Service: {known}" if known else "no DestinationRule of the Service"
    near = {n for r in wrong if (n := nearest(r.subset, defined))}
    hint = f", perhaps {near.pop()}" if len(near) == 1 else ""
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} asks for subset {asked} of Service {case.name}, which no "
        "DestinationRule defines",
        evidence=[*facts, Observation(text=rules)],
        fixes=[
            fixes.by_hand(
                f"Define subset {asked} in a DestinationRule of the Service, or ask for one that "
                f"is defined{hint}"
            )
        ],
        # A rule for several hosts, by a wildcard, may define it: such rules are not read.
        impact=Impact.PATH if defined else Impact.NONE,
        severity="error" if defined else "warning",
        subject=subject,
        pointer=wrong[0].pointer.removesuffix("/port/number") + "/subset",
    )


def _of_no_pod(case: ServiceCase, rules: Sequence[Referrer], subset: str) -> dict[str, str]:
    """The labels of a subset, where no pod of the Service has them; else none.

    Labels that Istio itself gives, by the place of a pod, are not compared.
    """
    if case.in_files and case.evidence.files != "all":
        return {}  # What makes those pods is mostly in another file.
    several = [r.subset_labels.get(subset, {}) for r in rules if subset in r.subsets]
    if not case.pods or not several or not all(several):
        return {}
    if any(key.startswith(PLACES) for labels in several for key in labels):
        return {}
    held = any(matches(labels, p.metadata.labels) for labels in several for p in case.pods)
    return {} if held else several[0]


def _empty(
    case: ServiceCase, referrer: Referrer, wrong: Sequence[Reference], labels: dict[str, str]
) -> Finding:
    """Pods of the mesh in another cluster may have the labels, so it is a warning."""
    subject = referrer_ports.subject_of(case, referrer)
    words, subset = as_query(labels), wrong[0].subset
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} asks for subset {subset} of Service {case.name}, and no "
        f"pod of the Service has the labels {words}",
        evidence=[
            *(State(subject=subject, state=f"{r.where} asks for subset {r.subset}") for r in wrong),
            Observation(text=f"the labels of subset {subset}: {words}"),
        ],
        fixes=[
            fixes.by_hand(
                f"Start pods with the labels {words}, correct the labels of subset {subset} in its "
                f"DestinationRule, or send the requests of {subject.kind} {subject.name} to a "
                "subset with pods"
            )
        ],
        severity="warning",
        subject=subject,
        pointer=wrong[0].pointer.removesuffix("/port/number") + "/subset",
    )


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
---
kind: VirtualService
metadata: {name: edge, namespace: default}
spec: {http: [{route: [{destination: {host: checkout, subset: canary}}]}]}
---
kind: DestinationRule
metadata: {name: checkout, namespace: default}
"""

RULE = Rule(
    code="PC711",
    name="subset-missing",
    severity="error",
    summary="An Istio VirtualService asks for a subset that no DestinationRule defines, or that "
    "has no pod",
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
    in_files=Worth.ABSENCE,
    explanation=Explanation(
        meaning="destination.subset of a VirtualService is the name of a subset that a "
        "DestinationRule of the same host defines. None that leads to the Service does. Where one "
        "does and no pod of the Service has the labels of the subset, it is a warning: pods of the "
        "mesh in another cluster may have them. Destinations with a weight of 0 and mirrors are "
        "not judged.",
        why="The proxies know no cluster for that subset, or no endpoint in it, and answer with "
        "status 503. Clients that use the Service itself are served.",
        confirm="kubectl get destinationrules -A -o yaml beside the VirtualService; istioctl "
        "analyze reports the same.",
        fix="Define the subset in a DestinationRule with that host, or correct its name or its "
        "labels.",
    ),
    examples=(
        Example(
            "the DestinationRule has another name for it",
            f"{_SHOP}spec: {{host: checkout.default.svc.cluster.local, "
            "subsets: [{name: stable}, {name: canaries}]}\n",
            expects="""
degraded
PC711 error for path in VirtualService edge
  VirtualService edge asks for subset canary of Service checkout, which no DestinationRule
      defines
  - VirtualService edge: destination checkout asks for subset canary
  - subsets of the Service: stable and canaries
  review: Define subset canary in a DestinationRule of the Service, or ask for one that is
      defined, perhaps canaries
""",
        ),
        Example(
            "the subset is defined",
            f"{_SHOP}spec: {{host: checkout, subsets: [{{name: canary}}]}}\n",
            expects="healthy",
        ),
        Example(
            "no pod has the labels of the subset",
            f"{_SHOP}spec:\n  host: checkout\n"
            "  subsets: [{name: canary, labels: {track: canary}}]\n",
            expects="""
healthy
PC711 warning in VirtualService edge
  VirtualService edge asks for subset canary of Service checkout, and no pod of the Service has
      the labels track=canary
  - VirtualService edge: destination checkout asks for subset canary
  - the labels of subset canary: track=canary
  review: Start pods with the labels track=canary, correct the labels of subset canary in its
      DestinationRule, or send the requests of VirtualService edge to a subset with pods
""",
        ),
    ),
    clues=(Need.REFERRERS,),
    check_service=_check,
)
