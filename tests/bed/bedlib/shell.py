"""Errors, messages and child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


class BedError(Exception):
    """Something that is printed for the user in plain words, without a traceback."""


def say(text: str) -> None:
    """Progress goes to the standard error: the standard output carries results."""
    print(text, file=sys.stderr, flush=True)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment of the programs: a full PATH, no proxies and no kubectl settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and name != "KUBECONFIG"
    }
    kept["PATH"] = f"{kept.get('PATH', '')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin"
    return {**kept, **(extra or {})}


def run(
    command: Sequence[str | Path],
    *,
    timeout: float = 60,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    check: bool = True,
) -> str:
    """Run a command to its end and give its output; a failure says what it wrote."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(env) if env is not None else environment(),
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise BedError(f"{words[0]}: not found ({error})") from error
    except subprocess.TimeoutExpired as error:
        raise BedError(f"{' '.join(words)}: no end after {timeout:.0f} s") from error
    if check and done.returncode:
        wrote = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise BedError(f"{' '.join(words)}: exit code {done.returncode}\n{wrote[-4000:]}")
    return done.stdout.decode(errors="replace")


def succeeds(command: Sequence[str | Path], *, timeout: float = 60) -> bool:
    """Tell whether a command exists and ends with code 0."""
    try:
        run(command, timeout=timeout)
    except BedError:
        return False
    return True


def tail(path: Path, lines: int = 25) -> str:
    """Give the last lines of a file, indented, or say that there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 32_768))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"    (no {path})"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (empty)"
