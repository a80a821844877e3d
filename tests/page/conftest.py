from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.html import render_html
from tests.page.browser import Browser

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder that use the browser."""
    for item in items:
        if item.path.parent == FOLDER and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
            item.add_marker("long")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def page(tmp_path: Path) -> Callable[[Report], Path]:
    """Write the page of a report."""

    def written(report: Report) -> Path:
        file = tmp_path / "report.html"
        file.write_text(render_html(report, "1.2.3"), "utf-8", errors="backslashreplace")
        return file

    return written
