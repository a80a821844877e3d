"""What the walk does right now, on standard error, while someone waits for it.

Nothing is shown in the first quarter of a second: a fast walk leaves the terminal as it is. What is
shown erases itself. The cursor is never hidden, so no interrupt can leave it so; and no thread of
a library redraws: the lines are written by a small one that ends with the walk.
"""

import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import IO, Final

from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells, clean, cut, cut_end
from kubectl_portcheck.render.wording import STEP_NAMES

DELAY: Final = 0.25
INTERVAL: Final = 0.1
NARROWEST: Final = 40
COUNTED: Final = {
    "pods": "pods listed",
    "services": "Services listed",
    "endpointslices": "EndpointSlices listed",
    "walks": "Services looked into",
}
"""What is counted in a sweep; all else is a resource that is listed."""
SLOW: Final = 1.0
"""After this many seconds the time that a step takes is shown beside it."""
_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_FRAMES: Final = "|/-\\"


def can_redraw(look: Look) -> bool:
    """Return whether steps are drawn: the terminal can erase them and is wide enough.

    Plain output is never redrawn: a screen reader would read every redrawing aloud.
    """
    return look.cursor and not look.plain and (look.width or 0) >= NARROWEST


class Progress:
    """The six steps on a terminal while the walk runs; silent where it cannot be erased.

    Safe to call from several threads. ``clock`` is for tests.
    """

    def __init__(
        self,
        file: IO[str],
        look: Look,
        *,
        delay: float = DELAY,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._active = can_redraw(look)
        self._file, self._look, self._delay, self._clock = file, look, delay, clock
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._title = ""
        self._count: tuple[int, int] | None = None
        self._running: dict[str, tuple[str, float]] = {}
        self._finished: dict[str, tuple[str, str]] = {}
        self._counts: dict[str, str] = {}
        """Of a sweep: what is counted, by what it is."""
        self._drawn = 0
        self._frame = 0

    def __enter__(self) -> "Progress":
        if self._active:
            self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def target(self, title: str, number: int = 1, total: int = 1) -> None:
        """Says which Service the walk has come to; its steps begin again."""
        with self._lock:
            self._title = clean(title)
            self._count = (number, total) if total > 1 else None
            self._running.clear()
            self._finished.clear()
            self._counts.clear()

    def sweep(self, title: str) -> None:
        """Says which Services are meant; there are counts instead of steps."""
        self.target(title)
        with self._lock:
            self._counts = {"services": ""}

    def counted(self, what: str, number: int, total: int, detail: str = "") -> None:
        """So many of so many are done; the total is 0 where it is not known."""
        of = f" of {total:,}" if total else ""
        with self._lock:
            self._counts[what] = f"{number:,}{of}  {clean(detail)}".rstrip()

    def started(self, step: str, detail: str = "") -> None:
        """A step (``pod-status`` ...) begins, or goes on with something else."""
        with self._lock:
            since = self._running[step][1] if step in self._running else self._clock()
            self._running[step] = (clean(detail), since)

    def done(self, step: str, status: str = "pass", detail: str = "") -> None:
        """A step is over, with what came out of it where there is time to read it."""
        with self._lock:
            self._running.pop(step, None)
            self._finished[step] = status, clean(detail)

    def close(self) -> None:
        """Ends the drawing and erases it. May be called more than once."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=1)
            self._thread = None
        with self._lock:
            self._erase()

    def _draw(self) -> None:
        wait = self._delay
        while not self._ended.wait(wait):
            wait = INTERVAL
            with self._lock:
                if self._ended.is_set():
                    return
                self._redraw()

    def _redraw(self) -> None:
        rows = self.lines()
        if not rows:
            return
        text = f"\x1b[{self._drawn}A" if self._drawn else ""
        text += "".join(f"\r\x1b[2K{row}\n" for row in rows)
        # Rows of the drawing before, should it have been the longer one.
        text += "\x1b[J"
        self._write(text)
        self._drawn = len(rows)
        self._frame += 1

    def _erase(self) -> None:
        if self._drawn:
            self._write(f"\x1b[{self._drawn}A\r\x1b[J")
            self._drawn = 0

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()

    def lines(self) -> list[str]:
        """What is drawn now, each line narrower than the terminal."""
        look = self._look
        if not self._title and not self._running and not self._finished:
            return []
        frames = _FRAMES if look.unicode else _ASCII_FRAMES
        spinner = frames[self._frame % len(frames)]
        counted = f" ({self._count[0]} of {self._count[1]})" if self._count else ""
        head = look.glyphs(f"{self._title}{counted}")
        rows = [f"{spinner} {cut(head, look.columns - 4, look.ellipsis)}"]
        if self._counts:
            return rows + [
                cut_end(
                    f"    {COUNTED.get(what, what)}: {look.glyphs(text)}",
                    look.columns - 1,
                    look.ellipsis,
                )
                for what, text in self._counts.items()
                if text
            ]
        width = max(map(len, STEP_NAMES.values()))
        for number, (step, name) in enumerate(STEP_NAMES.items(), start=1):
            detail = ""
            if step in self._running:
                detail, since = self._running[step]
                sign = spinner
                passed = self._clock() - since
                if passed >= SLOW:
                    detail = f"{detail} {int(passed)}s".strip()
            elif step in self._finished:
                status, detail = self._finished[step]
                sign = look.sign(status)
            else:
                sign = " "
            row = f"  {sign.ljust(1 if look.unicode else 2)} {number} {name.ljust(width)}  "
            room = look.columns - 1 - cells(row)
            rows.append((row + cut_end(look.glyphs(detail), room, look.ellipsis)).rstrip())
        return rows
