"""A name looked up inside a pod: the script in every shell with every tool, and its reading."""

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_portcheck.collect.cluster.from_pod import Source, parse_source
from kubectl_portcheck.collect.cluster.resolve_from import SHELLS, parse
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.kinds import DEPLOYMENT, JOB
from kubectl_portcheck.model.seat import Dns

IN = {"dash": ("dash",), "bash": ("bash",), "ash": ("busybox", "ash"), "mksh": ("mksh",)}
TOOLS = {
    "python3": ("python3",),
    "perl": ("perl",),
    "node": ("node",),
    "getent": ("getent", "bash", "dd", "od"),
    "bash": ("bash", "dd", "od"),
    "nslookup": ("nslookup", "nc"),
}
NAMES = ("localhost", "checkout.shop.svc")
PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """A nameserver on 127.0.0.1: checkout.shop.svc.cluster.test is 10.96.0.10, all else is not."""
    known = b"\x08checkout\x04shop\x03svc\x07cluster\x04test\0"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", 0)) as tcp,
    ):
        port = int(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", port))

        def serve() -> None:
            while True:
                try:
                    asked, who = udp.recvfrom(512)
                except OSError:
                    return
                question = asked[12:]
                if not asked:
                    return
                if question.startswith(known):
                    answer = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\x60\0\x0a"
                    udp.sendto(asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + answer, who)
                else:
                    udp.sendto(asked[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + question, who)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port
        with contextlib.suppress(OSError):
            udp.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def ran(shell: str, tools: tuple[str, ...], folder: Path, port: int) -> bytes:
    """What the script prints, with these tools and no others, where that nameserver is set."""
    program = shutil.which(IN[shell][0])
    if program is None:
        pytest.skip(f"there is no {shell} on this machine")
    for tool in ("sleep", *tools):
        found = PYTHON if tool == "python3" else shutil.which(tool, path="/usr/bin:/bin")
        found = shutil.which("busybox") if tool in ("nslookup", "nc") else found
        if found is None:
            pytest.skip(f"there is no {tool} on this machine")
        (folder / tool).symlink_to(found)
    settings = folder / "resolv.conf"
    settings.write_text("nameserver 127.0.0.1\nsearch svc.cluster.test\noptions ndots:5\n")
    ports = {
        "s,53)": f"s,{port})",
        "=>53": f"=>{port}",
        "port:53": f"port:{port}",
        "/$0/53": f"/$0/{port}",
        "s 53": f"s {port}",
        "[s]": f"['127.0.0.1:{port}']",
        "/etc/resolv.conf": str(settings),
    }
    words = []
    for word in SHELLS[0]:
        for old, new in ports.items():
            word = word.replace(old, new)
        words.append(word)
    done = subprocess.run(
        [program, *IN[shell][1:], *words[1:], *NAMES],
        env={"PATH": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("shell", IN)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_looks_up_the_name_and_asks_the_nameserver(
    shell: str, tool: str, server: int, tmp_path: Path
) -> None:
    found = parse(ran(shell, TOOLS[tool], tmp_path, server), "localhost")
    assert found is not None
    assert found.resolver.nameservers == ("127.0.0.1",)
    assert (found.resolver.search, found.resolver.ndots) == (("svc.cluster.test",), 5)
    if tool != "nslookup":  # It asks the nameserver of this machine, which may know no localhost.
        assert found.lookup.outcome == "answered"
        assert {"127.0.0.1", "::1"} & set(found.lookup.addresses)
        udp = [a for a in found.answers if a.protocol == "UDP"]
        # busybox ash brings its own nslookup, which asks at port 53 only.
        if not (shell == "ash" and tool in ("getent", "bash")):
            assert [(a.outcome, a.addresses) for a in udp] == [("answered", ("10.96.0.10",))]
    tcp = [a.outcome for a in found.answers if a.protocol == "TCP"]
    assert tcp == ["answered"]


def test_nothing_to_look_up_with_is_said() -> None:
    assert parse(b"conf nameserver 10.96.0.2\nnone\n", "checkout") is None
    assert parse(b"\xff garbage", "checkout") is None


def dns(*lines: str) -> Dns:
    found = parse("\n".join(lines).encode(), "checkout")
    assert found is not None
    return found


NSLOOKUP = "Server: 10.96.0.2 Address: 10.96.0.2:53"


@pytest.mark.parametrize(
    ("line", "outcome", "addresses"),
    [
        ("look getent 0 10.96.0.10 STREAM checkout 10.96.0.10 DGRAM", "answered", ("10.96.0.10",)),
        ("look getent 2", "unknown", ()),
        ("look bash 0 0A00600A:0009", "answered", ("10.96.0.10",)),
        ("look bash 0 000000FD00000000000000000A000000:0009", "answered", ("fd00::a",)),
        ("look bash 1 bash: checkout: Name or service not known", "no-such-name", ()),
        ("look bash 1 bash: checkout: Temporary failure in name resolution", "no-answer", ()),
        ("look python3 -2 Name does not resolve", "no-such-name", ()),
        ("look python3 -3 Try again", "no-answer", ()),
        ("look perl -3 Temporary failure in name resolution", "no-answer", ()),
        ("look node ENOTFOUND", "unknown", ()),
        ("look python3 late", "no-answer", ()),
        (
            f"look nslookup 0 checkout.a. {NSLOOKUP} Name: checkout.a Address: 10.96.0.10",
            "answered",
            ("10.96.0.10",),
        ),
        (
            f"look nslookup 0 c. {NSLOOKUP} Name: c Address 1: 10.96.0.10 c.svc",
            "answered",
            ("10.96.0.10",),
        ),
        (f"look nslookup 1 c. {NSLOOKUP} ** server can't find c.: NXDOMAIN", "no-such-name", ()),
        (f"look nslookup 1 c. {NSLOOKUP} ** server can't find c.: SERVFAIL", "no-answer", ()),
        (
            "look nslookup 1 c. ;; connection timed out; no servers could be reached",
            "no-answer",
            (),
        ),
        ("look nslookup 143 c.", "no-answer", ()),
    ],
)
def test_the_words_of_a_lookup(line: str, outcome: str, addresses: tuple[str, ...]) -> None:
    if line.endswith("ENOTFOUND"):
        line, outcome = f"{line} -", "no-such-name"
    found = dns(line, "end").lookup
    assert (found.outcome, found.addresses) == (outcome, addresses)


def test_where_one_tool_does_not_say_why_another_one_does() -> None:
    found = dns("look getent 2", "look bash 1 bash: checkout: Name or service not known", "end")
    assert (found.lookup.outcome, found.lookup.tool) == ("no-such-name", "bash")
    searched = dns(
        "look nslookup 1 c.a. ** server can't find c.a.: NXDOMAIN",
        f"look nslookup 0 c. {NSLOOKUP} Name: c Address: 10.96.0.10",
    )
    assert searched.lookup.outcome == "answered"


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("ask 10.96.0.2 udp python3 rcode 0 10.96.0.10", "answered"),
        ("ask 10.96.0.2 udp python3 rcode 3", "no-such-name"),
        ("ask 10.96.0.2 udp perl rcode 2", "server-failure"),
        ("ask 10.96.0.2 udp python3 rcode 5", "server-failure"),
        (f"ask 10.96.0.2 udp python3 rcode {'9' * 5000}", "unknown"),
        ("ask 10.96.0.2 udp python3 timeout", "timeout"),
        ("ask 10.96.0.2 udp python3 error [Errno 111] Connection refused", "refused"),
        ("ask 10.96.0.2 udp node ESERVFAIL", "server-failure"),
        ("ask 10.96.0.2 udp node ECONNREFUSED", "refused"),
        ("ask 10.96.0.2 udp bash", "timeout"),
        ("ask 10.96.0.2 udp bash od: read error: Connection refused", "refused"),
        ("ask 10.96.0.2 udp nslookup ;; connection timed out; no servers", "timeout"),
        (f"ask 10.96.0.2 udp nslookup {NSLOOKUP} ** can't find c: SERVFAIL", "server-failure"),
        (f"ask 10.96.0.2 udp nslookup {NSLOOKUP} ** can't find c: REFUSED", "server-failure"),
        (f"ask 10.96.0.2 udp nslookup {NSLOOKUP} ** can't find c: NXDOMAIN", "no-such-name"),
        ("ask 10.96.0.2 udp nslookup nslookup: read: Connection refused", "refused"),
        ("ask 10.96.0.2 tcp nc 1 nc: 10.96.0.2 (10.96.0.2:53): Connection refused", "refused"),
        ("ask 10.96.0.2 tcp nc 143", "timeout"),
        ("ask 10.96.0.2 tcp bash 0", "answered"),
        ("ask 10.96.0.2 tcp perl error Connection timed out", "timeout"),
    ],
)
def test_the_words_of_a_nameserver(line: str, outcome: str) -> None:
    (found,) = dns("look getent 2", line, "end").answers
    assert found.outcome == outcome


def test_what_is_no_nameserver_is_left_out() -> None:
    odd = ("ask evil udp python3 rcode 0", "ask 10.96.0.2 sctp nc 0", "ask 10.96.0.2 tcp sh 0")
    found = dns("conf nameserver evil", "conf options ndots:999", "look getent 2", *odd)
    assert (found.answers, found.resolver.nameservers, found.resolver.ndots) == ((), (), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pod/client", Source("client")),
        ("po/client/app", Source("client", "app")),
        ("deploy/web", Source("web", kind=DEPLOYMENT)),
        ("jobs/web", Source("web", kind=JOB)),
        ("auto", Source(kind=None)),
        ("web/auto", Source(kind=None, namespace="web")),
        ("web/pod/a/app", Source("a", "app", "web")),
        ("app=web,tier!=db", Source(kind=None, selector="app=web,tier!=db")),
        ("-l app in (a,b)", Source(kind=None, selector="app in (a,b)")),
        ("web/app=web", Source(kind=None, selector="app=web", namespace="web")),
        ("app.kubernetes.io/name=web", Source(kind=None, selector="app.kubernetes.io/name=web")),
    ],
)
def test_what_connections_are_made_from(text: str, expected: Source) -> None:
    assert parse_source(text) == expected


@pytest.mark.parametrize("text", ["", "web", "svc/web", "a/b/c/d", "pod/", "deploy/A", "web/"])
def test_what_is_no_client(text: str) -> None:
    with pytest.raises(UsageError):
        parse_source(text)
