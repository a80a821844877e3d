"""Contour's HTTPProxy: a port is a Service port by its number, of the same namespace.

(Contour, HTTPProxy ``spec.routes.services`` and ``spec.tcpproxy.services``)
"""

from collections.abc import Iterator

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics.referrers.base import form


class ProxyService(Record, frozen=True):
    """A Service to which requests are sent."""

    name: str = ""
    port: WholeNumber | None = None
    protocol: str = ""


class ProxyServices(Record, frozen=True):
    """The Services of a route, or of all connections."""

    services: tuple[ProxyService, ...] = ()


class VirtualHostTls(Record, frozen=True):
    """Where the TLS of clients ends."""

    passthrough: bool = False
    """Whether the pods get it as it comes."""


class VirtualHost(Record, frozen=True):
    """The host of an HTTPProxy that is no part of another one."""

    tls: VirtualHostTls | None = None


class HTTPProxySpec(Record, frozen=True):
    """The routes of an HTTPProxy."""

    virtualhost: VirtualHost = VirtualHost()
    routes: tuple[ProxyServices, ...] = ()
    tcpproxy: ProxyServices = ProxyServices()


class HTTPProxy(Record, frozen=True):
    """An HTTPProxy."""

    metadata: ObjectMeta = ObjectMeta()
    spec: HTTPProxySpec = HTTPProxySpec()


def _of_proxy(found: HTTPProxy) -> Iterator[Reference]:
    places = [(r, f"/spec/routes/{i}") for i, r in enumerate(found.spec.routes)]
    tls = found.spec.virtualhost.tls
    # What connections carry after their TLS has ended is not known.
    carries = "passthrough" if tls and tls.passthrough else "edge"
    for several, at in (*places, (found.spec.tcpproxy, "/spec/tcpproxy")):
        for j, called in enumerate(several.services):
            if called.name:
                pointer = f"{at}/services/{j}"
                yield Reference(
                    where=pointer,
                    service=called.name,
                    namespace=found.metadata.namespace,
                    port=called.port,
                    pointer=f"{pointer}/port",
                    scheme=called.protocol or (carries if "tcpproxy" in at else ""),
                    scheme_field="protocol",
                    by="number",
                )


FORMS = {kinds.HTTP_PROXY: form(kinds.HTTP_PROXY, HTTPProxy, _of_proxy)}
