"""The rights that a walk missed, said together, and how to ask for them.

The API server names one verb at a time. What is asked for is all that the walk needs on that
resource: a WebSocket is a GET, and needs ``create`` as well from Kubernetes 1.35 on.
"""

from collections.abc import Iterator
from typing import NamedTuple

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.blocks import paste
from kubectl_portcheck.render.layout import BLANK, Lines, Span, line
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.rbac import DEBUG, LOGS, RULES


class MissingRight(NamedTuple):
    """Verbs on one resource that were refused, with those that go with them."""

    namespace: str
    """Empty for a resource of the whole cluster."""
    group: str
    resource: str
    verbs: tuple[str, ...]


def missing_rights(report: Report) -> tuple[MissingRight, ...]:
    """Every right that was refused, each once, in the order of namespace and resource."""
    return tuple(sorted(dict.fromkeys(_refused(report))))


def _refused(report: Report) -> Iterator[MissingRight]:
    needed = {(group, resource): verbs for group, resource, verbs, _ in (*RULES, *DEBUG, *LOGS)}
    for right in (*(r for s in report.services for r in s.rights), *report.rights):
        verbs = needed.get((right.group, right.path), (right.verb,))
        yield MissingRight(right.namespace, right.group, right.path, verbs)


def needed_for(fix: Fix) -> MissingRight | None:
    """The right that the user needs for the fix and does not have."""
    if fix.lacks is None:
        return None
    return MissingRight(fix.lacks.namespace, fix.lacks.group, fix.lacks.path, (fix.lacks.verb,))


def role_commands(rights: tuple[MissingRight, ...]) -> list[tuple[str, ...]]:
    """The ``kubectl create role`` commands that hold these rights, as argument vectors.

    A Role made so has the same verbs on all of its resources, so each set of verbs has its own.
    """
    sets: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for right in rights:
        resource, slash, sub = right.resource.partition("/")
        group = f".{right.group}" if right.group else ""
        named = f"{resource}{group}{slash}{sub}"
        sets.setdefault((right.namespace, right.verbs), []).append(named)
    commands = []
    for (namespace, verbs), resources in sets.items():
        kind = ("role",) if namespace else ("clusterrole",)
        where = ("-n", namespace) if namespace else ()
        name = f"portcheck-{'-'.join(verbs)}"
        what = (f"--verb={','.join(verbs)}", f"--resource={','.join(resources)}")
        commands.append(("kubectl", "create", *kind, name, *where, *what))
    return commands


def rights_lines(report: Report, look: Look) -> Lines:
    """What to ask for, at the end of a report; nothing where no right was missing."""
    rights = missing_rights(report)
    if not rights:
        return []
    shown: Lines = [
        BLANK,
        line(
            "" if look.plain else "  ",
            Span("Missing permissions", "label"),
            "; an administrator can grant them:",
        ),
    ]
    for command in role_commands(rights):
        shown += [BLANK, *paste(command, look, "command")]
    return shown
