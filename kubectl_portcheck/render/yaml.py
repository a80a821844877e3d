"""``-o yaml``: the JSON report, field for field, as YAML.

Written by hand, since it needs but a small and safe part of YAML: block style, plain words, and
double quotes for every other text. What it writes is ASCII.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.regex import regex
from kubectl_portcheck.render.json import report_json

# A word that no YAML reader, of 1.1 or 1.2, takes for anything but a text.
_PLAIN: Final = regex(r"[A-Za-z][A-Za-z0-9]*(?:[ ./_-][A-Za-z0-9]+)*")
_RESERVED: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def render_yaml(report: Report, version: str) -> str:
    """The report as one YAML document of the JSON schema's fields, in the same order."""
    return "".join(f"{row}\n" for row in _block(report_json(report, version), 0))


def _block(value: object, depth: int) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            if _is_block(item):
                yield f"{pad}{_text(str(key))}:"
                yield from _block(item, depth + (not isinstance(item, list)))
            else:
                yield f"{pad}{_text(str(key))}: {_scalar(item)}"
    elif isinstance(value, list):
        for item in value:
            if _is_block(item):
                first, *others = _block(item, depth + 1)
                yield f"{pad}- {first.lstrip(' ')}"
                yield from others
            else:
                yield f"{pad}- {_scalar(item)}"


def _is_block(value: object) -> bool:
    return isinstance(value, (Mapping, list)) and bool(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return f'"{"".join(map(_char, text))}"'


def _char(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if " " <= char <= "~":
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
