"""The connection flags, by the names and with the meaning that kubectl gives them."""

from collections.abc import Mapping
from typing import NamedTuple

from kubectl_portcheck.withheld import without_userinfo


class ConnectionFlags(NamedTuple):
    """What the command line says about the connection; None or empty where it says nothing."""

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None
    server: str | None = None
    tls_server_name: str | None = None
    certificate_authority: str | None = None
    insecure_skip_tls_verify: bool = False
    client_certificate: str | None = None
    client_key: str | None = None
    token: str | None = None
    username: str | None = None
    password: str | None = None
    as_user: str | None = None
    as_uid: str | None = None
    as_groups: tuple[str, ...] = ()
    as_user_extra: Mapping[str, tuple[str, ...]] = {}
    request_timeout: str | None = None
    disable_compression: bool = False

    def __repr__(self) -> str:
        given = ", ".join(name for name, value in self._asdict().items() if value)
        return f"ConnectionFlags({given})"

    def without_credentials(self) -> "ConnectionFlags":
        """Give those for a command that is pasted: the same cluster, no credential."""
        return self._replace(
            server=self.server and without_userinfo(self.server),
            token=None,
            username=None,
            password=None,
            namespace=None,
            request_timeout=None,
            disable_compression=False,
        )

    def to_argv(self) -> list[str]:
        """The flags for a kubectl that is to use the same connection."""
        argv = [
            f"--{name}={value}"
            for name, value in (
                ("kubeconfig", self.kubeconfig),
                ("context", self.context),
                ("cluster", self.cluster),
                ("user", self.user),
                ("namespace", self.namespace),
                ("server", self.server),
                ("tls-server-name", self.tls_server_name),
                ("certificate-authority", self.certificate_authority),
                ("client-certificate", self.client_certificate),
                ("client-key", self.client_key),
                ("token", self.token),
                ("username", self.username),
                ("password", self.password),
                ("as", self.as_user),
                ("as-uid", self.as_uid),
                ("request-timeout", self.request_timeout),
            )
            if value is not None
        ]
        argv += [f"--as-group={group}" for group in self.as_groups]
        argv += [
            f"--as-user-extra={key}={value}"
            for key, values in self.as_user_extra.items()
            for value in values
        ]
        if self.insecure_skip_tls_verify:
            argv.append("--insecure-skip-tls-verify=true")
        if self.disable_compression:
            argv.append("--disable-compression=true")
        return argv
