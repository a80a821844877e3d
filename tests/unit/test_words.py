"""The words that a person reads: none of those that must be read twice."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kubectl_portcheck import arguments
from kubectl_portcheck.demo import SCENARIOS
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.table import CATALOGUE

THIS = Path(__file__).resolve()
"""The list, which cannot be without what it lists."""
ROOT = THIS.parents[2]

BANNED = {
    r"alone": "only",
    r"mend(s|ed|ing)?": "fix",
    r"bears?": "has",
    r"(is|are|be|was|were|all) (not )?well": "healthy, unhealthy",
    r"told": "reported, known",
    r"takes? no": "does not accept",
    r"of the other kind": "name the kind",
    r"nobody|somebody|anybody|whoever|whom": "no client, a client, users who",
    r"wake": "Scale ... to 1",
    r"no good answer": "does not answer correctly",
    r"end(s|ed)? with exit code": "exited with code",
    r"none such": "does not have",
    r"(one|a) (line|fact|row|name|entry) a (line|service|pod|port|plugin|row)": "per",
    r"(an?|each|one|single) knock|knock(s|ed|ing)": "port-forward",
    r"slips? of the pen": "misspelt",
    r"as it seems": "say what is known",
    r"1 of 1 pods?": "the pod",
    r"one's own|a thing of its own": "say it plainly",
    r"stands? for|stood": "means, replaces, is",
    r"anew": "again",
    r"thereof|whence|wherein|whereof": "say it plainly",
}
"""Each pattern, in any case of its letters, and what to write."""
_PATTERN = re.compile(rf"\b(?:{'|'.join(f'(?:{p})' for p in BANNED)})\b", re.IGNORECASE)


def found(text: str) -> list[str]:
    """The banned words in their lines."""
    return [line.strip()[:120] for line in text.splitlines() if _PATTERN.search(line)]


def texts_of(rule: Rule) -> Iterator[str]:
    yield from (rule.summary, *msgspec.structs.astuple(rule.in_full.explanation))
    for example in rule.in_full.examples:
        yield from (example.title, example.expects)


def words_of(source: str) -> Iterator[str]:
    """Comments, docstrings and names of a module, the parts of a name as words."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING and token.string.endswith('"""')
        ):
            yield token.string
        elif token.type == tokenize.NAME:
            yield re.sub(r"_+|(?<=[a-z])(?=[A-Z])", " ", token.string)


PLAIN = ("kubectl_portcheck/**/*.py", "docs/**/*.py", "tests/**/*.py")
MODULES = sorted(path for pattern in PLAIN for path in ROOT.glob(pattern) if path != THIS)
DOCS = sorted(
    path for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md")
)
GOLDENS = sorted(p for p in (ROOT / "tests" / "golden").rglob("*") if p.is_file())


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_a_rule_speaks_plainly(rule: Rule) -> None:
    assert [line for text in texts_of(rule) for line in found(text)] == []


def test_the_help_speaks_plainly() -> None:
    assert found(arguments.parser().format_help()) == []


def test_the_list_of_demos_speaks_plainly() -> None:
    assert [line for s in SCENARIOS for line in found(str(s))] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_docs_speak_plainly(path: Path) -> None:
    assert found(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_code_speaks_plainly(path: Path) -> None:
    found_in = dict.fromkeys(w for text in words_of(path.read_text()) for w in found(text))
    assert list(found_in) == []


@pytest.mark.parametrize("path", GOLDENS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_the_reports_speak_plainly(path: Path) -> None:
    assert found(path.read_text()) == []


def test_the_list_finds_what_it_bans() -> None:
    for line in ("mended by hand", "It bears app=x", "1 of 1 pod", "Nobody listens", "all is well"):
        assert found(line)
    names = [
        word for text in words_of("def find_somebody(toldNothing): ...") for word in found(text)
    ]
    assert names == ["find somebody", "told Nothing"]
    assert not found("well-known ports; a knockout; the standalone mode")
