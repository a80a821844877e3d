"""A part of a cluster: the namespaces whose names hash to one number out of several.

The hash is stable: it depends on nothing but the name, on every machine and in every version.
"""

import hashlib
import re
from typing import NamedTuple

from kubectl_portcheck.errors import UsageError

MOST_SHARDS = 1000
"""Into how many parts a cluster can be divided."""


class Shard(NamedTuple):
    """One part out of several."""

    number: int
    """From 1 to the number of parts."""
    of: int

    def __str__(self) -> str:
        """``3/10``."""
        return f"{self.number}/{self.of}"

    def has(self, namespace: str) -> bool:
        """Say whether a namespace is in this part."""
        digest = hashlib.sha256(namespace.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number % self.of


def parse_shard(text: str) -> Shard:
    """Read ``3/10``. Raises UsageError.

    ``0/10`` is the last part, ``10/10``: an Indexed Job counts from 0.
    """
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= of <= MOST_SHARDS or number > of:
        raise UsageError(
            f'invalid argument "{text}" for "--shard" flag: write N/OF, such as 3/10, with at most '
            f"{MOST_SHARDS} parts"
        )
    return Shard(number or of, of)
