"""What a request asks of a cluster, for one look at it as for repeated ones."""

from collections.abc import Callable

from kubectl_portcheck.collect.cluster.collect import EVERY_SERVICE, Wanted
from kubectl_portcheck.collect.cluster.walk import Options
from kubectl_portcheck.commands.modes import Access, SweepRequest, WalkRequest
from kubectl_portcheck.environment import Environment


def wanted_by(request: WalkRequest | SweepRequest, env: Environment) -> Wanted:
    """Give the Services that are meant, and what the walk leaves out or does besides."""
    access = request.access
    options = Options(exec=access.exec, port_forward=access.port_forward)
    if isinstance(request, SweepRequest):
        return Wanted((), options._replace(deep=request.deep), request.selection)
    options = options._replace(source=request.source)
    if request.debug_image:
        from kubectl_portcheck.collect.cluster.debug_container import Debug

        options = options._replace(debug=Debug(request.debug_image, _announcer(env)))
    return Wanted(request.targets, options, EVERY_SERVICE)


def log_of(access: Access, env: Environment) -> Callable[[int, str], None]:
    """Write to stderr what ``-v`` asks for."""

    def log(level: int, line: str) -> None:
        if level <= access.verbosity:
            env.stderr.write(f"{line}\n")

    return log


def kubectl_of(request: WalkRequest | SweepRequest) -> tuple[str, ...]:
    """Give the words with which a pasted kubectl command reaches the same cluster.

    With --redact none of them names it: contexts, files and users have names too.
    """
    if request.output.redact:
        return ("kubectl",)
    return ("kubectl", *request.access.flags.without_credentials().to_argv())


def _announcer(env: Environment) -> Callable[[str], object]:
    from kubectl_portcheck.render.text import clean

    return lambda line: env.stderr.write(f"{clean(line)}\n")
