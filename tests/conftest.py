"""How the suite runs: the longest tests first, and at the end what was left out."""

import gc
import os
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parent

ELSEWHERE = (
    ("make e2e", "end to end, on a real cluster"),
    ("make e2e-nodes", "the same on a cluster of three nodes, of which some fail"),
    ("make packaging-test", "builds the archive and the packages, and installs them"),
    ("make test-latest", "the newest and the oldest dependencies, on the oldest and newest Python"),
    ("make test-all", "make test, make e2e and make packaging-test, one after the other"),
)
"""The commands that run what ``make test`` leaves out."""


# The same examples everywhere, and no limit of time for one: the machine may be busy.
settings.register_profile("portcheck", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("portcheck")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of ``make test``."""
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out what needs a cluster or builds something, and say so at the end",
    )
    parser.addoption("--nodes", action="store_true", help="run the tests that need three nodes")


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers of this suite."""
    config.addinivalue_line("markers", "long: takes seconds, so each worker starts with one")
    config.addinivalue_line("markers", "defects: a check fails on purpose; elsewhere it is raised")
    config.addinivalue_line("markers", "builds: builds or installs something; not in make test")


@pytest.fixture(autouse=True)
def raise_defects(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of a check fails the test, where a user gets what the other checks found."""
    if not request.node.get_closest_marker("defects"):
        for name in ("diagnosis.diagnose", "rules.run"):
            module = import_module(f"kubectl_portcheck.{name}")
            monkeypatch.setattr(module, "defect_words", _raised)


def _raised(defect: Exception) -> NoReturn:
    raise defect


def pytest_xdist_auto_num_workers() -> int:
    """Return the workers of ``-n auto``: more than cores, since half of the time tests wait."""
    return min(16, max(4, 3 * (os.cpu_count() or 1)))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the end-to-end tests out of a quick run, and those on three nodes unless asked for."""
    left_out = {
        TESTS / "e2e": config.option.quick,
        TESTS / "e2e" / "nodes": not config.option.nodes,
    }
    return left_out.get(collection_path) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are collected: what is made then stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a quick run does not build; spread the long tests over the workers."""
    if config.option.quick:
        left_out = [item for item in items if item.get_closest_marker("builds")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("builds")]
    # Each worker is given an equal share of the list, from its beginning to its end.
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = []
    for worker in range(workers):
        share = slice(worker * len(others) // workers, (worker + 1) * len(others) // workers)
        items += [*long[worker::workers], *others[share]]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """Say last what a quick run left out, and which command runs it."""
    yield
    if not config.option.quick:
        return
    terminalreporter.section("left out of this run")
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.line(
            f"{'.ci/run':20} {skipped} skipped tests, for the reasons above; as root on Debian it "
            "installs the programs that are missing"
        )
    for command, what in ELSEWHERE:
        terminalreporter.line(f"{command:20} {what}")
