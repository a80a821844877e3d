"""The benchmark suite: measures, and writes its tables into docs/performance.md.

    python -m tests.bench [SECTION...]

Each figure is one of several that were measured in turn, in one run; compare within a table.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path

from tests.bench import measure, places
from tests.bench.suite import DOCS, SECTIONS, block


def main(names: list[str]) -> None:
    """Measures the sections and keeps each as soon as it is there."""
    program = places.by_pip()
    with contextlib.suppress(PermissionError):
        os.nice(-15)  # What else runs here is not what is measured.
    with tempfile.TemporaryDirectory() as folder:
        environ = measure.environment(folder)
        for name in names:
            try:
                table = SECTIONS[name].run(program, environ)
            except measure.Skipped as why:
                print(f"{name}\n\nskipped: {why}\n", flush=True)
                continue
            text = f"{table.markdown()}{measure.machine(environ)}\n"
            print(f"{name}\n\n{text}", flush=True)
            keep(DOCS, name, text)


def keep(path: Path, name: str, text: str) -> None:
    """Puts the block of a section in its place."""
    before = path.read_text(encoding="utf-8")
    begins, ends = block(name)
    pattern = f"{re.escape(begins)}.*?{re.escape(ends)}"
    made, count = re.subn(
        pattern, lambda _: f"{begins}\n{text}{ends}", before, count=1, flags=re.DOTALL
    )
    if not count:
        sys.exit(f"{path} has no place for {name}")
    path.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures, and writes docs/performance.md.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    asked = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(asked) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    main(asked)
