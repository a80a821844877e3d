"""Golden files: what a report looks like, whole, under version control.

``PORTCHECK_UPDATE_GOLDEN=1 pytest tests/unit/render`` writes them again; the difference is then
read like any other change.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with its golden file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("PORTCHECK_UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"no golden file {path}; run with PORTCHECK_UPDATE_GOLDEN=1"
        assert text == path.read_text(encoding="utf-8")

    return compare
