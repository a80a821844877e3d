"""What is read without the library is what the library reads; other texts are left to it."""

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_portcheck.collect.manifests.files import File
from kubectl_portcheck.collect.manifests.objects import collected
from kubectl_portcheck.inputs import yaml_block, yaml_tree
from kubectl_portcheck.inputs.yaml_block import block_value
from kubectl_portcheck.inputs.yaml_values import Odd
from tests.unit.inputs.test_yaml_places import TEXTS, not_taken, published

TAKEN = {
    "a: 1\n": {"a": 1},
    "---\n# why\na: 1 # one\n\nb: x#y\n": {"a": 1, "b": "x#y"},
    "a:\n  b: c\nd: e": {"a": {"b": "c"}, "d": "e"},
    "a:\n- b\n- c: d\n  e: f\ng: h\n": {"a": ["b", {"c": "d", "e": "f"}], "g": "h"},
    "a:\n  -   b: 1\n      c: 2\n": {"a": [{"b": 1, "c": 2}]},
    "- a: 1\n- b\n": [{"a": 1}, "b"],
    "  a: 1\n  b: 2\n": {"a": 1, "b": 2},
    "$patch: delete\n": {"$patch": "delete"},
    "a:\n- b:\n  - c\n- d\n": {"a": [{"b": ["c"]}, "d"]},
    "a:\nb: ~\nc: null # none\nd: # nothing\n": {},
    "a: # more\n  b: c\n": {"a": {"b": "c"}},
    "a: \"x: y # z\"\nb: '{{' # c\nc: ''\n": {"a": "x: y # z", "b": "{{", "c": ""},
    "a: '80'\nb: 0644\nc: yes\nd: 1e3\ne: -1\nf: --x\n": {
        "a": "80",
        "b": 420,
        "c": True,
        "d": 1000,
        "e": -1,
        "f": "--x",
    },
    'a: [sh, "-c", 80]\nb: []\nc: {}\n': {"a": ["sh", "-c", 80], "b": [], "c": {}},
    "a: {b: c, d: '1' , e: 1}\n": {"a": {"b": "c", "d": "1", "e": 1}},
    "- {b: c} # d\n": [{"b": "c"}],
    "a: é\n": {"a": "é"},
    "a: |\n  x\n\n    y\n\n\nb: |-\n  z: '\n": {"a": "x\n\n  y\n", "b": "z: '"},
    "a:\n- |\n b\n- c: |-\n    d\n  e: f\n": {"a": ["b\n", {"c": "d", "e": "f"}]},
    "url: http://a:80/?b=c&d\n": {"url": "http://a:80/?b=c&d"},
}


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_taken(text: str) -> None:
    assert repr(block_value(text)) == repr(TAKEN[text])
    assert_alike(text)


NOT_TAKEN = (
    *("a: b: c\n", "a: b:\n", "a:\tb\n", "\ta: b\n", "a: &x b\n", "a: *x\n", "a: !x b\n"),
    *("a: b\n  c: d\n", "a: b\n  c\n", "a: b\n  - c\n", "a:\n  b: c\n d: e\n", "a: >\n  b\n"),
    *('a: "b\n  c"\n', 'a: "\\x41"\n', "a: 'it''s'\n", 'a: "b" c\n', "a: {b: {}}\n", "a: [[b]]\n"),
    *("a: 1\na: 2\n", "a: ~\na: 2\n", "<<: a\n", "? a\n: b\n", "'a': b\n", "a b: c\n", "a : b\n"),
    *(
        "a:\n- - b\n",
        "a:\n-\n",
        "a:\n- ~\n",
        "a: [~]\n",
        "a: [b,]\n",
        "a: [b: c]\n",
        "  a: b\nc: d\n",
    ),
    *("a: |\n\n  b\n", "a: |+\n  b\n", "a: |2\n  b\n", "a: |\nb: c\n", "a: |\n  b", "a: |"),
    *("  # b\na: |", "  # b\n- |-", "---\n  # b\na: |"),
    *("a: {b: c, b: d}\n", "a: {b: }\n", "a: {b:c}\n", "a: {b: c,}\n", "a: {b: c\n", "a: {é: b}"),
    *(
        "a: \ufeff\n",
        "a: \x7f\n",
        "a: \u2028\n",
        "a: \xa0b\n",
        "é: a\n",
        "a: b\r\n",
        "a: b\rc: d\n",
    ),
    *("%YAML 1.1\n---\na: b\n", "a: @b\n"),
    *("a: 1\n---\nb: 2\n", "a: 1\n...\n", "--- a\n", "---\n", "# a\n", "", "a\n", "a: - b\n"),
    *("a: b\n- c\n", "a:\n  - b\n - c\n", "a: %b\n", "a: ]\n", "a: |\n  b\n c: d\n", "- a\nb: c\n"),
)


@pytest.mark.parametrize("text", NOT_TAKEN)
def test_what_is_left_to_the_library(text: str) -> None:
    assert not taken(text)


def test_a_text_that_is_nested_too_deep_is_left_to_the_library() -> None:
    assert not taken("".join(f"{' ' * n}a:\n" for n in range(sys.getrecursionlimit())))


def taken(text: str) -> bool:
    try:
        block_value(text)
    except Odd:
        return False
    return True


def assert_alike(text: str) -> None:
    """What is taken is what the library says, which finds nothing wrong with it."""
    if not taken(text):
        return
    twice: list[yaml_tree.Twice] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_tree, "block_value", not_taken)
        root = yaml_tree.parse(text, twice)
        assert root is not None
        value = yaml_tree.Values(text).of(root)
        kept = yaml_tree.Values(text, nulls=True).of(root)
    # Types and order too: True is 1 for Python.
    assert (repr(block_value(text)), twice) == (repr(value), []), text
    assert repr(block_value(text, nulls=True)) == repr(kept), text


def test_most_published_manifests_are_taken_as_they_are() -> None:
    texts = published()
    for text in (*texts, *TEXTS):
        assert_alike(text)
    assert sum(map(taken, texts)) > len(texts) / 2


INDENTS = st.integers(0, 3).map(lambda n: " " * n)
DASHES = st.sampled_from(["", "", "- ", "-  ", "- - ", "-"])
KEYS = st.sampled_from(["a", "b", "c.d/e-f", "<<", "'a'", "a b", "1", "~", "y", "?", "é", ""])
COLONS = st.sampled_from([": ", ": ", ":", ":  ", " : ", "", ":\t"])
RESTS = st.sampled_from(
    [
        *("", "", "b", "80", "0x1F", "~", "yes", "-", "- b", "-b", "--- b", "b: c", "b:", "b:c"),
        *("# c", "b # c", "b#c", "b ", " ", '"b"', '"b" # c', '"b" c', '"b', "'b'", "'it''s'"),
        *(
            '"\\n"',
            "[]",
            "[a, 'b']",
            "[a",
            "[~]",
            "[a: b]",
            "{}",
            "{a: b}",
            "{a: b, c: 'd'}",
            "{a: ~}",
            "{a: b",
            "|",
            "|-",
            "|+",
            "| #",
        ),
        *("|2", ">", "&x b", "*x", "!b", "! b", "@b", "%b", "`b", "?", "? b", ":", ":b", "é", "\t"),
        *("=", "2001-01-01", "1_000", "1e3", ".5", "{{ x }}", "---", "...", "b, c", "]", "}"),
    ]
)
LINE = st.tuples(INDENTS, DASHES, KEYS, COLONS, RESTS).map("".join)
MADE = st.lists(
    LINE | st.sampled_from(["", "  ", "#", "  # b", "---", "..."]), min_size=1, max_size=8
)


@settings(max_examples=500, deadline=None)
@given(MADE, st.sampled_from(["\n", "\n", "\n", "\r\n"]), st.sampled_from(["\n", ""]))
def test_made_texts_are_read_alike(lines: list[str], ending: str, end: str) -> None:
    assert_alike(ending.join(lines) + end)


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_published_manifests_with_slips_are_read_alike(chance: random.Random) -> None:
    text = chance.choice(published())
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines)) if lines else 0
        line = lines[at] if lines else ""
        place = chance.randint(0, len(line))
        lines[at : at + 1] = chance.choice(
            [
                [],
                [line, line],
                [f" {line}"],
                [line[1:]],
                [line[:place], line[place:]],
                [f"{line[:place]}{chance.choice(list(NOISE))}{line[place:]}"],
            ]
        )
    assert_alike("\n".join(lines))


NOISE = " :-#|>'\"[]{},&*!%@`?~\\\t\ré"


def test_no_secret_is_remembered() -> None:
    """Lines of manifests are remembered until all are read, those of a kubeconfig not at all."""
    yaml_block.forget()
    block_value("token: abc\nuser: ~\n", nulls=True, secret=True)
    assert not yaml_block._known
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  password: abc\n"
    file = File("a.yaml", "a.yaml", text)
    assert [o.name for o in collected([file]).objects] == ["a"]
    assert not yaml_block._known


def test_a_line_that_occurs_again_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    before = yaml_block._line

    def line(body: str) -> object:
        read.append(body)
        return before(body)

    monkeypatch.setattr(yaml_block, "_line", line)
    yaml_block.forget()
    text = "spec:\n  ports:\n  - port: 80\n    name: a\n"
    values = [block_value(text.replace("name: a", f"name: {n}")) for n in "abcabc"]
    assert len(values) == 6
    assert [body for body in read if body] == ["spec:", "ports:", "- port: 80", *NAMES]
    yaml_block.forget()


NAMES = ("name: a", "name: b", "name: c")
