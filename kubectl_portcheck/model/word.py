"""A closed set of words."""

from enum import Enum


class Word(str, Enum):
    """A member of a closed set of words, which is its own text wherever it is printed."""

    __str__ = str.__str__

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)
