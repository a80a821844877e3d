"""Flags that would do nothing, or that exclude each other: each is refused, with the reason."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kubectl_portcheck import arguments
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.parser import Given

if TYPE_CHECKING:
    from kubectl_portcheck.address import Address
    from kubectl_portcheck.target import Target


class Needs(NamedTuple):
    """What a flag needs, and why."""

    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


_TARGET = Needs("a TARGET", "it is not for a sweep")
_SWEEP = Needs("a sweep", "leave out TARGET")
_FILES = Needs("-f", "it is about files")
NEEDED = {
    "calls": Needs("a TARGET", "it is about workloads"),
    "all_contexts": _SWEEP,
    "complete": _FILES,
    "contexts": _SWEEP,
    "debug_image": _TARGET,
    "dry_run": Needs("--fix"),
    "diff": _FILES,
    "fix": _TARGET,
    "from": _TARGET,
    "from_each_node": Needs("--from"),
    "from_namespace": Needs("--from"),
    "no_animation": Needs("--demo", "nothing else is animated"),
    "shard": _SWEEP,
    "theme": Needs("--save-svg"),
    "write": _FILES,
    "yes": Needs("--fix"),
}
"""What a flag needs, where that says more than the mode in which it would do nothing."""
LOGGING = ("table", "wide", "json", "yaml", "markdown", "html")
"""The formats that show the lines of a log."""


def one_of(given: Given, *flags: str) -> str:
    """The one of these flags that is given, or ''. Raises UsageError for two of them."""
    found = [flag for flag in flags if given.has(flag)]
    if len(found) > 1:
        raise UsageError(
            f"{_written(given, found[0])} and {_written(given, found[1])} exclude each other"
        )
    return found[0] if found else ""


def refuse_all_namespaces(given: Given) -> None:
    """Refuse -A beside a TARGET, which is in one namespace."""
    if given.has("all_namespaces"):
        raise UsageError("a resource cannot be retrieved by name across all namespaces")


def refuse_selectors(given: Given) -> None:
    """Refuse a selector beside a TARGET, in kubectl's words."""
    if given.has("selector") or given.has("field_selector"):
        raise UsageError("name cannot be provided when a selector is specified")


def refuse_other_kinds(targets: "Sequence[Target | Address]", *, calls: bool) -> None:
    """Raise UsageError for a target of a kind that is not what is asked about."""
    from kubectl_portcheck.target import CALLING, TASKS, Target

    for target in targets:
        kind = target.kind if isinstance(target, Target) else None
        if calls and kind not in CALLING:
            raise UsageError(
                f"--calls cannot check {target.title}: it has no settings",
                f"Use {', '.join(f'{k.short}/NAME' for k in CALLING)}.",
            )
        if not calls and kind in TASKS:
            raise UsageError(
                f"cannot check {target.title}: no Service leads to its pods",
                "Use --calls to check what it calls.",
            )


def refuse_logs_without_a_reader(given: Given) -> None:
    """Refuse --logs where no output would show them, or where they would give names away."""
    if given.has("redact"):
        raise UsageError("--logs and --redact exclude each other: a log may hold any name")
    forms = [given.text("output") or "table", *(form for form, _ in given.pairs("output_file"))]
    short = "-q" if given.has("quiet") else "--summary" if given.has("summary") else ""
    if given.has("save_svg") or any(form in LOGGING for form in forms[bool(short) :]):
        return
    what = short or f"-o {forms[0]}"
    raise UsageError(f"--logs does nothing with {what}: it has no place for lines of a log")


def refuse_what_only_a_table_has(given: Given, form: str) -> None:
    """Refuse the flags of a table's form beside another form."""
    quiet = given.has("quiet")
    if quiet and given.has("output"):
        raise UsageError(f"-q and -o {form} exclude each other: -q prints one line")
    for flag in ("summary", "show_commands"):
        if given.has(flag) and quiet:
            raise UsageError(f"{given.name(flag)} does nothing with -q: it prints one line")
        if given.has(flag) and form not in ("table", "wide"):
            raise UsageError(f"{given.name(flag)} does nothing with -o {form}: it is for a table")
    if given.has("summary") and given.has("show_commands"):
        raise UsageError("--show-commands does nothing with --summary: no step is printed")


def refuse_what_cannot_be_kept(given: Given) -> None:
    """Refuse kubectl's flags whose promise this program cannot keep."""
    if given.switch("match_server_version"):
        raise UsageError(
            "--match-server-version is not supported: the checks do not depend on the version"
        )
    if given.switch("warnings_as_errors"):
        raise UsageError(
            "--warnings-as-errors is not supported: the API server's warnings are not read"
        )


def refuse_the_rest(given: Given, mode: str) -> None:
    """Refuse the first flag that the mode has not taken."""
    # People keep these in aliases, as they do those of the connection.
    left = [flag for flag in given.left() if flag not in ("v", "color", "plain")]
    if not left:
        return
    flag, name = left[0], _written(given, left[0])
    with_what = _written(given, mode) if mode else "a TARGET" if given.has("targets") else "a sweep"
    if flag == "targets":
        raise UsageError(f"{with_what} takes no TARGET")
    need = NEEDED.get(flag)
    # Neither a TARGET nor a sweep would help where no cluster is asked.
    hopeless = need in (_TARGET, _SWEEP) and mode != ""
    if need and not hopeless and need.what != with_what:
        raise UsageError(f"{name} needs {need}")
    # The agent asks a cluster by its tools, each with arguments of its own.
    unasked = mode != "mcp" and given.section(flag) in arguments.CLUSTER_ONLY
    why = ": no cluster is asked" if unasked else ""
    for change in ("diff", "write"):
        if given.has(change) and not why:
            with_what, why = given.name(change), ": no report is printed"
    raise UsageError(f"{name} does nothing with {with_what}{why}")


def _written(given: Given, flag: str) -> str:
    return "-f" if flag == "filename" else given.name(flag)
