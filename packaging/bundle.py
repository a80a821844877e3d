"""Makes this platform's self-contained archive, ``kubectl-portcheck_v1.2.3_OS_ARCH.tar.gz``.

The interpreter that runs this script is the one that goes into the archive. The same commit, the
same interpreter and the same libraries of the system make the same bytes.
"""

import argparse
import ast
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import archive
from environments import pinned, run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MISSED = {
    "_typeshed",  # For type checkers.
    "certifi",  # Only beside the package kubernetes, which the archive leaves out.
    # Only of the extra for agents, which the archive leaves out.
    *("anyio", "mcp.server.fastmcp", "mcp.types", "pydantic"),
}
"""Imports in the program's text that the archive does without."""


def target() -> str:
    """The platform by Krew's names: ``linux_amd64``."""
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "ARM64": "arm64"}
    system = {"win32": "windows"}.get(sys.platform, sys.platform)
    return f"{system}_{machine.get(platform.machine(), platform.machine())}"


def version() -> str:
    """The program's version, from the one place that has it."""
    source = (ROOT / "kubectl_portcheck" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    if match is None:
        raise SystemExit("kubectl_portcheck/__init__.py has no __version__")
    return match[1]


def source_date() -> int:
    """When the source was last changed: SOURCE_DATE_EPOCH, else the time of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 315532800  # The first second that a zip file can name.
    return int(said)


def build(output: Path) -> Path:
    """Makes the archive and its list of parts."""
    epoch = source_date()
    python = pinned("runtime", "bundle")
    with tempfile.TemporaryDirectory(prefix="portcheck-bundle-") as made:
        work = Path(made)
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PIP_REQUIRE", "PIP_TARGET", "PYINSTALLER"))
        }
        env |= {
            "PYINSTALLER_CONFIG_DIR": str(work / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(work / "site"),
            "SOURCE_DATE_EPOCH": str(epoch),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--no-compile"]
        install = ["-m", "pip", "install", *offline, "--target", str(work / "site"), str(ROOT)]
        run([str(python), *install], env=env)
        _refuse_needed_exclusions(python, env)
        places = ["--distpath", str(work / "dist"), "--workpath", str(work / "build")]
        spec = str(HERE / "kubectl-portcheck.spec")
        log = ["--noconfirm", "--log-level", "WARN"]
        run([str(python), "-m", "PyInstaller", *log, *places, spec], env=env)
        folder = work / "dist" / archive.PROGRAM
        for waste in folder.rglob("*.dist-info"):
            shutil.rmtree(waste)
        shutil.copyfile(ROOT / "LICENSE", folder / archive.LICENSE)
        name = f"{archive.PROGRAM}_v{version()}_{target()}"
        output.mkdir(parents=True, exist_ok=True)
        sbom = output / f"{name}.cdx.json"
        texts = folder / archive.THIRD_PARTY
        files = ["--texts", str(texts), "--sbom", str(sbom)]
        inventory = [str(HERE / "inventory.py"), str(folder), "--version", version(), *files]
        run([str(python), *inventory], env=env)
        made_archive = output / f"{name}.tar.gz"
        archive.write(folder, made_archive, epoch)
    return made_archive


def _refuse_needed_exclusions(python: Path, env: dict[str, str]) -> None:
    """Imports whatever the program imports anywhere, without the modules that are left out."""
    excluded = (HERE / "excluded.txt").read_text(encoding="utf-8").split()
    names = sorted(set(_imports(ROOT / "kubectl_portcheck")) - MISSED)
    run([str(python), "-c", _IMPORT_WITHOUT, " ".join(excluded), *names], env=env)


_IMPORT_WITHOUT = """
import importlib, sys
excluded, *names = sys.argv[1:]
for name in excluded.split():
    sys.modules[name] = None
for name in names:
    try:
        importlib.import_module(name)
    except ImportError as error:
        sys.exit(f"packaging/excluded.txt leaves out what the program needs: {name}: {error}")
"""


def _imports(package: Path) -> Iterable[str]:
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module


def _refuse_unfit_interpreter() -> None:
    if sys.version_info < (3, 11):
        raise SystemExit("the archive is made with Python 3.11 or newer")
    if sys.platform == "linux":
        missing = [
            tool for tool in ("ldd", "objcopy", "objdump", "strip") if not shutil.which(tool)
        ]
        if missing:
            raise SystemExit(f"needs {', '.join(missing)} (Debian: apt-get install binutils)")


def main() -> None:
    """Makes the archive, checks it and says where it is."""
    parser = argparse.ArgumentParser(description="Makes the self-contained archive.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    args = parser.parse_args()
    _refuse_unfit_interpreter()
    made = build(args.output)
    found = list(archive.problems(made))
    if found:
        raise SystemExit("\n".join(found))
    print(made)


if __name__ == "__main__":
    main()
