"""The archive of a release: writes it so that the same files make the same bytes, and checks it.

``python packaging/archive.py check FILE [--glibc 2.17]`` ends with 0 if Krew can take the archive
and it holds what it must and nothing that it must not.
"""

import argparse
import gzip
import hashlib
import io
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from elf import glibc_floor

PROGRAM = "kubectl-portcheck"
LICENSE = "LICENSE"
THIRD_PARTY = "THIRD_PARTY_LICENSES.txt"
MAX_BYTES = 20 * 1000 * 1000
UNWANTED = ("aiohttp", "kubernetes", "pydantic", "pytest", "test", "unittest", "websocket")
"""Modules that have no business in the archive: typed API models, HTTP clients, tests."""


def write(folder: Path, archive: Path, epoch: int) -> None:
    """Packs a folder's content, without the folder itself. A link is packed as what it names."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
            _add(tar, path, path.relative_to(folder).as_posix(), epoch)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")


def problems(archive: Path, glibc: tuple[int, ...] | None = None) -> Iterable[str]:
    """What is wrong with an archive, one line each."""
    if archive.stat().st_size > MAX_BYTES:
        yield f"{archive.stat().st_size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f} MB"
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        names = {member.name: member for member in members}
        for member in members:
            yield from _entry_problems(member)
        for name in (LICENSE, THIRD_PARTY):
            if name not in names or not names[name].isreg():
                yield f"no regular file {name} at the root"
        programs = [names[n] for n in (PROGRAM, f"{PROGRAM}.exe") if n in names]
        if not programs or not programs[0].mode & 0o111:
            yield f"no executable file {PROGRAM} at the root"
        if glibc is not None and floor(archive) > glibc:
            yield f"needs glibc {_dotted(floor(archive))}, more than {_dotted(glibc)}"


def floor(archive: Path) -> tuple[int, ...]:
    """The oldest glibc that every file of an archive can run with."""
    with tarfile.open(archive) as tar:
        files = (tar.extractfile(member) for member in tar.getmembers() if member.isreg())
        return max((glibc_floor(file.read()) for file in files if file), default=())


def _entry_problems(member: tarfile.TarInfo) -> Iterable[str]:
    path = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()):
        yield f"{member.name}: neither a regular file nor a folder, which Krew refuses"
    if ".." in member.name or path.is_absolute():
        yield f"{member.name}: a name that Krew refuses"
    module = path.parts[1].split(".")[0] if len(path.parts) > 1 else ""
    if module in UNWANTED or "tests" in path.parts:
        yield f"{member.name}: a module that has no business here"
    if member.uid or member.gid or member.uname or member.gname:
        yield f"{member.name}: an owner, which differs from machine to machine"


def _add(tar: tarfile.TarFile, path: Path, name: str, epoch: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime = epoch
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
        return
    content = path.read_bytes()
    entry.size = len(content)
    entry.mode = 0o755 if name in (PROGRAM, f"{PROGRAM}.exe") else 0o644
    tar.addfile(entry, io.BytesIO(content))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def main() -> int:
    """Checks an archive; 1 and one line a problem if it cannot be published."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=("check",))
    parser.add_argument("archive", type=Path)
    parser.add_argument(
        "--glibc", type=_version, metavar="2.17", help="the newest glibc that it may ask for"
    )
    args = parser.parse_args()
    found = list(problems(args.archive, args.glibc))
    for problem in found:
        print(f"{args.archive.name}: {problem}", file=sys.stderr)
    if not found:
        size = args.archive.stat().st_size / 1e6
        needs = _dotted(floor(args.archive))
        print(
            f"{args.archive.name}: {size:.1f} MB"
            + (f", needs glibc {needs} or newer" if needs else "")
        )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
