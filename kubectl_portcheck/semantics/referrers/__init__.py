"""Objects that lead to a Service, and are neither an Ingress nor a route of the Gateway API.

Each kind is one :class:`ReferrerKind`: its name and group, the fields that are read, and where in
them its references are. Who reads them live, who reads files and who judges goes by this table.
"""

import re
from collections.abc import Iterable

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.referrers import (
    api_server,
    argo,
    aws,
    contour,
    gateway,
    istio,
    openshift,
    traefik,
)
from kubectl_portcheck.semantics.referrers.base import Reader, ReferrerKind

KINDS: tuple[ReferrerKind, ...] = (
    *api_server.WEBHOOKS,
    api_server.API_SERVICES,
    api_server.DEFINITIONS,
    istio.VIRTUAL_SERVICES,
    istio.DESTINATION_RULES,
    istio.GATEWAYS,
    *traefik.KINDS,
    *openshift.KINDS,
    *contour.KINDS,
    *aws.KINDS,
    *gateway.KINDS,
    *argo.KINDS,
)
BY_NAME = {k.kind.name: k for k in KINDS}


def read_by(referrers: Iterable[Referrer], reader: Reader) -> list[Referrer]:
    """Those of the objects by which this reader sends requests."""
    return [c for c in referrers if BY_NAME[c.kind].reader == reader]


def with_gateways(
    leading: Iterable[Referrer], gateways: Iterable[Referrer]
) -> tuple[Referrer, ...]:
    """What leads to a Service, with the Gateways of Istio where one of it names any."""
    found = tuple(leading)
    named = any(g != istio.MESH for r in found for g in r.gateways)
    return (*found, *gateways) if named else found


def is_gateway(referrer: Referrer) -> bool:
    """Whether it is a Gateway of Istio."""
    return referrer.kind == istio.GATEWAYS.kind.name


Found = Observed[tuple[Referrer, ...]] | Missing
_API_SERVERS = frozenset(k.kind.plural for k in KINDS if k.reader == "api-server")
_SAYS_TLS = regex(r"https|tls|ssl|webhook|admission|conversion|api", re.IGNORECASE)


def relevant(found: Found, service: Service) -> Found:
    """The same; what the API server calls is left out where it may not be read and does not matter.

    Few people may read it. It matters only where something of the Service says that TLS is spoken:
    the API server speaks nothing else.
    """
    if may_speak_tls(service):
        return found
    if isinstance(found, Missing):
        return Missing(reason=Reason.NOT_ASKED) if _is_of_api_server(found) else found
    rest = tuple(m for m in found.lacking if not _is_of_api_server(m))
    return msgspec.structs.replace(found, lacking=rest)


def _is_of_api_server(missing: Missing) -> bool:
    right = missing.right
    return right is not None and right.resource in _API_SERVERS


def may_speak_tls(service: Service) -> bool:
    """Whether a name or a port of the Service says that the API server may call it."""
    words = [service.metadata.name]
    for port in service.spec.ports:
        if any(str(n).endswith("443") or str(n) == "10250" for n in (port.port, port.target_port)):
            return True
        words += (port.name, port.app_protocol or "", str(port.target_port or ""))
    return _SAYS_TLS.search(" ".join(words)) is not None
