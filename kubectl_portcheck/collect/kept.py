"""How much is kept of what was read."""

import threading

from kubectl_portcheck.model.base import Record


class Kept:
    """Counts the values that are kept, so that they stay within a limit. Safe in threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._lock = threading.Lock()

    def add(self, value: object) -> None:
        """Counts what this holds. Raises ValueError where it is too much."""
        count = values_of(value)
        with self._lock:
            self._count += count
            if self._count > self._most:
                raise ValueError(f"there are more than {self._most} values to keep")


def values_of(value: object) -> int:
    """How many values this holds; a long text counts as several, and nothing as none."""
    if not value:
        return 0
    if isinstance(value, str):
        return 1 + len(value) // 64
    if isinstance(value, Record):
        return 1 + sum(values_of(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, tuple):
        return 1 + sum(map(values_of, value))
    if isinstance(value, dict):
        return 1 + sum(values_of(k) + values_of(v) for k, v in value.items())
    return 0
