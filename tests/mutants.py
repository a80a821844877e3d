"""Change one condition of a rule or of ``semantics/`` at a time, and see whether the tests notice.

    python -m tests.mutants                       # all; an hour or more on two cores
    python -m tests.mutants --sample 300          # as many, picked at random, with a fixed seed
    python -m tests.mutants rules/pc401 ports     # the files whose path has one of these words
    python -m tests.mutants --near                # with the nearest tests only: at least as many

Each change runs in a process of its own, which imports the changed file in place of the real one;
nothing is written. A change that no test notices is printed: it needs a test, or it is none.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("rules", "semantics")
QUICK = ("tests/unit/rules", "tests/unit/semantics", "tests/unit/diagnosis")
SECONDS = 400
"""A run that takes longer is one that the change hangs: it is noticed."""
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
NEGATING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
"""Operators whose swap is the negation of the whole comparison."""


class Mutant(NamedTuple):
    """One change."""

    file: Path
    line: int
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
            yield Mutant(file, node.lineno, before, after, tuple(_path(tree, node)), changed)


def _conditions(tree: ast.Module) -> Iterator[ast.expr]:
    """What is computed; a rule's description and the examples are no conditions."""
    for top in tree.body:
        if isinstance(top, ast.FunctionDef | ast.ClassDef):
            yield from (n for n in ast.walk(top) if isinstance(n, ast.expr))


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[place] = SWAPS[type(op)]()
            yield changed
        for place, value in enumerate(node.comparators):
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


class _Loader(importlib.machinery.SourceFileLoader):
    """Gives the changed text for the file, and never a cached one."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(mutant.file))
        self.text = mutant.source

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self.mutant.file, loader=_Loader(self.mutant)
        )


def noticed(mutant: Mutant, *, near_only: bool = False) -> bool:
    """Whether a test fails, hangs or cannot start: first those that are nearest."""
    near = ["tests/unit/rules/test_catalogue.py"]
    own = ROOT / f"tests/unit/semantics/test_{mutant.file.stem}.py"
    if mutant.file.name.startswith("pc"):
        near += ["-k", mutant.file.stem[:5].upper()]
    elif own.exists():
        near = [str(own), *near]
    return not (_passes(mutant, near) and (near_only or _passes(mutant, QUICK)))


def _passes(mutant: Mutant, tests: Sequence[str]) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(_run(mutant, tests))
    _, code = os.waitpid(child, 0)
    if os.WIFSIGNALED(code):
        return False
    status = os.WEXITSTATUS(code)
    if status > pytest.ExitCode.INTERRUPTED:
        raise RuntimeError(f"{mutant}: the tests could not be run")
    return status == pytest.ExitCode.OK


def _run(mutant: Mutant, tests: Sequence[str]) -> int:
    signal.alarm(SECONDS)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.meta_path.insert(0, _Finder(mutant))
    # A busy machine is no failure.
    settings.register_profile("busy", deadline=None, suppress_health_check=list(HealthCheck))
    settings.load_profile("busy")
    try:
        return int(pytest.main([*OPTIONS, *tests]))
    except Exception:  # A change may break the run itself: that is noticed too.
        return pytest.ExitCode.INTERNAL_ERROR


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("words", nargs="*", help="parts of the paths of the files to change")
    arguments.add_argument("--sample", type=int, default=0, help="how many changes, at random")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--near", action="store_true", help="run the nearest tests only")
    given = arguments.parse_args()
    files = [f for d in FOLDERS for f in sorted((ROOT / "kubectl_portcheck" / d).glob("*.py"))]
    chosen = [
        m
        for file in files
        if not given.words or any(w in str(file.relative_to(ROOT)) for w in given.words)
        for m in mutants(file)
    ]
    total = len(chosen)
    if given.sample and given.sample < total:
        chosen = random.Random(given.seed).sample(chosen, given.sample)
    os.chdir(ROOT)
    judge = partial(noticed, near_only=given.near)
    if chosen and judge(Mutant(chosen[0].file, 0, "", "", (), None)):
        raise SystemExit("the tests fail without any change")
    missed = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutant, seen in zip(chosen, pool.map(judge, chosen), strict=True):
            if not seen:
                missed.append(mutant)
                print(mutant, flush=True)
    share = 100 * (len(chosen) - len(missed)) / max(len(chosen), 1)
    print(
        f"{len(chosen) - len(missed)} of {len(chosen)} changes noticed ({share:.1f} %), of {total}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
