"""Tiers, sets of networks and service accounts that policies of Calico mean."""

from collections.abc import Sequence
from typing import Any

import pytest

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.semantics.admission import ANY_POD, ANYONE, Admitted, admits
from kubectl_portcheck.semantics.guards.calico_joined import (
    Found,
    joined,
    joined_in_files,
    needed,
)
from kubectl_portcheck.semantics.guards.joining import with_sets
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.sides import Policies
from tests.unit.semantics.documents import Document, document
from tests.unit.semantics.test_cilium import pod
from tests.unit.semantics.test_tiers import (
    GLOBAL,
    LABELS,
    OF_FRONT,
    SERVER,
    admin,
    calico,
    network,
    of,
    rule,
    source,
)

CLIENT = pod("web", "front")
FORBIDDEN = Missing(reason=Reason.FORBIDDEN, detail="may not list")
UNSERVED = Missing(reason=Reason.NOT_SERVED)


def tier(name: str, order: float | None = None, action: str = "Deny") -> Document:
    spec = {"defaultAction": action} | ({} if order is None else {"order": order})
    return document("Tier", spec, "", name)


def nets(*ranges: str, namespace: str = "", name: str = "set", **labels: str) -> Document:
    kind = "NetworkSet" if namespace else "GlobalNetworkSet"
    return document(kind, {"nets": list(ranges)}, namespace, name, labels=labels)


def account(name: str, namespace: str = "front", **labels: str) -> Document:
    return document("ServiceAccount", {}, namespace, name, labels=labels)


def read(*documents: Document, missing: Missing | None = None) -> Found:
    """The policies among the documents, with what they mean of the others."""
    guards = [d.guard for d in documents]
    beside = {k.key for k in kinds.BESIDE_GUARDS}

    def those(wanted: Sequence[kinds.Kind]) -> list[Found]:
        return [
            missing or Observed(value=tuple(g for g in guards if g.kind == k.key)) for k in wanted
        ]

    return joined(Observed(value=tuple(g for g in guards if g.kind not in beside)), those)


def ask(*documents: Document, client: Peer | None = None, **more: Any) -> Admitted:
    whole = read(*documents, missing=more.pop("missing", None))
    assert isinstance(whole, Observed)
    known = Policies(more.pop("network", ()), {}, whole.value)
    return admits(client or Peer(CLIENT, LABELS), Peer(SERVER, {}), 8080, "TCP", known, "IPv4")


def early(*rules: dict[str, Any], tier: str = "security", **spec: Any) -> Document:
    """A policy of a tier of its own."""
    return calico(*rules, tier=tier, name=f"{tier}.guard", **spec)


SECURITY = tier("security", 100)
OTHERS = rule(protocol="TCP", destination={"ports": [80]})

TIER_CASES: dict[str, tuple[list[Document], bool | None]] = {
    "allows before the default tier": ([SECURITY, early(rule()), calico(rule("Deny"))], True),
    "denies before the default tier": ([SECURITY, early(rule("Deny")), calico(rule())], False),
    "passes to the default tier": ([SECURITY, early(rule("Pass")), calico(rule())], True),
    "passes to a default tier that denies": ([SECURITY, early(rule("Pass")), calico()], False),
    "passes to nothing": ([SECURITY, early(rule("Pass"))], True),
    "its end denies": ([SECURITY, early(OTHERS), calico(rule())], False),
    "its end passes": ([tier("security", 100, "Pass"), early(OTHERS), calico(rule())], True),
    "a policy for other pods does not end it": (
        [SECURITY, early(rule("Deny"), selector="app == 'x'")],
        True,
    ),
    "a policy of the other direction does not end it": (
        [
            SECURITY,
            document(
                "NetworkPolicy.projectcalico.org",
                {"tier": "security", "egress": [], "types": ["Egress"]},
                "shop",
                "security.out",
            ),
        ],
        True,
    ),
    "after the default tier": (
        [tier("last", 2e6), early(rule("Deny"), tier="last"), calico(rule())],
        True,
    ),
    "without an order the last": (
        [tier("last"), early(rule("Deny"), tier="last"), calico(rule("Pass"))],
        False,
    ),
    "two tiers by their orders": (
        [tier("a", 200), tier("b", 100), early(rule("Deny"), tier="a"), early(rule(), tier="b")],
        True,
    ),
    "two tiers of one order by their names": (
        [tier("a", 100), tier("b", 100), early(rule("Deny"), tier="b"), early(rule(), tier="a")],
        True,
    ),
    "the default tier without an order is the last": (
        [tier("default"), tier("late", 5e6), early(rule("Deny"), tier="late"), calico(rule())],
        False,
    ),
    "a tier that is not there": ([early(rule())], None),
    "the name of another tier": (
        [SECURITY, tier("a", 1), calico(rule(), tier="security", name="a.guard")],
        None,
    ),
    "a name without the tier's": ([SECURITY, calico(rule(), tier="security")], True),
    "the tier of admin policies": (
        [calico(rule("Deny"), tier="kube-admin"), calico(rule())],
        False,
    ),
    "the tier of admin policies denies nothing by itself": ([calico(tier="kube-admin")], True),
    "the tier of baseline policies": ([calico(rule("Deny"), tier="kube-baseline")], False),
    "before admin policies": ([SECURITY, early(rule()), admin(of("Deny"))], True),
    "after admin policies": ([tier("security", 2000), early(rule()), admin(of("Deny"))], False),
}


@pytest.mark.parametrize("case", TIER_CASES)
def test_tiers(case: str) -> None:
    documents, allowed = TIER_CASES[case]
    found = ask(*documents)
    assert (found.allowed, bool(found.why)) == (allowed, allowed is None)


def test_a_tier_that_is_not_there_is_named() -> None:
    why = "NetworkPolicy.projectcalico.org security.guard is in tier security, which was not found"
    assert ask(early(rule())).why == why
    assert ask(SECURITY, early(rule()), missing=FORBIDDEN).why == why


def test_network_policies_stand_in_the_default_tier() -> None:
    allow = network(ingress=[{}])
    assert ask(SECURITY, early(rule("Deny")), network=(allow,)).allowed is False
    assert ask(tier("last", 2e6), early(rule("Deny"), tier="last"), network=(allow,)).allowed


ROLE = source(selector="role == 'office'")
INSIDE = Peer(CLIENT, LABELS)
"""A pod; its address is one of 10.0.0.0/8."""
SET_CASES: dict[str, tuple[Peer, list[Document], bool | None]] = {
    "an address of a global set": (
        Peer(address="192.0.2.1"),
        [nets("192.0.2.0/24", role="office"), calico(ROLE, kind=GLOBAL)],
        True,
    ),
    "another address may be a node's": (
        Peer(address="192.0.3.1"),
        [nets("192.0.2.0/24", role="office"), calico(ROLE, kind=GLOBAL)],
        None,
    ),
    "a set with other labels": (
        Peer(address="192.0.2.1"),
        [nets("192.0.2.0/24", role="home"), calico(ROLE, kind=GLOBAL)],
        None,
    ),
    "a policy of a namespace means no global set": (
        Peer(address="192.0.2.1"),
        [nets("192.0.2.0/24", role="office"), calico(ROLE)],
        None,
    ),
    "but by global()": (
        Peer(address="192.0.2.1"),
        [
            nets("192.0.2.0/24", role="office"),
            calico(source(selector="role == 'office'", namespaceSelector="global()")),
        ],
        True,
    ),
    "all() means no global set": (
        Peer(address="192.0.2.1"),
        [
            nets("192.0.2.0/24", role="office"),
            calico(source(selector="role == 'office'", namespaceSelector="all()")),
        ],
        None,
    ),
    "a set of its own namespace": (
        Peer(address="192.0.2.1"),
        [nets("192.0.2.0/24", namespace="shop", role="office"), calico(ROLE)],
        True,
    ),
    "a set of another namespace": (
        Peer(address="192.0.2.1"),
        [nets("192.0.2.0/24", namespace="front", role="office"), calico(ROLE)],
        None,
    ),
    "a set of another namespace by its name": (
        Peer(address="192.0.2.1"),
        [
            nets("192.0.2.0/24", namespace="front", role="office"),
            calico(source(selector="role == 'office'", **OF_FRONT)),
        ],
        True,
    ),
    "a set of a namespace by a label that was not read": (
        Peer(address="192.0.2.1"),
        [
            nets("192.0.2.0/24", namespace="front", role="office"),
            calico(source(selector="role == 'office'", namespaceSelector="team == 'sales'")),
        ],
        None,
    ),
    "a pod by its address": (
        INSIDE,
        [nets("10.0.0.0/8", role="office"), calico(ROLE, kind=GLOBAL)],
        True,
    ),
    "a pod in no set": (
        INSIDE,
        [nets("192.0.2.0/24", role="office"), calico(ROLE, kind=GLOBAL)],
        False,
    ),
    "a pod that is left out by its address": (
        INSIDE,
        [
            nets("10.0.0.0/8", role="office"),
            calico(source(notSelector="role == 'office'"), kind=GLOBAL),
        ],
        False,
    ),
    "a pod that may be in a set": (
        INSIDE,
        [
            nets("10.0.0.0/8", namespace="front", role="office"),
            calico(source(selector="role == 'office'", namespaceSelector="team == 'sales'")),
        ],
        None,
    ),
    "a selector and nets": (
        INSIDE,
        [
            nets("10.0.0.0/8", role="office"),
            calico(source(selector="role == 'office'", nets=["192.0.2.0/24"]), kind=GLOBAL),
        ],
        False,
    ),
    "everyone is in a set of all addresses": (
        ANYONE,
        [nets("0.0.0.0/0", role="office"), calico(ROLE, kind=GLOBAL)],
        True,
    ),
    "deny by a set": (
        Peer(address="192.0.2.1"),
        [
            nets("192.0.2.0/24", role="office"),
            calico(rule("Deny", source={"selector": "role == 'office'"}), rule(), kind=GLOBAL),
        ],
        False,
    ),
}


@pytest.mark.parametrize("case", SET_CASES)
def test_sets_of_networks(case: str) -> None:
    client, documents, allowed = SET_CASES[case]
    assert ask(*documents, client=client).allowed is allowed


def test_sets_that_were_not_read_may_mean_a_pod() -> None:
    found = ask(calico(ROLE), missing=FORBIDDEN)
    assert found.allowed is None
    assert "sets of networks" in found.why
    assert ask(calico(ROLE), missing=UNSERVED).allowed is False
    assert ask(calico(source(**OF_FRONT)), missing=FORBIDDEN).allowed, "its labels are enough"


def test_every_pod_of_every_namespace() -> None:
    everywhere = calico(source(namespaceSelector="all()"))
    assert ask(everywhere, client=ANY_POD).ingress.allowed
    assert ask(everywhere, client=ANYONE).ingress.allowed is None


BY_TEAM = source(serviceAccounts={"selector": "team == 'sales'"}, **OF_FRONT)
ACCOUNT_CASES: dict[str, tuple[list[Document], bool | None]] = {
    "its label": ([account("default", team="sales"), calico(BY_TEAM)], True),
    "another label": ([account("default", team="x"), calico(BY_TEAM)], False),
    "one of another namespace": (
        [account("default", "shop", team="sales"), calico(BY_TEAM)],
        False,
    ),
    "one that is not there": ([calico(BY_TEAM)], False),
    "its name as a label": (
        [
            account("default"),
            calico(
                source(
                    serviceAccounts={"selector": "projectcalico.org/name == 'default'"}, **OF_FRONT
                )
            ),
        ],
        True,
    ),
    "name and label": (
        [
            account("default", team="sales"),
            calico(
                source(serviceAccounts={"names": ["default"], "selector": "has(team)"}, **OF_FRONT)
            ),
        ],
        True,
    ),
    "another name and its label": (
        [
            account("default", team="sales"),
            calico(source(serviceAccounts={"names": ["x"], "selector": "has(team)"}, **OF_FRONT)),
        ],
        False,
    ),
    "pods that it selects": (
        [account("default", "shop", team="api"), calico(serviceAccountSelector="team == 'api'")],
        False,
    ),
    "pods that it does not select": (
        [account("default", "shop", team="x"), calico(serviceAccountSelector="team == 'api'")],
        True,
    ),
    "pods that a negation selects": (
        [account("default", "shop"), calico(serviceAccountSelector="!has(team)")],
        False,
    ),
}


@pytest.mark.parametrize("case", ACCOUNT_CASES)
def test_service_accounts(case: str) -> None:
    documents, allowed = ACCOUNT_CASES[case]
    assert ask(*documents).allowed is allowed


def test_service_accounts_that_were_not_read() -> None:
    found = ask(calico(BY_TEAM), missing=FORBIDDEN)
    assert found.allowed is None
    assert "labels of service accounts" in found.why
    host = Peer(pod("agent", "front", hostNetwork=True), {})
    assert ask(calico(BY_TEAM), client=host, missing=FORBIDDEN).allowed is False
    assert ask(calico(BY_TEAM), client=ANY_POD).ingress.allowed is None


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (calico(rule()), ()),
        (calico(source(nets=["10.0.0.0/8"])), ()),
        (early(rule()), kinds.TIERS),
        (calico(ROLE), kinds.NETWORK_SETS),
        (calico(rule(destination={"selector": "has(x)"})), kinds.NETWORK_SETS),
        (calico(BY_TEAM), (kinds.SERVICE_ACCOUNT,)),
        (calico(source(serviceAccounts={"names": ["x"]})), ()),
        (calico(serviceAccountSelector="has(x)"), (kinds.SERVICE_ACCOUNT,)),
        (calico(serviceAccountSelector="all()"), ()),
        (admin(of("Deny")), ()),
    ],
)
def test_only_what_is_needed_is_read(policy: Document, wanted: tuple[kinds.Kind, ...]) -> None:
    assert needed([policy.guard]) == wanted


@pytest.mark.parametrize(
    ("policy", "missing", "expected"),
    [
        (calico(rule()), FORBIDDEN, set()),
        (calico(ROLE), FORBIDDEN, {FORBIDDEN}),
        (calico(ROLE), UNSERVED, set()),
    ],
)
def test_what_could_not_be_read_is_lacking_only_where_it_is_needed(
    policy: Document, missing: Missing, expected: set[Missing]
) -> None:
    found = read(policy, missing=missing)
    assert isinstance(found, Observed)
    assert set(found.lacking) == expected


def test_policies_that_could_not_be_read_ask_for_nothing() -> None:
    assert with_sets(FORBIDDEN, lambda wanted: []) == FORBIDDEN


def test_objects_of_files_may_not_be_all() -> None:
    def one(*documents: Document, whole: bool = False) -> Guard:
        [guard] = joined_in_files([d.guard for d in documents], whole=whole)
        return guard

    def allowed(guard: Guard) -> bool | None:
        known = Policies((), {}, [guard])
        return admits(Peer(CLIENT, LABELS), Peer(SERVER, {}), 8080, "TCP", known, "IPv4").allowed

    assert allowed(one(calico(ROLE))) is None
    assert allowed(one(calico(ROLE), whole=True)) is False
    assert allowed(one(account("default", team="sales"), calico(BY_TEAM)))
    assert allowed(one(account("default", team="x"), calico(BY_TEAM))) is False
    assert allowed(one(account("other", team="x"), calico(BY_TEAM))) is None
    assert allowed(one(SECURITY, early(rule("Deny")))) is False
    assert allowed(one(early(rule("Deny")))) is None
