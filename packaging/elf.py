"""Reads which symbol versions an ELF file asks of its libraries."""

import re
import struct

_VERNEED = 0x6FFFFFFE


def version_needs(content: bytes) -> dict[str, set[str]]:
    """The versions that a file asks for, by library: ``{"libc.so.6": {"GLIBC_2.17"}}``.

    Empty for a file that is no ELF file of 64 bits in little-endian order.
    """
    if content[:6] != b"\x7fELF\x02\x01":
        return {}
    table, size, count = (
        *struct.unpack_from("<Q", content, 0x28),
        *struct.unpack_from("<HH", content, 0x3A),
    )
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, table + i * size) for i in range(count)]
    found: dict[str, set[str]] = {}
    for section in sections:
        if section[1] != _VERNEED:
            continue
        names = sections[section[6]][4]
        at = section[4]
        for _ in range(section[7]):
            _, versions, library, first, following = struct.unpack_from("<HHIII", content, at)
            asked = found.setdefault(_text(content, names + library), set())
            inner = at + first
            for _ in range(versions):
                _, _, _, name, after = struct.unpack_from("<IHHII", content, inner)
                asked.add(_text(content, names + name))
                inner += after
            at += following
    return found


def glibc_floor(content: bytes) -> tuple[int, ...]:
    """The oldest glibc that offers everything the file asks for: ``(2, 17)``; ``()`` for any."""
    asked = {version for versions in version_needs(content).values() for version in versions}
    matches = (re.fullmatch(r"GLIBC_(\d+(?:\.\d+)+)", version) for version in asked)
    floors = [tuple(int(part) for part in match[1].split(".")) for match in matches if match]
    return max(floors, default=())


def _text(content: bytes, at: int) -> str:
    return content[at : content.index(b"\0", at)].decode("ascii")
