"""Bind addresses against what was dialled for real (tests/corpus/sockets/truthtable.json)."""

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.model.probes import Family, ListeningSocket
from kubectl_portcheck.semantics.listening import accepts, is_loopback

CORPUS = Path(__file__).parents[2] / "corpus" / "sockets" / "truthtable.json"
POD = {"pod IPv4": "10.244.7.3", "pod IPv6": "fd00:10:244:7::3"}

# As the socket tables show them; the device only where ss is there to say.
BINDS: dict[str, tuple[str, Family]] = {
    "0.0.0.0": ("0.0.0.0", "IPv4"),
    ":: (dual-stack)": ("::", "dual"),
    ":: (v6only)": ("::", "IPv6"),
    "127.0.0.1": ("127.0.0.1", "IPv4"),
    "::1": ("::1", "IPv6"),
    "pod IPv4": ("10.244.7.3", "IPv4"),
    "pod IPv6": ("fd00:10:244:7::3", "IPv6"),
    "127.0.0.2": ("127.0.0.2", "IPv4"),
    "::ffff:127.0.0.1": ("127.0.0.1", "IPv4"),
    "::ffff:0.0.0.0": ("0.0.0.0", "IPv4"),
    "::ffff:pod IPv4": ("10.244.7.3", "IPv4"),
    "0.0.0.0 SO_BINDTODEVICE eth0": ("0.0.0.0", "IPv4"),
}


def rows() -> list[tuple[str, str, bool]]:
    table: list[dict[str, Any]] = json.loads(CORPUS.read_text())
    return [
        (row["bind"], POD[path.split(" (")[0]], result["works"])
        for row in table
        for path, result in row["paths"].items()
        if path.split(" (")[0] in POD
    ]


@pytest.mark.parametrize(("bind", "client", "works"), rows())
def test_who_reaches_a_socket_at_the_pods_address(bind: str, client: str, works: bool) -> None:
    if bind not in BINDS:
        assert not works, f"{bind} is dialled with success and is not in the table above"
        return
    address, family = BINDS[bind]
    listener = ListeningSocket(
        protocol="TCP", family=family, address=address, port=1, source="proc"
    )
    assert accepts(listener, client) == works
    assert is_loopback(listener) == (address.startswith("127.") or address == "::1")


def test_an_address_matches_in_any_spelling() -> None:
    listener = ListeningSocket(
        protocol="TCP", family="IPv6", address="fd00::4", port=1, source="proc"
    )
    assert accepts(listener, "fd00:0:0:0:0:0:0:4")


def test_a_socket_bound_to_the_loopback_device_is_loopback() -> None:
    listener = ListeningSocket(
        protocol="TCP", family="IPv4", address="0.0.0.0", device="lo", port=1, source="ss"
    )
    assert is_loopback(listener)
    assert not accepts(listener, "10.244.7.3")
