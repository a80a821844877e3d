"""Threads that mostly wait are kept on one processor, and only as long as asked for."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kubectl_portcheck.collect.cluster import one_processor
from kubectl_portcheck.collect.cluster.one_processor import on_one_processor


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep a thread on a processor")
def test_threads_that_are_started_meanwhile_stay_on_one_processor() -> None:
    before = os.sched_getaffinity(0)
    with on_one_processor():
        here = os.sched_getaffinity(0)
        with ThreadPoolExecutor(1) as pool:
            there = pool.submit(os.sched_getaffinity, 0).result()
    assert len(here) == 1
    assert here <= before
    assert there == here
    assert os.sched_getaffinity(0) == before


def test_without_a_lock_around_python_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    _changes_nothing(monkeypatch)


def test_elsewhere_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    _changes_nothing(monkeypatch)


def _changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda *args: asked.append(args), raising=False)
    with on_one_processor():
        pass
    assert not asked


def test_where_it_is_not_known_any_processor_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_processor, "open", _no_file, raising=False)
    assert one_processor._this_processor({3, 5}) == 3


def _no_file(*_: object) -> None:
    raise FileNotFoundError
