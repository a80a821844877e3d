"""What the fast paths load. A count of imports is exact, where a time is not."""

import subprocess
import sys

import pytest

HEAVY = ("kubernetes", "websocket", "yaml", "rich", "ssl", "http.client", "urllib3", "msgspec")


@pytest.mark.parametrize(
    ("argv", "allowed"),
    [
        (["--version"], set()),
        (["--help"], set()),
        (["--explain", "PC401"], {"msgspec"}),
        (["--list-rules"], {"msgspec"}),
        (["--demo"], {"msgspec"}),
        (["no/target"], {"msgspec", "ssl"}),
    ],
)
def test_a_fast_path_loads_little(argv: list[str], allowed: set[str]) -> None:
    code = (
        "import sys, io\n"
        "from kubectl_portcheck.cli import main\n"
        "from kubectl_portcheck.environment import Environment\n"
        f"main({argv!r}, Environment(io.StringIO(), io.StringIO(), {{}}))\n"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert set(done.stderr.split()) <= allowed
