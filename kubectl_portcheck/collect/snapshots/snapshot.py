"""Evidence in a file: saved here and now, diagnosed again elsewhere and later.

The file is JSON: ``kind``, ``version``, the ``tool`` that wrote it, and the ``evidence`` under the
names of Kubernetes' own fields. What the model has no field for is not in it: no Secret, no value
of an environment variable, no argument, no token, no line of a log, no address of the API server.
"""

import gzip
import re
from pathlib import Path
from typing import Literal

import msgspec

from kubectl_portcheck.collect.long_texts import shortened
from kubectl_portcheck.collect.snapshots.old_rights import with_rights
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import (
    Unreadable,
    beginning,
    is_packed,
    read_file,
    reason,
    understood,
    unpacked,
)
from kubectl_portcheck.inputs.limits import EVIDENCE_BYTES
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.evidence import NOT_ASKED, Evidence
from kubectl_portcheck.writing import write_file

VERSION = 1


class Tool(Record, frozen=True):
    """The program that wrote a snapshot."""

    name: str
    version: str


class Header(Record, frozen=True):
    """The part of a snapshot that every version of the program can read."""

    kind: Literal["PortcheckSnapshot"]
    version: int


class Snapshot(Header, frozen=True, kw_only=True):
    """A snapshot as it is in the file."""

    tool: Tool
    evidence: Evidence


def encode(evidence: Evidence, tool: Tool) -> bytes:
    """The snapshot as JSON in ASCII, indented for people and for diffs.

    In a terminal the text of a cluster is shown, and none of it controls the terminal.
    """
    kept = _without_logs(evidence)
    snapshot = Snapshot(kind="PortcheckSnapshot", version=VERSION, tool=tool, evidence=kept)
    raw = msgspec.json.format(msgspec.json.encode(snapshot, order="deterministic"), indent=1)
    if raw.isascii() and b"\x7f" not in raw:
        return raw
    return re.sub(r"[^\n -~]", lambda found: _escaped(found[0]), raw.decode()).encode("ascii")


def _without_logs(evidence: Evidence) -> Evidence:
    """The evidence without lines of logs: they may hold anything, and no rule reads them."""
    services = tuple(msgspec.structs.replace(s, logs=NOT_ASKED) for s in evidence.services)
    return msgspec.structs.replace(evidence, services=services)


def _escaped(character: str) -> str:
    """The character as JSON writes it in ASCII."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def save(path: Path, evidence: Evidence, tool: Tool) -> None:
    """Write a snapshot, packed where the name ends in ``.gz``; only its owner may read it.

    Raises NotWrittenError.
    """
    raw = encode(evidence, tool)
    packed = gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw
    write_file(str(path), packed, private=True)


def is_foreign(path: Path) -> bool:
    """Whether this is no snapshot but a recording of kubectl: a folder, or objects of the API."""
    if path.is_dir():
        return True
    try:
        raw = beginning(path, 4096)
    except (OSError, Unreadable):
        return False
    return b"apiVersion" in raw and b"PortcheckSnapshot" not in raw


def load(path: Path) -> Evidence:
    """Reads a snapshot. Raises UsageError where there is none that this version understands."""
    try:
        raw = read_file(path, EVIDENCE_BYTES)
    except (OSError, Unreadable) as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    return decode(raw, str(path))


def decode(raw: bytes, name: str) -> Evidence:
    """Reads a snapshot from bytes, packed or not; ``name`` says in errors where it comes from."""
    try:
        if is_packed(raw):
            raw = unpacked(raw, EVIDENCE_BYTES)
        header = understood(lambda: msgspec.json.decode(raw, type=Header))
        if header.version > VERSION:
            raise UsageError(
                f"{name} was saved by a newer version (snapshot version {header.version}, "
                f"this program reads up to {VERSION})",
                "Update kubectl-portcheck and replay again.",
            )
        found = understood(lambda: msgspec.json.decode(raw, type=Snapshot))
        evidence = with_rights(shortened(found.evidence))
    except Unreadable as error:
        raise UsageError(
            f"{name} is not a snapshot of kubectl-portcheck, or it is damaged: {error}"
        ) from None
    context = msgspec.structs.replace(evidence.context, source="snapshot")
    return msgspec.structs.replace(evidence, context=context)
