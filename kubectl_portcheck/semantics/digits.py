"""Numbers in texts from outside."""

LONGEST = 9
"""Digits; Python itself refuses to read more than 4,300, with an error."""


def number_of(text: str) -> int | None:
    """Return the number that a text is, or None where it is none or a far too long one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST else None
