"""A host name with several addresses, and one that moves."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.client import ConnectionFlags, Deadline, Unreachable, load_connection
from kubectl_portcheck.client.credentials import Identity
from kubectl_portcheck.client.dialer import Dialer

FIRST, SECOND = "127.0.0.1", "127.0.0.2"


class Town:
    """Listeners on one port of several addresses, and a name that leads to some of them."""

    def __init__(self) -> None:
        self.listeners = {FIRST: socket.create_server((FIRST, 0))}
        self.port: int = self.listeners[FIRST].getsockname()[1]
        self.open(SECOND)
        self.addresses = [FIRST, SECOND]
        self.asked = 0

    def open(self, address: str) -> None:
        self.listeners[address] = socket.create_server((address, self.port))

    def close(self, address: str) -> None:
        self.listeners.pop(address).close()

    def look_up(self, *_: object, **__: object) -> list[tuple[Any, ...]]:
        self.asked += 1
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, self.port)) for address in self.addresses]


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    made = Town()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made
    for address in list(made.listeners):
        made.close(address)


@pytest.fixture
def dialer(town: Town, tmp_path: Path) -> Dialer:
    flags = ConnectionFlags(server=f"http://api.example:{town.port}", kubeconfig="")
    return Dialer(load_connection(flags, {"HOME": str(tmp_path)}))


def reached(town: Town, dialer: Dialer) -> str:
    """Connect; say at which address."""
    wire = dialer.connect(Identity(), Deadline.after(30), tunnel=False)
    (listener,), _, _ = select.select(town.listeners.values(), (), (), 5)
    accepted, _ = listener.accept()
    accepted.close()
    wire.end()
    return str(listener.getsockname()[0])


def test_the_address_that_answered_is_kept(town: Town, dialer: Dialer) -> None:
    assert [reached(town, dialer), reached(town, dialer)] == [FIRST, FIRST]
    assert town.asked == 1


def test_another_address_is_tried_when_the_first_one_ends(town: Town, dialer: Dialer) -> None:
    assert reached(town, dialer) == FIRST
    town.close(FIRST)
    assert [reached(town, dialer), reached(town, dialer)] == [SECOND, SECOND]


def test_a_name_that_moves_is_followed(town: Town, dialer: Dialer) -> None:
    town.addresses = [FIRST]
    assert reached(town, dialer) == FIRST
    town.close(FIRST)
    town.addresses = [SECOND]
    assert reached(town, dialer) == SECOND
    town.close(SECOND)
    town.open(FIRST)
    town.addresses = [FIRST]
    assert reached(town, dialer) == FIRST


def test_no_one_answers_any_more(town: Town, dialer: Dialer) -> None:
    assert reached(town, dialer) == FIRST
    town.close(FIRST)
    town.close(SECOND)
    with pytest.raises(Unreachable, match="was refused"):
        reached(town, dialer)
