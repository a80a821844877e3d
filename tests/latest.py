"""The quick suite on the newest and on the oldest dependencies: ``make test-latest``.

Pins hide what a new version breaks until a user installs it. So this takes no pins: the newest
versions of all dependencies, and the oldest that pyproject.toml admits, each on the oldest and on
the newest Python of this machine. The tools of the tests are the newest in all four.
"""

import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests import pythons

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = {"lowest-direct": "the oldest dependencies", "highest": "the newest dependencies"}


class Ran(NamedTuple):
    """One environment, and how the suite ended in it."""

    python: str
    dependencies: str
    installed: list[str]
    code: int
    seconds: float


def main() -> int:
    """Run the suite in all four; return 1 if it failed in any."""
    uv = _uv()
    there = pythons.found()
    chosen = dict.fromkeys((next(iter(there)), next(reversed(there))))
    ran = [_run(uv, there[p], v) for p, v in itertools.product(chosen, VERSIONS)]
    print("\nThe tests without a cluster, on other versions than the pinned ones:")
    for one in ran:
        ended = "passed" if one.code == 0 else f"FAILED with exit code {one.code}"
        print(f"  {one.python} with {one.dependencies}: {ended} in {one.seconds:.0f} s")
        print(f"    {', '.join(one.installed)}")
    print(f"Python on this machine: {', '.join(there)}")
    return int(any(one.code for one in ran))


def _uv() -> Path:
    """Return the installer that can take the lowest versions, of the pinned release tools."""
    script = ROOT / "packaging" / "environments.py"
    return Path(_output([sys.executable, script, "release"]).strip()) / "uv"


def _run(uv: Path, base: Path, versions: str) -> Ran:
    with tempfile.TemporaryDirectory(prefix="portcheck-latest-") as folder:
        python = Path(folder, "venv", "bin", "python")
        wanted = Path(folder, "versions.txt")
        _output([uv, "venv", "--quiet", "--python", base, python.parents[1]])
        resolve = ("pip", "compile", "--quiet", "--upgrade", f"--resolution={versions}")
        shown = ("--no-annotate", "--no-header", "--python", python, "--output-file", wanted)
        _output([uv, *resolve, *shown, "pyproject.toml"])
        install = (uv, "pip", "install", "--quiet", "--upgrade", "--python", python)
        _output([*install, "--group", "test", "--requirement", wanted])
        _output([*install, "--no-deps", "--editable", "."])
        version = _output([python, "--version"]).strip()
        installed = _direct(wanted.read_text(encoding="utf-8"))
        print(f"\n=== {version}, {VERSIONS[versions]}: {', '.join(installed)}", flush=True)
        began = time.monotonic()
        suite = ("--quick", "--numprocesses", "auto", "--dist", "worksteal", "--quiet")
        ended = subprocess.run([python, "-m", "pytest", *suite], cwd=ROOT, check=False)
        return Ran(
            version, VERSIONS[versions], installed, ended.returncode, time.monotonic() - began
        )


def _direct(versions: str) -> list[str]:
    """Return the pins of what pyproject.toml names, without what that brings along."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = text[text.index("\ndependencies = [") :].partition("]")[0]
    return [line for line in versions.splitlines() if f'"{line.partition("==")[0]}' in named]


def _output(words: list[str | Path]) -> str:
    ended = subprocess.run(
        [str(word) for word in words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
