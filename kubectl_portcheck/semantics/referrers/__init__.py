"""Objects that lead to a Service, and are neither an Ingress nor a route of the Gateway API.

Each kind is one :class:`ReferrerKind`. The fields that are read, and where in them its references
are, stand in the file that it names. Who reads them live, who reads files and who judges goes by
this table.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import istio_gateways
from kubectl_portcheck.semantics.forms import Form, form_in

Reader = Literal["api-server", "istio", "registry", "proxy", "gateway", "rollout"]
"""Who reads it: the API server, Istio's proxies, Istio's list of Services, another proxy or load
balancer, a Gateway, or the controller of a Rollout, which sends no requests and changes where the
Service leads."""


class ReferrerKind(msgspec.Struct, frozen=True):
    """A kind of object that leads to a Service."""

    kind: kinds.Kind
    reader: Reader
    file: str
    """The module of this package that has its form."""
    anywhere: bool = False
    """Whether such an object may lead to a Service of another namespace."""
    long: bool = False
    """Whether the list is too long to be read for a Service that the API server hardly calls."""

    def form(self) -> Form:
        """How its objects are read."""
        return form_in(f"referrers.{self.file}", self.kind)


KINDS: tuple[ReferrerKind, ...] = (
    ReferrerKind(kinds.VALIDATING_WEBHOOKS, "api-server", "api_server", anywhere=True),
    ReferrerKind(kinds.MUTATING_WEBHOOKS, "api-server", "api_server", anywhere=True),
    ReferrerKind(kinds.API_SERVICE, "api-server", "api_server", anywhere=True),
    # Definitions hold schemas, so a list of them is megabytes long.
    ReferrerKind(
        kinds.CUSTOM_RESOURCE_DEFINITION, "api-server", "api_server", anywhere=True, long=True
    ),
    ReferrerKind(kinds.VIRTUAL_SERVICE, "istio", "istio", anywhere=True),
    ReferrerKind(kinds.DESTINATION_RULE, "istio", "istio", anywhere=True),
    ReferrerKind(kinds.ISTIO_GATEWAY, "istio", "istio", anywhere=True),
    ReferrerKind(kinds.KUBERNETES_GATEWAY, "istio", "istio", anywhere=True),
    ReferrerKind(kinds.SERVICE_ENTRY, "registry", "istio_entries", anywhere=True),
    ReferrerKind(kinds.INGRESS_ROUTE, "proxy", "traefik", anywhere=True),
    ReferrerKind(kinds.INGRESS_ROUTE_TCP, "proxy", "traefik", anywhere=True),
    ReferrerKind(kinds.INGRESS_ROUTE_UDP, "proxy", "traefik", anywhere=True),
    ReferrerKind(kinds.TRAEFIK_SERVICE, "proxy", "traefik", anywhere=True),
    ReferrerKind(kinds.OPENSHIFT_ROUTE, "proxy", "openshift"),
    ReferrerKind(kinds.HTTP_PROXY, "proxy", "contour"),
    ReferrerKind(kinds.TARGET_GROUP_BINDING, "proxy", "aws"),
    ReferrerKind(kinds.BACKEND_TLS_POLICY, "gateway", "gateway"),
    ReferrerKind(kinds.ROLLOUT, "rollout", "argo"),
)
BY_NAME = {k.kind.key: k for k in KINDS}


def by_reader(referrers: Iterable[Referrer]) -> dict[str, list[Referrer]]:
    """The objects, by who sends requests by them.

    A snapshot may hold kinds that this version does not know: nothing is said of those.
    """
    found: dict[str, list[Referrer]] = defaultdict(list)
    for referrer in referrers:
        if (known := BY_NAME.get(referrer.kind)) is not None:
            found[known.reader].append(referrer)
    return dict(found)


def with_gateways(
    leading: Iterable[Referrer], gateways: Iterable[Referrer]
) -> tuple[Referrer, ...]:
    """What leads to a Service, with the Gateways where a VirtualService in it names any."""
    found = tuple(leading)
    named = any(g != istio_gateways.MESH for r in found for g in r.gateways)
    return (*found, *gateways) if named else found


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
        own, target = str(port.port), str(port.target_port or "")
        if own.endswith("443") or target.endswith("443") or "10250" in (own, target):
            return True
        words += (port.name, port.app_protocol or "", target)
    return _SAYS_TLS.search(" ".join(words)) is not None
