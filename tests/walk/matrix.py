"""The fault matrix: every call of the walk failing in every way, in a broken and in a well shop."""

from pathlib import Path
from typing import NamedTuple

from tests.fake import faults
from tests.fake.api_server import FakeApiServer, Handler
from tests.walk.shop import Run, shop, walk

CALLS = {
    "get service": r"/services/checkout$",
    "list endpointslices": r"/endpointslices\?",
    "list pods": r"/pods\?",
    "list replicasets": r"/replicasets\?",
    "get deployment": r"/deployments/checkout$",
    "list ingresses": r"/ingresses\?",
    "list networkpolicies": r"/networkpolicies\?",
    "get API groups": r"/apis$",
    "exec": r"/exec\?",
    "port-forward": r"/portforward\?",
    "pod proxy": r"/proxy/",
}
"""By name: the pattern that finds the call's requests."""

STREAMS = ("exec", "port-forward")
READS = tuple(call for call in CALLS if call not in (*STREAMS, "pod proxy"))

FORBIDDEN = 'thing is forbidden: User "u" cannot get resource "thing" in API group "" in the '


def _status(code: int, reason: str, **headers: str) -> Handler:
    message = f"{FORBIDDEN}namespace" if code == 403 else f"the server says {reason}"
    return faults.status(code, reason, message, **headers)


FAULTS: dict[str, tuple[Handler, tuple[str, ...]]] = {
    "401": (_status(401, "Unauthorized"), tuple(CALLS)),
    "403": (_status(403, "Forbidden"), tuple(CALLS)),
    "404": (_status(404, "NotFound"), tuple(CALLS)),
    "409": (_status(409, "Conflict"), tuple(CALLS)),
    "410": (_status(410, "Gone"), tuple(CALLS)),
    "429, at once again": (_status(429, "TooManyRequests", Retry_After="9"), tuple(CALLS)),
    "500": (_status(500, "InternalError"), tuple(CALLS)),
    "503": (_status(503, "ServiceUnavailable"), tuple(CALLS)),
    "502 by a proxy": (faults.plain(502, "Bad Gateway"), tuple(CALLS)),
    "no answer": (faults.hang, tuple(CALLS)),
    "reset": (faults.reset_at_once, tuple(CALLS)),
    "closed": (faults.close_at_once, tuple(CALLS)),
    "not HTTP": (faults.not_http, tuple(CALLS)),
    "reset in the body": (faults.reset_mid_body, READS),
    "closed in a chunk": (faults.close_mid_chunk, READS),
    "half the JSON": (faults.truncated_json, READS),
    "a login page": (faults.html, READS),
    "a byte a second": (faults.trickled_body, READS),
    "silent after the upgrade": (faults.hang_after_upgrade, STREAMS),
    "a byte a second after the upgrade": (faults.trickled_stream, STREAMS),
    "closed after the upgrade": (faults.abrupt_close, STREAMS),
    "reset after the upgrade": (faults.reset_stream, STREAMS),
    "garbage after the upgrade": (faults.garbage_frames, STREAMS),
    "no status": (faults.no_status, ("exec",)),
    "endless output": (faults.endless_output, ("exec",)),
    "a wrong handshake": (faults.wrong_accept, STREAMS),
}
"""By name: what the server does, and to which calls it can be done."""

TIMEOUT = 2.0
"""The run's deadline, in seconds."""


class Cell(NamedTuple):
    """One fault of one call."""

    call: str
    fault: str
    broken: bool
    """Whether the shop is the debrief's incident, or well."""

    @property
    def truth(self) -> str:
        """The verdict that a person who sees everything would give."""
        return "broken" if self.broken else "healthy"


CELLS = [
    Cell(call, fault, broken)
    for fault, (_, calls) in FAULTS.items()
    for call in calls
    for broken in (True, False)
]


def run(cell: Cell, folder: Path, timeout: float = TIMEOUT) -> Run:
    """The whole program against the fault."""
    with FakeApiServer() as server:
        shop(server, *((9000, 9100) if cell.broken else (8080, 9100)), pods=2)
        server.on(CALLS[cell.call], FAULTS[cell.fault][0])
        return walk(server, folder, "--timeout", f"{timeout:.0f}s")
