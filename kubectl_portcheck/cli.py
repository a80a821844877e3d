"""Wires the parts: the command line in, a report on stdout and an exit code out.

Each way of running has a module of its own in ``commands``; here failures become one line
and an exit code. Everything beyond the command line is imported where it is used: most runs need
a part of it only.
"""

from collections.abc import Sequence

from kubectl_portcheck import arguments
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import (
    NoAnswerError,
    NoClusterError,
    NotWrittenError,
    PortcheckError,
    defect_words,
)
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.parser import Answered, Given
from kubectl_portcheck.streams import guarded

REPORT_IT = "Please report it, with the output of --save if that works."


def main(argv: Sequence[str], env: Environment) -> ExitCode:
    """Run one command line; whatever happens, it ends with a line or a report, and a code."""
    out, err = guarded(env.stdout), guarded(env.stderr)
    env = env._replace(stdout=out, stderr=err)
    code = _answer(argv, env)
    out.flush()
    if out.failure:
        _complain(env, NotWrittenError(f"cannot write to standard output: {out.failure}"))
        code = code if code is ExitCode.INTERRUPTED else ExitCode.NOT_WRITTEN
    err.flush()
    return code


def _answer(argv: Sequence[str], env: Environment) -> ExitCode:
    """What a command line ends with, provided that its output is written."""
    try:
        return _run(arguments.read(argv), env)
    except Answered as answered:
        env.stdout.write(answered.text)
        return ExitCode.HEALTHY
    except KeyboardInterrupt:
        _complain(env, PortcheckError("interrupted before anything was found"))
        return ExitCode.INTERRUPTED
    except NoClusterError as error:
        _complain(env, error)
        return ExitCode.NO_CLUSTER
    except NoAnswerError as error:
        _complain(env, error)
        return ExitCode.INCONCLUSIVE
    except NotWrittenError as error:
        _complain(env, error)
        return ExitCode.NOT_WRITTEN
    except PortcheckError as error:
        _complain(env, error)
        return ExitCode.USAGE
    except (
        Exception
    ) as defect:  # A defect of this program; during an incident a line beats a trace.
        _complain(env, PortcheckError(f"could not tell: {defect_words(defect)}", REPORT_IT))
        return ExitCode.INCONCLUSIVE


def _run(given: Given, env: Environment) -> ExitCode:
    from kubectl_portcheck.commands.lookups import ReferenceRequest
    from kubectl_portcheck.commands.request import request_from

    request = request_from(given)
    if isinstance(request, ReferenceRequest):
        from kubectl_portcheck.commands import reference

        return reference.run(request, env)
    from kubectl_portcheck.commands import modes

    if isinstance(request, modes.FilesRequest):
        from kubectl_portcheck.commands import files

        return files.run(request, env)
    if isinstance(request, modes.DemoRequest):
        from kubectl_portcheck.commands import demo

        return demo.run(request, env)
    if isinstance(request, modes.ReplayRequest):
        from kubectl_portcheck.commands import recorded

        return recorded.run(request, env)
    if isinstance(request, modes.McpRequest):
        from kubectl_portcheck.commands import mcp_server

        return mcp_server.run(request, env)
    if isinstance(request, modes.MergeRequest):
        from kubectl_portcheck.commands import merging

        return merging.run(request, env)
    if isinstance(request, modes.FleetRequest):
        from kubectl_portcheck.commands import fleet

        return fleet.run(request, env)
    if isinstance(request, modes.FixRequest):
        from kubectl_portcheck.commands import fixing

        return fixing.run(request, env)
    if request.access.again:
        from kubectl_portcheck.commands import polling

        return polling.run(request, env)
    from kubectl_portcheck.commands import live

    return live.run(request, env)


def _complain(env: Environment, error: PortcheckError) -> None:
    from kubectl_portcheck.render.text import clean_block

    for text in (error.line, error.hint):
        if text:
            env.stderr.write(f"{clean_block(text)}\n")
