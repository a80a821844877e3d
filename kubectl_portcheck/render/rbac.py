"""``--rbac``: the least Role under which a walk finds out everything that it can."""

from collections.abc import Iterable
from typing import Final

from kubectl_portcheck.model import kinds

BESIDES = (
    "# A ClusterRole can hold besides: list nodes (Local traffic policies, nodes that are not\n"
    "# Ready), list storageclasses (claims without a volume), list ingressclasses (whether a\n"
    "# controller takes an Ingress), list validatingwebhookconfigurations,\n"
    "# mutatingwebhookconfigurations, apiservices and customresourcedefinitions (what the API\n"
    "# server calls), list pods and services (those of the gateways of Istio) and get namespaces\n"
    "# (policies that select them by label, waypoints of Istio). The names of Secrets are read\n"
    "# only where list secrets is allowed; no verdict needs it."
)

Right = tuple[str, str, tuple[str, ...], str]
"""API group, resource, verbs, and what they are for."""


def _on(kind: kinds.Kind, verbs: tuple[str, ...], purpose: str, subresource: str = "") -> Right:
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    return kind.group, resource, verbs, purpose


RULES: Final[tuple[Right, ...]] = (
    _on(kinds.SERVICE, ("get", "list"), "the Service; list, to suggest the nearest name"),
    _on(kinds.POD, ("list",), "the pods that it selects"),
    _on(
        kinds.ENDPOINT_SLICE,
        ("get", "list"),
        "where its clients are sent; get, who wrote it by hand",
    ),
    _on(kinds.ENDPOINTS, ("get", "list"), "the same, on clusters before 1.21"),
    _on(kinds.REPLICA_SET, ("list",), "who made the pods, and what was before"),
    _on(kinds.DEPLOYMENT, ("get", "list"), "their owner; what the selector may have meant"),
    _on(kinds.STATEFUL_SET, ("get", "list"), "the same"),
    _on(kinds.DAEMON_SET, ("get",), "another owner"),
    _on(kinds.JOB, ("get",), "another owner, where it has no pod"),
    _on(kinds.CONTROLLER_REVISION, ("list",), "what was before, in these two"),
    _on(kinds.INGRESS, ("list",), "what leads to the Service"),
    _on(kinds.NETWORK_POLICY, ("list",), "what guards its pods"),
    *(
        _on(kind, ("list",), f"the same, by {kind.key}, where it is served")
        for kind in kinds.GUARDS
        if kind.namespaced
    ),
    *(
        _on(kind, ("list",), f"what policies of Calico mean, by {kind.key}, where one needs it")
        for kind in kinds.BESIDE_GUARDS
        if kind.namespaced
    ),
    *(
        _on(kind, ("list",), f"what a mesh asks of its clients, by {kind.key}, where it is served")
        for kind in kinds.MESH_POLICIES
    ),
    _on(kinds.HTTP_ROUTE, ("list",), "what leads to the Service, by the Gateway API"),
    _on(kinds.GRPC_ROUTE, ("list",), "the same"),
    _on(kinds.TLS_ROUTE, ("list",), "the same"),
    _on(kinds.TCP_ROUTE, ("list",), "the same"),
    _on(kinds.UDP_ROUTE, ("list",), "the same"),
    _on(kinds.REFERENCE_GRANT, ("list",), "whether routes of other namespaces may lead there"),
    *(
        _on(kind, ("list",), f"what leads to the Service, by {kind.name}")
        for kind in kinds.REFERRERS
        if kind.namespaced
    ),
    _on(kinds.SERVICE_MONITOR, ("list",), "what scrapes the Service"),
    _on(kinds.POD_MONITOR, ("list",), "what scrapes its pods"),
    _on(kinds.EVENT, ("list",), "why a pod is not ready, or a load balancer pending"),
    _on(kinds.CLAIM, ("list",), "which claim a pod waits for"),
    _on(
        kinds.CONFIG_MAP,
        ("list",),
        "the name that a missing ConfigMap nearly has; the keys of a BackendTLSPolicy's",
    ),
    _on(kinds.POD, ("get", "create"), "the listening sockets (create from 1.35 on)", "exec"),
    _on(kinds.POD, ("get", "create"), "the port-forwards (create from 1.35 on)", "portforward"),
    _on(kinds.POD, ("get",), "the API server's word on a refusal", "proxy"),
)
"""What a walk needs."""

CALLERS: Final[tuple[Right, ...]] = (
    _on(kinds.STATEFUL_SET, ("list",), "who calls the Service (--callers, --from auto)"),
    _on(kinds.DAEMON_SET, ("list",), "the same"),
    _on(kinds.CRON_JOB, ("list",), "the same"),
    _on(kinds.JOB, ("list",), "the same"),
)
"""What ``--callers`` needs besides."""

FROM: Final[tuple[Right, ...]] = (
    _on(kinds.POD, ("list",), "the pod from which to connect, and its containers"),
    _on(kinds.POD, ("get", "create"), "to connect from it (create from 1.35 on)", "exec"),
    _on(kinds.NETWORK_POLICY, ("list",), "what lets its connections out"),
)
"""What ``--from`` needs in the namespace of its pod."""

DEBUG: Final[tuple[Right, ...]] = (
    _on(kinds.POD, ("patch",), "to add a debug container (--debug-image)", "ephemeralcontainers"),
)
"""What ``--debug-image`` needs besides."""

FIX: Final[tuple[Right, ...]] = tuple(
    _on(kind, ("get", "patch"), "to change it, when that is confirmed (--fix)")
    for kind in (
        *(kinds.SERVICE, kinds.ENDPOINT_SLICE, kinds.DEPLOYMENT, kinds.STATEFUL_SET),
        *(kinds.DAEMON_SET, kinds.INGRESS, kinds.NETWORK_POLICY),
    )
)
"""What ``--fix`` needs besides, for the kinds that every cluster has."""

LOGS: Final[tuple[Right, ...]] = (
    _on(kinds.POD, ("get",), "the last lines of a container that fails (--logs)", "log"),
)
"""What ``--logs`` needs besides."""

EVERYWHERE: Final[tuple[Right, ...]] = (
    _on(
        kinds.NAMESPACE,
        ("get", "list"),
        "their labels, for NetworkPolicies; list, should a list over all of them be refused",
    ),
    _on(
        kinds.NODE, ("list",), "Local traffic policies, and nodes that take no pod or are not Ready"
    ),
    _on(kinds.STORAGE_CLASS, ("list",), "why a claim has no volume"),
    *(
        _on(kind, ("list",), f"what guards its pods, by {kind.key}, where it is served")
        for kind in kinds.GUARDS
        if not kind.namespaced
    ),
    *(
        _on(kind, ("list",), f"what policies of Calico mean, by {kind.key}, where one needs it")
        for kind in kinds.BESIDE_GUARDS
        if not kind.namespaced
    ),
    _on(kinds.INGRESS_CLASS, ("list",), "whether a controller takes an Ingress"),
    *(
        _on(kind, ("list",), "what the API server itself calls")
        for kind in kinds.REFERRERS
        if not kind.namespaced
    ),
)
"""What a ClusterRole can hold besides."""


def render_role(
    *,
    namespace: str = "",
    everywhere: bool = False,
    execs: bool = True,
    forwards: bool = True,
    source: str | None = None,
    source_kind: str = "",
    debug: bool = False,
    fix: bool = False,
    callers: bool = False,
    logs: bool = False,
    named: Iterable[tuple[str, str]] = (),
) -> str:
    """The Role as YAML, or the ClusterRole for every namespace, without what the flags leave out.

    ``source`` is the namespace of the pod of ``--from``, '' for the same one, None without it. In
    another namespace it needs a Role of its own. ``source_kind`` is the kind that --from names.
    ``named`` are API group and resource of what is a target, which is read by its name.
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
        for group, resource, verbs, purpose in (*RULES, *(CALLERS if callers else ()))
        if resource not in left_out
    ]
    chosen += DEBUG if debug else ()
    chosen += LOGS if logs else ()
    chosen += FIX if fix else ()
    made = _made_by(source_kind)
    if not elsewhere:
        chosen += (r for r in made if not any(r[:2] == known[:2] for known in chosen))
    if everywhere:
        return _role("ClusterRole", "", [*chosen, *EVERYWHERE])
    text = f"{BESIDES}\n{_role('Role', namespace, chosen)}"
    if elsewhere:
        text += "---\n# For --from.\n" + _role(
            "Role", elsewhere, (*FROM, *(DEBUG if debug else ()), *made)
        )
    return text


def _made_by(kind: str) -> tuple[Right, ...]:
    """What is needed to find the pods of a workload."""
    if kind in ("", kinds.POD.name):
        return ()
    return (_on(kinds.BY_NAME[kind], ("get",), "the workload of --from, whose pods are meant"),)


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
