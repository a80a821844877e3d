"""The garbage collector, where it only costs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
