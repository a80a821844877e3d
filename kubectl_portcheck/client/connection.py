"""From flags, environment and kubeconfig to the one connection of a run.

The precedence and the checks are those of client-go's ``tools/clientcmd/client_config.go`` and
``validation.go``; kubectl itself is the oracle of the tests.
"""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from kubectl_portcheck import inputs
from kubectl_portcheck.client.credentials import (
    Authorize,
    Credentials,
    Header,
    impersonation,
    read_file,
)
from kubectl_portcheck.client.errors import ConfigurationError
from kubectl_portcheck.client.flags import ConnectionFlags
from kubectl_portcheck.client.kubeconfig import (
    Cluster,
    Context,
    Kubeconfig,
    User,
    load_kubeconfig,
)
from kubectl_portcheck.client.proxies import DEFAULT_PORTS, Proxy, choose_proxy
from kubectl_portcheck.inputs.limits import CREDENTIAL_BYTES
from kubectl_portcheck.withheld import without_userinfo

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod finds its token, its cluster's authority and its namespace."""
DEFAULT_SERVER = "http://localhost:8080"
"""Where kubectl looks when nothing is configured."""
IN_CONFIGURATION = "Error in configuration: "


class Connection:
    """Everything that is needed to speak to one cluster as one user."""

    def __init__(
        self,
        flags: ConnectionFlags,
        environ: Mapping[str, str],
        *,
        context_name: str,
        cluster_name: str,
        user_name: str,
        namespace: str,
        cluster: Cluster,
        user: User,
        configured: bool,
        headers: tuple[Header, ...] = (),
        proxy_headers: tuple[Header, ...] = (),
        check_host: bool = True,
        authorize: Authorize | None = None,
    ) -> None:
        self.flags = flags
        self.environ = environ
        self.context_name = context_name
        self.cluster_name = cluster_name
        self.user_name = user_name
        self.namespace = namespace
        self.configured = configured
        """False where no kubeconfig was found and kubectl's default address is tried."""
        self.scheme, self.host, self.port, self.authority, self.path_prefix = _parse_server(
            cluster.server
        )
        self.server = f"{self.scheme}://{self.authority}{self.path_prefix}"
        self.proxy: Proxy | None = choose_proxy(
            cluster.proxy_url, self.scheme, self.host, self.port, environ
        )
        self.tls_server_name = cluster.tls_server_name
        self.insecure = cluster.insecure_skip_tls_verify
        self.compression = not (cluster.disable_compression or flags.disable_compression)
        self.request_timeout = parse_timeout(flags.request_timeout)
        if self.proxy is not None:
            self.proxy = self.proxy._replace(headers=proxy_headers)
        self.headers: tuple[Header, ...] = (*impersonation(user), *headers)
        """Those of every request, such as the user to impersonate."""
        self.check_host = check_host
        """Whether the server's certificate must have the server's name."""
        self.ca = b""
        if self.tls:
            self.ca = cluster.certificate_authority_data
            if cluster.certificate_authority:
                self.ca = read_file(cluster.certificate_authority, "certificate-authority")
        # As with kubectl, no credentials are sent over a connection in the clear.
        self.credentials = Credentials(
            user if self.tls else User(),
            self._exec_cluster(cluster),
            environ,
            authorize if self.tls else None,
        )

    def __repr__(self) -> str:
        return f"Connection({self.server}, context={self.context_name!r})"

    @property
    def tls(self) -> bool:
        """Whether the API server is spoken to over TLS."""
        return self.scheme == "https"

    def _exec_cluster(self, cluster: Cluster) -> Mapping[str, Any]:
        """What a credential plugin receives where it asks: ``spec.cluster`` of ExecCredential."""
        info: dict[str, Any] = {"server": cluster.server}
        if cluster.tls_server_name:
            info["tls-server-name"] = cluster.tls_server_name
        if cluster.insecure_skip_tls_verify:
            info["insecure-skip-tls-verify"] = True
        if self.ca:
            import base64

            info["certificate-authority-data"] = base64.b64encode(self.ca).decode("ascii")
        if cluster.proxy_url:
            info["proxy-url"] = cluster.proxy_url
        if cluster.disable_compression:
            info["disable-compression"] = True
        info["config"] = cluster.exec_config
        return info


def load_connection(
    flags: ConnectionFlags,
    environ: Mapping[str, str],
    *,
    service_account: str = SERVICE_ACCOUNT,
) -> Connection:
    """The connection that kubectl would use with these flags and this environment.

    Runs no credential plugin and opens no socket. Raises :class:`ConfigurationError` in kubectl's
    wording. ``service_account`` is the folder of the in-cluster credentials.
    """
    config = load_kubeconfig(flags.kubeconfig, environ)
    context_name = flags.context or config.current_context
    _check_names(flags, context_name, config)
    context = config.contexts.get(context_name, Context())
    user_name = flags.user or context.user
    cluster_name = flags.cluster or context.cluster
    configured = bool(config.clusters.get(cluster_name, Cluster()).server or flags.server)
    cluster = _with_flags(config.clusters.get(cluster_name, Cluster()), flags, environ)
    user = _user_with_flags(config.users.get(user_name, User()), flags)
    _check(cluster_name, cluster, user_name, user)
    namespace = flags.namespace or context.namespace
    if not configured and not cluster.proxy_url and _in_cluster(environ, service_account):
        return _in_cluster_connection(flags, environ, namespace, cluster, user, service_account)
    if not namespace and _in_cluster(environ, service_account):
        namespace = _in_cluster_namespace(environ, service_account)
    return Connection(
        flags,
        environ,
        context_name=context_name,
        cluster_name=cluster_name,
        user_name=user_name,
        namespace=namespace or "default",
        cluster=cluster,
        user=user,
        configured=configured or bool(environ.get("KUBERNETES_MASTER")),
    )


def _check_names(flags: ConnectionFlags, context_name: str, config: Kubeconfig) -> None:
    """Raise ConfigurationError where a context, a user or a cluster is named that is not there."""
    if flags.context and flags.context not in config.contexts:
        raise ConfigurationError(
            f'context "{flags.context}" does not exist', _nearest(flags.context, config.contexts)
        )
    if context_name and context_name not in config.contexts:
        raise ConfigurationError(
            f"context was not found for specified context: {context_name}",
            _nearest(context_name, config.contexts),
            prefix=IN_CONFIGURATION,
        )
    if flags.user and flags.user not in config.users:
        raise ConfigurationError(
            f'auth info "{flags.user}" does not exist', _nearest(flags.user, config.users)
        )
    if flags.cluster and flags.cluster not in config.clusters:
        raise ConfigurationError(
            f'cluster "{flags.cluster}" does not exist', _nearest(flags.cluster, config.clusters)
        )


def _with_flags(cluster: Cluster, flags: ConnectionFlags, environ: Mapping[str, str]) -> Cluster:
    """The cluster entry with what the command line says about it."""
    server = flags.server or cluster.server or environ.get("KUBERNETES_MASTER") or DEFAULT_SERVER
    cluster = cluster._replace(server=server)
    if flags.insecure_skip_tls_verify or flags.certificate_authority:
        # A flag of either kind replaces all that the entry says about trust.
        cluster = cluster._replace(
            insecure_skip_tls_verify=flags.insecure_skip_tls_verify,
            certificate_authority=flags.certificate_authority or "",
            certificate_authority_data=b"",
        )
    if flags.tls_server_name or flags.server:
        # Another server is not expected to have the name that the entry gives.
        cluster = cluster._replace(tls_server_name=flags.tls_server_name or "")
    return cluster


def _user_with_flags(user: User, flags: ConnectionFlags) -> User:
    """The user entry with what the command line says about it."""
    if flags.client_certificate:
        user = user._replace(
            client_certificate=flags.client_certificate, client_certificate_data=b""
        )
    if flags.client_key:
        user = user._replace(client_key=flags.client_key, client_key_data=b"")
    return user._replace(
        token=flags.token or user.token,
        username=flags.username or user.username,
        password=flags.password or user.password,
        as_user=flags.as_user or user.as_user,
        as_uid=flags.as_uid or user.as_uid,
        as_groups=flags.as_groups or user.as_groups,
        as_user_extra={**user.as_user_extra, **flags.as_user_extra},
    )


def _in_cluster(environ: Mapping[str, str], folder: str) -> bool:
    return bool(
        environ.get("KUBERNETES_SERVICE_HOST")
        and environ.get("KUBERNETES_SERVICE_PORT")
        and os.path.isfile(os.path.join(folder, "token"))
    )


def _in_cluster_namespace(environ: Mapping[str, str], folder: str) -> str:
    if namespace := environ.get("POD_NAMESPACE"):
        return namespace
    try:
        path = os.path.join(folder, "namespace")
        return inputs.read_file(path, CREDENTIAL_BYTES).decode().strip()
    except (OSError, ValueError):
        return ""


def _in_cluster_connection(
    flags: ConnectionFlags,
    environ: Mapping[str, str],
    namespace: str,
    cluster: Cluster,
    user: User,
    folder: str,
) -> Connection:
    """The connection of a program inside a pod, by its service account."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    authority = os.path.join(folder, "ca.crt")
    if not cluster.certificate_authority and not cluster.insecure_skip_tls_verify:
        cluster = cluster._replace(
            certificate_authority=authority if os.path.isfile(authority) else ""
        )
    token_file = "" if user.token else os.path.join(folder, "token")
    return Connection(
        flags,
        environ,
        context_name="",
        cluster_name="",
        user_name="",
        namespace=namespace or _in_cluster_namespace(environ, folder) or "default",
        cluster=cluster._replace(server=server),
        user=user._replace(token_file=token_file),
        configured=True,
    )


def _check(cluster_name: str, cluster: Cluster, user_name: str, user: User) -> None:
    """Refuses what kubectl refuses. Source: client-go ``tools/clientcmd/validation.go``."""
    wrong = [*_wrong_cluster(cluster_name, cluster), *_wrong_user(user_name, user)]
    if len(wrong) == 1:
        raise ConfigurationError(wrong[0])
    if wrong:
        lines = "".join(f"\n* {line}" for line in wrong)
        raise ConfigurationError(lines, prefix=IN_CONFIGURATION)


def _wrong_cluster(name: str, cluster: Cluster) -> list[str]:
    wrong = []
    if cluster.certificate_authority and cluster.certificate_authority_data:
        wrong.append(
            "certificate-authority-data and certificate-authority are both specified for "
            f"{name}. certificate-authority-data will override."
        )
    wrong += _unreadable("certificate-authority", cluster.certificate_authority, name)
    if cluster.insecure_skip_tls_verify and (
        cluster.certificate_authority or cluster.certificate_authority_data
    ):
        wrong.append("specifying a root certificates file with the insecure flag is not allowed")
    return wrong


def _wrong_user(name: str, user: User) -> list[str]:
    wrong = []
    methods = ["token"] if user.token else []
    if user.username or user.password:
        methods.append("basicAuth")
    if user.client_certificate or user.client_certificate_data:
        if user.client_certificate and user.client_certificate_data:
            wrong.append(
                f"client-cert-data and client-cert are both specified for {name}. "
                "client-cert-data will override."
            )
        if user.client_key and user.client_key_data:
            wrong.append(
                f"client-key-data and client-key are both specified for {name}; "
                "client-key-data will override"
            )
        if not user.client_key and not user.client_key_data:
            wrong.append(
                f"client-key-data or client-key must be specified for {name} to use the "
                "clientCert authentication method."
            )
        wrong += _unreadable("client-cert", user.client_certificate, name)
        wrong += _unreadable("client-key", user.client_key, name)
    if plugin := user.exec_plugin:
        if user.auth_provider:
            wrong.append(
                f"authProvider cannot be provided in combination with an exec plugin for {name}"
            )
        ending = f"must be specified for {name} to use exec authentication plugin"
        if not plugin.command:
            wrong.append(f"command {ending}")
        if not plugin.api_version:
            wrong.append(f"apiVersion {ending}")
        wrong += [f"env variable name {ending}" for key, _ in plugin.env if not key]
        if not plugin.interactive_mode:
            wrong.append(f"interactiveMode {ending}")
        elif plugin.interactive_mode not in ("Never", "IfAvailable", "Always"):
            wrong.append(f'invalid interactiveMode for {name}: "{plugin.interactive_mode}"')
    if len(methods) > 1:
        wrong.append(
            f"more than one authentication method found for {name}; "
            f"found [{' '.join(methods)}], only one is allowed"
        )
    if (user.as_uid or user.as_groups or user.as_user_extra) and not user.as_user:
        wrong.append(
            f"requesting uid, groups or user-extra for {name} without impersonating a user"
        )
    return wrong


def _unreadable(what: str, path: str, name: str) -> list[str]:
    if not path:
        return []
    try:
        inputs.read_file(path, CREDENTIAL_BYTES)
    except (OSError, inputs.Unreadable) as error:
        why = inputs.reason(error)
        return [f"unable to read {what} {path} for {name} due to open {path}: {why}"]
    return []


def _nearest(name: str, known: Mapping[str, object]) -> str:
    """A hint with the nearest name, where there is one."""
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f'Did you mean "{near[0]}"?' if near else ""


def _parse_server(server: str) -> tuple[str, str, int, str, str]:
    """Scheme, host, port, host with port as written, and path prefix, as kubectl allows them.

    Source: client-go ``rest/url_utils.go``: without a scheme it is http.
    """
    try:
        parts = urlsplit(server if "://" in server else f"http://{server}")
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or not parts.hostname or parts.scheme not in ("http", "https"):
        raise ConfigurationError(
            f'host must be a URL or a host:port pair: "{without_userinfo(server)}"'
        )
    return (
        parts.scheme,
        parts.hostname,
        DEFAULT_PORTS[parts.scheme] if port is None else port,
        parts.netloc.rpartition("@")[2],
        parts.path.rstrip("/"),
    )


_TIMEOUT_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)"
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_timeout(text: str | None) -> float | None:
    """``--request-timeout`` in seconds; None where it sets no limit.

    A whole number of seconds, or a duration as Go writes it, such as 1m30s.
    """
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text) or None
    parts = re.findall(_TIMEOUT_PART, text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ConfigurationError(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer "
            "followed by a corresponding time unit (e.g. 1s | 2m | 3h)"
        )
    return sum(float(number) * _SECONDS[unit] for number, unit in parts) or None
