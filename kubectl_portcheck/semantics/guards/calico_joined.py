"""What policies of Calico mean by other objects: tiers, sets of networks and service accounts.

By Calico's documentation (docs.tigera.io, reference of Tier, NetworkSet and GlobalNetworkSet) and
its source (``projectcalico/calico``): tiers are asked by their ``order``, and by their names where
that is the same (``TierLess``). In a tier that has a policy for the pod, what no rule matches is
denied, or goes on to the next tier where ``defaultAction`` is ``Pass``. The default tier has the
order 1000000, and Kubernetes' admin and baseline policies stand in tiers of the orders 1000 and
10000000. The ``nets`` of a set belong to what a selector of a rule means, when the labels of the
set match; a NetworkSet has its namespace and the labels of that as a pod does, a GlobalNetworkSet
has none. Service accounts give their labels to their pods (``ServiceAccountToProfile``), with
their name as ``projectcalico.org/name``.

Of a tier that does not exist it is not documented what becomes of its policies. The name of a
policy begins with that of its tier; where it begins with that of another one, versions differ in
which of them counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.guards import (
    AccountLabels,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
    Identity,
    Place,
)
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import IPBlock
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.guards.calico import TIERS
from kubectl_portcheck.semantics.guards.calico_selectors import SPACE_NAME
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME, Fact, all_of
from kubectl_portcheck.semantics.selectors import holds


class TierSpec(Record, frozen=True):
    """Where a tier stands, and how it ends."""

    order: float | None = None
    default_action: str = ""


class CalicoTier(Record, frozen=True):
    """A Tier."""

    metadata: ObjectMeta
    spec: TierSpec = TierSpec()


class NetworkSetSpec(Record, frozen=True):
    """Ranges of addresses."""

    nets: tuple[str, ...] = ()


class NetworkSet(Record, frozen=True):
    """A NetworkSet or a GlobalNetworkSet."""

    metadata: ObjectMeta
    spec: NetworkSetSpec = NetworkSetSpec()


class ServiceAccount(Record, frozen=True):
    """A ServiceAccount, by its name and its labels."""

    metadata: ObjectMeta


def _read_tier(kind: str, tier: CalicoTier) -> Guard:
    passes = tier.spec.default_action == "Pass"
    place = Place(name=tier.metadata.name, order=tier.spec.order, passes=passes)
    return Guard(metadata=tier.metadata, kind=kind, place=place)


def _read_set(kind: str, found: NetworkSet) -> Guard:
    peer = GuardPeer(blocks=tuple(IPBlock(cidr=n) for n in found.spec.nets))
    rule = GuardRule(direction="Ingress", peers=(peer,))
    return Guard(metadata=found.metadata, kind=kind, parts=(GuardPart(rules=(rule,)),))


def read_account(found: ServiceAccount) -> Guard:
    """A ServiceAccount in the common form."""
    return Guard(metadata=found.metadata, kind=kinds.SERVICE_ACCOUNT.key)


def read_tier(tier: CalicoTier) -> Guard:
    """A Tier of projectcalico.org."""
    return _read_tier(kinds.TIER.key, tier)


def read_crd_tier(tier: CalicoTier) -> Guard:
    """A Tier of crd.projectcalico.org."""
    return _read_tier(kinds.CRD_TIER.key, tier)


def read_set(found: NetworkSet) -> Guard:
    """A NetworkSet of projectcalico.org."""
    return _read_set(kinds.NETWORK_SET.key, found)


def read_crd_set(found: NetworkSet) -> Guard:
    """A NetworkSet of crd.projectcalico.org."""
    return _read_set(kinds.CRD_NETWORK_SET.key, found)


def read_global_set(found: NetworkSet) -> Guard:
    """A GlobalNetworkSet of projectcalico.org."""
    return _read_set(kinds.GLOBAL_NETWORK_SET.key, found)


def read_crd_global_set(found: NetworkSet) -> Guard:
    """A GlobalNetworkSet of crd.projectcalico.org."""
    return _read_set(kinds.CRD_GLOBAL_NETWORK_SET.key, found)


FORMS = {
    kinds.TIER: Form(CalicoTier, read_tier),
    kinds.CRD_TIER: Form(CalicoTier, read_crd_tier),
    kinds.NETWORK_SET: Form(NetworkSet, read_set),
    kinds.CRD_NETWORK_SET: Form(NetworkSet, read_crd_set),
    kinds.GLOBAL_NETWORK_SET: Form(NetworkSet, read_global_set),
    kinds.CRD_GLOBAL_NETWORK_SET: Form(NetworkSet, read_crd_global_set),
    kinds.SERVICE_ACCOUNT: Form(ServiceAccount, read_account),
}
Found = Observed[tuple[Guard, ...]] | Missing
Before = Literal["", "admin", "main", "baseline"]
KEYS = frozenset(k.key for k in kinds.BESIDE_GUARDS)


def joined(
    policies: Observed[tuple[Guard, ...]],
    read: Callable[[Sequence[kinds.Kind]], Sequence[Found]],
) -> Found:
    """The policies with what those of Calico mean: see ``joining``."""
    wanted = needed(policies.value)
    if not wanted:
        return policies
    found = dict(zip(wanted, read(wanted), strict=True))
    lacking = [m for part in found.values() for m in _lacking(part)]
    beside = Beside.of(found)
    return Observed(
        value=tuple(beside.whole(g) for g in policies.value),
        lacking=(*policies.lacking, *lacking),
    )


def joined_in_files(several: Iterable[Guard], *, whole: bool = False) -> tuple[Guard, ...]:
    """The same for objects of files. Without ``whole`` there may be others elsewhere."""
    found = tuple(several)
    unread = () if whole else (Missing(reason=Reason.NOT_RECORDED),)
    beside = {
        kind: Observed(value=tuple(g for g in found if g.kind == kind.key), lacking=unread)
        for kind in kinds.BESIDE_GUARDS
    }
    known = Beside.of(beside)
    return tuple(known.whole(g) for g in found if g.kind not in KEYS)


def needed(policies: Iterable[Guard]) -> tuple[kinds.Kind, ...]:
    """The kinds of objects that one of the policies means."""
    several = list(policies)
    parts = [part for g in several for part in g.parts]
    peers = [p for part in parts for r in part.rules for p in _peers(r)]
    wanted: list[kinds.Kind] = []
    if any(g.place for g in several):
        wanted += kinds.TIERS
    if any(s.others for p in peers for s in (*(p.selectors or ()), *p.not_selectors)):
        wanted += kinds.NETWORK_SETS
    if any(part.accounts for part in parts) or any(p.account_labels for p in peers):
        wanted.append(kinds.SERVICE_ACCOUNT)
    return tuple(wanted)


def _peers(rule: GuardRule) -> Iterable[GuardPeer]:
    return (*(rule.peers or ()), *((rule.own,) if rule.own else ()))


def _lacking(found: Found) -> tuple[Missing, ...]:
    if isinstance(found, Observed):
        return found.lacking
    return () if found.reason == Reason.NOT_SERVED else (found,)


class Beside(NamedTuple):
    """The objects that policies of Calico mean."""

    tiers: Mapping[str, Place]
    sets: Sequence[Guard]
    accounts: Sequence[Guard]
    all_sets: bool
    """Whether there are no others."""
    all_accounts: bool

    @classmethod
    def of(cls, found: Mapping[kinds.Kind, Found]) -> "Beside":
        """What was read of each kind."""

        def those(wanted: Sequence[kinds.Kind]) -> tuple[list[Guard], bool]:
            parts = [found[k] for k in wanted if k in found]
            objects = [g for p in parts if isinstance(p, Observed) for g in p.value]
            return objects, not any(map(_lacking, parts))

        tiers, _ = those(kinds.TIERS)
        sets, all_sets = those(kinds.NETWORK_SETS)
        accounts, all_accounts = those((kinds.SERVICE_ACCOUNT,))
        places = {g.place.name: g.place for g in tiers if g.place}
        return cls(places, sets, accounts, all_sets, all_accounts)

    def whole(self, guard: Guard) -> Guard:
        """The policy with what it means."""
        parts = tuple(self._part(part) for part in guard.parts)
        guard = msgspec.structs.replace(guard, parts=parts)
        prefix = guard.metadata.name.partition(".")[0]
        if guard.place is None or guard.tier != "unknown":
            return guard
        own = self.tiers.get(guard.place.name)
        if own is None or (prefix != own.name and prefix in (*self.tiers, *TIERS)):
            return guard
        place = msgspec.structs.replace(own, before=self._before(own))
        return msgspec.structs.replace(guard, tier="calico", place=place)

    def _before(self, own: Place) -> Before:
        """The first of the built-in tiers that comes after this one."""
        for tier, order, names in _BUILT_IN:
            known = next((self.tiers[n] for n in names if n in self.tiers), None)
            built_in = known or Place(name=names[0], order=order)
            if rank(own) < rank(built_in):
                return tier
        return ""

    def _part(self, part: GuardPart) -> GuardPart:
        return msgspec.structs.replace(
            part,
            accounts=self._accounts(part.accounts),
            rules=tuple(self._rule(r) for r in part.rules),
        )

    def _rule(self, rule: GuardRule) -> GuardRule:
        return msgspec.structs.replace(
            rule,
            peers=None if rule.peers is None else tuple(self._peer(p) for p in rule.peers),
            own=self._peer(rule.own) if rule.own else None,
        )

    def _peer(self, peer: GuardPeer) -> GuardPeer:
        chosen = peer.selectors
        return msgspec.structs.replace(
            peer,
            selectors=None if chosen is None else tuple(self._selector(s) for s in chosen),
            not_selectors=tuple(self._selector(s) for s in peer.not_selectors),
            account_labels=self._accounts(peer.account_labels),
        )

    def _selector(self, selector: GuardSelector) -> GuardSelector:
        """The selector with the addresses of the sets that it means."""
        if not selector.others:
            return selector
        answers = [(_means(selector, one), one) for one in self.sets]
        nets = [
            block.cidr
            for answer, one in answers
            if answer
            for part in one.parts
            for rule in part.rules
            for peer in rule.peers or ()
            for block in peer.blocks or ()
        ]
        unsure = not self.all_sets or any(answer is None for answer, _ in answers)
        return msgspec.structs.replace(selector, nets=tuple(dict.fromkeys(nets)), more_nets=unsure)

    def _accounts(self, wanted: AccountLabels | None) -> AccountLabels | None:
        if wanted is None:
            return None
        meant: list[Identity] = []
        others: list[Identity] = []
        for one in self.accounts:
            name = one.metadata.name
            labels = {**one.metadata.labels, SPACE_NAME: name}
            identity = Identity(namespace=one.metadata.namespace or "default", account=name)
            into = meant if any(holds(s, labels) for s in wanted.any_of) else others
            into.append(identity)
        return msgspec.structs.replace(
            wanted,
            meant=tuple(meant),
            others=() if self.all_accounts else tuple(others),
            whole=self.all_accounts,
        )


_BUILT_IN: tuple[tuple[Before, float, tuple[str, ...]], ...] = (
    ("admin", 1e3, ("kube-admin", "adminnetworkpolicy")),
    ("main", 1e6, ("default",)),
    ("baseline", 1e7, ("kube-baseline", "baselineadminnetworkpolicy")),
)
"""The tiers that every cluster has, their orders and their names."""


def rank(place: Place) -> tuple[float, str]:
    """By what tiers are sorted."""
    return (float("inf") if place.order is None else place.order), place.name


def _means(selector: GuardSelector, one: Guard) -> Fact:
    """Whether a selector means a set of networks."""
    space = one.metadata.namespace if kinds.is_namespaced(one.kind) else ""
    inside: Fact = True
    if selector.namespaces is not None:
        known = {NAMESPACE_NAME: space} if space else {}
        inside = holds(selector.namespaces, known, whole=not space)
    return all_of((inside, holds(selector.pods, one.metadata.labels)))
