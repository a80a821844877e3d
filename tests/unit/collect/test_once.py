"""What several walks of one run share."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kubectl_portcheck.collect.cluster.once import Lately, Once


class Asked:
    """A question that counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def test_it_is_asked_once_for_each_key() -> None:
    share, ask = Once(), Asked()
    assert [share(key, ask) for key in ("a", "a", "b", "a")] == [1, 1, 2, 1]


def test_what_is_not_kept_is_asked_again() -> None:
    share, ask = Once(), Asked()
    assert [share("a", ask, keeps=lambda found: found > 1) for _ in range(4)] == [1, 2, 2, 2]


@pytest.mark.parametrize("share", [Once(), Lately(60)])
def test_who_asks_meanwhile_waits_for_the_same_answer(share: Callable[..., int]) -> None:
    ask, begun, go_on = Asked(), threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go_on.wait(30)
        return ask()

    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(share, "a", slow) for _ in range(8)]
        assert begun.wait(30)
        go_on.set()
        assert {a.result(30) for a in asking} == {1}


@pytest.mark.parametrize("share", [Once(), Lately(60)])
def test_a_question_that_raises_is_asked_again(share: Callable[..., int]) -> None:
    def fail() -> int:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        share("a", fail)
    assert share("a", Asked()) == 1


def test_an_older_answer_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    share, ask = Lately(5), Asked()
    found = []
    for now[0] in (1000.0, 1004.9, 1005.1, 1010.0, 1010.2):
        found.append(share("a", ask))
    assert found == [1, 1, 2, 2, 3]


def test_what_was_asked_before_is_not_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    share, ask = Lately(5), Asked()

    def slow() -> int:
        now[0] += 2
        return ask()

    assert [share("a", slow), share("a", slow, since=1001.0), share("a", slow, since=1002.0)] == [
        *(1, 2, 2)
    ]
