"""Whether the user may make a change, as far as the API server tells."""

from collections.abc import Collection

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Right
from kubectl_portcheck.model.fixes import Command, Fix, JsonPatch
from kubectl_portcheck.model.permissions import ResourceRule, SubjectRulesReviewStatus

VERBS = {
    **dict.fromkeys(("annotate", "label", "patch", "rollout", "set"), "patch"),
    "delete": "delete",
    "expose": "create",
}
"""The verb that a kubectl command needs on what it changes."""


def denied(review: SubjectRulesReviewStatus, namespace: str) -> tuple[Right, ...]:
    """Return the changes in the namespace that the user may not make; none where it is not known.

    A rule for some objects by name is taken for all of them: no user reads wrongly that a change
    is forbidden. (k8s.io/api/authorization/v1, SubjectRulesReviewStatus)
    """
    if review.incomplete:
        return ()
    return tuple(
        Right(verb=verb, resource=kind.plural, group=kind.group, namespace=namespace)
        for kind in kinds.ALL
        if kind.namespaced
        for verb in sorted(set(VERBS.values()))
        if not any(_allows(rule, verb, kind) for rule in review.resource_rules)
    )


def _allows(rule: ResourceRule, verb: str, kind: kinds.Kind) -> bool:
    wanted = ((rule.verbs, verb), (rule.api_groups, kind.group), (rule.resources, kind.plural))
    return all({"*", one} & {*allowed} for allowed, one in wanted)


def lacking(fix: Fix, denied: Collection[Right]) -> Right | None:
    """Return the permission that the user needs for the fix and does not have."""
    kind = kinds.BY_NAME.get(fix.subject.kind) if fix.subject else None
    if kind is None or fix.subject is None:
        return None
    if isinstance(fix.change, JsonPatch):
        verb = "patch"
    elif isinstance(fix.change, Command):
        verb = VERBS.get(fix.change.words[0], "")
    else:
        return None
    wanted = (verb, kind.plural, kind.group, fix.subject.namespace)
    return next((r for r in denied if (r.verb, r.resource, r.group, r.namespace) == wanted), None)
