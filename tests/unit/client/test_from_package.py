"""The settings of a client of the package kubernetes, followed as the package follows them."""

import base64
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as package

from kubectl_portcheck.client import (
    Connection,
    ConnectionFlags,
    CredentialsError,
    Deadline,
    TimedOut,
)
from kubectl_portcheck.client.from_package import connection_of, server_of
from tests.stopwatch import stopwatch

HOST = "https://cluster.example:6443"


def configuration(**settings: Any) -> Any:
    made: Any = package.Configuration()
    made.host = HOST
    made.proxy = None
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def connected(**settings: Any) -> Connection:
    return connection_of(configuration(**settings), ConnectionFlags(namespace="shop"))


def authorization(connection: Connection, seconds: float = 5.0) -> str:
    deadline = Deadline.after(seconds)
    return connection.credentials.identity(deadline, threading.Event()).authorization


def test_host_and_namespace() -> None:
    found = connected()
    assert (found.server, found.namespace, found.proxy) == (HOST, "shop", None)
    assert connection_of(configuration(), ConnectionFlags()).namespace == "default"


def test_the_token_is_the_one_of_the_moment() -> None:
    made = configuration(api_key={"authorization": "Bearer first"})
    found = connection_of(made, ConnectionFlags())
    assert authorization(found) == "Bearer first"
    later = connection_of(made, ConnectionFlags())
    made.api_key["authorization"] = "Bearer second"
    assert authorization(later) == "Bearer second"


def test_a_prefix_stands_before_the_token() -> None:
    found = connected(api_key={"authorization": "abc"}, api_key_prefix={"authorization": "Bearer"})
    assert authorization(found) == "Bearer abc"


def test_the_refresh_hook_renews_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubectl_portcheck.client.from_package.ASK_AGAIN_SECONDS", -1.0)
    numbers = iter(range(1, 9))

    def renew(made: Any) -> None:
        made.api_key["authorization"] = f"Bearer {next(numbers)}"

    found = connected(api_key={"authorization": "Bearer 0"}, refresh_api_key_hook=renew)
    assert [authorization(found), authorization(found)] == ["Bearer 1", "Bearer 2"]


def failing(error: Exception) -> Callable[[Any], None]:
    def renew(_: Any) -> None:
        raise error

    return renew


def test_a_hook_that_fails_is_named_without_its_words() -> None:
    hook = failing(RuntimeError("the token abc is wrong"))
    found = connected(api_key={"authorization": "x"}, refresh_api_key_hook=hook)
    with pytest.raises(CredentialsError) as error:
        authorization(found)
    assert error.value.message == "the Kubernetes client's refresh hook failed with RuntimeError"


def test_a_hook_that_hangs_ends_in_time() -> None:
    def hang(_: Any) -> None:
        time.sleep(30)

    found = connected(api_key={"authorization": "x"}, refresh_api_key_hook=hang)
    with stopwatch() as spent, pytest.raises(TimedOut):
        authorization(found, 0.3)
    assert spent.seconds < 5


def test_a_token_with_a_line_break_is_refused() -> None:
    with pytest.raises(Exception, match="control character"):
        authorization(connected(api_key={"authorization": "Bearer a\nX-Evil: b"}))


def test_no_token_is_sent_in_the_clear() -> None:
    found = connected(host="http://cluster.example", api_key={"authorization": "Bearer x"})
    assert authorization(found) == ""


def test_an_asynchronous_client_is_refused() -> None:
    class Asynchronous:
        host = HOST
        verify_ssl = True
        ssl_ca_cert = cert_file = key_file = proxy = None

        async def auth_settings(self) -> dict[str, Any]:
            return {}

    found = connection_of(Asynchronous(), ConnectionFlags())
    with pytest.raises(CredentialsError, match="asynchronous"):
        authorization(found)


def test_the_headers_of_an_api_client_are_sent() -> None:
    made: Any = package.ApiClient(configuration(), cookie="session=1")
    made.set_default_header("Impersonate-User", "jane")
    made.set_default_header("Authorization", "Bearer mine")
    found = connection_of(made, ConnectionFlags())
    assert dict(found.headers) == {"impersonate-user": "jane", "cookie": "session=1"}
    assert authorization(found) == "Bearer mine"
    other = connection_of(made, ConnectionFlags(as_groups=("ops",), as_user="john"))
    assert dict(other.headers) == {
        "Impersonate-User": "john",
        "Impersonate-Group": "ops",
        "cookie": "session=1",
    }


AUTHORITY = ssl.DER_cert_to_PEM_cert(b"not parsed here")


def test_the_authority_is_a_file_or_data(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("from the file")
    assert connected(ssl_ca_cert=str(file)).ca == b"from the file\n"
    if hasattr(package.Configuration(), "ca_cert_data"):
        assert connected(ca_cert_data=AUTHORITY).ca == AUTHORITY.encode()
        der = base64.b64decode("".join(AUTHORITY.splitlines()[1:-1]))
        assert connected(ca_cert_data=der).ca == AUTHORITY.encode()


def test_how_the_server_is_checked() -> None:
    assert not connected().insecure
    assert connected(verify_ssl=False).insecure
    assert not connected(assert_hostname=False).check_host
    assert connected(tls_server_name="api").tls_server_name == "api"
    assert connected(assert_hostname="api").tls_server_name == "api"
    with pytest.raises(Exception, match="not supported"):
        connected(assert_hostname="api", tls_server_name="other")


def test_the_client_certificate_may_hold_its_key(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"certificate and key")
    identity = connected(cert_file=str(both)).credentials.identity(
        Deadline.after(1), threading.Event()
    )
    assert identity.certificate == identity.key == b"certificate and key"


def test_the_proxy_and_its_exceptions() -> None:
    proxy = "http://me:secret@proxy.example:3128"
    found = connected(proxy=proxy, proxy_headers={"X-Team": "shop"}).proxy
    assert found is not None
    assert (found.name, found.headers) == ("http://proxy.example:3128", (("X-Team", "shop"),))
    for unless in ("cluster.example", ".example", "*"):
        assert connected(proxy=proxy, no_proxy=unless).proxy is None
    assert connected(proxy=proxy, no_proxy="other.example").proxy is not None


def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a kubectl found there, which would use another connection."""
    from kubectl_portcheck.client.kubectl import find_kubectl

    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    found = connected()
    assert found.proxy is None
    assert find_kubectl(found.environ) is None


def test_what_it_is_called_in_a_pasted_command() -> None:
    assert server_of(package.ApiClient(configuration())) == HOST
    assert server_of(configuration(host="https://me:secret@cluster.example")) == (
        "https://cluster.example"
    )
    assert server_of(object()) == ""
