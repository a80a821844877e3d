"""Kubeconfigs, flags and environments, each put to kubectl and to us: both must do the same.

kubectl is the oracle. A request of both goes to the fake API server, which records what counts: the
path, who is asking (headers, client certificate) and the name in the TLS handshake. Where kubectl
refuses, its line and ours are compared.
"""

import base64
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kubectl_portcheck.client import (
    Api,
    ClusterError,
    ConnectionFlags,
    Deadline,
    load_connection,
)
from tests.fake.api_server import FakeApiServer
from tests.fake.certificates import (
    authority_pem,
    client_pair,
    other_authority,
    server_context,
)
from tests.fake.proxy import FakeProxy
from tests.fake.wire import Request

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="no kubectl to compare with")

Config = dict[str, Any]

PATH = "/api/v1/namespaces/prod/pods"
"""What both read. The kubectl of some clouds asks for /version first: that is left out."""


class World(NamedTuple):
    """Where a case takes place."""

    server: FakeApiServer
    folder: Path
    environ: dict[str, str]

    def config(
        self,
        user: Config | None = None,
        cluster: Config | None = None,
        context: Config | None = None,
        name: str = "a",
        current: str | None = "a",
    ) -> Config:
        """A kubeconfig with one context."""
        entry = {"server": self.server.url, **(cluster or {})}
        if not {"certificate-authority", "insecure-skip-tls-verify"} & {*entry}:
            entry["certificate-authority-data"] = b64(authority_pem())
        config: Config = {
            "apiVersion": "v1",
            "kind": "Config",
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": name, **(context or {})}}
            ],
            "clusters": [{"name": name, "cluster": entry}],
            "users": [{"name": name, "user": user if user is not None else {"token": f"t-{name}"}}],
        }
        if current is not None:
            config["current-context"] = current
        return config

    def write(self, name: str, content: Config | str) -> str:
        """Writes a file and returns its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def use(self, *paths: str) -> None:
        """Sets KUBECONFIG."""
        self.environ["KUBECONFIG"] = os.pathsep.join(paths)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeApiServer]:
    with FakeApiServer() as server:
        yield server


@pytest.fixture
def world(fake: FakeApiServer, tmp_path: Path) -> World:
    fake.requests.clear()
    return World(fake, tmp_path, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Seen(NamedTuple):
    """What the server saw of a request."""

    target: str
    authorization: str
    impersonation: list[tuple[str, str]]
    common_name: str
    server_name: str


def seen(requests: list[Request]) -> list[Seen]:
    """Each different request, repetitions left out."""
    found = []
    for request in requests:
        if request.path.endswith("/version"):
            continue
        impersonation = sorted(
            (k.lower(), v) for k, v in request.headers if k.lower().startswith("impersonate")
        )
        found.append(
            Seen(
                request.target,
                request.header("Authorization"),
                impersonation,
                request.common_name,
                request.server_name,
            )
        )
    return found


def ask_kubectl(world: World, flags: ConnectionFlags) -> tuple[list[Seen], str]:
    """What kubectl's request looked like, and what it said on stderr."""
    world.server.requests.clear()
    argv = [f for f in flags.to_argv() if not f.startswith("--as-user-extra")]
    result = subprocess.run(
        [str(KUBECTL), "get", "--raw", PATH, *argv],
        env=world.environ,
        cwd=world.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    said = [line for line in result.stderr.splitlines() if not re.match(r"[EWI]\d{4} ", line)]
    return seen(world.server.requests), "" if result.returncode == 0 else "\n".join(said).strip()


def ask_ourselves(
    world: World, flags: ConnectionFlags, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Seen], ClusterError | None]:
    """What our request looked like, or our error."""
    world.server.requests.clear()
    monkeypatch.chdir(world.folder)
    try:
        with Api(load_connection(flags, world.environ)) as api:
            api.get(PATH, deadline=Deadline.after(30))
    except ClusterError as error:
        return seen(world.server.requests), error
    return seen(world.server.requests), None


Case = Callable[[World], ConnectionFlags]
AGREE: list[Case] = []
REFUSE: list[Case] = []


def agree(case: Case) -> Case:
    """A case in which both send the same request."""
    AGREE.append(case)
    return case


def refuse(case: Case) -> Case:
    """A case in which both refuse, in the same words."""
    REFUSE.append(case)
    return case


@agree
def only_explicit_file(world: World) -> ConnectionFlags:
    world.use(world.write("other", world.config(name="b", current="b")))
    return ConnectionFlags(kubeconfig=world.write("a", world.config()))


@agree
def home_file(world: World) -> ConnectionFlags:
    world.write(".kube/config", world.config())
    return ConnectionFlags()


@agree
def empty_variable_means_home(world: World) -> ConnectionFlags:
    world.write(".kube/config", world.config())
    world.environ["KUBECONFIG"] = ""
    return ConnectionFlags()


@agree
def first_current_context_wins(world: World) -> ConnectionFlags:
    world.use(
        world.write("one", world.config(name="b", current=None)),
        world.write("two", world.config(name="a")),
        world.write("three", world.config(name="b", current="b")),
    )
    return ConnectionFlags()


@agree
def first_entry_of_a_name_wins_whole(world: World) -> ConnectionFlags:
    first = world.config({"token": "first"})
    second = world.config({"token": "second", "as": "jane"}, {"tls-server-name": "localhost"})
    world.use(world.write("one", first), world.write("two", second))
    return ConnectionFlags()


@agree
def missing_and_empty_files_are_skipped(world: World) -> ConnectionFlags:
    world.use(
        str(world.folder / "missing"),
        world.write("empty", ""),
        world.write("comment", "# nothing here\n"),
        "",
        world.write("a", world.config()),
    )
    return ConnectionFlags()


@agree
def parts_in_several_files(world: World) -> ConnectionFlags:
    whole = world.config()
    for key in ("contexts", "clusters", "users"):
        world.write(key, {"apiVersion": "v1", "kind": "Config", key: whole[key]})
    world.write("current", {"current-context": "a"})
    world.use(*(str(world.folder / n) for n in ("contexts", "clusters", "users", "current")))
    return ConnectionFlags()


@agree
def yaml_with_anchors_and_several_documents(world: World) -> ConnectionFlags:
    world.use(
        world.write(
            "a",
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
            "contexts:\n- name: a\n  context: &c {cluster: a, user: a}\n- name: b\n  context: *c\n"
            f"clusters:\n- name: a\n  cluster:\n    server: {world.server.url}\n"
            f"    certificate-authority-data: >-\n      {b64(authority_pem())}\n"
            "users:\n- name: a\n  user:\n    token: 2020-01-01\n---\nkind: Other\n",
        )
    )
    return ConnectionFlags(context="b")


@agree
def flags_choose_context_cluster_and_user(world: World) -> ConnectionFlags:
    world.use(
        world.write("one", world.config(name="a")), world.write("two", world.config(name="b"))
    )
    return ConnectionFlags(context="b", cluster="a", user="a")


@agree
def relative_paths_belong_to_their_file(world: World) -> ConnectionFlags:
    certificate, key = client_pair("jane")
    world.write("sub/pki/ca.pem", authority_pem())
    world.write("sub/pki/cert.pem", certificate)
    world.write("sub/pki/key.pem", key)
    world.write("sub/token", "from-file")
    user = {
        "client-certificate": "pki/cert.pem",
        "client-key": "pki/key.pem",
        "tokenFile": "token",
    }
    cluster = {"certificate-authority": "pki/ca.pem"}
    world.use(world.write("first", {}), world.write("sub/a", world.config(user, cluster)))
    return ConnectionFlags()


@agree
def certificate_and_key_as_data(world: World) -> ConnectionFlags:
    certificate, key = client_pair("data")
    user = {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags()


@agree
def certificate_and_token(world: World) -> ConnectionFlags:
    certificate, key = client_pair("both")
    user = {"client-certificate-data": b64(certificate), "client-key-data": b64(key), "token": "t"}
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags()


@agree
def token_file_is_stripped(world: World) -> ConnectionFlags:
    path = world.write("token", "  from-file\n\n")
    world.use(world.write("a", world.config({"tokenFile": path})))
    return ConnectionFlags()


@agree
def token_beside_token_file(world: World) -> ConnectionFlags:
    path = world.write("token", "from-file\n")
    world.use(world.write("a", world.config({"tokenFile": path, "token": "inline"})))
    return ConnectionFlags()


@agree
def token_beside_missing_token_file(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config({"tokenFile": "nowhere", "token": "inline"})))
    return ConnectionFlags()


@agree
def token_flag(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config()))
    return ConnectionFlags(token="flag")


@agree
def token_flag_beside_token_file(world: World) -> ConnectionFlags:
    path = world.write("token", "from-file\n")
    world.use(world.write("a", world.config({"tokenFile": path})))
    return ConnectionFlags(token="flag")


@agree
def name_and_password(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config({"username": "jane", "password": "pä:ss"})))
    return ConnectionFlags()


@agree
def impersonation_in_the_file(world: World) -> ConnectionFlags:
    user = {
        "token": "t",
        "as": "jane",
        "as-uid": "7",
        "as-groups": ["dev", "ops"],
        "as-user-extra": {"scopes.example/x y%": ["one", "two"], "Reason": ["why"]},
    }
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags()


@agree
def impersonation_flags(world: World) -> ConnectionFlags:
    user = {"token": "t", "as": "file", "as-groups": ["file"]}
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags(as_user="jane", as_uid="9", as_groups=("dev", "a,b"))


@agree
def the_servers_own_certificate_as_authority(world: World) -> ConnectionFlags:
    own = ssl.get_server_certificate(("127.0.0.1", world.server.port))
    cluster = {"certificate-authority": world.write("own.pem", own)}
    world.use(world.write("a", world.config(cluster=cluster)))
    return ConnectionFlags()


@agree
def tls_server_name(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(cluster={"tls-server-name": "localhost"})))
    return ConnectionFlags()


@agree
def tls_server_name_flag(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(cluster={"tls-server-name": "wrong.test"})))
    return ConnectionFlags(tls_server_name="localhost")


@agree
def server_flag_clears_tls_server_name(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(cluster={"tls-server-name": "wrong.test"})))
    return ConnectionFlags(server=world.server.url.replace("127.0.0.1", "localhost"))


@agree
def insecure(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(cluster={"insecure-skip-tls-verify": True})))
    return ConnectionFlags()


@agree
def insecure_flag_clears_the_authority(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config()))
    return ConnectionFlags(insecure_skip_tls_verify=True, tls_server_name="anything.test")


@agree
def authority_flag_clears_insecure(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(cluster={"insecure-skip-tls-verify": True})))
    return ConnectionFlags(certificate_authority=world.write("ca.pem", authority_pem()))


@agree
def no_credentials_over_http_but_impersonation(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config({"token": "t", "as": "jane"})))
    plain = FakeApiServer(tls=None)
    plain.requests = world.server.requests
    PLAIN.append(plain)
    return ConnectionFlags(server=f"127.0.0.1:{plain.port}")


PLAIN: list[FakeApiServer] = []


def plugin(world: World, body: str, **fields: Any) -> Config:
    """A user entry with a credential plugin, written in Python."""
    path = world.write("plugin.py", f"import json, os, sys\n{body}\n")
    entry: Config = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [path],
        "env": [{"name": "EXTRA", "value": "set"}],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
        **fields,
    }
    return {"exec": entry}


TELL = (
    "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
    "spec = info['spec']\n"
    "cluster = spec.pop('cluster', None)\n"
    "given = json.dumps([info, cluster, os.environ['EXTRA']], sort_keys=True)\n"
    "import base64\n"
    "token = base64.b64encode(given.encode()).decode()\n"
    "print(json.dumps({'kind': 'ExecCredential', 'apiVersion': info['apiVersion'],\n"
    "  'status': {'token': token}}))\n"
)
"""The token is what the plugin was given, so the oracle compares that too."""


@agree
def exec_plugin(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(plugin(world, TELL))))
    return ConnectionFlags()


@agree
def exec_plugin_with_cluster_info(world: World) -> ConnectionFlags:
    extension = {
        "name": "client.authentication.k8s.io/exec",
        "extension": {"audience": "x", "n": [1, 2]},
    }
    user = plugin(world, TELL, provideClusterInfo=True)
    cluster = {"tls-server-name": "localhost", "extensions": [extension]}
    world.use(world.write("a", world.config(user, cluster)))
    return ConnectionFlags()


@agree
def exec_plugin_of_the_older_version(world: World) -> ConnectionFlags:
    user = plugin(world, TELL, apiVersion="client.authentication.k8s.io/v1beta1")
    del user["exec"]["interactiveMode"]
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags()


@agree
def exec_plugin_by_relative_path(world: World) -> ConnectionFlags:
    user = plugin(world, "")
    script = world.write("sub/bin/login", f"#!{sys.executable}\nimport json, os\n{TELL}")
    Path(script).chmod(0o755)
    user["exec"].update(command="./bin/login", args=[])
    world.use(world.write("sub/a", world.config(user)))
    return ConnectionFlags()


@agree
def exec_plugin_that_returns_a_certificate(world: World) -> ConnectionFlags:
    certificate, key = client_pair("plugin")
    status = {"clientCertificateData": certificate, "clientKeyData": key}
    answer = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": {**status, "expirationTimestamp": "2099-01-01T00:00:00Z"},
    }
    world.use(world.write("a", world.config(plugin(world, f"print(json.dumps({answer!r}))"))))
    return ConnectionFlags()


@agree
def a_token_flag_keeps_the_plugin_from_running(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(plugin(world, "sys.exit(9)"))))
    return ConnectionFlags(token="flag")


@agree
def oidc_token(world: World) -> ConnectionFlags:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3600}).encode()).decode()
    config = {
        "id-token": f"e30.{claims.rstrip('=')}.c2ln",
        "idp-issuer-url": "https://issuer.test",
        "client-id": "me",
    }
    provider = {"auth-provider": {"name": "oidc", "config": config}}
    world.use(world.write("a", world.config(provider)))
    return ConnectionFlags()


@refuse
def current_context_does_not_exist(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(current="nope")))
    return ConnectionFlags()


@refuse
def user_does_not_exist(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config()))
    return ConnectionFlags(user="nope")


@refuse
def explicit_file_is_missing(world: World) -> ConnectionFlags:
    return ConnectionFlags(kubeconfig="nowhere")


@refuse
def both_kinds_of_authority(world: World) -> ConnectionFlags:
    both = {"certificate-authority": "none.pem", "certificate-authority-data": b64("x")}
    world.use(world.write("a", world.config(cluster=both)))
    return ConnectionFlags()


@refuse
def certificate_without_key(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config({"client-certificate-data": b64("x")})))
    return ConnectionFlags()


@refuse
def token_and_password(world: World) -> ConnectionFlags:
    user = {"token": "t", "username": "u", "password": "p"}
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags()


@refuse
def groups_without_a_user(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config()))
    return ConnectionFlags(as_groups=("dev",))


@refuse
def plugin_without_interactive_mode(world: World) -> ConnectionFlags:
    user = plugin(world, "")
    del user["exec"]["interactiveMode"]
    world.use(world.write("a", world.config(user)))
    return ConnectionFlags()


@refuse
def a_time_out_that_is_none(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config()))
    return ConnectionFlags(request_timeout="soon")


@refuse
def an_authority_that_is_no_certificate(world: World) -> ConnectionFlags:
    cluster = {"certificate-authority": world.write("ca.pem", "hello")}
    world.use(world.write("a", world.config(cluster=cluster)))
    return ConnectionFlags()


@refuse
def an_authority_that_did_not_sign(world: World) -> ConnectionFlags:
    other = other_authority().cert_pem.bytes().decode()
    world.use(world.write("a", world.config(cluster={"certificate-authority": "other.pem"})))
    world.write("other.pem", other)
    return ConnectionFlags()


@refuse
def a_kubeconfig_of_another_kind(world: World) -> ConnectionFlags:
    world.use(world.write("a", "kind: Pod\napiVersion: v1\n"))
    return ConnectionFlags()


@refuse
def nothing_listens(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config(cluster={"server": "https://127.0.0.1:1"})))
    return ConnectionFlags()


@refuse
def the_credentials_are_refused(world: World) -> ConnectionFlags:
    def no(exchange: Any) -> None:
        exchange.status(401, "Unauthorized", "Unauthorized")

    world.server.on(PATH, no, times=2)
    world.use(world.write("a", world.config()))
    return ConnectionFlags()


@refuse
def a_right_is_missing(world: World) -> ConnectionFlags:
    def no(exchange: Any) -> None:
        exchange.status(403, "Forbidden", 'User "u" cannot list pods')

    world.server.on(PATH, no, times=2)
    world.use(world.write("a", world.config()))
    return ConnectionFlags()


@refuse
def a_removed_provider(world: World) -> ConnectionFlags:
    world.use(world.write("a", world.config({"auth-provider": {"name": "gcp", "config": {}}})))
    return ConnectionFlags()


@pytest.mark.parametrize("case", AGREE, ids=lambda case: str(case.__name__))
def test_the_same_request(case: Case, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        flags = case(world)
        theirs, said = ask_kubectl(world, flags)
        assert said == ""
        ours, error = ask_ourselves(world, flags, monkeypatch)
        assert error is None, error.line if error else ""
        assert ours == theirs
        assert len(ours) == 1
    finally:
        while PLAIN:
            PLAIN.pop().stop()


@pytest.mark.parametrize("case", REFUSE, ids=lambda case: str(case.__name__))
def test_the_same_refusal(case: Case, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = case(world)
    _, said = ask_kubectl(world, flags)
    _, error = ask_ourselves(world, flags, monkeypatch)
    assert error is not None
    assert said
    # kubectl ends some of its lists of reasons with a line break, and quotes a Go file's name.
    shortened = said.partition(" in scheme ")[0]
    assert error.line.split("\n")[0].strip() == shortened.split("\n")[0].strip()
    assert sorted(error.line.split("\n")[1:]) == sorted(shortened.split("\n")[1:])


def test_a_failing_plugin_is_an_error_in_both(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = plugin(world, "print('log in first', file=sys.stderr); sys.exit(3)")
    world.use(world.write("a", world.config(user)))
    theirs, said = ask_kubectl(world, ConnectionFlags())
    ours, error = ask_ourselves(world, ConnectionFlags(), monkeypatch)
    assert theirs == ours == [], "nothing is sent anonymously"
    assert error is not None
    assert "failed with exit code 3" in said
    assert "failed with exit code 3" in error.message
    assert "log in first" in error.message


def test_a_missing_plugin_shows_its_install_hint(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = plugin(world, "", command="no-such-login", installHint="Get it at example.test")
    world.use(world.write("a", world.config(user)))
    _, said = ask_kubectl(world, ConnectionFlags())
    _, error = ask_ourselves(world, ConnectionFlags(), monkeypatch)
    assert error is not None
    for part in ("executable no-such-login not found", "Get it at example.test"):
        assert part in said
        assert part in error.message


PROXIES = ["proxy-url", "proxy-url with a password", "HTTPS_PROXY", "https_proxy", "https proxy"]


@pytest.mark.parametrize("kind", PROXIES)
@pytest.mark.parametrize("no_proxy", ["", "cluster.test", "*"])
def test_the_same_proxy(
    kind: str, no_proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has a name that only the proxy knows, so that a request without it fails."""
    authorization = "Basic " + b64("me:p@ss") if "password" in kind else ""
    tls = server_context() if kind == "https proxy" else None
    with (
        FakeApiServer(tls=server_context("cluster.test")) as server,
        FakeProxy(tls=tls, authorization=authorization, goal_port=server.port) as proxy,
    ):
        environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "NO_PROXY": no_proxy}
        world = World(server, tmp_path, environ)
        cluster = {"server": "https://cluster.test:6443"}
        scheme = "https" if tls else "http"
        pair = "me:p%40ss@" if authorization else ""
        url = f"{scheme}://{pair}127.0.0.1:{proxy.port}"
        if kind.lower() == "https_proxy":
            environ[kind] = url
        else:
            cluster["proxy-url"] = url
            # What proxy-url says holds, whatever the environment says.
            environ["HTTPS_PROXY"] = "http://127.0.0.1:1"
        world.use(world.write("a", world.config(cluster=cluster)))
        theirs, said = ask_kubectl(world, ConnectionFlags())
        asked = [*proxy.asked]
        proxy.asked.clear()
        ours, error = ask_ourselves(world, ConnectionFlags(), monkeypatch)
        assert ours == theirs
        assert proxy.asked[:1] == asked[:1]
        assert (error is None) == (said == "")


def test_a_proxy_that_wants_a_password(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeProxy(authorization="Basic x") as proxy:
        url = f"http://me:canary@127.0.0.1:{proxy.port}"
        world.use(world.write("a", world.config(cluster={"proxy-url": url})))
        _, said = ask_kubectl(world, ConnectionFlags())
        _, error = ask_ourselves(world, ConnectionFlags(), monkeypatch)
    assert error is not None
    assert "Proxy Authentication Required" in said
    assert "407 Proxy Authentication Required" in error.message
    assert "canary" not in error.message + error.hint


def test_a_socks_proxy_says_so_at_once(world: World) -> None:
    world.use(world.write("a", world.config(cluster={"proxy-url": "socks5://127.0.0.1:1080"})))
    with pytest.raises(ClusterError, match="SOCKS proxies are not supported"):
        load_connection(ConnectionFlags(), world.environ)


@pytest.mark.parametrize("namespace", [None, "prod"])
@pytest.mark.parametrize("flags", [ConnectionFlags(), ConnectionFlags(context="b")])
def test_the_same_names_and_namespace(
    namespace: str | None, flags: ConnectionFlags, world: World
) -> None:
    context = {"namespace": namespace} if namespace else {}
    world.use(
        world.write("one", world.config(context=context)),
        world.write("two", world.config(name="b", context={"namespace": "other"})),
    )
    result = subprocess.run(
        [str(KUBECTL), "config", "view", "--minify", "--raw", "-o", "json", *flags.to_argv()],
        env=world.environ,
        capture_output=True,
        check=True,
        timeout=20,
    )
    (entry,) = json.loads(result.stdout)["contexts"]
    ours = load_connection(flags, world.environ)
    assert ours.context_name == entry["name"]
    assert ours.cluster_name == entry["context"]["cluster"]
    assert ours.user_name == entry["context"]["user"]
    assert ours.namespace == entry["context"].get("namespace", "default")
