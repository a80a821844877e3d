"""Nodes, as far as clients may run on them."""

from kubectl_portcheck.model.objects import Node

KEEPING_OUT = ("NoSchedule", "NoExecute")


def takes_pods(node: Node) -> bool:
    """Whether any pod may run there: the node is Ready, not cordoned and not tainted."""
    ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)
    tainted = any(t.effect in KEEPING_OUT for t in node.spec.taints)
    return ready and not node.spec.unschedulable and not tainted
