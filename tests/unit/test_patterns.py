"""Whatever a text from outside holds, it is read in a time that grows only with its length."""

import ast
import importlib
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import kubectl_portcheck
from kubectl_portcheck.client.exec import ExecResult, worth_another_protocol
from kubectl_portcheck.client.port_forward import classify
from kubectl_portcheck.collect.manifests.declared import _names
from kubectl_portcheck.collect.sockets.failures import classify_exec_failure
from kubectl_portcheck.regex import _Regex, regex
from kubectl_portcheck.semantics import kubelet
from kubectl_portcheck.semantics.probes import Check

LENGTH = 20_000
"""A quadratic pattern takes a second for so many characters, a linear one a millisecond."""
MOST_SECONDS = 0.25
CALLS = frozenset(
    {"compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub"}
)
ABOUT_OUR_OWN_TEXT = ("demo", "render/export.py")
"""What is searched there was written by this program or for it."""


class Pattern(NamedTuple):
    """A pattern of the program, and how it is used."""

    text: str
    methods: frozenset[str]


def _pattern(call: ast.Call) -> str | None:
    """The pattern of a call of ``re``, where it is written out."""
    value = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _calls(nodes: list[ast.AST]) -> Iterator[tuple[ast.Call, str, str]]:
    """Calls of methods: the call, the name before the dot, the method.

    ``regex`` counts as ``re.compile``.
    """
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            before = node.func.value
            yield node, before.id if isinstance(before, ast.Name) else "", node.func.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "regex":
            yield node, "re", "compile"


def _patterns() -> dict[str, Pattern]:
    """Every pattern of the program, by its place."""
    root = Path(kubectl_portcheck.__file__).parent
    found = {}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(ABOUT_OUR_OWN_TEXT):
            continue
        source = path.read_text()
        if "import re\n" not in source and "import regex\n" not in source:
            continue
        nodes = list(ast.walk(ast.parse(source)))
        uses: dict[str, set[str]] = defaultdict(set)
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                uses[node.value.id].add(node.attr)
        named = {
            id(node.value): node.targets[0].id
            for node in nodes
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        } | {
            id(node.value): node.target.id
            for node in nodes
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        for call, before, method in _calls(nodes):
            if before != "re" or method not in CALLS or (text := _pattern(call)) is None:
                continue
            used = uses[named[id(call)]] if id(call) in named else {method}
            methods = used & CALLS - {"compile"} or {"search", "fullmatch"}
            found[f"{name}:{call.lineno}"] = Pattern(text, frozenset(methods))
    return found


PATTERNS = _patterns()


def test_a_pattern_is_compiled_when_it_is_first_used() -> None:
    made = regex(r"(a+)", re.IGNORECASE)
    assert "fullmatch" not in vars(made)
    assert made.fullmatch("AA") is not None
    assert made.fullmatch is vars(made)["fullmatch"]
    assert (made.pattern, made.sub("b", "xa"), made.findall("aAb")) == ("(a+)", "xb", ["aA"])


def test_every_pattern_compiles() -> None:
    """A mistake in one would show only where it is used."""
    root = Path(kubectl_portcheck.__file__).parent
    found = 0
    for path in sorted(root.rglob("*.py")):
        if path.name == "__main__.py" or "import regex\n" not in path.read_text():
            continue
        name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
        for value in vars(importlib.import_module(name.removesuffix(".__init__"))).values():
            if isinstance(value, _Regex):
                re.compile(value.pattern, value._flags)
                found += 1
    assert found > 50


def words_of(pattern: str) -> set[str]:
    """Texts that could lead a pattern astray: what it looks for, again and again."""
    plain = re.sub(r"\\[sn]", " ", re.sub(r"\\[dw]", "1", pattern))
    plain = re.sub(r"\\(.)|\[\^?(.)[^\]]*\]|[()?*+{}^$]", r"\1\2", plain)
    parts = {part for part in plain.split("|") if part}
    parts |= {part[: len(part) // 2] for part in parts} | {f"{part} " for part in parts}
    return {*parts, *"aA1 .:-\n\t\"'`{[(<&*/\\_", "a:", "1.", "a ", "a-", ": ", "//"} - {""}


def is_quick(read: Callable[[], object]) -> bool:
    """Whether one of three tries is: what else the machine does may slow down some of them."""
    for _ in range(3):
        began = time.process_time()
        read()
        if time.process_time() - began < MOST_SECONDS:
            return True
    return False


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_every_pattern_takes_linear_time(pattern: Pattern) -> None:
    compiled = re.compile(pattern.text)
    whole = pattern.methods & {"fullmatch", "match"}
    for words in words_of(pattern.text):
        text = (words * (LENGTH // len(words) + 1))[:LENGTH] + "\0"

        def read(text: str = text) -> None:
            if whole:
                compiled.match(text)
                compiled.fullmatch(text)
            if pattern.methods - whole:
                for _ in compiled.finditer(text):
                    pass

        assert is_quick(read), words


def _refused(text: str) -> object:
    check = Check("app", "readiness", "tcpSocket", 80, 80)
    return kubelet._tells_of_closed_port(text.lower(), check)


READERS: dict[str, Callable[[str], object]] = {
    "exec's end": lambda t: worth_another_protocol(ExecResult(b"", b"", t, None, False)),
    "forward's end": classify,
    "exec's failure": lambda t: classify_exec_failure(t, t, t, 127),
    "event": _refused,
    "configuration": lambda t: _names(f"{t}8080", 9090, ()) or _names(f"{t}x9090.", 9090, ()),
}
WORDS = (
    *("a", "a:", "a.", "9", ":", "'", "-", " ", "\n", "{", "\\"),
    *("unable to upgrade ", "exec ", "exec: ", "stat ", "executable file `", 'pods "'),
    *("readiness probe failed: ", ":80: connect: ", "is in container_", "in a ", "://", "90"),
)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_texts_are_read_in_linear_time(reader: Callable[[str], object], words: str) -> None:
    text = (words * LENGTH)[: 2 * LENGTH]
    assert is_quick(lambda: reader(text))
