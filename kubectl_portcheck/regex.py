"""Regular expressions that are compiled when they are first used.

A run uses a few of them, and compiling all takes a tenth of the time of a short one.
"""

import re
from typing import Any, AnyStr, Generic, cast


class _Regex(Generic[AnyStr]):
    """A pattern that is compiled at its first use, after which a method is as fast as its own."""

    def __init__(self, pattern: AnyStr, flags: int) -> None:
        self.pattern: AnyStr = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Only asked for what is not there yet."""
        found = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, found)
        return found


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """The pattern, as ``re.compile`` gives it. A mistake in it shows at its first use."""
    return cast("re.Pattern[AnyStr]", _Regex(pattern, flags))
