"""Incidents that ship with the program: --demo."""

import argparse
import contextlib
from typing import TYPE_CHECKING

from kubectl_portcheck.commands.output import conclude, terminal
from kubectl_portcheck.demo import SCENARIOS, Scenario, recording
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.parser import PROGRAM

if TYPE_CHECKING:
    from kubectl_portcheck.model.report import Report

LIST = "list"


def run(args: argparse.Namespace, env: Environment) -> ExitCode:
    """Tells an incident, walks to it, and reports on it. Raises UsageError for an unknown one."""
    if args.demo == LIST:
        return _list(args, env)
    scenario = _named(args.demo)
    from kubectl_portcheck.collect.snapshots import snapshot

    evidence = snapshot.decode(recording(scenario), f"the demo {scenario.name}")
    if not _is_told(args):
        return conclude(evidence, args, env)

    def tell(report: "Report") -> None:
        _tell(scenario, report, args, env)

    ended = conclude(evidence, args, env, before=tell)
    _point_to_others(args, env)
    return ended


def _named(name: str) -> Scenario:
    found = next((s for s in SCENARIOS if s.name == name), None)
    if found is not None:
        return found
    from kubectl_portcheck.semantics.selectors import nearest

    near = nearest(name, [*(s.name for s in SCENARIOS), LIST])
    hint = f"Did you mean {near}? " if near else ""
    raise UsageError(f"no demo {name!r}", f"{hint}See {PROGRAM} --demo list.")


def _list(args: argparse.Namespace, env: Environment) -> ExitCode:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.story import list_lines

    if args.output == "name":
        env.stdout.writelines(f"{s.name}\n" for s in SCENARIOS)
        return ExitCode.HEALTHY
    if args.output not in ("table", "wide"):
        raise UsageError(f"--demo list has no -o {args.output}", "It has -o name.")
    look = look_for(terminal(env), color=args.color, plain=args.plain, wide=args.output == "wide")
    lines = list_lines([(s.name, s.happened) for s in SCENARIOS], look)
    with contextlib.suppress(BrokenPipeError):  # Whoever reads the output has seen enough.
        print_lines(lines, env.stdout, look, env.environ)
    return ExitCode.HEALTHY


def _is_told(args: argparse.Namespace) -> bool:
    """Whether the output has room for a story, and may bear the names that are in it."""
    silent = args.quiet or args.summary or args.redact
    return args.output in ("table", "wide") and not silent


def _tell(scenario: Scenario, report: "Report", args: argparse.Namespace, env: Environment) -> None:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.story import story_lines

    look = look_for(terminal(env), color=args.color, plain=args.plain)
    lines = story_lines(scenario.happened, scenario.hard, look)
    print_lines(lines, env.stdout, look, env.environ)
    env.stdout.flush()
    if _is_animated(args, env):
        from kubectl_portcheck.commands.keys import pressed
        from kubectl_portcheck.render.animation import play

        with pressed(env.stdin) as wait:
            play(report, look_for(terminal(env, env.stderr)), env.stderr, wait)


def _is_animated(args: argparse.Namespace, env: Environment) -> bool:
    """Whether someone watches, on a terminal on which what was written can be erased."""
    return (
        not (args.no_animation or args.plain)
        and env.stdout.isatty()
        and env.stderr.isatty()
        and env.environ.get("TERM", "dumb") != "dumb"
        and not env.environ.get("CI")
    )


def _point_to_others(args: argparse.Namespace, env: Environment) -> None:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.story import others_lines

    look = look_for(terminal(env), color=args.color, plain=args.plain)
    with contextlib.suppress(BrokenPipeError):
        print_lines(others_lines(len(SCENARIOS) - 1, look), env.stdout, look, env.environ)
