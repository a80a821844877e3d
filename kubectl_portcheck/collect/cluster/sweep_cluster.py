"""The cluster as the walks of a sweep see it: what the sweep has listed is not asked for again."""

from collections.abc import Mapping
from typing import TypeVar

from kubectl_portcheck.collect.cluster.kinds import Kind
from kubectl_portcheck.collect.cluster.live_cluster import LiveCluster
from kubectl_portcheck.collect.cluster.shared_lists import SHARED_KINDS, Shared
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload

R = TypeVar("R", bound=Record)

NOT_READ = Missing(reason=Reason.NOT_ASKED, detail="not asked for in a sweep")


class Anew(LiveCluster):
    """Reads the Service, its endpoints and its pods anew, and what belongs to the whole namespace
    from the sweep's lists."""

    def __init__(self, cluster: LiveCluster, shared: Shared, service: Service) -> None:
        super().__init__(*cluster.asked_with)
        self.listed = service
        self.shared = shared
        self.foreign_routes = shared.foreign_routes(service)

    def pods(self, selector: dict[str, str]) -> Observed[tuple[Pod, ...]] | Missing:
        """The pods with these labels; for an empty selector those that may have been meant."""
        return super().pods(selector) if selector else self.shared.similar(self.listed)

    def deployments(self) -> Observed[tuple[Workload, ...]] | Missing:
        """The Deployments of the namespace."""
        return self.shared.deployments(self.listed.metadata.namespace)

    def groups(self) -> Observed[dict[str, tuple[str, ...]]] | Missing:
        """The versions of the optional API groups."""
        return self.shared.served

    def objects(
        self, kind: Kind[R], served: Mapping[str, tuple[str, ...]], **query: str
    ) -> Observed[tuple[R, ...]] | Missing:
        """The namespace's objects of a kind, those of the lists wherever they have them."""
        if kind.name in SHARED_KINDS and not query:
            return self.shared.objects(kind.name, self.listed.metadata.namespace)
        return self.shared.once(
            (kind.name, self.listed.metadata.namespace, *sorted(query.items())),
            lambda: super(Anew, self).objects(kind, served, **query),
        )


class Listed(Anew):
    """Reads nothing anew: only the pods themselves are asked."""

    def service(self, name: str) -> Observed[Service] | Missing:
        """The Service."""
        return Observed(value=self.listed)

    def endpoint_slices(self, service: str) -> Observed[tuple[EndpointSlice, ...]] | Missing:
        """The Service's EndpointSlices."""
        return self.shared.slices(self.listed)

    def pods(self, selector: dict[str, str]) -> Observed[tuple[Pod, ...]] | Missing:
        """The pods that the Service selects."""
        return self.shared.pods(self.listed) if selector else self.shared.similar(self.listed)

    def replica_sets(self, selector: dict[str, str]) -> Missing:
        """None: they are read for those Services in which something is wrong."""
        return NOT_READ

    def workload(self, kind: str, name: str) -> Missing:
        """None, as with the ReplicaSets."""
        return NOT_READ
