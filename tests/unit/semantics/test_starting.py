"""Whether a container that does not serve may merely need more time to start."""

from typing import Any

import pytest
import yaml

from kubectl_portcheck.collect.examples import NOW, evidence_of
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.starting import (
    BY_ITSELF,
    LIKE_OTHERS,
    Starting,
    before_listening,
    before_ready,
)

PORT = 8080


def since(seconds: float) -> str:
    """A time so many seconds before now, in the hour before at most."""
    if not seconds:
        return NOW
    minutes, rest = divmod(round(60 * 60 - seconds), 60)
    return f"2026-06-01T11:{minutes:02}:{rest:02}Z"


def pod(
    age: float = 10,
    *,
    name: str = "checkout-1",
    ready: bool = False,
    revision: str = "",
    made: str = "2026-06-01T11:30:00Z",
    metadata: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    container: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": revision, "uid": revision, "controller": True}
    running = {
        "name": "app",
        "ready": ready,
        "state": {"running": {"startedAt": since(age)}},
        **(status or {}),
    }
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": "checkout"},
            "creationTimestamp": made,
            "ownerReferences": [owner] if revision else [],
            **(metadata or {}),
        },
        "spec": {"containers": [{"name": "app", **(container or {})}], **spec},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [running],
        },
    }


def case_of(*documents: dict[str, Any], **sockets: list[str] | None) -> Case:
    service = {
        "kind": "Service",
        "metadata": {"name": "checkout"},
        "spec": {"selector": {"app": "checkout"}, "ports": [{"port": 80, "targetPort": PORT}]},
    }
    probes = {
        f"checkout-{number}": {"sockets": found}
        for number, found in ((key[1:], value) for key, value in sockets.items())
        if found is not None
    }
    every = [service, *documents, {"probes": probes}]
    evidence = evidence_of(yaml.safe_dump_all(every)).services[0]
    return Case(evidence, evidence.service.spec.ports[0], NOW)


def asking(port: int | str = PORT, **timing: int) -> dict[str, Any]:
    return {"readinessProbe": {"tcpSocket": {"port": port}, **timing}}


PATIENT = asking(initialDelaySeconds=5, periodSeconds=5, failureThreshold=3)
"""It may fail until 20 s after the start."""
NOTHING: list[str] = []
CRASHED = {
    "restartCount": 3,
    "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-06-01T11:59:00Z"}},
}

BEFORE_READY: dict[str, tuple[dict[str, Any], list[str] | None, bool]] = {
    "young": (pod(10, container=PATIENT), NOTHING, True),
    "just begun": (pod(0, container=PATIENT), NOTHING, True),
    "as old as the probe allows": (pod(20, container=PATIENT), NOTHING, True),
    "older": (pod(21, container=PATIENT), NOTHING, False),
    "begins after now, by another clock": (
        pod(
            container=PATIENT, status={"state": {"running": {"startedAt": "2026-06-01T12:00:01Z"}}}
        ),
        NOTHING,
        False,
    ),
    "not known since when": (
        pod(container=PATIENT, status={"state": {"running": {}}}),
        NOTHING,
        False,
    ),
    "ready": (pod(container=PATIENT, ready=True, status={"ready": False}), NOTHING, False),
    "deleted": (
        pod(container=PATIENT, metadata={"deletionTimestamp": "2026-06-01T11:59:59Z"}),
        NOTHING,
        False,
    ),
    "crashed before": (pod(container=PATIENT, status=CRASHED), NOTHING, False),
    "a probe of a name that there is not": (pod(container=asking("http")), NOTHING, False),
    "a probe by a command": (
        pod(1, container={"readinessProbe": {"exec": {}}}),
        NOTHING,
        True,
    ),
    "no probe": (pod(), NOTHING, False),
    "listens elsewhere": (pod(container=PATIENT), ["0.0.0.0:9000"], False),
    "listens elsewhere by UDP": (pod(container=PATIENT), ["udp 0.0.0.0:9000"], True),
    "listens elsewhere on loopback": (pod(container=PATIENT), ["127.0.0.1:9000"], True),
    "listens on loopback": (pod(container=PATIENT), [f"127.0.0.1:{PORT}"], False),
    "listens on another address": (pod(container=PATIENT), [f"10.9.9.9:{PORT}"], False),
    "listens for the other family": (pod(container=PATIENT), [f"[::]:{PORT} v6only"], False),
    "listens, and does not answer yet": (
        pod(container=PATIENT),
        [f"0.0.0.0:{PORT}", "0.0.0.0:9000"],
        True,
    ),
    "no look inside": (pod(container=PATIENT), None, True),
}


@pytest.mark.parametrize("name", BEFORE_READY)
def test_a_probe_that_has_not_passed_yet(name: str) -> None:
    document, sockets, expected = BEFORE_READY[name]
    case = case_of(document, _1=sockets)
    found = before_ready(case, case.pods[0])
    assert (found is not None) is expected
    if found is not None:
        assert (found.container, found.check is not None) == ("app", True)


def test_how_long_a_probe_may_fail() -> None:
    case = case_of(pod(10, container=PATIENT), _1=NOTHING)
    found = before_ready(case, case.pods[0])
    assert found is not None
    assert (found.age, found.allowed) == (10, 20)


def listening(
    *documents: dict[str, Any], of: int = 1, **sockets: list[str] | None
) -> Starting | None:
    case = case_of(*documents, **sockets)
    (found,) = (p for p in case.pods if p.metadata.name == f"checkout-{of}")
    return before_listening(case, found, PORT)


@pytest.mark.parametrize(
    ("document", "sockets", "expected"),
    [
        (pod(10, ready=True), NOTHING, True),
        (pod(0, ready=True), NOTHING, True),
        (pod(BY_ITSELF - 1, ready=True), NOTHING, True),
        (pod(BY_ITSELF, ready=True), NOTHING, False),
        (pod(0, ready=True), ["0.0.0.0:9000"], False),
        (pod(10, ready=True), ["0.0.0.0:8080"], False),
        (pod(10, ready=True), ["127.0.0.1:8080"], False),
        (pod(10, ready=True), None, False),
        (pod(10, ready=True, metadata={"deletionTimestamp": NOW}), NOTHING, False),
        (pod(10, ready=True, status=CRASHED), NOTHING, False),
    ],
)
def test_a_port_that_is_not_open_yet(
    document: dict[str, Any], sockets: list[str] | None, expected: bool
) -> None:
    found = listening(document, _1=sockets)
    assert found == (Starting("app", found.age, None) if found else None)
    assert (found is not None) is expected


REPLICA_SETS = [
    {"kind": "ReplicaSet", "metadata": {"name": name, "uid": name}, "spec": {}}
    for name in ("new", "old")
]
EARLIER, SAME_TIME, LATER = (f"2026-06-01T11:{m}:00Z" for m in (20, 30, 40))
OPEN, OTHER = ["0.0.0.0:8080"], ["0.0.0.0:9000"]


@pytest.mark.parametrize(
    ("age", "revision", "made", "theirs", "expected"),
    [
        (LIKE_OTHERS - 1, "new", EARLIER, OPEN, True),
        (LIKE_OTHERS, "new", EARLIER, OPEN, False),
        (60, "new", SAME_TIME, OPEN, True),
        (60, "new", LATER, OPEN, False),
        (60, "old", EARLIER, OPEN, False),
        (60, "", EARLIER, OPEN, False),
        (60, "new", EARLIER, OTHER, False),
        (60, "new", EARLIER, None, False),
    ],
)
def test_an_older_pod_of_the_same_revision_shows_how_long_it_takes(
    age: float, revision: str, made: str, theirs: list[str] | None, expected: bool
) -> None:
    other = pod(600, name="checkout-2", ready=True, revision=revision, made=made)
    own = pod(age, ready=True, revision="new")
    documents = (own, other, *REPLICA_SETS)
    assert (listening(*documents, _1=NOTHING, _2=theirs) is not None) is expected
    # What listens elsewhere already may open its port still, where another one did.
    assert (listening(*documents, _1=OTHER, _2=theirs) is not None) is expected


def test_a_pod_of_no_known_revision_is_like_no_other() -> None:
    several = [pod(60, name=f"checkout-{n}", ready=True) for n in (1, 2)]
    assert listening(*several, _1=NOTHING, _2=OPEN) is None


def containers(*names: str, declaring: str = "") -> list[dict[str, Any]]:
    ports = {"ports": [{"containerPort": PORT}]}
    other = {"ports": [{"containerPort": 9000}]}
    return [{"name": n, **(ports if n == declaring else other)} for n in names]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (containers("app", "side"), "app"),
        (containers("app", "side", declaring="side"), "side"),
        (containers("istio-proxy", "app"), "app"),
        (containers("istio-proxy", "app", declaring="istio-proxy"), "app"),
    ],
)
def test_the_container_that_is_to_listen(made: list[dict[str, Any]], expected: str) -> None:
    document = pod(10, ready=True)
    document["spec"]["containers"] = made
    statuses = [
        {"name": c["name"], "ready": True, "state": {"running": {"startedAt": since(10)}}}
        for c in made
    ]
    document["status"]["containerStatuses"] = statuses
    found = listening(document, _1=NOTHING)
    assert found is not None
    assert found.container == expected
