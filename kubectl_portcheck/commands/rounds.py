"""One walk after the other over one connection, as --wait, --watch and --fix need them."""

import time
from math import inf
from typing import TYPE_CHECKING

from kubectl_portcheck import timeouts
from kubectl_portcheck.commands.live import kubectl_of, wanted_by
from kubectl_portcheck.commands.modes import SweepRequest, WalkRequest
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import PortcheckError

if TYPE_CHECKING:
    from kubectl_portcheck.client import Api
    from kubectl_portcheck.collect.snapshots.redact import Redactor
    from kubectl_portcheck.model.evidence import Evidence
    from kubectl_portcheck.model.report import Report

PAUSES = (1.0, 1.0, 1.5, 2.0)
"""The seconds between two rounds; the last of them for all that follow."""


class Rounds:
    """One walk after the other, and what the last one found."""

    def __init__(self, request: WalkRequest | SweepRequest, env: Environment, api: "Api") -> None:
        from kubectl_portcheck.collect.cluster.remembered import Memory

        self.output, self.env, self.api = request.output, env, api
        access = request.access
        self.kubectl = kubectl_of(request)
        self.memory = Memory()
        wanted = wanted_by(request, env)
        self.wanted = wanted._replace(options=wanted.options._replace(memory=self.memory))
        self.began = time.monotonic()
        limit = access.timeout or (timeouts.WAIT if access.again == "wait" else None)
        self.end = None if limit is None else self.began + limit
        self._redactor = _redactor() if request.output.redact else None
        self.evidence: Evidence | None = None
        """That of the last round that brought any, without names where it is to have none."""
        self.failure: PortcheckError | None = None
        """Why the last round brought nothing."""
        self._seen: Evidence | None = None
        self._recalled: frozenset[tuple[str, str]] = frozenset()
        self._took = 0.0
        self._count = 0

    def look(self) -> "Report | None":
        """The report of another round; None where it brought nothing, or its time was cut short.

        Raises PortcheckError where the first one fails, and KeyboardInterrupt.
        """
        from kubectl_portcheck.client import Deadline
        from kubectl_portcheck.collect.cluster.collect import gather, judged_until
        from kubectl_portcheck.collect.cluster.progress import Silent

        began = time.monotonic()
        most = self.wanted.seconds
        left = most if self.end is None else min(most, self.end - began)
        deadline = Deadline.after(left)
        self.failure = None
        self.memory.begin()
        try:
            found = gather(self.api, self.wanted, Silent(), deadline)
        except PortcheckError as error:
            if self.evidence is None:
                raise
            if self.end is None or time.monotonic() < self.end:
                self.failure = error
            return None
        finally:
            self._took = time.monotonic() - began
        if found.interrupted:
            self.evidence = self.evidence or self._without_names(found)
            raise KeyboardInterrupt
        if deadline.passed and self.evidence is not None:
            return None
        self._recalled = self.memory.recalled
        self._seen = found
        self.evidence = self._without_names(found)
        return self.report(self.evidence, judged_until(began, left))

    @property
    def hindrance(self) -> str:
        """Why the last round brought nothing, in a line; '' where it brought something."""
        line = self.failure.line if self.failure else ""
        return line if self._redactor is None else self._redactor.text(line)

    @property
    def confirmed(self) -> bool:
        """Whether the last evidence is all of its own round."""
        return not self._recalled

    def without_recalled(self) -> "Evidence":
        """The last evidence without the looks of earlier rounds in it."""
        from kubectl_portcheck.collect.cluster.remembered import without

        assert self._seen is not None
        return self._without_names(without(self._seen, self._recalled))

    def _without_names(self, evidence: "Evidence") -> "Evidence":
        return evidence if self._redactor is None else self._redactor.redact(evidence)

    def report(self, evidence: "Evidence", until: float = inf) -> "Report":
        """What the evidence says."""
        from kubectl_portcheck.diagnosis import diagnose

        return diagnose(evidence, kubectl=self.kubectl, ignore=self.output.ignore, until=until)

    def pause(self) -> bool:
        """Waits for the next round; False where there is no time for one."""
        # Never busier than idle: what takes long is asked for less often.
        seconds = max(PAUSES[min(self._count, len(PAUSES) - 1)], min(self._took, 10.0))
        self._count += 1
        if self.end is not None and time.monotonic() + seconds + 1.5 * self._took >= self.end:
            return False
        time.sleep(seconds)
        return True

    @property
    def seconds(self) -> int:
        """How long it has taken."""
        return int(time.monotonic() - self.began)


def _redactor() -> "Redactor":
    from kubectl_portcheck.collect.snapshots.redact import Redactor

    return Redactor()
