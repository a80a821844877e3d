"""What the rules conclude: the one thing that renderers read."""

from typing import Literal

from kubectl_portcheck.model.base import Record, Right, Word
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import ContainerLog, Context, Lookup
from kubectl_portcheck.model.facts import Fact
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.fixes import Verdict as Verdict
from kubectl_portcheck.model.kinds import ALL, short_name
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, ListeningSocket, Protocol
from kubectl_portcheck.model.seat import Chosen, Dns
from kubectl_portcheck.model.share import Share

Severity = Literal["error", "warning", "info"]
Status = Literal["pass", "warn", "fail", "skipped"]
SuppressedBy = Literal["annotation", "flag"]
StepName = Literal[
    "pod-status",
    "listening-ports",
    "endpoints",
    "target-port",
    "pod-port-forward",
    "service-port-forward",
]
SeatStepName = Literal[
    "resolver", "name", "dns-server", "dns-policies", "service", "pods", "others"
]

WORST_FIRST: tuple[Verdict, ...] = ("broken", "degraded", "inconclusive", "healthy")
"""Over several ports and Services the worst decides."""
FAULTY: tuple[Verdict, ...] = ("broken", "degraded")
"""The verdicts that say that clients get errors."""


class Impact(Word):
    """What a finding means for the clients of the Service port."""

    ALL = "all"
    """All of them get errors."""
    PODS = "pods"
    """Those get errors who are sent to the pods that the finding names."""
    PATH = "path"
    """Those get errors who come by one path (an Ingress, a route, a policy), or at one
    time (before the next end of a container that ends again and again they are served)."""
    NONE = "none"


class Origin(Record, frozen=True):
    """The place in a manifest file where the mistake is."""

    file: str
    line: int


class Finding(Record, frozen=True):
    """A problem that a rule found."""

    code: str
    name: str
    severity: Severity
    subject: Subject
    summary: str
    """One sentence: what is wrong, and where."""
    evidence: tuple[Fact, ...] = ()
    """What it rests on."""
    fixes: tuple[Fix, ...] = ()
    port: int | None = None
    """The Service port; None where the whole Service is concerned."""
    protocol: Protocol = "TCP"
    impact: Impact = Impact.NONE
    pods: tuple[str, ...] = ()
    """The pods concerned."""
    cause: bool = True
    """False for what merely follows from another finding of the report."""
    caused_by: str | None = None
    """The code of the finding that it follows from."""
    origin: Origin | None = None
    """Where the evidence is manifest files."""
    pointer: str = ""
    """The JSON pointer of the field of the subject that is wrong, where a rule knows it and no fix
    says it."""
    unsure: str = ""
    """What is not known about it, where it might mean errors for clients or nothing at all:
    the port is then not called healthy."""


class Suppressed(Record, frozen=True):
    """A finding that a user chose to ignore; it decides nothing."""

    finding: Finding
    by: SuppressedBy
    """The annotation on the Service, or ``--ignore``."""


class NotEvaluated(Record, frozen=True):
    """A rule that lacked evidence."""

    code: str
    missing: str
    share: Share | None = None
    """The pods about which it is missing, where it is not missing about the whole Service."""
    port: int | None = None
    unserved: bool = False
    """True where the cluster does not serve the API in question: then there are no such objects,
    and no reader needs to know."""
    defect: bool = False
    """True where the rule's check itself failed: then no verdict is healthy."""

    def __str__(self) -> str:
        """What it lacked, of which pods."""
        return f"{self.share}: {self.missing}" if self.share else self.missing


class Step(Record, frozen=True):
    """One of the six steps, for one Service port."""

    step: int
    name: StepName
    status: Status
    summary: str
    reason: str | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    """What a person would run to do this step by hand, as argument vectors."""


class SeatStep(Record, frozen=True):
    """One step of a client's way from its pod (``--from``)."""

    name: SeatStepName
    status: Status
    summary: str
    reason: str | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    """What a person would run to do this step by hand, as argument vectors."""


class DnsServer(Record, frozen=True):
    """The Service behind the client's nameserver, where no nameserver answered."""

    namespace: str
    name: str
    verdict: Verdict
    headline: str
    code: str = ""
    """Of the leading cause, where there is one."""


class OtherSeat(Record, frozen=True):
    """What another pod met on the same way."""

    namespace: str
    pod: str
    node: str
    status: Status
    name: str
    """What became of the name, in a word or two."""
    service: tuple[str, ...] = ()
    """The outcomes at the Service's own address."""
    pods: tuple[str, ...] = ()
    """The outcomes at the pods' addresses."""


class SeatReport(Record, frozen=True):
    """The pod of ``--from``, and what it met."""

    namespace: str
    pod: str
    container: str = ""
    node: str = ""
    chosen: Chosen = "named"
    """Why this pod was taken."""
    by: str = ""
    """What it was chosen by: ``deploy/web``, ``app=web``."""
    setting: str = ""
    """The variable or argument that names the Service, where it was taken for that (auto)."""
    ready: int = 0
    """How many of the pods that it was chosen from are Ready."""
    of: int = 0
    """How many pods it was chosen from."""
    dns: Dns | None = None
    """What the resolver says; None where the name could not be looked up."""
    dns_server: DnsServer | None = None
    others: tuple[OtherSeat, ...] = ()
    """What other pods met on the same way."""
    each_node: bool = False
    """Whether they are one on each node that has a pod to take."""
    steps: tuple[SeatStep, ...] = ()


class Chain(Record, frozen=True):
    """The way of a request: Service port, target port, container port, socket."""

    service_port: int
    target_port: int | str
    resolved: tuple[int, ...] = ()
    """The numbers to which the target port resolves across the pods; one, as a rule."""
    container_port: int | None = None
    """The declared container port that the target port meets; None where none is declared."""
    listening: tuple[int, ...] | None = None
    """What listens in the pods, over all of them; None where that is not known."""
    declared: tuple[int, ...] = ()
    programs: dict[int, str] = {}
    """The program behind a listening port, where all pods agree on it."""
    readiness: tuple[int, ...] = ()
    """The ports on which readiness is checked."""


class Change(Record, frozen=True):
    """A change that came before the fault."""

    subject: Subject
    summary: str
    """``revision 7, 12 minutes ago: containerPort 8080 → 9000``."""
    time: str = ""
    """In RFC 3339 form; '' where it is not known."""
    by: str = ""
    """The field manager that made it; '' where that is not known."""


class OldPort(Record, frozen=True):
    """A port that the application has left, and the places that still name it."""

    port: int
    places: tuple[str, ...]


class IngressWay(Record, frozen=True):
    """By which hosts and paths an Ingress leads clients to a Service port."""

    ingress: str
    places: tuple[str, ...]
    """``shop.example/checkout``, ``default backend``."""
    port: int | str
    """The Service port, as the Ingress names it."""


class PortReport(Record, frozen=True):
    """The verdict on one Service port."""

    port: int
    name: str
    protocol: Protocol
    target_port: int | str
    verdict: Verdict
    chain: Chain
    steps: tuple[Step, ...]
    attempts: tuple[Attempt, ...] = ()
    node_port: int = 0
    """The port on which every node accepts the clients of this port; 0 where there is none."""


class PodReport(Record, frozen=True):
    """A pod behind the Service."""

    pod: Pod
    ready: bool
    listeners: tuple[ListeningSocket, ...] | None = None
    """None where it could not be found out."""


class Headline(Record, frozen=True):
    """What a report on one Service says first."""

    text: str
    """The cause, what is not known, or what is healthy: without port and share."""
    ports: tuple[int, ...] = ()
    """The Service ports that it is about; none where it is about the whole Service."""
    share: Share | None = None
    """The pods that it is about, where that is known."""
    finding: str = ""
    """The code of the finding that it is taken from."""
    untold: bool = False
    """Whether it names what is not known."""

    def __str__(self) -> str:
        """The whole sentence."""
        if self.untold:
            share = f"{self.share}: " if self.share else ""
            return f"could not tell: {share}{self.text}"
        if not self.ports:
            return self.text
        return f"port {', '.join(map(str, self.ports))}: {begun(self.text)}"


_NAMES = {*(kind.name for kind in ALL), "Helm", "Istio", "Linkerd", "Knative", "Kubernetes"}


def begun(sentence: str) -> str:
    """The sentence as it goes on after a colon: a small letter, unless a name begins it."""
    first = sentence.partition(" ")[0]
    plain = first.isalpha() and first[1:] == first[1:].lower() and first not in _NAMES
    return f"{sentence[0].lower()}{sentence[1:]}" if plain else sentence


class NextStep(Record, frozen=True):
    """The command that would tell what a report could not."""

    text: str
    command: tuple[str, ...]


class Called(Record, frozen=True):
    """A call of a workload, and what is wrong with it."""

    call: Call
    finding: str = ""
    """The code of the finding about it; '' where there is none."""


class ServiceReport(Record, frozen=True):
    """The verdict on one Service."""

    namespace: str
    name: str
    verdict: Verdict
    headline: Headline
    """The cause, or what is healthy, in one sentence."""
    cluster: str = ""
    """Its cluster, where the report is on several."""
    kind: str = "Service"
    """Of another kind where a pod's or a workload's own ports were asked about."""
    pods: tuple[PodReport, ...] = ()
    ports: tuple[PortReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    missing: tuple[str, ...] = ()
    """What could not be had, each once, in the user's words: rights, tools, time."""
    rights: tuple[Right, ...] = ()
    """The rights that were missing."""
    suppressed: tuple[Suppressed, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know about the run that is no finding."""
    changes: tuple[Change, ...] = ()
    """What changed before the fault: only where there is one."""
    old_port: OldPort | None = None
    """The port that the application has left, where something still names it."""
    next: NextStep | None = None
    """The command that would tell what is not known, where there is one."""
    lookup: Lookup | None = None
    """The address that it was asked for by, where it was."""
    ingresses: tuple[IngressWay, ...] = ()
    """The Ingresses that lead to the Service."""
    calls: tuple[Called, ...] = ()
    """The workloads whose settings name the Service; of a workload, what it calls itself."""
    logs: tuple[ContainerLog, ...] = ()
    """The last lines of containers that fail, where they were asked for."""
    seat: SeatReport | None = None
    """What a client's pod met, where --from asked for it."""

    @property
    def lacking(self) -> tuple[NotEvaluated, ...]:
        """The rules that lacked something that may be there."""
        return tuple(n for n in self.not_evaluated if not n.unserved)

    @property
    def heads(self) -> tuple[Finding, ...]:
        """The findings that are not consequences: causes, and what follows from an ignored one."""
        codes = {f.code for f in self.findings}
        return tuple(
            f for f in self.findings if f.cause or (f.caused_by and f.caused_by not in codes)
        )

    @property
    def title(self) -> str:
        """``svc/checkout``, ``deploy/checkout``."""
        return f"{self.short_kind}/{self.name}"

    @property
    def label(self) -> str:
        """The name, with its kind unless that is a Service."""
        return self.name if self.kind == "Service" else self.title

    @property
    def short_kind(self) -> str:
        """``svc``, ``deploy``: the kind as in a title."""
        return short_name(self.kind)


class ClusterReport(Record, frozen=True):
    """One cluster of a report on several, or of a report that several were merged into."""

    name: str
    """The kubeconfig's context, or the name that was given to its report."""
    verdict: Verdict
    services: tuple[ServiceReport, ...] = ()
    collected_at: str = ""
    """When the oldest part of it was gathered."""
    seconds: float = 0.0
    """How long its slowest part took."""
    missing: tuple[str, ...] = ()
    """What could not be looked at; the whole cluster, where it could not be reached."""


class Report(Record, frozen=True):
    """The verdict on all that was asked."""

    context: Context
    verdict: Verdict
    services: tuple[ServiceReport, ...] = ()
    missing: tuple[str, ...] = ()
    """What could not be looked at at all, such as a namespace whose Services are forbidden."""
    rights: tuple[Right, ...] = ()
    """The rights that were missing for that."""
    interrupted: bool = False
    clusters: tuple[ClusterReport, ...] = ()
    """Each cluster, where there are several or where reports were merged."""
