"""The walk of a recorded incident at reading speed: the six steps, one after the other.

It is drawn as a live walk is, and erases itself: the report that comes after has all of it.
"""

from collections.abc import Callable
from typing import IO, Final

from kubectl_portcheck.model.report import WORST_FIRST, PortReport, Report, ServiceReport
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.progress import Progress, can_redraw
from kubectl_portcheck.render.wording import step_text

_ASKED: Final = {
    "pod-status": "every pod that the selector matches",
    "listening-ports": "the sockets in each pod",
    "endpoints": "where clients are sent",
    "target-port": "the same port, resolved in each pod",
    "pod-port-forward": "a connection to each pod",
    "service-port-forward": "a connection the way kubectl makes it",
}
"""What a step looks at, while it does."""
_ASKING: Final = 0.4
"""Seconds in which a step is shown as under way."""
_READING: Final = {"pass": 0.5, "warn": 0.9, "fail": 0.9, "skipped": 0.4}
"""Seconds for reading what came out of it: what is unusual takes longer."""
_STORY: Final = 0.6
"""Seconds for the story's first words, before anything moves."""
_AT_THE_END: Final = 0.8


def play(report: Report, look: Look, file: IO[str], wait: Callable[[float], bool]) -> None:
    """Draws the walk to the report's first Service, and erases it; ten seconds at most.

    Where it cannot be drawn, such as on a narrow terminal, nothing is waited for.
    ``wait`` waits so many seconds and says whether to skip the rest.
    """
    service = next(iter(report.services), None)
    port = _worst(service) if service else None
    if service is None or port is None or not can_redraw(look) or wait(_STORY):
        return
    with Progress(file, look, delay=0) as progress:
        progress.target(f"svc/{service.name} -n {service.namespace}")
        for step in port.steps:
            progress.started(step.name, _ASKED[step.name])
            if wait(_ASKING):
                return
            progress.done(step.name, step.status, step_text(step))
            if wait(_READING[step.status]):
                return
        wait(_AT_THE_END)


def _worst(service: ServiceReport) -> PortReport | None:
    """The port that is worth watching."""
    return min(service.ports, key=lambda p: WORST_FIRST.index(p.verdict), default=None)
