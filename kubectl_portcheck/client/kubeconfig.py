"""Kubeconfig files: found, read and merged by kubectl's rules.

The rules are those of client-go's ``tools/clientcmd`` (``loader.go``, ``api/v1/types.go``):
only ``--kubeconfig``, or the files of KUBECONFIG, or ``~/.kube/config``; missing files of a list
are skipped and empty ones are fine; the first file that names a cluster, user or context decides
all of it; the first current-context wins; a relative path is relative to its own file.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from kubectl_portcheck import inputs
from kubectl_portcheck.client.errors import ConfigurationError
from kubectl_portcheck.inputs.limits import CONFIGURATION_BYTES, CONFIGURATION_VALUES


class Cluster(NamedTuple):
    """Where a cluster is, and how its identity is checked."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: bytes = b""
    proxy_url: str = ""
    disable_compression: bool = False
    exec_config: Any = None
    """What a credential plugin is handed: the extension client.authentication.k8s.io/exec."""


class ExecPlugin(NamedTuple):
    """A program that prints credentials."""

    command: str
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    api_version: str
    install_hint: str
    provide_cluster_info: bool
    interactive_mode: str


class AuthProvider(NamedTuple):
    """An entry of the legacy kind ``auth-provider``."""

    name: str
    config: Mapping[str, str]

    def __repr__(self) -> str:
        return f"AuthProvider(name={self.name!r})"


class User(NamedTuple):
    """Credentials, and the user to impersonate."""

    client_certificate: str = ""
    client_certificate_data: bytes = b""
    client_key: str = ""
    client_key_data: bytes = b""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    as_user: str = ""
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    as_user_extra: Mapping[str, tuple[str, ...]] = {}
    auth_provider: AuthProvider | None = None
    exec_plugin: ExecPlugin | None = None

    def __repr__(self) -> str:
        given = ", ".join(name for name, value in self._asdict().items() if value)
        return f"User({given})"


class Context(NamedTuple):
    """A cluster, a user and a namespace under one name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class Kubeconfig(NamedTuple):
    """The files merged into one."""

    current_context: str
    contexts: Mapping[str, Context]
    clusters: Mapping[str, Cluster]
    users: Mapping[str, User]
    found: tuple[str, ...] = ()
    """The paths at which there was a file."""


class _Invalid(Exception):
    """What is wrong with a file's content, in words that quote none of it."""


def paths_to_try(kubeconfig: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The files that may hold the configuration, in order of precedence."""
    if kubeconfig:
        return (kubeconfig,)
    if listed := environ.get("KUBECONFIG"):
        return tuple(dict.fromkeys(p for p in listed.split(os.pathsep) if p))
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    return (os.path.join(home, ".kube", "config"),) if home else ()


def load_kubeconfig(kubeconfig: str | None, environ: Mapping[str, str]) -> Kubeconfig:
    """Reads and merges the kubeconfig files.

    Raises :class:`ConfigurationError` for a file that cannot be read or understood, and for a
    missing file that ``--kubeconfig`` names.
    """
    current = ""
    contexts: dict[str, Context] = {}
    clusters: dict[str, Cluster] = {}
    users: dict[str, User] = {}
    paths = paths_to_try(kubeconfig, environ)
    found = []
    for path in paths:
        try:
            content = inputs.read_file(path, CONFIGURATION_BYTES)
        except FileNotFoundError:
            if kubeconfig:
                raise ConfigurationError(f"stat {path}: no such file or directory") from None
            continue
        except (OSError, inputs.Unreadable) as error:
            why = inputs.reason(error)
            raise ConfigurationError(
                f'error loading config file "{path}": open {path}: {why}'
            ) from None
        found.append(path)
        try:
            document = _Fields(_parse(content), "")
            _check_kind(document)
            base = os.path.dirname(inputs.full_path(path))
            _first_wins(contexts, _named(document, "contexts", "context", _context))
            _first_wins(clusters, _named(document, "clusters", "cluster", _cluster(base)))
            _first_wins(users, _named(document, "users", "user", _user(base)))
            current = current or document.text("current-context")
        except _Invalid as error:
            raise ConfigurationError(f'error loading config file "{path}": {error}') from None
    return Kubeconfig(current, contexts, clusters, users, tuple(found))


def _parse(content: bytes) -> Mapping[str, Any]:
    data: Any
    if content.lstrip()[:1] == b"{":
        try:
            data = inputs.json_value(content, CONFIGURATION_VALUES)
        except inputs.Unreadable:
            data = _parse_yaml(content)
    else:
        data = _parse_yaml(content)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _Invalid("couldn't get version/kind; json parse error: not an object")
    return data


def _parse_yaml(content: bytes) -> Any:
    # Late, since a kubeconfig may be JSON.
    from kubectl_portcheck.inputs import yaml_tree

    try:
        text = content.decode("utf-16" if content[:2] in _UTF_16 else "utf-8-sig")
        # Only the first document counts.
        return yaml_tree.value_of(
            text, nulls=True, first=True, most=CONFIGURATION_VALUES, secret=True
        )
    except yaml_tree.Broken as error:
        # Neither the text nor the parser's own words are shown: both may quote a secret.
        line = text.count("\n", 0, error.index) + 1
        raise _Invalid(f"yaml: line {line}: cannot be parsed") from None
    except ValueError:
        raise _Invalid("yaml: cannot be parsed") from None


_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class _Fields:
    """A mapping of a kubeconfig, whose fields have the types that kubectl demands."""

    __slots__ = ("data", "where")

    def __init__(self, data: Any, where: str) -> None:
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise _Invalid(f"{where.rstrip('.') or 'the file'} is not an object")
        self.data: dict[Any, Any] = data
        self.where = where

    def _wrong(self, key: str, type_name: str) -> _Invalid:
        kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
        kind = kinds.get(type(self.data[key]), "object")
        return _Invalid(f"json: cannot unmarshal {kind} into {self.where}{key} of type {type_name}")

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(key, "string")
        return value

    def flag(self, key: str) -> bool:
        value = self.data.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(key, "bool")
        return value

    def data_bytes(self, key: str) -> bytes:
        value = self.text(key)
        if not value:
            return b""
        import base64

        try:
            packed = value.replace("\n", "").replace("\r", "")
            return base64.b64decode(packed, validate=True)
        except ValueError:
            raise _Invalid(f"illegal base64 data in {self.where}{key}") from None

    def items(self, key: str) -> list[Any]:
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "array")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        if not all(isinstance(v, str) for v in values):
            raise _Invalid(f"json: {self.where}{key} holds something that is not a string")
        return tuple(values)

    def fields(self, key: str) -> "_Fields":
        return _Fields(self.data.get(key), f"{self.where}{key}.")

    def path(self, key: str, base: str) -> str:
        value = self.text(key)
        return os.path.join(base, value) if value else ""


def _check_kind(document: _Fields) -> None:
    kind, version = document.text("kind"), document.text("apiVersion")
    if kind not in ("", "Config") or version not in ("", "v1"):
        raise _Invalid(f'no kind "{kind}" is registered for version "{version}"')


T = TypeVar("T")


def _first_wins(into: dict[str, T], entries: dict[str, T]) -> None:
    for name, entry in entries.items():
        into.setdefault(name, entry)


def _named(document: _Fields, key: str, field: str, build: Callable[[_Fields], T]) -> dict[str, T]:
    entries: dict[str, T] = {}
    for item in document.items(key):
        named = _Fields(item, f"{key}.")
        name = named.text("name")
        if name in entries:
            raise _Invalid(f'duplicate name "{name}" in list {key}')
        entries[name] = build(named.fields(field))
    return entries


def _context(fields: _Fields) -> Context:
    return Context(fields.text("cluster"), fields.text("user"), fields.text("namespace"))


def _cluster(base: str) -> Callable[[_Fields], Cluster]:
    def build(fields: _Fields) -> Cluster:
        exec_config = None
        for item in fields.items("extensions"):
            extension = _Fields(item, f"{fields.where}extensions.")
            if extension.text("name") == "client.authentication.k8s.io/exec":
                exec_config = extension.data.get("extension")
        return Cluster(
            server=fields.text("server"),
            tls_server_name=fields.text("tls-server-name"),
            insecure_skip_tls_verify=fields.flag("insecure-skip-tls-verify"),
            certificate_authority=fields.path("certificate-authority", base),
            certificate_authority_data=fields.data_bytes("certificate-authority-data"),
            proxy_url=fields.text("proxy-url"),
            disable_compression=fields.flag("disable-compression"),
            exec_config=exec_config,
        )

    return build


def _user(base: str) -> Callable[[_Fields], User]:
    def build(fields: _Fields) -> User:
        extra = fields.fields("as-user-extra")
        provider = fields.fields("auth-provider")
        plugin = fields.fields("exec")
        return User(
            client_certificate=fields.path("client-certificate", base),
            client_certificate_data=fields.data_bytes("client-certificate-data"),
            client_key=fields.path("client-key", base),
            client_key_data=fields.data_bytes("client-key-data"),
            token=fields.text("token"),
            token_file=fields.path("tokenFile", base),
            username=fields.text("username"),
            password=fields.text("password"),
            as_user=fields.text("as"),
            as_uid=fields.text("as-uid"),
            as_groups=fields.texts("as-groups"),
            as_user_extra={str(key): extra.texts(key) for key in extra.data},
            auth_provider=_auth_provider(provider) if fields.data.get("auth-provider") else None,
            exec_plugin=_exec_plugin(plugin, base) if fields.data.get("exec") else None,
        )

    return build


def _auth_provider(fields: _Fields) -> AuthProvider:
    config = fields.fields("config")
    return AuthProvider(fields.text("name"), {str(key): config.text(key) for key in config.data})


def _exec_plugin(fields: _Fields, base: str) -> ExecPlugin:
    command = fields.text("command")
    if os.sep in command:
        # A bare name is looked up in PATH; a path is relative to the file.
        command = os.path.join(base, command)
    env = [_Fields(item, f"{fields.where}env.") for item in fields.items("env")]
    version = fields.text("apiVersion")
    mode = fields.text("interactiveMode")
    if not mode and version == "client.authentication.k8s.io/v1beta1":
        mode = "IfAvailable"
    return ExecPlugin(
        command=command,
        args=fields.texts("args"),
        env=tuple((item.text("name"), item.text("value")) for item in env),
        api_version=version,
        install_hint=fields.text("installHint"),
        provide_cluster_info=fields.flag("provideClusterInfo"),
        interactive_mode=mode,
    )
