"""``--rbac``: the least Role under which a walk finds out everything that it can."""

from collections.abc import Iterable
from typing import Final

GATEWAY = "gateway.networking.k8s.io"
NODES_BESIDES = "# Besides: list nodes (a ClusterRole), where a Service's traffic policy is Local."
MONITORING = "monitoring.coreos.com"

Right = tuple[str, str, tuple[str, ...], str]
"""API group, resource, verbs, and what they are for."""

RULES: Final[tuple[Right, ...]] = (
    ("", "services", ("get", "list"), "the Service; list, to suggest the nearest name"),
    ("", "pods", ("list",), "the pods that it selects"),
    ("discovery.k8s.io", "endpointslices", ("list",), "where its clients are sent"),
    ("", "endpoints", ("get", "list"), "the same, on clusters before 1.21"),
    ("apps", "replicasets", ("list",), "who made the pods, and what was before"),
    ("apps", "deployments", ("get", "list"), "their owner; what the selector may have meant"),
    ("apps", "statefulsets", ("get",), "another owner"),
    ("apps", "daemonsets", ("get",), "another owner"),
    ("apps", "controllerrevisions", ("list",), "what was before, in these two"),
    ("networking.k8s.io", "ingresses", ("list",), "what leads to the Service"),
    ("networking.k8s.io", "networkpolicies", ("list",), "what guards its pods"),
    (GATEWAY, "httproutes", ("list",), "what leads to the Service, by the Gateway API"),
    (GATEWAY, "grpcroutes", ("list",), "the same"),
    (GATEWAY, "tlsroutes", ("list",), "the same"),
    (GATEWAY, "tcproutes", ("list",), "the same"),
    (GATEWAY, "referencegrants", ("list",), "whether routes of other namespaces may lead there"),
    (MONITORING, "servicemonitors", ("list",), "what scrapes the Service"),
    (MONITORING, "podmonitors", ("list",), "what scrapes its pods"),
    ("", "events", ("list",), "why a pod is not ready, or a load balancer pending"),
    ("", "pods/exec", ("get", "create"), "the listening sockets (create from 1.35 on)"),
    ("", "pods/portforward", ("get", "create"), "the port-forwards (create from 1.35 on)"),
    ("", "pods/proxy", ("get",), "the API server's word on a refusal"),
)
"""What a walk needs."""

FROM: Final[tuple[Right, ...]] = (
    ("", "pods", ("list",), "the pod from which to connect, and its containers"),
    ("", "pods/exec", ("get", "create"), "to connect from it (create from 1.35 on)"),
)
"""What ``--from`` needs in the namespace of its pod."""

DEBUG: Final[tuple[Right, ...]] = (
    ("", "pods/ephemeralcontainers", ("patch",), "to add a debug container (--debug-image)"),
)
"""What ``--debug-image`` needs besides."""


EVERYWHERE: Final[tuple[Right, ...]] = (
    ("", "namespaces", ("list",), "the namespaces, should a list over all of them be refused"),
    ("", "nodes", ("list",), "where a Service's traffic policy is Local"),
)
"""What a ClusterRole can hold besides."""


def render_role(
    *,
    namespace: str = "",
    everywhere: bool = False,
    execs: bool = True,
    forwards: bool = True,
    source: str | None = None,
    debug: bool = False,
    named: Iterable[tuple[str, str]] = (),
) -> str:
    """The Role as YAML, or the ClusterRole for every namespace, without what the flags leave out.

    ``source`` is the namespace of the pod of ``--from``, '' for the same one, None without it. In
    another namespace it needs a Role of its own. ``named`` are API group and resource of what is a
    target besides Services.
    """
    by_name = set(named)
    elsewhere = source if source and source != namespace and not everywhere else ""
    left_out = {
        *(() if execs or (source is not None and not elsewhere) else ("pods/exec",)),
        *(() if forwards else ("pods/portforward",)),
    }
    chosen = [
        (group, resource, verbs if "get" in verbs else ("get", *verbs), purpose)
        if (group, resource) in by_name
        else (group, resource, verbs, purpose)
        for group, resource, verbs, purpose in RULES
        if resource not in left_out
    ]
    chosen += DEBUG if debug else ()
    if everywhere:
        return _role("ClusterRole", "", [*chosen, *EVERYWHERE])
    text = f"{NODES_BESIDES}\n{_role('Role', namespace, chosen)}"
    if elsewhere:
        text += "---\n# For --from.\n" + _role("Role", elsewhere, FROM)
    return text


def _role(kind: str, namespace: str, rules: Iterable[Right]) -> str:
    where = f", namespace: {namespace}" if namespace else ""
    lines = [
        "apiVersion: rbac.authorization.k8s.io/v1",
        f"kind: {kind}",
        f"metadata: {{name: portcheck{where}}}",
        "rules:",
    ]
    for group, resource, verbs, purpose in rules:
        lines.append(f"# {purpose}")
        lines.append(
            f'- {{apiGroups: ["{group}"], resources: [{resource}], verbs: [{", ".join(verbs)}]}}'
        )
    return "\n".join(lines) + "\n"
