"""Commands through the kubectl beside us, where a WebSocket lacks a right."""

import sys
from pathlib import Path

import pytest

from kubectl_portcheck.client import Api, Deadline, ExecResult, Forbidden
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.stopwatch import patiently, stopwatch
from tests.unit.client.conftest import Open

CANNOT_GET = faults.status(
    403, "Forbidden", 'pods "web" is forbidden: User "u" cannot get resource "pods/exec"'
)
CANNOT_CREATE = faults.status(
    403, "Forbidden", 'pods "web" is forbidden: User "u" cannot create resource "pods/exec"'
)


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """A kubectl whose body a test writes."""
    path = tmp_path / "bin" / "kubectl"
    path.parent.mkdir()
    path.touch(0o755)
    return path


def run(api: Api, seconds: float = 30, limit: int = 1000) -> ExecResult:
    return api.exec(
        "prod",
        "web",
        "app",
        ["sh", "-c", "x y"],
        deadline=Deadline.after(seconds),
        limit_bytes=limit,
    )


def write(kubectl: Path, body: str) -> None:
    kubectl.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")


def open_api(server: FakeApiServer, connect: Open, kubectl: Path) -> Api:
    return connect(server, environ={"PATH": str(kubectl.parent)})


def test_runs_the_command(server: FakeApiServer, connect: Open, kubectl: Path) -> None:
    server.on("/exec", CANNOT_GET)
    write(
        kubectl,
        "assert os.environ['KUBECTL_REMOTE_COMMAND_WEBSOCKETS'] == 'false'\n"
        "print('\\n'.join(sys.argv[1:]))",
    )
    api = open_api(server, connect, kubectl)
    result = run(api)
    lines = result.stdout.decode().splitlines()
    assert lines[:4] == ["exec", "pod/web", "-c", "app"]
    assert lines[-4:] == ["--", "sh", "-c", "x y"]
    assert "--namespace=prod" in lines
    assert (result.exit_code, result.complete) == (0, True)
    before = len(server.requests)
    run(api)
    assert len(server.requests) == before, "the refusal is remembered"


def test_how_it_ends(server: FakeApiServer, connect: Open, kubectl: Path) -> None:
    server.on("/exec", CANNOT_GET)
    api = open_api(server, connect, kubectl)
    write(
        kubectl,
        "sys.stderr.write('sh: ss: not found\\ncommand terminated with exit code 127\\n')\n"
        "sys.exit(127)",
    )
    result = run(api)
    assert (result.exit_code, result.stderr) == (127, b"sh: ss: not found\n")
    write(kubectl, "sys.exit('error: Internal error occurred: no such file or directory')")
    result = run(api)
    assert (result.exit_code, result.complete) == (None, True)
    assert result.error == "Internal error occurred: no such file or directory"


def test_is_bounded(server: FakeApiServer, connect: Open, kubectl: Path) -> None:
    server.on("/exec", CANNOT_GET)
    api = open_api(server, connect, kubectl)
    write(kubectl, "print('some', flush=True); time.sleep(60)")

    def ask(seconds: float) -> ExecResult:
        with stopwatch() as spent:
            result = run(api, seconds)
        assert spent.seconds < seconds + 4
        return result

    result = patiently(ask, lambda r: r.stdout != b"")
    assert (result.stdout, result.complete) == (b"some\n", False)
    write(kubectl, "print('y' * 100_000)")
    result = run(api)
    assert (len(result.stdout), result.complete) == (1000, False)


def test_kubectl_is_refused_too(server: FakeApiServer, connect: Open, kubectl: Path) -> None:
    server.on("/exec", CANNOT_GET)
    words = 'pods "web" is forbidden: User "u" cannot create resource "pods/exec"'
    write(kubectl, f"sys.exit('Error from server (Forbidden): {words}')")
    with pytest.raises(Forbidden, match="cannot create"):
        run(open_api(server, connect, kubectl))


def test_no_kubectl_or_no_use(server: FakeApiServer, connect: Open, kubectl: Path) -> None:
    server.on("/exec", CANNOT_GET)
    with pytest.raises(Forbidden, match="cannot get"):
        run(connect(server, environ={"PATH": "/nonexistent"}))
    server.on("/exec", CANNOT_CREATE)
    write(kubectl, "print('must not run')")
    with pytest.raises(Forbidden, match="cannot create"):
        run(open_api(server, connect, kubectl))


def test_kubectl_that_is_refused_the_pod(
    server: FakeApiServer, connect: Open, kubectl: Path, tmp_path: Path
) -> None:
    server.on("/exec", CANNOT_GET)
    count = tmp_path / "count"
    write(
        kubectl,
        f"open({str(count)!r}, 'a').write('x')\n"
        "sys.exit('Error from server (Forbidden): cannot get resource \"pods\"')",
    )
    api = open_api(server, connect, kubectl)
    for _ in range(2):
        with pytest.raises(Forbidden, match='cannot get resource "pods/exec"'):
            run(api)
    assert count.read_text() == "x", "it is not tried again"


def test_a_refusal_without_a_reason_is_completed(server: FakeApiServer, connect: Open) -> None:
    server.on("/exec|/portforward", faults.status(403, "Forbidden", 'pods "web" is forbidden: '))
    api = connect(server)
    with pytest.raises(Forbidden) as caught:
        run(api)
    assert caught.value.message == (
        'pods "web" is forbidden: cannot create resource "pods/exec" in API group "" '
        'in the namespace "prod"'
    )
    with pytest.raises(Forbidden, match='cannot create resource "pods/portforward"'):
        api.try_ports("prod", "web", [80], deadline=Deadline.after(30))
