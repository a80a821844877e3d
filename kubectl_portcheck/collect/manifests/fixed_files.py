"""The files with their errors fixed, as a diff or on disk."""

import errno
import os
from collections.abc import Iterator

import msgspec

from kubectl_portcheck.collect.manifests import edits
from kubectl_portcheck.collect.manifests.evidence import Gathered
from kubectl_portcheck.collect.manifests.files import STDIN, File
from kubectl_portcheck.collect.manifests.objects import Object
from kubectl_portcheck.collect.manifests.unified import is_private, unified
from kubectl_portcheck.errors import NotWrittenError
from kubectl_portcheck.inputs import Unreadable, read_file, real_path
from kubectl_portcheck.inputs.limits import MANIFEST_BYTES
from kubectl_portcheck.model.fixes import BY_HAND, ByHand, Fix, JsonPatch, Operation
from kubectl_portcheck.model.report import Finding, Report
from kubectl_portcheck.writing import PRIVATE, replace

_MOST_SHOWN = 100_000
"""Characters of a file of which each fix shows its diff; of a larger one it shows the field."""


class FixedFiles(msgspec.Struct, frozen=True):
    """Files as they should be."""

    files: tuple[tuple[File, str], ...]
    """Each with its new text."""
    left: tuple[str, ...]
    """What is not fixed, and why: a line each."""


class _Change(msgspec.Struct, frozen=True):
    finding: Finding
    item: Object
    operations: tuple[Operation, ...]
    edits: list[edits.Edit]


def fix_files(report: Report, gathered: Gathered, *, reviewed: bool = False) -> FixedFiles:
    """Carries out the safe fix of every error. ``report`` is as the rules made it.

    Where the result is ``reviewed`` before it counts, the only fix of an error or a warning is
    carried out as well.
    """
    left: list[str] = []
    changes: dict[int, list[_Change]] = {}
    files: dict[int, File] = {}
    for finding, item in _mistakes(report, gathered):
        try:
            change = _change(finding, item, gathered, reviewed=reviewed)
        except edits.CannotEdit as why:
            left.append(f"{item.file.name}: {finding.code} {finding.summary}: not fixed: {why}")
            continue
        files[id(change.item.file)] = change.item.file
        changes.setdefault(id(change.item.file), []).append(change)
    fixed = []
    for key, file in files.items():
        text, refused = _fixed(file, changes[key])
        left += refused
        if text != file.text:
            fixed.append((file, text))
    return FixedFiles(tuple(fixed), tuple(dict.fromkeys(left)))


def _mistakes(report: Report, gathered: Gathered) -> Iterator[tuple[Finding, Object]]:
    for service, item in zip(report.services, gathered.services, strict=True):
        for finding in service.findings:
            warned = finding.severity == "warning" and _only(finding) is not None
            if finding.cause and (finding.severity == "error" or warned):
                yield finding, gathered.subject(finding, item)


def _only(finding: Finding) -> Fix | None:
    """The fix that edits a file, where there is only one."""
    patches = [f for f in finding.fixes if isinstance(f.change, JsonPatch)]
    return patches[0] if len(patches) == 1 else None


def _change(finding: Finding, item: Object, gathered: Gathered, *, reviewed: bool) -> _Change:
    patches = (f for f in finding.fixes if isinstance(f.change, JsonPatch))
    chosen = next((f for f in patches if f.safety == "safe"), None)
    if chosen is None and _only(finding) is not None:
        if not reviewed:
            raise edits.CannotEdit("its fix needs a review; --diff prints it")
        chosen = _only(finding)
    if chosen is None:
        raise edits.CannotEdit("it needs a choice" if finding.fixes else "no fix is known")
    subject, operations = target(chosen, item, gathered)
    if subject.file.outside:
        outside = subject.file.outside
        raise edits.CannotEdit(f"it is a link that leads out of its folder; fix {outside} itself")
    if subject.file.path is None:
        where = "standard input" if subject.file.name == STDIN else "a pipe"
        raise edits.CannotEdit(f"it was read from {where}; fix its source")
    return _Change(finding, subject, operations, edits.edits_for(subject, operations))


def for_files(fix: Fix, item: Object, gathered: Gathered) -> Fix | None:
    """The fix as a change to the files; None where it is only for a running cluster."""
    if isinstance(fix.change, ByHand):
        return fix
    try:
        subject, operations = target(fix, item, gathered)
    except edits.CannotEdit:
        return None
    patch = fix.patch
    try:
        changes = edits.edits_for(subject, operations)
        text = edits.applied(subject.file.text, changes)
        if subject.file.path is not None and len(text) <= _MOST_SHOWN:
            # For the reader; what --diff and --write carry out is read again before.
            shown = unified(subject.file.path, subject.file.text, text)
            changed = "".join(line[1:] + "\n" for line in shown.split("\n") if line[:1] in "+-")
            patch = patch if is_private(changed) else shown
    except edits.CannotEdit as why:
        # What to write is known; how the file says it now is not as simple as one value.
        return msgspec.structs.replace(
            fix, title=f"{fix.title} ({why})", change=BY_HAND, safety="review", target="source"
        )
    return msgspec.structs.replace(fix, change=BY_HAND, patch=patch, target="source")


def target(fix: Fix, item: Object, gathered: Gathered) -> tuple[Object, tuple[Operation, ...]]:
    """The object that a fix patches, and the operations. Raises CannotEdit."""
    about = fix.subject
    if not isinstance(fix.change, JsonPatch) or about is None:
        raise edits.CannotEdit("no edit of a file does it")
    if about.means(item.kind, item.namespace, item.name):
        return item, fix.change.changes
    found = gathered.find(about.kind, about.name, item, about.namespace)
    if found is None:
        raise edits.CannotEdit(f"{about.kind} {about.name} is not in these files")
    return found, fix.change.changes


def _fixed(file: File, changes: list[_Change]) -> tuple[str, list[str]]:
    """The file with as many of the changes as go together, and what was left out."""
    distinct: list[_Change] = []
    for change in changes:
        if not any(change.edits == other.edits for other in distinct):
            distinct.append(change)
    try:
        return _tried(file, distinct), []
    except edits.CannotEdit:
        pass
    # Rare enough to be tried one by one.
    refused: list[str] = []
    kept: list[_Change] = []
    text = file.text
    for change in distinct:
        try:
            text = _tried(file, [*kept, change])
            kept.append(change)
        except edits.CannotEdit as why:
            finding = change.finding
            refused.append(f"{file.name}: {finding.code} {finding.summary}: not fixed: {why}")
    return text, refused


def _tried(file: File, changes: list[_Change]) -> str:
    made = edits.applied(file.text, (e for c in changes for e in c.edits))
    edits.verify(file, made, [(c.item, c.operations) for c in changes])
    return made


def unified_diff(fixed: FixedFiles) -> str:
    """What ``--diff`` prints."""
    return "".join(unified(f.path, f.text, text) for f, text in fixed.files if f.path)


def write(fixed: FixedFiles) -> Iterator[str]:
    """Write the files, each whole or not at all; give their names. Raises NotWrittenError.

    Nothing is written where one of them is not as it was read.
    """
    files = [(f, f.path, text) for f, text in fixed.files if f.path is not None]
    for file, path, _ in files:
        _check_unchanged(file, path)
    for file, path, text in files:
        _replace(file, path, text)
        yield file.name


def _check_unchanged(file: File, path: str) -> None:
    try:
        content = read_file(path, MANIFEST_BYTES)
    except Unreadable:
        content = None
    except OSError as error:
        raise NotWrittenError(f"cannot write {file.name}: {error.strerror}") from None
    if content != file.text.encode():
        raise NotWrittenError(f"{file.name} was changed meanwhile", "Run it again.")


def _replace(file: File, path: str, text: str) -> None:
    """Rename a new file to the name of the old one, which keeps its owner and mode."""
    real = real_path(path)

    def unchanged() -> None:
        if real_path(path) != real:
            raise NotWrittenError(f"{file.name} was changed meanwhile", "Run it again.")
        _check_unchanged(file, path)

    try:
        replace(real, text.encode(), PRIVATE, os.stat(real), unchanged)
    except OSError as error:
        why = error.strerror
        if error.errno == errno.EPERM:
            why = "its owner would change"
        raise NotWrittenError(f"cannot write {file.name}: {why}") from None
