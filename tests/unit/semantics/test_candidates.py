"""Which port of the pods was probably meant: what speaks for each, and what against it."""

from typing import Any

import pytest
import yaml

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.semantics.candidates import choose, reachable, speaks_for_target
from kubectl_portcheck.semantics.case import Case

CLOSED, OPEN = 8080, 9000


def declared(*ports: int | tuple[str, int]) -> list[dict[str, Any]]:
    return [
        {"containerPort": p} if isinstance(p, int) else {"name": p[0], "containerPort": p[1]}
        for p in ports
    ]


def container(*ports: int | tuple[str, int], name: str = "app", probe: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "ports": declared(*ports)}
    if probe:
        found["livenessProbe"] = {"httpGet": {"port": probe}}
    return found


def pod(*containers: dict[str, Any], number: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": f"checkout-{number}", "labels": {"app": "checkout"}},
        "spec": {"containers": list(containers) or [container()], **spec},
    }


def replica_set(*ports: int) -> dict[str, Any]:
    template = {"spec": {"containers": [container(*ports)]}}
    return {"kind": "ReplicaSet", "metadata": {"name": "old"}, "spec": {"template": template}}


def case_of(
    *documents: dict[str, Any],
    probes: dict[str, Any] | None = None,
    target: int | str = CLOSED,
    name: str = "",
    others: tuple[dict[str, Any], ...] = (),
) -> Case:
    port = {"port": 80, "targetPort": target, "name": name}
    service = {
        "kind": "Service",
        "metadata": {"name": "checkout"},
        "spec": {"selector": {"app": "checkout"}, "ports": [port, *others]},
    }
    names = [d["metadata"]["name"] for d in documents if d["kind"] == "Pod"]
    given = {n: {"sockets": [f"0.0.0.0:{OPEN}"]} for n in names} if probes is None else probes
    evidence = evidence_of(yaml.safe_dump_all([service, *documents, {"probes": given}]))
    (found,) = evidence.services
    return Case(found, found.service.spec.ports[0])


def weighed(case: Case) -> dict[int, tuple[list[str], list[str]]]:
    """What speaks for each candidate and what against it."""
    found = choose(case, case.states).candidates
    return {c.port: (list(c.reasons), list(c.against)) for c in found}


def only(case: Case) -> tuple[list[str], list[str]]:
    return weighed(case)[OPEN]


SIDECAR: dict[str, Any] = {
    "initContainers": [{**container(OPEN, name="log"), "restartPolicy": "Always"}]
}
DEBUGGED = {"checkout-1": {"sockets": ["0.0.0.0:5005"]}}
DECLARED = "containerPort 9000 is declared"

WEIGHED: dict[str, tuple[Case, list[str], list[str]]] = {
    "nothing": (case_of(pod()), [], []),
    "it is declared": (case_of(pod(container(OPEN))), [DECLARED], []),
    "declared by one of two pods": (case_of(pod(container(OPEN)), pod(number=2)), [], []),
    "declared under an application's name": (
        case_of(pod(container(("http-api", OPEN)))),
        [f"{DECLARED} as http-api", "its name http-api is an application's"],
        [],
    ),
    "under another name": (case_of(pod(container(("x", OPEN)))), [f"{DECLARED} as x"], []),
    "under two names": (
        case_of(pod(container(("http", OPEN))), pod(container(("web", OPEN)), number=2)),
        [DECLARED],
        [],
    ),
    "under the name of the port": (
        case_of(pod(container(("x", OPEN))), name="x"),
        [f"{DECLARED} as x", "it has the name x"],
        [],
    ),
    "under the name of a management port": (
        case_of(pod(container(("http-metrics", OPEN)))),
        [f"{DECLARED} as http-metrics", "its name http-metrics is an application's"],
        ["its name http-metrics is a management port's"],
    ),
    "a probe asks it": (case_of(pod(container(probe=OPEN))), [], []),
    "a probe asks it, and another port is declared": (
        case_of(pod(container(CLOSED, probe=OPEN))),
        [],
        ["liveness is checked there, and it is not declared"],
    ),
    "a probe asks it, and it is declared": (
        case_of(pod(container(OPEN, CLOSED, probe=OPEN))),
        [DECLARED],
        [],
    ),
    "a probe asks another port": (case_of(pod(container(CLOSED, probe=1))), [], []),
    "another protocol": (
        case_of(pod(container(("redis", OPEN))), name="http"),
        [f"{DECLARED} as redis"],
        ["port http of the Service is for HTTP, redis is for Redis"],
    ),
    "another port of the Service": (
        case_of(
            pod(container(OPEN)), name="a", others=({"name": "b", "port": 81, "targetPort": OPEN},)
        ),
        [DECLARED],
        ["port 81 of the Service already leads there"],
    ),
    "another port of the Service, which leads elsewhere": (
        case_of(
            pod(container(OPEN)), name="a", others=({"name": "b", "port": 81, "targetPort": 1},)
        ),
        [DECLARED],
        [],
    ),
    "a sidecar's": (
        case_of(pod(container(), **SIDECAR)),
        [DECLARED],
        ["container log, a sidecar, declares it"],
    ),
    "a sidecar's other port": (
        case_of(
            pod(
                container(OPEN),
                initContainers=[{**container(1, name="log"), "restartPolicy": "Always"}],
            )
        ),
        [DECLARED],
        [],
    ),
    "an earlier revision declared the other": (
        case_of(pod(container(OPEN)), replica_set(CLOSED)),
        [DECLARED, "an earlier revision declared 8080 in its place"],
        [],
    ),
    "an earlier revision declared both": (
        case_of(pod(container(OPEN)), replica_set(CLOSED, OPEN)),
        [DECLARED],
        [],
    ),
    "an earlier revision declared neither": (
        case_of(pod(container(OPEN)), replica_set(1)),
        [DECLARED],
        [],
    ),
    "this one declares both": (
        case_of(pod(container(OPEN, CLOSED)), replica_set(CLOSED)),
        [DECLARED],
        [],
    ),
    "this one declares neither": (case_of(pod(container(1)), replica_set(CLOSED)), [], []),
}


@pytest.mark.parametrize("name", WEIGHED)
def test_what_speaks_for_a_port_and_what_against_it(name: str) -> None:
    case, reasons, against = WEIGHED[name]
    assert only(case) == (reasons, against)


def test_ports_of_debuggers_and_meshes() -> None:
    why = "5005 is the port of a debugger or profiler (JDWP)"
    assert weighed(case_of(pod(), probes=DEBUGGED)) == {5005: ([], [why])}
    as_http = weighed(case_of(pod(container(("http", 5005))), probes=DEBUGGED))
    assert as_http[5005][1] == []
    mesh = {"checkout-1": {"sockets": ["0.0.0.0:15021"]}}
    assert weighed(case_of(pod(), probes=mesh)) == {
        15021: ([], ["15021 is a port of the service mesh Istio"])
    }
    declared_there = case_of(pod(container(15021)), probes=mesh)
    assert weighed(declared_there)[15021][1] == []
    both = pod(container(), container(15021, name="istio-proxy"))
    by_app = {"checkout-1": {"sockets": ["0.0.0.0:15021 python in app"]}}
    assert weighed(case_of(both, probes=by_app))[15021][1] == [
        "container istio-proxy, a sidecar, declares it"
    ]


def sockets(*ports: int) -> dict[str, Any]:
    return {"sockets": [f"0.0.0.0:{p}" for p in ports]}


@pytest.mark.parametrize(
    ("containers", "open_", "order", "best"),
    [
        ([container()], [], [], None),
        ([container()], [OPEN], [OPEN], OPEN),
        ([container()], [OPEN, 9001], [OPEN, 9001], None),
        ([container(9001)], [OPEN, 9001], [9001, OPEN], 9001),
        ([container(OPEN, 9001)], [OPEN, 9001], [OPEN, 9001], None),
        # What speaks against a port counts more than what speaks for it.
        ([container(("http-metrics", OPEN))], [OPEN, 9001], [9001, OPEN], 9001),
        ([container(("metrics", OPEN), 9001)], [OPEN, 9001], [9001, OPEN], 9001),
        ([container(("metrics", OPEN))], [OPEN], [OPEN], OPEN),
        ([container(("metrics", OPEN), ("debug", 9001))], [OPEN, 9001], [OPEN, 9001], None),
        ([container(("metrics", OPEN))], [OPEN, 5005], [OPEN, 5005], None),
    ],
)
def test_the_likeliest_comes_first(
    containers: list[dict[str, Any]], open_: list[int], order: list[int], best: int | None
) -> None:
    case = case_of(pod(*containers), probes={"checkout-1": sockets(*open_)})
    found = choose(case, case.states)
    assert [c.port for c in found.candidates] == order
    assert (found.best and found.best.port) == best


def test_every_pod_has_to_accept_clients_there() -> None:
    several = (pod(), pod(number=2))
    probes = {"checkout-1": sockets(OPEN, 9001), "checkout-2": sockets(OPEN, CLOSED)}
    case = case_of(*several, probes=probes)
    assert [c.port for c in choose(case, case.states).candidates] == [OPEN]
    assert choose(case, ()).candidates == ()
    # The target port itself is no other port.
    only_target = case_of(pod(), probes={"checkout-1": sockets(CLOSED)})
    assert choose(only_target, only_target.states).candidates == ()
    named = case_of(pod(), target="http")
    assert [c.port for c in choose(named, named.states).candidates] == [OPEN]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"sockets": ["0.0.0.0:9000", "127.0.0.1:9001", "udp 0.0.0.0:53"]}, {9000}),
        ({"port-forward": {9000: "accepted", 9001: "refused"}}, {9000}),
        ({"pod-proxy": {9000: "accepted"}}, set()),
        ({}, set()),
    ],
)
def test_which_ports_accept_clients(measured: dict[str, Any], expected: set[int]) -> None:
    case = case_of(pod(), probes={"checkout-1": measured})
    assert reachable(case, case.states[0]) == expected


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([pod()], ()),
        ([pod(container(CLOSED))], ("containerPort 8080 is declared",)),
        ([pod(container(CLOSED)), pod(number=2)], ()),
        ([pod(container(probe=CLOSED))], ("liveness is checked there",)),
        ([pod(container(probe=OPEN))], ()),
        ([pod(container(probe=CLOSED)), pod(number=2)], ()),
    ],
)
def test_what_else_names_the_target_port(
    documents: list[dict[str, Any]], said: tuple[str, ...]
) -> None:
    case = case_of(*documents)
    assert speaks_for_target(case, case.states) == said
