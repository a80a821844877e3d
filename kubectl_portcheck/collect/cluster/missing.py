"""From a failure of the client to the part of the evidence that is missing, and why."""

from collections.abc import Callable
from typing import TypeVar

from kubectl_portcheck.client import (
    ApiStatusError,
    ClusterError,
    ConfigurationError,
    Forbidden,
    NotFound,
    TimedOut,
)
from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.regex import regex

T = TypeVar("T")


def observed(
    read: Callable[[], T], fatal: tuple[type[ClusterError], ...] = ()
) -> Observed[T] | Missing:
    """Give what was read, or why it could not be. Failures in ``fatal`` are raised."""
    try:
        return Observed(value=read())
    except ClusterError as error:
        if isinstance(error, (ConfigurationError, *fatal)):
            raise
        return missing(error)
    except ValueError as error:
        return missing(error)


def missing(error: ClusterError | ValueError) -> Missing:
    """Give what is missing after a failure of the client, or an answer that cannot be read."""
    if isinstance(error, ValueError):
        return Missing(reason=Reason.FAILED, detail=f"the API server's answer is odd: {error}")
    if isinstance(error, Forbidden):
        return _forbidden(error.message)
    if isinstance(error, NotFound):
        return Missing(reason=Reason.NOT_FOUND, detail=error.message)
    if isinstance(error, TimedOut):
        return Missing(reason=Reason.TIMED_OUT, detail=error.message)
    detail = f"{error.status}: {error.message}" if isinstance(error, ApiStatusError) else ""
    return Missing(reason=Reason.FAILED, detail=detail or error.message)


_RIGHT = regex(
    r'cannot (?P<verb>\w{1,20}) resource "(?P<resource>[\w.-]{1,63})'
    r'(?:/(?P<subresource>[\w-]{1,63}))?" in API group "(?P<group>[\w.-]{0,253})"'
    r'(?: in the namespace "(?P<namespace>[\w.-]{1,253})")?'
)
"""The API server's refusal. (k8s.io/apiserver, responsewriters ``forbiddenMessage``)"""


def _forbidden(message: str) -> Missing:
    """The missing right, in few words and as data; the server's message where it names none."""
    found = _RIGHT.search(message)
    if found is None:
        return Missing(reason=Reason.FORBIDDEN, detail=message)
    right = Right(**{name: part or "" for name, part in found.groupdict().items()})
    return Missing(reason=Reason.FORBIDDEN, detail=f"{right.words} is forbidden", right=right)
