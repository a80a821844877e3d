"""The words of a report that belong to no renderer."""

import pytest

from kubectl_portcheck.model.kinds import ALL
from kubectl_portcheck.model.report import begun


@pytest.mark.parametrize("kind", sorted({kind.name for kind in ALL}))
def test_a_sentence_that_begins_with_a_kind_keeps_its_letter(kind: str) -> None:
    assert begun(f"{kind} shop is there") == f"{kind} shop is there"


@pytest.mark.parametrize(
    ("sentence", "after"),
    [
        ("The selector matches no pod", "the selector matches no pod"),
        ("TLS is spoken there", "TLS is spoken there"),
        ("Istio takes it", "Istio takes it"),
    ],
)
def test_other_sentences_go_on_in_small_letters(sentence: str, after: str) -> None:
    assert begun(sentence) == after
