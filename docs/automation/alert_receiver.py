"""Answers an alert with a diagnosis: a webhook receiver for Prometheus' Alertmanager.

Each firing alert that has the labels ``namespace`` and ``service`` (the names of the labels can be
set) starts one run of kubectl-portcheck; its Markdown report goes to a chat's incoming webhook, or
to the standard output. Python's standard library alone is needed.

    PORTCHECK_TOKEN=... PORTCHECK_POST_URL=https://chat.example/hook python3 alert_receiver.py

Labels come from whoever can write a metric. They are used only where they are names that
Kubernetes allows, as arguments of their own that no shell sees; the rest of the alert is not used.
"""

import hmac
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Full, Queue
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""What a namespace and a Service may be called: an RFC 1123 label."""
MOST_BYTES = 1024 * 1024
MOST_TEXT = 12_000
"""Characters of a message; chats refuse, or cut, what is much longer."""
RUN_SECONDS = 60
HEADINGS = {
    0: "all clients are served",
    1: "clients get errors",
    2: "there is no such Service",
    3: "it could not be told",
    4: "the API server was not reached",
    5: "the report could not be written",
}


class Settings(NamedTuple):
    """What the environment says."""

    port: int
    token: str
    """What Alertmanager must send as a bearer token; '' lets everybody in."""
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
                print(f"{target.namespace}/{target.service}: {error}", file=sys.stderr, flush=True)
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
            encoding="utf-8",
            errors="replace",
            timeout=RUN_SECONDS + 15,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{title}: no answer after {RUN_SECONDS + 15} seconds\n"
    heading = HEADINGS.get(done.returncode, f"exit code {done.returncode}")
    return f"{title}: {heading}\n\n{done.stdout or done.stderr}"


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


def server(settings: Settings) -> ThreadingHTTPServer:
    """The receiver, not yet serving."""
    checks = Checks(settings)

    class Handler(BaseHTTPRequestHandler):
        """``POST`` takes alerts, ``GET /healthz`` says that the receiver lives."""

        timeout = 10  # Seconds for the whole of a slow client's request line and each read.

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
            except (ValueError, RecursionError):
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
            """Requests are not logged: their text is anybody's."""

    return ThreadingHTTPServer(("", settings.port), Handler)


if __name__ == "__main__":
    with server(Settings.read(os.environ)) as serving:
        serving.serve_forever()
