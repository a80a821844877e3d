"""Istio's ServiceEntry, as far as it has the host of a Service of the cluster.

That is ``NAME.NAMESPACE.svc.cluster.local``, in full: shorter names and wildcards are other hosts.
(Istio, ``ServiceEntry.hosts``, ``pilot/pkg/serviceregistry``)

In the namespace of the Service, Istio keeps the Service and its ports, and has the endpoints of
both under that host: a client gets those of the port with the same name. (``initServiceRegistry``,
``EndpointIndex.ShardsForService``) In another namespace, clients there prefer what is in their own,
and all others the Service. (Istio, upgrade notes on ``PILOT_UNIFIED_SIDECAR_SCOPE``)
"""

from collections.abc import Iterator
from typing import Any

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import EntryPort, Reference, RegistryEntry
from kubectl_portcheck.semantics.referrers.base import form

_DOMAIN = ("svc", "cluster", "local")


class ServiceEntrySpec(Record, frozen=True):
    """What a ServiceEntry says of its hosts."""

    hosts: tuple[str, ...] = ()
    ports: tuple[EntryPort, ...] = ()
    endpoints: tuple[Any, ...] = ()
    workload_selector: Any = None
    export_to: tuple[str, ...] = ()


class ServiceEntry(Record, frozen=True):
    """A ServiceEntry."""

    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceEntrySpec = ServiceEntrySpec()


def _of_entry(found: ServiceEntry) -> Iterator[Reference]:
    for i, host in enumerate(found.spec.hosts):
        name, _, rest = host.partition(".")
        namespace, *domain = rest.split(".")
        if name not in ("", "*") and tuple(domain) == _DOMAIN:
            yield Reference(
                where=f"host {host}",
                service=name,
                namespace=namespace,
                pointer=f"/spec/hosts/{i}",
                by="number",
            )


def _entry(found: ServiceEntry) -> RegistryEntry:
    spec = found.spec
    adds = bool(spec.endpoints or spec.workload_selector)
    return RegistryEntry(ports=spec.ports, adds=adds, export_to=spec.export_to)


FORMS = {kinds.SERVICE_ENTRY: form(kinds.SERVICE_ENTRY, ServiceEntry, _of_entry, entry=_entry)}
