"""What one more pod, Service or port costs in memory: exact counts, where a time would tell little.

A sweep holds hundreds of thousands of these. Each bound is a little above what was counted, so that
a structure that begins to hold more is seen at once. Sizes differ a little between Pythons; how
many allocations there are, hardly.
"""

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from kubectl_portcheck.client import Api, Deadline
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster.pages import read_pages
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Context, Evidence, ServiceEvidence
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service
from kubectl_portcheck.model.probes import Attempt, ListeningSocket, PodSockets
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.semantics.likeness import Likenesses
from tests.bench import standin

FEW, MANY = 40, 140
SPACE = "team-000"
UNSEEN = Missing(reason=Reason.NOT_CONTACTED, detail="not contacted")


class Held(NamedTuple):
    """What is held: objects that were allocated, and their bytes."""

    objects: float
    size: float


@contextmanager
def counted() -> Iterator[list[Held]]:
    """Counts what is allocated meanwhile and still held at the end."""
    found: list[Held] = []
    gc.collect()
    tracemalloc.start()
    try:
        yield found
        gc.collect()
        traces = tracemalloc.take_snapshot().statistics("filename")
        found.append(Held(sum(t.count for t in traces), sum(t.size for t in traces)))
    finally:
        tracemalloc.stop()


def each(make: Callable[[int], object]) -> Held:
    """What one more of a hundred takes, whatever is there once for all of them."""
    make(MANY)  # What is imported, compiled and remembered once does not count.
    amounts = []
    for number in (FEW, MANY):
        with counted() as found:
            kept = make(number)
        del kept
        amounts.append(found[0])
    few, many = amounts
    more = MANY - FEW
    return Held((many.objects - few.objects) / more, (many.size - few.size) / more)


class Pages:
    """An API server that has one page."""

    def __init__(self, items: list[Any]) -> None:
        self.raw = json.dumps({"metadata": {}, "items": items}).encode()

    def read(self, *_: Any, as_: Callable[[bytes], Any], **__: Any) -> Any:
        """The page, read."""
        return as_(self.raw)


def listed(items: list[Any], of: type[msgspec.Struct]) -> list[Any]:
    """The objects as a sweep holds them."""
    api: Any = Pages(items)
    server: Api = api
    got: list[Any] = []
    read_pages(server, Deadline.after(60), "/", decode.ListOf[of], {}, got, [])  # type: ignore[valid-type]
    assert len(got) == len(items)
    return got


def pods_of_one(number: int) -> list[Pod]:
    return listed([standin.pod(0, p, SPACE) for p in range(number)], Pod)


def pods_of_many(number: int) -> list[Pod]:
    return listed([standin.pod(10 + p, 0, SPACE) for p in range(number)], Pod)


def services(number: int) -> list[Service]:
    return listed([standin.service(10 + n, SPACE) for n in range(number)], Service)


def slices(number: int) -> list[EndpointSlice]:
    found = [standin.endpoint_slices(10 + n, SPACE, 1)[0] for n in range(number)]
    return listed(found, EndpointSlice)


def endpoints(number: int) -> list[EndpointSlice]:
    return listed(standin.endpoint_slices(10, SPACE, number), EndpointSlice)


HELD = {
    "one more pod of a template": (pods_of_one, Held(13, 1000)),
    "a pod of a template of its own": (pods_of_many, Held(34, 2500)),
    "a Service": (services, Held(22, 1750)),
    "an EndpointSlice": (slices, Held(26, 1800)),
    "one more endpoint": (endpoints, Held(7, 450)),
}


@pytest.mark.parametrize("what", HELD)
def test_what_one_more_takes(what: str) -> None:
    make, most = HELD[what]
    found = each(make)
    assert found.objects > 0
    assert found.objects <= most.objects, found
    assert found.size <= most.size, found


def town(number: int, *, contacted: bool) -> tuple[ServiceEvidence, ...]:
    """Services with three pods each, that differ in their names."""
    found = []
    # Of each hundred the second selects nothing, and the third has no probe.
    for n in [n for n in range(10, 20 + number) if n % 100 > 2][:number]:
        (service,) = listed([standin.service(n, SPACE)], Service)
        pods = tuple(listed([standin.pod(n, p, SPACE) for p in range(3)], Pod))
        pieces = tuple(listed(standin.endpoint_slices(n, SPACE, 3), EndpointSlice))
        names = [p.metadata.name for p in pods]
        evidence = ServiceEvidence(
            service=service,
            pods=Observed(value=pods),
            endpoint_slices=Observed(value=pieces),
            sockets=dict.fromkeys(names, Observed(value=LISTENING) if contacted else UNSEEN),
            attempts=tuple(
                Attempt(name, standin.PORT, "pod-port-forward", "accepted")
                for name in names
                if contacted
            ),
        )
        found.append(evidence)
    return tuple(found)


LISTENING = PodSockets(
    (
        ListeningSocket(
            protocol="TCP", family="IPv4", address="0.0.0.0", port=standin.PORT, source="proc"
        ),
    ),
    "proc",
)


@pytest.mark.parametrize("contacted", [False, True], ids=["listed", "contacted"])
def test_what_the_report_on_one_more_service_takes(contacted: bool) -> None:
    everyone = town(MANY, contacted=contacted)
    assert len({Likenesses("2026-01-02T03:04:05Z").of(e) for e in everyone}) == 1

    def report(number: int) -> Report:
        context = Context(source="cluster", collected_at="2026-01-02T03:04:05Z")
        evidence = Evidence(context=context, services=everyone[:number])
        return diagnose(evidence, details=lambda report: ())

    found = each(report)
    assert found.objects < 1.5, found
    assert found.size <= 250, found
