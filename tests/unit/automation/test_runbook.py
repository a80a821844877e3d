"""The shell runbook, under several shells, with a kubectl that exits as the test sets it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

RUNBOOK = Path(__file__).parents[3] / "docs" / "automation" / "runbook.sh"
SHELLS = [s for s in ("dash", "bash", "mksh", "busybox") if shutil.which(s)]
KUBECTL = """\
#!/bin/sh
for word; do printf '<%s>' "$word"; done >"$RECORD"
printf '%s\\n' '### report with "quotes", `code` and \\backslash'
[ -z "${SAID:-}" ] || printf '%s\\n' "$SAID"
echo warning >&2
exit "$CODE"
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for the PATH, with a kubectl."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    return folder


def run(
    tools: Path, code: int, *args: str, shell: str = "dash", **environ: str
) -> subprocess.CompletedProcess[str]:
    words = [shell, "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*words, str(RUNBOOK), *args],
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "CODE": str(code),
            "RECORD": str(tools / "record"),
            "TMPDIR": str(tools.parent),
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130])
def test_the_exit_code_decides_what_is_said(tools: Path, code: int, shell: str) -> None:
    done = run(tools, code, "checkout", "production", shell=shell)
    assert done.returncode == code
    said = done.stdout + done.stderr
    words = {
        0: "all clients are served",
        1: "refuses connections",
        2: "no such Service",
        3: "is not known",
        4: "no cluster was reached",
        130: "interrupted",
    }
    assert [c for c, phrase in words.items() if phrase in said] == [code]
    assert ("### report" in done.stdout) == (code in (1, 3))
    assert "warning" in done.stderr
    assert [p.name for p in tools.parent.iterdir()] == ["bin"]  # Nothing is left behind.


@pytest.mark.parametrize("shell", SHELLS)
def test_its_arguments_stay_words(tools: Path, shell: str) -> None:
    run(tools, 0, "a b;$(touch x)`touch y`", "n'\"s", shell=shell)
    shown = (tools / "record").read_text()
    assert shown.startswith("<portcheck><svc/a b;$(touch x)`touch y`>")
    assert shown.endswith("<--output=markdown><--namespace=n'\"s>")
    run(tools, 0, "checkout", shell=shell)
    assert "namespace" not in (tools / "record").read_text()


def test_without_a_service_it_tells_its_usage(tools: Path) -> None:
    done = run(tools, 0)
    assert done.returncode != 0
    assert "usage: runbook.sh SERVICE" in done.stderr


@pytest.fixture
def chat() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An incoming webhook, and what it got."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if self.path == "/hook" else 500)
            self.end_headers()

        def log_message(self, form: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


needs_tools = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="posting needs curl and jq"
)


@needs_tools
def test_it_posts_the_report(tools: Path, chat: tuple[str, list[dict[str, str]]]) -> None:
    url, got = chat
    done = run(tools, 1, "checkout", PORTCHECK_POST_URL=f"{url}/hook")
    assert (done.returncode, done.stdout) == (1, "")
    assert got == [
        {
            "text": "checkout refuses connections. The first fix below solves it.\n\n"
            '### report with "quotes", `code` and \\backslash\n'
        }
    ]


@needs_tools
def test_a_post_mentions_no_one_and_links_nowhere(
    tools: Path, chat: tuple[str, list[dict[str, str]]]
) -> None:
    url, got = chat
    said = "<!channel> @here [x](https://evil.example) <https://evil|bank> www.evil.example"
    run(tools, 1, "checkout", PORTCHECK_POST_URL=f"{url}/hook", SAID=said)
    (sent,) = got
    for special in ("<", "@h", "](", "://", "www."):
        assert special not in sent["text"]
    assert "@here" in sent["text"].replace("\N{ZERO WIDTH SPACE}", "")


@needs_tools
def test_a_chat_that_fails_does_not_change_the_code(
    tools: Path, chat: tuple[str, list[dict[str, str]]]
) -> None:
    done = run(tools, 3, "checkout", PORTCHECK_POST_URL=f"{chat[0]}/broken")
    assert done.returncode == 3
    assert "could not be posted" in done.stderr
