"""The self-contained archive: what is in it, and what Krew would refuse."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from tests.packaging.conftest import ROOT, build, run, script


def _extract(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "kubectl-portcheck"


def test_holds_what_krew_takes_and_nothing_else(archive: Path) -> None:
    checked = script("archive.py", "check", archive)

    assert checked.code == 0, checked.err
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert all(member.isreg() or member.isdir() for member in members)
    assert {"LICENSE", "THIRD_PARTY_LICENSES.txt", "kubectl-portcheck"} <= {m.name for m in members}
    assert {PurePosixPath(m.name).parts[0] for m in members if m.isdir()} == {"lib"}
    assert archive.stat().st_size <= 20_000_000


def test_holds_every_module_of_the_program(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    sources = [path for path in (ROOT / "kubectl_portcheck").rglob("*") if path.is_file()]
    wanted = {
        f"lib/{path.relative_to(ROOT).with_suffix('.pyc').as_posix()}"
        for path in sources
        if path.suffix == ".py" and path.name != "__main__.py"
    } | {
        f"lib/{path.relative_to(ROOT).as_posix()}"
        for path in sources
        if path.suffix in (".css", ".gz", ".j2", ".js", ".json")
    }

    assert not {name for name in wanted if "/." not in name} - names


def test_asks_for_no_newer_glibc_than_its_builder_has(archive: Path) -> None:
    has = os.confstr("CS_GNU_LIBC_VERSION") if hasattr(os, "confstr") else None
    if not has:
        pytest.skip("no glibc here")
    version = os.environ.get("PORTCHECK_GLIBC", has.split()[1])

    checked = script("archive.py", "check", archive, "--glibc", version)

    assert checked.code == 0, checked.err
    said = re.search(r"needs glibc (\d+)\.(\d+) or newer$", checked.out.strip())
    assert said
    oldest, before = f"{said[1]}.{said[2]}", f"{said[1]}.{int(said[2]) - 1}"
    assert script("archive.py", "check", archive, "--glibc", oldest).code == 0
    refused = script("archive.py", "check", archive, "--glibc", before)
    assert (refused.code, f"needs glibc {oldest}, more than {before}" in refused.err) == (1, True)


def test_every_part_has_a_licence_and_stands_in_the_bill_of_materials(
    archive: Path, tmp_path: Path
) -> None:
    _extract(archive, tmp_path)
    texts = (tmp_path / "THIRD_PARTY_LICENSES.txt").read_text(encoding="utf-8")
    bill = json.loads(Path(str(archive).replace(".tar.gz", ".cdx.json")).read_text())

    names = {component["name"] for component in bill["components"]}
    assert {"CPython", "OpenSSL", "argcomplete", "msgspec", "PyYAML", "rich"} <= names
    assert all(component["licenses"] for component in bill["components"])
    assert all(f"\n{name}" in texts for name in names)


def test_the_sum_beside_it_is_its_sum(archive: Path) -> None:
    said = archive.with_name(f"{archive.name}.sha256").read_text()

    assert said == f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"


def test_runs_without_an_environment_through_a_link_from_a_read_only_place(
    archive: Path, tmp_path: Path
) -> None:
    program = _extract(archive, tmp_path / "store")
    link = tmp_path / "kubectl-portcheck"
    link.symlink_to(program)
    for path in (tmp_path / "store").rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)

    version = run(link, "--version", env={}, cwd=Path("/"))
    demo = run(link, "--demo", "-o", "json", env={}, cwd=Path("/"))

    assert (version.code, version.err) == (0, "")
    assert version.out.startswith("kubectl-portcheck ")
    assert (demo.code, demo.err) == (1, "")
    assert json.loads(demo.out)["services"][0]["findings"][0]["code"] == "PC401"


@pytest.mark.parametrize(
    "words",
    [
        ("--demo",),
        ("--demo", "-o", "wide", "--show-commands", "--color", "always"),
        ("--demo", "--save-svg", "report.svg", "-o", "html"),
        ("--help",),
        ("--list-rules",),
        ("--explain", "PC401"),
    ],
)
def test_says_what_the_program_from_pip_says(
    archive: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    installed = Path(sys.executable).with_name("kubectl-portcheck")
    if not installed.exists():
        pytest.skip("kubectl-portcheck is not installed here")
    program = _extract(archive, tmp_path)

    assert run(program, *words, env={"COLUMNS": "100"}, cwd=tmp_path) == run(
        installed, *words, env={"COLUMNS": "100"}, cwd=tmp_path
    )


def test_the_same_commit_makes_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    if "PORTCHECK_ARCHIVE" in os.environ:
        pytest.skip("the archive was not made here")

    again = build(tmp_path)

    assert again.read_bytes() == archive.read_bytes()
    bill = archive.name.replace(".tar.gz", ".cdx.json")
    assert (tmp_path / bill).read_bytes() == (archive.parent / bill).read_bytes()


def _tar(folder: Path, *members: tarfile.TarInfo) -> Path:
    made = folder / "some.tar.gz"
    with tarfile.open(made, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return made


def _member(name: str, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode = kind, 0o755
    made.size = 1 if kind == tarfile.REGTYPE else 0
    for field, value in more.items():
        setattr(made, field, value)
    return made


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (_member("lib/a", tarfile.SYMTYPE, linkname="b"), "neither a regular file nor a folder"),
        (_member("lib/a", tarfile.LNKTYPE, linkname="LICENSE"), "neither a regular file"),
        (_member("lib/../a"), "a name that Krew refuses"),
        (_member("lib/aiohttp/client.pyc"), "no business here"),
        (_member("lib/kubernetes/client/models/v1_pod.pyc"), "no business here"),
        (_member("lib/kubectl_portcheck/tests/x.pyc"), "no business here"),
        (_member("lib/a", uid=1000), "an owner"),
    ],
)
def test_the_check_sees_what_must_not_be_there(
    tmp_path: Path, bad: tarfile.TarInfo, problem: str
) -> None:
    good = [_member(n) for n in ("LICENSE", "THIRD_PARTY_LICENSES.txt", "kubectl-portcheck")]

    assert script("archive.py", "check", _tar(tmp_path, *good)).code == 0
    checked = script("archive.py", "check", _tar(tmp_path, *good, bad))

    assert checked.code == 1
    assert problem in checked.err


@pytest.mark.parametrize("missing", ["LICENSE", "THIRD_PARTY_LICENSES.txt", "kubectl-portcheck"])
def test_the_check_sees_what_is_missing(tmp_path: Path, missing: str) -> None:
    names = {"LICENSE", "THIRD_PARTY_LICENSES.txt", "kubectl-portcheck"} - {missing}

    checked = script("archive.py", "check", _tar(tmp_path, *map(_member, sorted(names))))

    assert checked.code == 1
    assert missing in checked.err
