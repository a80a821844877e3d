"""Incidents that ship with the program: --demo."""

from typing import TYPE_CHECKING

from kubectl_portcheck.commands.modes import DemoRequest, Output
from kubectl_portcheck.commands.output import conclude, terminal
from kubectl_portcheck.demo import SCENARIOS, Scenario, recording
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.parser import PROGRAM

if TYPE_CHECKING:
    from kubectl_portcheck.model.report import Report


def run(request: DemoRequest, env: Environment) -> ExitCode:
    """Tells an incident, walks to it, and reports on it. Raises UsageError for an unknown one."""
    scenario = _named(request.scenario)
    from kubectl_portcheck.collect.snapshots import snapshot

    evidence = snapshot.decode(recording(scenario), f"the demo {scenario.name}")
    if not _has_story(request.output):
        return conclude(evidence, request.output, env)

    def tell(report: "Report") -> None:
        _tell(scenario, report, request, env)

    return conclude(evidence, request.output, env, before=tell)


def _named(name: str) -> Scenario:
    found = next((s for s in SCENARIOS if s.name == name), None)
    if found is not None:
        return found
    from kubectl_portcheck.semantics.selectors import nearest

    near = nearest(name, [*(s.name for s in SCENARIOS), "list"])
    hint = f"Did you mean {near}? " if near else ""
    raise UsageError(f"no demo {name!r}", f"{hint}See {PROGRAM} --demo list.")


def _has_story(output: Output) -> bool:
    """Whether the output has room for a story, and can show the names that are in it."""
    silent = output.quiet or output.summary or output.redact
    return output.form in ("table", "wide") and not silent


def _tell(scenario: Scenario, report: "Report", request: DemoRequest, env: Environment) -> None:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.story import story_lines

    look = look_for(
        terminal(env), color=request.output.style.color, plain=request.output.style.plain
    )
    lines = story_lines(scenario.happened, scenario.hard, len(SCENARIOS) - 1, look)
    print_lines(lines, env.stdout, look, env.environ)
    env.stdout.flush()
    if _is_animated(request, env):
        from kubectl_portcheck.commands.keys import pressed
        from kubectl_portcheck.render.animation import play

        with pressed(env.stdin) as wait:
            play(report, look_for(terminal(env, env.stderr)), env.stderr, wait)


def _is_animated(request: DemoRequest, env: Environment) -> bool:
    """Whether someone watches, on a terminal on which what was written can be erased."""
    return (
        request.animated
        and not request.output.style.plain
        and env.stdout.isatty()
        and env.stderr.isatty()
        and env.environ.get("TERM", "dumb") != "dumb"
        and not env.environ.get("CI")
    )
