"""Phrases that several rules share."""

from collections.abc import Iterable, Sized

from kubectl_portcheck.model.probes import ListeningSocket
from kubectl_portcheck.model.report import Finding, Headline
from kubectl_portcheck.model.share import share_of
from kubectl_portcheck.semantics.case import PodState, ServiceCase
from kubectl_portcheck.semantics.pods import age


def share(part: Sized, whole: Sized, noun: str = "pod") -> str:
    """``all 3 pods``, ``2 of 3 pods``, ``the pod``: never 'some', never the first one for all."""
    return str(share_of(part, whole, noun))


def verb(many: Sized, one: str, several: str) -> str:
    """The verb that goes with so many subjects."""
    return one if len(many) == 1 else several


def capital(sentence: str) -> str:
    """The sentence with a capital letter at its start."""
    return f"{sentence[:1].upper()}{sentence[1:]}"


def headline_of(finding: Finding, case: ServiceCase) -> Headline:
    """The headline of a report that this finding leads."""
    pods = [p for p in case.pods if p.metadata.name in finding.pods]
    return Headline(
        text=finding.summary,
        ports=() if finding.port is None else (finding.port,),
        share=share_of(pods, case.pods) if pods else None,
        finding=finding.code,
    )


def plural(noun: str, count: int) -> str:
    """The noun, in the plural unless there is one."""
    return noun if count == 1 else f"{noun}s"


def listing(items: Iterable[object], most: int = 5) -> str:
    """``a, b and c``; what exceeds the limit is counted."""
    words = [str(i) for i in items]
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def ago(since: str, now: str) -> str:
    """``12 minutes ago``, in the largest unit that is whole; '' where a time is not known."""
    seconds = age(since, now)
    if not 0 <= seconds < float("inf"):
        return ""
    unit, size = next(
        (u, s)
        for u, s in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
        if seconds >= s or s == 1
    )
    count = int(seconds // size)
    return f"{count} {plural(unit, count)} ago"


def names(states: Iterable[PodState]) -> tuple[str, ...]:
    """The names of the pods."""
    return tuple(s.name for s in states)


def socket(listener: ListeningSocket) -> str:
    """``127.0.0.1:8080 (python3)``."""
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    program = f" ({listener.program})" if listener.program else ""
    return f"{host}:{listener.port}{program}"
