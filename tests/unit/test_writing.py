"""Files are written whole or not at all; evidence is its owner's only."""

import errno
import io
import os
import select
import stat
import threading
from pathlib import Path

import pytest

from kubectl_portcheck import writing
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import NotWrittenError, UsageError
from kubectl_portcheck.exit_codes import ExitCode


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(*argv: str) -> tuple[ExitCode, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, Environment(out, err, {"HOME": "/nowhere"}))
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
@pytest.mark.parametrize("name", ["kept.json", "kept.json.gz"])
def test_evidence_is_its_owners_only(tmp_path: Path, name: str, before: int | None) -> None:
    kept = tmp_path / name
    if before:
        kept.write_text("older")
        kept.chmod(before)
    assert run("--demo", "--save", str(kept))[0] == ExitCode.PROBLEM
    assert mode(kept) == 0o600
    assert [f.name for f in tmp_path.iterdir()] == [name]


def test_a_report_has_the_mode_of_any_new_file_or_of_the_one_before(tmp_path: Path) -> None:
    fresh, older, plain = tmp_path / "fresh", tmp_path / "older", tmp_path / "plain"
    plain.write_text("")
    older.write_text("")
    older.chmod(0o640)
    files = ("--output-file", f"json={fresh}", "--output-file", f"yaml={older}")
    assert run("--demo", *files)[0] == ExitCode.PROBLEM
    assert (mode(fresh), mode(older)) == (mode(plain), 0o640)


@pytest.mark.parametrize("flag", ["--save", "--output-file", "--save-svg"])
def test_what_cannot_be_written_half_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    kept = tmp_path / "kept"
    kept.write_text("older")
    value = f"json={kept}" if flag == "--output-file" else str(kept)
    code, out, err = run("--demo", flag, value)
    assert code == ExitCode.NOT_WRITTEN
    assert "BROKEN" in out  # The report is there all the same.
    assert err == f"error: cannot write {kept}: No space left on device\n"
    assert (kept.read_text(), len(list(tmp_path.iterdir()))) == ("older", 1)


def test_the_other_files_are_written_where_one_cannot_be(tmp_path: Path) -> None:
    fixed, well = tmp_path / "fixed", tmp_path / "well"
    fixed.write_text("older")
    fixed.chmod(0o400)
    if os.access(fixed, os.W_OK):
        fixed.unlink()
        fixed = Path("/proc/version")  # Root writes everywhere but there.
    code, out, _ = run("--demo", "--output-file", f"json={fixed}", "--output-file", f"json={well}")
    assert code == ExitCode.NOT_WRITTEN
    assert well.stat().st_size > 1000
    assert "BROKEN" in out


def test_a_pipe_and_a_link_are_written_through(tmp_path: Path) -> None:
    reading, written = os.pipe()
    with os.fdopen(reading, "rb") as reader:
        writing.write_file(f"/dev/fd/{written}", b"report", private=True)
        os.close(written)
        assert reader.read() == b"report"
    place, link = tmp_path / "place", tmp_path / "link"
    place.write_text("older")
    link.symlink_to("place")
    writing.write_file(str(link), b"newer")
    assert (link.is_symlink(), place.read_text()) == (True, "newer")


def test_a_folder_that_refuses_a_new_file_gets_the_old_one_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    log = tmp_path / "termination-log"
    log.write_text("")
    monkeypatch.setattr(writing, "replace", refused)
    writing.write_file(str(log), b"report")
    assert log.read_text() == "report"
    with pytest.raises(NotWrittenError, match="Read-only file system"):
        writing.write_file(str(tmp_path / "fresh"), b"report")


def test_a_place_that_cannot_be_is_refused_before_the_walk(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a folder"):
        writing.check_place(str(tmp_path))
    with pytest.raises(UsageError, match="there is no folder"):
        writing.check_place(str(tmp_path / "a" / "b"))
    writing.check_place(str(tmp_path / "fresh"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_from_which_no_program_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotWrittenError, match="no program reads from this pipe"):
        writing.write_file(str(tmp_path / "pipe"), b"x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_with_a_reader_gets_everything(tmp_path: Path) -> None:
    """More than a pipe holds: the write waits for its reader."""
    content = b"x" * 300_000
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    read: list[bytes] = []

    def take() -> None:
        with open(reader, "rb") as file:
            read.append(file.read())

    taking = threading.Thread(target=take)
    writing_thread = threading.Thread(
        target=writing.write_file, args=(str(tmp_path / "pipe"), content)
    )
    writing_thread.start()
    # A read before the pipe is opened for writing would find its end.
    select.select([reader], [], [], 60)
    taking.start()
    writing_thread.join(60)
    taking.join(60)
    assert read == [content]
