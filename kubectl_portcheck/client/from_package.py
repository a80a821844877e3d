"""A connection with the settings of a client of the package ``kubernetes``, which is not imported.

Automation in Python often has one of its clients: in an operator, in a notebook. Its host,
credentials, TLS and proxy settings are taken as the package itself uses them.

Source: the package's ``client/rest.py``, ``client/api_client.py`` and ``client/configuration.py``,
versions 31 to 37.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from kubectl_portcheck.client.connection import Connection
from kubectl_portcheck.client.credentials import Header, checked, read_file
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import ConfigurationError, CredentialsError, TimedOut
from kubectl_portcheck.client.flags import ConnectionFlags
from kubectl_portcheck.client.kubeconfig import Cluster, User
from kubectl_portcheck.client.proxies import excluded
from kubectl_portcheck.withheld import without_userinfo

ASK_AGAIN_SECONDS = 5.0
"""How long a token is used before the configuration is asked for it again."""
LOOK_SECONDS = 0.1
"""How often a wait for the refresh hook looks whether the run was ended."""
NO_ENVIRONMENT = {"PATH": ""}
"""Nothing comes from the environment, and no kubectl is run: it would use another connection."""
OWN_HEADERS = (
    *("accept", "accept-encoding", "connection", "content-length", "content-type", "host"),
    *("user-agent", "upgrade"),
)
"""Headers that belong to the requests of this program."""


class PackageConfiguration(Protocol):
    """What is used of ``kubernetes.client.Configuration``."""

    @property
    def host(self) -> Any:
        """The API server's URL."""

    @property
    def verify_ssl(self) -> Any:
        """Whether the server's certificate is checked."""

    def auth_settings(self) -> Any:
        """Give the headers to authenticate with; runs ``refresh_api_key_hook``."""


class PackageClient(Protocol):
    """What is used of ``kubernetes.client.ApiClient``."""

    @property
    def configuration(self) -> Any:
        """The client's Configuration."""

    @property
    def default_headers(self) -> Any:
        """Headers of every request, such as ``Impersonate-User``."""


def server_of(client: object) -> str:
    """Give the API server's URL, without a password; '' for an object of another kind."""
    configuration = getattr(client, "configuration", client)
    host = getattr(configuration, "host", None)
    asks = callable(getattr(configuration, "auth_settings", None))
    return without_userinfo(host) if isinstance(host, str) and asks else ""


def connection_of(
    client: PackageClient | PackageConfiguration, flags: ConnectionFlags
) -> Connection:
    """Give the connection of an ApiClient or a Configuration.

    ``flags`` has the namespace and the user to impersonate. Raises :class:`ConfigurationError` for
    settings that cannot be followed.
    """
    configuration: Any = getattr(client, "configuration", client)
    host = str(configuration.host)
    certificate, key = configuration.cert_file or "", configuration.key_file or ""
    headers = dict(_headers(client))
    given = headers.pop("authorization", "")
    if flags.as_user:
        headers = {n: v for n, v in headers.items() if not n.startswith("impersonate-")}
    return Connection(
        flags,
        NO_ENVIRONMENT,
        context_name="",
        cluster_name="",
        user_name="",
        namespace=flags.namespace or "default",
        cluster=Cluster(
            server=host,
            tls_server_name=_server_name(configuration),
            insecure_skip_tls_verify=not configuration.verify_ssl,
            certificate_authority_data=_authority(configuration),
            proxy_url=_proxy(configuration, host),
        ),
        user=User(
            client_certificate=certificate,
            # As in the package, a file may hold both.
            client_key=key or certificate,
            as_user=flags.as_user or "",
            as_groups=flags.as_groups,
        ),
        configured=True,
        headers=tuple((name, checked(value, name)) for name, value in headers.items()),
        proxy_headers=_proxy_headers(configuration),
        check_host=getattr(configuration, "assert_hostname", None) is not False,
        authorize=_Tokens(configuration, given).authorization,
    )


class _Tokens:
    """Asks a configuration for what it authenticates with, within the time that there is."""

    def __init__(self, configuration: Any, given: str) -> None:
        self._configuration = configuration
        self._given = given
        """The header that the client sends where its configuration has none."""

    def authorization(self, deadline: Deadline, cancelled: threading.Event) -> tuple[str, float]:
        """Give the header Authorization, and when to ask for it again.

        The hook that renews a token may run a program or ask the network for as long as it likes,
        so it has a thread of its own.
        """
        asking = _Asking(self._configuration)
        asking.start()
        while asking.is_alive():
            if deadline.passed or cancelled.is_set():
                raise TimedOut("timed out waiting for the token of the Kubernetes client")
            asking.join(min(deadline.remaining(), LOOK_SECONDS))
        if asking.failure is not None:
            raise asking.failure
        found = asking.found or self._given
        return checked(found, "the token"), time.time() + ASK_AGAIN_SECONDS


class _Asking(threading.Thread):
    def __init__(self, configuration: Any) -> None:
        super().__init__(daemon=True, name="portcheck-token")
        self._configuration = configuration
        self.found = ""
        self.failure: CredentialsError | None = None

    def run(self) -> None:
        """Ask; a failure is reported by its kind only, since its text may hold the token."""
        try:
            settings = self._configuration.auth_settings()
        except Exception as error:  # A refresh hook is the caller's own and may raise anything.
            words = f"the Kubernetes client's refresh hook failed with {type(error).__name__}"
            self.failure = CredentialsError(words)
            return
        if not isinstance(settings, Mapping):
            getattr(settings, "close", lambda: None)()  # A coroutine, which is never awaited.
            self.failure = CredentialsError("asynchronous Kubernetes clients cannot be used")
            return
        for setting in settings.values():
            if setting.get("in") == "header" and setting.get("key", "").lower() == "authorization":
                self.found = setting.get("value") or ""


def _headers(client: Any) -> Iterator[Header]:
    """Give what a client sends with every request, by lower-case name."""
    for name, value in (getattr(client, "default_headers", None) or {}).items():
        if name.lower() not in OWN_HEADERS:
            yield name.lower(), str(value)
    if cookie := getattr(client, "cookie", None):
        yield "cookie", str(cookie)


def _authority(configuration: Any) -> bytes:
    """Give the authorities that the configuration trusts, as PEM; none for the machine's."""
    data = getattr(configuration, "ca_cert_data", None) or b""
    if isinstance(data, str):
        data = data.encode("ascii", "replace")
    elif data:
        import ssl

        data = ssl.DER_cert_to_PEM_cert(data).encode("ascii")
    if path := configuration.ssl_ca_cert:
        data = read_file(path, "ssl_ca_cert") + b"\n" + data
    return bytes(data)


def _server_name(configuration: Any) -> str:
    """Give the name that the server's certificate must have, where it is not the host's."""
    name = getattr(configuration, "tls_server_name", None) or ""
    wanted = getattr(configuration, "assert_hostname", None)
    if not isinstance(wanted, str) or not wanted:
        return str(name)
    if name and name != wanted:
        raise ConfigurationError("assert_hostname and tls_server_name differ: not supported")
    return wanted


def _proxy(configuration: Any, host: str) -> str:
    proxy = configuration.proxy or ""
    unless = getattr(configuration, "no_proxy", None) or ""
    return "" if not proxy or excluded(host, unless) else str(proxy)


def _proxy_headers(configuration: Any) -> tuple[Header, ...]:
    found = getattr(configuration, "proxy_headers", None) or {}
    return tuple((str(n), checked(str(v), f"the proxy header {n}")) for n, v in found.items())
