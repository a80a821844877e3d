"""Nodes, as far as clients may run on them."""

from kubectl_portcheck.model.objects import Node, Taint

OF_THE_CLUSTER = (
    "node-role.kubernetes.io/",
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
)
"""Taints of control planes, of cordoned nodes and of those in a bad state."""

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
"""The label of nodes that the load balancers of clouds leave out; its value does not matter.
(Kubernetes, "Well-Known Labels, Annotations and Taints")"""


def is_excluded(node: Node) -> bool:
    """Whether load balancers are to leave the node out."""
    return EXCLUDED in node.metadata.labels


def may_have_clients(node: Node) -> bool:
    """Whether pods of users may come there: Ready, not cordoned, none of the control plane."""
    ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)
    kept = any(t.key.startswith(OF_THE_CLUSTER) for t in _keeping_out(node))
    return ready and not node.spec.unschedulable and not kept


def restriction(node: Node) -> str:
    """Say what keeps most pods off such a node; empty where any pod may run there."""
    return next((f"taint {t.key}" for t in _keeping_out(node)), "")


def _keeping_out(node: Node) -> tuple[Taint, ...]:
    return tuple(t for t in node.spec.taints if t.effect in ("NoSchedule", "NoExecute"))


def troubles(node: Node) -> list[str]:
    """What keeps pods off the node: that it is cordoned, and its conditions, in words."""
    found = ["cordoned"] if node.spec.unschedulable else []
    for condition in node.status.conditions:
        if condition.type == "Ready" and condition.status != "True":
            found.append(f"not Ready ({condition.reason})" if condition.reason else "not Ready")
        elif condition.type.endswith("Pressure") and condition.status == "True":
            found.append(f"{condition.type.removesuffix('Pressure').lower()} pressure")
    return found
