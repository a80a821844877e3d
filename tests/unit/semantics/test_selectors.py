"""Selectors, and labels that nearly match."""

import msgspec
import pytest

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.objects import LabelSelector
from kubectl_portcheck.semantics.selectors import (
    holds,
    matches,
    matches_workload,
    near_miss,
    nearest,
    parse_selector,
)


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


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a=", {"a": ""}, True),
        ("a=", {"a": "b"}, False),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {"a": "b"}, False),
        ("a!=b", {}, True),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("! a", {"a": "b"}, False),
        ("a in (b, c)", {"a": "c"}, True),
        ("a in (b,c)", {"a": "d"}, False),
        ("a in ()", {"a": ""}, True),
        ("a notin (b,c)", {"a": "b"}, False),
        ("a notin (b,c)", {"a": "d"}, True),
        ("a notin (b,c)", {}, True),
        ("a=b, c!=d ,!e,f in (g)", {"a": "b", "f": "g"}, True),
        ("a=b,c!=d", {"a": "b", "c": "d"}, False),
        ("app.kubernetes.io/name=x", {"app.kubernetes.io/name": "x"}, True),
        ("", {}, True),
    ],
)
def test_a_selector_as_kubectl_takes_it(text: str, labels: dict[str, str], expected: bool) -> None:
    assert holds(parse_selector(text), labels) is expected


@pytest.mark.parametrize("text", ["a=b c", "a=(b)", "a in b", ",a", "a in (b", "=b", "!"])
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(UsageError):
        parse_selector(text)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("In", "1", True),
        ("In", "3", False),
        ("In", None, False),
        ("NotIn", "1", False),
        ("NotIn", "3", True),
        ("NotIn", None, True),
        ("Exists", "3", True),
        ("Exists", None, False),
        ("DoesNotExist", "3", False),
        ("DoesNotExist", None, True),
    ],
)
def test_a_term_about_labels_that_are_or_are_not_known(
    operator: str, value: str | None, expected: bool
) -> None:
    values = ["1", "2"] if "In" in operator else None
    written = {"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}
    selector = msgspec.convert(written, LabelSelector)
    labels = {} if value is None else {"a": value}
    assert holds(selector, labels) is expected
    # Of labels that are not whole, one that is not there is not known.
    assert holds(selector, labels, whole=False) is (None if value is None else expected)
    failing = msgspec.convert({**written, "matchLabels": {"b": "1"}}, LabelSelector)
    assert holds(failing, {**labels, "b": "2"}, whole=False) is False


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({"app": "checkout"}, {"app": "chekout"}, ("app", "checkout", "chekout", None)),
        ({"app": "checkout"}, {"name": "checkout"}, ("app", "checkout", None, "name")),
        ({"app": "checkout"}, {"name": "cart"}, ("app", "checkout", None, None)),
        # A key that the selector has itself is not taken for another one.
        ({"app": "x", "tier": "x"}, {"tier": "x"}, ("app", "x", None, None)),
        ({"app": "x"}, {"application": "x", "a": "x"}, ("app", "x", None, "a")),
        ({"app": "x"}, {"app1": "x", "z": "x"}, ("app", "x", None, "app1")),
    ],
)
def test_the_one_term_that_fails(
    selector: dict[str, str], labels: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    found = near_miss(selector, labels)
    assert found is not None
    assert (found.key, found.wanted, found.found, found.found_key) == expected
    assert (found.closeness == 0) is (expected[2:] == (None, None))
