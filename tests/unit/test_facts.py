"""Facts until the renderer: no code reads a sentence back that other code has made."""

import re
from pathlib import Path

import pytest

import kubectl_portcheck

ROOT = Path(kubectl_portcheck.__file__).parent
PURE = ("render", "diagnosis", "rules", "semantics", "model", "commands")

READERS = {
    "a missing right in words": r"is forbidden\W*\"",
    "evidence taken apart at a colon": r"""(partition|split)\(["']: ["']\)""",
    "a share stripped from a sentence": r"\\d\+ of \\d",
    "a command taken apart": r"\bshlex\b",
    "a patch read from a command": r"json\.loads\(.*command",
    "a note marked by its first word": r"""["']note: ["']""",
    "the beginning of a sentence": r"(summary|headline|why|title|text|detail|reason)"
    r"(\.lower\(\))?\.(starts|ends)with\(",
    "a row of the picture taken apart": r"""partition\(["'][^"']*[◀←;]""",
    "a request taken apart": r"request\.(partition|startswith)\(",
    "a part of a sentence": r"\b(removeprefix|removesuffix)\([^)]*\b(of|pods?|The)\b",
}
ALLOWED = {
    # The kubelet's, a runtime's or the API server's words, which nothing in the program made.
    ("rules/pc503_pod_resets.py", "the beginning of a sentence"),
    # The type that holds the request says what its parts are.
    ("model/probes.py", "a request taken apart"),
}


@pytest.mark.parametrize("what", READERS)
def test_nothing_reads_a_sentence_back(what: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in PURE
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if re.search(READERS[what], line)
        and not line.lstrip().startswith(("#", '"""'))
        and (str(file.relative_to(ROOT)), what) not in ALLOWED
    ]
    assert not found, what


def test_edits_of_files_and_commands_derive_from_the_same_patch() -> None:
    edits = (ROOT / "collect" / "manifests" / "edits.py").read_text()
    assert ".command" not in edits
