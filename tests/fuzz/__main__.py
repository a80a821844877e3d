"""Feed a target for so many seconds: ``python -m tests.fuzz wire 30``. Needs atheris."""

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any


def main(name: str, seconds: str) -> None:
    """End with an error where a target fails, and say with which bytes."""
    # By name, since it has no annotations.
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["kubectl_portcheck"]):
        from tests.fuzz.targets import SEEDS, TARGETS
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, str(number)).write_bytes(seed)
        flags = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1000"]
        atheris.Setup([sys.argv[0], *flags, folder], TARGETS[name])
        atheris.Fuzz()


main(*sys.argv[1:3])
