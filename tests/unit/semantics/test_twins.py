"""Which workloads replace one another."""

import pytest

from kubectl_portcheck.semantics.twins import are_twins


@pytest.mark.parametrize(
    ("one", "other", "twins"),
    [
        ("blue", "green", True),
        ("checkout-blue", "checkout-green", True),
        ("checkout", "checkout-v2", True),
        ("v1", "v2", True),
        ("checkout-stable", "checkout-canary", True),
        ("web", "worker", False),
        ("checkout", "payment", False),
        ("web-blue", "worker-green", False),
        ("blue", "blue", False),
    ],
)
def test_they_differ_only_in_a_side_or_a_version(one: str, other: str, twins: bool) -> None:
    assert are_twins(one, other) is twins
