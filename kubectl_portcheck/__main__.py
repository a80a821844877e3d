# PYTHON_ARGCOMPLETE_OK
"""The entry of the console script and of ``python -m kubectl_portcheck``."""

import gc
import os
import sys

TYPE_CHECKING = False  # A type checker takes it for true. An interrupt now would be a traceback.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any, NoReturn

COMPLETER = "kubectl_complete-portcheck"
"""By this name kubectl looks for the program that completes the plugin's command line."""


def complete(argv: "Sequence[str] | None" = None) -> "NoReturn":
    """Answers kubectl, which asks what may come next, and ends the process."""
    from kubectl_portcheck.commands.completion.shells import answer_kubectl

    answer_kubectl(sys.argv[1:] if argv is None else argv)


def run() -> "NoReturn":
    """Runs the program and ends the process with its exit code."""
    # The part of ``signal`` that is there from the start; the rest takes a millisecond to load.
    signals = __import__("_signal")
    try:
        if signals.getsignal(signals.SIGINT) is signals.default_int_handler:
            signals.signal(signals.SIGINT, _heed)
        sys.unraisablehook = _unraisable
        code = _run()
    except KeyboardInterrupt:
        _interrupted(" before anything was found")  # While the program itself was being loaded.
    _end(code)


def _end(code: int) -> "NoReturn":
    """Ends the process at once.

    Threads may still wait for a cluster that does not answer, and the interpreter would wait for
    them. What they have started would go on by itself.
    """
    try:
        end_all = getattr(sys.modules.get("kubectl_portcheck.client.children"), "end_all", None)
        if end_all is not None:
            end_all()
    finally:
        os._exit(code)


def _heed(_: int, frame: "FrameType | None") -> None:
    """Ends the process where a Ctrl-C comes while something is imported; else raises it.

    What makes classes there in C (msgspec) may lose the exception, with a class half described:
    later the process crashed, once in some hundred early interrupts.
    """
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            _interrupted()
        frame = frame.f_back
    raise KeyboardInterrupt


def _unraisable(lost: "Any", said: "Any" = sys.unraisablehook) -> None:
    """Heeds a Ctrl-C that came in a callback of Python's own, as there is one in each import.

    Nothing can catch it there: Python prints a traceback and goes on, perhaps with a lock of its
    own closed, and then other threads hang.
    """
    if lost.exc_type is KeyboardInterrupt:
        _interrupted()
    said(lost)


def _interrupted(when: str = "") -> "NoReturn":
    try:
        if sys.stderr is not None:
            os.write(2, f"error: interrupted{when}\n".encode())
    finally:
        _end(130)


def _run() -> int:
    # Nearly all that a run makes lives to its end: modules, types, evidence, report. A look for
    # garbage at every 700 objects finds none, and is a twentieth of a short run.
    gc.set_threshold(100_000)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from kubectl_portcheck.streams import reserve_descriptors

        reserve_descriptors()
    if "_ARGCOMPLETE" in os.environ:
        from kubectl_portcheck.commands.completion.shells import answer_argcomplete

        answer_argcomplete()
    if sys.argv[1:2] == ["__complete"]:
        complete(sys.argv[2:])
    if os.path.basename(sys.argv[0]).partition(".")[0] == COMPLETER:
        complete(sys.argv[1:])
    from kubectl_portcheck.cli import main
    from kubectl_portcheck.environment import Environment
    from kubectl_portcheck.streams import guarded

    stdin = sys.stdin.buffer if sys.stdin else None
    env = Environment(guarded(sys.stdout), guarded(sys.stderr), os.environ, stdin)
    return main(sys.argv[1:], env)


if __name__ == "__main__":
    run()
