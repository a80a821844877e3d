"""What a walk asks of a cluster: what the API server knows is read, the pods themselves are probed.

A view that knows some of it already wraps another one, and passes on what it does not know.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.from_pod import Dial, DialResults, Names, Seat
from kubectl_portcheck.collect.cluster.listable import Listable
from kubectl_portcheck.model.base import Missing, Observed, Record, Right
from kubectl_portcheck.model.evidence import AddressHolder
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload
from kubectl_portcheck.model.probes import Attempt, Path, PodSockets
from kubectl_portcheck.model.seat import Dns

if TYPE_CHECKING:
    from kubectl_portcheck.semantics.calls import Known

T = TypeVar("T")
R = TypeVar("R", bound=Record)
Read = Observed[T] | Missing
Served = Mapping[str, tuple[str, ...]]
"""The versions that are served of the groups that not every cluster has."""


class Reads(Protocol):
    """What is read of one namespace. Only ``service`` raises; all else says what is missing."""

    def service(self, name: str) -> Read[Service]:
        """Read the Service. Raises PortcheckError where there is none, or no cluster."""

    def services(self) -> Read[tuple[Service, ...]]:
        """Read all Services of the namespace."""

    def services_of(self, namespace: str) -> Read[tuple[Service, ...]]:
        """Read all Services of any namespace."""

    def denied(self) -> Read[tuple[Right, ...]]:
        """Read which changes in the namespace the user may not make."""

    def holders(self, addresses: Sequence[str]) -> Read[tuple[AddressHolder, ...]]:
        """Read who has these addresses, anywhere in the cluster."""

    def other_service(self, namespace: str, name: str) -> Read[Service]:
        """Read a Service of any namespace."""

    def own_labels(self) -> Read[dict[str, str]]:
        """Read the labels of the namespace."""

    def endpoint_slices(self, service: str) -> Read[tuple[EndpointSlice, ...]]:
        """Read the EndpointSlices that belong to the Service."""

    def known_services(self) -> "Read[Known]":
        """Read the Services of the cluster; those of the namespace where only they may be read."""

    def pods(self, selector: dict[str, str]) -> Read[tuple[Pod, ...]]:
        """Read the pods with these labels; all of the namespace for an empty selector."""

    def deployments(self) -> Read[tuple[Workload, ...]]:
        """Read the Deployments of the namespace."""

    def replica_sets(self, selector: dict[str, str]) -> Read[tuple[Workload, ...]]:
        """Read the ReplicaSets with these labels."""

    def workload(self, kind: str, name: str) -> Read[Workload]:
        """Read one Deployment, StatefulSet or DaemonSet."""

    def groups(self) -> Read[dict[str, tuple[str, ...]]]:
        """Read which versions of the optional API groups are served."""

    def objects(self, kind: Listable[R], served: Served, **query: str) -> Read[tuple[R, ...]]:
        """Read the namespace's objects of a kind; ``query`` may select some by label or field."""


class Probes(Protocol):
    """What is found out by contact with the pods of one namespace. Nothing raises."""

    def sockets(self, pod: Pod) -> Read[PodSockets]:
        """Find out what listens in the pod."""

    def debug_sockets(self, pod: Pod, debug: Debug) -> Read[PodSockets]:
        """Find it out by an ephemeral container, which is added to the pod if it has none."""

    def debug_seat(self, seat: Seat, debug: Debug) -> "Seat | Missing":
        """Give the pod of ``--from`` with an ephemeral container, in which it can be asked."""

    def backlog(self, pod: Pod, found: PodSockets) -> PodSockets:
        """Look again, a second later, at connections that the pod has not accepted."""

    def log(self, pod: str, container: str, *, previous: bool) -> Read[bytes]:
        """Read the last lines that a container wrote."""

    def try_ports(self, pod: str, numbers: Sequence[int], path: Path) -> tuple[Attempt, ...]:
        """Connect to ports of the pod by port-forward, and send nothing."""

    def pod_proxy(self, pod: str, number: int) -> Attempt:
        """Let the API server dial the port at the pod's address; it sends an HTTP request."""

    def speak(self, pod: str, number: int, scheme: str, path: str) -> Attempt:
        """Send one GET to a port that shows evidence of HTTP."""

    def dial_from(self, seat: Seat, dials: Sequence[Dial]) -> Read[DialResults]:
        """Connect from inside a pod."""

    def resolve_from(self, seat: Seat, names: Names) -> Read[Dns]:
        """Look up the Service's name inside a pod."""


class Cluster(NamedTuple):
    """One namespace, as a walk sees it; safe to use from several threads."""

    reads: Reads
    probes: Probes
