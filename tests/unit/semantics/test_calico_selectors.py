"""Calico's selector language, compared with one that asks the labels expression by expression.

The model has the labels that Calico gives to pods and namespaces: a pod has the name of its
namespace as ``projectcalico.org/namespace`` and the namespace's labels behind ``pcns.``, and a
namespace has its name as ``projectcalico.org/name``.
"""

import random
from collections.abc import Callable, Mapping, Sequence

import pytest

from kubectl_portcheck.semantics.guards.calico_selectors import (
    MOST_DEPTH,
    MOST_TOKENS,
    MOST_WAYS,
    NotCompared,
    selectors,
    ways,
)
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME
from kubectl_portcheck.semantics.selectors import holds

Labels = Mapping[str, str]
Expression = tuple[str, Callable[[Labels], bool]]
Keys = Sequence[tuple[str, tuple[str, ...]]]

PODS: list[Labels] = [{}, {"a": "1"}, {"a": "2", "b": "1"}, {"b": "2", NAMESPACE_NAME: "front"}]
SPACES: dict[str, Labels] = {"front": {}, "shop": {"a": "1"}, "back": {"a": "2", "b": "1"}}
OF_PODS = [
    ("a", ("1", "2")),
    ("b", ("1", "2")),
    ("projectcalico.org/orchestrator", ("k8s", "vm")),
    ("projectcalico.org/namespace", ("front", "shop")),
    ("projectcalico.org/name", ("front", "shop")),
    ("pcns.projectcalico.org/name", ("front", "shop")),
    ("pcns.a", ("1", "2")),
    (NAMESPACE_NAME, ("front", "shop")),
]
OF_SPACES = [
    ("a", ("1", "2")),
    ("b", ("1", "2")),
    ("projectcalico.org/name", ("front", "shop")),
    ("projectcalico.org/namespace", ("front", "shop")),
    ("projectcalico.org/orchestrator", ("k8s", "vm")),
]


def of_pod(own: Labels, space: str) -> Labels:
    behind = {f"pcns.{k}": v for k, v in of_space(space).items()}
    names = {"projectcalico.org/namespace": space, "projectcalico.org/orchestrator": "k8s"}
    return {**own, **behind, **names}


def of_space(space: str) -> Labels:
    return {**SPACES[space], NAMESPACE_NAME: space, "projectcalico.org/name": space}


def some(random_: random.Random, keys: Keys, depth: int) -> Expression:
    """An expression and what it means."""
    kind = random_.choice(("term", "term", "term", "and", "or", "not") if depth else ("term",))
    if kind == "term":
        return term(random_, *random_.choice(keys))
    left, holds_left = some(random_, keys, depth - 1)
    if kind == "not":
        return f"!({left})", lambda labels: not holds_left(labels)
    right, holds_right = some(random_, keys, depth - 1)
    if kind == "and":
        return f"({left}) && ({right})", lambda labels: holds_left(labels) and holds_right(labels)
    return f"({left}) || ({right})", lambda labels: holds_left(labels) or holds_right(labels)


def term(random_: random.Random, key: str, values: tuple[str, ...]) -> Expression:
    value = random_.choice(values)
    every: list[Expression] = [
        ("all()", lambda _: True),
        ("global()", lambda _: False),
        (f"has({key})", lambda labels: key in labels),
        (f"! has({key})", lambda labels: key not in labels),
        (f"{key} == '{value}'", lambda labels: labels.get(key) == value),
        (f'{key} != "{value}"', lambda labels: labels.get(key) != value),
        (f"{key} in {{'{value}', 'x'}}", lambda labels: labels.get(key) in (value, "x")),
        (f"{key} not in {{'{value}', 'x',}}", lambda labels: labels.get(key) not in (value, "x")),
        (f"{key} in {{}}", lambda _: False),
    ]
    return random_.choice(every)


def meant(pods: str, namespaces: str, home: str, own: Labels, space: str) -> bool:
    labels = {**SPACES[space], NAMESPACE_NAME: space}
    found = selectors(pods, namespaces, home, others=False)
    return any(
        s.namespaces is not None and holds(s.pods, own) and holds(s.namespaces, labels) is True
        for s in found
    )


@pytest.mark.parametrize("seed", range(4))
def test_every_expression_means_what_the_model_says(seed: int) -> None:
    random_ = random.Random(seed)
    refused = 0
    for _ in range(100):
        pods, holds_pod = some(random_, OF_PODS, 3)
        namespaces, holds_space = some(random_, OF_SPACES, 2)
        for own in PODS:
            for space in SPACES:
                try:
                    found = meant(pods, namespaces, "back", own, space)
                except NotCompared:
                    refused += 1
                    continue
                expected = holds_pod(of_pod(own, space)) and holds_space(of_space(space))
                assert found == expected, (pods, namespaces, own, space)
    assert refused < 12, "only what has too many alternatives"


@pytest.mark.parametrize(
    ("namespaces", "home", "expected"),
    [
        ("", "shop", {"shop"}),
        ("", "", {"front", "shop", "back"}),
        ("all()", "shop", {"front", "shop", "back"}),
        ("global()", "shop", set()),
        ("has(b)", "shop", {"back"}),
    ],
)
def test_which_namespaces_are_meant(namespaces: str, home: str, expected: set[str]) -> None:
    assert {s for s in SPACES if meant("", namespaces, home, {}, s)} == expected


@pytest.mark.parametrize(
    "key", ["pcsa.a", "projectcalico.org/serviceaccount", "pcsa.projectcalico.org/name"]
)
def test_service_accounts_are_not_compared(key: str) -> None:
    with pytest.raises(NotCompared):
        selectors(f"has({key})", "", "", others=False)


def alternatives(number: int) -> str:
    return " || ".join("has(a)" for _ in range(number))


def test_the_bounds() -> None:
    assert len(ways(alternatives(MOST_WAYS))) == MOST_WAYS
    deep = "(" * MOST_DEPTH + "all()" + ")" * MOST_DEPTH
    assert ways(deep) == ((),)
    eight = alternatives(8)
    assert len(ways(f"({eight}) && ({eight})")) == MOST_WAYS
    assert len(selectors(eight, eight, "", others=False)) == MOST_WAYS
    nine = alternatives(9)
    for text in (alternatives(MOST_WAYS + 1), f"({deep})", f"({eight}) && ({nine})"):
        with pytest.raises(NotCompared):
            ways(text)
    with pytest.raises(NotCompared):
        selectors(eight, nine, "", others=False)


def test_a_long_set_is_read_up_to_the_most_tokens() -> None:
    # A key, "in", two braces, and a value and a comma for each.
    most = (MOST_TOKENS - 4) // 2
    assert ways("a in {" + "'1'," * most + "}")
    with pytest.raises(NotCompared):
        ways("a in {" + "'1'," * most + "'1'}")
