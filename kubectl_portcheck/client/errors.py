"""What can go wrong between this program and the cluster, as exceptions with a line for the user.

No message ever holds a credential: messages are built from names, addresses and the server's own
words, never from headers, tokens, keys or the text of a configuration file.
"""

from kubectl_portcheck.errors import PortcheckError


class ClusterError(PortcheckError):
    """The base of every failure of this package.

    ``message`` is fit for one line of evidence (it may hold line breaks where a credential plugin
    or kubectl's own wording has them); ``hint`` says what the user can do, or is empty; ``line`` is
    what kubectl itself would print on stderr for this failure.
    """

    prefix = ""
    """What kubectl puts before the message."""

    @property
    def line(self) -> str:
        """The failure in kubectl's wording, with the prefix that kubectl gives it."""
        return self.prefix + self.message


class ConfigurationError(ClusterError):
    """The kubeconfig, the flags or the credentials that they name cannot be used."""

    def __init__(self, message: str, hint: str = "", *, prefix: str = "error: ") -> None:
        super().__init__(message, hint)
        self.prefix = prefix


class CredentialsError(ConfigurationError):
    """A credential plugin or an authentication provider did not deliver."""


class Unreachable(ClusterError):
    """No answer was to be had: refused, no route, unknown host, reset, or closed half-way."""


class TlsError(Unreachable):
    """The TLS handshake failed: an unknown authority, another name, an expired certificate."""


class ProxyError(Unreachable):
    """The proxy between this program and the cluster refused or failed."""


class TimedOut(ClusterError):
    """The deadline passed during one of the waits: connect, TLS, handshake or a read."""


class BadAnswer(ClusterError):
    """Something answered, but not as a Kubernetes API server does: truncated, or not JSON."""


class TooLarge(BadAnswer):
    """The answer is larger than is read; a smaller part of it may be had."""


class ApiStatusError(ClusterError):
    """The API server refused a request.

    ``status`` is the HTTP status, ``reason`` the machine-readable reason of the Status object (such
    as ``Forbidden``; empty where the body was no Status), ``retry_after`` the seconds that the
    server asked to wait, or None.
    """

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    @property
    def line(self) -> str:
        """The refusal as kubectl prints it."""
        if self.reason:
            return f"Error from server ({self.reason}): {self.message}"
        return f"Error from server: {self.message}"


class BadRequest(ApiStatusError):
    """400: the API server does not understand what is asked for, such as a selector."""


class Unauthorized(ApiStatusError):
    """401: the credentials are missing, wrong or expired."""

    @property
    def line(self) -> str:
        """The refusal as kubectl prints it."""
        return f"error: You must be logged in to the server ({self.message})"


class Forbidden(ApiStatusError):
    """403: a right is missing. The message names the verb and the resource."""


class NotFound(ApiStatusError):
    """404: no such object, or no such API."""


class Throttled(ApiStatusError):
    """429, and the deadline left no room for the wait that the server asked for."""


_BY_STATUS: dict[int, type[ApiStatusError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    429: Throttled,
}


def status_error(
    status: int, reason: str, message: str, retry_after: float | None = None
) -> ApiStatusError:
    """The exception of the class that fits an HTTP status."""
    return _BY_STATUS.get(status, ApiStatusError)(status, reason, message, retry_after)
