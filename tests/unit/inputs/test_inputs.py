"""Bytes from outside: whatever they are, they are read, or it is said what is wrong with them."""

import codecs
import gzip
import os
import threading
from pathlib import Path

import pytest

from kubectl_portcheck import inputs
from kubectl_portcheck.inputs import (
    CUT,
    TooDeep,
    Unreadable,
    as_utf_8,
    beginning,
    holds_more,
    json_value,
    read_file,
    read_pipe,
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


MOST = 100_000
SPARSE = b'"%s",' % (1000 * b"x")
ROW = b'{"name":"x"},'
"""Two values for the estimate."""


@pytest.mark.parametrize(
    ("raw", "more"),
    [
        (ROW * (MOST // 2 - 1), False),
        (ROW * (MOST // 2 + 1), True),
        (b"{}," * (MOST // 3), False),
        (SPARSE * 500, False),
        (SPARSE * 20_000, False),
        (SPARSE * 500 + ROW * MOST + SPARSE * 500, True),
        ((SPARSE * 8 + ROW * 8000) * 50, True),
        ((b"," * 1024 + b" " * 7168) * (4 * MOST // 1024), True),
        (b"[" * (MOST + 1), True),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else str(value),
)
def test_whether_a_text_holds_too_many_values(raw: bytes, more: bool) -> None:
    assert {holds_more(raw, MOST) for _ in range(20)} == {more}


def test_the_values_of_a_text_with_few_are_not_all_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each page of a list is looked at for that: it was a tenth of the time of a sweep."""
    looked: list[int] = []
    count = inputs.values_in

    def counted(raw: bytes) -> int:
        looked.append(len(raw))
        return count(raw)

    monkeypatch.setattr(inputs, "values_in", counted)
    raw = (SPARSE + ROW * 10) * 1000
    assert not holds_more(raw, MOST)
    assert sum(looked) <= len(raw) // 8 + 1024


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


@pytest.mark.parametrize("size", [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 200_000])
def test_a_file_that_is_known_to_be_regular_is_read_within_the_same_limits(
    tmp_path: Path, size: int
) -> None:
    raw = os.urandom(size)
    (tmp_path / "file").write_bytes(raw)
    assert read_file(tmp_path / "file", max(size, 1), regular=True) == raw
    if size > 1:
        with pytest.raises(Unreadable, match="larger"):
            read_file(tmp_path / "file", size - 1, regular=True)
    for other in ("/dev/zero", "/proc/self/status"):
        with pytest.raises((Unreadable, OSError)):
            read_file(other, 100, regular=True)


@pytest.mark.parametrize("regular", [False, True])
def test_a_file_that_becomes_a_pipe_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regular: bool
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
            read_file(tmp_path / "file", 100, regular=regular)
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


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("{}".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("{}".encode("utf-32"), "is UTF-32; save it as UTF-8"),
        (codecs.BOM_UTF16_BE + b"\0{\0}", "is UTF-16; save it as UTF-8"),
        (codecs.BOM_UTF32_BE + b"\0\0\0{", "is UTF-32; save it as UTF-8"),
    ],
)
def test_a_text_of_another_encoding_is_named_so(raw: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        as_utf_8(raw)


def test_a_byte_order_mark_of_utf_8_is_left_out() -> None:
    assert as_utf_8(codecs.BOM_UTF8 + b"{}") == as_utf_8(b"{}") == b"{}"


def test_a_path_that_is_no_pipe_is_not_read_as_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(__file__, "rb") as file:
        for path in (str(pipe), "/dev/null", f"/dev/fd/{file.fileno()}", "/dev/fd/x"):
            assert read_pipe(path, 10) is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        read_pipe("/dev/fd/999999", 10)


def test_no_more_is_read_of_a_pipe_than_there_is_room_for() -> None:
    end, begin = os.pipe()
    try:
        os.write(begin, b"x" * 11)
        os.close(begin)
        with pytest.raises(Unreadable, match="is larger than"):
            read_pipe(f"/dev/fd/{end}", 10)
    finally:
        os.close(end)
