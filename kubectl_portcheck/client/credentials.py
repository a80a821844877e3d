"""Who we are to the API server: the headers and the client certificate of a user entry."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kubectl_portcheck import inputs
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import (
    ConfigurationError,
    CredentialsError,
    TimedOut,
)
from kubectl_portcheck.client.kubeconfig import AuthProvider, User
from kubectl_portcheck.inputs.limits import CREDENTIAL_BYTES
from kubectl_portcheck.withheld import GONE

Header = tuple[str, str]
Authorize = Callable[[Deadline, threading.Event], tuple[str, float]]
"""Gives the header Authorization, and when to ask for it again, in seconds since the epoch."""

FRESH_SECONDS = 30.0
"""For so long credentials are not fetched again because of a refusal."""

SHORTEST_SECRET = 6
"""A shorter one may be part of any word, and is not looked for."""
TOKEN_CHARACTERS = frozenset(
    "!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
"""The characters of a header's name; '%' is left out, since it marks an escaped byte."""
TOKEN_FILE_SECONDS = 50.0
"""How long the content of a token file is used before the file is read again: client-go keeps it
for a minute, less 10 seconds."""


class Identity(NamedTuple):
    """What proves who we are, for one moment."""

    authorization: str = ""
    """The value of the header Authorization, or empty."""
    certificate: bytes = b""
    key: bytes = b""
    """Client certificate and key, PEM."""

    def __repr__(self) -> str:
        return "Identity(...)"


def certificate_end(pem: bytes) -> float | None:
    """When a certificate ends, in seconds since the epoch; None where it is not known.

    A certificate holds its validity as two times, one after the other, and nothing before them
    looks alike: a certificate is not parsed for one hint.
    """
    import base64
    import re
    from datetime import datetime, timezone

    first = re.search(rb"-----BEGIN CERTIFICATE-----([^-]+)-----END", pem)
    try:
        content = base64.b64decode(first[1]) if first else b""
    except ValueError:
        return None
    moment = rb"(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)"
    match = re.search(moment + moment, content)
    if match is None:
        return None
    text = (match[3] or match[4]).decode("ascii")
    if len(text) == 12:
        # Two digits mean 1950 to 2049 (RFC 5280).
        text = ("19" if text >= "5" else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def _no_renewal(_: Deadline, __: threading.Event) -> AuthProvider | None:
    return None


class Credentials:
    """The credentials of one run, fetched when first asked for and then kept.

    Safe to use from several threads. What has an end (a plugin's answer, a token file) is fetched
    again when that has come.
    """

    def __init__(
        self,
        user: User,
        exec_cluster: Mapping[str, Any] | None,
        environ: Mapping[str, str],
        authorize: Authorize | None = None,
    ) -> None:
        self._user = user
        self._authorize = authorize
        self._exec_cluster = exec_cluster
        self._environ = environ
        self.renew: Callable[[Deadline, threading.Event], AuthProvider | None] = _no_renewal
        """Gets an ``auth-provider`` entry with new tokens; set by the code that can do so."""
        self._lock = threading.Lock()
        self._identity: Identity | None = None
        self._expires: float | None = None
        self._fetched = 0.0
        self._fixed = Identity()
        if user.client_certificate or user.client_certificate_data:
            self._fixed = Identity(
                certificate=user.client_certificate_data
                or read_file(user.client_certificate, "client-cert"),
                key=user.client_key_data or read_file(user.client_key, "client-key"),
            )
        if user.token and not user.token_file:
            self._fixed = self._fixed._replace(authorization=bearer(user.token))
        elif user.username or user.password:
            self._fixed = self._fixed._replace(authorization=basic(user.username, user.password))
        self._sent = {self._fixed.authorization}
        """Every value of Authorization of this run."""
        self._fetch: Callable[[Deadline, threading.Event], tuple[Identity, float | None]] | None = (
            None
        )
        self._failure: ConfigurationError | None = None
        self._failed = 0.0
        if authorize is not None:
            self._fetch = self._from_caller
        elif user.token_file:
            self._fetch = self._from_file
        elif self._fixed != Identity():
            # A token, a password or a certificate keeps a plugin from being run at all.
            pass
        elif user.exec_plugin:
            self._fetch = self._from_plugin
        elif user.auth_provider:
            self._fetch = self._from_provider

    def __repr__(self) -> str:
        return "Credentials(...)"

    def identity(self, deadline: Deadline, cancelled: threading.Event) -> Identity:
        """What to identify with now. ``cancelled`` ends the wait for a plugin early.

        Raises :class:`CredentialsError` where a plugin, a provider or a file fails, and
        :class:`TimedOut`.
        """
        if self._fetch is None:
            return self._fixed
        asked = time.monotonic()
        if not self._lock.acquire(timeout=deadline.check("before the credentials were had")):
            raise TimedOut("timed out waiting for the credentials")
        try:
            if self._failure is not None and self._failed >= asked:
                raise self._failure
            if self._identity is None or (self._expires or time.time() + 1) <= time.time():
                self._identity, self._expires = self._renewed(deadline, cancelled)
                self._sent.add(self._identity.authorization)
                self._fetched = time.monotonic()
            return self._identity
        finally:
            self._lock.release()

    def _renewed(
        self, deadline: Deadline, cancelled: threading.Event
    ) -> tuple[Identity, float | None]:
        """Fetch the credentials; those who wait for them meanwhile meet the same failure."""
        assert self._fetch is not None
        try:
            return self._fetch(deadline, cancelled)
        except ConfigurationError as failure:
            self._failure, self._failed = failure, time.monotonic()
            raise

    def veiled(self, text: str) -> str:
        """The text without what identifies us, should a server send it back."""
        for secret in self._secrets():
            text = text.replace(secret, GONE)
        return text

    def veiled_bytes(self, data: bytes) -> bytes:
        """The same of bytes."""
        for secret in self._secrets():
            data = data.replace(secret.encode(), GONE.encode())
        return data

    def _secrets(self) -> Iterator[str]:
        # A copy: another thread may renew the credentials meanwhile.
        values = (a.partition(" ")[2] for a in tuple(self._sent))
        known = (*values, self._user.token, self._user.password)
        return (secret for secret in known if len(secret) >= SHORTEST_SECRET)

    def refused(self) -> None:
        """The server refused what we identified with: it is fetched again for the next request.

        What was fetched just now stays, so that a plugin runs once for the requests of one moment.
        """
        with self._lock:
            if time.monotonic() - self._fetched > FRESH_SECONDS:
                self._identity = None

    def expired_on(self) -> str:
        """The day on which the client certificate ended; empty where it has not, or is none."""
        end = certificate_end(self._fixed.certificate) if self._fixed.certificate else None
        if end is None or end > time.time():
            return ""
        return time.strftime("%Y-%m-%d", time.gmtime(end))

    def _from_file(
        self, deadline: Deadline, cancelled: threading.Event
    ) -> tuple[Identity, float | None]:
        path = self._user.token_file
        try:
            token = read_file(path, "tokenFile").strip().decode("utf-8", "replace")
        except ConfigurationError:
            if not self._user.token:
                raise
            token = ""
        if not token:
            token = self._user.token
        if not token:
            raise CredentialsError(f'read empty token from file "{path}"')
        identity = self._fixed._replace(authorization=bearer(token))
        return identity, time.time() + TOKEN_FILE_SECONDS

    def _from_caller(
        self, deadline: Deadline, cancelled: threading.Event
    ) -> tuple[Identity, float | None]:
        assert self._authorize is not None
        authorization, expires = self._authorize(deadline, cancelled)
        return self._fixed._replace(authorization=authorization), expires

    def _from_plugin(
        self, deadline: Deadline, cancelled: threading.Event
    ) -> tuple[Identity, float | None]:
        from kubectl_portcheck.client.plugin import run_plugin

        plugin = self._user.exec_plugin
        assert plugin is not None
        answer = run_plugin(plugin, self._exec_cluster, self._environ, deadline, cancelled)
        authorization = bearer(answer.token) if answer.token else ""
        return Identity(authorization, answer.certificate, answer.key), answer.expires

    def _from_provider(
        self, deadline: Deadline, cancelled: threading.Event
    ) -> tuple[Identity, float | None]:
        from kubectl_portcheck.client.oidc import provider_token

        provider = self._user.auth_provider
        assert provider is not None
        token, expires = provider_token(provider, lambda: self.renew(deadline, cancelled))
        return Identity(bearer(token)), expires


def read_file(path: str, what: str) -> bytes:
    """A file that the configuration names. Raises :class:`ConfigurationError`."""
    try:
        return inputs.read_file(path, CREDENTIAL_BYTES)
    except (OSError, inputs.Unreadable) as error:
        why = inputs.reason(error)
        raise ConfigurationError(f"unable to read {what} {path}: {why}") from None


def checked(value: str, what: str) -> str:
    """A header's value. Raises :class:`ConfigurationError`, without the value, for control
    characters: a line break would begin another header.
    """
    if any(ord(c) < 32 and c != "\t" for c in value) or "\x7f" in value:
        raise ConfigurationError(f"{what} holds a line break or another control character")
    return value


def bearer(token: str) -> str:
    """The value of Authorization for a token."""
    return "Bearer " + checked(token, "the token")


def basic(username: str, password: str) -> str:
    """The value of Authorization for a name and a password."""
    import base64

    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def impersonation(user: User) -> tuple[Header, ...]:
    """The headers that ask the API server to treat the request as another user's.

    Source: client-go ``transport/round_trippers.go``.
    """
    if not user.as_user:
        return ()
    headers = [("Impersonate-User", user.as_user)]
    if user.as_uid:
        headers.append(("Impersonate-Uid", user.as_uid))
    headers += [("Impersonate-Group", group) for group in user.as_groups]
    for key, values in user.as_user_extra.items():
        name = "Impersonate-Extra-" + _escaped(key)
        headers += [(name, value) for value in values]
    return tuple((name, checked(value, name)) for name, value in headers)


def _escaped(key: str) -> str:
    """A key as part of a header's name: other bytes are percent-encoded."""
    return "".join(
        chr(byte) if chr(byte) in TOKEN_CHARACTERS else f"%{byte:02X}" for byte in key.encode()
    )
