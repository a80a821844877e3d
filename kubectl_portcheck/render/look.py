"""How a report is drawn: the width, the signs, the colours. Chosen once, then passed along."""

from typing import Final, NamedTuple

from kubectl_portcheck.render.text import ascii_only

SIGNS: Final = {"pass": "✓", "warn": "!", "fail": "✗", "skipped": "–"}
_ASCII_SIGNS: Final = {"pass": "ok", "warn": "!", "fail": "X", "skipped": "-"}
_WORDS: Final = {"pass": "pass", "warn": "warning", "fail": "fail", "skipped": "skipped"}

VERDICT_STATUS: Final = {
    "healthy": "pass",
    "degraded": "warn",
    "broken": "fail",
    "inconclusive": "skipped",
}
"""A verdict is drawn with the sign and the colour of a step's status."""


class Look(NamedTuple):
    """How a report is drawn."""

    width: int | None = 80
    """Columns; None where lines must stay whole, as in a pipe."""
    unicode: bool = True
    plain: bool = False
    """Words instead of signs and pictures, for a screen reader."""
    wide: bool = False
    """Everything, and no name cut."""
    color: bool = False
    cursor: bool = False
    """Whether what was written can be erased again, as on a terminal that is not dumb."""

    @property
    def columns(self) -> int:
        """The width, as a number that can be compared with."""
        return max(self.width, 40) if self.width is not None else 1_000_000

    @property
    def ellipsis(self) -> str:
        """What is put where a text was cut."""
        return "…" if self.unicode else "..."

    def sign(self, status: str) -> str:
        """The sign of a step's status, always followed by a blank or two."""
        if self.plain:
            return _WORDS[status]
        return SIGNS[status] if self.unicode else _ASCII_SIGNS[status]

    def spoken(self, text: str) -> str:
        """The text with its arrows as a word, where it is to be read aloud."""
        return text.replace(" → ", " to ") if self.plain else text

    def glyphs(self, text: str) -> str:
        """The text, with what the terminal cannot show replaced."""
        return text if self.unicode else ascii_only(text)
