"""Connections from inside a pod: the script in every shell with every tool, and its reading."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kubectl_portcheck.collect.cluster.dial_from import (
    MOST,
    SHELLS,
    arguments,
    control_for,
    dials_for,
    parse,
)
from kubectl_portcheck.collect.cluster.from_pod import Dial, Source, parse_source
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.probes import Attempt

IN = {"dash": ("dash",), "bash": ("bash",), "ash": ("busybox", "ash"), "mksh": ("mksh",)}
TOOLS = ("bash", "nc", "python3", "perl", "curl")


@pytest.fixture(scope="module")
def dials() -> Iterator[list[Dial]]:
    """An open port, and one that is bound but not listened on."""
    with socket.create_server(("127.0.0.1", 0)) as opened, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        pair = (opened.getsockname()[1], closed.getsockname()[1])
        yield [Dial("open", "127.0.0.1", pair[0]), Dial("shut", "127.0.0.1", pair[1])]


def path_with(folder: Path, *tools: str) -> str:
    """A PATH on which nothing but these is found; busybox is every nc."""
    for tool in ("sleep", "true", *tools):
        found = shutil.which("busybox" if tool == "nc" else tool, path="/usr/bin:/bin")
        if found is None:
            pytest.skip(f"there is no {tool} on this machine")
        (folder / tool).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize("shell", IN)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_tells_an_open_port_from_a_closed_one(
    shell: str, tool: str, dials: list[Dial], tmp_path: Path
) -> None:
    program = shutil.which(IN[shell][0])
    if program is None:
        pytest.skip(f"there is no {shell} on this machine")
    done = subprocess.run(
        [program, *IN[shell][1:], *SHELLS[0][1:], *arguments(dials)],
        env={"PATH": path_with(tmp_path, tool)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    said = parse(done.stdout, dials)
    assert said is not None, done.stderr
    assert [(a.pod, a.outcome) for a in said.attempts] == [
        ("open", "accepted"),
        ("shut", "refused"),
    ]
    # busybox ash brings its own nc.
    assert said.tool in (tool, "nc")


def test_nothing_to_connect_with_is_said() -> None:
    assert parse(b"none\n", [Dial("p", "10.0.0.1", 80)]) is None
    assert parse(b"\xff garbage", [Dial("p", "10.0.0.1", 80)]) is None


ONE = [Dial("p", "10.0.0.1", 80)]


def outcome(line: str, control: str = "dial 1 bash 1 refused") -> Attempt:
    said = parse(f"{line}\n{control}\nend\n".encode(), ONE)
    assert said is not None
    return said.attempts[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dial 0 bash 0", "accepted"),
        ("dial 0 bash 1 bash: connect: Connection refused", "refused"),
        ("dial 0 bash 143", "timeout"),
        ("dial 0 bash 1 bash: connect: Connection timed out", "timeout"),
        ("dial 0 bash 1 bash: connect: No route to host", "unknown"),
        ("dial 0 nc 1 nc: 10.0.0.1 (10.0.0.1:80): Connection refused", "refused"),
        ("dial 0 nce 1 nc: timed out", "timeout"),
        ("dial 0 nc 1 Ncat: TIMEOUT.", "timeout"),
        ("dial 0 python3 111 Connection refused", "refused"),
        ("dial 0 python3 104 Connection reset by peer", "reset"),
        ("dial 0 curl 28 * Trying 10.0.0.1:80... * Connected to 10.0.0.1 port 80", "accepted"),
        ("dial 0 curl 28 * Trying 10.0.0.1:80... * Connection timed out after 3000 ms", "timeout"),
        ("dial 0 wget 1 wget: server returned error: HTTP/1.1 404 Not Found", "accepted"),
        ("dial 0 wget 4 Connecting to 10.0.0.1:80... failed: Connection refused.", "refused"),
        ("dial 0 skipped 0", "skipped"),
        ("", "unknown"),
    ],
)
def test_the_words_of_the_tools(line: str, expected: str) -> None:
    assert outcome(line).outcome == expected


def test_who_accepts_everything_proves_nothing() -> None:
    """A mesh's proxy in the client's pod takes every connection, then looks for the server."""
    found = outcome("dial 0 bash 0", control="dial 1 bash 0")
    assert found.outcome == "unknown"
    assert "closed port was accepted" in found.detail
    assert outcome("dial 0 bash 1 Connection refused", "dial 1 bash 0").outcome == "refused"


def test_the_control_is_another_port_of_the_same_address() -> None:
    dials = [Dial("", "10.96.0.1", 80), Dial("p", "10.0.0.1", 1), Dial("p", "10.0.0.1", 2)]
    assert control_for(dials) == Dial("", "10.0.0.1", 4)
    assert arguments([Dial("p", "fd00::1", 80, True)]) == ["0,fd00::1,80,http", "1,fd00::1,1,"]


def test_what_is_dialled_is_bounded() -> None:
    service = msgspec.convert(
        {
            "metadata": {"name": "s"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80, "targetPort": 8080}]},
        },
        Service,
    )
    pods = [
        (
            msgspec.convert(
                {"metadata": {"name": f"p{i}"}, "status": {"podIP": f"10.0.0.{i}"}}, Pod
            ),
            set[int](),
        )
        for i in range(60)
    ]
    found = dials_for(service, service.spec.ports, pods)
    assert len(found) == MOST
    assert found[:2] == [Dial("", "10.96.0.1", 80), Dial("p0", "10.0.0.0", 8080)]


def test_where_to_connect_from() -> None:
    assert parse_source("pod/client") == Source("client")
    assert parse_source("pods/client/app") == Source("client", "app")
    for wrong in ("client", "svc/client", "pod/", "pod/Client", "pod/a/b/c", "pod/a/"):
        with pytest.raises(UsageError):
            parse_source(wrong)
