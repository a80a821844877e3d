"""Selectors, and labels that nearly match."""

import msgspec
import pytest

from kubectl_portcheck.model.objects import LabelSelector
from kubectl_portcheck.semantics.selectors import matches, matches_workload, near_miss, nearest


def test_a_selector_wants_all_of_its_labels() -> None:
    assert matches({"app": "a"}, {"app": "a", "x": "y"})
    assert not matches({"app": "a", "x": "z"}, {"app": "a", "x": "y"})
    assert not matches({}, {"app": "a"})


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"app": "a"}}, True),
        ({"matchLabels": {"app": "b"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "x", "operator": "Unheard"}]}, False),
        ({}, False),
    ],
)
def test_a_workloads_selector(selector: dict[str, object], expected: bool) -> None:
    found = msgspec.convert(selector, LabelSelector)
    assert matches_workload(found, {"app": "a"}) == expected


def test_a_slip_in_a_value() -> None:
    miss = near_miss({"app": "chekout", "tier": "web"}, {"app": "checkout", "tier": "web"})
    assert miss
    assert (miss.key, miss.wanted, miss.found) == ("app", "chekout", "checkout")
    assert miss.closeness > 0.8


def test_another_key_with_the_same_value() -> None:
    miss = near_miss({"app": "checkout"}, {"app.kubernetes.io/name": "checkout"})
    assert miss
    assert miss.found_key == "app.kubernetes.io/name"


def test_two_failing_terms_are_no_slip() -> None:
    assert near_miss({"a": "1", "b": "2"}, {"a": "3", "b": "4"}) is None
    assert near_miss({"a": "1"}, {"a": "1"}) is None


def test_the_nearest_name() -> None:
    assert nearest("chekout", ["checkout", "cart", "payment"]) == "checkout"
    assert nearest("zzz", ["checkout", "cart"]) is None
