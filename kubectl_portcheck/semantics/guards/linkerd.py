"""Linkerd's policies, for pods with its proxy: how each kind is read.

By the reference "Authorization Policy" of linkerd.io and the descriptions in the CRDs of
``policy.linkerd.io``: a Server is about one port of the pods of its namespace that it selects. What
no policy authorizes there is denied, unless its ``accessPolicy`` says otherwise. An
AuthorizationPolicy is about a Server, an HTTPRoute of one, or all Servers of its namespace. A
MeshTLSAuthentication means identities of the mesh, and a NetworkAuthentication addresses. A
ServerAuthorization does the same in one object, for the Servers that it names or selects.

``linkerd_servers`` makes of them one policy for each Server. Identities are compared where they
have the form that Linkerd gives to service accounts, of the trust domain ``cluster.local``.
"""

from collections.abc import Iterable

import msgspec

from kubectl_portcheck.model import kinds
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
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.guards.linkerd_shapes import (
    AuthorizationPolicy,
    MeshTLSAuthentication,
    Network,
    NetworkAuthentication,
    Ref,
    Route,
    Server,
    ServerAuthorization,
    ServerClient,
)

ANYONE = Identity()
"""Every client with an identity of the mesh."""
OWN_ROUTE = kinds.LINKERD_HTTP_ROUTE.key
_ACCOUNT = (".serviceaccount.identity.", ".cluster.local")
"""Around the namespace of the control plane, after ``SERVICEACCOUNT.NAMESPACE``."""


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
        return (allow(()),)
    scope, _, who = policy.partition("-")
    if scope not in ("all", "cluster") or who not in ("authenticated", "unauthenticated"):
        return (allow((), beyond=f"the access policy {policy}"),)
    peer = GuardPeer(
        entity="cluster" if scope == "cluster" else "",
        identities=(ANYONE,) if who == "authenticated" else None,
    )
    return (allow((peer,)),)


def read_authorization(policy: AuthorizationPolicy) -> Guard:
    """An AuthorizationPolicy: what it refers to."""
    spec = policy.spec
    required = tuple(_required(policy.metadata, ref) for ref in spec.required_authentication_refs)
    link = Link(targets=(_target(policy.metadata, spec.target_ref),), required=required)
    return _guard(policy.metadata, kinds.LINKERD_AUTHORIZATION, link=link)


def _target(metadata: ObjectMeta, ref: Ref) -> Named:
    own = ref.kind == "HTTPRoute" and ref.group == kinds.LINKERD
    return Named(kind=OWN_ROUTE if own else ref.kind, name=ref.name, namespace=home_of(metadata))


def _required(metadata: ObjectMeta, ref: Ref) -> Named:
    return Named(kind=ref.kind, name=ref.name, namespace=ref.namespace or home_of(metadata))


def read_identities(found: MeshTLSAuthentication) -> Guard:
    """A MeshTLSAuthentication: the identities that it means."""
    spec = found.spec
    home = home_of(found.metadata)
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
    rule = allow((GuardPeer(blocks=_blocks(found.spec.networks)),))
    return _guard(found.metadata, kinds.NETWORK_AUTHENTICATION, (GuardPart(rules=(rule,)),))


def read_server_authorization(found: ServerAuthorization) -> Guard:
    """A ServerAuthorization: its clients, and its Servers."""
    home, spec = home_of(found.metadata), found.spec
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
        return allow((GuardPeer(blocks=blocks),))
    if client.mesh_tls is None:
        return None
    if client.mesh_tls.unauthenticated_tls:
        return allow((GuardPeer(blocks=blocks),), beyond="clients by unauthenticated TLS")
    accounts = (
        Identity(namespace=a.namespace or home, account=a.name)
        for a in client.mesh_tls.service_accounts
    )
    return _of_identities([*map(_identity, client.mesh_tls.identities), *accounts], blocks)


def read_route(route: Route) -> Guard:
    """An HTTPRoute of Linkerd: the Servers that it belongs to."""
    home = home_of(route.metadata)
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


def allow(peers: tuple[GuardPeer, ...], beyond: str = "", by: Named | None = None) -> GuardRule:
    """A rule that allows these clients; without any, all clients."""
    return GuardRule(direction="Ingress", peers=peers or None, beyond=beyond, by=by)


def _of_identities(
    meant: Iterable[Identity | None], blocks: tuple[IPBlock, ...] | None
) -> GuardRule:
    several = list(meant)
    known = tuple(i for i in several if i is not None)
    if len(known) < len(several):
        return allow((), beyond="identities of another form")
    if not known:
        return GuardRule(direction="Ingress", peers=())
    return allow((GuardPeer(identities=known, blocks=blocks or None),))


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


def home_of(metadata: ObjectMeta) -> str:
    """The namespace of an object."""
    return metadata.namespace or "default"


FORMS = {
    kinds.LINKERD_SERVER: Form(Server, read_server),
    kinds.LINKERD_AUTHORIZATION: Form(AuthorizationPolicy, read_authorization),
    kinds.SERVER_AUTHORIZATION: Form(ServerAuthorization, read_server_authorization),
    kinds.MESH_TLS_AUTHENTICATION: Form(MeshTLSAuthentication, read_identities),
    kinds.NETWORK_AUTHENTICATION: Form(NetworkAuthentication, read_networks),
    kinds.LINKERD_HTTP_ROUTE: Form(Route, read_route),
}
