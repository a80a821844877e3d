"""What the pod of ``--from`` met at the Service and at each pod, and what policies say of it."""

from functools import cached_property

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.evidence import InCluster
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.semantics.admission import Admitted
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.enforcement import unreachable
from kubectl_portcheck.semantics.listening import family_of

FAILED = ("refused", "timeout", "reset")


class ClientPath:
    """The connections of one client to one Service port."""

    def __init__(self, case: Case, source: InCluster) -> None:
        self.case = case
        self.source = source
        self.direct = next((a for a in source.attempts if a.port == case.port.port), None)
        """The connection to the Service's own address; None where none was tried."""
        self.tried = tuple(s for s in case.backends if s.within is not None)
        self.failed = tuple(s for s in self.tried if s.within and fails(s.within))

    @cached_property
    def admitted(self) -> dict[str, Admitted]:
        """By the name of each pod that failed: whether policies allow the connection."""
        return {s.name: _admitted(self.case, s) for s in self.failed}

    @cached_property
    def kept_out(self) -> tuple[PodState, ...]:
        """The pods that failed, and to which policies do not allow the client to connect."""
        return tuple(s for s in self.failed if self.admitted[s.name].allowed is False)


def client_path(case: Case) -> ClientPath | None:
    """What the client met at this port; None where nothing was tried."""
    source = case.in_cluster
    if isinstance(source, Missing) or source.value.undialled is not None:
        return None
    return ClientPath(case, source.value)


def fails(attempt: Attempt) -> bool:
    """Whether the connection failed for certain."""
    return attempt.outcome in FAILED or unreachable(attempt)


def _admitted(case: Case, state: PodState) -> Admitted:
    assert state.target is not None
    family = family_of(state.within.address) if state.within and state.within.address else ""
    return case.admitted(state.pod, state.target, case.port.protocol, family)
