"""What holds for any text at all, and for any socket that a tool can show."""

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.collect.sockets import (
    Unreadable,
    classify_exec_failure,
    parse_script_output,
)
from kubectl_portcheck.collect.sockets.netstat import parse_netstat
from kubectl_portcheck.collect.sockets.rows import canonical, lines
from kubectl_portcheck.model.probes import ListeningSocket

from .readers import parse_proc, parse_ss

Parse = Callable[[str], tuple[ListeningSocket, ...]]


def proc(text: str) -> tuple[ListeningSocket, ...]:
    return (*parse_proc(text, "IPv4", "TCP"), *parse_proc(text, "IPv6", "UDP"))


PARSERS: dict[str, Parse] = {
    "netstat": parse_netstat,
    "ss": parse_ss,
    "proc": proc,
}

# Pieces of real rows: text that is made of them gets deeper than text that is not.
PIECES = [
    *("tcp", "tcp6", "udp", "u_str", "mptcp", "TCP", "UDP", "LISTEN", "UNCONN", "LISTENING"),
    *("0", "128", " ", "  ", "     ", "\t", "\n", "\r\n", "\r", "\x0b", "\u2028", "-", "2/web"),
    *("0.0.0.0:80", "*:80", "[::]:80", ":::80", "::1:443", "0.0.0.0:*", "*:*", ":::*", "[::]:0"),
    *("%eth0", 'users:(("', '",pid=1,fd=3))', "ino:5", "uid:5", "v6only:1", "0A", "07", "0:"),
    *("00000000:0050", "00000000:0000", "0" * 32 + ":0050", "00000000:00000000", "\x00", "\udcff"),
]
text_of_pieces = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=60).map(
    "".join
)
port = st.integers(1, 65535)
ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)
address = st.one_of(ipv4, ipv6, st.sampled_from(["0.0.0.0", "::", "127.0.0.1", "::1"]))
comm = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=15).filter(
    lambda name: len(name.encode()) <= 15
)


@pytest.mark.parametrize("tool", PARSERS)
@given(text=st.one_of(st.text(), text_of_pieces))
def test_every_listener_stands_in_the_text(tool: str, text: str) -> None:
    for one in PARSERS[tool](text):
        assert 0 < one.port < 65536
        assert f"{one.port:04X}" in text if tool == "proc" else str(one.port) in text
        assert one.protocol in ("TCP", "UDP", "SCTP")
        assert one.family == "IPv4" or ":" in one.address
        assert one.program is None or one.program.replace("\t", "").isprintable()
        assert re.search("LISTEN|UNCONN|tcp|udp|TCP|UDP|0A|07", text)


@given(output=st.one_of(st.binary(), text_of_pieces.map(lambda t: t.encode("utf-8", "replace"))))
def test_no_output_breaks_the_script_parser(output: bytes) -> None:
    for framed in (output, b"portcheck 1\ntable tcp\n" + output + b"\nend\n"):
        with suppress(Unreadable):
            sockets = parse_script_output(framed, "web")
            ended = lines(framed.decode("utf-8", "replace"))[-2:] == ["end", ""]
            assert sockets.complete == ended


@given(st.text(), st.text(), st.none() | st.text(), st.none() | st.integers(0, 255))
def test_no_failure_breaks_the_classifier(
    stdout: str, stderr: str, error: str | None, exit_code: int | None
) -> None:
    failure = classify_exec_failure(stdout, stderr, error, exit_code)
    assert failure is not None or not exit_code


@given(address, port, comm, st.integers(0, 65535))
def test_netstat_row(address: str, port: int, comm: str, pid: int) -> None:
    protocol = "tcp6" if ":" in address else "tcp"
    program = f"{pid}/{comm}".encode()[:19].decode("utf-8", "replace")
    local = f"{address}:{port}"
    row = f"{protocol:4}       0      0 {local:23} {':::*':23} LISTEN      {program}"
    (one,) = parse_netstat(f"Proto\n{row}\n")
    assert (one.address, one.port) == (canonical(address), port)


@given(address, port, comm, st.integers(0, 4294967295), st.sampled_from(["", ",extra"]))
def test_ss_row(address: str, port: int, comm: str, uid: int, extra: str) -> None:
    comm = comm.partition(")")[0]  # ss reads names up to there
    host = f"[{address}]" if ":" in address else address
    row = (
        f"tcp   LISTEN 0      128    {host}:{port}   0.0.0.0:*    "
        f'users:(("{comm}",pid=2,fd=5)) uid:{uid} ino:77 sk:1 <->'
    )
    (one,) = parse_ss(f"Netid State\n{row}\n")
    assert (one.address, one.port) == (canonical(address), port)
    if comm.isprintable():
        assert (one.program or "", one.uid) == (comm, uid)


@given(address, port, st.integers(0, 4294967295), st.sampled_from(["little", "big"]))
def test_proc_row(address: str, port: int, uid: int, byteorder: Literal["little", "big"]) -> None:
    packed = ip_address(address).packed
    step = -1 if byteorder == "little" else 1
    words = b"".join(packed[at : at + 4][::step] for at in range(0, len(packed), 4)).hex().upper()
    row = (
        f"  12: {words}:{port:04X} {'0' * len(words)}:0000 0A 00000000:00000000 00:00000000"
        f" 00000000 {uid:5}        0 423805 1 00000000dfa559d5 100 0 0 10 0"
    )
    family: Literal["IPv4", "IPv6"] = "IPv6" if ":" in address else "IPv4"
    (one,) = parse_proc(f"  sl  local_address\n{row}\n", family, "TCP", byteorder)
    if address not in ("1.0.0.127", "::100:0"):  # the loopback address of the other order
        assert (one.address, one.port, one.uid) == (canonical(address), port, uid)
