"""Waits that any key ends."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

Wait = Callable[[float], bool]
"""Waits so many seconds; True as soon as a key was pressed, and ever after."""


@contextlib.contextmanager
def pressed(stdin: BinaryIO | None) -> Iterator[Wait]:
    """A wait that a key on the terminal ends; where none can be read, one that ends in time.

    Ctrl-C is a key too. The terminal is left as it was.
    """
    with _keys(stdin) as read:
        ended = False

        def wait(seconds: float) -> bool:
            nonlocal ended
            if not ended:
                try:
                    ended = read(seconds)
                except KeyboardInterrupt:
                    ended = True
            return ended

        yield wait


@contextlib.contextmanager
def _keys(stdin: BinaryIO | None) -> Iterator[Wait]:
    descriptor = _terminal(stdin)
    if descriptor is None:
        yield _sleep
        return
    import select
    import termios
    import tty

    def read(seconds: float) -> bool:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        # Taken, all bytes that the key sent: they are not for the shell that comes after.
        return bool(ready and (os.read(descriptor, 64) or True))

    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _terminal(stdin: BinaryIO | None) -> int | None:
    """The terminal's number, where it is this program's to read from."""
    from importlib.util import find_spec

    try:
        if find_spec("termios") is None:  # Windows has none.
            return None
        if stdin is None or not stdin.isatty():
            return None
        # In the background a program that asks the terminal for keys is stopped.
        return stdin.fileno() if os.tcgetpgrp(stdin.fileno()) == os.getpgrp() else None
    except (OSError, ValueError):
        return None


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
