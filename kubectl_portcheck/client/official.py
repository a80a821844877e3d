"""Renewed oidc tokens where there is no kubectl: by the official client, the package kubernetes.

The package speaks to the identity provider. The kubeconfig's files are read and written here, and
the package is handed a configuration made for this one purpose, because its own way

- leaves the provider's certificate unchecked where the entry names no authority,
- demands a ``client-secret``, which public clients do not have,
- empties the kubeconfig before it writes it again, and rewrites more than the tokens, and
- puts the whole entry, tokens included, into its messages: none of them is passed on.
"""

import base64
import contextlib
import errno
import importlib
import json
import os
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_portcheck import inputs
from kubectl_portcheck.client.children import LOOK_SECONDS
from kubectl_portcheck.client.connection import Connection
from kubectl_portcheck.client.credentials import read_file
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import CredentialsError, TimedOut
from kubectl_portcheck.client.kubeconfig import AuthProvider, load_kubeconfig
from kubectl_portcheck.client.oidc import provider_token
from kubectl_portcheck.inputs.limits import CONFIGURATION_BYTES

NEEDED = ("client-id", "idp-issuer-url", "refresh-token")
"""The fields of an entry that are needed to renew its token."""
KEPT = ("id-token", "refresh-token")
"""The fields that a renewal changes."""
ENDED = "e30.eyJleHAiOjB9.c2ln"
"""An ID token that ended long ago, whatever the entry's is: the package renews ended ones only."""
LOCK_SECONDS = 1.0
"""How long another program's lock on the kubeconfig is waited for; it may have been left behind."""
CANNOT = "the oidc token of this kubeconfig entry cannot be renewed without kubectl: "
LOG_IN = "Log in again."
_OTHERWISE = (
    AttributeError,
    LookupError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What a file of another shape than expected leads to."""


def renew_with_package(
    connection: Connection, deadline: Deadline, cancelled: threading.Event
) -> AuthProvider | None:
    """Renews the tokens of an ``auth-provider`` entry, keeps them in its file, and reads that.

    None where the entry holds nothing to renew it by. Raises :class:`CredentialsError`, and
    :class:`TimedOut`; an answer that comes after that is kept nevertheless as long as the process
    lives, since a refresh token may count only once.
    """
    path, entry = _find_entry(connection)
    if entry is None or not all(entry.config.get(field) for field in NEEDED):
        return None
    with contextlib.suppress(CredentialsError):
        # Another program may have renewed it.
        provider_token(entry, lambda: None)
        return entry
    if not entry.config["idp-issuer-url"].lower().startswith("https://"):
        # An answer without TLS could name any address to send the refresh token to.
        raise CredentialsError(f"{CANNOT}idp-issuer-url does not begin with https://")
    # All that can be known to go wrong with the file goes wrong before a refresh token is spent.
    try:
        with_tokens(_read(path), connection.user_name, dict.fromkeys(KEPT, "x"))
    except ValueError:
        raise CredentialsError(f"{CANNOT}{path} cannot be changed", LOG_IN) from None
    if not os.access(path, os.W_OK):
        reason = f"{path}, where a new refresh token has to be kept, cannot be written"
        raise CredentialsError(CANNOT + reason, LOG_IN)
    deadline.check("before the oidc token was renewed")
    renewal = _Renewal(path, connection.user_name, entry)
    renewal.start()
    while renewal.is_alive():
        if deadline.passed or cancelled.is_set():
            raise TimedOut(f"timed out waiting for the identity provider {renewal.issuer}")
        renewal.join(min(deadline.remaining(), LOOK_SECONDS))
    if renewal.failure is not None:
        raise renewal.failure
    return _find_entry(connection)[1]


def _find_entry(connection: Connection) -> tuple[str, AuthProvider | None]:
    """The user's entry as it is now, and the file that holds it."""
    config = load_kubeconfig(connection.flags.kubeconfig, connection.environ)
    for path in config.found:
        if user := load_kubeconfig(path, connection.environ).users.get(connection.user_name):
            return path, user.auth_provider
    return "", None


class _Renewal(threading.Thread):
    """One attempt, in a thread, because the package waits for as long as the provider likes."""

    def __init__(self, path: str, user: str, entry: AuthProvider) -> None:
        super().__init__(daemon=True, name="portcheck-renewal")
        self._path = path
        self._user = user
        self._config = _prepared(entry.config)
        self._authority = _authority(self._config)
        address = entry.config["idp-issuer-url"].partition("//")[2]
        self.issuer = address.partition("/")[0].rpartition("@")[2]
        """The provider's address, without a name and a password that it may hold."""
        self.failure: CredentialsError | None = None
        """Why there are no new tokens, once the thread has ended without."""

    def run(self) -> None:
        """Renews and keeps the tokens, or says in ``failure`` why not."""
        try:
            # The package's own temporary file stays open up to 36, which fails on Windows.
            with tempfile.TemporaryDirectory(prefix="portcheck-") as folder:
                if self._authority:
                    path = os.path.join(folder, "ca.pem")
                    with open(path, "wb") as file:
                        file.write(self._authority)
                    self._config["idp-certificate-authority"] = path
                _refresh(self._config)
        except Exception as error:  # The package raises whatever comes; none of it is shown.
            self.failure = CredentialsError(f"{CANNOT}{self._reason(error)}", LOG_IN)
            return
        renewed = {key: self._config[key] for key in KEPT}
        if renewed["id-token"] == ENDED or not all(isinstance(v, str) for v in renewed.values()):
            reason = f"the identity provider {self.issuer} gave no new one"
            self.failure = CredentialsError(CANNOT + reason, LOG_IN)
            return
        try:
            _keep(self._path, self._user, renewed)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "its content has changed").lower()
            words = f"the renewed tokens could not be written to {self._path}: {reason}"
            self.failure = CredentialsError(words, LOG_IN)

    def _reason(self, error: BaseException) -> str:
        """What went wrong, in words that hold nothing of the entry."""
        if isinstance(error, ImportError):
            return f"no module named {error.name}"
        code = getattr(error, "error", None)
        if isinstance(code, str) and re.fullmatch(r"\w{1,40}", code):
            # An error code of OAuth; the description beside it may quote the token.
            return f"the identity provider {self.issuer} refused ({code})"
        if isinstance(status := getattr(error, "status", None), int):
            return f"the identity provider {self.issuer} answered with status {status}"
        if isinstance(error, KeyError) and error.args[0] in ("id_token", "token_endpoint"):
            return f"the identity provider {self.issuer} gave no {error.args[0]}"
        if words := _network_reason(error):
            return f"the identity provider {self.issuer} could not be asked: {words}"
        return f"the package kubernetes failed with {type(error).__name__}"


def _network_reason(error: BaseException) -> str:
    """The operating system's or TLS's words at the bottom of an exception; empty without one."""
    found = ""
    cause: BaseException | None = error
    for _ in range(20):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, OSError):
            # The exceptions of requests are OSErrors as well, without these words.
            found = (cause.strerror or "").lower() or found
        cause = cause.__cause__ or cause.__context__ if cause else None
    return found


def _prepared(config: Mapping[str, str]) -> dict[str, str]:
    """An entry's fields as the package understands them as kubectl does: empty ones are none."""
    prepared = {key: value for key, value in config.items() if value}
    prepared["id-token"] = ENDED
    prepared.setdefault("client-secret", "")
    prepared["idp-issuer-url"] = prepared["idp-issuer-url"].rstrip("/")
    return prepared


def _authority(prepared: dict[str, str]) -> bytes:
    """Takes the authority out of an entry's fields, or puts the file of the usual ones there.

    These are the machine's, or where it has none those that come with the package. Raises
    :class:`ConfigurationError` for a file that cannot be read.
    """
    if packed := prepared.pop("idp-certificate-authority-data", ""):
        try:
            return base64.b64decode(packed)
        except ValueError:
            reason = "idp-certificate-authority-data is not base64"
            raise CredentialsError(CANNOT + reason) from None
    if path := prepared.get("idp-certificate-authority"):
        return read_file(path, "idp-certificate-authority")
    found = ssl.get_default_verify_paths().cafile
    if not found:
        try:
            import certifi
        except ImportError:
            raise CredentialsError(
                "the oidc token cannot be renewed: no certificate authorities were found",
                "Name one in the kubeconfig entry, as idp-certificate-authority.",
            ) from None

        found = certifi.where()
    prepared["idp-certificate-authority"] = found
    return b""


def _refresh(config: dict[str, str]) -> None:
    """Lets the package renew the tokens, which it puts into the mapping itself."""
    # By name, since not every release has annotations.
    package: Any = importlib.import_module("kubernetes.config")
    client: Any = importlib.import_module("kubernetes.client")
    provider = {"name": "oidc", "config": config}
    document = {
        "current-context": "this",
        "contexts": [{"name": "this", "context": {"cluster": "this", "user": "this"}}],
        "clusters": [{"name": "this", "cluster": {}}],
        "users": [{"name": "this", "user": {"auth-provider": provider}}],
    }
    package.load_kube_config_from_dict(document, client_configuration=client.Configuration())


def _keep(path: str, user: str, tokens: Mapping[str, str]) -> None:
    """Writes renewed tokens into a kubeconfig, which keeps everything else, comments included.

    Raises OSError, and ValueError where the file cannot be changed so.
    """
    with _locked(path):
        content = with_tokens(_read(path), user, tokens).encode()
        real = os.path.realpath(path)
        try:
            _replace(real, content)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS):
                raise
            # The folder cannot be written, the owner is another, or the file itself is mounted.
            with open(real, "r+b") as file:
                file.write(content)
                file.truncate()


def _read(path: str) -> str:
    return inputs.read_file(path, CONFIGURATION_BYTES).decode()


def _replace(path: str, content: bytes) -> None:
    """Replaces a file at once: who reads it meanwhile sees the old content or the new."""
    status = os.stat(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".kubeconfig-")
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, status.st_mode & 0o777)
        if hasattr(os, "chown"):
            os.chown(temporary, status.st_uid, status.st_gid)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Holds the lock that kubectl takes to write this file."""
    lock = f"{path}.lock"
    deadline = time.monotonic() + LOCK_SECONDS
    held = False
    while not held:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            held = True
        except FileExistsError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        except OSError:
            break
    try:
        yield
    finally:
        if held:
            with contextlib.suppress(OSError):
                os.unlink(lock)


def with_tokens(text: str, user: str, tokens: Mapping[str, str]) -> str:
    """A kubeconfig's text with other values in the ``auth-provider`` of a user.

    Raises ValueError, which holds nothing of the text, where that would change anything else.
    """
    import yaml

    try:
        loader: Any = yaml.SafeLoader(text)
        config = _config_node(loader.get_node() if loader.check_node() else None, user)
        edited = text
        # From the end on, so that the places before it stay right.
        for start, end, value in sorted(_edits(text, config, tokens), reverse=True):
            edited = edited[:start] + value + edited[end:]
        expected, found = _plain(text), _plain(edited)
        named = next(item for item in expected["users"] if item["name"] == user)
        named["user"]["auth-provider"]["config"].update(tokens)
    except (yaml.YAMLError, *_OTHERWISE):
        raise ValueError("the entry cannot be changed") from None
    if found != expected:
        raise ValueError("more than the entry would change")
    return edited


def _plain(text: str) -> Any:
    """The first document, with every scalar as it is written."""
    import yaml

    loader: Any = yaml.BaseLoader(text)
    return loader.get_data() if loader.check_data() else None


def _config_node(root: Any, user: str) -> Any:
    """The node of the fields of a user's ``auth-provider``."""
    for item in _child(root, "users").value:
        if _child(item, "name").value == user:
            return _child(_child(_child(item, "user"), "auth-provider"), "config")
    raise LookupError


def _child(node: Any, key: str) -> Any:
    return next(value for name, value in node.value if name.value == key)


def _edits(text: str, config: Any, tokens: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """From where to where which text has to be put, for each of the tokens."""
    nodes = {name.value: value for name, value in config.value}
    first = config.value[0][0].start_mark
    for key, token in tokens.items():
        if node := nodes.get(key):
            start, end = node.start_mark.index, node.end_mark.index
            written = text[start:end]
            # Nothing follows the colon; what was written as a block ends with its line.
            before, after = "" if written else " ", written[len(written.rstrip()) :]
            yield start, end, before + json.dumps(token) + after
        else:
            between = ", " if config.flow_style else "\n" + " " * first.column
            yield first.index, first.index, f"{json.dumps(key)}: {json.dumps(token)}{between}"
