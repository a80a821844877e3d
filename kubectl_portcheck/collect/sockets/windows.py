"""``netstat -ano`` of Windows. Its words are those of the display language."""

from kubectl_portcheck.collect.sockets.rows import Row, canonical, conclude, endpoint, lines
from kubectl_portcheck.model.probes import ListeningSocket

# BOUND (of -q) is a socket that has a port but does not listen; it too has no peer.
OTHER_STATES = frozenset(["BOUND", "CLOSED", "ESTABLISHED", "SYN_SENT", "TIME_WAIT"])


def parse_windows_netstat(text: str) -> tuple[ListeningSocket, ...]:
    """Return the listeners in the output of netstat on Windows, in its order.

    The output is in the OEM code page: decode it leniently, nothing here depends on its words.
    Scopes of link-local addresses (``%4``) come back as ``device``.
    """
    return conclude((row for row in map(_row, lines(text)) if row), "netstat")


def _row(line: str) -> Row | None:
    fields = line.split()
    if len(fields) < 3 or fields[0] not in ("TCP", "UDP"):
        return None
    local = endpoint(fields[1])
    address = canonical(local.host) if local else None
    if local is None or address is None:
        return None
    if fields[0] == "UDP":
        listens = fields[2] == "*:*"
        return Row("UDP", address, local.port, device=local.device) if listens else None
    if fields[2] not in ("0.0.0.0:0", "[::]:0") or len(fields) < 4 or fields[3] in OTHER_STATES:
        return None
    return Row("TCP", address, local.port, device=local.device)
