"""Every place in a YAML document is the one that PyYAML's own parser gives it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_portcheck.collect.manifests import documents
from kubectl_portcheck.collect.manifests.files import BOM
from kubectl_portcheck.inputs import yaml_library, yaml_tree
from kubectl_portcheck.inputs.yaml_values import Odd

CORPUS = Path(__file__).parents[2] / "corpus" / "manifests"

Place = tuple[object, ...]

TEXTS = (
    "kind: Service\nmetadata: {name: a, labels: {}}\nspec:\n  ports:\n  - port: 80\n  - {a: []}\n",
    '{"kind": "Service", "spec": {"ports": [{"port": 80}, null, "\\u00e9"]}}',
    "a: |\n  ---\n  kind: Pod\nb: >-\n  folded\n  text\nc: 'it''s'\n",
    "a: 1\r\nb:\r\n- x\r\n- y # z\r\n# the end\r\n",
    "# before\n---\n# behind\na: b\n",
    "%YAML 1.2\n---\na: b\n",
    "---\n",
    "# nothing\n",
    "a:\n  b:\n",
    "a: ~\nb: null\nc: Null\nd:\n- null\n- 1\n",
    "? a\n: b\n? [x]\n: c\n",
    "a: 1\na: 2\n",
    "a: null\na: 2\n",
    "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n",
    "a: *x\n",
    '{"a":&x 1,"b":*x}',
    "&x a: b\n",
    "[! 80, !, 'a' , ! ]",
    "a: !\nb: x\n",
    "! 80",
    "!",
    "a: what! not\nb: !x\n",
    "<<: {a: 1}\nb: 2\n",
    "'<<': {a: 1}\n",
    "a: !!str 80\nb: !!int '80'\nc: !own x\nd: ! 80\ne: !!map {a: 1}\n",
    "command: [sh, -c, 'a && b &c']\nurl: http://a/?b=1&c=2\n",
    "a: b && c\nd: e &f\n",
    "port: 0x50\nmode: 0644\nsize: 1_000\nfar: 1e3\nyes: off\nlong: 123456789012345678901\n",
    "\u00e9: \U0001f600\nb: \u2028c\n",
    "a:\n\tb: 1\n",
    "a: [1\n",
    "a: b: c\n",
    "a: 1\n---\nb: 2\n",
    "a: 1\n...\n",
    "- - - 1\n  - 2\n- a: b\n  c: d\n",
    '"a\\\n  b": "c\n  d"\n',
    f"{BOM}a: b\n",
    "a: '\0'\n",
    "[" * 150 + "]" * 150,
    "[" * 90 + "]" * 90,
    "".join(f"{' ' * n}a:\n" for n in range(70)),
    "[" * 20 + "]" * 20,
    "".join(f"{' ' * n}a:\n" for n in range(95)),
    "a:\r- - 1\r",
)


def published() -> list[str]:
    """The documents of the corpus."""
    texts = [p.read_text() for p in sorted(CORPUS.rglob("*.y*ml"))]
    return [piece for text in texts for _, piece in documents._split(text)]


def places(node: yaml_tree.Node | None) -> Iterator[Place]:
    """All that is known of a tree, in the order of its text; of an alias its own place."""
    if isinstance(node, yaml_tree.Scalar):
        yield "scalar", node.start, node.end, node.text, node.plain, node.tag
    elif isinstance(node, yaml_tree.Sequence):
        yield "list", node.start, node.end, node.flow
        for item in node.items:
            yield from places(item)
    elif isinstance(node, yaml_tree.Mapping):
        yield "mapping", node.start, node.end, node.flow
        for key, value in node.pairs:
            yield from places(key)
            yield from places(value)
    elif node is not None:
        yield "alias", node.start, node.end


def read(text: str) -> tuple[object, ...]:
    """What becomes of a text: its places and values, or what is wrong with it and where."""
    twice: list[yaml_tree.Twice] = []
    try:
        root = yaml_tree.parse(text, twice)
        # Values first, then places, and the other way round: one must not spoil the other.
        value = None if root is None else yaml_tree.Values(text).of(root)
        found = list(places(root))
        again = None if root is None else yaml_tree.Values(text).of(root)
        kept = yaml_tree.parse(text)
        nulls = None if kept is None else yaml_tree.Values(text, nulls=True).of(kept)
    except yaml_tree.Broken as error:
        return "broken", error.index, error.reason
    assert value == again
    return found, value, nulls, twice


def not_taken(text: str, *, nulls: bool = False) -> None:
    raise Odd


def by_events(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """The same, read by the library's events."""
    with monkeypatch.context() as patch:
        patch.setattr(yaml_tree, "block_value", not_taken)
        patch.setattr(yaml_library, "_Composer", None)
        return read(text)


def by_pyyaml(text: str) -> list[Place]:
    """The places by PyYAML's parser that is written in Python."""
    return list(_marks(yaml.compose(text, yaml.BaseLoader)))


def _marks(node: Any) -> Iterator[Place]:
    if node is None:
        return
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode):
        yield "scalar", start, end, node.value
        return
    yield "list" if isinstance(node, yaml.SequenceNode) else "mapping", start, end
    for item in node.value:
        for each in item if isinstance(item, tuple) else (item,):
            yield from _marks(each)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_fast_way_reads_what_the_slow_one_reads(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(text) == by_events(text, monkeypatch)


def test_every_place_in_published_manifests_is_that_of_pyyaml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fast = 0
    for text in published():
        found = read(text)
        assert found == by_events(text, monkeypatch)
        with_aliases = yaml_library._MARKED.search(text) is not None
        if found[0] != "broken" and not with_aliases:
            assert isinstance(found[0], list)
            ends = [place[:4] if place[0] == "scalar" else place[:3] for place in found[0]]
            assert ends == by_pyyaml(text)
            fast += 1
    assert fast > 300


WORDS = st.sampled_from(
    ["a", "kind", "b c", "8080", "0x1F", "null", "~", "yes", "", "é", "#x", "x: y", "&z", "*z", "-"]
)
VALUES = st.recursive(
    WORDS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(VALUES, st.booleans() | st.none(), st.sampled_from([None, '"', "|", ">"]))
def test_every_place_in_made_yaml_is_that_of_pyyaml(
    value: object, flow: bool | None, style: str | None
) -> None:
    text = yaml.safe_dump(
        value, default_flow_style=flow, default_style=style, allow_unicode=True, width=30
    )
    with pytest.MonkeyPatch.context() as patch:
        assert read(text) == by_events(text, patch)
    found = read(text)
    if found[0] != "broken" and not yaml_library._MARKED.search(text):
        assert isinstance(found[0], list)
        ends = [place[:4] if place[0] == "scalar" else place[:3] for place in found[0]]
        assert ends == by_pyyaml(text)


LINES = st.lists(
    st.sampled_from(
        ["---", "--- a", "----", "...", "....", " ---", "a: b", "kind: Pod", "%YAML 1.1", "\r", ""]
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", BOM]))
def test_a_file_is_split_where_a_line_begins_with_a_marker(
    lines: list[str], ending: str, bom: str
) -> None:
    text = bom + ending.join(lines)
    marker = re.compile(r"^(---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
    wanted, start = [], len(bom)
    for found in marker.finditer(text.removeprefix(BOM)):
        at = found.start() + len(bom)
        piece = text[start:at]
        if found[1] == "---" and documents._only_directives(piece):
            continue
        wanted.append((start, piece))
        start = at if found[1] == "---" else at + 3
    assert list(documents._split(text)) == [*wanted, (start, text[start:])]
