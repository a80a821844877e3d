"""What the oracle cannot be asked: inside a cluster, plugins that hang, proxies of all kinds."""

import base64
import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.client import (
    ClusterError,
    ConfigurationError,
    ConnectionFlags,
    CredentialsError,
    Deadline,
    TimedOut,
    Unauthorized,
    load_connection,
)
from kubectl_portcheck.client.connection import parse_timeout
from kubectl_portcheck.client.kubeconfig import load_kubeconfig
from kubectl_portcheck.client.proxies import choose_proxy
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.fake.certificates import authority, authority_pem, client_pair
from tests.stopwatch import patiently, stopwatch
from tests.unit.client.conftest import Open

IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The folder of a service account."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text("pod-token\n")
    (folder / "ca.crt").write_text(authority_pem())
    (folder / "namespace").write_text("from-the-pod\n")
    return folder


def test_inside_a_cluster(account: Path, server: FakeApiServer) -> None:
    from kubectl_portcheck.client import Api

    environ = {**IN_CLUSTER, "KUBERNETES_SERVICE_PORT": str(server.port), "HOME": "/nonexistent"}
    flags = ConnectionFlags(as_user="jane")
    connection = load_connection(flags, environ, service_account=str(account))
    assert connection.namespace == "from-the-pod"
    with Api(connection) as api:
        api.get("/version", deadline=Deadline.after(30))
    assert server.requests[-1].header("Authorization") == "Bearer pod-token"
    assert server.requests[-1].header("Impersonate-User") == "jane"


@pytest.mark.parametrize(
    ("flag", "context", "variable", "expected"),
    [
        ("flag", "context", "variable", "flag"),
        (None, "context", "variable", "context"),
        (None, "", "variable", "variable"),
        (None, "", "", "from-the-pod"),
    ],
)
def test_the_namespace(
    flag: str | None, context: str, variable: str, expected: str, account: Path, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_text(
        json.dumps(
            {
                "current-context": "a",
                "contexts": [{"name": "a", "context": {"cluster": "a", "namespace": context}}],
                "clusters": [{"name": "a", "cluster": {"server": "https://x.test"}}],
            }
        )
    )
    connection = load_connection(
        ConnectionFlags(kubeconfig=str(path), namespace=flag),
        {**IN_CLUSTER, "POD_NAMESPACE": variable},
        service_account=str(account),
    )
    assert connection.namespace == expected
    assert connection.server == "https://x.test"


def test_outside_a_cluster_the_namespace_is_default(tmp_path: Path) -> None:
    assert load_connection(ConnectionFlags(), {"HOME": str(tmp_path)}).namespace == "default"


def test_contexts_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text('{"contexts": [{"name": "production", "context": {}}]}')
    with pytest.raises(ConfigurationError) as caught:
        load_connection(ConnectionFlags(kubeconfig=str(path), context="prodution"), {})
    assert caught.value.line == 'error: context "prodution" does not exist'
    assert caught.value.hint == 'Did you mean "production"?'


@pytest.mark.parametrize(
    "content",
    [
        "contexts: [",
        "just text",
        "- a list",
        "users:\n- name: a\n  user: {token: 12345}\n",
        "users:\n- name: a\n  user: {token: *canary}\n",
        "users:\n- name: a\n  user: {token: @canary}\n",
        "users:\n- name: a\n  user: {client-key-data: 'canary!'}\n",
        "users:\n- name: a\n  user: [canary]\n",
        "users: canary\n",
        "users:\n- {name: a}\n- {name: a}\n",
        '{"users": ["canary"]}',
        "\x00",
        "clusters:\n- name: a\n  cluster: {insecure-skip-tls-verify: canary}\n",
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        load_kubeconfig(str(path), {})
    assert caught.value.message.startswith(f'error loading config file "{path}": ')
    assert "canary" not in caught.value.message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_kubeconfig_or_an_error(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(content)
    with contextlib.suppress(ConfigurationError):
        load_kubeconfig(str(path), {})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", None),
        ("5", 5),
        ("1m30s", 90),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("0s", None),
    ],
)
def test_time_outs(text: str | None, seconds: float | None) -> None:
    assert parse_timeout(text) == seconds


@pytest.mark.parametrize("text", ["soon", "5x", "-1s", "s", "1m 30s", "٣"])
def test_time_outs_that_are_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="Invalid timeout value"):
        parse_timeout(text)


NO_PROXY = [
    ("", "k8s.test", True),
    ("k8s.test", "k8s.test", False),
    ("K8S.test", "k8s.TEST", False),
    ("k8s.test", "a.k8s.test", False),
    (".k8s.test", "k8s.test", True),
    (".k8s.test", "a.k8s.test", False),
    ("*.k8s.test", "a.k8s.test", False),
    ("*.k8s.test", "k8s.test", True),
    ("s.test", "k8s.test", True),
    ("k8s.test:6443", "k8s.test", False),
    ("k8s.test:443", "k8s.test", True),
    ("10.0.0.0/8", "10.1.2.3", False),
    ("10.0.0.0/8", "11.1.2.3", True),
    ("fd00::/8", "fd00::1", False),
    ("10.1.2.3", "10.1.2.3", False),
    ("10.1.2.3:6443", "10.1.2.3", False),
    ("10.1.2.3:1", "10.1.2.3", True),
    ("[fd00::1]:6443", "fd00::1", False),
    ("fd00::1", "fd00::1", False),
    (" other , k8s.test ", "k8s.test", False),
    ("*", "k8s.test", False),
    ("", "localhost", False),
    ("", "127.0.0.1", False),
    ("", "::1", False),
    ("2.3", "10.1.2.3", True),
]


@pytest.mark.parametrize(("no_proxy", "host", "used"), NO_PROXY)
def test_no_proxy_as_go_reads_it(no_proxy: str, host: str, used: bool) -> None:
    environ = {"HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": no_proxy}
    found = choose_proxy("", "https", host, 6443, environ)
    assert (found is not None) == used


def test_where_a_proxy_comes_from() -> None:
    def chosen(**environ: str) -> str:
        found = choose_proxy("", "https", "k8s.test", 443, environ)
        return found.name if found else ""

    assert chosen(https_proxy="http://low:1") == "http://low:1"
    assert chosen(HTTPS_PROXY="http://up:1", https_proxy="http://low:1") == "http://up:1"
    assert chosen(HTTPS_PROXY="bare.test:3128") == "http://bare.test:3128"
    assert chosen(HTTPS_PROXY="https://bare.test") == "https://bare.test:443"
    assert chosen(HTTP_PROXY="http://other:1", ALL_PROXY="http://all:1") == ""


def plugin(command: str, *args: str, **fields: Any) -> dict[str, Any]:
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": command,
            "args": list(args),
            "interactiveMode": "Never",
            **fields,
        }
    }


def answer(**status: Any) -> str:
    body = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
    return f"print(r'''{json.dumps({**body, 'status': status})}''')"


def read(api: Any, seconds: float = 30) -> None:
    api.get("/version", deadline=Deadline.after(seconds))


def test_a_plugin_runs_once_for_a_run(server: FakeApiServer, connect: Open, tmp_path: Path) -> None:
    count = tmp_path / "count"
    body = f"open({str(count)!r}, 'a').write('x'); {answer(token='t')}"
    api = connect(server, plugin(sys.executable, "-c", body))
    for _ in range(3):
        read(api)
    assert count.read_text() == "x"
    assert server.requests[-1].header("Authorization") == "Bearer t"


def test_a_plugin_runs_again_when_its_answer_has_ended(
    server: FakeApiServer, connect: Open, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    said = answer(token="t", expirationTimestamp="2020-01-01T00:00:00Z")
    body = f"open({str(count)!r}, 'a').write('x'); {said}"
    api = connect(server, plugin(sys.executable, "-c", body))
    read(api)
    before = len(count.read_text())
    read(api)
    assert len(count.read_text()) > before


def test_a_plugin_that_hangs(server: FakeApiServer, connect: Open, tmp_path: Path) -> None:
    said = "print('open https://login.test', file=sys.stderr, flush=True); "
    child = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    grandchild = f"import subprocess, sys; {said} subprocess.run({child})"

    def ask(seconds: float) -> str:
        api = connect(server, plugin(sys.executable, "-c", grandchild))
        with stopwatch() as spent, pytest.raises(TimedOut) as caught:
            read(api, seconds)
        assert spent.seconds < seconds + 4
        return caught.value.message

    wanted = re.compile(r"credential plugin .*\nopen https://login.test")
    assert wanted.search(patiently(ask, lambda message: bool(wanted.search(message))))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("print('canary')", "did not print JSON"),
        ("print('[]')", "not an ExecCredential"),
        ('print(\'{"kind": "ExecCredential", "apiVersion": "x"}\')', "returned version x"),
        (answer(), "token or cert/key pair"),
        (answer(clientKeyData="canary"), "only certificate or key"),
        (answer(token=["canary"]), "not an ExecCredential"),
        (answer(token="a\nb"), "line break"),
        (answer(clientKeyData="canary", clientCertificateData="canary"), "not PEM"),
    ],
)
def test_plugins_that_answer_nonsense(
    server: FakeApiServer, connect: Open, body: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(connect(server, plugin(sys.executable, "-c", body)))
    assert words in caught.value.message
    assert "canary" not in caught.value.message
    assert server.requests == []


def test_a_plugin_that_must_ask(server: FakeApiServer, connect: Open) -> None:
    api = connect(server, plugin(sys.executable, "-c", "", interactiveMode="Always"))
    with pytest.raises(CredentialsError, match="standard input is not a terminal"):
        read(api)


def token_until(moment: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": moment}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature"


def test_an_oidc_token(server: FakeApiServer, connect: Open) -> None:
    token = token_until(time.time() + 3600)
    read(connect(server, {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}))
    assert server.requests[-1].header("Authorization") == f"Bearer {token}"
    old = token_until(time.time() - 1)
    api = connect(
        server,
        {"auth-provider": {"name": "oidc", "config": {"id-token": old}}},
        environ={"PATH": "/nonexistent"},
    )
    with pytest.raises(CredentialsError, match="oidc token") as caught:
        read(api)
    assert caught.value.hint == "Log in again."


def test_an_oidc_token_that_kubectl_renews(
    server: FakeApiServer, connect: Open, tmp_path: Path
) -> None:
    old, new = token_until(time.time() - 1), token_until(time.time() + 3600)
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.touch(0o755)
    kubectl.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "path = next(a for a in sys.argv if a.startswith('--kubeconfig=')).partition('=')[2]\n"
        "text = open(path).read()\n"
        f"open(path, 'w').write(text.replace({old!r}, {new!r}))\n"
    )
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": old}}}
    api = connect(server, user, environ={"PATH": str(kubectl.parent)})
    read(api)
    assert server.requests[-1].header("Authorization") == f"Bearer {new}"
    kubectl.write_text(f"#!{sys.executable}\nimport sys; sys.exit('error: No valid id-token')\n")
    api = connect(server, user, environ={"PATH": str(kubectl.parent)})
    with pytest.raises(CredentialsError, match=r"could not renew .*: No valid id-token"):
        read(api)
    kubectl.write_text(f"#!{sys.executable}\nimport time; time.sleep(60)\n")
    with stopwatch() as spent, pytest.raises(TimedOut):
        read(connect(server, user, environ={"PATH": str(kubectl.parent)}), 0.4)
    assert spent.seconds < 5


def test_an_expired_client_certificate_is_named(server: FakeApiServer, connect: Open) -> None:
    import datetime

    ended = datetime.datetime(2025, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc)
    issued = authority().issue_cert("old@example.test", common_name="old", not_after=ended)
    server.on("GET", faults.status(401, "Unauthorized", "Unauthorized"))
    pair = (issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
    certificate, key = (base64.b64encode(part).decode() for part in pair)
    user = {"client-certificate-data": certificate, "client-key-data": key}
    from kubectl_portcheck.client.credentials import certificate_end

    assert certificate_end(pair[0]) == ended.timestamp()
    api = connect(server, user)
    # The fake checks certificates in the handshake; an API server answers 401.
    with pytest.raises(ClusterError) as caught:
        read(api)
    if isinstance(caught.value, Unauthorized):
        assert caught.value.hint == 'The client certificate of user "fake" expired on 2025-03-04.'


def test_credentials_that_are_refused(server: FakeApiServer, connect: Open) -> None:
    server.on("GET", faults.status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(Unauthorized) as caught:
        read(connect(server))
    assert caught.value.line == "error: You must be logged in to the server (Unauthorized)"
    assert 'user "fake"' in caught.value.hint


def test_certificate_flags_replace_data(
    server: FakeApiServer, connect: Open, tmp_path: Path
) -> None:
    """Older kubectls call this a conflict; from 1.33 on the flags win."""
    certificate, key = client_pair("flag")
    (tmp_path / "cert").write_text(certificate)
    (tmp_path / "key").write_text(key)
    old, old_key = (base64.b64encode(part.encode()).decode() for part in client_pair("data"))
    flags = ConnectionFlags(
        client_certificate=str(tmp_path / "cert"), client_key=str(tmp_path / "key")
    )
    user = {"client-certificate-data": old, "client-key-data": old_key}
    read(connect(server, user, flags))
    assert server.requests[-1].common_name == "flag"


def test_no_key_is_left_on_the_disk(
    server: FakeApiServer, connect: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    certificate, key = (base64.b64encode(p.encode()).decode() for p in client_pair("data"))
    user = {"client-certificate-data": certificate, "client-key-data": key}
    read(connect(server, user))
    # Where there are no files of memory.
    monkeypatch.delattr(os, "memfd_create", raising=False)
    read(connect(server, user))
    assert [r.common_name for r in server.requests] == ["data", "data"]
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("server", "scheme", "host", "port", "authority", "prefix"),
    [
        ("https://[::1]:6443", "https", "::1", 6443, "[::1]:6443", ""),
        ("https://k8s.test", "https", "k8s.test", 443, "k8s.test", ""),
        ("https://k8s.test:443/", "https", "k8s.test", 443, "k8s.test:443", ""),
        ("k8s.test:8080", "http", "k8s.test", 8080, "k8s.test:8080", ""),
        ("HTTPS://k8s.test/a/b/", "https", "k8s.test", 443, "k8s.test", "/a/b"),
    ],
)
def test_servers(
    server: str, scheme: str, host: str, port: int, authority: str, prefix: str
) -> None:
    found = load_connection(ConnectionFlags(server=server), {})
    assert (found.scheme, found.host, found.port) == (scheme, host, port)
    assert (found.authority, found.path_prefix) == (authority, prefix)


@pytest.mark.parametrize("server", ["https://", "ftp://x", "https://x:y", "https://x:99999"])
def test_servers_that_are_none(server: str) -> None:
    with pytest.raises(ConfigurationError, match="host must be a URL"):
        load_connection(ConnectionFlags(server=server), {})


def test_entries_that_are_not_there() -> None:
    with pytest.raises(ConfigurationError, match='cluster "x" does not exist'):
        load_connection(ConnectionFlags(cluster="x"), {})
    with pytest.raises(ConfigurationError, match='auth info "x" does not exist'):
        load_connection(ConnectionFlags(user="x"), {})


def test_files_that_cannot_be_read(server: FakeApiServer, connect: Open, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unable to read client-key"):
        connect(server, {"client-certificate": str(tmp_path / "x"), "client-key": "/none"})
    with pytest.raises(ConfigurationError, match="is a directory"):
        load_kubeconfig(str(tmp_path), {})
    with pytest.raises(ConfigurationError, match="unable to read tokenFile"):
        read(connect(server, {"tokenFile": "/none"}))
    (tmp_path / "empty").touch()
    with pytest.raises(CredentialsError, match="read empty token"):
        read(connect(server, {"tokenFile": str(tmp_path / "empty")}))
