"""One policy for each Server of Linkerd: all that authorizes clients of its port.

What no policy authorizes is denied. A client has to satisfy all of the
``requiredAuthenticationRefs`` of an AuthorizationPolicy, and where one of these does not exist, the
policy is ignored. A policy for an HTTPRoute of the Server allows some requests: which, is not
compared. (linkerd.io, "Authorization Policy")
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, combined
from kubectl_portcheck.model.guards import Guard, GuardPeer, GuardRule, Identity, Named
from kubectl_portcheck.semantics.guards.linkerd import OWN_ROUTE, allow, home_of
from kubectl_portcheck.semantics.selectors import holds, nearest

Found = Observed[tuple[Guard, ...]] | Missing
KEYS = frozenset(k.key for k in kinds.LINKERD_POLICIES)
_ROUTES = ("HTTPRoute", "GRPCRoute")
_ASIDE = frozenset((*(k.key for k in kinds.LINKERD_AUTHENTICATIONS), OWN_ROUTE))


def joined(servers: Iterable[Guard], read: Mapping[str, Found]) -> Found:
    """What was read of each kind, with one policy for each of the Servers: see ``joining``."""
    own = {key: found for key, found in read.items() if key in KEYS}
    others = [found for key, found in read.items() if key not in KEYS]
    pile = _Pile.of(own)
    made = [pile.whole(server) for server in servers if server.parts]
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
    servers: frozenset[str]
    """The names of the Servers."""
    meant: dict[str, str | None]
    """By a name that no Server has: the Server with nearly this name, as far as it was looked for.
    A namespace may have hundreds of them."""
    unread: set[str]
    """The kinds of which something may not have been read."""
    wanted: set[str]
    """The kinds of objects that are referred to and were not found."""

    @classmethod
    def of(cls, own: Mapping[str, Found]) -> "_Pile":
        known = [g for found in own.values() if isinstance(found, Observed) for g in found.value]
        by_name = {(g.kind, home_of(g.metadata), g.metadata.name): g for g in known}
        policies = (kinds.LINKERD_AUTHORIZATION.key, kinds.SERVER_AUTHORIZATION.key)
        return cls(
            tuple(g for g in known if g.kind in policies),
            by_name,
            frozenset(g.metadata.name for g in known if g.kind == "Server"),
            {},
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
        if link is None or home_of(policy.metadata) != home_of(server.metadata):
            return
        by = Named(kind=policy.kind, name=policy.metadata.name, namespace=home_of(policy.metadata))
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
            elif target.kind in (*_ROUTES, OWN_ROUTE) and self.belongs(target, server):
                yield allow((), beyond=f"{target.kind} {target.name}", by=by)

    def is_meant(self, name: str, server: Guard) -> bool:
        """Whether a target is the Server, or does not exist and has nearly its name."""
        if name not in self.servers and name not in self.meant:
            self.meant[name] = nearest(name, self.servers)
        return server.metadata.name == self.meant.get(name, name)

    def belongs(self, route: Named, server: Guard) -> bool:
        """Whether a route may belong to the Server. Those of other groups are not looked up."""
        known = self.by_name.get((route.kind, route.namespace, route.name))
        if route.kind != OWN_ROUTE:
            return True
        if known is None or known.link is None:
            self.wanted.add(OWN_ROUTE)
            return OWN_ROUTE in self.unread
        return any(t.name == server.metadata.name for t in known.link.targets)

    def clients(self, policy: Guard, by: Named) -> Iterator[GuardRule]:
        """The clients that the policy authorizes."""
        required = policy.link.required if policy.link else ()
        if not required:
            own = [r for part in policy.parts for r in part.rules]
            plain = policy.kind == kinds.LINKERD_AUTHORIZATION.key
            for rule in own or ([allow(())] if plain else []):
                yield msgspec.structs.replace(rule, by=by)
            return
        parts = []
        for ref in required:
            if ref.kind == "ServiceAccount":
                identity = Identity(namespace=ref.namespace, account=ref.name)
                parts.append(allow((GuardPeer(identities=(identity,)),)))
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
