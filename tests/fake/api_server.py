"""A scripted Kubernetes API server.

It serves the objects that it is given, runs scripted commands, answers port-forwards and the pod
proxy, and does to any request what a test wants done to it: see ``faults``. Every connection has a
thread of its own; all of them end with the server.
"""

import contextlib
import copy
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.fake.certificates import authority_pem, server_context
from tests.fake.store import Object, Store
from tests.fake.wire import (
    Exchange,
    Gone,
    Request,
    ServerStream,
    read_request,
    reset,
    status_object,
)

PIECE = 32 * 1024
RULES_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
Handler = Callable[[Exchange], None]


class Command(NamedTuple):
    """What a command prints, and how it ends."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0
    error: str = ""
    """The runtime's words where the command could not be started."""


NO_SHELL = Command(
    error="Internal error occurred: error executing command in container: failed to exec in "
    'container: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'
)


class Script(NamedTuple):
    """What is done to the requests whose line a pattern finds."""

    pattern: str
    handler: Handler
    times: int | None


class FakeApiServer:
    """The server; a context manager."""

    def __init__(self, *, tls: ssl.SSLContext | bool | None = True) -> None:
        self.store = Store()
        self.requests: list[Request] = []
        self.commands: dict[tuple[str, str], Callable[[str, list[str]], Command]] = {}
        """By namespace and pod: container and argv -> what happens."""
        self.ports: dict[tuple[str, str], dict[int, str]] = {}
        """By namespace and pod: what happens at a forwarded port: ``accepted``, ``refused`` (as for
        every port that is not named), ``reset``, ``silent-fence`` or ``greets``."""
        self.http: dict[tuple[str, str, int], tuple[int, bytes]] = {}
        """By namespace, pod and port: what the pod proxy brings back; else it is refused."""
        self.exec_protocols: tuple[str, ...] = ("v5.channel.k8s.io", "v4.channel.k8s.io")
        self.version = "v1.36.3"
        self.groups = [("apps", "v1"), ("networking.k8s.io", "v1"), ("discovery.k8s.io", "v1")]
        """The API groups that are served, each with its version; a group may have several."""
        self.may: list[dict[str, Any]] = [EVERYTHING]
        """What the user may do, as a SelfSubjectRulesReview tells it."""
        self.patched: Callable[[Object], None] = lambda _: None
        """What the cluster's controllers do after a change of this object."""
        self.connections = 0
        self.before_tls: Callable[[socket.socket, threading.Event], None] | None = None
        self.stopping = threading.Event()
        self._scripts: list[Script] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = server_context() if tls is True else tls
            self._context.sni_callback = self._remember_name
        self._names: dict[int, str] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def __enter__(self) -> "FakeApiServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def add(self, *objects: Object) -> None:
        """Adds objects to the cluster."""
        self.store.add(*objects)

    def on(self, pattern: str, handler: Handler, times: int | None = None) -> None:
        """From now on requests whose ``METHOD target`` the pattern finds are answered so; at most
        so many times. The script that was added last comes first."""
        with self._lock:
            self._scripts.insert(0, Script(pattern, handler, times))

    def kubeconfig(self, user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
        """A kubeconfig for this server."""
        import base64

        authority = base64.b64encode(authority_pem().encode()).decode()
        entry: dict[str, Any] = {"server": self.url, **cluster}
        if self._context and not {"certificate-authority", "insecure-skip-tls-verify"} & {*cluster}:
            entry.setdefault("certificate-authority-data", authority)
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "clusters": [{"name": "fake", "cluster": entry}],
            "users": [{"name": "fake", "user": {"token": "t0ken"} if user is None else user}],
        }

    def stop(self) -> None:
        """Ends the server and all of its threads."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    # Connections

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="fake-api-server")
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()]
            # Started under the lock, so that no one joins a thread that has not begun.
            thread.start()
            self._threads.append(thread)

    def _remember_name(self, sock: Any, name: str | None, _: Any) -> None:
        self._names[threading.get_ident()] = name or ""

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._spawn(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        sock = plain
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.before_tls is not None:
                self.before_tls(sock, self.stopping)
            common_name = ""
            if self._context is not None:
                sock.settimeout(10)
                sock.getpeername()  # Else ssl takes over a socket without a peer, unclosed.
                secured = self._context.wrap_socket(sock, server_side=True)
                sock = secured
                shown: Any = secured.getpeercert() or {}
                names = dict(pair for part in shown.get("subject", ()) for pair in part)
                common_name = names.get("commonName", "")
            server_name = self._names.get(threading.get_ident(), "")
            while not self.stopping.is_set():
                method, target, headers, body = read_request(
                    sock, lambda: not self.stopping.is_set()
                )
                request = Request(method, target, headers, common_name, server_name, body)
                with self._lock:
                    self.requests.append(request)
                exchange = Exchange(sock, request, self.stopping)
                self._handler_for(request)(exchange)
                if not exchange.keep:
                    return
        except (Gone, OSError):
            pass
        finally:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            sock.close()

    def _handler_for(self, request: Request) -> Handler:
        with self._lock:
            for i, script in enumerate(self._scripts):
                if re.search(script.pattern, request.line):
                    if script.times is not None:
                        left = script.times - 1
                        self._scripts[i] = script._replace(times=left)
                        if left <= 0:
                            del self._scripts[i]
                    return script.handler
        return self.answer

    # What a well-behaved server does

    def answer(self, exchange: Exchange) -> None:
        """Serves a request as an API server does."""
        request = exchange.request
        target = urlsplit(request.target).path
        if match := re.fullmatch(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/exec", target):
            self._exec(exchange, match[1], match[2])
        elif match := re.fullmatch(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/portforward", target):
            self._port_forward(exchange, match[1], match[2])
        elif match := re.fullmatch(
            r"/api/v1/namespaces/([^/]+)/pods/(?:(\w+):)?([^/:]+):(\d+)/proxy(/.*)?", target
        ):
            self._proxy(exchange, match[1], match[3], int(match[4]))
        elif request.line == f"POST {RULES_REVIEW}":
            exchange.json(201, {"status": {"resourceRules": self.may, "incomplete": False}})
        elif request.method == "PATCH":
            self._patch(exchange, target)
        elif (found := self.store.get(target)) is not None:
            exchange.json(200, found)
        elif (items := self.store.list(request.target)) is not None:
            exchange.json(200, items)
        elif target == "/apis":
            groups = [
                {
                    "name": name,
                    "versions": [
                        {"version": v, "groupVersion": f"{g}/{v}"}
                        for g, v in self.groups
                        if g == name
                    ],
                }
                for name in dict.fromkeys(g for g, _ in self.groups)
            ]
            exchange.json(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        elif target == "/version":
            exchange.json(200, {"major": "1", "gitVersion": self.version})
        else:
            name = target.rsplit("/", 1)[-1]
            kind = target.rsplit("/", 2)[-2]
            exchange.status(404, "NotFound", f'{kind} "{name}" not found')

    def _patch(self, exchange: Exchange, target: str) -> None:
        """Takes a JSON patch, as far as the program sends any."""
        found = self.store.get(target)
        if found is None:
            exchange.status(404, "NotFound", "not found")
            return
        made = copy.deepcopy(found)
        try:
            for operation in json.loads(exchange.request.body):
                carry_out(made, operation)
        except (AssertionError, LookupError, TypeError, ValueError) as why:
            exchange.status(422, "Invalid", f"the server rejected our request: {why!r}")
            return
        if not exchange.request.values("dryRun"):
            version = int(found["metadata"].get("resourceVersion", "1")) + 1
            made["metadata"]["resourceVersion"] = str(version)
            self.store.add(made)
            self.patched(made)
        exchange.json(200, made)

    def _exec(self, exchange: Exchange, namespace: str, pod: str) -> None:
        offered = exchange.request.header("Sec-WebSocket-Protocol")
        protocol = next((p for p in self.exec_protocols if p in offered), None)
        run = self.commands.get((namespace, pod))
        if run is None:
            exchange.status(404, "NotFound", f'pods "{pod}" not found')
            return
        if protocol is None:
            exchange.status(400, "BadRequest", "unable to upgrade: unknown protocol")
            return
        container = exchange.request.values("container")
        command = run(container[0] if container else "", exchange.request.values("command"))
        stream = exchange.websocket(protocol)
        send_command(stream, command)
        stream.close()

    def _port_forward(self, exchange: Exchange, namespace: str, pod: str) -> None:
        behaviour = self.ports.get((namespace, pod))
        if behaviour is None:
            exchange.status(404, "NotFound", f'pods "{pod}" not found')
            return
        ports = [int(port) for port in exchange.request.values("ports")]
        stream = exchange.websocket()
        for i, port in enumerate(ports):
            stream.send(2 * i, port.to_bytes(2, "little"))
            stream.send(2 * i + 1, port.to_bytes(2, "little"))
        # The other way round than asked for: a fence's refusal may come before another port's.
        for i, port in reversed(list(enumerate(ports))):
            kind = behaviour.get(port, behaviour.get(0, "refused"))
            if kind == "refused":
                stream.send(2 * i + 1, refused_text(port).encode())
            elif kind == "reset":
                stream.send(2 * i + 1, b"read: connection reset by peer")
            elif kind == "greets":
                stream.send(2 * i, b"220 hello\r\n")
        stream.until_closed()

    def _proxy(self, exchange: Exchange, namespace: str, pod: str, port: int) -> None:
        answer = self.http.get((namespace, pod, port))
        if answer is None:
            exchange.status(
                503,
                "ServiceUnavailable",
                f"error trying to reach service: dial tcp 10.0.0.1:{port}: connect: "
                "connection refused",
            )
        else:
            exchange.respond(answer[0], answer[1], "text/html")


def carry_out(document: Any, operation: dict[str, Any]) -> None:
    """One operation of a JSON patch. Raises where it does not fit."""
    steps = [s.replace("~1", "/").replace("~0", "~") for s in operation["path"].split("/")[1:]]
    for step in steps[:-1]:
        document = document[int(step) if isinstance(document, list) else step]
    key: Any = steps[-1]
    if isinstance(document, list):
        key = len(document) if key == "-" else int(key)
    op = operation["op"]
    if op == "test":
        assert document[key] == operation["value"], operation["path"]
    elif op == "remove":
        del document[key]
    elif op == "add" and isinstance(document, list):
        document.insert(key, operation["value"])
    else:
        document[key] = operation["value"]


def refused_text(port: int) -> str:
    """How a kubelet words a refused forward."""
    return (
        f"error forwarding port {port} to pod 0a1b, uid : failed to execute portforward in network "
        f'namespace "/var/run/netns/x": failed to connect to localhost:{port} inside namespace '
        f'"0a1b", IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused'
    )


def send_command(stream: ServerStream, command: Command) -> None:
    """Sends a command's output and ending."""
    for channel, output in ((1, command.stdout), (2, command.stderr)):
        # In pieces as small as those of kubelets.
        for at in range(0, len(output), PIECE):
            stream.send(channel, output[at : at + PIECE])
    stream.send(3, json.dumps(ending(command)).encode())


def ending(command: Command) -> dict[str, Any]:
    """The Status object at the end of an exec."""
    if command.error:
        return {**status_object(500, "InternalError", command.error)}
    if command.exit_code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {command.exit_code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(command.exit_code)}]},
    }


__all__ = ["NO_SHELL", "Command", "FakeApiServer", "ending", "refused_text", "reset"]
