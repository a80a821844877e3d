"""``--rbac``: the least Role under which a walk finds out everything that it can."""

from typing import Final

RULES: Final[tuple[tuple[str, str, tuple[str, ...], str], ...]] = (
    ("", "services", ("get", "list"), "the Service; list, to suggest the nearest name"),
    ("", "pods", ("list",), "the pods that it selects"),
    ("discovery.k8s.io", "endpointslices", ("list",), "where its clients are sent"),
    ("apps", "replicasets", ("list",), "who made the pods, and what was before"),
    ("apps", "deployments", ("list",), "what the selector may have meant"),
    ("", "pods/exec", ("get", "create"), "the listening sockets (create from 1.35 on)"),
    ("", "pods/portforward", ("get", "create"), "the port-forwards (create from 1.35 on)"),
    ("", "pods/proxy", ("get",), "the API server's word on a refusal"),
)
"""API group, resource, verbs, and what they are for."""


def render_role(*, namespace: str = "", execs: bool = True, forwards: bool = True) -> str:
    """The Role as YAML, without what the flags leave out."""
    left_out = {
        *(() if execs else ("pods/exec",)),
        *(() if forwards else ("pods/portforward",)),
    }
    where = f", namespace: {namespace}" if namespace else ""
    lines = [
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: Role",
        f"metadata: {{name: portcheck{where}}}",
        "rules:",
    ]
    for group, resource, verbs, purpose in RULES:
        if resource in left_out:
            continue
        lines.append(f"# {purpose}")
        lines.append(
            f'- {{apiGroups: ["{group}"], resources: [{resource}], verbs: [{", ".join(verbs)}]}}'
        )
    return "\n".join(lines) + "\n"
