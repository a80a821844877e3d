"""One line on standard error that says what is done, while a user waits."""

from typing import IO

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import worst_first
from kubectl_portcheck.render.text import clean, cut_end


class Status:
    """A line that is overwritten; where nothing can be erased, a new one when the news change."""

    def __init__(self, file: IO[str], look: Look, *, silent: bool = False) -> None:
        self._file, self._look, self._silent = file, look, silent
        self._erases = look.cursor and not look.plain
        self._shown = ""

    def show(self, news: str, seconds: int | None = None) -> None:
        """Shows what still hinders, and how long the wait has taken, where that is redrawn."""
        look = self._look
        text = look.glyphs(clean(news))
        if self._erases:
            passed = "" if seconds is None else f" {seconds}s"
            self.redraw(f"waiting{passed}: {text}")
        elif text != self._shown:
            self._write(f"waiting: {text}\n")
            self._shown = text

    def redraw(self, text: str) -> None:
        """Shows the text, if it can be erased again."""
        if self._erases:
            self._shown = cut_end(text, self._look.columns - 1, self._look.ellipsis)
            self._write(f"\r\x1b[2K{self._shown}")

    def close(self) -> None:
        """Erases the line, where that can be done. May be called more than once."""
        if self._erases and self._shown:
            self._write("\r\x1b[2K")
        self._shown = ""

    def _write(self, text: str) -> None:
        if not self._silent:
            self._file.write(text)
            self._file.flush()


def hindrance(report: Report) -> str:
    """What keeps the report from being a good one: the worst Service, and how many more."""
    faulty = [s for s in worst_first(report) if s.verdict != "healthy"]
    if faulty:
        worst = faulty[0]
        more = f" ({len(faulty) - 1} more)" if len(faulty) > 1 else ""
        return f"svc/{worst.name} {worst.verdict}: {worst.headline}{more}"
    warned = (f.summary for s in report.services for f in s.findings if f.severity == "warning")
    return next(warned, "a warning")
