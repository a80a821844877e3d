"""Files that the program writes: whole or not at all, and never half.

A file is written beside its place and renamed. What is no regular file (a pipe, a terminal, a
device), and a file beside which nothing may be written, such as a container's termination log, is
written in place.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable

from kubectl_portcheck.errors import NotWrittenError, UsageError
from kubectl_portcheck.inputs import full_path, real_path

PRIVATE = 0o600
"""The mode of evidence: readable by its owner only."""
PUBLIC = 0o666
"""The mode of a new report, less what the umask takes away."""
_FLAGS = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_IN_PLACE = ("/dev/", "/proc/")
_NOT_BESIDE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)
"""The errors of a folder that refuses a new file, or of a file that is a mount."""


def check_place(path: str) -> None:
    """Refuse a path where no file can be written, before any work is done. Raises UsageError."""
    folder = os.path.dirname(full_path(path))
    if os.path.isdir(path):
        raise UsageError(f"cannot write {path}: it is a folder")
    if not os.path.isdir(folder):
        raise UsageError(f"cannot write {path}: there is no folder {folder}")


def write_file(path: str, content: bytes, *, private: bool = False) -> None:
    """Write a file, or leave what was there. Raises NotWrittenError.

    ``private`` makes it readable by its owner only, whatever was there before. A link is followed:
    the user named it.
    """
    try:
        if _is_special(path):
            _write_in_place(path, content)
        else:
            _write_regular(real_path(path), content, private=private)
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno == errno.ENXIO:
            why = "no program reads from this pipe"
        raise NotWrittenError(f"cannot write {path}: {why}") from None


def replace(
    path: str,
    content: bytes,
    mode: int,
    like: os.stat_result | None = None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write the content beside a file and rename it to the file's name. Raises OSError.

    The new file has the mode, less the umask; or mode and owner of the file that it is ``like``.
    ``check`` is called at the last moment, and may raise.
    """
    name = os.path.join(os.path.dirname(path), f".portcheck-{os.urandom(6).hex()}")
    number = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, PRIVATE if like else mode)
    try:
        with open(number, "wb") as file:
            if like is not None:
                _take_after(number, like)
            file.write(content)
            file.flush()
            os.fsync(number)
        check()
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _take_after(number: int, like: os.stat_result) -> None:
    """Give a new file the owner and the mode of another. Raises OSError."""
    if hasattr(os, "fchown"):
        made = os.fstat(number)
        if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
            os.fchown(number, like.st_uid, like.st_gid)
        os.fchmod(number, stat.S_IMODE(like.st_mode))


def _is_special(path: str) -> bool:
    """Whether there is something that is no regular file, or a name for an open descriptor."""
    if full_path(path).startswith(_IN_PLACE):
        return True
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _write_regular(path: str, content: bytes, *, private: bool) -> None:
    try:
        before = os.stat(path)
    except FileNotFoundError:
        replace(path, content, PRIVATE if private else PUBLIC)
        return
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    try:
        replace(path, content, PRIVATE, None if private else before)
    except OSError as error:
        if error.errno not in _NOT_BESIDE:
            raise
        if private:
            os.chmod(path, PRIVATE)
        _write_in_place(path, content)


def _write_in_place(path: str, content: bytes) -> None:
    # A pipe from which no program reads would hold the run for ever.
    number = os.open(path, _FLAGS | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0))
    with open(number, "wb") as file:
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(number, True)
        file.write(content)
