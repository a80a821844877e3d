"""What the files of the rules declare, as the catalogue lists it: ``python -m tests.rule_table``.

A diagnosis loads the catalogue at its start, and the file of a rule only when its check runs. What
``--explain`` says of all of them is kept beside it.
"""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

import msgspec

from kubectl_portcheck import rules
from kubectl_portcheck.rules.declared import Explanation, Rule, module_of

FOLDER = Path(str(rules.__file__)).parent
TABLE = FOLDER / "table.py"
TEXTS = FOLDER / "texts.json"
_HEAD = '''\
"""The catalogue of problems: what each rule declares of itself. Its file has the rest.

Made from the files by ``python -m tests.rule_table``; change those.
"""

from kubectl_portcheck.rules.declared import Clue, Need, Rule, When, Worth, listed

CATALOGUE: tuple[Rule, ...] = (
'''
IN_THE_FILE = ("explanation", "examples", "check", "check_service")
_FIRST = ("code", "name", "severity", "summary")


def in_files() -> list[Rule]:
    """The rules as their files have them, in the order of their codes."""
    names = sorted(path.stem for path in FOLDER.glob("pc[0-9]*.py"))
    found: list[Rule] = [import_module(f"{rules.__name__}.{name}").RULE for name in names]
    assert [module_of(rule.code, rule.name) for rule in found] == names
    return found


def table(found: list[Rule]) -> str:
    """The module that lists them."""
    made = _HEAD + "".join(f"    listed({', '.join(_words(rule))}),\n" for rule in found) + ")\n"
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TABLE), "-"],
        input=made,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def texts(found: list[Rule]) -> str:
    """The file with what ``--explain`` says of them."""
    raw = msgspec.json.encode([rule.texts._asdict() for rule in found])
    return f"{msgspec.json.format(raw, indent=1).decode()}\n"


def _words(rule: Rule) -> Iterator[str]:
    yield from (_word(getattr(rule, name)) for name in _FIRST[:-1])
    yield _text(rule.summary)
    yield f"runs_for={'port' if rule.check else 'service'!r}"
    plain = Rule("", "", "error", "", (), (), Explanation("", "", "", ""), ())
    for name in Rule.__struct_fields__:
        value = getattr(rule, name)
        if name not in (*_FIRST, *IN_THE_FILE) and value != getattr(plain, name):
            yield f"{name}={_word(value)}"


def _word(value: object) -> str:
    if isinstance(value, tuple):
        words = ", ".join(map(_word, value))
        return f"({words},)" if len(value) == 1 else f"({words})"
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _text(summary: str) -> str:
    """A summary, on lines that are not too long."""
    lines = textwrap.wrap(summary, 84, drop_whitespace=False)
    return "\n".join(map(repr, lines))


if __name__ == "__main__":
    TABLE.write_text(table(in_files()), encoding="utf-8")
    TEXTS.write_text(texts(in_files()), encoding="utf-8")
