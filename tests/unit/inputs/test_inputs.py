"""Bytes from outside: whatever they are, they are read, or it is said what is wrong with them."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from kubectl_portcheck.inputs import (
    CUT,
    TooDeep,
    Unreadable,
    beginning,
    json_value,
    read_file,
    shallow,
    understood,
    unpacked,
)
from kubectl_portcheck.inputs.limits import JSON_DEPTH
from tests.stopwatch import stopwatch


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"9" * 5000, "out of range"),
        (b"1e999", "out of range"),
        (b'"\xff"', "not UTF-8"),
        (b'"\\ud800"', "truncated"),
        (b"", "truncated"),
        (b"NaN", "malformed"),
    ],
)
def test_json_that_cannot_be_read_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        json_value(raw)


@pytest.mark.parametrize(
    "failure", [RecursionError, OverflowError, MemoryError, IndexError, KeyError, TypeError]
)
def test_whatever_fails_on_foreign_content_is_one_error(failure: type[Exception]) -> None:
    def read() -> None:
        raise failure

    with pytest.raises(Unreadable, match=r"\w"):
        understood(read)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", "/dev/zero", "/dev/random", "/dev/tty"):
        with stopwatch() as spent, pytest.raises((Unreadable, OSError)):
            read_file(name, 100)
        assert spent.seconds < 5
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 100)
    with pytest.raises(Unreadable, match="no possible name"):
        read_file("a\0b", 100)
    assert read_file("/dev/null", 100) == b""


def test_a_file_that_becomes_a_pipe_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    opened = os.open

    def swapped(_: object, flags: int) -> int:
        return opened(tmp_path / "pipe", flags)

    monkeypatch.setattr("kubectl_portcheck.inputs.os.open", swapped)
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(Unreadable, match="regular"):
            read_file(tmp_path / "file", 100)
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    assert ended.wait(2)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert read_file(tmp_path / "file", 100) == b"x" * 100
    with pytest.raises(Unreadable, match="is larger than 99 bytes"):
        read_file(tmp_path / "file", 99)


def test_gzip_is_unpacked_up_to_its_limit(tmp_path: Path) -> None:
    packed = gzip.compress(b"x" * 100)
    assert unpacked(packed, 100) == b"x" * 100
    for raw, most, why in (
        (packed, 99, "larger than 99 bytes once unpacked"),
        (packed[:-1], 100, "cut off"),
        (b"\x1f\x8bxx", 100, "not the gzip"),
    ):
        with pytest.raises(Unreadable, match=why):
            unpacked(raw, most)
    (tmp_path / "file").write_bytes(packed)
    assert beginning(tmp_path / "file", 50) == b"x" * 50


def test_json_loses_what_is_too_deep_and_nothing_else() -> None:
    text = b'{"a": "[\\"{\\\\", "b": %s, "c": [1]}'
    assert shallow(text % b"2") == text % b"2"
    deep = b"[" * (JSON_DEPTH + 5) + b"]" * (JSON_DEPTH + 5)
    found = json_value(shallow(text % deep))
    assert found["c"] == [1]
    assert CUT in shallow(text % deep)
    with stopwatch() as spent, pytest.raises(TooDeep):
        shallow(b"[" * 3_000_000)
    assert spent.seconds < 5
