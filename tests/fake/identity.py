"""A scripted identity provider: an OpenID Connect issuer over TLS.

It has what a refresh needs, a discovery document and a token endpoint. Every refresh token counts
once: the next one comes with the answer, as from providers that rotate them.
"""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.fake.certificates import authority_pem, server_context


def id_token(moment: float) -> str:
    """An ID token that ends at a moment; its signature is not checked."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": moment}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2lnbmF0dXJl"


class Answer(BaseHTTPRequestHandler):
    """One request to the provider."""

    server: "_Server"

    def do_GET(self) -> None:
        """The discovery document."""
        self.server.provider.discover(self)

    def do_POST(self) -> None:
        """The token endpoint."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.provider.refresh(self, {k: v[0] for k, v in parse_qs(body.decode()).items()})

    def respond(self, status: int, value: Any) -> None:
        """Sends a JSON answer."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: "FakeIdentityProvider"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


class FakeIdentityProvider:
    """The provider; a context manager."""

    def __init__(self) -> None:
        self.refresh_token = "refresh-1"
        """The one that will be taken next."""
        self.answer: Callable[[Answer, dict[str, str]], None] | None = None
        """Answers at the token endpoint instead."""
        self.discovery: dict[str, Any] | None = None
        """What the discovery document holds, if not the address of the token endpoint."""
        self.discoveries: list[str] = []
        """The paths that were asked for."""
        self.refreshes: list[tuple[dict[str, str], str]] = []
        """The forms that came in, each with its header Authorization."""
        self.issued = ""
        """The last ID token."""
        self.hold = threading.Event()
        """The token endpoint answers once this is set."""
        self.hold.set()
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), Answer)
        self._server.provider = self
        self._server.socket = server_context().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> "FakeIdentityProvider":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The issuer's address."""
        return f"https://127.0.0.1:{self._server.server_port}"

    def user(self, **config: str | None) -> dict[str, Any]:
        """A user entry of this provider whose token has ended; None leaves a field out."""
        fields = {
            "client-id": "portcheck",
            "client-secret": "s3cret",
            "id-token": id_token(time.time() - 60),
            "idp-certificate-authority-data": base64.b64encode(authority_pem().encode()).decode(),
            "idp-issuer-url": self.url,
            "refresh-token": self.refresh_token,
            **config,
        }
        given = {key: value for key, value in fields.items() if value is not None}
        return {"auth-provider": {"name": "oidc", "config": given}}

    def stop(self) -> None:
        """Ends the provider."""
        self.stopping.set()
        self.hold.set()
        with contextlib.suppress(OSError):
            self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def discover(self, answer: Answer) -> None:
        """Answers a request for the discovery document."""
        self.discoveries.append(answer.path)
        if answer.path != "/.well-known/openid-configuration":
            answer.respond(404, {"error": "not_found"})
            return
        said = {"issuer": self.url, "token_endpoint": f"{self.url}/token"}
        answer.respond(200, said if self.discovery is None else self.discovery)

    def refresh(self, answer: Answer, form: dict[str, str]) -> None:
        """Answers a request for new tokens."""
        self.refreshes.append((form, answer.headers.get("Authorization", "")))
        self.hold.wait(30)
        if self.stopping.is_set():
            return
        if self.answer is not None:
            self.answer(answer, form)
            return
        if form.get("refresh_token") != self.refresh_token:
            words = f"the refresh token {form.get('refresh_token')} is not known"
            answer.respond(400, {"error": "invalid_grant", "error_description": words})
            return
        self.refresh_token = f"refresh-{int(self.refresh_token.rpartition('-')[2]) + 1}"
        self.issued = id_token(time.time() + 3600)
        answer.respond(
            200,
            {
                "access_token": "access",
                "token_type": "Bearer",
                "expires_in": 3600,
                "id_token": self.issued,
                "refresh_token": self.refresh_token,
            },
        )
