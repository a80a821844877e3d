"""What asks no cluster: --explain, --list-rules, --rbac and --completion."""

import argparse

from kubectl_portcheck.commands.output import terminal
from kubectl_portcheck.commands.rules import rule_named
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode


def run(args: argparse.Namespace, env: Environment) -> ExitCode:
    """Prints what was asked for. Raises UsageError for a rule that does not exist."""
    if args.explain:
        return _explain(args, env)
    if args.completion:
        from kubectl_portcheck.commands.completion.shells import script

        env.stdout.write(script(args.completion))
        return ExitCode.HEALTHY
    if args.list_rules:
        return _list_rules(args, env)
    return _rbac(args, env)


def _explain(args: argparse.Namespace, env: Environment) -> ExitCode:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.explain import explain_lines

    rule = rule_named(args.explain)
    look = look_for(terminal(env), color=args.color, plain=args.plain)
    print_lines(explain_lines(rule, look), env.stdout, look, env.environ)
    return ExitCode.HEALTHY


def _list_rules(args: argparse.Namespace, env: Environment) -> ExitCode:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.explain import rules_lines
    from kubectl_portcheck.rules import CATALOGUE

    look = look_for(terminal(env), color=args.color, plain=args.plain)
    print_lines(rules_lines(CATALOGUE, look), env.stdout, look, env.environ)
    return ExitCode.HEALTHY


def _rbac(args: argparse.Namespace, env: Environment) -> ExitCode:
    from kubectl_portcheck.render.rbac import render_role
    from kubectl_portcheck.target import parse_target

    role = render_role(
        namespace=args.namespace or "",
        debug=bool(args.debug_image),
        everywhere=args.all_namespaces,
        execs=not args.no_exec,
        forwards=not args.no_port_forward,
        source=(args.from_namespace or "") if getattr(args, "from") else None,
        named=[(t.kind.group, t.kind.plural) for t in map(parse_target, args.targets)],
    )
    env.stdout.write(role)
    return ExitCode.HEALTHY
