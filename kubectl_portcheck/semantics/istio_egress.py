"""Which Services the sidecar of a client knows of in Istio.

A Sidecar resource limits the hosts that the proxies know of: each is ``NAMESPACE/HOST``, where the
namespace may be ``*`` or ``.`` (that of the pod), and the host is a full name, ``*`` or ``*.`` with
the end of one; ``~`` before the namespace takes hosts out. An entry with a port counts for that
port in place of those without. The Sidecar that selects the pod holds, then that of the namespace,
then that of the root namespace; without ``egress`` every host is known. A connection to another
host is dropped where ``outboundTrafficPolicy`` is REGISTRY_ONLY, and goes on as it is with
ALLOW_ANY, which is the default of the mesh: without the mutual TLS of the mesh. (Istio, "Sidecar",
"Traffic Routing": Unmatched traffic)

A Service may be known by a VirtualService as well: where one leads to it, nothing is claimed. Nor
is the setting of the whole mesh read.
"""

from collections.abc import Iterable
from typing import NamedTuple

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.guards import Guard, Imports
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import istio_inbound, seat
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.guards.identities import home_of
from kubectl_portcheck.semantics.peers import Fact, any_of
from kubectl_portcheck.semantics.references import may_select


class Scope(NamedTuple):
    """What the Sidecar resource of a client says of a Service port."""

    known: Fact
    """Whether the client's proxy knows of the Service."""
    by: Guard | None = None
    """The Sidecar that holds; None without one."""
    why: str = ""
    """Why it is not known whether it does."""

    @property
    def unmatched(self) -> str:
        """What becomes of connections to other hosts; '' where the setting of the mesh holds."""
        return self.by.parts[0].unmatched if self.by else ""


def scope(case: Case, client: Pod) -> Scope:
    """Whether the sidecar of the client knows of the Service port."""
    found = [g for g in case.mesh_policies if g.kind == "Sidecar" and may_select(g, client)]
    nearest = min((g.order or 0 for g in found), default=0)
    holding = [g for g in found if (g.order or 0) == nearest]
    if not holding:
        return Scope(True)
    if len(holding) > 1:
        names = " and ".join(sorted(g.metadata.name for g in holding))
        return Scope(None, why=f"which of Sidecars {names} holds is undefined")
    sidecar = holding[0]
    imports = sidecar.parts[0].imports
    of_port = [i for i in imports if i.port == case.port.port] or [i for i in imports if not i.port]
    known = True if not imports else _imported(case, home_of(client), of_port)
    title = f"Sidecar {sidecar.metadata.name}"
    if known is None:
        return Scope(None, sidecar, f"whether {title} imports Service {case.name} is not known")
    if not known and (why := _by_route(case)):
        return Scope(None, sidecar, f"{title} does not import Service {case.name}, but {why}")
    return Scope(known, sidecar)


def _by_route(case: Case) -> str:
    """Why the Service may be known by a VirtualService; '' where it is not."""
    if any(r.kind == "VirtualService" for r in case.referrers):
        return "a VirtualService leads to it"
    unread = istio_inbound.unread(case, "referrers", kinds.ISTIO)
    return (unread.detail or str(unread.reason)) if unread else ""


def _imported(case: Case, home: str, entries: Iterable[Imports]) -> Fact:
    hosts = [h for entry in entries for h in entry.hosts]
    taken_out = any_of(_means(h[1:], case, home) for h in hosts if h.startswith("~"))
    named = any_of(_means(h, case, home) for h in hosts if not h.startswith("~"))
    # Before hosts could be taken out, such an entry meant nothing.
    return None if named is not False and taken_out is not False else named


def _means(text: str, case: Case, home: str) -> Fact:
    """Whether ``NAMESPACE/HOST`` means the Service; without a namespace, in every one."""
    space, slash, host = text.partition("/")
    if not slash or (home if space == "." else space) not in ("", "*", case.namespace):
        return False
    if host == "*":
        return True
    return _is_host(host, f"{case.name}.{case.namespace}.svc.", domain_of(case))


def _is_host(pattern: str, name: str, domain: str) -> Fact:
    """Whether a host or the end of one means this name, whose domain may not be known."""
    if not pattern.startswith("*"):
        return pattern.startswith(name)
    before, svc, _ = pattern[1:].partition(".svc.")
    if svc:
        return name.endswith(f"{before}{svc}")
    whole = f"{name}{domain or seat.DOMAIN}"
    return True if whole.endswith(pattern[1:]) else None if not domain else False


def domain_of(case: Case) -> str:
    """The cluster's domain, where DNS in the client's pod showed it; '' elsewhere."""
    client = seat.known_client(case)
    if client is None or isinstance(client.dns, Missing):
        return ""
    return seat.domain_of(client.dns.value)
