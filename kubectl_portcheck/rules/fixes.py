"""Builders of fixes: argument vectors that cannot hit anything but what was diagnosed."""

import json
from collections.abc import Iterable

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Fix, Safety, Subject
from kubectl_portcheck.semantics.case import Case, ServiceCase

Operation = dict[str, object]


def replace(path: str, old: object, new: object) -> list[Operation]:
    """JSON-patch operations that change a value only while it is still the diagnosed one."""
    return [
        {"op": "test", "path": path, "value": old},
        {"op": "replace", "path": path, "value": new},
    ]


def pointer(key: str) -> str:
    """A map key as one step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def patch(
    case: ServiceCase,
    subject: Subject,
    operations: Iterable[Operation],
    *,
    title: str,
    safety: Safety,
    source: str | None = None,
) -> Fix:
    """``kubectl patch --type=json`` with the operations."""
    body = json.dumps(list(operations), separators=(",", ":"))
    kind = subject.kind.lower()
    command = ("patch", kind, subject.name, "-n", subject.namespace, "--type=json", "-p", body)
    return Fix(
        title=title,
        command=(*case.kubectl, *command),
        safety=safety,
        patch=source,
        subject=subject,
    )


def retarget(case: Case, new: int | str, *, safety: Safety, title: str | None = None) -> Fix:
    """Points the Service port at another target port."""
    base = f"/spec/ports/{case.service.spec.ports.index(case.port)}"
    return patch(
        case,
        case.subject,
        [
            {"op": "test", "path": f"{base}/port", "value": case.port.port},
            *replace(f"{base}/targetPort", case.target, new),
        ],
        title=title or f"Point the Service at {new}",
        safety=safety,
        source=f"spec:\n  ports:\n  - port: {case.port.port}\n    targetPort: {new}\n",
    )


def redeclare(case: Case, pod: Pod, name: str, new: int) -> Fix | None:
    """Changes the containerPort behind a port name in the workload's pod template.

    None where no workload is known: a pod's own specification cannot be changed.
    """
    workload = case.workload(pod)
    if workload is None or workload.kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return None
    for i, container in enumerate(pod.spec.containers):
        for j, port in enumerate(container.ports):
            if port.name == name and port.protocol == case.port.protocol:
                base = f"/spec/template/spec/containers/{i}"
                return patch(
                    case,
                    workload,
                    [
                        {"op": "test", "path": f"{base}/name", "value": container.name},
                        *replace(f"{base}/ports/{j}/containerPort", port.container_port, new),
                    ],
                    title=f"Declare {name} as {new} in {workload.kind} {workload.name} "
                    "(its pods are replaced)",
                    safety="review",
                    source="spec:\n  template:\n    spec:\n      containers:\n"
                    f"      - name: {container.name}\n        ports:\n"
                    f"        - name: {name}\n          containerPort: {new}\n",
                )
    return None


def rollout_undo(case: ServiceCase, workload: Subject, note: str = "") -> Fix:
    """Goes back to the revision before."""
    command = ("rollout", "undo", f"{workload.kind.lower()}/{workload.name}")
    return Fix(
        title=f"Take back the last rollout of {workload.kind} {workload.name}{note}",
        command=(*case.kubectl, *command, "-n", workload.namespace),
        subject=workload,
        safety="review",
    )


def by_hand(title: str, source: str | None = None) -> Fix:
    """A change that no command can make: an application's own setting, or its source."""
    return Fix(title=title, patch=source, target="source")
