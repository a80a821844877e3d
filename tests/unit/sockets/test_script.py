"""The answer of the script: what is made of it, and what cannot fool it."""

import pytest

from kubectl_portcheck.collect.sockets import (
    Unreadable,
    merge,
    parse_script_output,
    restrict_to_pod,
)
from kubectl_portcheck.model.base import Reason
from kubectl_portcheck.model.probes import ListeningSocket, PodSockets

WILDCARD = "00000000"
WILDCARD6 = WILDCARD * 4
UIDS = "{0}\t{0}\t{0}\t{0}"


def row(address: str, port: int, state: str = "0A", uid: int = 0, inode: int = 100) -> str:
    peer = "0" * len(address) + ":0000"
    return (
        f"   0: {address}:{port:04X} {peer} {state} 00000000:00000000 00:00000000 00000000"
        f" {uid:5}        0 {inode} 1 0000000000000000 100 0 0 10 0"
    )


def process(pid: int, program: str, uid: int = 0, readable: bool = True) -> str:
    return f"p {pid} {'+' if readable else '-'} {UIDS.format(uid)} {program}"


def held(pid: int, inode: int) -> str:
    return f"lrwx------ 1 0 0 64 Nov 22 19:09 /proc/{pid}/fd/3 -> socket:[{inode}]"


def answer(
    *procs: str,
    tcp: tuple[str, ...] = (),
    tcp6: tuple[str, ...] = (),
    udp: tuple[str, ...] = (),
    ss: tuple[str, ...] = (),
    cpu: str = "processor : 0",
) -> bytes:
    tables = ("table tcp", *tcp, "table tcp6", *tcp6, "table udp", *udp, "table udp6")
    parts = ("portcheck 1", f"cpu {cpu}", *tables, "ss", *ss, "procs", *procs, "end", "")
    return "\n".join(parts).encode()


def only(sockets: PodSockets) -> ListeningSocket:
    (listener,) = sockets.listeners
    return listener


def test_listener_of_a_process_that_is_seen() -> None:
    output = answer(process(7, "nginx: master"), held(7, 100), tcp=(row(WILDCARD, 80),))
    assert only(parse_script_output(output, "web")) == ListeningSocket(
        protocol="TCP",
        family="IPv4",
        address="0.0.0.0",
        port=80,
        container="web",
        program="nginx: master",
        uid=0,
        source="proc",
    )


def test_program_is_that_of_the_first_process_which_holds_the_socket() -> None:
    output = answer(
        process(9, "worker"),
        process(7, "master"),
        held(9, 100),
        held(7, 100),
        tcp=(row(WILDCARD, 80),),
    )
    assert only(parse_script_output(output, "web")).program == "master"


def test_program_is_concluded_from_a_uid_with_one_hidden_program() -> None:
    hidden = process(5, "redis-server", 999, False), process(6, "redis-server", 999, False)
    output = answer(*hidden, process(1, "tini", 0), tcp=(row(WILDCARD, 6379, uid=999),))
    listener = only(parse_script_output(output, "db"))
    assert (listener.program, listener.program_inferred) == ("redis-server", True)
    assert listener.container == "db"


@pytest.mark.parametrize(
    "procs",
    [
        pytest.param((), id="process of another container"),
        pytest.param((process(5, "app", 999),), id="its sockets are seen, and this is none"),
        pytest.param(
            (process(5, "app", 999, False), process(6, "sidecar", 999, False)), id="two suspects"
        ),
        pytest.param(
            (process(5, "app", 999, False), process(6, "", 999, False)), id="a nameless suspect"
        ),
        pytest.param((process(5, "app", 1000, False),), id="another uid"),
    ],
)
def test_program_is_not_guessed(procs: tuple[str, ...]) -> None:
    output = answer(*procs, tcp=(row(WILDCARD, 6379, uid=999),))
    listener = only(parse_script_output(output, "web"))
    assert (listener.program, listener.container, listener.uid) == (None, None, 999)


def test_shared_pid_namespace_does_not_tell_the_container() -> None:
    output = answer(process(1, "pause"), process(7, "app"), held(7, 100), tcp=(row(WILDCARD, 80),))
    listener = only(parse_script_output(output, "web"))
    assert (listener.program, listener.container) == ("app", None)


def test_lone_ipv6_wildcard_is_probably_dual_stack() -> None:
    listener = only(parse_script_output(answer(tcp6=(row(WILDCARD6, 80),))))
    assert (listener.family, listener.family_certain) == ("dual", False)


def test_wildcards_of_both_families_are_one_each() -> None:
    output = answer(tcp=(row(WILDCARD, 80),), tcp6=(row(WILDCARD6, 80, inode=101),))
    families = [(one.family, one.family_certain) for one in parse_script_output(output).listeners]
    assert families == [("IPv4", True), ("IPv6", True)]


@pytest.mark.parametrize(
    ("local", "detail", "family"),
    [("*:80", "v6only:0", "dual"), ("[::]:80", "v6only:1", "IPv6")],
)
def test_ss_settles_the_family(local: str, detail: str, family: str) -> None:
    line = f"tcp   LISTEN 0      128     {local}     *:*    ino:100 sk:1 cgroup:/ {detail} <->"
    output = answer(tcp6=(row(WILDCARD6, 80),), ss=(line,))
    listener = only(parse_script_output(output))
    assert (listener.family, listener.family_certain) == (family, True)


def test_ss_tells_the_device() -> None:
    line = "udp   UNCONN 0      0     0.0.0.0%eth0:67     0.0.0.0:*    ino:100 sk:1 cgroup:/ <->"
    output = answer(udp=(row(WILDCARD, 67, "07"),), ss=(line,))
    assert only(parse_script_output(output)).device == "eth0"


def test_sockets_of_one_reuseport_group_are_one_listener() -> None:
    rows = tuple(row(WILDCARD, 15006, inode=inode) for inode in range(100, 104))
    output = answer(process(2, "envoy"), *(held(2, i) for i in range(100, 104)), tcp=rows)
    assert only(parse_script_output(output, "istio-proxy")).program == "envoy"


def test_ipv4_mapped_bind_is_an_ipv4_listener() -> None:
    listener = only(parse_script_output(answer(tcp6=(row("0" * 16 + "FFFF00000100007F", 80),))))
    assert (listener.address, listener.family) == ("127.0.0.1", "IPv4")


@pytest.mark.parametrize("cpu", ["processor : 0", "vendor_id : IBM/S390"])
def test_byte_order_of_the_node(cpu: str) -> None:
    big = "S390" in cpu
    output = answer(tcp=(row("0AF4051E" if big else "1E05F40A", 80),), cpu=cpu)
    assert only(parse_script_output(output)).address == "10.244.5.30"


def test_byte_order_that_the_caller_knows() -> None:
    output = answer(tcp=(row("0AF4051E", 80),))
    assert only(parse_script_output(output, byteorder="big")).address == "10.244.5.30"


def test_evidence_in_one_table_holds_for_all() -> None:
    output = answer(tcp=(row("7F000001", 80),), udp=(row("0AF4051E", 53, "07"),))
    found = {one.address for one in parse_script_output(output).listeners}
    assert found == {"127.0.0.1", "10.244.5.30"}


def test_clients_and_connections_are_no_listeners() -> None:
    peer = row(WILDCARD, 80).replace(f"{WILDCARD}:0000 0A", "0100007F:D431 01")
    odd = row(WILDCARD, 81).replace(f"{WILDCARD}:0000 0A", "0100007F:D431 0A")
    output = answer(tcp=(peer, odd, row(WILDCARD, 82, "07").replace(" 07 ", " 06 ")))
    assert parse_script_output(output).listeners == ()


def test_udp_on_an_ephemeral_port_is_noted() -> None:
    assert not parse_script_output(answer(udp=(row(WILDCARD, 53, "07"),))).notes
    assert parse_script_output(answer(udp=(row(WILDCARD, 40000, "07"),))).notes


def test_sctp() -> None:
    eps = "ffff8d1b4c1f2000 ffff8d1b5a3e4400 2   10  46   3868      0 41520 0.0.0.0 "
    output = f"portcheck 1\ntable sctp\n ENDPT     SOCK   STY SST\n{eps}\nprocs\nend\n".encode()
    assert only(parse_script_output(output)).protocol == "SCTP"


@pytest.mark.parametrize(
    "hostile",
    [
        "end",
        "portcheck 1",
        "procs",
        "table tcp",
        "x\rend",
        "x\x0bend\x0bp 7 + 0 0 0 0 y",
        "p 7 + 0\t0\t0\t0 other",
        "l /proc/9/fd/3 -> socket:[100]",
        "\u2028end",
        row(WILDCARD, 666),
    ],
)
def test_name_of_a_process_cannot_pose_as_anything_else(hostile: str) -> None:
    output = answer(process(8, hostile), process(7, "app"), held(7, 100), tcp=(row(WILDCARD, 80),))
    sockets = parse_script_output(output, "web")
    assert sockets.complete
    assert (only(sockets).program, only(sockets).port) == ("app", 80)
    # And the end that such a process promises does not hide that the answer was cut.
    cut = output[: output.index(b"\np 7 ")]
    assert not parse_script_output(cut, "web").complete
    assert not parse_script_output(cut + b"\n", "web").complete


def test_name_cannot_steer_a_terminal() -> None:
    output = answer(process(7, "\x1b[2J\u202eapp"), held(7, 100), tcp=(row(WILDCARD, 80),))
    assert only(parse_script_output(output)).program == "?[2J?app"


def test_every_cut_shows() -> None:
    output = answer(
        process(7, "app"), held(7, 100), tcp=(row(WILDCARD, 80), row(WILDCARD, 8080, inode=101))
    )
    whole = {(one.port, one.program) for one in parse_script_output(output).listeners}
    for end in range(len(output)):
        try:
            sockets = parse_script_output(output[:end])
        except Unreadable:
            continue
        assert not sockets.complete
        assert sockets.notes
        assert {one.port for one in sockets.listeners} <= {port for port, _ in whole}


@pytest.mark.parametrize(
    ("output", "detail"),
    [
        (b"", "no answer"),
        (b"sh: syntax error: unexpected \x1b", "no answer, but: sh: syntax error: unexpected ?"),
        (b"portcheck 1\ncpu \nss\nprocs\nend\n", "/proc/net cannot be read in this container"),
    ],
)
def test_no_answer(output: bytes, detail: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_script_output(output)
    assert (caught.value.reason, caught.value.detail) == (Reason.FAILED, detail)


def test_text_before_the_answer_and_line_ends_of_a_terminal() -> None:
    output = b"Welcome to web!\r\n" + answer(tcp=(row(WILDCARD, 80),)).replace(b"\n", b"\r\n")
    assert parse_script_output(output).complete
    assert only(parse_script_output(output)).port == 80


def test_host_network_leaves_the_sockets_of_the_pod() -> None:
    output = answer(
        process(7, "app"),
        held(7, 100),
        process(8, "hidden", 0, False),
        tcp=(row(WILDCARD, 80), row(WILDCARD, 10250, inode=101), row(WILDCARD, 22, inode=102)),
    )
    sockets = restrict_to_pod(parse_script_output(output, "web"))
    assert only(sockets).port == 80
    assert not sockets.complete
    assert restrict_to_pod(parse_script_output(output, "web"), host_pid=True).listeners == ()


def test_processes_of_the_node_are_not_the_container_s() -> None:
    output = answer(
        process(1, "systemd"),
        process(7, "app"),
        held(7, 100),
        process(8, "redis-server", 999, False),
        tcp=(row(WILDCARD, 80), row(WILDCARD, 6379, uid=999, inode=101)),
    )
    sockets = parse_script_output(output, "web", host_pid=True)
    assert [(one.program, one.container) for one in sockets.listeners] == [
        ("app", None),
        (None, None),
    ]


def test_what_one_container_knows_holds_for_all() -> None:
    line = "tcp   LISTEN 0      128   *%eth0:80   *:*    ino:100 sk:1 cgroup:/ v6only:0 <->"
    tables = (row(WILDCARD6, 80),)
    web = parse_script_output(answer(process(1, "app"), held(1, 100), tcp6=tables), "web")
    proxy = parse_script_output(answer(tcp6=tables, ss=(line,)), "proxy")
    one = only(merge([web, proxy]))
    assert (one.program, one.container) == ("app", "web")
    assert (one.family, one.family_certain, one.device) == ("dual", True, "eth0")
    assert only(merge([proxy, proxy])) == only(proxy)


def test_each_container_names_its_own() -> None:
    tables = (row(WILDCARD, 80, uid=33), row(WILDCARD, 15001, uid=1337, inode=101))
    web = parse_script_output(answer(process(1, "app", 33), held(1, 100), tcp=tables), "web")
    proxy = parse_script_output(
        answer(process(1, "envoy", 1337), held(1, 101), tcp=tables), "istio-proxy"
    )
    merged = merge([web, proxy])
    assert [(one.port, one.container, one.program) for one in merged.listeners] == [
        (80, "web", "app"),
        (15001, "istio-proxy", "envoy"),
    ]
    assert merge([web]) == web
    assert merge([proxy, web]).listeners == merged.listeners
    with pytest.raises(ValueError, match="no answer"):
        merge([])
