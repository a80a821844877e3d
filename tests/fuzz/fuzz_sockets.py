"""Coverage-guided fuzzing of the socket parsers: see README.md next to this file."""

import sys
from collections.abc import Callable
from importlib import import_module

atheris = import_module("atheris")  # it has no types

with atheris.instrument_imports(include=["kubectl_portcheck.collect.sockets"]):
    from kubectl_portcheck.collect import sockets
    from kubectl_portcheck.collect.sockets.fallbacks import parse_concatenated
    from kubectl_portcheck.collect.sockets.netstat import parse_netstat
    from kubectl_portcheck.model.probes import ListeningSocket
    from tests.unit.sockets.readers import parse_proc, parse_ss

TEXT_PARSERS: dict[str, Callable[[str], tuple[ListeningSocket, ...]]] = {
    "netstat": parse_netstat,
    "ss": parse_ss,
    "proc": lambda text: (
        *parse_proc(text, "IPv4", "TCP"),
        *parse_proc(text, "IPv6", "UDP"),
    ),
}


def check(listeners: tuple[ListeningSocket, ...], text: str) -> None:
    for one in listeners:
        assert 0 < one.port < 65536
        assert str(one.port) in text or f"{one.port:04X}" in text
        assert one.program is None or one.program.replace("\t", "").isprintable()


def fuzz_text(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    check(TEXT_PARSERS[target](text), text)


def fuzz_bytes(data: bytes) -> None:
    parse = sockets.parse_script_output if target == "script" else parse_concatenated
    try:
        found = parse(data, "web")
    except sockets.Unreadable:
        return
    check(found.listeners, data.decode("utf-8", "replace"))


def fuzz_failure(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    stdout, stderr, error = (provider.ConsumeUnicodeNoSurrogates(200) for _ in range(3))
    exit_code = provider.PickValueInList([None, 0, 1, 126, 127, 137, 255])
    failure = sockets.classify_exec_failure(stdout, stderr, error, exit_code)
    assert failure is None or failure.detail.replace("\t", "").isprintable()


target = sys.argv.pop(1)
fuzz = {"script": fuzz_bytes, "concatenated": fuzz_bytes, "failure": fuzz_failure}.get(
    target, fuzz_text
)
atheris.Setup(sys.argv, fuzz)
atheris.Fuzz()
