"""Installs an archive with Krew on this machine, runs it, and removes it.

    python packaging/try_archive.py dist/kubectl-portcheck_v1.2.3_linux_amd64.tar.gz

The program gets an environment without PATH and HOME. Needs Go, for Krew.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from go_tools import build
from krew_manifest import TEMPLATE, render, sums

EXE = ".exe" if sys.platform == "win32" else ""


def tried(program: str, *words: str, code: int, env: dict[str, str] | None = None) -> str:
    """What a program prints on stdout; it must end with the given code and complain of nothing."""
    ended = subprocess.run(
        [program, *words],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    if ended.returncode != code:
        raise SystemExit(
            f"{program} {' '.join(words)} ended with {ended.returncode}, not {code}:\n"
            f"{ended.stdout}\n{ended.stderr}"
        )
    return ended.stdout


def bare() -> dict[str, str]:
    """What a program is told at least; Windows cannot start one without its system folder."""
    return {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}


def main() -> None:
    """Tries one archive."""
    parser = argparse.ArgumentParser(description="Installs an archive with Krew and runs it.")
    parser.add_argument("archive", type=Path)
    archive = parser.parse_args().archive.resolve()
    tag = archive.name.split("_")[1]
    made = shutil.which(f"krew{EXE}", path=str(build("krew")))
    if made is None:
        raise SystemExit("no krew")
    krew = made
    with tempfile.TemporaryDirectory(prefix="portcheck-") as folder:
        root = Path(folder) / "krew"
        (root / "index" / "default" / ".git").mkdir(parents=True)  # Krew asks for an index.
        manifest = Path(folder) / "portcheck.yaml"
        text = render(TEMPLATE.read_text("utf-8"), tag, sums(archive.parent, missing=None))
        manifest.write_text(text, encoding="utf-8")
        env = {**os.environ, "KREW_ROOT": str(root), "KREW_NO_UPGRADE_CHECK": "1"}
        source = [f"--manifest={manifest}", f"--archive={archive}"]
        tried(krew, "install", *source, code=0, env=env)
        program = str(root / "bin" / f"kubectl-portcheck{EXE}")
        version = tried(program, "--version", code=0, env=bare())
        if version.strip() != f"kubectl-portcheck {tag.removeprefix('v')}":
            raise SystemExit(f"the archive {archive.name} holds {version}")
        report = json.loads(tried(program, "--demo", "-o", "json", code=1, env=bare()))
        if report["verdict"] != "broken":
            raise SystemExit(f"the demo is {report['verdict']}")
        tried(program, "--demo", code=1, env=bare())
        tried(krew, "uninstall", "portcheck", code=0, env=env)
        if os.path.lexists(program):
            raise SystemExit(f"{program} was left behind")
    print(f"{archive.name}: installed, ran, removed")


if __name__ == "__main__":
    main()
