"""Draws the pictures of the page for the documentation: ``make pictures``.

The report is the one of ``--demo``, so a picture differs only where the program does.
"""

import io
import sys
import tempfile
from pathlib import Path

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.page.browser import DESK, Browser

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURES = (("page-light", False), ("page-dark", True))


def draw(folder: Path) -> None:
    """Draw each picture into this folder."""
    with tempfile.TemporaryDirectory() as made:
        page = Path(made) / "report.html"
        argv = ["--demo", "--output-file", f"html={page}", "-q"]
        main(argv, Environment(io.StringIO(), sys.stderr, {}))
        browser = Browser(Path(made) / "chromium")
        try:
            for name, dark in PICTURES:
                browser.open(page, DESK, dark=dark)
                browser.picture(folder / f"{name}.png")
        finally:
            browser.close()


if __name__ == "__main__":
    draw(DOCS)
