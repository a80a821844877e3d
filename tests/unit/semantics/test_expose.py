"""The Service that a workload lacks."""

from typing import Any

import msgspec
import pytest
import yaml

from kubectl_portcheck.collect import decode
from kubectl_portcheck.model.objects import Workload
from kubectl_portcheck.semantics.expose import Wanted, exposed, meant_by, selector

Ports = list[dict[str, Any]]
WEB: Ports = [{"containerPort": 8080}]


def _workload(
    kind: str = "Deployment",
    name: str = "checkout",
    ports: Ports = WEB,
    labels: dict[str, str] | None = None,
    select: dict[str, Any] | None = None,
) -> Workload:
    labels = labels or {"app": name}
    raw = {
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels} if select is None else select,
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "ports": ports}]},
            },
        },
    }
    return decode.workload(msgspec.json.encode(raw), kind)


@pytest.mark.parametrize(
    ("workload", "wanted", "words"),
    [
        (
            _workload(),
            Wanted("checkout", (80,)),
            "expose deploy/checkout --port=80 --target-port=8080",
        ),
        (_workload(), Wanted("checkout"), "expose deploy/checkout --port=8080"),
        (
            _workload(name="web"),
            Wanted("shop", (8080,)),
            "expose deploy/web --name=shop --port=8080",
        ),
        (
            _workload(ports=[{"containerPort": 53, "protocol": "UDP"}]),
            Wanted("checkout", (53,)),
            "expose deploy/checkout --port=53 --protocol=UDP",
        ),
        (
            _workload(
                labels={"app": "checkout", "pod-template-hash": "1f"},
                select={"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            ),
            Wanted("checkout", (80,)),
            "expose deploy/checkout --port=80 --target-port=8080 --selector=app=checkout",
        ),
        (
            _workload("StatefulSet", "db", [{"containerPort": 5432}]),
            Wanted("db", headless=True),
            "create service clusterip db --tcp=5432:5432 --clusterip=None",
        ),
        (
            _workload("StatefulSet", "db", []),
            Wanted("db", headless=True),
            "create service clusterip db --clusterip=None",
        ),
        (
            _workload("DaemonSet", "agent", [{"containerPort": 9100}]),
            Wanted("agent", (80,)),
            "create service clusterip agent --tcp=80:9100",
        ),
    ],
)
def test_what_kubectl_can_make(workload: Workload, wanted: Wanted, words: str) -> None:
    found = exposed(workload, wanted)
    assert found
    assert " ".join(found.words) == words


@pytest.mark.parametrize(
    ("workload", "wanted"),
    [
        (_workload("StatefulSet", "db", [{"containerPort": 5432}]), Wanted("postgres", (5432,))),
        (_workload(ports=[{"containerPort": 8080, "name": "http"}]), Wanted("checkout", ("http",))),
        (_workload(ports=[*WEB, {"containerPort": 9100}]), Wanted("checkout")),
        (
            _workload("DaemonSet", "dns", [{"containerPort": 53, "protocol": "UDP"}]),
            Wanted("dns", (53,)),
        ),
    ],
    ids=["another name for a StatefulSet", "a named port", "two ports", "UDP of a DaemonSet"],
)
def test_what_only_a_manifest_can_say(workload: Workload, wanted: Wanted) -> None:
    found = exposed(workload, wanted)
    assert found
    assert not found.words
    service = yaml.safe_load(found.manifest)
    assert service["metadata"]["name"] == wanted.name
    assert service["spec"]["selector"] == selector(workload)


@pytest.mark.parametrize(
    ("workload", "wanted"),
    [
        (_workload(ports=[]), Wanted("checkout", (80,))),
        (_workload(ports=[]), Wanted("checkout")),
        (_workload(ports=[*WEB, {"containerPort": 9100}]), Wanted("checkout", (80,))),
        (_workload(), Wanted("checkout", (80, 9100))),
        (_workload(), Wanted("checkout", (80,), headless=True)),
        (_workload(), Wanted("--all", (80,))),
        (_workload(), Wanted("Checkout", (80,))),
    ],
    ids=[
        "no port declared",
        "none declared or asked",
        "two could be meant",
        "one of two is nowhere",
        "a headless Service translates nothing",
        "a flag for a name",
        "no name of a Service",
    ],
)
def test_nothing_is_proposed_on_a_guess(workload: Workload, wanted: Wanted) -> None:
    assert exposed(workload, wanted) is None


def test_every_port_of_several_has_a_name() -> None:
    ports: Ports = [{"containerPort": 8080, "name": "http"}, {"containerPort": 9100}]
    found = exposed(_workload(ports=ports), Wanted("checkout"))
    assert found
    assert [p["name"] for p in yaml.safe_load(found.manifest)["spec"]["ports"]] == ["http", "p9100"]
    assert found.ports == ((8080, 8080), (9100, 9100))


def test_words_that_yaml_reads_otherwise_are_quoted() -> None:
    labels = {"app": "no", "release": "1.10", "team": "a: b"}
    found = exposed(_workload(labels=labels), Wanted("on", (80,)))
    assert found
    service = yaml.safe_load(found.manifest)
    assert service["spec"]["selector"] == labels
    assert service["metadata"]["name"] == "on"


def test_the_workload_that_is_meant() -> None:
    web, worker = _workload(name="checkout"), _workload(name="worker")
    labelled = _workload(name="web", labels={"app.kubernetes.io/name": "checkout"})
    assert meant_by(Wanted("checkout"), [worker, web]) == (web,)
    assert meant_by(Wanted("checkout"), [worker, labelled]) == (labelled,)
    assert meant_by(Wanted("chekout"), [worker, web]) == (web,)
    assert meant_by(Wanted("payments"), [worker, web]) == ()
    assert meant_by(Wanted("checkout"), [labelled, web]) == (web, labelled)
    # Of names that resemble it each may be meant, but for one that is the same.
    several = _workload(name="checkouts"), _workload(name="checkoux")
    assert meant_by(Wanted("checkout"), several) == several
    assert meant_by(Wanted("checkout"), [*several, web]) == (web,)
    assert meant_by(Wanted("abcde"), [_workload(name="abcdx")]) != ()
    assert meant_by(Wanted("abcde"), [_workload(name="abcxx")]) == ()


def test_each_of_several_ports_has_a_name() -> None:
    """The Service's own name for it, the container port's, or one that is made of the number."""
    declared: Ports = [
        {"containerPort": 8080, "name": "http"},
        {"containerPort": 9100},
        {"containerPort": 5000, "name": "grpc"},
    ]
    found = exposed(_workload(ports=declared), Wanted("checkout", (8080, 9100, "grpc")))
    assert found
    ports = yaml.safe_load(found.manifest)["spec"]["ports"]
    assert [p["name"] for p in ports] == ["http", "p9100", "grpc"]
    assert [p["port"] for p in ports] == [8080, 9100, 5000]


def test_two_ports_by_their_numbers_have_names() -> None:
    declared: Ports = [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]
    found = exposed(_workload(ports=declared), Wanted("checkout", (8080, 53)))
    assert found
    assert not found.words
    assert yaml.safe_load(found.manifest)["spec"]["ports"] == [
        {"port": 8080, "name": "p8080", "targetPort": 8080},
        {"port": 53, "name": "p53", "targetPort": 53, "protocol": "UDP"},
    ]


def test_the_manifest_of_a_headless_service() -> None:
    database = _workload("StatefulSet", "db", [{"containerPort": 5432}])
    found, plain = exposed(database, Wanted("db", headless=True)), exposed(database, Wanted("db"))
    assert found
    assert plain
    assert yaml.safe_load(found.manifest)["spec"]["clusterIP"] == "None"
    assert "    app: db\n" in found.manifest, "what needs no quotes has none"
    assert "clusterIP" not in yaml.safe_load(plain.manifest)["spec"]
