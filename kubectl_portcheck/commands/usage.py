"""Which flags go together: none is silently ignored."""

import argparse

from kubectl_portcheck import arguments
from kubectl_portcheck.commands.rules import ignored
from kubectl_portcheck.errors import UsageError


def check(args: argparse.Namespace) -> None:
    """Refuses combinations in which a flag would do nothing. Raises UsageError."""
    source = _one_of({"--demo": args.demo, "--replay": args.replay, "-f": args.filename})
    _one_of({"--diff": args.diff, "--write": args.write})
    _one_of({"--wait": args.wait, "--watch": args.watch})
    if args.watch and args.output == "junit":
        raise UsageError("--watch cannot print junit: one document does not follow another")
    _honest(args)
    ignored(args)
    if source:
        _no_cluster(args, source)
    if args.targets and source in ("--demo", "--replay"):
        raise UsageError(f"{source} takes no TARGET: the evidence says what was asked")
    _several(args)
    if args.no_animation and not args.demo:
        raise UsageError("--no-animation needs --demo: nothing else is animated")
    if not args.filename:
        for flag in ("complete", "diff", "write"):
            if getattr(args, flag):
                raise UsageError(f"--{flag} needs -f: it is about files")
    if args.from_namespace and not getattr(args, "from"):
        raise UsageError("--from-namespace needs --from")
    if args.debug_image and (args.wait or args.watch):
        raise UsageError("--debug-image changes the pod: not again and again")
    if args.debug_image and args.no_exec:
        raise UsageError("--debug-image and --no-exec exclude each other")
    if args.redact and args.filename:
        raise UsageError("--redact is about a cluster's evidence, not about files")


def check_reference(args: argparse.Namespace) -> None:
    """The same for what only prints knowledge. Raises UsageError."""
    _several(args)
    asked = _one_of(
        {
            "--explain": args.explain,
            "--list-rules": args.list_rules,
            "--rbac": args.rbac,
            "--completion": args.completion,
        }
    )
    if args.targets and not args.rbac:
        raise UsageError(f"{asked} takes no TARGET")


def _one_of(flags: dict[str, object]) -> str:
    """The one that is given, or ''."""
    given = [flag for flag, value in flags.items() if value]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other")
    return given[0] if given else ""


def _no_cluster(args: argparse.Namespace, source: str) -> None:
    """Refuses what only means something to a cluster, where none is asked."""
    parser = arguments.parser()
    sections = (arguments.SEVERAL, arguments.WALK, arguments.CONNECTION)
    given = [flag for section in sections for flag in parser.given(args, section)]
    if source == "-f":  # These choose among the Services of files too.
        given = [flag for flag in given if flag not in ("--all-namespaces", "--selector")]
    if source == "-f" and "--namespace" in given:
        given.remove("--namespace")  # The namespace of objects whose file names none.
    if given:
        raise UsageError(f"{given[0]} does nothing with {source}: no cluster is asked")


def _several(args: argparse.Namespace) -> None:
    """Refuses names beside what stands for many, in kubectl's words."""
    if args.targets and args.all_namespaces and not args.filename:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    if args.targets and (args.selector or args.field_selector):
        raise UsageError("name cannot be provided when a selector is specified")
    for flag, value in (("--from", getattr(args, "from")), ("--debug-image", args.debug_image)):
        if value and not args.targets and not args.rbac:
            raise UsageError(f"{flag} needs a TARGET: it is not for a sweep")
    if args.targets and args.deep:
        raise UsageError("--deep does nothing with a TARGET: every pod of it is looked into anyway")


def _honest(args: argparse.Namespace) -> None:
    """Refuses the flags of kubectl that could not be kept."""
    if args.match_server_version:
        raise UsageError(
            "--match-server-version cannot be kept: this program is of no version of Kubernetes"
        )
    if args.warnings_as_errors:
        raise UsageError(
            "--warnings-as-errors cannot be kept: the warnings of the API server are not read"
        )
