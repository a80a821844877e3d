"""Pods that go away, end or start again while the walk is under way."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, shop, walk

Event = Callable[[FakeApiServer, str], None]


def deleted(server: FakeApiServer, pod: str) -> None:
    """The pod was in the list, and is gone when something is asked of it."""
    server.on(_of(pod), faults.status(404, "NotFound", f'pods "{pod}" not found'))


def gone_from_the_node(server: FakeApiServer, pod: str) -> None:
    """The API server still knows the pod, the kubelet does not."""
    text = "unable to upgrade connection: pod does not exist"
    server.on(_of(pod), faults.plain(404, text))


def evicted_meanwhile(server: FakeApiServer, pod: str) -> None:
    """The pod ran when it was listed, and has failed since."""
    server.on(
        rf"/pods/{pod}/exec\?",
        faults.status(
            400,
            "BadRequest",
            "cannot exec into a container in a completed pod; current phase is Failed",
        ),
    )
    server.on(
        rf"/pods/{pod}/portforward\?",
        faults.plain(
            500, "unable to forward port because pod is not running. Current status=Failed"
        ),
    )
    server.http.pop((NAMESPACE, pod, 8080), None)


def evicted_before(server: FakeApiServer, pod: str) -> None:
    """The list already says so; the pod has no endpoint any more."""
    for item in server.store.objects:
        if item["kind"] == "Pod" and item["metadata"]["name"] == pod:
            item["status"] = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
        if item["kind"] == "EndpointSlice":
            item["endpoints"] = [e for e in item["endpoints"] if e["targetRef"]["name"] != pod]


def restarting(server: FakeApiServer, pod: str) -> None:
    """The container is between two lives: no exec, and every port refuses."""
    text = 'unable to upgrade connection: container not found ("app")'
    server.on(rf"/pods/{pod}/exec\?", faults.plain(500, text))
    server.ports[NAMESPACE, pod] = {}


def restarted_after_exec(server: FakeApiServer, pod: str) -> None:
    """The sockets were read in the container's last life; then every port refuses."""
    server.ports[NAMESPACE, pod] = {}


def _of(pod: str) -> str:
    return rf"/pods/{re.escape(pod)}(/(exec|portforward)\?|:\d+/proxy)"


EVENTS: dict[str, tuple[Event, dict[str, tuple[str, ...]]]] = {
    "deleted after the list": (deleted, {}),
    "deleted on its node": (gone_from_the_node, {}),
    "evicted after the list": (evicted_meanwhile, {}),
    "evicted before the list": (evicted_before, {"all": ("broken",)}),
    "restarting": (restarting, {}),
    # It does refuse, now: a pod that is asked for the first time then says the same.
    "restarted after the exec": (restarted_after_exec, {"all": ("broken",), "one": ("degraded",)}),
}
"""By name: what happens, and what else is true then of a shop that is healthy otherwise."""


class Cell(NamedTuple):
    """One thing that happens to one pod of two, or to both."""

    event: str
    pods: str
    broken: bool

    @property
    def truths(self) -> Sequence[str]:
        """The verdicts that a person who sees everything could give."""
        if self.broken:
            # One pod is proven to refuse and nothing is known of the other: some get errors.
            return ("broken", "degraded") if self.pods == "one" else ("broken",)
        return (*EVENTS[self.event][1].get(self.pods, ()), "healthy")


CELLS = [
    Cell(event, pods, broken)
    for event in EVENTS
    for pods in ("one", "all")
    for broken in (True, False)
]


def run(cell: Cell, folder: Path, timeout: float = 4) -> Run:
    """The whole program while it happens."""
    with FakeApiServer() as server:
        shop(server, *((9000, 9100) if cell.broken else (8080, 9100)), pods=2)
        for pod in ("checkout-0", "checkout-1")[: 1 if cell.pods == "one" else 2]:
            EVENTS[cell.event][0](server, pod)
        return walk(server, folder, "--timeout", f"{timeout:.0f}s")
