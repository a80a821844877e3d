"""Renewed oidc tokens where there is no kubectl: an identity provider and the official client."""

import base64
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_portcheck.client import (
    Api,
    ConfigurationError,
    ConnectionFlags,
    CredentialsError,
    Deadline,
    TimedOut,
    load_connection,
)
from kubectl_portcheck.client.official import with_tokens
from tests.fake.api_server import FakeApiServer
from tests.fake.certificates import authority, other_authority
from tests.fake.identity import FakeIdentityProvider, id_token
from tests.stopwatch import stopwatch
from tests.unit.client.conftest import Open

NO_KUBECTL = {"PATH": "/nonexistent"}
EXPIRED = id_token(1)


@pytest.fixture
def provider() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider() as fake:
        yield fake


@pytest.fixture
def renew(server: FakeApiServer, connect: Open, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Reads with the credentials of an entry; gives back its fields as they are then."""

    def run(user: dict[str, Any], seconds: float = 30) -> dict[str, str]:
        api = connect(server, user, environ=NO_KUBECTL)
        api.get("/version", deadline=Deadline.after(seconds))
        return entry(Path(api.connection.flags.kubeconfig or ""))

    return run


def entry(path: Path, name: str = "fake") -> dict[str, str]:
    document = yaml.safe_load(path.read_text())
    user = next(item["user"] for item in document["users"] if item["name"] == name)
    config: dict[str, str] = user["auth-provider"]["config"]
    return config


def sent(server: FakeApiServer) -> str:
    return server.requests[-1].header("Authorization")


def test_a_token_is_renewed_and_the_rotated_refresh_token_kept(
    server: FakeApiServer,
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    user = provider.user()
    kept = renew(user)
    assert sent(server) == f"Bearer {provider.issued}"
    assert kept["refresh-token"] == "refresh-2" == provider.refresh_token
    assert kept["id-token"] == provider.issued
    before = user["auth-provider"]["config"]
    assert {**kept, "id-token": "", "refresh-token": ""} == {
        **before,
        "id-token": "",
        "refresh-token": "",
    }
    # The next run, with what was kept, has nothing to renew; the one after the end has.
    renew({"auth-provider": {"name": "oidc", "config": kept}})
    assert len(provider.refreshes) == 1
    renew({"auth-provider": {"name": "oidc", "config": {**kept, "id-token": EXPIRED}}})
    assert provider.refresh_token == "refresh-3"
    assert capfd.readouterr() == ("", "")


def test_a_refresh_token_that_is_not_rotated_stays(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]]
) -> None:
    new = id_token(time.time() + 3600)
    answer = {"access_token": "a", "token_type": "Bearer", "id_token": new}
    provider.answer = lambda reply, form: reply.respond(200, answer)
    kept = renew(provider.user())
    assert (kept["id-token"], kept["refresh-token"]) == (new, "refresh-1")


@pytest.mark.parametrize(
    "fields",
    [
        {"client-secret": None},
        {"client-secret": ""},
        {"id-token": None},
        {"id-token": ""},
        {"id-token": "no token"},
        {"idp-certificate-authority": ""},
        {"extra-scopes": "groups"},
    ],
)
def test_entries_that_kubectl_renews(
    server: FakeApiServer,
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    fields: dict[str, str | None],
) -> None:
    kept = renew(provider.user(**fields))
    assert sent(server) == f"Bearer {provider.issued}"
    assert kept["refresh-token"] == "refresh-2"
    assert ("client-secret" in kept) == (fields.get("client-secret", "s3cret") is not None)


def test_an_issuer_that_ends_with_a_slash(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]]
) -> None:
    issuer = f"{provider.url}/"
    kept = renew(provider.user(**{"idp-issuer-url": issuer}))
    assert provider.discoveries == ["/.well-known/openid-configuration"]
    assert kept["idp-issuer-url"] == issuer


def test_an_authority_in_a_file(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(path)
    named = {"idp-certificate-authority-data": None, "idp-certificate-authority": str(path)}
    assert renew(provider.user(**named))["refresh-token"] == "refresh-2"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"idp-certificate-authority-data": "canar"}, "-data is not base64"),
        ({"idp-certificate-authority-data": "canary=="}, "could not be asked|failed with"),
        (
            {
                "idp-certificate-authority-data": None,
                "idp-certificate-authority": "/none/ca.pem",
            },
            "unable to read idp-certificate-authority /none/ca.pem: no such file",
        ),
        ({"idp-issuer-url": "https://me:canary@[bad"}, "could not be asked|failed with"),
        ({"idp-issuer-url": "nowhere"}, "does not begin with https://"),
        ({"idp-issuer-url": "http://127.0.0.1/"}, "does not begin with https://"),
    ],
)
def test_entries_with_mistakes(
    renew: Callable[..., dict[str, str]],
    provider: FakeIdentityProvider,
    fields: dict[str, str | None],
    words: str,
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        renew(provider.user(**fields))
    assert "canar" not in caught.value.message
    assert provider.refreshes == []


def test_without_an_authority_the_system_s_count(
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = provider.user(**{"idp-certificate-authority-data": None})
    with pytest.raises(CredentialsError, match=r"could not be asked: .*certificate"):
        renew(user)
    assert (provider.discoveries, provider.refreshes) == ([], [])
    path = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert ssl.get_default_verify_paths().cafile == str(path)
    assert renew(user)["refresh-token"] == "refresh-2"


def test_a_provider_of_another_authority_gets_nothing(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]]
) -> None:
    other = base64.b64encode(other_authority().cert_pem.bytes()).decode()
    with pytest.raises(CredentialsError, match=r"could not be asked: .*certificate"):
        renew(provider.user(**{"idp-certificate-authority-data": other}))
    assert (provider.discoveries, provider.refreshes) == ([], [])


def test_a_provider_that_is_down(
    server: FakeApiServer, provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]]
) -> None:
    user = provider.user()
    provider.stop()
    with pytest.raises(CredentialsError) as caught:
        renew(user)
    where = provider.url.removeprefix("https://")
    assert caught.value.message.endswith(f"{where} could not be asked: connection refused")
    assert caught.value.hint == "Log in again."
    assert server.requests == []


def test_a_provider_that_hangs_ends_by_the_deadline_and_is_heard_later(
    server: FakeApiServer, provider: FakeIdentityProvider, connect: Open
) -> None:
    provider.hold.clear()
    api = connect(server, provider.user(), environ=NO_KUBECTL)
    path = Path(api.connection.flags.kubeconfig or "")
    before = path.read_text()
    message = r"waiting for the identity provider 127\.0\.0\.1:"
    with stopwatch() as spent, pytest.raises(TimedOut, match=message):
        api.get("/version", deadline=Deadline.after(2))
    assert spent.seconds < 5
    assert (path.read_text(), server.requests) == (before, [])
    # Its answer is not lost: the old refresh token counts no more.
    provider.hold.set()
    for thread in threading.enumerate():
        if thread.name == "portcheck-renewal":
            thread.join(10)
    assert entry(path)["refresh-token"] == "refresh-2"
    api.get("/version", deadline=Deadline.after(30))
    assert sent(server) == f"Bearer {provider.issued}"
    assert len(provider.refreshes) == 1


def test_a_hanging_provider_does_not_hold_up_the_end_of_the_process(
    server: FakeApiServer, provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    provider.hold.clear()
    path = tmp_path / "config"
    path.write_text(json.dumps(server.kubeconfig(provider.user())))
    code = (
        "import kubernetes.client, kubernetes.config\n"  # Seconds of the time, on a busy machine.
        "from kubectl_portcheck.client import *\n"
        f"flags = ConnectionFlags(kubeconfig={str(path)!r})\n"
        f"with Api(load_connection(flags, {NO_KUBECTL!r})) as api:\n"
        "    try:\n"
        "        api.get('/version', deadline=Deadline.after(2))\n"
        "    except TimedOut as error:\n"
        "        print(error.message)\n"
    )
    with stopwatch() as spent:
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
        )
        assert ran.stdout.startswith("timed out waiting for the identity provider")
        assert (ran.stderr, ran.returncode) == ("", 0)
    assert spent.seconds < 15
    assert entry(path)["refresh-token"] == "refresh-1"


def test_closing_ends_the_wait(
    server: FakeApiServer, provider: FakeIdentityProvider, connect: Open
) -> None:
    provider.hold.clear()
    api = connect(server, provider.user(), environ=NO_KUBECTL)
    threading.Timer(0.5, api.close).start()
    with stopwatch() as spent, pytest.raises(TimedOut):
        api.get("/version", deadline=Deadline.after(30))
    assert spent.seconds < 5


def test_a_refused_refresh_token(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]]
) -> None:
    with pytest.raises(CredentialsError) as caught:
        renew(provider.user(**{"refresh-token": "canary"}))
    assert caught.value.message.endswith("refused (invalid_grant)")
    assert "canary" not in repr(caught.value) + caught.value.message
    assert caught.value.hint == "Log in again."


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (200, {"access_token": "canary", "token_type": "Bearer"}, "gave no id_token"),
        (401, {"error": "invalid_client"}, r"refused \(invalid_client\)"),
        (400, {"error": "canary canary"}, "failed with CustomOAuth2Error"),
        (502, "canary", "cannot be renewed"),
        (200, {"access_token": "a", "token_type": "b", "id_token": 5}, "gave no new one"),
        (200, {"access_token": "a", "token_type": "b", "id_token": "canary\n"}, "missing or has"),
    ],
)
def test_answers_without_a_token(
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    status: int,
    answer: Any,
    words: str,
) -> None:
    provider.answer = lambda reply, form: reply.respond(status, answer)
    with pytest.raises(CredentialsError, match=words) as caught:
        renew(provider.user())
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("document", [{}, {"token_endpoint": "http://127.0.0.1/"}])
def test_discovery_documents_without_a_safe_endpoint(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]], document: dict[str, str]
) -> None:
    provider.discovery = document
    with pytest.raises(CredentialsError, match=r"gave no token_endpoint|insecure_transport"):
        renew(provider.user())
    assert provider.refreshes == []


@pytest.mark.parametrize("field", ["client-id", "idp-issuer-url", "refresh-token"])
def test_entries_that_no_one_can_renew(
    provider: FakeIdentityProvider, renew: Callable[..., dict[str, str]], field: str
) -> None:
    with pytest.raises(CredentialsError, match="missing or has expired"):
        renew(provider.user(**{field: None}))
    assert provider.discoveries == []


def test_no_package(
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes.config", None)
    with pytest.raises(CredentialsError, match=r"without kubectl: no module named kubernetes\."):
        renew(provider.user())


def test_the_package_is_not_loaded_unless_it_is_needed() -> None:
    code = "import sys, kubectl_portcheck.client.kubectl; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"kubernetes", "yaml", "requests"} & set(ran.stdout.split())


FIRST = """\
# the first file
apiVersion: v1
kind: Config
current-context: other
contexts:
- name: other
  context: {cluster: fake, user: other}
users:
- name: other
  user: {token: "0123"}
"""


def test_several_files_and_a_chosen_context(
    server: FakeApiServer, provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    first, empty, second, third = (tmp_path / name for name in ("1", "2", "3", "4"))
    first.write_text(FIRST)
    empty.touch()
    old = provider.user()["auth-provider"]["config"]
    second.write_text(
        yaml.safe_dump(server.kubeconfig({}) | {"users": [], "seen": "2024-01-02"})
        .replace("users: []\n", "")
        .replace("seen: '2024-01-02'", "seen: 2024-01-02T03:04:05Z # a date, and no text")
        + "users:\n"
        + "  - name: fake # me\n    user:\n      auth-provider:\n        name: oidc\n"
        + "        config:\n"
        + "".join(f"          {key}: {value} # {key}\n" for key, value in old.items())
        + "  - {name: other, user: {token: '017'}, x: 017}\n"
    )
    # The same name once more: the first file with it counts.
    third.write_text(json.dumps({"users": [{"name": "fake", "user": provider.user()}]}))
    os.chmod(second, 0o640)
    link = tmp_path / "link"
    link.symlink_to(second)
    texts = {path: path.read_text() for path in (first, empty, second, third)}
    files = os.pathsep.join(str(path) for path in (first, tmp_path / "none", empty, link, third))
    flags = ConnectionFlags(context="fake")
    with Api(load_connection(flags, {**NO_KUBECTL, "KUBECONFIG": files})) as api:
        api.get("/version", deadline=Deadline.after(30))
    assert sent(server) == f"Bearer {provider.issued}"
    expected = texts[second].replace(old["id-token"], json.dumps(provider.issued))
    expected = expected.replace(": refresh-1 ", ': "refresh-2" ')
    assert {path: path.read_text() for path in texts} == {**texts, second: expected}
    assert second.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2", "3", "4", "link"}


def test_a_user_that_a_flag_chooses(
    server: FakeApiServer, provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    document = server.kubeconfig({"token": "t0ken"})
    document["users"].append({"name": "me", "user": provider.user()})
    path.write_text(json.dumps(document))
    flags = ConnectionFlags(kubeconfig=str(path), user="me")
    with Api(load_connection(flags, NO_KUBECTL)) as api:
        api.get("/version", deadline=Deadline.after(30))
    assert sent(server) == f"Bearer {provider.issued}"
    assert entry(path, "me")["refresh-token"] == "refresh-2"


def test_a_token_that_another_program_has_renewed(
    server: FakeApiServer, provider: FakeIdentityProvider, connect: Open
) -> None:
    api = connect(server, provider.user(), environ=NO_KUBECTL)
    path = Path(api.connection.flags.kubeconfig or "")
    new = id_token(time.time() + 60)
    path.write_text(json.dumps(server.kubeconfig(provider.user(**{"id-token": new}))))
    api.get("/version", deadline=Deadline.after(30))
    assert sent(server) == f"Bearer {new}"
    assert provider.discoveries == []


def test_a_file_that_cannot_be_written_spends_no_refresh_token(
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CredentialsError, match="has to be kept, cannot be written"):
        renew(provider.user())
    assert provider.discoveries == []


def test_a_file_that_cannot_be_replaced_is_written_where_it_is(
    provider: FakeIdentityProvider,
    renew: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import errno

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", refuse)
    assert renew(provider.user(extra="x" * 5000))["refresh-token"] == "refresh-2"
    assert [path.name for path in tmp_path.iterdir()] == ["kubeconfig-0"]


def test_a_full_disk_leaves_the_file_as_it_is(
    server: FakeApiServer,
    provider: FakeIdentityProvider,
    connect: Open,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import errno

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    api = connect(server, provider.user(), environ=NO_KUBECTL)
    before = (tmp_path / "kubeconfig-0").read_text()
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CredentialsError, match=r"could not be written to .*: no space left"):
        api.get("/version", deadline=Deadline.after(30))
    assert [path.read_text() for path in tmp_path.iterdir()] == [before]


def test_the_lock_of_kubectl_is_waited_for_but_not_for_ever(
    server: FakeApiServer, provider: FakeIdentityProvider, connect: Open
) -> None:
    api = connect(server, provider.user(), environ=NO_KUBECTL)
    lock = Path(f"{api.connection.flags.kubeconfig}.lock")
    lock.touch()
    with stopwatch() as spent:
        api.get("/version", deadline=Deadline.after(30))
    assert spent.wall >= 1
    assert sent(server) == f"Bearer {provider.issued}"
    assert lock.exists()


NEW = {"id-token": "new.id", "refresh-token": 'new "refresh"'}
HEAD = "users:\n- name: a\n  user: {token: a}\n- name: me\n  user:\n    auth-provider:\n"
CONFIG = HEAD + "      config:\n"


@pytest.mark.parametrize(
    "text",
    [
        CONFIG + "        id-token: old.id\n        refresh-token: old\n",
        CONFIG + "        'id-token': 'old.id' # c\n        refresh-token: \"old\"",
        CONFIG + "        refresh-token: old\n",
        CONFIG.replace("\n", "\r\n") + "        refresh-token: old\r\n        id-token: x\r\n",
        CONFIG + "        id-token: >-\n          old\n          id\n        refresh-token: |\n"
        "          old\n        # a comment\n        z: 1\n",
        HEAD + "      config: {refresh-token: old, x: y}\n",
        '{"users": [{"name": "me", "user": {"auth-provider": {"config": {"id-token":"old"}}}}]}',
        "\ufeff# ä 😀\n"
        + CONFIG
        + "        refresh-token: &r old\nx: 2024-01-02\n---\nusers: []\n",
        "a: &same {x: 1}\nb: *same\n" + CONFIG + "        id-token: ''\n        refresh-token:\n",
        "x: &x {id-token: old}\n" + CONFIG + "        <<: *x\n        refresh-token: old\n",
        CONFIG + "        id-token: old\n        id-token: old\n        refresh-token: old\n",
    ],
)
def test_only_the_tokens_change(text: str) -> None:
    edited = with_tokens(text, "me", NEW)
    before, after = (
        list(yaml.load_all(part.lstrip("\ufeff"), yaml.BaseLoader)) for part in (text, edited)
    )
    config = before[0]["users"][-1]["user"]["auth-provider"]["config"]
    config.update(NEW)
    assert after == before
    assert text.count("#") == edited.count("#")
    assert with_tokens(edited, "me", NEW) == edited


@pytest.mark.parametrize(
    "text",
    [
        "",
        "users: []",
        "users: [{name: me}]",
        "users: [{name: me, user: {auth-provider: {config: null}}}]",
        "users: [{name: me, user: {auth-provider: {config: {}}}}]",
        "canary: [",
        "users: canary",
        CONFIG + "        id-token: &t old\n        refresh-token: old\nx: *t\n",
        "x: &x old\n" + CONFIG + "        id-token: *x\n        refresh-token: old\n",
    ],
)
def test_files_that_cannot_be_changed_safely(text: str) -> None:
    with pytest.raises(ValueError, match="entry") as caught:
        with_tokens(text, "me", NEW)
    assert "canary" not in str(caught.value)
