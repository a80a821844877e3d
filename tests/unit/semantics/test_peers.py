"""The ends of a connection, and answers that may be unknown."""

from itertools import product
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicyPort
from kubectl_portcheck.semantics.peers import (
    Asked,
    Fact,
    Peer,
    all_of,
    any_of,
    covered,
    covers,
    negated,
)

FACTS: tuple[Fact, ...] = (True, False, None)


@pytest.mark.parametrize("answers", list(product(FACTS, repeat=3)))
def test_an_unknown_may_be_either(answers: tuple[Fact, ...]) -> None:
    """Compared with every way in which what is not known may turn out."""
    ways = list(product(*((True, False) if a is None else (a,) for a in answers)))

    def in_every(found: set[bool]) -> Fact:
        return found.pop() if len(found) == 1 else None

    assert any_of(answers) is in_every({any(w) for w in ways})
    assert all_of(answers) is in_every({all(w) for w in ways})
    assert negated(answers[0]) is in_every({not w[0] for w in ways})


def pod(**spec: Any) -> Pod:
    ports = [
        {"name": "http", "containerPort": 8080},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
    ]
    document = {
        "metadata": {"name": "p", "namespace": spec.pop("namespace", "shop")},
        "spec": {"containers": [{"name": "app", "ports": ports}], "nodeName": "one", **spec},
        "status": {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
    }
    return msgspec.convert(document, Pod)


@pytest.mark.parametrize(
    ("peer", "namespace", "node"),
    [
        (Peer(pod()), "shop", ""),
        (Peer(pod(namespace="")), "default", ""),
        (Peer(pod(hostNetwork=True)), "shop", "one"),
        (Peer(address="192.0.2.1", node="two"), "", "two"),
        (Peer(), "", ""),
    ],
)
def test_where_an_end_is(peer: Peer, namespace: str, node: str) -> None:
    assert (peer.namespace, peer.on_node) == (namespace, node)


@pytest.mark.parametrize(
    ("peer", "family", "expected"),
    [
        (Peer(pod()), "", ("10.0.0.1", "fd00::1")),
        (Peer(pod()), "IPv6", ("fd00::1",)),
        (Peer(address="192.0.2.1"), "IPv4", ("192.0.2.1",)),
        (Peer(address="192.0.2.1"), "IPv6", ()),
        (Peer(address="192.0.2.1"), "", ("192.0.2.1",)),
        (Peer(), "", ()),
    ],
)
def test_its_addresses(peer: Peer, family: str, expected: tuple[str, ...]) -> None:
    assert peer.addresses(family) == expected


def entry(port: int | str | None = None, **more: Any) -> NetworkPolicyPort:
    return NetworkPolicyPort(port=port, **more)


@pytest.mark.parametrize(
    ("given", "number", "expected"),
    [
        (entry(), 8080, True),
        (entry(protocol="UDP"), 8080, False),
        (entry(8080), 8080, True),
        (entry(8081), 8080, False),
        (entry(8079), 8080, False),
        (entry(8000, end_port=8080), 8080, True),
        (entry(8000, end_port=8079), 8080, False),
        (entry(8081, end_port=8090), 8080, False),
        (entry("http"), 8080, True),
        (entry("http"), 80, False),
        (entry("dns"), 53, False),
    ],
)
def test_whether_an_entry_covers_a_port(
    given: NetworkPolicyPort, number: int, expected: bool
) -> None:
    assert covers(given, pod(), number, "TCP") is expected
    asked = Asked(Peer(pod()), number, "TCP", "")
    assert covered([given], asked) is expected
    assert covered([entry(1), given], asked) is expected
    assert covered([], asked) is True
    named = isinstance(given.port, str)
    assert covered([given], asked, names=False) is (None if named else expected)
    assert covers(entry("http"), None, 8080, "TCP") is False


def test_a_name_of_another_protocol_is_known_not_to_count() -> None:
    asked = Asked(Peer(pod()), 8080, "TCP", "")
    assert covered([entry("http", protocol="UDP")], asked, names=False) is False
