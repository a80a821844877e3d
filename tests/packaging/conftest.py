"""What the tests of the packaging share: the archive, made once, and the tools to try it with.

$PORTCHECK_ARCHIVE names an archive to test instead of one made here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.conftest import cluster

__all__ = ["cluster"]

BUILDERS = {"actionlint", "archive", "krew_tools", "packages", "published", "release_tools", "uv"}
"""Fixtures that build or install something; tests with one of them are no part of ``make test``."""

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
UNPRIVILEGED = 65534


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that build, of those beside this file."""
    for item in items:
        fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
        here = item.path.is_relative_to(Path(__file__).parent)
        if here and not BUILDERS.isdisjoint(fixtures):
            item.add_marker(pytest.mark.builds)


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    out: str
    err: str


def run(
    *words: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    timeout: float = 600,
) -> Ended:
    """Runs a program to its end."""
    done = subprocess.run(
        [str(word) for word in words],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def script(name: str, *words: str | Path, **env: str) -> Ended:
    """Runs one of the packaging scripts."""
    return run(sys.executable, PACKAGING / name, *words, env={**os.environ, **env})


def need(condition: bool, reason: str) -> None:
    """Skips where a tool is missing; in CI it must be there."""
    if not condition and os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(reason)
    if not condition:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of this platform."""
    given = os.environ.get("PORTCHECK_ARCHIVE")
    return Path(given).resolve() if given else build(tmp_path_factory.mktemp("dist"))


def build(output: Path) -> Path:
    """Makes the archive."""
    need(sys.version_info >= (3, 11), "the archive is made with Python 3.11 or newer")
    if sys.platform == "linux":
        need(bool(shutil.which("objdump")), "the archive is made with binutils")
    made = script("bundle.py", "--output", output)
    assert made.code == 0, made.err
    return Path(made.out.strip())


@pytest.fixture(scope="session")
def krew_tools() -> Path:
    """The folder with krew and validate-krew-manifest."""
    return _go_tool("krew")


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """The linter of workflows."""
    return _go_tool("actionlint") / "actionlint"


@pytest.fixture(scope="session")
def release_tools() -> Path:
    """The folder with the pinned tools."""
    made = script("environments.py", "release")
    assert made.code == 0, made.err
    return Path(made.out.strip())


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """A kubectl."""
    found = run(ROOT / "tests" / "bed" / "bed", "kubectl")
    path = found.out.strip() if found.code == 0 else shutil.which("kubectl")
    need(bool(path), "no kubectl")
    return Path(str(path))


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A folder that any user of the machine may read, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="portcheck-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _go_tool(name: str) -> Path:
    need(bool(shutil.which("go")), f"{name} is built with Go")
    made = script("go_tools.py", name)
    assert made.code == 0, made.err
    return Path(made.out.strip())
