"""Linkerd's policies, for pods with its proxy.

By the reference "Authorization Policy" of linkerd.io and the descriptions in the CRDs of
``policy.linkerd.io``: a Server is about one port of the pods of its namespace that it selects. What
no policy authorizes there is denied, unless its ``accessPolicy`` says otherwise. An
AuthorizationPolicy is about a Server, an HTTPRoute of one, or all Servers of its namespace; a
client has to satisfy all of its ``requiredAuthenticationRefs``, and where one of these does not
exist, the policy is ignored. A MeshTLSAuthentication means identities of the mesh, and a
NetworkAuthentication addresses. A ServerAuthorization does the same in one object, for the Servers
that it names or selects.

Each kind is read by itself; :func:`joined` makes of them one policy for each Server. A policy for
an HTTPRoute of the Server allows some requests: which, is not compared. Identities are compared
where they have the form that Linkerd gives to service accounts, of the trust domain
``cluster.local``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, WholeNumber, combined
from kubectl_portcheck.model.guards import (
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
    Identity,
    Link,
    Named,
)
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta
from kubectl_portcheck.model.references import IPBlock
from kubectl_portcheck.semantics.selectors import holds, nearest

ANYONE = Identity()
"""Every client with an identity of the mesh."""
_ROUTES = ("HTTPRoute", "GRPCRoute")
_OWN_ROUTE = kinds.LINKERD_HTTP_ROUTE.key
_ACCOUNT = (".serviceaccount.identity.", ".cluster.local")
"""Around the namespace of the control plane, after ``SERVICEACCOUNT.NAMESPACE``."""


class ServerSpec(Record, frozen=True):
    """A port of some pods."""

    pod_selector: LabelSelector | None = None
    port: WholeNumber | str = ""
    access_policy: str = ""
    proxy_protocol: str = ""


class Server(Record, frozen=True):
    """A Server."""

    metadata: ObjectMeta
    spec: ServerSpec = ServerSpec()


class Ref(Record, frozen=True):
    """A reference to another object."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class AuthorizationSpec(Record, frozen=True):
    """What is authorized, and what its clients need."""

    target_ref: Ref = Ref()
    required_authentication_refs: tuple[Ref, ...] = ()


class AuthorizationPolicy(Record, frozen=True):
    """An AuthorizationPolicy of Linkerd."""

    metadata: ObjectMeta
    spec: AuthorizationSpec = AuthorizationSpec()


class Network(Record, frozen=True):
    """A range of addresses."""

    cidr: str = ""
    except_: tuple[str, ...] = msgspec.field(name="except", default=())


class NetworkSpec(Record, frozen=True):
    """Ranges of addresses."""

    networks: tuple[Network, ...] = ()


class NetworkAuthentication(Record, frozen=True):
    """A NetworkAuthentication."""

    metadata: ObjectMeta
    spec: NetworkSpec = NetworkSpec()


class IdentitySpec(Record, frozen=True):
    """Identities of the mesh."""

    identities: tuple[str, ...] = ()
    identity_refs: tuple[Ref, ...] = ()


class MeshTLSAuthentication(Record, frozen=True):
    """A MeshTLSAuthentication."""

    metadata: ObjectMeta
    spec: IdentitySpec = IdentitySpec()


class ServerRef(Record, frozen=True):
    """Servers by their name or by their labels."""

    name: str = ""
    selector: LabelSelector | None = None


class MeshTLS(Record, frozen=True):
    """Clients by what they show of themselves."""

    unauthenticated_tls: bool = msgspec.field(name="unauthenticatedTLS", default=False)
    identities: tuple[str, ...] = ()
    service_accounts: tuple[Ref, ...] = ()


class ServerClient(Record, frozen=True):
    """Clients by what they show, and by their addresses."""

    networks: tuple[Network, ...] = ()
    unauthenticated: bool = False
    mesh_tls: MeshTLS | None = msgspec.field(name="meshTLS", default=None)


class ServerAuthorizationSpec(Record, frozen=True):
    """Servers, and their clients."""

    server: ServerRef = ServerRef()
    client: ServerClient = ServerClient()


class ServerAuthorization(Record, frozen=True):
    """A ServerAuthorization."""

    metadata: ObjectMeta
    spec: ServerAuthorizationSpec = ServerAuthorizationSpec()


class RouteSpec(Record, frozen=True):
    """What a route belongs to."""

    parent_refs: tuple[Ref, ...] = ()


class Route(Record, frozen=True):
    """An HTTPRoute of Linkerd."""

    metadata: ObjectMeta
    spec: RouteSpec = RouteSpec()


def read_server(server: Server) -> Guard:
    """A Server, with what its ``accessPolicy`` allows."""
    selects = server.spec.pod_selector
    part = GuardPart(
        selects=(GuardSelector(pods=selects),) if selects else (),
        isolates=("Ingress",),
        rules=access(server.spec.access_policy),
    )
    parts = (part,) if selects else ()  # Else it is about machines outside of the cluster.
    made = _guard(server.metadata, kinds.LINKERD_SERVER, parts)
    spec = server.spec
    return msgspec.structs.replace(made, port=spec.port, speaks=spec.proxy_protocol)


def access(policy: str) -> tuple[GuardRule, ...]:
    """What a default of the mesh, or an ``accessPolicy``, allows besides what is authorized."""
    if policy in ("", "deny"):
        return ()
    if policy in ("audit", "all-unauthenticated"):
        return (_allow(()),)
    scope, _, who = policy.partition("-")
    if scope not in ("all", "cluster") or who not in ("authenticated", "unauthenticated"):
        return (_allow((), beyond=f"the access policy {policy}"),)
    peer = GuardPeer(
        entity="cluster" if scope == "cluster" else "",
        identities=(ANYONE,) if who == "authenticated" else None,
    )
    return (_allow((peer,)),)


def read_authorization(policy: AuthorizationPolicy) -> Guard:
    """An AuthorizationPolicy: what it refers to."""
    spec = policy.spec
    required = tuple(_required(policy.metadata, ref) for ref in spec.required_authentication_refs)
    link = Link(targets=(_target(policy.metadata, spec.target_ref),), required=required)
    return _guard(policy.metadata, kinds.LINKERD_AUTHORIZATION, link=link)


def _target(metadata: ObjectMeta, ref: Ref) -> Named:
    own = ref.kind == "HTTPRoute" and ref.group == kinds.LINKERD
    return Named(kind=_OWN_ROUTE if own else ref.kind, name=ref.name, namespace=_home(metadata))


def _required(metadata: ObjectMeta, ref: Ref) -> Named:
    return Named(kind=ref.kind, name=ref.name, namespace=ref.namespace or _home(metadata))


def read_identities(found: MeshTLSAuthentication) -> Guard:
    """A MeshTLSAuthentication: the identities that it means."""
    spec = found.spec
    home = _home(found.metadata)
    meant = [_identity(text) for text in spec.identities]
    for ref in spec.identity_refs:
        if ref.kind == "Namespace":
            meant.append(Identity(namespace=ref.name))
        elif ref.kind == "ServiceAccount":
            meant.append(Identity(namespace=ref.namespace or home, account=ref.name))
        else:
            meant.append(None)
    rule = _of_identities(meant, ())
    return _guard(found.metadata, kinds.MESH_TLS_AUTHENTICATION, (GuardPart(rules=(rule,)),))


def read_networks(found: NetworkAuthentication) -> Guard:
    """A NetworkAuthentication: the addresses that it means."""
    rule = _allow((GuardPeer(blocks=_blocks(found.spec.networks)),))
    return _guard(found.metadata, kinds.NETWORK_AUTHENTICATION, (GuardPart(rules=(rule,)),))


def read_server_authorization(found: ServerAuthorization) -> Guard:
    """A ServerAuthorization: its clients, and its Servers."""
    home, spec = _home(found.metadata), found.spec
    named = (Named(kind="Server", name=spec.server.name, namespace=home),)
    link = Link(
        targets=named if spec.server.name else (),
        servers=None if spec.server.name else spec.server.selector or LabelSelector(),
    )
    rule = _of_client(spec.client, home)
    part = GuardPart(rules=(rule,) if rule else ())
    return _guard(found.metadata, kinds.SERVER_AUTHORIZATION, (part,), link=link)


def _of_client(client: ServerClient, home: str) -> GuardRule | None:
    """The clients of a ServerAuthorization; None where it names none, and counts for nothing."""
    blocks = _blocks(client.networks) if client.networks else None
    if client.unauthenticated:
        return _allow((GuardPeer(blocks=blocks),))
    if client.mesh_tls is None:
        return None
    if client.mesh_tls.unauthenticated_tls:
        return _allow((GuardPeer(blocks=blocks),), beyond="clients by unauthenticated TLS")
    accounts = (
        Identity(namespace=a.namespace or home, account=a.name)
        for a in client.mesh_tls.service_accounts
    )
    return _of_identities([*map(_identity, client.mesh_tls.identities), *accounts], blocks)


def read_route(route: Route) -> Guard:
    """An HTTPRoute of Linkerd: the Servers that it belongs to."""
    home = _home(route.metadata)
    parents = (p for p in route.spec.parent_refs if p.kind == "Server")
    targets = tuple(
        Named(kind="Server", name=p.name, namespace=p.namespace or home) for p in parents
    )
    return _guard(route.metadata, kinds.LINKERD_HTTP_ROUTE, link=Link(targets=targets))


def _guard(
    metadata: ObjectMeta,
    kind: kinds.Kind,
    parts: tuple[GuardPart, ...] = (),
    link: Link | None = None,
) -> Guard:
    kept = msgspec.structs.replace(metadata, annotations={})
    return Guard(metadata=kept, kind=kind.key, tier="mesh", parts=parts, link=link)


def _allow(peers: tuple[GuardPeer, ...], beyond: str = "", by: Named | None = None) -> GuardRule:
    """A rule that allows these clients; without any, all clients."""
    return GuardRule(direction="Ingress", peers=peers or None, beyond=beyond, by=by)


def _of_identities(
    meant: Iterable[Identity | None], blocks: tuple[IPBlock, ...] | None
) -> GuardRule:
    several = list(meant)
    known = tuple(i for i in several if i is not None)
    if len(known) < len(several):
        return _allow((), beyond="identities of another form")
    if not known:
        return GuardRule(direction="Ingress", peers=())
    return _allow((GuardPeer(identities=known, blocks=blocks or None),))


def _identity(text: str) -> Identity | None:
    """The service account of an identity; None where it has another form."""
    if text == "*":
        return ANYONE
    front, found, rest = text.partition(_ACCOUNT[0])
    if not found or not rest.endswith(_ACCOUNT[1]):
        return None
    account, dot, namespace = front.partition(".")
    if not dot or "." in namespace:
        return None
    return Identity(namespace=namespace, account="" if account == "*" else account)


def _blocks(networks: Iterable[Network]) -> tuple[IPBlock, ...]:
    return tuple(IPBlock(cidr=n.cidr, except_=n.except_) for n in networks)


def _home(metadata: ObjectMeta) -> str:
    return metadata.namespace or "default"


Found = Observed[tuple[Guard, ...]] | Missing
KEYS = frozenset(k.key for k in kinds.LINKERD_POLICIES)
AUTHENTICATIONS = (kinds.MESH_TLS_AUTHENTICATION, kinds.NETWORK_AUTHENTICATION)
"""What policies of other namespaces may refer to."""
_ASIDE = frozenset((*(k.key for k in AUTHENTICATIONS), _OWN_ROUTE))


def joined(read: Mapping[str, Found]) -> Found:
    """What was read of each kind, with one policy for each Server in place of Linkerd's objects.

    What may be unknown of authentications counts only where a policy refers to one that was not
    read.
    """
    own = {key: found for key, found in read.items() if key in KEYS}
    others = [found for key, found in read.items() if key not in KEYS]
    servers = own.get(kinds.LINKERD_SERVER.key)
    if not isinstance(servers, Observed) or not servers.value:
        return combined([*others, *([servers] if servers else [])])
    pile = _Pile.of(own)
    made = [pile.whole(server) for server in servers.value if server.parts]
    lacking = [m for key, found in own.items() for m in _lacking(found) if pile.asked(key)]
    return combined([*others, Observed(value=tuple(made), lacking=tuple(lacking))])


def _lacking(found: Found) -> tuple[Missing, ...]:
    if isinstance(found, Observed):
        return found.lacking
    return () if found.reason == Reason.NOT_SERVED else (found,)


class _Pile(NamedTuple):
    """Linkerd's objects, to be joined."""

    policies: tuple[Guard, ...]
    by_name: Mapping[tuple[str, str, str], Guard]
    servers: tuple[str, ...]
    """The names of the Servers."""
    unread: set[str]
    """The kinds of which something may not have been read."""
    wanted: set[str]
    """The kinds of objects that are referred to and were not found."""

    @classmethod
    def of(cls, own: Mapping[str, Found]) -> "_Pile":
        known = [g for found in own.values() if isinstance(found, Observed) for g in found.value]
        by_name = {(g.kind, _home(g.metadata), g.metadata.name): g for g in known}
        policies = (kinds.LINKERD_AUTHORIZATION.key, kinds.SERVER_AUTHORIZATION.key)
        return cls(
            tuple(g for g in known if g.kind in policies),
            by_name,
            tuple(g.metadata.name for g in known if g.kind == "Server"),
            {key for key, found in own.items() if _lacking(found)},
            set(),
        )

    def asked(self, kind: str) -> bool:
        """Whether what was not read of the kind may matter."""
        return kind in self.wanted or kind not in _ASIDE

    def whole(self, server: Guard) -> Guard:
        """A Server with all that authorizes its clients."""
        (part,) = server.parts
        rules = (r for policy in self.policies for r in self.rules(policy, server))
        part = msgspec.structs.replace(part, rules=(*part.rules, *rules))
        return msgspec.structs.replace(server, parts=(part,))

    def rules(self, policy: Guard, server: Guard) -> Iterator[GuardRule]:
        """What a policy allows to the clients of the Server."""
        link = policy.link
        if link is None or _home(policy.metadata) != _home(server.metadata):
            return
        by = Named(kind=policy.kind, name=policy.metadata.name, namespace=_home(policy.metadata))
        if link.servers is not None:
            if holds(link.servers, server.metadata.labels):
                yield from self.clients(policy, by)
            return
        for target in link.targets:
            if target.kind == "Server" and self.is_meant(target.name, server):
                if target.name == server.metadata.name:
                    yield from self.clients(policy, by)
                else:
                    yield _void(by, target)
            elif target.kind == "Namespace":
                yield from self.clients(policy, by)
            elif target.kind in (*_ROUTES, _OWN_ROUTE) and self.belongs(target, server):
                yield _allow((), beyond=f"{target.kind} {target.name}", by=by)

    def is_meant(self, name: str, server: Guard) -> bool:
        """Whether a target is the Server, or does not exist and has nearly its name."""
        own = server.metadata.name
        return name == own or (name not in self.servers and nearest(name, self.servers) == own)

    def belongs(self, route: Named, server: Guard) -> bool:
        """Whether a route may belong to the Server. Those of other groups are not looked up."""
        known = self.by_name.get((route.kind, route.namespace, route.name))
        if route.kind != _OWN_ROUTE:
            return True
        if known is None or known.link is None:
            self.wanted.add(_OWN_ROUTE)
            return _OWN_ROUTE in self.unread
        return any(t.name == server.metadata.name for t in known.link.targets)

    def clients(self, policy: Guard, by: Named) -> Iterator[GuardRule]:
        """The clients that the policy authorizes."""
        required = policy.link.required if policy.link else ()
        if not required:
            own = [r for part in policy.parts for r in part.rules]
            plain = policy.kind == kinds.LINKERD_AUTHORIZATION.key
            for rule in own or ([_allow(())] if plain else []):
                yield msgspec.structs.replace(rule, by=by)
            return
        parts = []
        for ref in required:
            if ref.kind == "ServiceAccount":
                identity = Identity(namespace=ref.namespace, account=ref.name)
                parts.append(_allow((GuardPeer(identities=(identity,)),)))
                continue
            known = self.by_name.get((ref.kind, ref.namespace, ref.name))
            if known is None:
                self.wanted.add(ref.kind)
                yield _void(by, ref)
                return
            parts += [r for part in known.parts for r in part.rules]
        yield msgspec.structs.replace(_both(parts), by=by)


def _void(by: Named, absent: Named) -> GuardRule:
    """A policy that refers to what does not exist allows no one."""
    return GuardRule(direction="Ingress", peers=(), by=by, absent=absent)


def _both(rules: Iterable[GuardRule]) -> GuardRule:
    """The clients that all of the rules mean."""
    peers: tuple[GuardPeer, ...] | None = None
    beyond = ""
    for rule in rules:
        beyond = beyond or rule.beyond
        if peers is None or rule.peers is None:
            peers = rule.peers if peers is None else peers
            continue
        peers = tuple(_crossed(a, b) for a in peers for b in rule.peers)
    return GuardRule(direction="Ingress", peers=peers, beyond=beyond)


def _crossed(one: GuardPeer, other: GuardPeer) -> GuardPeer:
    """A client that is both; of two authentications at most one is of each sort."""
    return msgspec.structs.replace(
        one,
        identities=other.identities if one.identities is None else one.identities,
        blocks=other.blocks if one.blocks is None else one.blocks,
    )


Reader = Callable[[Any], Guard]
SHAPES: tuple[tuple[kinds.Kind, type[Record], Reader], ...] = (
    (kinds.LINKERD_SERVER, Server, read_server),
    (kinds.LINKERD_AUTHORIZATION, AuthorizationPolicy, read_authorization),
    (kinds.SERVER_AUTHORIZATION, ServerAuthorization, read_server_authorization),
    (kinds.MESH_TLS_AUTHENTICATION, MeshTLSAuthentication, read_identities),
    (kinds.NETWORK_AUTHENTICATION, NetworkAuthentication, read_networks),
    (kinds.LINKERD_HTTP_ROUTE, Route, read_route),
)
