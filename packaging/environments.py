"""Virtual environments with exactly the pinned packages, made once and kept.

``python packaging/environments.py release`` prints the folder with the programs of one.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


def cache() -> Path:
    """Where environments and tools are kept between builds; may be deleted at any time."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PORTCHECK_PACKAGING_CACHE") or Path(home) / "portcheck-packaging")


def pinned(*names: str) -> Path:
    """The interpreter of an environment with the packages of these requirement files."""
    files = [REQUIREMENTS / f"{name}.txt" for name in names]
    about = [sys.executable, sys.version, *(path.read_text(encoding="utf-8") for path in files)]
    key = hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]
    folder = cache() / f"{names[-1]}-{key}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    with _only_one(folder):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            run([sys.executable, "-m", "venv", str(folder)])
            pins = [word for path in files for word in ("--requirement", str(path))]
            wheels = ["--require-hashes", "--only-binary", ":all:", "--quiet"]
            run([str(python), "-m", "pip", "install", *wheels, *pins])
            (folder / "complete").touch()
    return python


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Let one process at a time make the folder; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    """Runs a program; ends with its output where it fails."""
    ended = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"{ended.stdout}\nfailed: {' '.join(command)}")


def main() -> None:
    """Makes an environment."""
    parser = argparse.ArgumentParser(description="Makes an environment of pinned packages.")
    parser.add_argument("names", nargs="+")
    print(pinned(*parser.parse_args().names).parent)


if __name__ == "__main__":
    main()
