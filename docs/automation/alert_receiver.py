"""Answers an alert with a diagnosis: a webhook receiver for Prometheus' Alertmanager.

Each firing alert that has the labels ``namespace`` and ``service`` (the names of the labels can be
set) starts one run of kubectl-portcheck; its Markdown report goes to a chat's incoming webhook, or
to the standard output. It needs only Python's standard library.

    PORTCHECK_TOKEN=... PORTCHECK_POST_URL=https://chat.example/hook python3 alert_receiver.py

Labels come from every program that can write a metric. They are used only where they are names that
Kubernetes allows, as arguments of their own that no shell sees; the rest of the alert is not used.
What the program prints may quote anyone's words: mentions and links in it are made plain text.

Every check starts a walk, so the receiver does not start without a token, unless
``--allow-anonymous`` says that everyone who reaches its port may start one.
"""

import hmac
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Full, Queue
from threading import BoundedSemaphore, Lock, Thread
from time import monotonic
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""What a namespace and a Service may be called: an RFC 1123 label."""
MOST_BYTES = 1024 * 1024
MOST_TEXT = 12_000
"""Characters of a message; chats refuse, or cut, what is much longer."""
RUN_SECONDS = 60
REQUEST_SECONDS = 10.0
"""How long a request may take from its first byte to its last."""
MOST_REQUESTS = 16
"""How many requests are read at the same time; a connection more is closed."""
OWN = ("PORTCHECK_TOKEN", "PORTCHECK_POST_URL")
"""Variables that the checks do not see."""
ANONYMOUS = "--allow-anonymous"
HEADINGS = {
    0: "all clients are served",
    1: "clients get errors",
    2: "there is no such Service",
    3: "the verdict is not known",
    4: "the API server was not reached",
    5: "the report could not be written",
}


class Settings(NamedTuple):
    """What the environment says."""

    port: int
    token: str
    """What Alertmanager must send as a bearer token; '' lets everyone in."""
    post_url: str
    program: str
    namespace_label: str
    service_label: str
    workers: int
    waiting: int

    @classmethod
    def read(cls, environ: "os._Environ[str] | dict[str, str]") -> "Settings":
        """The settings, with their defaults."""
        return cls(
            port=int(environ.get("PORTCHECK_PORT", "9095")),
            token=environ.get("PORTCHECK_TOKEN", ""),
            post_url=environ.get("PORTCHECK_POST_URL", ""),
            program=environ.get("PORTCHECK_PROGRAM", "kubectl-portcheck"),
            namespace_label=environ.get("PORTCHECK_NAMESPACE_LABEL", "namespace"),
            service_label=environ.get("PORTCHECK_SERVICE_LABEL", "service"),
            workers=int(environ.get("PORTCHECK_WORKERS", "2")),
            waiting=int(environ.get("PORTCHECK_WAITING", "20")),
        )


def wrong(settings: Settings, *, anonymous: bool) -> str:
    """Why the receiver does not start; '' where it does."""
    if not settings.token and not anonymous:
        return f"set PORTCHECK_TOKEN, or allow everyone to start checks with {ANONYMOUS}"
    if settings.post_url and not settings.post_url.startswith(("https://", "http://")):
        return "PORTCHECK_POST_URL must begin with https:// or http://"
    return ""


class Target(NamedTuple):
    """A Service that an alert is about."""

    namespace: str
    service: str


class Busy(Exception):
    """As much waits as may wait."""


class Checks:
    """Runs the checks: a few at a time, each Service once, no more waiting than allowed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: Queue[Target] = Queue(settings.waiting)
        self._known: set[Target] = set()
        self._lock = Lock()
        for _ in range(settings.workers):
            Thread(target=self._work, daemon=True).start()

    def add(self, targets: Iterable[Target]) -> int:
        """How many were added: those that wait or run already are not. Raises Busy."""
        added = 0
        for target in targets:
            with self._lock:
                if target in self._known:
                    continue
                try:
                    self._queue.put_nowait(target)
                except Full:
                    raise Busy from None
                self._known.add(target)
                added += 1
        return added

    def _work(self) -> None:
        while True:
            target = self._queue.get()
            try:
                deliver(check(target, self._settings.program), self._settings.post_url)
            except Exception as error:  # The next alert must find its worker.
                # Its text may quote the chat's address, which lets anyone post.
                why = f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__
                line = f"{target.namespace}/{target.service}: no report delivered: {why}"
                print(line, file=sys.stderr, flush=True)
            finally:
                with self._lock:
                    self._known.discard(target)


def targets_of(body: Any, settings: Settings) -> list[Target]:
    """The Services that firing alerts name, each once; what is no name is left out."""
    alerts = body.get("alerts") if isinstance(body, dict) else None
    found = []
    for alert in alerts if isinstance(alerts, list) else ():
        if not isinstance(alert, dict) or alert.get("status") != "firing":
            continue
        labels = alert.get("labels")
        labels = labels if isinstance(labels, dict) else {}
        namespace = _name(labels.get(settings.namespace_label))
        service = _name(labels.get(settings.service_label))
        if namespace and service:
            found.append(Target(namespace, service))
    return list(dict.fromkeys(found))


def _name(value: Any) -> str:
    """The value, where it is a name that Kubernetes allows; else ''."""
    return value if isinstance(value, str) and LABEL.fullmatch(value) else ""


def check(target: Target, program: str) -> str:
    """The report on a Service, for a chat."""
    argv = [
        program,
        f"svc/{target.service}",
        f"--namespace={target.namespace}",
        "--output=markdown",
        f"--timeout={RUN_SECONDS}s",
    ]
    title = f"{target.namespace}/{target.service}"
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={name: value for name, value in os.environ.items() if name not in OWN},
            encoding="utf-8",
            errors="replace",
            timeout=RUN_SECONDS + 15,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{title}: no answer after {RUN_SECONDS + 15} seconds\n"
    heading = HEADINGS.get(done.returncode, f"exit code {done.returncode}")
    return f"{title}: {heading}\n\n{harmless(done.stdout or done.stderr)}"


def harmless(text: str) -> str:
    """The text without what a chat draws as a mention, a link or a picture, or a terminal obeys.

    A blank of no width breaks them in every chat alike; chats differ in the escapes that they know.
    """
    gap = "\N{ZERO WIDTH SPACE}"
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    for special in ("@", "](", "://", "www."):
        kept = kept.replace(special, f"{special[0]}{gap}{special[1:]}")
    return kept.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")


def deliver(text: str, post_url: str) -> None:
    """Sends a message, or prints it where there is nowhere to send it."""
    if len(text) > MOST_TEXT:
        text = f"{text[:MOST_TEXT]}\n\n(cut: {len(text)} characters)\n"
    if not post_url:
        print(text, flush=True)
        return
    body = json.dumps({"text": text}).encode()
    request = Request(post_url, body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        answer.read(1024)


class Slow(io.RawIOBase):
    """What a client sends, unless all of it takes longer than its time."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._end = monotonic() + REQUEST_SECONDS

    def readable(self) -> bool:
        """Say that it is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there. Raises TimeoutError."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class Server(ThreadingHTTPServer):
    """A server that reads so many requests at a time and no more."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *args: Any) -> None:
        self._slots = BoundedSemaphore(MOST_REQUESTS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for the request, or close its connection."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer the request in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what went wrong is the client's."""


def server(settings: Settings) -> Server:
    """The receiver, not yet serving."""
    checks = Checks(settings)

    class Handler(BaseHTTPRequestHandler):
        """``POST`` takes alerts, ``GET /healthz`` says that the receiver lives."""

        def setup(self) -> None:
            super().setup()
            self.rfile = io.BufferedReader(Slow(self.connection))

        def do_GET(self) -> None:
            self._answer(HTTPStatus.OK if self.path == "/healthz" else HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            given = self.headers.get("Authorization", "")
            expected = f"Bearer {settings.token}"
            if settings.token and not hmac.compare_digest(given.encode(), expected.encode()):
                return self._answer(HTTPStatus.UNAUTHORIZED)
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal():
                return self._answer(HTTPStatus.LENGTH_REQUIRED)
            if len(length) > 9 or int(length) > MOST_BYTES:
                return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            try:
                body = json.loads(self.rfile.read(int(length)))
            except (ValueError, RecursionError, MemoryError):
                return self._answer(HTTPStatus.BAD_REQUEST)
            try:
                added = checks.add(targets_of(body, settings))
            except Busy:  # Alertmanager tries again after 5xx.
                return self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
            return self._answer(HTTPStatus.ACCEPTED, f"{added} checks\n")

        def _answer(self, status: HTTPStatus, text: str = "") -> None:
            self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, form: str, *args: Any) -> None:
            """Requests are not logged: their text may come from any client."""

    return Server(("", settings.port), Handler)


def main(words: Sequence[str], environ: "os._Environ[str] | dict[str, str]") -> int:
    """Serve until interrupted; 2 where the settings forbid it."""
    try:
        settings = Settings.read(environ)
    except ValueError:
        print("error: the ports and counts of the settings must be numbers", file=sys.stderr)
        return 2
    why = wrong(settings, anonymous=ANONYMOUS in words)
    if others := [word for word in words if word != ANONYMOUS]:
        why = f"unknown argument {others[0]!r}"
    if why:
        print(f"error: {why}", file=sys.stderr)
        return 2
    with server(settings) as serving:
        serving.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
