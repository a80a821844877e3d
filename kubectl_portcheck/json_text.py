"""JSON in ASCII: a text of others that is shown in it controls no terminal."""

import re
from typing import Any


def json_of(value: Any) -> str:
    """The value as JSON on one line, in which a space follows each comma and colon."""
    import msgspec

    return in_ascii(msgspec.json.format(msgspec.json.encode(value), indent=0))


def in_ascii(raw: bytes) -> str:
    """The JSON text, in which every character that no ASCII terminal prints is escaped."""
    text = raw.decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(r"[^\n -~]", lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
