"""What the corpus has no sample of, row by row."""

import time

import pytest

from kubectl_portcheck.collect.sockets import (
    TOOLS,
    Fallback,
    Unreadable,
)
from kubectl_portcheck.collect.sockets.netstat import parse_netstat
from kubectl_portcheck.model.probes import ListeningSocket

from .readers import parse_proc, parse_ss

NETSTAT = "tcp        0      0 0.0.0.0:8080            0.0.0.0:*               LISTEN      "


def places(listeners: tuple[ListeningSocket, ...]) -> list[tuple[str, int]]:
    return [(one.address, one.port) for one in listeners]


def family(listeners: tuple[ListeningSocket, ...]) -> tuple[str, bool]:
    (one,) = listeners
    return one.family, one.family_certain


class TestNetstat:
    @pytest.mark.parametrize(
        ("tail", "program"),
        [
            ("", None),
            ("-", None),
            ("17/", None),
            ("9/-", "-"),
            ("2/web               off (0.00/0/0)", "web"),
            ("0          423806     2/web               ", "web"),
            ("0          423806     -                   ", None),
            ('6/x)),(("sh",pid=1, ', 'x)),(("sh",pid=1,'),
            ("7/weird/12/34/app/  ", "weird/12/34/app/"),
            ("16/tab\there         ", "tab\there"),
            ("11/" + "x" * 5000, "x" * 5000),
        ],
    )
    def test_program(self, tail: str, program: str | None) -> None:
        (one,) = parse_netstat(NETSTAT + tail)
        assert one.program == program

    @pytest.mark.parametrize(
        ("tail", "uid"),
        [
            ("0          423806     2/web", 0),
            ("65532      423806     -", 65532),
            ("nobody     423806     -", None),
            ("2/my 5 6", None),
            ("", None),
        ],
    )
    def test_uid(self, tail: str, uid: int | None) -> None:
        (one,) = parse_netstat(NETSTAT + tail)
        assert one.uid == uid

    @pytest.mark.parametrize(
        "text",
        [
            NETSTAT,
            NETSTAT + "\r\n",
            " ".join(NETSTAT.split()),
            "\t".join(NETSTAT.split()) + "\n",
            NETSTAT.replace("LISTEN", "OUÇA"),
            f"\ufeffProto\n{NETSTAT}\n",
        ],
    )
    def test_what_happens_to_text_on_its_way(self, text: str) -> None:
        assert places(parse_netstat(text)) == [("0.0.0.0", 8080)]

    @pytest.mark.parametrize(
        "text",
        [
            NETSTAT.replace("8080", "http-alt"),
            NETSTAT.replace("8080", "0"),
            NETSTAT.replace("8080", "80800"),
            NETSTAT.replace("8080", "\u0668\u0660"),
            NETSTAT.replace("0.0.0.0:8080", "localhost:80"),
            NETSTAT.replace("0.0.0.0:*", "10.0.0.1:80"),
            NETSTAT.replace("0.0.0.0:8080", "fd00:1:8080 "),
            NETSTAT.replace("LISTEN", "CLOSE"),
            NETSTAT.replace("LISTEN", ""),
            NETSTAT.replace("tcp", "raw"),
            NETSTAT.replace("tcp  ", "udpl "),
            NETSTAT[:30],
            "Usage: netstat [-ral] [-tuwx] [-en]\n\n\t-t\tTCP sockets\n\t-u\tUDP sockets\n",
        ],
    )
    def test_no_listener(self, text: str) -> None:
        assert parse_netstat(text) == ()

    def test_second_line_of_a_name_is_no_row(self) -> None:
        text = f"{NETSTAT}13/x\nudp 0 0 :::1 :::*  \n{NETSTAT.replace('8080', '9090')}2/y\n"
        assert places(parse_netstat(text)) == [("0.0.0.0", 8080), ("0.0.0.0", 9090)]

    def test_path_of_a_unix_socket_is_no_row(self) -> None:
        unix = "unix  2      [ ACC ]     STREAM     LISTENING     425298 2/server            /a"
        assert places(parse_netstat(f"{NETSTAT}\n{unix}\n{NETSTAT.replace('8', '9')}")) == [
            ("0.0.0.0", 8080)
        ]

    @pytest.mark.parametrize(
        ("local", "address", "family"),
        [
            ("2001:db8:85a3::8a2e::80", "2001:db8:85a3::8a2e:", "IPv6"),
            ("2001:db8:1234:567:18081", "2001:db8:1234:567", "IPv6"),
            ("::ffff:10.244.100:18999", "10.244.100", "IPv4"),
            ("::ffff:10.244.100.23:80", "10.244.100.23", "IPv4"),
            ("FD00::17:80", "fd00::17", "IPv6"),
            ("fe80::1%2:80", "fe80::1", "IPv6"),
        ],
    )
    def test_long_addresses_are_cut_but_not_lost(
        self, local: str, address: str, family: str
    ) -> None:
        row = f"tcp6       0      0 {local:23} :::*                    LISTEN      -"
        (one,) = parse_netstat(row)
        assert (one.address, one.family) == (address, family)


class TestSs:
    OLD = "Netid  State      Recv-Q Send-Q     Local Address:Port       Peer Address:Port \n"
    OLD_ROW = "tcp    LISTEN     0      128                    *:8080                  *:*      "
    NEW_ROW = "tcp   LISTEN 0      128                *:8080            *:*    "

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (OLD + OLD_ROW, ("IPv4", True)),
            (OLD_ROW, ("IPv4", True)),
            (OLD_ROW.removeprefix("tcp    "), ("IPv4", True)),
            (NEW_ROW, ("dual", True)),
            (NEW_ROW.removeprefix("tcp   "), ("dual", True)),
            ("tcp LISTEN 0      128    *:8080 *:*", ("dual", True)),
            ("tcp     LISTEN   0        128            *:8080       *:*", ("dual", True)),
            ("tcp LISTEN 0 128 *:8080 *:*", ("dual", False)),
            ("tcp LISTEN 0 128 *:8080 *:* ino:5 sk:1 v6only:0 <->", ("dual", True)),
            (OLD_ROW.replace("*:", ":::"), ("dual", False)),
            (OLD_ROW.replace(" *:", " :::") + "ino:5 sk:1 v6only:1 <->", ("IPv6", True)),
            (NEW_ROW.replace(" *:", " [::]:"), ("IPv6", True)),
            (NEW_ROW.replace("*:", "0.0.0.0:"), ("IPv4", True)),
        ],
    )
    def test_dialect_of_a_single_row(self, text: str, expected: tuple[str, bool]) -> None:
        assert family(parse_ss(text)) == expected

    def test_dialect_is_that_of_the_whole_output(self) -> None:
        text = f"{self.NEW_ROW}\ntcp   LISTEN 0      128   127.0.0.1:1   0.0.0.0:*    "
        assert [one.family for one in parse_ss(text)] == ["dual", "IPv4"]
        text = "tcp LISTEN 0 1 *:80 *:*\ntcp LISTEN 0 1 ::1:81 :::*"
        assert [one.family for one in parse_ss(text)] == ["IPv4", "IPv6"]
        text = "tcp LISTEN 0 1 *:80 *:*\ntcp LISTEN 0 1 127.0.0.1:81 *:*"
        assert [one.family for one in parse_ss(text)] == ["IPv4", "IPv4"]
        text = (
            "tcp LISTEN 0 1 *:80 *:*\ntcp LISTEN 0 1 127.0.0.1:81 *:*\ntcp LISTEN 0 1 [::1]:82 *:*"
        )
        assert [one.family_certain for one in parse_ss(text)] == [False, True, True]

    @pytest.mark.parametrize(
        ("local", "address", "device"),
        [
            ("0.0.0.0%eth0:67", "0.0.0.0", "eth0"),
            ("*%eth0:67", "::", "eth0"),
            ("[fe80::23]%eth0:67", "fe80::23", "eth0"),
            ("[fe80::23%eth0]:67", "fe80::23", "eth0"),
            ("fe80::23%eth0.100:67", "fe80::23", "eth0.100"),
            ("[::ffff:127.0.0.1]:67", "127.0.0.1", None),
        ],
    )
    def test_devices(self, local: str, address: str, device: str | None) -> None:
        (one,) = parse_ss(f"udp   UNCONN 0      0    {local}   0.0.0.0:*")
        assert (one.address, one.device) == (address, device)

    @pytest.mark.parametrize(
        ("comm", "program"),
        [
            ("nginx", "nginx"),
            ('a"b,pid=1,fd=3', 'a"b,pid=1,fd=3'),
            ('x",pid=1,fd=3', 'x",pid=1,fd=3'),
            ("two\nlines", "two?lines"),
            ("\nLISTEN 0 0 *:1", None),
            ("x uid:5 ino:6 y", "x uid:5 ino:6 y"),
            ("v6only:1 ", "v6only:1 "),
        ],
    )
    def test_names(self, comm: str, program: str | None) -> None:
        text = f'{self.NEW_ROW}users:(("{comm}",pid=5,fd=5),("zzz",pid=9,fd=5)) uid:33 ino:7 <->\n'
        (one,) = parse_ss(text + self.NEW_ROW.replace("8080", "9090").replace("tcp", "sctp"))[:1]
        if program is None:  # the row is torn apart, but no listener comes of it
            assert (one.port, one.program) == (8080, None)
        else:
            assert (one.program, one.uid) == (program, 33)

    def test_names_before_3_12(self) -> None:
        (one,) = parse_ss(f'{self.OLD_ROW}users:(("nginx",123,6),("nginx",124,6))')
        assert one.program == "nginx"

    def test_mptcp_listener_is_the_tcp_listener(self) -> None:
        text = f"{self.NEW_ROW}\n{self.NEW_ROW.replace('tcp  ', 'mptcp')}"
        assert places(parse_ss(text)) == [("::", 8080)]

    @pytest.mark.parametrize(
        "text",
        [
            "u_str LISTEN 0      5               /srv/data 425298            * 0",
            'u_str LISTEN 0 5 /a:80 425298 *:* 0 users:(("x",pid=1,fd=1))',
            "raw   UNCONN 832    0                            0.0.0.0:1           0.0.0.0:*",
            "tcp   ESTAB  0      0                            0.0.0.0:1           0.0.0.0:*",
            "udp   ESTAB  0      0                          127.0.0.1:1         127.0.0.1:53",
            "udp   UNCONN 0      0                            0.0.0.0:domain      0.0.0.0:*",
            "udp   UNCONN 0      0                            0.0.0.0:5",
            "Usage: ss [ OPTIONS ]\n       ss [ OPTIONS ] [ FILTER ]\n",
        ],
    )
    def test_no_listener(self, text: str) -> None:
        assert parse_ss(text) == ()


class TestProc:
    ROW = (
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
        "     0        0 423805 1 00000000dfa559d5 100 0 0 10 0"
    )

    def test_row(self) -> None:
        assert places(parse_proc(self.ROW, "IPv4", "TCP")) == [("127.0.0.1", 8080)]

    @pytest.mark.parametrize(
        "text",
        [
            ROW[:-60],
            ROW.replace(" 0A ", " 01 "),
            ROW.replace("00000000:0000 ", "0100007F:D431 "),
            ROW.replace(":1F90", ":0000"),
            ROW.replace("1F90", "1F9"),
            ROW[5:],
            ROW.lower(),
        ],
    )
    def test_no_listener(self, text: str) -> None:
        assert parse_proc(text, "IPv4", "TCP") == ()

    def test_other_family_or_protocol(self) -> None:
        assert parse_proc(self.ROW, "IPv6", "TCP") == ()
        assert parse_proc(self.ROW, "IPv4", "UDP") == ()

    def test_an_ipv4_mapped_address_tells_the_byte_order(self) -> None:
        mapped = "0" * 16 + "0000FFFF0AF4051E"
        row = self.ROW.replace("0100007F", mapped).replace(" 00000000:", f" {'0' * 32}:", 1)
        assert places(parse_proc(row, "IPv6", "TCP")) == [("10.244.5.30", 8080)]


class TestFallbacks:
    @pytest.mark.parametrize("fallback", TOOLS, ids=lambda f: f.program)
    @pytest.mark.parametrize("output", [b"", b"cat: not found\n", b"Usage: netstat\n", b"\xff\x00"])
    def test_no_answer(self, fallback: Fallback, output: bytes) -> None:
        with pytest.raises(Unreadable):
            fallback.parse(output, None, None)


ROWS = {
    "netstat": (parse_netstat, NETSTAT + "2/web"),
    "ss": (parse_ss, TestSs.NEW_ROW + 'users:(("web",pid=2,fd=5)) ino:5 sk:1 v6only:0 <->'),
    "proc": (lambda text: parse_proc(text, "IPv4", "TCP"), TestProc.ROW),
}


@pytest.mark.parametrize("tool", ROWS)
def test_time_grows_only_with_the_text(tool: str) -> None:
    """100,000 rows take a second or two; ten allow for a slow machine, but not for a square."""
    parse, row = ROWS[tool]
    for text in (
        "\n".join(
            row.replace("1F90", f"{n % 65535 + 1:04X}").replace("80", str(n % 65535 + 1))
            for n in range(100_000)
        ),
        row + ":" * 1_000_000 + "x",
        row + ' ("' * 300_000,
        row + " " * 1_000_000 + "x",
        (row + "0") * 10_000,
        "\n" * 1_000_000,
    ):
        start = time.process_time()
        parse(text)
        assert time.process_time() - start < 10
