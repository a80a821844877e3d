"""The fields of Linkerd's policies that are read, by the CRDs of ``policy.linkerd.io``."""

import msgspec

from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta


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
