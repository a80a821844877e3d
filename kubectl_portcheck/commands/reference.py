"""What asks no cluster: --explain, --list-rules, --rbac, --completion, --history, --demo list."""

from typing import TYPE_CHECKING

from kubectl_portcheck.commands.lookups import ReferenceRequest, Style
from kubectl_portcheck.commands.output import terminal
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode

if TYPE_CHECKING:
    from kubectl_portcheck.commands.roles import RoleFor
    from kubectl_portcheck.render.layout import Lines
    from kubectl_portcheck.render.look import Look


def run(request: ReferenceRequest, env: Environment) -> ExitCode:
    """Print what was asked for. Raises UsageError for a rule or a form that does not exist."""
    if request.topic == "completion":
        from kubectl_portcheck.commands.completion.shells import script

        env.stdout.write(script(request.word))
    elif request.topic == "rbac":
        assert request.role is not None
        env.stdout.write(_role(request.role))
    elif request.topic == "history":
        from kubectl_portcheck.commands import history

        history.run(request.word, request.style, env)
    elif request.topic == "demos":
        _list_demos(request, env)
    elif request.topic == "explain":
        _explain(request, env)
    else:
        from kubectl_portcheck.render.explain import rules_lines
        from kubectl_portcheck.rules.texts import texts

        look = _look(request.style, env)
        _print(rules_lines(texts(), look), look, env)
    return ExitCode.HEALTHY


def _explain(request: ReferenceRequest, env: Environment) -> None:
    """Explain the rule of this code or name, else list those that hold all of the words."""
    from kubectl_portcheck.commands.rules import rule_named
    from kubectl_portcheck.render.explain import explain_lines, found_lines
    from kubectl_portcheck.rules.search import about
    from kubectl_portcheck.rules.texts import texts

    look = _look(request.style, env)
    found = about(request.word, texts())
    if len(found) > 1:
        _print(found_lines(found, look), look, env)
    else:
        rule = found[0] if found else rule_named(request.word, texts())
        _print(explain_lines(rule, look), look, env)


def _list_demos(request: ReferenceRequest, env: Environment) -> None:
    from kubectl_portcheck.demo import SCENARIOS
    from kubectl_portcheck.render.story import list_lines

    form = request.word
    if form == "name":
        env.stdout.writelines(f"{s.name}\n" for s in SCENARIOS)
        return
    if form not in ("table", "wide"):
        raise UsageError(f"--demo list has no -o {form}", "Use -o name, or no -o.")
    look = _look(request.style, env, wide=form == "wide")
    _print(list_lines([(s.name, s.happened) for s in SCENARIOS], look), look, env)


def _role(role: "RoleFor") -> str:
    from kubectl_portcheck.render.rbac import render_role

    return render_role(
        namespace=role.namespace,
        debug=role.debug,
        fix=role.fix,
        callers=role.callers,
        logs=role.logs,
        everywhere=role.everywhere,
        execs=role.exec,
        forwards=role.port_forward,
        source=role.source_namespace,
        source_kind=role.source_kind,
        named=[(t.kind.group, t.kind.plural) for t in role.targets],
    )


def _look(style: Style, env: Environment, *, wide: bool = False) -> "Look":
    from kubectl_portcheck.render.console import look_for

    return look_for(terminal(env), color=style.color, plain=style.plain, wide=wide)


def _print(lines: "Lines", look: "Look", env: Environment) -> None:
    from kubectl_portcheck.render.console import print_lines

    print_lines(lines, env.stdout, look, env.environ)
