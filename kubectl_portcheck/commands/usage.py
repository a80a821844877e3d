"""Which flags go together."""

import argparse

from kubectl_portcheck.errors import UsageError


def check(args: argparse.Namespace) -> None:
    """Refuses combinations in which a flag would silently do nothing. Raises UsageError."""
    sources = {"--demo": args.demo, "--replay": args.replay, "-f": args.filename}
    given = [flag for flag, value in sources.items() if value]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other")
    if args.targets and (args.demo or args.replay):
        raise UsageError(f"{given[0]} takes no TARGET: the evidence says what was asked")
    for flag, value in (
        ("--complete", args.complete),
        ("--diff", args.diff),
        ("--write", args.write),
    ):
        if value and not args.filename:
            raise UsageError(f"{flag} needs -f: it is about files")
    if args.diff and args.write:
        raise UsageError("--diff and --write exclude each other")
    if args.redact and args.filename:
        raise UsageError("--redact is about a cluster's evidence, not about files")
