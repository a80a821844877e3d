"""A terminal of its own, by tmux: what a person types, and what the screen shows then."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE = 90.0


class Terminal:
    """A running program, at a terminal of a hundred columns."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (100, 40)
    ) -> None:
        if not shutil.which("tmux"):
            pytest.skip("there is no tmux here (Debian: tmux)")
        self._name = f"portcheck-{secrets.token_hex(4)}"
        columns, rows = map(str, size)
        words = ("new-session", "-d", "-x", columns, "-y", rows, "--", *command)
        # A server of its own, which passes this environment on.
        self._tmux("-f", "/dev/null", *words, environ={**environ, "TERM": "xterm-256color"})

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        """Return what the screen shows."""
        return self._tmux("capture-pane", "-p")

    def shows(self, *words: str) -> str:
        """Wait until the screen shows all of these; return it."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if all(word in screen for word in words):
                return screen
            if time.monotonic() > end:
                pytest.fail(f"waited for {words}; the screen shows:\n{screen}")
            time.sleep(0.2)

    def lacks(self, word: str) -> None:
        """Wait until the screen shows this no longer."""
        end = time.monotonic() + PATIENCE
        while word in self.screen():
            assert time.monotonic() < end, f"{word} is still there"
            time.sleep(0.2)

    def close(self) -> None:
        """End the program and the terminal."""
        self._tmux("kill-server", check=False)

    def _tmux(
        self, *words: str, environ: Mapping[str, str] | None = None, check: bool = True
    ) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *words],
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"tmux {words[0]}: {done.stderr}")
        return done.stdout
