"""What changed between two reports on the same Services."""

from collections.abc import Iterator

import msgspec

from kubectl_portcheck.model.report import Finding, Report, ServiceReport, Verdict


class Change(msgspec.Struct, frozen=True):
    """What became of one Service."""

    service: ServiceReport
    """As it is now; as it was, where it is gone."""
    before: Verdict | None
    """None where it was not there."""
    after: Verdict | None
    """None where it is not there any more."""
    gone: tuple[str, ...] = ()
    """Code and name of each finding that is no longer there."""
    new: tuple[str, ...] = ()
    """Of each that was not there before."""


def changes(before: Report, after: Report) -> list[Change]:
    """Return what changed, in the order of the later report.

    What either report could not look at has not changed: a Service that a partial report lacks is
    neither new nor gone.
    """
    old = {_key(s): s for s in before.services}
    new = {_key(s): s for s in after.services}
    return [
        *(c for key, s in new.items() if (c := _change(old.get(key), s, before)) is not None),
        *(
            Change(s, s.verdict, None)
            for key, s in old.items()
            if key not in new and not _partial(after)
        ),
    ]


def _change(old: ServiceReport | None, new: ServiceReport, before: Report) -> Change | None:
    if old is None:
        return None if _partial(before) else Change(new, None, new.verdict)
    had, has = dict(_findings(old)), dict(_findings(new))
    gone = dict.fromkeys(text for key, text in had.items() if key not in has)
    come = dict.fromkeys(text for key, text in has.items() if key not in had)
    if old.verdict == new.verdict and not gone and not come:
        return None
    return Change(new, old.verdict, new.verdict, tuple(gone), tuple(come))


def _key(service: ServiceReport) -> tuple[str, str, str, str]:
    return service.cluster, service.namespace, service.kind, service.name


def _findings(service: ServiceReport) -> Iterator[tuple[object, str]]:
    """Each error and warning that is not a consequence, by what makes it the same."""
    for found in service.heads:
        if found.severity != "info":
            yield _identity(found), f"{found.code} {found.name}"


def _identity(found: Finding) -> tuple[object, ...]:
    return found.code, found.port, found.protocol, found.subject


def _partial(report: Report) -> bool:
    return report.interrupted or bool(report.missing)
