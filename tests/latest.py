"""The quick suite on the newest and on the oldest dependencies: ``make test-latest``.

Pins hide what a new version breaks until a user installs it. So this uses no pins: the newest
versions of all dependencies, and the oldest that pyproject.toml admits, each on the oldest and on
the newest Python of this machine. The tools of the tests are the newest in all four.

    python -m tests.latest                          # all four
    python -m tests.latest --only 3.10 --jobs 2     # one Python, two tests at a time
"""

import argparse
import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests import pythons

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = {"lowest-direct": "the oldest dependencies", "highest": "the newest dependencies"}
COUNTS = re.compile(r"\d+ (passed|failed|errors?)\b.* in \d")


class Ran(NamedTuple):
    """One environment, and how the suite ended in it."""

    python: str
    dependencies: str
    installed: list[str]
    code: int
    counts: str
    """How pytest counts them: `9833 passed, 20 skipped in 166.02s`."""


def main() -> int:
    """Run the suite in all four; return 1 if it failed in any."""
    there = pythons.found()
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", choices=there, help="this Python only")
    arguments.add_argument("--dependencies", choices=VERSIONS, help="these versions only")
    arguments.add_argument("--jobs", default="auto", help="how many tests run at a time")
    given = arguments.parse_args()
    ends = [given.only] if given.only else [next(iter(there)), next(reversed(there))]
    versions = [given.dependencies] if given.dependencies else list(VERSIONS)
    uv = _uv()
    ran = [
        _run(uv, there[python], wanted, given.jobs)
        for python, wanted in itertools.product(dict.fromkeys(ends), versions)
    ]
    print("\nThe tests without a cluster, on other versions than the pinned ones:")
    for one in ran:
        ended = "passed" if one.code == 0 else f"FAILED with exit code {one.code}"
        print(f"  {one.python} with {one.dependencies}: {ended}: {one.counts}")
        print(f"    {', '.join(one.installed)}")
    print(f"Python on this machine: {', '.join(there)}")
    return int(any(one.code for one in ran))


def _uv() -> Path:
    """Return the installer that can take the lowest versions, of the pinned release tools."""
    script = ROOT / "packaging" / "environments.py"
    return Path(_output([sys.executable, script, "release"]).strip()) / "uv"


def _run(uv: Path, base: Path, versions: str, jobs: str) -> Ran:
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
        suite = ("--quick", "--numprocesses", jobs, "--dist", "worksteal", "--quiet")
        code, counts = _pytest([python, "-m", "pytest", *suite])
        return Ran(version, VERSIONS[versions], installed, code, counts)


def _pytest(words: Sequence[str | Path]) -> tuple[int, str]:
    """Run it, print what it prints, and return its exit code and its last line."""
    counts = "no line with the counts"
    with subprocess.Popen(
        list(map(str, words)), cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as suite:
        for line in suite.stdout or ():
            print(line, end="", flush=True)
            if COUNTS.search(line):
                counts = line.strip(" =\n")
    return suite.returncode, counts


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
