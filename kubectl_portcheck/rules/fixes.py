"""Builders of fixes: argument vectors that cannot hit anything but what was diagnosed."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.fixes import (
    ByHand,
    Command,
    Fix,
    JsonPatch,
    Operation,
    Safety,
    Subject,
)
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import logs, rollouts
from kubectl_portcheck.semantics.case import Case, ServiceCase


def test(path: str, value: object) -> Operation:
    """An operation that stops the patch unless the value is the diagnosed one."""
    return Operation(op="test", path=path, value=value)


def add(path: str, value: object) -> Operation:
    """An operation that sets a field, or appends to a list where the path ends in ``/-``."""
    return Operation(op="add", path=path, value=value)


def remove(path: str) -> Operation:
    """An operation that takes a field away."""
    return Operation(op="remove", path=path)


def replace(path: str, old: object, new: object) -> list[Operation]:
    """Operations that change a value only while it is still the diagnosed one."""
    return [test(path, old), Operation(op="replace", path=path, value=new)]


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
    cautions: tuple[str, ...] = (),
) -> Fix:
    """A patch of one object; ``source`` is what to write in its manifest."""
    return Fix(
        title=title,
        cautions=cautions,
        change=JsonPatch(operations=tuple(operations)),
        safety=safety,
        patch=source,
        subject=subject,
        kubectl=case.kubectl,
    )


def run(
    case: ServiceCase, *words: str, title: str, subject: Subject, safety: Safety = "review"
) -> Fix:
    """Another kubectl command that changes the object; ``words`` are its arguments."""
    return Fix(
        title=title,
        change=Command(words=(*words, "-n", subject.namespace)),
        subject=subject,
        safety=safety,
        kubectl=case.kubectl,
    )


def retarget(
    case: Case,
    new: int | str,
    *,
    safety: Safety,
    title: str | None = None,
    cautions: Iterable[str] = (),
) -> Fix:
    """Sets another target port of the Service port; ``cautions`` speak against it."""
    against = tuple(cautions)
    base = f"/spec/ports/{case.service.spec.ports.index(case.port)}"
    return patch(
        case,
        case.subject,
        [
            test(f"{base}/port", case.port.port),
            *replace(f"{base}/targetPort", case.target, new),
        ],
        title=title or f"Set targetPort to {new}",
        safety="review" if against else safety,
        cautions=against,
        source=f"spec:\n  ports:\n  - port: {case.port.port}\n    targetPort: {new}\n",
    )


def redeclare(
    case: ServiceCase, pod: Pod, name: str, new: int, protocol: str = "TCP"
) -> Fix | None:
    """Changes the containerPort behind a port name in the workload's pod template.

    None where no workload is known: a pod's own specification cannot be changed.
    """
    workload = case.workload(pod)
    if workload is None or workload.kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return None
    for i, container in enumerate(pod.spec.containers):
        for j, port in enumerate(container.ports):
            if port.name == name and port.protocol == protocol:
                base = f"/spec/template/spec/containers/{i}"
                return patch(
                    case,
                    workload,
                    [
                        test(f"{base}/name", container.name),
                        *replace(f"{base}/ports/{j}/containerPort", port.container_port, new),
                    ],
                    title=f"Change containerPort {name} to {new} in {workload.kind} "
                    f"{workload.name} (its pods are replaced)",
                    safety="review",
                    source="spec:\n  template:\n    spec:\n      containers:\n"
                    f"      - name: {container.name}\n        ports:\n"
                    f"        - name: {name}\n          containerPort: {new}\n",
                )
    return None


def rollout_undo(case: ServiceCase, workload: Subject, note: str = "") -> Fix:
    """Goes back to the revision before."""
    return run(
        case,
        "rollout",
        "undo",
        f"{workload.kind.lower()}/{workload.name}",
        title=f"Undo the last rollout of {workload.kind} {workload.name}{note}",
        subject=workload,
    )


def undo(case: ServiceCase, failing: Sequence[Pod]) -> list[Fix]:
    """Goes back to the revision before, where all failing pods are of one workload's latest.

    None where there is no such revision, or no workload that is known.
    """
    made = {case.workload(p) for p in failing}
    workload = made.pop() if len(made) == 1 else None
    if workload is None or not all(rollouts.previous(case, p) for p in failing):
        return []
    return [rollout_undo(case, workload, rollouts.undo_note(case, failing[0]))]


def by_hand(title: str, source: str | None = None) -> Fix:
    """A change that no command can make: an application's own setting, or its source."""
    return Fix(title=title, patch=source, target="source")


def listen_everywhere(port: int | None, who: str = "the application", instead: str = "") -> Fix:
    """The application's own setting of the address that it listens on."""
    return by_hand(
        f"Make {who} listen on 0.0.0.0:{port} (or [::]:{port})"
        f"{f' instead of {instead}' if instead else ''}: a setting of the application, such as "
        "--host, --bind or listen"
    )


def look(case: ServiceCase, *words: str, title: str, namespace: str | None = None) -> Fix:
    """The same, with the arguments of a kubectl command that shows what has to be changed.

    ``namespace`` is the Service's own unless another is given; '' means none.
    """
    where = case.namespace if namespace is None else namespace
    change = ByHand(look=(*words, *(("-n", where) if where else ())))
    return Fix(title=title, change=change, target="source", kubectl=case.kubectl)


def look_at_log(case: ServiceCase, pod: Pod, container: str, *, title: str) -> Fix:
    """The same with the command that shows what the container wrote before it failed."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    ended = any(s.name == container and logs.previous(s) for s in statuses)
    words = ("logs", pod.metadata.name, "-c", container, *(("--previous",) if ended else ()))
    return look(case, *words, title=title)
