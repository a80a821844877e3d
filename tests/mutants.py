"""Change one condition of a rule or of ``semantics/`` at a time, and see whether the tests notice.

    python -m tests.mutants                       # all
    python -m tests.mutants --sample 300          # as many, picked at random, with a fixed seed
    python -m tests.mutants rules/pc401 ports     # the files whose path has one of these words
    python -m tests.mutants --near                # only with the nearest tests: at least as many
    python -m tests.mutants --reached FILE        # keep in FILE which test reaches which line
    python -m tests.mutants --again FILE          # those that a former run printed into FILE

The tests are collected once, and run once to see which of them reach which line. Each change then
runs in a process of its own, forked from the one that collected the tests: the functions of the
file get the changed code, and the tests that reach the line run, the nearest and the fastest
first, up to the first that fails. Nothing in the tree is written. A change that no test notices is
printed: it needs a test, or it changes nothing.

No change is made of these, since it would say nothing about the tests:

- an ``assert``, which only tells the type checker what the line before made sure of;
- what runs as a module is imported: descriptions, examples, tables, and functions that make them;
- the number of ``n < 2`` and ``n >= 2``: ``n <= 2`` and ``n > 2`` are the same change;
- the condition of ``a if x == y else b``: ``x != y`` is the same change.

A plain ``if x:`` is not changed either, but each comparison, ``and``, ``or`` and ``not`` in it is.
"""

import argparse
import ast
import copy
import functools
import gc
import importlib
import os
import pickle
import random
import re
import signal
import sys
import tempfile
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from _typeshed import TraceFunction

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("rules", "semantics")
QUICK = tuple(
    f"tests/unit/{folder}"
    for folder in ("rules", "semantics", "diagnosis", "manifests", "render", "collect")
)
LRU_CACHE = type(functools.cache(len))
EXAMPLES = "test_an_example_does_what_it_says"
NOTICED, MISSED, UNTRIED = 0, 1, 2
SECONDS = 120
"""Of processor time. A run that takes longer is one that the change hangs: it is noticed."""
PATIENCE = 900
"""In seconds. A run that takes longer on a busy machine says nothing: the change is not tried."""
OPTIONS = (
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-x",
    "-q",
    "-n0",
    "-p",
    "no:cacheprovider",
    "--no-header",
    "--assert=plain",
    "--capture=no",
)
SWAPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
SAME_AS_NEXT = (ast.Lt, ast.GtE)
"""Operators whose swap is the same as the next number beside them."""
NEGATING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
"""Operators whose swap is the negation of the whole comparison."""


class Mutant(NamedTuple):
    """One change."""

    file: Path
    line: int
    last: int
    before: str
    after: str
    path: "tuple[Step, ...]"
    node: ast.expr | None
    """What stands at the end of the path then; None for a file without a change."""

    @property
    def module(self) -> str:
        return ".".join(self.file.relative_to(ROOT).with_suffix("").parts)

    @property
    def source(self) -> str:
        tree = ast.parse(self.file.read_text())
        if self.node is not None:
            _replace(tree, self.path, self.node)
        return ast.unparse(ast.fix_missing_locations(tree))

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.before}  ->  {self.after}"


def mutants(file: Path) -> Iterator[Mutant]:
    """Every change of the file."""
    tree = ast.parse(file.read_text())
    for node in _conditions(tree):
        for changed in _changes(node):
            before, after = ast.unparse(node), ast.unparse(changed)
            last = node.end_lineno or node.lineno
            yield Mutant(file, node.lineno, last, before, after, tuple(_path(tree, node)), changed)


def _conditions(tree: ast.Module) -> Iterator[ast.expr]:
    """What is computed; a rule's description and the examples are no conditions."""
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    others = [n for n in tree.body if n not in functions]
    calls = (n.func for top in others for n in ast.walk(top) if isinstance(n, ast.Call))
    on_import = {f.id for f in calls if isinstance(f, ast.Name)}
    for top in functions:
        if isinstance(top, ast.ClassDef) or top.name not in on_import:
            yield from (n for n in _within(top) if isinstance(n, ast.expr))


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, without what is asserted."""
    yield node
    for below in ast.iter_child_nodes(node):
        if not isinstance(below, ast.Assert):
            yield from _within(below)


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[place] = SWAPS[type(op)]()
            yield changed
        for place, (op, value) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if isinstance(op, SAME_AS_NEXT):
                continue
            if isinstance(value, ast.Constant) and type(value.value) is int:
                changed = copy.deepcopy(node)
                changed.comparators[place] = ast.Constant(value.value + 1)
                yield changed
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, copy.deepcopy(node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield copy.deepcopy(node.operand)
    elif isinstance(node, ast.IfExp) and not _negated_by_itself(node.test):
        changed_if = copy.deepcopy(node)
        changed_if.test = ast.UnaryOp(ast.Not(), changed_if.test)
        yield changed_if


def _negated_by_itself(test: ast.expr) -> bool:
    """Whether another change of it comes to its negation."""
    if isinstance(test, ast.Compare):
        return len(test.ops) == 1 and isinstance(test.ops[0], NEGATING)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


Step = tuple[str, int | None]


def _path(tree: ast.AST, wanted: ast.AST) -> list[Step]:
    """The fields that lead to a node."""
    for field, value in ast.iter_fields(tree):
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST):
                continue
            step: Step = (field, place if isinstance(value, list) else None)
            if child is wanted:
                return [step]
            below = _path(child, wanted)
            if below:
                return [step, *below]
    return []


def _replace(tree: ast.AST, path: Sequence[Step], new: ast.expr) -> None:
    *above, (field, place) = path
    node = tree
    for name, at in above:
        value = getattr(node, name)
        node = value if at is None else value[at]
    if place is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[place] = new


def install(mutant: Mutant) -> bool:
    """Give each function of the module its changed code; return whether any is different now."""
    code = compile(mutant.source, str(mutant.file), "exec", dont_inherit=True)
    return _exchange(vars(importlib.import_module(mutant.module)), code)


def _exchange(names: Mapping[str, object], code: types.CodeType) -> bool:
    changed = False
    for inner in (c for c in code.co_consts if isinstance(c, types.CodeType)):
        found = names.get(inner.co_name)
        if isinstance(found, type):
            changed |= _exchange(vars(found), inner)
            continue
        function = _function(found)
        if function is not None and len(function.__code__.co_freevars) == len(inner.co_freevars):
            changed |= _instructions(function.__code__) != _instructions(inner)
            function.__code__ = inner
    return changed


def _function(found: object) -> types.FunctionType | None:
    """What is decorated, of a method, a property or a function whose results are kept."""
    for name in ("fget", "__func__", "func", "__wrapped__"):
        found = getattr(found, name, None) or found
    return found if isinstance(found, types.FunctionType) else None


def _instructions(code: types.CodeType) -> tuple[object, ...]:
    """What a function does, whatever its lines are."""
    inner = [_instructions(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return code.co_code, repr(inner), code.co_names, code.co_varnames


class Reached(NamedTuple):
    """What a run of all tests without a change shows."""

    lines: dict[str, dict[int, set[str]]]
    """The tests that reach a line, by file and line."""
    seconds: dict[str, float]
    """How long each test takes."""


def reached(session: pytest.Session, kept: Path | None) -> Reached:
    """Return which tests reach which lines, from the file where it was kept, or from one run.

    The run has a process of its own: what it leaves in caches does not hide a change later.
    """
    if kept is not None and kept.exists():
        return Reached(*pickle.loads(kept.read_bytes()))
    with tempfile.TemporaryDirectory() as folder:
        result = kept or Path(folder, "reached")
        child = os.fork()
        if child == 0:
            os._exit(_trace(session, result))
        if os.waitpid(child, 0)[1]:
            pytest.exit("the tests fail without any change", pytest.ExitCode.TESTS_FAILED)
        return Reached(*pickle.loads(result.read_bytes()))


def _trace(session: pytest.Session, result: Path) -> int:
    lines: dict[str, dict[int, set[str]]] = {
        str(file): {} for d in FOLDERS for file in (ROOT / "kubectl_portcheck" / d).rglob("*.py")
    }
    seconds: dict[str, float] = {}
    name = ""

    def line(frame: types.FrameType, event: str, _: Any) -> "TraceFunction":
        if event == "line":
            lines[frame.f_code.co_filename].setdefault(frame.f_lineno, set()).add(name)
        return line

    def call(frame: types.FrameType, _event: str, _: Any) -> "TraceFunction | None":
        if frame.f_code.co_filename in lines:
            return line
        return None

    for item, following in zip(session.items, (*session.items[1:], None), strict=True):
        name, began = item.nodeid, time.monotonic()
        sys.settrace(call)
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        sys.settrace(None)
        seconds[name] = time.monotonic() - began
        if session.testsfailed:
            return 1
    result.write_bytes(pickle.dumps((lines, seconds)))
    return 0


class Trial:
    """Runs the tests on each change, in place of pytest's own loop: they are collected once."""

    def __init__(self, chosen: list[Mutant], jobs: int, near_only: bool, kept: Path | None) -> None:
        self.chosen, self.jobs, self.near_only, self.kept = chosen, jobs, near_only, kept
        self.reached = Reached({}, {})
        self.kept_results: list[Any] = []
        self.missed: list[Mutant] = []
        self.untried: list[Mutant] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not self.near_only:
            self.reached = reached(session, self.kept)
        gc.collect()
        self.kept_results = [o for o in gc.get_objects() if isinstance(o, LRU_CACHE)]
        gc.freeze()  # What a child does not touch is not copied for it.
        running: dict[int, Mutant] = {}
        for mutant in (*self.chosen, None):
            while running and (mutant is None or len(running) == self.jobs):
                child, status = os.wait()
                self._note(running.pop(child), status)
            if mutant is None:
                break
            child = os.fork()
            if child == 0:
                os._exit(self._run(session, mutant))
            running[child] = mutant
        return True

    def _note(self, mutant: Mutant, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        untried = code in (UNTRIED, -signal.SIGALRM)
        if not untried and code != MISSED:
            return
        (self.untried if untried else self.missed).append(mutant)
        print("not tried:" if untried else "", mutant, file=sys.stderr, flush=True)

    def _run(self, session: pytest.Session, mutant: Mutant) -> int:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(PATIENCE)
        for function in self.kept_results:  # What was worked out while the tests were collected.
            function.cache_clear()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        try:
            if not install(mutant):
                return UNTRIED
            items = self._items(session, mutant)
            for item, following in zip(items, (*items[1:], None), strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    return NOTICED
        except BaseException:  # A change may break the run itself: that is noticed too.
            return NOTICED
        return MISSED

    def _items(self, session: pytest.Session, mutant: Mutant) -> list[pytest.Item]:
        """The tests that reach the line, or the nearest ones; those of the module come first."""
        rule = mutant.file.name.startswith("pc")
        own = mutant.file.stem[:5].upper() if rule else f"test_{mutant.file.stem}.py"
        if self.near_only:
            near = [i for i in session.items if own in i.nodeid]
            return near if rule else [*near, *(i for i in session.items if EXAMPLES in i.nodeid)]
        lines = self.reached.lines.get(str(mutant.file), {})
        names = set().union(*(lines.get(n, ()) for n in range(mutant.line, mutant.last + 1)))

        def far(item: pytest.Item) -> tuple[bool, float]:
            return own not in item.nodeid, self.reached.seconds[item.nodeid]

        return sorted((i for i in session.items if i.nodeid in names), key=far)


def _without_line(printed: str) -> str:
    """The file and the change of a line that is printed: the code above it may have changed."""
    return re.sub(r":\d+:", "", printed.removeprefix("not tried:").strip(), count=1)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("words", nargs="*", help="parts of the paths of the files to change")
    arguments.add_argument("--sample", type=int, default=0, help="how many changes, at random")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--near", action="store_true", help="run the nearest tests only")
    arguments.add_argument("--reached", type=Path, help="where to keep which test reaches a line")
    arguments.add_argument("--again", type=Path, help="what a former run printed, to try it again")
    given = arguments.parse_args()
    files = [f for d in FOLDERS for f in sorted((ROOT / "kubectl_portcheck" / d).rglob("*.py"))]
    chosen = [
        m
        for file in files
        if not given.words or any(w in str(file.relative_to(ROOT)) for w in given.words)
        for m in mutants(file)
    ]
    if given.again is not None:
        printed = {_without_line(line) for line in given.again.read_text().splitlines()}
        chosen = [m for m in chosen if _without_line(str(m)) in printed]
    total = len(chosen)
    if given.sample and given.sample < total:
        chosen = random.Random(given.seed).sample(chosen, given.sample)
    os.chdir(ROOT)
    # A busy machine is no failure.
    settings.register_profile("busy", deadline=None, suppress_health_check=list(HealthCheck))
    settings.load_profile("busy")
    trial = Trial(chosen, given.jobs, given.near, given.reached)
    ended = pytest.main([*OPTIONS, *QUICK], plugins=[trial])
    if ended != pytest.ExitCode.OK:
        return int(ended)
    tried = len(chosen) - len(trial.untried)
    seen = tried - len(trial.missed)
    share = 100 * seen / max(tried, 1)
    print(f"{seen} of {tried} changes noticed ({share:.1f} %), of {total}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
