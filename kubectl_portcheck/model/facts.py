"""What a finding rests on: facts, from which renderers make the lines of the evidence.

A fact about one pod names it, so that a renderer can say once what is equally true of several.
"""

from typing import TypeAlias

from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import ContainerPort
from kubectl_portcheck.model.probes import ListeningSocket, Outcome, Path


class Listens(Record, frozen=True, tag_field="kind", tag="listens"):
    """Where the processes of a pod accept connections."""

    pod: str
    ports: tuple[int, ...] = ()
    """The ports; none where nothing listens, or where ``sockets`` say it with their addresses."""
    sockets: tuple[ListeningSocket, ...] = ()
    wanted: int | None = None
    """The port on which nothing listens, though clients are sent there."""
    owner: str = ""
    """The workload that made the pod, where pods of several are compared."""
    note: str = ""
    """What follows from it, such as ``accepts IPv4 only``."""


class Declares(Record, frozen=True, tag_field="kind", tag="declares"):
    """Which ports the containers of a pod declare."""

    pod: str
    ports: tuple[ContainerPort, ...] = ()
    wanted: int | str | None = None
    """A name or number that none of them has."""
    note: str = ""


class Connected(Record, frozen=True, tag_field="kind", tag="connection"):
    """What became of a connection that was tried."""

    port: int
    path: Path
    outcome: Outcome
    pod: str = ""
    """Empty where the Service's own address was dialled."""
    detail: str = ""
    request: str = ""
    """What was asked, such as ``GET /healthz``."""
    status: int | None = None
    """The HTTP status of the answer."""
    address: str = ""
    source: str = ""
    """What made the connection, where it began inside the cluster: ``nc in pod client``."""
    note: str = ""


class Probes(Record, frozen=True, tag_field="kind", tag="probe"):
    """What the kubelet asks a container, and what it meets there."""

    pod: str
    container: str
    field: str
    """``readinessProbe``."""
    asks: str
    """``httpGet 8080/healthz``, ``a command``."""
    port: int | None = None
    meets: str = ""
    """What is there, in words."""


class State(Record, frozen=True, tag_field="kind", tag="state"):
    """The state of an object."""

    subject: Subject
    state: str
    """``CrashLoopBackOff``, ``exited with code 1, 3 restarts``."""


class Said(Record, frozen=True, tag_field="kind", tag="said"):
    """What a component of the cluster said, in its own words."""

    source: str
    """``event Unhealthy``, ``the scheduler``, ``the API server``."""
    words: str
    subject: Subject | None = None


class Weighs(Record, frozen=True, tag_field="kind", tag="weighs"):
    """What speaks for and against the assumption that a port was meant."""

    port: int | str
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


class Observation(Record, frozen=True, tag_field="kind", tag="observation"):
    """Anything else that was observed, about an object or about all of them."""

    text: str
    subject: Subject | None = None


Fact: TypeAlias = Listens | Declares | Connected | Probes | State | Said | Weighs | Observation


def pod_of(fact: Fact) -> str:
    """The name of the pod that a fact is about; '' where it is about something else."""
    if isinstance(fact, Listens | Declares | Connected | Probes):
        return fact.pod
    if isinstance(fact, Weighs) or fact.subject is None or fact.subject.kind != "Pod":
        return ""
    return fact.subject.name
