"""Which characters must not reach a reader as they are, and how they are written instead."""

from typing import Final

_BLANKS: Final = frozenset("\t\n\v\f\r\x85\u2028\u2029")

# Printable by Unicode's categories, and yet drawn as nothing: they hide inside names.
_INVISIBLE: Final = frozenset(
    map(
        chr,
        (
            0x034F,  # combining grapheme joiner
            *(0x115F, 0x1160, 0x3164, 0xFFA0),  # Hangul fillers
            *(0x17B4, 0x17B5),  # Khmer inherent vowels
            *range(0x180B, 0x1810),  # Mongolian variation selectors
            0x2800,  # blank Braille pattern
            *range(0xFE00, 0xFE10),  # variation selectors
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def is_unsafe(char: str) -> bool:
    """Whether a character may steer a terminal, reorder its neighbours or hide itself.

    These are the control characters (escape sequences begin with one), format characters
    (bidirectional controls, zero-width ones), line separators, lone surrogates, private and
    unassigned characters. Unusual spaces are harmless: they are not counted here.
    """
    if char.isprintable():
        return char in _INVISIBLE
    return not char.isspace() or char in _BLANKS or "\x1c" <= char <= "\x1f"


def is_safe(text: str) -> bool:
    """Whether a text can be shown as it is."""
    return text.isprintable() and not (not text.isascii() and any(c in _INVISIBLE for c in text))


def escape(char: str) -> str:
    """The visible replacement of an unsafe character: ``\\x1b``, ``\\u202e``; a space for a
    break."""
    if char in _BLANKS:
        return " "
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
