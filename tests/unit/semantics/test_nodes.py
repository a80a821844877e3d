"""What keeps pods off a node."""

import pytest

from kubectl_portcheck.model.objects import Condition, Node, NodeSpec, NodeStatus, ObjectMeta
from kubectl_portcheck.semantics.nodes import troubles

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
