"""What a rule declares of itself, and how the catalogue finds the rest of it.

Loading this takes little: the catalogue knows what every rule declares, and loads the file of a
rule when its check has to run. Explanations are in the files of the rules, for ``Rule.in_full``,
and in ``texts.json``, for ``--explain``.
"""

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import msgspec

from kubectl_portcheck.model.word import Word

if TYPE_CHECKING:
    from kubectl_portcheck.model.base import Missing
    from kubectl_portcheck.model.facts import Fact
    from kubectl_portcheck.model.fixes import Fix, Subject
    from kubectl_portcheck.model.objects import ServicePort
    from kubectl_portcheck.model.report import Finding, Impact, NotEvaluated, Severity
    from kubectl_portcheck.model.share import Share
    from kubectl_portcheck.rules.outcomes import Outcome
    from kubectl_portcheck.rules.texts import Texts
    from kubectl_portcheck.semantics.case import Case, ServiceCase

    Check = Callable[[Case], Outcome] | None
    ServiceCheck = Callable[[ServiceCase], Outcome] | None


class Need(Word):
    """The kinds of evidence that a rule reads, by the names of the fields of the evidence."""

    PODS = "pods"
    SLICES = "endpoint_slices"
    REPLICA_SETS = "replica_sets"
    DEPLOYMENTS = "deployments"
    STATEFUL_SETS = "stateful_sets"
    NAMESPACE_PODS = "namespace_pods"
    SERVICES = "services"
    WORKLOADS = "workloads"
    REVISIONS = "revisions"
    INGRESSES = "ingresses"
    INGRESS_CLASSES = "ingress_classes"
    ROUTES = "routes"
    GRANTS = "reference_grants"
    POLICIES = "network_policies"
    GUARDS = "guards"
    NAMESPACE_LABELS = "namespace_labels"
    MESH_POLICIES = "mesh_policies"
    REFERRERS = "referrers"
    GATEWAY_PODS = "gateway_pods"
    GATEWAY_SERVICES = "gateway_services"
    MISNAMED = "misnamed"
    OVERWRITTEN = "overwritten"
    MONITORS = "monitors"
    EVENTS = "events"
    NODES = "nodes"
    CLAIMS = "claims"
    STORAGE_CLASSES = "storage_classes"
    CONFIG_MAPS = "config_maps"
    SECRETS = "secrets"
    CALLS = "calls"
    INIT_CALLS = "init_calls"
    SOCKETS = "sockets"
    ATTEMPTS = "attempts"
    FORWARDS = "service_forwards"
    ALIAS = "alias"
    HOLDERS = "holders"
    IN_CLUSTER = "in_cluster"


class When(Word):
    """What must be so of the Service, or of its port, for a rule to say anything about it."""

    SELECTOR = "the Service has a selector, from which Kubernetes keeps its endpoints"
    PODS = "pods are behind the Service: it selects them, or its endpoints are pods"
    MANUAL_ENDPOINTS = "the Service has no selector, and its endpoints are written by hand"
    HEADLESS = "the Service is headless"
    NOT_HEADLESS = "the Service is not headless"
    EXTERNAL_NAME = "the Service is of type ExternalName"
    NOT_EXTERNAL_NAME = "the Service is not of type ExternalName"
    LOAD_BALANCER = "the Service is of type LoadBalancer"
    NOT_LOAD_BALANCER = "the Service is not of type LoadBalancer"
    READY_ONLY = "the Service does not publish the addresses of pods that are not ready"
    TCP = "the port's protocol is TCP"
    NOT_SCTP = "the port's protocol is not SCTP"
    NAMED_TARGET_PORT = "the targetPort is a name"
    NUMBERED_TARGET_PORT = "the targetPort is a number"


class Clue(Word):
    """What the evidence shows beside its lists, and without which many rules find nothing."""

    UNHEALTHY = "a pod is not plainly Running and Ready, or there is none"
    MEASURED = "something was measured in a pod, or tried from outside of it"
    UNPROVED = "not every pod with traffic is known to serve by its readiness probe"
    MESHED = "a pod has the proxy of a service mesh, or asks for one"
    TASKS = "the selector also matches pods of Jobs or hooks"
    SUBDOMAIN = "a pod names a Service for its DNS name"
    HINTED = "an endpoint has hints of the zones or nodes that prefer it"
    LOCAL = "a traffic policy of the Service is Local"
    ASKED = "a workload was asked about, or one port of the Service"
    ABSENT = "the Service does not exist"


class Worth(Word):
    """What a rule's conclusion is worth where the evidence is manifest files."""

    NOTHING = "nothing"
    """Only a live cluster can tell."""
    HINT = "hint"
    """The files suggest it: a warning."""
    ABSENCE = "absence"
    """Something is not in the files: a warning, unless they are everything."""
    PROOF = "proof"
    """As much as in a cluster."""


class Explanation(msgspec.Struct, frozen=True):
    """What ``--explain`` and the rule reference say, in plain text."""

    meaning: str
    why: str
    """Why traffic fails."""
    confirm: str
    fix: str


class Example(msgspec.Struct, frozen=True):
    """A small situation, as documentation and as a test."""

    title: str
    manifest: str
    """YAML documents, as ``kubectl get -o yaml`` prints them, cut to what matters; and one
    document ``probes:`` with what was measured."""
    expects: str
    """What a diagnosis says of it: the verdict, the codes of other rules' findings, and what this
    rule finds, with its fixes. ``python -m tests.examples`` writes it."""

    @property
    def fires(self) -> bool:
        """Whether the rule finds its problem in it."""
        return "\nPC" in self.expects


_WORDS = {"not-asked": "a part of the evidence was not read"}


class Rule(msgspec.Struct, frozen=True):
    """One problem of the catalogue."""

    code: str
    name: str
    """The problem in kebab-case; a runbook may match on it."""
    severity: "Severity"
    summary: str
    """One line for the list of rules."""
    needs: tuple[Need, ...]
    """Evidence without which the rule cannot conclude anything."""
    uses: tuple[Need, ...]
    """Evidence that it reads where there is any: what is missing never counts as well."""
    explanation: Explanation
    examples: tuple[Example, ...]
    applies: tuple[When, ...] = ()
    """What must be so for the problem to exist at all; the runner asks before it runs the rule."""
    clues: "tuple[Need | Clue, ...]" = ()
    """Where the evidence has none of these, there is nothing to find: a list that holds objects, or
    may hold some, or a clue. The runner asks before it runs the rule; without clues it always does,
    so a check never relies on them."""
    check: "Check" = None
    """Runs once for each port of a Service."""
    check_service: "ServiceCheck" = None
    """Runs once for a Service. A rule has one of the two."""
    deciding: bool = False
    """Whether a Service can be called healthy only where this rule had its evidence."""
    follows_from: tuple[str, ...] = ()
    """Codes of the problems of which this one may be a mere consequence."""
    in_files: Worth = Worth.NOTHING
    """What it is worth in manifest files. A new rule raises no false alarm in a review before
    someone has thought about it."""
    field: tuple[str, ...] = ()
    """The field of the Service's specification that is wrong, where neither the finding nor a fix
    names one; ``#`` means the place of the port. Without it, the line of ``spec``."""
    of_containers: bool = False
    """Whether it rests on the containers of pods, of which files may not show all."""
    about_absent: bool = False
    """Whether it says something about a Service that does not exist."""
    about_pods: bool = False
    """Whether it says something about pods that no Service needs to lead to."""
    why_unready: bool = False
    """Whether its finding says why no pod is Ready, or why there is none: the picture of the way
    names it there."""
    denies_name: bool = False
    """Whether its finding says that there is no such Service."""
    if_enforced: bool = False
    """Whether its finding says what would be, if the cluster enforced NetworkPolicies."""

    def finding(
        self,
        case: "ServiceCase",
        summary: str,
        *,
        evidence: "Iterable[Fact]" = (),
        fixes: "Iterable[Fix]" = (),
        impact: "Impact | None" = None,
        pods: Iterable[str] = (),
        severity: "Severity | None" = None,
        subject: "Subject | None" = None,
        port: "ServicePort | None" = None,
        pointer: str = "",
        unsure: str = "",
    ) -> "Finding":
        """A finding of this rule about the case; ``port`` is the case's own where it has one.

        No impact is one of ``Impact.NONE``.
        """
        from kubectl_portcheck.model.report import Finding, Impact
        from kubectl_portcheck.semantics.case import Case

        port = case.port if isinstance(case, Case) else port
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity or self.severity,
            subject=subject or case.subject,
            summary=summary,
            evidence=tuple(evidence),
            fixes=tuple(fixes),
            port=port.port if port else None,
            protocol=port.protocol if port else "TCP",
            impact=impact or Impact.NONE,
            pods=tuple(pods),
            pointer=pointer,
            unsure=unsure,
        )

    def lacks(self, missing: "str | Missing", share: "Share | None" = None) -> "NotEvaluated":
        """The outcome of a rule that misses evidence about these pods, or about all of them."""
        from kubectl_portcheck.model.base import Reason
        from kubectl_portcheck.model.report import NotEvaluated

        if isinstance(missing, str):
            return NotEvaluated(code=self.code, missing=missing, share=share)
        return NotEvaluated(
            code=self.code,
            missing=missing.detail or _WORDS.get(missing.reason, str(missing.reason)),
            share=share,
            unserved=missing.reason == Reason.NOT_SERVED,
        )

    @property
    def in_full(self) -> "Rule":
        """The rule as its own file has it, with its explanation and its examples."""
        return _loaded(self.code, self.name)

    @property
    def texts(self) -> "Texts":
        """What ``--explain`` says of it; the catalogue has no explanation and no examples."""
        from kubectl_portcheck.rules.texts import Texts

        explained = self.explanation
        first: dict[bool, list[str]] = {}
        for example in self.examples:
            first.setdefault(example.fires, [example.title, example.manifest])
        return Texts(
            code=self.code,
            name=self.name,
            severity=self.severity,
            summary=self.summary,
            follows_from=list(self.follows_from),
            meaning=explained.meaning,
            why=explained.why,
            confirm=explained.confirm,
            fix=explained.fix,
            found=first.get(True),
            passed=first.get(False),
            examples=len(self.examples),
        )


def listed(
    code: str,
    name: str,
    severity: "Severity",
    summary: str,
    *,
    runs_for: Literal["port", "service"],
    needs: tuple[Need, ...] = (),
    uses: tuple[Need, ...] = (),
    applies: tuple[When, ...] = (),
    clues: tuple[Need | Clue, ...] = (),
    deciding: bool = False,
    follows_from: tuple[str, ...] = (),
    in_files: Worth = Worth.NOTHING,
    field: tuple[str, ...] = (),
    of_containers: bool = False,
    about_absent: bool = False,
    about_pods: bool = False,
    why_unready: bool = False,
    denies_name: bool = False,
    if_enforced: bool = False,
) -> Rule:
    """A rule of which the check, the explanation and the examples stay in its file."""

    def check(case: "Case") -> "Outcome":
        own = _loaded(code, name).check
        assert own is not None
        return own(case)

    def check_service(case: "ServiceCase") -> "Outcome":
        own = _loaded(code, name).check_service
        assert own is not None
        return own(case)

    of_port = runs_for == "port"
    return Rule(
        code=code,
        name=name,
        severity=severity,
        summary=summary,
        needs=needs,
        uses=uses,
        explanation=_IN_FILE,
        examples=(),
        applies=applies,
        clues=clues,
        check=check if of_port else None,
        check_service=None if of_port else check_service,
        deciding=deciding,
        follows_from=follows_from,
        in_files=in_files,
        field=field,
        of_containers=of_containers,
        about_absent=about_absent,
        about_pods=about_pods,
        why_unready=why_unready,
        denies_name=denies_name,
        if_enforced=if_enforced,
    )


_IN_FILE = Explanation("", "", "", "")
"""The catalogue has no explanations."""


def module_of(code: str, name: str) -> str:
    """The name of a rule's file, as a module of this package."""
    return f"{code.lower()}_{name.replace('-', '_')}"


@cache
def _loaded(code: str, name: str) -> Rule:
    """The rule as its own file has it."""
    rule: Rule = import_module(f"{__package__}.{module_of(code, name)}").RULE
    return rule
