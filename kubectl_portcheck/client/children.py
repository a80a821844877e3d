"""Programs that this one starts: credential plugins and kubectl, bounded in time and in output."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

from kubectl_portcheck.client.deadline import Deadline

LOOK_SECONDS = 0.1
"""How often a waiting thread looks whether the run was ended."""
MOMENT_SECONDS = 1.0
"""So long a program that asks questions may take to clean up when it is ended."""

_starting = threading.Lock()
"""Held while a program starts."""
_running: "dict[subprocess.Popen[bytes], Callable[[], None] | None]" = {}
"""The programs that run; with one that has the terminal, what restores the terminal after it."""


class Ran(NamedTuple):
    """What a program printed; ``code`` is None where it had to be given up."""

    code: int | None
    stdout: bytes
    stderr: bytes
    cut: bool
    """Whether it printed more than is kept. Then it was ended."""


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    deadline: Deadline,
    cancelled: threading.Event,
    most: int,
    *,
    interactive: bool = False,
) -> Ran:
    """Runs a program, at most until the deadline, and keeps so many bytes of each output.

    An interactive one has the terminal: for its questions, on standard error, and the answers.
    Raises OSError and ValueError where it cannot be started.
    """
    if cancelled.is_set() or not _starting.acquire(timeout=deadline.remaining()):
        return Ran(None, b"", b"", False)
    try:
        restore = _terminal_restorer() if interactive else None
        process = subprocess.Popen(
            argv,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            env=dict(environ),
            # A group of its own, so that what the program started can be ended with it; one that
            # asks questions stays in the terminal's group.
            start_new_session=os.name == "posix" and not interactive,
        )
        _running[process] = restore
    finally:
        _starting.release()
    outputs = [_Reader(process.stdout, most), _Reader(process.stderr, most)]
    code: int | None = None
    with process:
        try:
            # The end of both outputs is noticed at once; waiting for a process is polling.
            given_up = False
            while not (given_up or all(o.ended(deadline) for o in outputs)):
                given_up = deadline.passed or cancelled.is_set() or any(o.cut for o in outputs)
            code = None if given_up else process.wait(deadline.remaining() + LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process.poll() is None:
                _end(process, interactive)
            if restore is not None:
                restore()
            _running.pop(process, None)
            for output in outputs:
                output.finish()
    stdout, stderr = outputs
    return Ran(code, stdout.data, stderr.data, stdout.cut or stderr.cut)


def end_all() -> None:
    """Ends the programs that run, and lets none begin: for the end of this process.

    They have groups of their own, which a Ctrl-C on the terminal does not reach.
    """
    _starting.acquire(timeout=MOMENT_SECONDS)  # Never released.
    for process, restore in list(_running.items()):
        if process.poll() is None:
            _end(process, same_group=restore is not None)
        if restore is not None:
            restore()


def _terminal_restorer() -> Callable[[], None]:
    """What makes the terminal again what it is now.

    A program that asks for a password turns off the echo; ended, it does not turn it on again.
    """
    try:
        import termios
    except ImportError:  # Windows has none.
        return lambda: None
    try:
        before = termios.tcgetattr(0)
    except termios.error:
        return lambda: None

    def restore() -> None:
        with contextlib.suppress(OSError, termios.error):
            # In the background a program that sets the terminal is stopped.
            if os.tcgetpgrp(0) == os.getpgrp():
                termios.tcsetattr(0, termios.TCSANOW, before)

    return restore


class _Reader:
    """Reads a pipe to its end in a thread, and keeps so many bytes of it."""

    def __init__(self, pipe: IO[bytes] | None, most: int) -> None:
        self._pipe = pipe
        self._most = most
        self._kept = bytearray()
        self.cut = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="portcheck-child")
        self._thread.start()

    def _run(self) -> None:
        try:
            while self._pipe and (chunk := os.read(self._pipe.fileno(), 65536)):
                room = self._most - len(self._kept)
                self._kept += chunk[:room]
                self.cut = self.cut or len(chunk) > room
        except (OSError, ValueError):
            return

    def ended(self, deadline: Deadline) -> bool:
        """Waits a little, and says whether the end has come."""
        self._thread.join(min(deadline.remaining(), LOOK_SECONDS))
        return not self._thread.is_alive()

    def finish(self) -> None:
        """Waits for the end, which has come once the process is gone."""
        self._thread.join(1)

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)


def _end(process: "subprocess.Popen[bytes]", same_group: bool) -> None:
    """Ends a process, and what it started where it has a group of its own."""
    import signal

    try:
        if same_group:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(MOMENT_SECONDS)
            process.kill()
        elif not hasattr(os, "killpg"):
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()
