"""Single outputs as listeners: the product reads them only in the answer of its script."""

from typing import Literal

from kubectl_portcheck.collect.sockets.proc import ByteOrder, proc_rows
from kubectl_portcheck.collect.sockets.rows import conclude
from kubectl_portcheck.collect.sockets.ss import ss_rows
from kubectl_portcheck.model.probes import ListeningSocket, Protocol


def parse_ss(text: str) -> tuple[ListeningSocket, ...]:
    return conclude(ss_rows(text), "ss")


def parse_proc(
    text: str,
    family: Literal["IPv4", "IPv6"],
    protocol: Protocol,
    byteorder: ByteOrder = "little",
) -> tuple[ListeningSocket, ...]:
    """One table of one family and protocol; rows of another are no rows of it."""
    digits = 8 if family == "IPv4" else 32
    table = "\n".join(
        line
        for line in text.split("\n")
        if len(line.partition(": ")[2].partition(":")[0]) == digits
    )
    rows = (row for row in proc_rows([table], byteorder) if row.protocol == protocol)
    return conclude(rows, "proc")
