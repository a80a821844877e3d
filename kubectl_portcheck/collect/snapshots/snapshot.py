"""Evidence in a file: saved here and now, diagnosed again elsewhere and later.

The file is JSON: ``kind``, ``version``, the ``tool`` that wrote it, and the ``evidence`` under the
names of Kubernetes' own fields. What the model has no field for is not in it: no Secret, no value
of an environment variable, no argument, no token, no line of a log, no address of the API server.
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from kubectl_portcheck.collect.snapshots.old_rights import with_rights
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import (
    Unreadable,
    as_utf_8,
    beginning,
    is_packed,
    read_file,
    reason,
    understood,
    unpacked,
)
from kubectl_portcheck.inputs.limits import EVIDENCE_BYTES, KIBIBYTE
from kubectl_portcheck.json_text import in_ascii
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.evidence import NOT_ASKED, Evidence, ServiceEvidence
from kubectl_portcheck.writing import write_file

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
SMALL = 64 * KIBIBYTE
"""A snapshot of fewer bytes is read part by part."""


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


class _Outline(Header, frozen=True, kw_only=True):
    """A snapshot of which the evidence is not read yet."""

    tool: Tool
    evidence: msgspec.Raw


def encode(evidence: Evidence, tool: Tool) -> bytes:
    """The snapshot as JSON in ASCII, indented for people and for diffs.

    In a terminal the text of a cluster is shown, and none of it controls the terminal.
    """
    kept = _without_logs(evidence)
    snapshot = Snapshot(kind="PortcheckSnapshot", version=VERSION, tool=tool, evidence=kept)
    raw = msgspec.json.format(msgspec.json.encode(snapshot, order="deterministic"), indent=1)
    return in_ascii(raw).encode("ascii")


def _without_logs(evidence: Evidence) -> Evidence:
    """The evidence without lines of logs: they may hold anything, and no rule reads them."""
    services = tuple(msgspec.structs.replace(s, logs=NOT_ASKED) for s in evidence.services)
    return msgspec.structs.replace(evidence, services=services)


def save(path: "Path", evidence: Evidence, tool: Tool) -> None:
    """Write a snapshot, packed where the name ends in ``.gz``; only its owner may read it.

    Raises NotWrittenError.
    """
    import gzip

    raw = encode(evidence, tool)
    packed = gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw
    write_file(str(path), packed, private=True)


def is_foreign(path: "Path") -> bool:
    """Whether this is no snapshot but a recording of kubectl: a folder, or objects of the API."""
    if os.path.isdir(path):
        return True
    try:
        raw = beginning(path, 4096)
    except (OSError, Unreadable):
        return False
    return b"apiVersion" in raw and b"PortcheckSnapshot" not in raw


def load(path: "Path") -> Evidence:
    """Reads a snapshot. Raises UsageError where there is none that this version understands."""
    try:
        raw = read_file(path, EVIDENCE_BYTES)
    except (OSError, Unreadable) as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    return decode(raw, str(path))


def _text(raw: bytes, name: str) -> bytes:
    try:
        return as_utf_8(raw)
    except Unreadable as error:
        raise UsageError(f"{name} {error}") from None


def _evidence(raw: bytes) -> Evidence:
    """The evidence in a snapshot."""
    if len(raw) < SMALL:
        with suppress(msgspec.MsgspecError, TypeError, UnicodeDecodeError):
            return _by_parts(raw)
    # A failure names the place in the whole.
    return msgspec.json.decode(raw, type=Snapshot).evidence


def _by_parts(raw: bytes) -> Evidence:
    """The evidence, each part of it read by itself.

    msgspec works out how to read all that a type may hold, which takes longer than to read a small
    snapshot: most of what may have been gathered about a Service is not there.
    """
    outline = msgspec.json.decode(raw, type=_Outline)
    parts = _read(outline.evidence, Evidence, services=list[msgspec.Raw])
    services = [_read(service, ServiceEvidence) for service in parts.pop("services", ())]
    return Evidence(services=tuple(ServiceEvidence(**each) for each in services), **parts)


def _read(raw: msgspec.Raw, kind: type[Record], **others: object) -> dict[str, Any]:
    """The fields of a struct that are there, by their names; ``others`` are of another type."""
    names = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    types = {**kind.__annotations__, **others}
    found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return {
        names[key]: msgspec.json.decode(value, type=types[names[key]])
        for key, value in found.items()
        if key in names
    }


def decode(raw: bytes, name: str) -> Evidence:
    """Reads a snapshot from bytes, packed or not; ``name`` says in errors where it comes from."""
    try:
        if is_packed(raw):
            raw = unpacked(raw, EVIDENCE_BYTES)
        raw = _text(raw, name)
        header = understood(lambda: msgspec.json.decode(raw, type=Header))
        if header.version > VERSION:
            raise UsageError(
                f"{name} was saved by a newer version (snapshot version {header.version}, "
                f"this program reads up to {VERSION})",
                "Update kubectl-portcheck and replay again.",
            )
        evidence = with_rights(understood(lambda: _evidence(raw)))
    except Unreadable as error:
        raise UsageError(
            f"{name} is not a snapshot of kubectl-portcheck, or it is damaged: {error}"
        ) from None
    context = msgspec.structs.replace(evidence.context, source="snapshot")
    return msgspec.structs.replace(evidence, context=context)
