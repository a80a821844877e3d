"""What changed between two pod templates."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import ObjectMeta, PodSpec, Workload
from kubectl_portcheck.semantics.rollouts import REVISION, differences, revision


def spec(**container: Any) -> PodSpec:
    return msgspec.convert({"containers": [{"name": "app", **container}]}, PodSpec)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (spec(), spec(), ()),
        (spec(image="a:1"), spec(image="a:2"), ("image a:1 → a:2",)),
        (
            spec(ports=[{"containerPort": 8080}]),
            spec(ports=[{"containerPort": 9000, "name": "http"}]),
            ("containerPort 8080 → 9000 (http)",),
        ),
        (spec(), spec(ports=[{"containerPort": 1}]), ("containerPort none → 1",)),
        (
            spec(readinessProbe={"tcpSocket": {"port": 80}}),
            spec(readinessProbe={"exec": {}}, livenessProbe={"httpGet": {"port": "http"}}),
            ("readiness probe 80 → a command", "liveness probe none → http"),
        ),
        (
            PodSpec(),
            msgspec.convert({"containers": [{"name": "b"}], "hostNetwork": True}, PodSpec),
            ("container b added", "hostNetwork false → true"),
        ),
        (spec(), PodSpec(), ("container app removed",)),
    ],
)
def test_what_changed(old: PodSpec, new: PodSpec, said: tuple[str, ...]) -> None:
    assert differences(old, new) == said


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("999999999", 999999999), ("1000000000", 0), ("x", 0), ("", 0)]
)
def test_the_revision_of_a_replica_set(text: str, number: int) -> None:
    metadata = ObjectMeta(name="checkout-1", annotations={REVISION: text} if text else {})
    assert revision(Workload(kind="ReplicaSet", metadata=metadata)) == number
