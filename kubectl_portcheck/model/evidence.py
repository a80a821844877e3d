"""Everything that was gathered about the Services in question: the rules read nothing else."""

from typing import Literal

from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload
from kubectl_portcheck.model.probes import Attempt, PodSockets

Source = Literal["cluster", "manifests", "snapshot"]

NOT_ASKED = Missing(reason=Reason.NOT_ASKED)


class ServiceForward(Record, frozen=True):
    """What ``kubectl port-forward`` to one Service port does: its choice, then the attempt.

    It never touches the Service's address or kube-proxy; the report must not claim more.
    """

    port: int
    pod: str | None = None
    pod_port: int | None = None
    attempt: Attempt | None = None
    reason: str = ""
    """Why nothing was tried, where ``attempt`` is None."""


class ServiceEvidence(Record, frozen=True):
    """What was gathered about one Service."""

    service: Service
    """Its name alone, where ``unread`` says that the rest could not be had."""
    unread: Missing | None = None
    """Why the Service itself could not be read, though a cluster answered."""
    files: Literal["", "some", "all"] = ""
    """Where the evidence is manifest files: whether they are a part of what exists, or all of it.
    The pods are then those that the workloads would make, and none of them was seen alive."""
    asked_port: int | str | None = None
    """The port of ``NAME:PORT``; None for every port of the Service."""
    pods: Observed[tuple[Pod, ...]] | Missing = NOT_ASKED
    """The pods that the selector matches, sorted by name."""
    endpoint_slices: Observed[tuple[EndpointSlice, ...]] | Missing = NOT_ASKED
    replica_sets: Observed[tuple[Workload, ...]] | Missing = NOT_ASKED
    """The ReplicaSets whose labels the Service's selector matches: owners and their history."""
    deployments: Observed[tuple[Workload, ...]] | Missing = NOT_ASKED
    """The namespace's Deployments; asked for only where the selector matches no pod."""
    namespace_pods: Observed[tuple[Pod, ...]] | Missing = NOT_ASKED
    """The namespace's pods; asked for only where the selector matches none."""
    sockets: dict[str, Observed[PodSockets] | Missing] = {}
    """By pod name: what listens in the pod."""
    attempts: tuple[Attempt, ...] = ()
    service_forwards: tuple[ServiceForward, ...] = ()


class Context(Record, frozen=True):
    """Where the evidence comes from."""

    source: Source
    cluster: str = ""
    """The kubeconfig's name of the cluster. Never its address or credentials."""
    namespace: str = ""
    collected_at: str = ""
    """When the evidence was gathered, in RFC 3339 form, UTC."""


class Evidence(Record, frozen=True):
    """What was gathered in one run."""

    context: Context
    services: tuple[ServiceEvidence, ...] = ()
    interrupted: bool = False
