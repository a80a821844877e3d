"""The interpreters of this machine that the program supports."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = 10
"""The minor version that pyproject.toml asks for."""


def found() -> dict[str, Path]:
    """Return one interpreter of each version: this one, pyenv's, and those on the PATH."""
    pythons = {sys.version_info[1]: Path(sys.executable)}
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for path in sorted(pyenv.glob("3.*/bin/python")):
        minor = re.fullmatch(r"3\.(\d+)\.\d+", path.parents[1].name)
        if minor and int(minor[1]) >= OLDEST:
            pythons.setdefault(int(minor[1]), path)
    for number in range(OLDEST, 20):
        named = shutil.which(f"python3.{number}")
        if named and number not in pythons and _works(named):
            pythons[number] = Path(named)
    return {f"3.{number}": pythons[number] for number in sorted(pythons)}


def _works(python: str) -> bool:
    """Return whether it can make environments; pyenv's stand-ins for other versions cannot."""
    ended = subprocess.run(
        [python, "-c", "import venv, ssl"], stdin=subprocess.DEVNULL, capture_output=True
    )
    return ended.returncode == 0
