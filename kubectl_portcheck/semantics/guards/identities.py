"""Whether a client shows the identity that a policy of its mesh asks for.

A mesh gives an identity to each service account, and its proxies show it by mutual TLS: a client
that connects without its proxy has none, and no positive condition on identities holds of it, while
each negative one does. Istio writes it as a principal, ``DOMAIN/ns/NAMESPACE/sa/ACCOUNT``; a string
of a policy means the whole, a beginning (``x*``), an end (``*x``) or any that there is (``*``).
(Istio, "Authorization Policy": Rule, Source) The trust domain is a setting of the mesh and is not
read; ``cluster.local`` in a policy means the own one, whatever it is called. (Istio, "Trust Domain
Migration"; ``pilot/pkg/security/trustdomain``)
"""

from collections.abc import Sequence

from kubectl_portcheck.model.guards import Guard, Identity
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import mesh
from kubectl_portcheck.semantics.peers import Fact, Peer, all_of, any_of

LOCAL = "cluster.local"
"""The trust domain that means the mesh's own."""
_SLASHES = 4
"""How many a principal has; in a shorter string ``cluster.local`` is compared as it is."""
OF_ISTIO = frozenset({"AuthorizationPolicy", "PeerAuthentication"})


def account_of(pod: Pod) -> str:
    """The service account that a pod runs as."""
    return pod.spec.service_account_name or "default"


def home_of(pod: Pod) -> str:
    """The pod's namespace."""
    return pod.metadata.namespace or "default"


def is_one_of(identities: Sequence[Identity], guard: Guard, end: Peer) -> Fact:
    """Whether the end has one of these identities of the mesh: that of its service account."""
    if not identities:
        return False
    if end.pod is None:
        return None
    account = account_of(end.pod)
    meant = any(
        (not i.namespace or is_like(i.namespace, end.namespace)) and i.account in ("", account)
        for i in identities
    )
    return meant and _shows_one(guard, end)


def has_principal(patterns: Sequence[str], guard: Guard, end: Peer) -> Fact:
    """Whether the end has one of these principals of Istio."""
    if end.pod is None:
        return None
    tail = f"/ns/{end.namespace}/sa/{account_of(end.pod)}"
    return all_of((any_of(_is_principal(p, tail) for p in patterns), _shows_one(guard, end)))


def _shows_one(guard: Guard, end: Peer) -> Fact:
    """Whether the end shows an identity of the mesh at all."""
    of = mesh.ISTIO if guard.kind in OF_ISTIO else mesh.LINKERD
    if end.plain or end.pod is None or of not in mesh.of_pod(end.pod):
        return False
    return None if end.plain is None else True


def is_like(pattern: str, word: str) -> bool:
    """Whether a string of a policy means this word, of which there is one."""
    if pattern.startswith("*"):
        return word.endswith(pattern[1:])
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


def _is_principal(pattern: str, tail: str) -> Fact:
    """Whether a string of a policy means the principal that ends so, after its trust domain.

    It is not known where that depends on the trust domain.
    """
    if pattern.startswith("*"):
        end = pattern[1:]
        return tail.endswith(end) or (None if end.endswith(tail) else False)
    domain, slash, rest = pattern.partition("/")
    if not slash:
        return None if pattern.endswith("*") else False
    if not is_like(f"/{rest}", tail):
        return False
    return True if domain == LOCAL and pattern.count("/") == _SLASHES else None
