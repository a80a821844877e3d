"""What keeps pods off a node."""

import pytest

from kubectl_portcheck.model.objects import Condition, Node, NodeSpec, NodeStatus, ObjectMeta, Taint
from kubectl_portcheck.semantics.nodes import may_have_clients, restriction, troubles

READY = Condition(type="Ready", status="True")


@pytest.mark.parametrize(
    ("cordoned", "conditions", "words"),
    [
        (False, (READY,), []),
        (True, (READY,), ["cordoned"]),
        (False, (Condition(type="Ready", status="Unknown", reason="NodeStatusUnknown"),),
         ["not Ready (NodeStatusUnknown)"]),
        (False, (READY, Condition(type="DiskPressure", status="True")), ["disk pressure"]),
        (False, (READY, Condition(type="DiskPressure", status="False")), []),
    ],
)  # fmt: skip
def test_troubles(cordoned: bool, conditions: tuple[Condition, ...], words: list[str]) -> None:
    node = Node(
        metadata=ObjectMeta(name="n"),
        spec=NodeSpec(unschedulable=cordoned),
        status=NodeStatus(conditions=conditions),
    )
    assert troubles(node) == words


def node(*taints: tuple[str, str], ready: str = "True", cordoned: bool = False) -> Node:
    return Node(
        metadata=ObjectMeta(name="n"),
        spec=NodeSpec(
            unschedulable=cordoned,
            taints=tuple(Taint(key=key, effect=effect) for key, effect in taints),
        ),
        status=NodeStatus(
            conditions=(
                Condition(type="DiskPressure", status="True"),
                Condition(type="Ready", status=ready),
            )
        ),
    )


@pytest.mark.parametrize(
    ("found", "clients", "kept"),
    [
        (node(), True, ""),
        (node(ready="Unknown"), False, ""),
        (node(cordoned=True), False, ""),
        (node(("node-role.kubernetes.io/control-plane", "NoSchedule")), False,
         "taint node-role.kubernetes.io/control-plane"),
        (node(("node-role.kubernetes.io/control-plane", "PreferNoSchedule")), True, ""),
        (node(("team", "NoExecute")), True, "taint team"),
        (node(("soft", "PreferNoSchedule"), ("team", "NoSchedule")), True, "taint team"),
    ],
)  # fmt: skip
def test_whether_clients_may_run_on_a_node(found: Node, clients: bool, kept: str) -> None:
    assert may_have_clients(found) is clients
    assert restriction(found) == kept


def test_a_node_that_is_not_ready_without_a_reason() -> None:
    assert troubles(node(ready="False")) == ["disk pressure", "not Ready"]
