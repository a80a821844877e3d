"""The script and the fallbacks, run for real against sockets that are opened here."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kubectl_portcheck.collect.sockets import INTERPRETERS, SCRIPT, TOOLS, parse_script_output
from kubectl_portcheck.collect.sockets.fallbacks import Fallback
from kubectl_portcheck.model.probes import ListeningSocket, PodSockets

SHELLS = (("dash",), ("bash",), ("busybox", "ash"), ("mksh",))
UNPRIVILEGED = 65534
LINUX = sys.platform == "linux" and os.access("/proc/net/tcp", os.R_OK)
pytestmark = pytest.mark.skipif(not LINUX, reason="there is no /proc/net here")

# A program whose name is hostile, and which has something to hide.
HOSTILE = r"""
import socket, sys
one = socket.create_server(("127.0.0.1", 0))
open("/proc/self/comm", "w").write(sys.argv[1])
print(one.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    argv: tuple[str, ...] = request.param
    program = shutil.which(argv[0])
    if program is None:
        pytest.skip(f"there is no {argv[0]} on this machine")
    return (program, *argv[1:])


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, int]]:
    with ExitStack() as stack:
        yield {key: port_of(stack, *kind) for key, kind in KINDS.items() if usable(kind[0])}


Kind = tuple[socket.AddressFamily, socket.SocketKind, str, bool | None, bool]
KINDS: dict[str, Kind] = {
    "loopback": (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", None, True),
    "wildcard": (socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", None, True),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", None, False),
    "silent": (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", None, False),
    "loopback6": (socket.AF_INET6, socket.SOCK_STREAM, "::1", None, True),
    "dual": (socket.AF_INET6, socket.SOCK_STREAM, "::", False, True),
    "v6only": (socket.AF_INET6, socket.SOCK_STREAM, "::", True, True),
    "mapped": (socket.AF_INET6, socket.SOCK_STREAM, "::ffff:127.0.0.1", False, True),
    "udp6": (socket.AF_INET6, socket.SOCK_DGRAM, "::1", None, False),
}


def usable(family: socket.AddressFamily) -> bool:
    try:
        with socket.socket(family) as one:
            one.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    except OSError:
        return False
    return True


def port_of(
    stack: ExitStack,
    family: socket.AddressFamily,
    kind: socket.SocketKind,
    address: str,
    v6only: bool | None,
    listens: bool,
) -> int:
    one = stack.enter_context(socket.socket(family, kind))
    if v6only is not None:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    one.bind((address, 0))
    if listens:
        one.listen()
    port: int = one.getsockname()[1]
    return port


def ask(shell: tuple[str, ...], path: str | None = None, user: int | None = None) -> PodSockets:
    done = subprocess.run(
        [*shell, "-c", SCRIPT],
        capture_output=True,
        env={"PATH": path or os.environ["PATH"]},
        user=user,
        timeout=300,
        check=True,
        cwd="/",
    )
    assert done.stderr == b""
    return parse_script_output(done.stdout, "web")


def at(
    sockets: PodSockets, port: int, address: str = "", protocol: str = "TCP"
) -> list[ListeningSocket]:
    """The sockets on the port; tests beside this one may have its number in another protocol, or
    at another address."""
    return [
        one
        for one in sockets.listeners
        if (one.port, one.protocol) == (port, protocol) and address in ("", one.address)
    ]


def compare(sockets: PodSockets, opened: dict[str, int]) -> None:
    assert sockets.complete
    assert at(sockets, opened["silent"]) == []
    for key, port in opened.items():
        if key == "silent":
            continue
        address = KINDS[key][2].removeprefix("::ffff:")
        (one,) = at(sockets, port, address, "UDP" if "udp" in key else "TCP")
        if key in ("dual", "v6only") and one.family_certain:
            assert one.family == ("dual" if key == "dual" else "IPv6")
        elif key not in ("dual", "v6only"):
            assert one.family == ("IPv6" if "6" in key else "IPv4")


def test_script_is_small_and_only_reads() -> None:
    assert len(SCRIPT.encode()) < 1024
    assert SCRIPT.isascii()
    assert SCRIPT.count(">") == SCRIPT.count("2>/dev/null")
    assert "environ" not in SCRIPT
    assert "cmdline" not in SCRIPT


def test_sockets_and_programs(shell: tuple[str, ...], opened: dict[str, int]) -> None:
    sockets = ask(shell)
    compare(sockets, opened)
    (one,) = at(sockets, opened["wildcard"])
    own = Path("/proc/self/comm").read_text().strip()
    assert (one.program, one.program_inferred, one.container) == (own, False, "web")
    assert one.uid == os.geteuid()
    if shutil.which("ss"):
        for key in {"dual", "v6only"} & opened.keys():
            assert at(sockets, opened[key])[0].family_certain


def test_shell_without_any_other_program(shell: tuple[str, ...], opened: dict[str, int]) -> None:
    compare(ask(shell, path="/nonexistent"), opened)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root to drop it")
def test_another_uid(shell: tuple[str, ...], opened: dict[str, int]) -> None:
    sockets = ask(shell, user=UNPRIVILEGED)
    compare(sockets, opened)
    (one,) = at(sockets, opened["wildcard"])
    assert one.uid == 0
    assert one.program is None or one.program_inferred


@pytest.mark.parametrize(
    ("comm", "program"),
    [
        ("end", "end"),
        ("x\nend", "x"),
        ("x\np 1 + 0 0 0 ", "x"),
        ("x\\nend", "x"),
        ("\x1b[2Jx", "?[2Jx"),
        ("two  words", "two  words"),
        ("$(id)`id`", "$(id)`id`"),
        ("-n", "-n"),
        ("* ?", "* ?"),
        ("dämon", "dämon"),
    ],
)
def test_hostile_names(shell: tuple[str, ...], comm: str, program: str) -> None:
    argv = [sys.executable, "-c", HOSTILE, comm, "--password=geheim"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"TOKEN": "geheim"}, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        done = subprocess.run([*shell, "-c", SCRIPT], capture_output=True, check=True)
        server.communicate()
    assert b"geheim" not in done.stdout
    sockets = parse_script_output(done.stdout, "web")
    assert sockets.complete
    (one,) = at(sockets, port, "127.0.0.1")
    assert one.program == program


@pytest.mark.parametrize("fallback", [*INTERPRETERS, *TOOLS], ids=lambda f: f.program)
def test_fallbacks(fallback: Fallback, opened: dict[str, int]) -> None:
    if shutil.which(fallback.program) is None:
        pytest.skip(f"there is no {fallback.program} on this machine")
    done = subprocess.run(fallback.argv, capture_output=True, timeout=300)
    compare(fallback.parse(done.stdout, "web", None), opened)
