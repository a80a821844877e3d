"""Which namespaces are in a part of a cluster."""

from collections import Counter

import pytest

from kubectl_portcheck.collect.shards import Shard, parse_shard
from kubectl_portcheck.errors import UsageError

NAMES = [f"team-{n}" for n in range(1000)]


@pytest.mark.parametrize("of", [1, 2, 3, 10])
def test_each_namespace_is_in_one_part(of: int) -> None:
    parts = [Shard(n, of) for n in range(1, of + 1)]
    found = Counter(sum(part.has(name) for part in parts) for name in NAMES)
    assert found == {1: len(NAMES)}


def test_the_parts_are_of_about_the_same_size() -> None:
    sizes = Counter(n for name in NAMES for n in range(1, 11) if Shard(n, 10).has(name))
    assert min(sizes.values()) > 70


def test_the_hash_stays_what_it_is() -> None:
    """Reports of two versions of the program are merged."""
    found = {name: n for name in NAMES[:6] for n in range(1, 5) if Shard(n, 4).has(name)}
    assert list(found.values()) == [2, 4, 2, 4, 3, 4]


def test_the_part_0_is_the_last_one() -> None:
    assert parse_shard("0/4") == parse_shard("4/4")
    assert str(parse_shard("0/4")) == "4/4"


@pytest.mark.parametrize(
    "text", ["", "3", "5/4", "1/0", "0/0", "-1/4", "1/4/4", "a/b", "1/1001", "١/٤"]
)
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)
