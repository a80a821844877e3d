"""Evidence from a running cluster."""

import argparse
from typing import TYPE_CHECKING

from kubectl_portcheck.commands.output import conclude, terminal
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_portcheck.client import ConnectionFlags
    from kubectl_portcheck.collect.cluster.collect import Selection
    from kubectl_portcheck.collect.cluster.debug_container import Debug
    from kubectl_portcheck.collect.cluster.from_pod import Source
    from kubectl_portcheck.collect.cluster.walk import Options
    from kubectl_portcheck.model.evidence import Evidence
    from kubectl_portcheck.target import Target

TIMEOUT = 30.0
"""The seconds that a run may take where --timeout says nothing."""

SWEEP_TIMEOUT = 120.0
"""The same where all Services of a namespace or more are meant."""


def run(args: argparse.Namespace, env: Environment) -> ExitCode:
    """Walks to the targets and reports on them. Raises PortcheckError where there is none."""
    if args.wait or args.watch:
        from kubectl_portcheck.commands import polling

        return polling.run(args, env)
    if args.targets:
        return conclude(_gather(args, env), args, env, kubectl=kubectl_with_flags(args))
    from kubectl_portcheck.collect.uncollected import uncollected

    with uncollected():  # A sweep holds much, and ends with the process.
        return conclude(_gather(args, env), args, env, kubectl=kubectl_with_flags(args))


def _gather(args: argparse.Namespace, env: Environment) -> "Evidence":
    """The evidence about the targets, with live progress on stderr."""
    from threading import Thread

    from kubectl_portcheck.collect.cluster.collect import collect
    from kubectl_portcheck.render.console import look_for
    from kubectl_portcheck.render.progress import Progress

    targets = targets_of(args)
    # What comes after the walk is imported while the walk waits for the cluster.
    Thread(target=_load_the_rest, daemon=True).start()
    silent = args.quiet or args.v > 0 or bool(args.debug_image)
    look = look_for(terminal(env, env.stderr), plain=args.plain or silent)
    with Progress(env.stderr, look) as progress:
        return collect(
            connection_flags(args),
            env.environ,
            targets,
            options_of(args, env),
            progress,
            timeout=args.timeout or (TIMEOUT if targets else SWEEP_TIMEOUT),
            log=log_of(args, env),
            selection=selection_of(args),
        )


def targets_of(args: argparse.Namespace) -> "list[Target]":
    """What the command line names; nothing stands for a sweep. Raises UsageError."""
    from kubectl_portcheck.target import parse_target

    return [parse_target(t) for t in args.targets]


def options_of(args: argparse.Namespace, env: Environment) -> "Options":
    """What the walk is to leave out, and to do besides. Raises UsageError."""
    from kubectl_portcheck.collect.cluster.walk import Options

    return Options(
        exec=not args.no_exec,
        port_forward=not args.no_port_forward,
        source=source_of(args),
        debug=_debug_of(args, env) if args.debug_image else None,
        deep=args.deep,
    )


def _debug_of(args: argparse.Namespace, env: Environment) -> "Debug":
    from kubectl_portcheck.collect.cluster.debug_container import Debug
    from kubectl_portcheck.render.text import clean

    return Debug(args.debug_image, lambda line: env.stderr.write(f"{clean(line)}\n"))


def selection_of(args: argparse.Namespace) -> "Selection":
    """The Services that are meant where none is named."""
    from kubectl_portcheck.collect.cluster.collect import Selection

    return Selection(args.all_namespaces, args.selector or "", args.field_selector or "")


def source_of(args: argparse.Namespace) -> "Source | None":
    """The pod of --from. Raises UsageError."""
    from kubectl_portcheck.collect.cluster.from_pod import parse_source

    source = parse_source(getattr(args, "from")) if getattr(args, "from") else None
    return source and source._replace(namespace=args.from_namespace or "")


def log_of(args: argparse.Namespace, env: Environment) -> "Callable[[int, str], None]":
    """Writes what ``-v`` asks for."""

    def log(level: int, line: str) -> None:
        if level <= args.v:
            env.stderr.write(f"{line}\n")

    return log


def _load_the_rest() -> None:
    from importlib import import_module

    for name in ("diagnosis", "render.table"):
        import_module(f"kubectl_portcheck.{name}")


def connection_flags(args: argparse.Namespace) -> "ConnectionFlags":
    """What the command line says about the connection. Raises UsageError."""
    from kubectl_portcheck.client import ConfigurationError, ConnectionFlags
    from kubectl_portcheck.client.connection import parse_timeout

    try:
        parse_timeout(args.request_timeout)
    except ConfigurationError as error:
        raise UsageError(error.message) from None
    return ConnectionFlags(
        kubeconfig=args.kubeconfig,
        context=args.context,
        cluster=args.cluster,
        user=args.user,
        namespace=args.namespace,
        server=args.server,
        tls_server_name=args.tls_server_name,
        certificate_authority=args.certificate_authority,
        insecure_skip_tls_verify=args.insecure_skip_tls_verify,
        client_certificate=args.client_certificate,
        client_key=args.client_key,
        token=args.token,
        username=args.username,
        password=args.password,
        as_user=getattr(args, "as"),
        as_uid=args.as_uid,
        as_groups=tuple(args.as_group),
        as_user_extra=_extras(args.as_user_extra),
        request_timeout=args.request_timeout,
        disable_compression=args.disable_compression,
    )


def _extras(given: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """``--as-user-extra KEY=VALUE``: the values of each key, in the order of the command line."""
    extras: dict[str, tuple[str, ...]] = {}
    for key, value in given:
        extras[key] = (*extras.get(key, ()), value)
    return extras


def kubectl_with_flags(args: argparse.Namespace) -> tuple[str, ...]:
    """How a pasted command starts so that it reaches the same cluster; never a credential."""
    flags = connection_flags(args)._replace(
        token=None,
        username=None,
        password=None,
        namespace=None,
        request_timeout=None,
        disable_compression=False,
    )
    return ("kubectl", *flags.to_argv())
