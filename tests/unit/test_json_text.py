"""JSON in ASCII, as Python's own library writes it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.json_text import in_ascii, json_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_it_is_that_of_pythons_library(value: object) -> None:
    assert json_of(value) == json.dumps(value)
    assert in_ascii(msgspec.json.encode(value)) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("text", ["\x7f", "\x9b31m", "\u202e", "é", "\U0001f600"])
def test_it_controls_no_terminal(text: str) -> None:
    made = json_of(text)
    assert made.isascii()
    assert made.isprintable()
    assert json.loads(made) == text
