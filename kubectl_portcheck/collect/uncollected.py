"""The garbage collector and the allocator, where they only cost."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The numbers that glibc has for them (malloc.h)."""
_KEPT_BYTES = 64 * 1024 * 1024
"""Larger than any answer that is read."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector: what is read is many objects and no garbage, and it looks at
    all of them again and again, for a third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # Straight into the oldest generation: else the next allocation looks at all of it.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def keep_freed_memory() -> None:
    """Let the buffers of one answer be used again for the next one.

    glibc gives each back to the system, which then has to clear it again, page by page: a fifth of
    the processor time of a large sweep. Another C library has no such call.
    """
    with suppress(ImportError, OSError, AttributeError, TypeError):
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, 2 * _KEPT_BYTES)
