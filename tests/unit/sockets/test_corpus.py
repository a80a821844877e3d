"""Every output of the corpus, read by the parser of its tool, against the truth of its case."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

from kubectl_portcheck.collect.sockets import (
    parse_script_output,
)
from kubectl_portcheck.collect.sockets.netstat import parse_netstat
from kubectl_portcheck.collect.sockets.proc import sctp_rows
from kubectl_portcheck.collect.sockets.rows import canonical, conclude
from kubectl_portcheck.model.probes import ListeningSocket

from .readers import parse_proc, parse_ss

CORPUS = Path(__file__).parents[2] / "corpus" / "sockets"
OUTPUTS = [
    output
    for output in json.loads((CORPUS / "manifest.json").read_text())["outputs"]
    if output["tool"] != "proc-fd"
]
NETSTATS = ("net-tools", "busybox", "busybox-prg", "busybox-s390x", "toybox")
Fact = dict[str, Any]


def parse(output: Fact) -> tuple[ListeningSocket, ...]:
    return parse_file(output["tool"], output["variant"], output["file"])


@cache
def parse_file(tool: str, variant: str, path: str) -> tuple[ListeningSocket, ...]:
    text = (CORPUS / path).read_bytes().decode("utf-8", "replace")
    if tool in NETSTATS:
        return parse_netstat(text)
    if tool.startswith("ss") or variant == "ss":
        return parse_ss(text)
    if variant == "eps":
        return conclude(sctp_rows(text), "proc")
    return parse_proc(
        text,
        "IPv6" if variant.endswith("6") else "IPv4",
        "TCP" if variant.startswith("tcp") else "UDP",
    )


@cache
def case(path: str) -> Fact:
    found: Fact = json.loads((CORPUS / path).read_text())
    return found


def truth(output: Fact, which: str) -> list[Fact]:
    facts: list[Fact] = case(output["truth"])[which]
    variant = output["variant"]
    protocols = {"tcp"} if re.match(r"tln|tlp|tcp", variant) else {"tcp", "udp"}
    protocols = {"udp"} if variant.startswith("udp") else protocols
    protocols = {"sctp"} if variant == "eps" else protocols
    facts = [fact for fact in facts if fact["proto"] in protocols]
    if output["tool"].startswith("proc"):
        family = 6 if variant.endswith("6") else 4
        facts = [fact for fact in facts if fact["family"] == family]
    return facts


def shown(fact: Fact) -> tuple[str, str, int]:
    address = canonical(fact["address"].partition("%")[0])
    assert address
    return fact["proto"].upper(), address, fact["port"]


def without_answer(output: Fact) -> bool:
    return output.get("exit_code") != 0 or any("missing" in quirk for quirk in output["quirks"])


def each(outputs: list[Fact]) -> Callable[[Callable[[Fact], None]], Callable[[list[Fact]], None]]:
    """Make one test for each tool of a check of one output: there are thousands of outputs.

    A failure shows the output that the check was called with.
    """
    by_tool: dict[str, list[Fact]] = {}
    for output in outputs:
        by_tool.setdefault(output["tool"], []).append(output)

    def decorate(check: Callable[[Fact], None]) -> Callable[[list[Fact]], None]:
        @pytest.mark.parametrize("outputs", by_tool.values(), ids=by_tool)
        def test(outputs: list[Fact]) -> None:
            for output in outputs:
                check(output)

        return test

    return decorate


# ss cannot work in gVisor: its output is empty.
COMPARED = [
    o
    for o in OUTPUTS
    if (o.get("unverified") or not without_answer(o)) and o["file"] != "unverified/gvisor.ss.txt"
]
FAILED = [o for o in OUTPUTS if not o.get("unverified") and without_answer(o)]


UID_SHOWN = [
    o
    for o in COMPARED
    if not o.get("unverified")
    and (o["tool"].startswith("proc") or o["variant"] in ("tulnpe", "Htulnpe", "Hotulnp"))
]


@each(COMPARED)
def test_every_listener_is_found_and_none_invented(output: Fact) -> None:
    found = {(one.protocol, one.address, one.port) for one in parse(output)}
    expected = {shown(fact) for fact in truth(output, "listeners")}
    if output["file"].startswith("unverified/gvisor"):
        expected = {fact for fact in expected if fact[0] == "TCP"}
    assert found == expected


@each(OUTPUTS)
def test_what_does_not_listen_is_never_reported(output: Fact) -> None:
    found = {(one.protocol, one.address, one.port) for one in parse(output)}
    listening = {shown(fact) for fact in truth(output, "listeners")}
    innocent = {shown(fact) for fact in truth(output, "not_listeners")}
    assert not found & (innocent - listening)


@each(FAILED)
def test_output_of_a_failed_tool_adds_nothing_to_the_truth(output: Fact) -> None:
    found = {(one.protocol, one.address, one.port) for one in parse(output)}
    assert found <= {shown(fact) for fact in truth(output, "listeners")}


@each(COMPARED)
def test_families(output: Fact) -> None:
    facts = truth(output, "listeners")
    beside_ipv4 = {shown(fact)[::2] for fact in facts if shown(fact)[1] == "0.0.0.0"}
    # The manifest has it that ss 3.16 tells with -e, but its outputs do not.
    tells = output.get("dual_stack_shown", False) and output["tool"] != "ss-v3.16.0"
    for one in parse(output):
        place = (one.protocol, one.address, one.port)
        v6only = {fact["v6only"] for fact in facts if shown(fact) == place}
        if ":" not in one.address:
            assert (one.family, one.family_certain) == ("IPv4", True)
        elif one.address != "::":
            assert (one.family, one.family_certain) == ("IPv6", True)
        elif tells and None not in v6only and len(v6only) == 1:
            assert (one.family, one.family_certain) == ("IPv6" if True in v6only else "dual", True)
        elif place[::2] in beside_ipv4 and not output["tool"].startswith("proc"):
            assert (one.family, one.family_certain) == ("IPv6", True)
        else:
            assert (one.family, one.family_certain) == ("dual", False)


@each(UID_SHOWN)
def test_uids(output: Fact) -> None:
    facts = truth(output, "listeners")
    for one in parse(output):
        place = (one.protocol, one.address, one.port)
        assert one.uid in {fact["uid"] for fact in facts if shown(fact) == place}


@each(COMPARED)
def test_programs(output: Fact) -> None:
    facts = truth(output, "listeners")
    named = set()
    for one in parse(output):
        place = (one.protocol, one.address, one.port)
        if one.program is not None:
            named.add(place)
            assert any(
                may_be_called(output, fact, one.program) for fact in facts if shown(fact) == place
            )
    if not output.get("pids_shown"):
        assert not named
    elif output["pids_shown"] == output["rows"] and output["case"] != "names":
        assert named == {shown(fact) for fact in facts}
    elif output["case"] == "names":
        # An empty argv[0], or one that ends in a slash, leaves no name to show.
        assert len(named) >= len(facts) - 2


def may_be_called(output: Fact, fact: Fact, program: str) -> bool:
    if output["tool"].startswith("ss"):
        # ss reads up to the first ')', and 7.1 makes it ASCII; truncation may split a character.
        comm = fact["comm"].partition(")")[0]
        pattern = "".join(re.escape(c) if 32 <= ord(c) < 127 else "[?.\t\ufffd]{1,2}" for c in comm)
        return program == comm or re.fullmatch(pattern, program) is not None
    whole = {fact["argv0"], fact["argv0"].rsplit("/", 1)[-1]}
    whole = {name.partition("\n")[0].rstrip() for name in whole}
    cut = program.rstrip("\ufffd")  # in the middle of a character
    long_enough = len(program.encode()) >= 19 - len("65535/") - 1
    return program in whole or (long_enough and any(name.startswith(cut) for name in whole))


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_big_endian_tables_without_a_telling_address(
    family: Literal["IPv4", "IPv6"], protocol: Literal["TCP", "UDP"]
) -> None:
    table = protocol.lower() + family.removeprefix("IPv").removesuffix("4")
    text = (CORPUS / f"proc-s390x/basic-s390x.{table}.root.txt").read_text()
    dull = "\n".join(line for line in text.split("\n") if not re.search("7F000001|0{31}1:", line))
    facts = case("truth/basic-s390x.json")["listeners"]
    expected = {
        shown(fact)
        for fact in facts
        if fact["proto"].upper() == protocol
        and fact["family"] == int(family[-1])
        and fact["address"] not in ("127.0.0.1", "::1")
    }
    found = parse_proc(dull, family, protocol, "big")
    assert {(one.protocol, one.address, one.port) for one in found} == expected


SCRIPTED = sorted(
    (output["case"], output["container"]) for output in OUTPUTS if output["variant"] == "tcp"
)


@pytest.mark.parametrize(("name", "container"), SCRIPTED, ids=" ".join)
def test_answer_of_the_script(name: str, container: str) -> None:
    """Put together what the script prints in a container that has ss and sees its processes."""
    if name == "gvisor":
        return
    facts = [fact for fact in case(f"truth/{name}.json")["listeners"] if fact["proto"] != "udplite"]
    said = ["portcheck 1", "cpu processor : 0"]
    folder = "proc-s390x" if name.endswith("s390x") else "proc"
    suffix = f"root.{container}.txt" if name in ("istio", "linkerd") else "root.txt"
    for table in ("tcp", "tcp6", "udp", "udp6"):
        text = (CORPUS / f"{folder}/{name}.{table}.{suffix}").read_text()
        said += [f"table {table}", *re.findall(".* 0[7A] .*", text)]
    with_ss = CORPUS / f"ss/{name}.Htulnpe.{suffix}"
    if with_ss.exists():
        said += ["ss", *re.sub(r"users:\(\(.*\)\) ", "", with_ss.read_text()).split("\n")]
    said.append("procs")
    held = [(fact, one) for fact in facts for one in fact["holders"]]
    for fact, holder in held:
        if holder["container"] == container:
            comm = fact["comm"].partition("\n")[0]
            said += [
                f"p {holder['pid']} + 0\t0\t0\t0 {comm}",
                f"lrwx------ 1 0 0 64 Nov 22 11:19 /proc/{holder['pid']}/fd/5 -> "
                f"socket:[{fact['inode']}]",
            ]
    sockets = parse_script_output("\n".join([*said, "end", ""]).encode(), container)

    assert sockets.complete
    assert {(one.protocol, one.address, one.port) for one in sockets.listeners} == {
        shown(fact) for fact in facts
    }
    for one in sockets.listeners:
        found = [fact for fact in facts if shown(fact) == (one.protocol, one.address, one.port)]
        own = [
            fact for fact in found for holder in fact["holders"] if holder["container"] == container
        ]
        assert one.uid in {fact["uid"] for fact in found}
        assert one.container == (container if own else None)
        assert one.program in {fact["comm"].partition("\n")[0] for fact in own} | (
            set() if own else {None}
        )
        if with_ss.exists() and one.address == "::":
            assert one.family_certain
            assert {one.family == "IPv6"} <= {fact["v6only"] for fact in found}
