"""What the fast paths load. A count of imports is exact, where a time is not."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from kubectl_portcheck.semantics import referrers
from kubectl_portcheck.semantics.guards import catalogue

HEAVY = {
    *("jinja2", "markupsafe"),
    *("kubernetes", "websocket", "yaml", "rich", "ssl", "http.client", "urllib3", "msgspec"),
    *("argcomplete", "difflib", "gzip", "importlib.resources", "ipaddress", "json", "logging"),
    *("pathlib", "shutil", "tempfile", "threading", "urllib.parse", "zipfile"),
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
OF_OTHERS = [
    *("semantics.concerning", "semantics.guards.catalogue", "semantics.guards.calico"),
    *("semantics.guards.cilium", "semantics.guards.istio", "semantics.guards.admitting"),
    *("semantics.linkerd_inbound", "semantics.istio_inbound", "semantics.referrers"),
]
"""What concerns only objects that a plain cluster does not have."""
UNSEEN = [
    *(*OF_OTHERS, "diagnosis.own_calls", "diagnosis.own_ports", "diagnosis.seat_steps"),
    *("render.rights", "render.seat", "render.sweep", "semantics.calls", "semantics.likeness"),
    *("semantics.proxied", "semantics.topology", "collect.cluster"),
]
"""What only other questions and other findings need."""
OF_A_REPORT = [
    *("client", "collect", "diagnosis", "model", "render.table", "semantics"),
    *("commands.modes", "rules.declared", "rules.table"),
]
"""What no text on the rules needs."""
FORMS = frozenset(
    {
        *(f"{OWN}.semantics.referrers.{kind.file}" for kind in referrers.KINDS),
        *(f"{OWN}.semantics.guards.{kind.file}" for kind in catalogue.BY_NAME.values()),
    }
)
"""The files that say how objects are read of the kinds that few have."""
FOR_EDITS = [f"collect.manifests.{name}" for name in ("edits", "fixed_files", "unified")]
MANIFEST = "tests/corpus/manifests/shapes/01-undeclared-beside-declared.yaml"
HEALTHY = "tests/corpus/manifests/published/guestbook.yaml"
"""In plain block style, and no place in it is asked for."""
ROOT = Path(__file__).resolve().parents[2]


def loaded(*words: str, **environ: str) -> set[str]:
    """What the interpreter imports for a command line, by its own account.

    Not what it imports for every program, and not what msgspec imports for itself where it is.
    """
    found = _imported(f"-c|import sys;sys.argv[1:]={list(words)!r};{RUN}", environ)
    if "msgspec" in found:
        return found - (_imported("-c|import msgspec", {}) - {"msgspec"})
    return found - _imported("-c|import sys", {})


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
        (["--explain", "refused"], {"json"}),
        (["--list-rules"], {"json"}),
        (["--demo", "list"], set()),
        (["--demo"], {"msgspec"}),
        (["-f", MANIFEST], {"ipaddress", "msgspec", "threading", "yaml"}),
        (["-f", HEALTHY], {"ipaddress", "msgspec", "threading"}),
        (["no/target"], {"msgspec"}),
    ],
)
def test_a_fast_path_loads_little(words: list[str], allowed: set[str]) -> None:
    assert loaded(*words) & HEAVY <= allowed


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--explain", "PC401"], OF_A_REPORT),
        (["--explain", "refused"], OF_A_REPORT),
        (["--list-rules"], OF_A_REPORT),
        (["--demo"], ["client", "collect.manifests", "collect.sockets", *UNSEEN]),
        (["--demo", "healthy"], ["diagnosis.what_if", "semantics.seat", *UNSEEN]),
        (["-f", MANIFEST], ["client", "collect.sockets", "collect.snapshots", *FOR_EDITS]),
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


@pytest.mark.parametrize("demo", ["checkout", "healthy"])
def test_a_diagnosis_loads_few_rules_and_defines_few_named_tuples(demo: str) -> None:
    """A rule without a clue is not loaded, and a struct takes a sixth of a named tuple's time."""
    loaded = loaded_at_the_end("--demo", demo)
    rules = [m for m in loaded if m.startswith(f"{OWN}.rules.pc")]
    assert 0 < len(rules) <= 40, rules
    paths = [ROOT / f"{m.replace('.', '/')}.py" for m in loaded if m.startswith(f"{OWN}.")]
    nodes = [n for p in paths if p.exists() for n in ast.walk(ast.parse(p.read_bytes()))]
    named = {n.name for n in nodes if isinstance(n, ast.ClassDef) and _is_named_tuple(n)}
    assert named <= {
        # Also where msgspec is not loaded.
        *("Environment", "Kind", "Needs", "ReferenceRequest", "Scenario", "Style"),
        *("Look", "Span", "Terminal"),
    }


def test_files_load_how_objects_are_read_only_of_the_kinds_that_they_hold(tmp_path: Path) -> None:
    assert FORMS.isdisjoint(loaded_at_the_end("-f", HEALTHY))
    path = tmp_path / "policy.yaml"
    path.write_text("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x}\n")
    found = FORMS.intersection(loaded_at_the_end("-f", HEALTHY, "-f", str(path)))
    assert found == {f"{OWN}.semantics.guards.cilium"}


SHOW = (
    "import os;leave=os._exit;"
    "os._exit=lambda code:(print('MODULES',*sys.modules,file=sys.stderr,flush=True),leave(code))"
)


def loaded_at_the_end(*words: str, **environ: str) -> list[str]:
    """The modules that are loaded as the program ends, those by their names too."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys;sys.argv[1:]={list(words)!r};{SHOW};{RUN}"],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = next(line for line in done.stderr.splitlines() if line.startswith("MODULES "))
    return said.split()[1:]


def _is_named_tuple(node: ast.ClassDef) -> bool:
    return [ast.unparse(base) for base in node.bases] == ["NamedTuple"]


def test_a_named_tuple_has_no_other_base() -> None:
    """Python 3.10 refuses one that is generic, as soon as its module is imported."""
    for path in (ROOT / OWN).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                assert bases == ["NamedTuple"] or "NamedTuple" not in bases, f"{path}: {node.name}"
