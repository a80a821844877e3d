"""The program as users have it: installed by pip in an environment of its own, and the archive."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

from tests.bench.measure import ROOT

MADE = ROOT / "build" / "bench"


def by_pip() -> Path:
    """The console script of an environment with this checkout's wheel; its dependencies are kept
    from one benchmark to the next.
    """
    folder = MADE / "pip"
    python = folder / "bin" / "python"
    new = not python.exists()
    if new:
        _run(sys.executable, "-m", "venv", folder)
    again = () if new else ("--no-deps", "--force-reinstall")
    _run(python, "-m", "pip", "install", "--quiet", *again, ROOT)
    return folder / "bin" / "kubectl-portcheck"


def archive() -> Path:
    """This checkout's archive for Krew."""
    made = MADE / "dist"
    done = _run(sys.executable, ROOT / "packaging" / "bundle.py", "--output", made)
    return Path(done.strip())


def unpacked(archive: Path) -> Path:
    """The program in an unpacked archive."""
    folder = MADE / "bundle"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "kubectl-portcheck"


def python_of(program: Path) -> Path:
    """The interpreter of a console script."""
    return program.with_name("python")


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() or p.is_symlink())


def _run(*command: str | Path) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=1200)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout
