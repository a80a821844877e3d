"""What the fast paths load. A count of imports is exact, where a time is not."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HEAVY = {
    *("jinja2", "markupsafe"),
    *("kubernetes", "websocket", "yaml", "rich", "ssl", "http.client", "urllib3", "msgspec"),
    *("argcomplete", "difflib", "importlib.resources", "json", "logging", "pathlib", "shutil"),
    *("tempfile", "threading", "zipfile"),
}
OWN = "kubectl_portcheck"
FIRST = {
    OWN,
    *(f"{OWN}.{name}" for name in ("arguments", "errors", "exit_codes", "parser", "timeouts")),
}
COMPLETION = {
    *(f"{OWN}.{name}" for name in ("model", "model.kinds")),
    *(f"{OWN}.{name}" for name in ("commands", "commands.completion", "target")),
    f"{OWN}.regex",
    *(f"{OWN}.commands.completion.{name}" for name in ("answers", "cache", "shells", "words")),
}
CLI = {*FIRST, *(f"{OWN}.{name}" for name in ("cli", "environment", "streams"))}
MANIFEST = "tests/corpus/manifests/shapes/01-undeclared-beside-declared.yaml"
ROOT = Path(__file__).resolve().parents[2]


def loaded(*words: str, **environ: str) -> set[str]:
    """What the interpreter imports for a command line, by its own account.

    Not what it imports for every program, and not what msgspec imports for itself.
    """
    return _imported(f"-c|import sys;sys.argv[1:]={list(words)!r};{RUN}", environ) - _imported(
        "-c|import msgspec", {}
    )


RUN = "from kubectl_portcheck.__main__ import run;run()"


def _imported(words: str, environ: dict[str, str]) -> set[str]:
    return set(_module_names(words, tuple(sorted(environ.items()))))


@cache
def _module_names(words: str, environ: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words.split("|", 1)],
        cwd=ROOT,
        env={**os.environ, **dict(environ)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 20, done.stderr
    return tuple(line.rpartition("|")[2].strip() for line in lines)


def own(modules: set[str]) -> set[str]:
    return {m for m in modules if m.partition(".")[0] == OWN} - {f"{OWN}.__main__"}


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_the_fastest_load_only_the_command_line(flag: str) -> None:
    found = loaded(flag)
    assert own(found) == CLI
    assert found & HEAVY == set()


@pytest.mark.parametrize("words", [["__complete", "--exp"], []])
def test_the_completion_of_a_flag_loads_only_the_flags(words: list[str]) -> None:
    """As kubectl asks for it, and as argcomplete's scripts do."""
    by_argcomplete = {
        "_ARGCOMPLETE": "1",
        "COMP_LINE": "kubectl-portcheck --exp",
        "COMP_POINT": "23",
        "_ARGCOMPLETE_STDOUT_FILENAME": os.devnull,
    }
    found = loaded(*words, **({} if words else by_argcomplete))
    assert own(found) == FIRST | COMPLETION
    assert found & HEAVY <= {"json", "threading", *([] if words else ["argcomplete"])}


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["--explain", "PC401"], {"json"}),
        (["--list-rules"], {"json"}),
        (["--demo"], {"json", "pathlib", "threading"}),
        (["-f", MANIFEST], {"difflib", "json", "pathlib", "threading", "yaml"}),
        (["no/target"], {"logging", "ssl", "threading"}),
    ],
)
def test_a_fast_path_loads_little(words: list[str], allowed: set[str]) -> None:
    assert loaded(*words) & HEAVY <= allowed


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--explain", "PC401"], ["client", "collect", "diagnosis", "render.table"]),
        (["--list-rules"], ["client", "collect", "diagnosis", "render.table"]),
        (["--demo"], ["client", "collect.manifests", "collect.sockets"]),
        (["-f", MANIFEST], ["client", "collect.sockets", "collect.snapshots"]),
    ],
)
def test_a_fast_path_loads_none_of_the_other_ways_of_running(
    words: list[str], without: list[str]
) -> None:
    found = own(loaded(*words))
    assert len(found) > len(CLI)
    unwanted = tuple(f"{OWN}.{name}" for name in without)
    assert [
        m for m in found if m in unwanted or m.startswith(tuple(f"{u}." for u in unwanted))
    ] == []


def test_a_named_tuple_has_no_other_base() -> None:
    """Python 3.10 refuses one that is generic, as soon as its module is imported."""
    for path in (ROOT / OWN).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                assert bases == ["NamedTuple"] or "NamedTuple" not in bases, f"{path}: {node.name}"
