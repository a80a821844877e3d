"""Wires the parts: the command line in, a report on stdout and an exit code out.

The only module that writes to streams and turns failures into exit codes. Everything beyond the
command line is imported where it is used: most runs need a part of it only.
"""

import argparse
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from kubectl_portcheck import arguments
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import NoClusterError, PortcheckError, UsageError
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for

if TYPE_CHECKING:
    from kubectl_portcheck.collect.connection import ConnectionFlags
    from kubectl_portcheck.collect.manifests import Gathered
    from kubectl_portcheck.model.evidence import Evidence
    from kubectl_portcheck.model.report import Report
    from kubectl_portcheck.render.console import Terminal


def main(argv: Sequence[str], env: Environment) -> ExitCode:
    """Runs one command line; whatever happens, it ends with a line or a report, and a code."""
    try:
        return _run(arguments.parse(argv), env)
    except SystemExit as ended:  # After --help and --version.
        return ExitCode(int(ended.code or 0))
    except KeyboardInterrupt:
        _complain(env, PortcheckError("interrupted before anything was found"))
        return ExitCode.INTERRUPTED
    except NoClusterError as error:
        _complain(env, error)
        return ExitCode.NO_CLUSTER
    except PortcheckError as error:
        _complain(env, error)
        return ExitCode.USAGE
    except (
        Exception
    ) as defect:  # A defect of this program; during an incident a line beats a trace.
        _complain(env, PortcheckError(*_defect(defect)))
        return ExitCode.INCONCLUSIVE


def _run(args: argparse.Namespace, env: Environment) -> ExitCode:
    if args.explain:
        return _explain(args, env)
    if args.list_rules:
        return _list_rules(args, env)
    if args.rbac:
        from kubectl_portcheck.render.rbac import render_role

        execs, forwards = not args.no_exec, not args.no_port_forward
        role = render_role(namespace=args.namespace or "", execs=execs, forwards=forwards)
        env.stdout.write(role)
        return ExitCode.HEALTHY
    kubectl: tuple[str, ...] = ("kubectl",)
    gathered = None
    _one_source(args)
    if args.filename:
        gathered = _files(args, env)
        evidence = gathered.evidence
    elif args.demo or args.replay:
        evidence = _recorded(args)
    else:
        flags = _connection_flags(args)
        evidence = _live(args, flags, env)
        kubectl = ("kubectl", *_shown(flags))
    if args.redact:
        from kubectl_portcheck.collect.redact import redact

        evidence = redact(evidence)
    if args.save:
        _save(args.save, evidence)
    from kubectl_portcheck.diagnosis import diagnose

    report = diagnose(evidence, kubectl=kubectl)
    if gathered is not None:
        return _report_on_files(report, gathered, args, env)
    with contextlib.suppress(BrokenPipeError):  # Whoever reads the output has seen enough.
        _print(report, args, env)
    return exit_code_for(report, fail_on=args.fail_on, exit_zero=args.exit_zero)


def _explain(args: argparse.Namespace, env: Environment) -> ExitCode:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.explain import explain_lines
    from kubectl_portcheck.rules import CATALOGUE
    from kubectl_portcheck.semantics.selectors import nearest

    asked = args.explain
    rule = next((r for r in CATALOGUE if asked.lower() in (r.code.lower(), r.name)), None)
    if rule is None:
        known = [word for r in CATALOGUE for word in (r.code, r.name)]
        near = nearest(asked if asked.islower() else asked.upper(), known)
        hint = f"Did you mean {near}? " if near else ""
        raise UsageError(f"no rule {asked!r}", f"{hint}See {arguments.PROGRAM} --list-rules.")
    look = look_for(_terminal(env), color=args.color, plain=args.plain)
    print_lines(explain_lines(rule, look), env.stdout, look, env.environ)
    return ExitCode.HEALTHY


def _list_rules(args: argparse.Namespace, env: Environment) -> ExitCode:
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.explain import rules_lines
    from kubectl_portcheck.rules import CATALOGUE

    look = look_for(_terminal(env), color=args.color, plain=args.plain)
    print_lines(rules_lines(CATALOGUE, look), env.stdout, look, env.environ)
    return ExitCode.HEALTHY


def _one_source(args: argparse.Namespace) -> None:
    """Refuses combinations in which a flag would silently do nothing."""
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


def _recorded(args: argparse.Namespace) -> "Evidence":
    from importlib.resources import files
    from pathlib import Path

    from kubectl_portcheck.collect import snapshot

    if args.demo:
        recorded = files("kubectl_portcheck") / "demo" / "checkout.json.gz"
        return snapshot.decode(recorded.read_bytes(), "the demo")
    path = Path(args.replay)
    if snapshot.is_foreign(path):
        from kubectl_portcheck.collect import foreign

        return foreign.load(path)
    return snapshot.load(path)


def _files(args: argparse.Namespace, env: Environment) -> "Gathered":
    from io import BytesIO

    from kubectl_portcheck.collect.manifests import gather, read
    from kubectl_portcheck.target import parse_target

    targets = [parse_target(t) for t in args.targets]
    manifests = read(args.filename, env.stdin or BytesIO())
    return gather(manifests, targets, namespace=args.namespace or "", complete=args.complete)


def _report_on_files(
    report: "Report", gathered: "Gathered", args: argparse.Namespace, env: Environment
) -> ExitCode:
    """Prints the report, or the diff in its place; a file that was not read is no success."""
    from kubectl_portcheck.collect.manifests import localise, mend, unified_diff, write
    from kubectl_portcheck.render.text import clean

    for problem in (*gathered.problems, *gathered.manifests.notes):
        env.stderr.write(f"{clean(str(problem))}\n")
    manifests = gathered.manifests
    if not gathered.services:
        others = len(manifests.objects) + manifests.skipped
        env.stderr.write(f"no Service in {manifests.files} files ({others} other objects)\n")
    with contextlib.suppress(BrokenPipeError):
        if args.diff or args.write:
            mended = mend(report, gathered)
            if args.diff:
                env.stdout.write(unified_diff(mended))
            else:
                for name in write(mended):
                    env.stdout.write(f"{clean(name)} mended\n")
            for line in mended.left:
                env.stderr.write(f"{clean(line)}\n")
        elif gathered.services:
            _print(localise(report, gathered), args, env)
    if gathered.problems:
        return ExitCode.USAGE
    if not gathered.services:
        return ExitCode.HEALTHY
    return exit_code_for(report, fail_on=args.fail_on, exit_zero=args.exit_zero)


def _save(path: str, evidence: "Evidence") -> None:
    from pathlib import Path

    from kubectl_portcheck import __version__
    from kubectl_portcheck.collect import snapshot

    tool = snapshot.Tool(name="kubectl-portcheck", version=__version__)
    snapshot.save(Path(path), evidence, tool)


def _live(args: argparse.Namespace, flags: "ConnectionFlags", env: Environment) -> "Evidence":
    from threading import Thread

    from kubectl_portcheck.collect.live import collect
    from kubectl_portcheck.collect.walk import Options
    from kubectl_portcheck.render.console import look_for
    from kubectl_portcheck.render.progress import Progress
    from kubectl_portcheck.target import parse_target

    if not args.targets:
        raise UsageError("name a Service", f"For instance: {arguments.PROGRAM} svc/checkout")
    targets = [parse_target(t) for t in args.targets]
    options = Options(exec=not args.no_exec, port_forward=not args.no_port_forward)

    def log(level: int, line: str) -> None:
        if level <= args.v:
            env.stderr.write(f"{line}\n")

    # What comes after the walk is imported while the walk waits for the cluster.
    Thread(target=_load_the_rest, daemon=True).start()
    silent = args.quiet or args.v > 0
    look = look_for(_terminal(env, env.stderr), plain=args.plain or silent)
    with Progress(env.stderr, look) as progress:
        return collect(
            flags, env.environ, targets, options, progress, timeout=args.timeout, log=log
        )


def _load_the_rest() -> None:
    from importlib import import_module

    for name in ("diagnosis", "render.table"):
        import_module(f"kubectl_portcheck.{name}")


def _connection_flags(args: argparse.Namespace) -> "ConnectionFlags":
    from kubectl_portcheck.collect.connection import ConnectionFlags

    return ConnectionFlags(
        kubeconfig=args.kubeconfig,
        context=args.context,
        cluster=args.cluster,
        user=args.user,
        namespace=args.namespace,
        server=args.server,
        tls_server_name=args.tls_server_name,
        certificate_authority=args.certificate_authority,
        insecure_skip_tls_verify=args.insecure_skip_tls_verify == "true",
        client_certificate=args.client_certificate,
        client_key=args.client_key,
        token=args.token,
        as_user=getattr(args, "as"),
        as_uid=args.as_uid,
        as_groups=tuple(args.as_group),
        request_timeout=args.request_timeout,
    )


def _shown(flags: "ConnectionFlags") -> list[str]:
    """The flags that a pasted command needs to reach the same cluster; never a credential."""
    return flags._replace(token=None, namespace=None, request_timeout=None).to_argv()


def _print(report: "Report", args: argparse.Namespace, env: Environment) -> None:
    """The report on stdout, and in whatever files were asked for."""
    _export(report, args)
    if args.quiet:
        from kubectl_portcheck.render.console import look_for
        from kubectl_portcheck.render.line import render_line

        env.stdout.write(render_line(report, unicode=look_for(_terminal(env)).unicode))
    elif args.output in ("table", "wide"):
        from kubectl_portcheck.render.console import look_for, print_lines
        from kubectl_portcheck.render.table import table_lines

        look = look_for(
            _terminal(env), color=args.color, plain=args.plain, wide=args.output == "wide"
        )
        lines = table_lines(report, look, show_commands=args.show_commands, summary=args.summary)
        print_lines(lines, env.stdout, look, env.environ)
    else:
        env.stdout.write(_text(report, args.output))


def _text(report: "Report", form: str) -> str:
    """The report in a form that does not depend on a terminal."""
    from importlib import import_module

    from kubectl_portcheck import __version__

    if form in ("table", "wide"):
        from kubectl_portcheck.render.look import Look
        from kubectl_portcheck.render.table import render_table

        return render_table(report, Look(width=None, wide=form == "wide"))
    if form == "sarif":
        from kubectl_portcheck.render.sarif import render_sarif
        from kubectl_portcheck.rules import CATALOGUE

        return render_sarif(report, __version__, CATALOGUE)
    render = getattr(import_module(f"kubectl_portcheck.render.{form}"), f"render_{form}")
    text: str = render(report, __version__) if form in ("json", "yaml") else render(report)
    return text


def _export(report: "Report", args: argparse.Namespace) -> None:
    from pathlib import Path

    wanted = [(path, _text(report, form)) for form, path in args.output_file]
    if args.save_svg or args.save_html:
        from kubectl_portcheck.render.export import render_html, render_svg

        pictures = ((args.save_svg, render_svg), (args.save_html, render_html))
        wanted += [(path, render(report)) for path, render in pictures if path]
    for path, text in wanted:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _terminal(env: Environment, stream: TextIO | None = None) -> "Terminal":
    """The facts about stdout, or about another stream."""
    import os

    from kubectl_portcheck.render.console import Terminal

    stream = stream or env.stdout
    is_terminal = stream.isatty()
    columns = env.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else None
    if is_terminal and width is None:
        width = os.get_terminal_size(stream.fileno()).columns
    return Terminal(is_terminal, width, env.environ, stream.encoding)


def _defect(defect: Exception) -> tuple[str, str]:
    """What is said of a failure that nobody foresaw: its kind and place, none of its data."""
    trace = defect.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        code = trace.tb_frame.f_code
        place = f" in {code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
    return (
        f"could not tell: a defect of kubectl-portcheck ({type(defect).__name__}{place})",
        "Please report it, with the output of --save if that works.",
    )


def _complain(env: Environment, error: PortcheckError) -> None:
    from kubectl_portcheck.render.text import clean_block

    for text in (error.line, error.hint):
        if text:
            env.stderr.write(f"{clean_block(text)}\n")
