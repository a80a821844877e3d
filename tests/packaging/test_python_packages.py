"""The wheel and the sdist, installed as users do, on every Python that is there."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from tests import pythons
from tests.packaging.conftest import PACKAGING, ROOT, Ended, run
from tests.unit.manifests.reading import DEBRIEF

PACKAGE = ROOT / "kubectl_portcheck"
IMPORT_NAMES = {
    "prometheus-client": "prometheus_client",
    "pyyaml": "yaml",
    "websocket-client": "websocket",
}


PYTHONS = pythons.found()


@pytest.fixture(scope="session")
def uv(release_tools: Path) -> Path:
    """The installer: as pip, but it can ask for the lowest versions, and takes a second."""
    return release_tools / "uv"


@pytest.fixture(scope="session")
def packages(uv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from the sdist."""
    folder = tmp_path_factory.mktemp("packages")
    built = run(uv, "build", "--quiet", "--python", sys.executable, "-o", folder, ROOT)
    assert built.code == 0, built.err
    return folder


def _wheel(packages: Path) -> Path:
    return next(packages.glob("*.whl"))


def test_the_wheel_holds_the_program_and_nothing_else(packages: Path) -> None:
    with zipfile.ZipFile(_wheel(packages)) as wheel:
        names = set(wheel.namelist())
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "__pycache__" not in path.parts
    }

    assert sources <= names
    assert {"kubectl_portcheck/py.typed", "kubectl_portcheck/schema/report-v1.json"} <= names
    assert any(name.startswith("kubectl_portcheck/demo/") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"kubectl_portcheck"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if re.search(r"(^|/)(tests?|conftest|\.)", name)]


def test_the_sdist_builds_the_same_wheel(packages: Path, uv: Path, tmp_path: Path) -> None:
    with tarfile.open(next(packages.glob("*.tar.gz"))) as sdist:
        names = {member.name.split("/", 1)[-1] for member in sdist.getmembers()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "packaging/", "docs/"))]

    options = ("--quiet", "--wheel", "--python", sys.executable, "-o", tmp_path)
    straight = run(uv, "build", *options, ROOT)
    assert straight.code == 0, straight.err
    assert _sum(_wheel(tmp_path)) == _sum(_wheel(packages))


@pytest.mark.parametrize("versions", ["lowest-direct", "highest"])
@pytest.mark.parametrize("python", PYTHONS)
def test_works_in_a_clean_environment(
    packages: Path, uv: Path, kubectl: Path, tmp_path: Path, python: str, versions: str
) -> None:
    venv = tmp_path / "venv"
    made = run(uv, "venv", "--quiet", "--python", PYTHONS[python], venv)
    assert made.code == 0, made.err
    options = (f"--resolution={versions}", "--only-binary=msgspec", "--only-binary=pyyaml")
    target = ("--python", venv / "bin" / "python", _wheel(packages))
    installed = run(uv, "pip", "install", "--quiet", *options, *target)
    assert installed.code == 0, installed.err
    path = f"{venv / 'bin'}:{kubectl.parent}"

    def tried(*words: str | Path) -> Ended:
        return run(*words, env={"PATH": path}, cwd=tmp_path)

    program = venv / "bin" / "kubectl-portcheck"
    version = tried(program, "--version")
    module = tried(venv / "bin" / "python", "-W", "error", "-m", "kubectl_portcheck", "--version")
    assert (version.code, version.err) == (0, "")
    assert module == version
    demo = tried(kubectl, "portcheck", "--demo")
    assert (demo.code, demo.err) == (1, "")
    assert "PC401" in demo.out
    kept = tmp_path / "kept.json.gz"
    report = tried(program, "--demo", "-o", "json", "--save", kept).out
    assert json.loads(report)["verdict"] == "broken"
    assert tried(program, "--replay", kept, "-o", "json").out == report
    (tmp_path / "shop.yaml").write_text(DEBRIEF, encoding="utf-8")
    judged = tried(program, "-f", "shop.yaml", "--fail-on", "warning")
    assert (judged.code, judged.err) == (1, "")
    assert "PC401" in judged.out
    assert str(program) in tried(kubectl, "plugin", "list").out


@pytest.mark.parametrize("tool", ["uv", "pipx"])
def test_one_line_installs_both_programs_and_one_removes_them(
    tool: str, packages: Path, release_tools: Path, tmp_path: Path
) -> None:
    """uv tool install, pipx install: each with a home of its own, with nothing else on the PATH."""
    programs = tmp_path / "bin"
    env = {
        **os.environ,
        "PATH": f"{release_tools}:/usr/bin:/bin",
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(programs),
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "UV_TOOL_DIR": str(tmp_path / "uv"),
        "UV_TOOL_BIN_DIR": str(programs),
        "UV_PYTHON": sys.executable,
    }
    words = ("uv", "tool") if tool == "uv" else ("pipx",)

    installed = run(release_tools / words[0], *words[1:], "install", _wheel(packages), env=env)
    assert installed.code == 0, installed.err
    names = {"kubectl-portcheck", "kubectl_complete-portcheck"}
    assert {path.name for path in programs.iterdir()} == names
    bare = {"PATH": "/nowhere"}
    demo = run(programs / "kubectl-portcheck", "--demo", "-o", "json", env=bare)
    assert (demo.code, json.loads(demo.out)["verdict"]) == (1, "broken")
    completed = run(programs / "kubectl_complete-portcheck", "--exp", env=bare)
    assert completed.out.startswith("--explain"), completed

    removed = run(release_tools / words[0], *words[1:], "uninstall", "kubectl-portcheck", env=env)
    assert removed.code == 0, removed.err
    assert not any(programs.iterdir())


def test_the_newest_python_that_is_there_was_tried() -> None:
    assert f"3.{sys.version_info[1]}" in PYTHONS


def test_every_dependency_is_imported_and_every_import_is_a_dependency(packages: Path) -> None:
    names = [*_dependencies(packages), *_dependencies(packages, extra="mcp")]
    declared = {IMPORT_NAMES.get(name, name) for name in names}

    assert set(_foreign_imports()) == declared


def test_the_archive_has_every_dependency_but_the_official_client(packages: Path) -> None:
    listed = (PACKAGING / "requirements" / "runtime.in").read_text().splitlines()
    inside = {line for line in listed if not line.startswith("#")}

    assert inside == set(_dependencies(packages)) - {"kubernetes", "certifi"}


@pytest.mark.parametrize("name", ["runtime", "pip"])
def test_the_pins_are_of_these_dependencies(packages: Path, name: str) -> None:
    text = (PACKAGING / "requirements" / f"{name}.txt").read_text()
    pinned = set(re.findall(r"(?m)^([a-z0-9-]+)==", text))
    left_out = {"kubernetes", "certifi"} if name == "runtime" else set()

    assert set(_dependencies(packages)) - left_out <= pinned, "run: make pins"


def test_an_extra_is_imported_in_its_own_module_only(packages: Path) -> None:
    extra = {*_dependencies(packages, extra="mcp")} - {*_dependencies(packages)}
    users = [p.name for p in PACKAGE.rglob("*.py") if extra & {*_imports_of(p)}]

    assert extra == {"anyio", "mcp", "pydantic"}
    assert users == ["mcp_server.py"]


def _dependencies(packages: Path, extra: str = "") -> Iterator[str]:
    with zipfile.ZipFile(_wheel(packages)) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(name).decode())
    for requirement in metadata.get_all("Requires-Dist") or ():
        if extra != "".join(re.findall(r"extra == ['\"](\w+)['\"]", requirement)):
            continue
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match is not None
        yield match[0].lower()


def _foreign_imports() -> Iterator[str]:
    own = {*sys.stdlib_module_names, "kubectl_portcheck", "_typeshed"}
    for path in PACKAGE.rglob("*.py"):
        yield from (name for name in _imports_of(path) if name not in own)


def _imports_of(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    names = re.findall(r'import_module\("([a-z_.0-9]+)"', text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    yield from (name.split(".")[0] for name in names)


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
