"""Builds Krew and linters from their Go modules at the pinned versions, once.

``python packaging/go_tools.py krew`` prints the folder that has the programs.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from environments import cache

TOOLS = Path(__file__).resolve().parent / "tools"


def build(name: str) -> Path:
    """The folder with the programs of one module under ``tools``."""
    module = TOOLS / name
    pins = b"".join((module / file).read_bytes() for file in ("go.mod", "go.sum"))
    folder = cache() / f"{name}-{hashlib.sha256(pins).hexdigest()[:16]}"
    if not folder.is_dir():
        if not shutil.which("go"):
            raise SystemExit(f"{name} is built with Go, which is not there")
        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        made.mkdir(parents=True)
        env = {**os.environ, "CGO_ENABLED": "0", "GOBIN": "", "GOFLAGS": "-mod=readonly"}
        command = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", f"{made}{os.sep}", "tool"]
        ended = subprocess.run(
            command, cwd=module, env=env, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            shutil.rmtree(made)
            raise SystemExit(f"{ended.stderr}\n{name} could not be built")
        try:
            made.rename(folder)
        except OSError:  # Another run was faster.
            shutil.rmtree(made)
    return folder


def main() -> None:
    """Builds what is asked for."""
    parser = argparse.ArgumentParser(description="Builds tools that are Go modules.")
    parser.add_argument("name", choices=sorted(path.name for path in TOOLS.iterdir()))
    print(build(parser.parse_args().name))


if __name__ == "__main__":
    main()
