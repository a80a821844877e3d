"""Failures that end a run with one clear line instead of a report."""


class PortcheckError(Exception):
    """A failure that a user can act on.

    ``message`` says what is wrong, ``hint`` what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PortcheckError):
    """The command line, a file or a target's name is wrong: exit code 2."""


class NoClusterError(PortcheckError):
    """No cluster could be reached, or it refused the credentials: exit code 4."""
