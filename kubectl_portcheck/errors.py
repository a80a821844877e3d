"""Failures that end a run with one clear line instead of a report."""


def defect_words(defect: Exception) -> str:
    """An unexpected failure of this program in words: its kind and place, none of its data."""
    trace = defect.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        code = trace.tb_frame.f_code
        place = f" in {code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
    return f"a defect of kubectl-portcheck ({type(defect).__name__}{place})"


class PortcheckError(Exception):
    """A failure that a user can act on.

    ``message`` says what is wrong, ``hint`` what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def line(self) -> str:
        """What a user sees."""
        return f"error: {self.message}"


class UsageError(PortcheckError):
    """The command line, a file or a target's name is wrong: exit code 2."""


class UnknownTargetError(UsageError):
    """The API server knows no such object; the message is in its own words."""

    @property
    def line(self) -> str:
        """The server's words as kubectl prints them."""
        return self.message


class NoAnswerError(PortcheckError):
    """What was asked is not known, and there is nothing to report on: exit code 3."""


class NotWrittenError(PortcheckError):
    """A report or a file could not be written, though there was one: exit code 5."""


class NoClusterError(PortcheckError):
    """No cluster could be reached, or it refused the credentials: exit code 4."""

    @property
    def line(self) -> str:
        """The failure as kubectl prints it."""
        return self.message
