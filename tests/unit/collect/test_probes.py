"""Contact with pods waits for its turn, and its time begins then."""

import time
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from kubectl_portcheck import timeouts
from kubectl_portcheck.client import Api, Deadline, ExecResult, PortAnswer
from kubectl_portcheck.client.turns import Turns
from kubectl_portcheck.collect.cluster.once import Lately
from kubectl_portcheck.collect.cluster.probes import LiveProbes
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.objects import Condition, Pod
from kubectl_portcheck.model.probes import AcceptQueue, ListeningSocket, PodSockets
from kubectl_portcheck.semantics import pods
from tests.situations import SITUATIONS


class Server:
    """One stream at a time; it remembers until when each may take."""

    def __init__(self) -> None:
        self.streams = Turns(1, "other streams")
        self.deadlines: list[Deadline] = []
        self.waiting = Event()

    def exec(self, *_: Any, deadline: Deadline) -> ExecResult:
        """A command that prints nothing that could be read."""
        self.deadlines.append(deadline)
        return ExecResult(b"", b"", "", 0, complete=True)

    def try_ports(self, *_: Any, deadline: Deadline, done: Any) -> dict[int, PortAnswer]:
        """A port-forward of which the server is done before the client is."""
        self.deadlines.append(deadline)
        done()
        self.streams.take(Deadline.after(5)).end()  # Another one may begin.
        return {}


class Watched(Deadline):
    """The deadline of a run, which tells when it is asked how long to wait for a turn."""

    def __init__(self, server: Server, at: float) -> None:
        super().__init__(at)
        self.server = server

    def check(self, doing: str) -> float:
        """The seconds that are left."""
        self.server.waiting.set()
        return super().check(doing)


RUNNING = next(
    p
    for evidence in SITUATIONS.values()
    for e in evidence.services
    if not isinstance(e.pods, Missing)
    for p in e.pods.value
    if pods.running_containers(p)
)


def ask(probes: LiveProbes, what: str, pod: Pod) -> object:
    return probes.sockets(pod) if what == "exec" else probes.try_ports("web", [80], "pod-proxy")


def probes_of(server: Any, deadline: Deadline) -> LiveProbes:
    api: Api = server
    return LiveProbes(api, "prod", deadline)


@pytest.mark.parametrize(
    ("what", "seconds"), [("exec", timeouts.EXEC), ("port-forward", timeouts.PORT_FORWARD)]
)
def test_the_time_of_a_stream_begins_with_its_turn(what: str, seconds: float) -> None:
    server = Server()
    probes = probes_of(server, Watched(server, time.monotonic() + 1000))
    before = server.streams.take(Deadline.after(5))
    asking = Thread(target=ask, args=(probes, what, RUNNING))
    asking.start()
    assert server.waiting.wait(10)
    time.sleep(0.02)
    assert not server.deadlines
    ended = time.monotonic()
    before.end()
    asking.join(10)
    assert server.deadlines[0].at >= ended + seconds
    server.streams.take(Deadline.after(5))  # It has been given back.


@pytest.mark.parametrize("what", ["exec", "port-forward"])
def test_whose_turn_does_not_come_in_time_was_not_asked(what: str) -> None:
    server = Server()
    held = server.streams.take(Deadline.after(5))
    found = ask(probes_of(server, Deadline.after(0.05)), what, RUNNING)
    assert not server.deadlines
    if isinstance(found, Missing):
        assert found.reason == Reason.TIMED_OUT
        assert found.detail == "timed out waiting for other streams"
    else:
        assert isinstance(found, tuple)
        assert [a.outcome for a in found] == ["skipped"]
    held.end()


def test_a_look_is_shared_until_the_kubelet_reports_a_change() -> None:
    """What was seen in a pod before it was Ready would say that nothing listens there."""
    status = RUNNING.status
    ready = (Condition(type="Ready", status="True"),)
    again = tuple(
        msgspec.structs.replace(s, restart_count=s.restart_count + 1)
        for s in status.container_statuses
    )
    reported = [
        *(status, status),
        msgspec.structs.replace(status, conditions=ready),
        msgspec.structs.replace(status, container_statuses=again),
        status,
    ]
    server, lately = Server(), Lately(60)
    asked = []
    for each in reported:
        api: Any = server
        probes = LiveProbes(api, "prod", Deadline.after(50), lately)
        probes.sockets(msgspec.structs.replace(RUNNING, status=each))
        asked.append(len(server.deadlines))
    once = asked[0]
    assert asked == [once, once, 2 * once, 3 * once, 3 * once]


def test_a_second_look_is_shared_with_its_first_one_only() -> None:
    """Connections wait as before, but the pod no longer listens on another port."""
    queues = (AcceptQueue(port=80, waiting=3),)
    listening = ListeningSocket(
        protocol="TCP", family="IPv4", address="0.0.0.0", port=81, source="proc"
    )
    before = PodSockets(listeners=(listening,), source="proc", container="app", queues=queues)
    after = msgspec.structs.replace(before, listeners=())
    probes = probes_of(Server(), Deadline.after(50))
    found = [probes.backlog(RUNNING, each).listeners for each in (before, after)]
    assert found == [(listening,), ()]
