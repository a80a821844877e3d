"""What may be asked about."""

import pytest

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("svc/checkout", Target("checkout")),
        ("service/checkout", Target("checkout")),
        ("services/checkout", Target("checkout")),
        ("checkout", Target("checkout")),
        ("checkout:80", Target("checkout", 80)),
        ("svc/checkout:http", Target("checkout", "http")),
    ],
)
def test_spellings(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "svc/",
        "node/x",
        "a/b/c",
        "Checkout",
        "checkout:",
        "checkout:0",
        "checkout:65536",
        "checkout:99999999999999999999",
        "checkout:-1",
        "checkout:٣",
        "x" * 64,
        "a b",
        "svc/\x1b[31m",
    ],
)
def test_what_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_target(text)
    assert refused.value.hint
    assert "\x1b" not in refused.value.message
