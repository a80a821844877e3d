"""What the rules on a Service that does not exist share: which one is meant, and what to do."""

from collections.abc import Iterable

from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import Absence
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Workload
from kubectl_portcheck.rules import calls, fixes
from kubectl_portcheck.rules import seat as shared
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import expose, missing_name, seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.missing_name import Meant
from kubectl_portcheck.semantics.seat import Seen

MOST = 3
"""Workloads for which the Service may be meant, and places that are changed."""


def meant(case: ServiceCase) -> tuple[Meant, ...]:
    """The Services that exist and may be meant."""
    absence = case.evidence.absence
    return missing_name.meant(absence, case.name, case.namespace) if absence else ()


def why(case: ServiceCase) -> str:
    """Why there is no such name, and what there is instead."""
    absence = case.evidence.absence or Absence()
    if absence.no_namespace:
        gone = f"namespace {case.namespace} does not exist"
    else:
        gone = f"namespace {case.namespace} has no Service {case.name}"
    found = meant(case)
    same = [m.namespace for m in found if m.name == case.name]
    if found and found[0].name == case.name:
        return f"{gone}; Service {case.name} is in namespace {listing(same)}"
    if found:
        other = (
            "" if found[0].namespace == case.namespace else f" in namespace {found[0].namespace}"
        )
        return f"{gone}; Service {found[0].name}{other} has nearly this name"
    return gone


def facts(case: ServiceCase) -> list[Fact]:
    """The Services that may be meant."""
    return [
        State(
            subject=Subject(kind="Service", namespace=m.namespace, name=m.name),
            state=f"exists in namespace {m.namespace}",
        )
        for m in meant(case)
    ]


def named_by_client(case: ServiceCase, found: Seen) -> list[Call]:
    """Where the settings of the client's workload name the Service."""
    owner = seat.owner_of(found.client)
    pod = shared.pod_of(found.client)
    own = {(s.kind, s.namespace, s.name) for s in (owner, pod) if s is not None}
    return [c for c in case.calls if (c.kind, c.namespace, c.name) in own]


def renamed(case: ServiceCase, found: Seen) -> list[Fix]:
    """The name of each Service that may be meant, in place of the one that is written."""
    places = named_by_client(case, found)[:MOST]
    return [fix for m in meant(case) for fix in _renamed(case, found, m, places)]


def _renamed(case: ServiceCase, found: Seen, to: Meant, places: Iterable[Call]) -> list[Fix]:
    space = found.client.namespace
    known = [
        calls.set_to(case, call, host, call.named.port, known=to.close)
        for call in places
        if (host := missing_name.written(call.named.host, space, to))
    ]
    if known:
        return known
    name = found.dns.lookup.name.rstrip(".")
    host = missing_name.written(name, space, to)
    if not host:
        return []
    sure = "" if to.close else ", if that was meant"
    where = shared.program_of(found.client)
    return [fixes.by_hand(f"Use {host} in place of {name} in the settings of {where}{sure}")]


def exposed(case: ServiceCase, wanted: expose.Wanted) -> list[Fix]:
    """The Service before each workload that may be meant by it."""
    likely = expose.meant_by(wanted, case.deployments)[:MOST]
    return [fix for w in likely if (fix := _exposing(case, w, wanted)) is not None]


def _exposing(case: ServiceCase, workload: Workload, wanted: expose.Wanted) -> Fix | None:
    made = expose.exposed(workload, wanted)
    if made is None:
        return None
    leads = listing(f"port {port} leads to {target}" for port, target in made.ports)
    title = f"Create Service {case.name} for {workload.kind} {workload.metadata.name}"
    title += f"; {leads}" if leads else ""
    if not made.words:
        return fixes.by_hand(title, made.manifest)
    return fixes.run(case, *made.words, title=title, subject=case.subject)
