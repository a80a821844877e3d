"""Answers that several walks of one run need, each asked for once, or once in a while."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """What was read, by key. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[Hashable, threading.Lock] = {}
        self._known: dict[Hashable, Any] = {}

    def __call__(
        self, key: Hashable, read: Callable[[], T], *, keeps: Callable[[Any], bool] = lambda _: True
    ) -> T:
        """What was read under this key; read now where it was not, or where it was not kept."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if key in self._known:
                known: T = self._known[key]
                return known
            found = read()
            if keeps(found):
                self._known[key] = found
            return found


class Lately:
    """What was found out within the last seconds, by key. Safe to use from several threads.

    Who asks while another one asks the same is given the same answer, a failure too.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._turns: dict[Hashable, threading.Lock] = {}
        self._known: dict[Hashable, tuple[float, float, Any]] = {}
        """When it was asked, when that was answered, and the answer."""

    def __call__(self, key: Hashable, ask: Callable[[], T], *, since: float = 0.0) -> T:
        """The answer, asked for now where the last one is older, or was asked for before ``since``
        on the monotonic clock."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if (last := self._known.get(key)) is not None:
                begun, ended, answer = last
                if begun >= since and time.monotonic() <= ended + self._seconds:
                    known: T = answer
                    return known
            begun = time.monotonic()
            found = ask()
            self._known[key] = begun, time.monotonic(), found
            return found
