"""What the API server says that a user may do."""

from kubectl_portcheck.model.base import Record


class ResourceRule(Record, frozen=True):
    """A rule of a SelfSubjectRulesReview; ``*`` means everything."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    """The only objects that the rule is for; empty for all of them."""


class SubjectRulesReviewStatus(Record, frozen=True):
    """All rules of the user in one namespace."""

    resource_rules: tuple[ResourceRule, ...] = ()
    incomplete: bool = True
    """Whether there may be more: an authorizer besides RBAC need not list its rules."""


class SelfSubjectRulesReview(Record, frozen=True):
    """The answer to the question what one may do in a namespace."""

    status: SubjectRulesReviewStatus = SubjectRulesReviewStatus()
