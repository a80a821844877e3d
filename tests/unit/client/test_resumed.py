"""TLS sessions that further connections resume, and those that none does."""

import base64
import ssl
from typing import cast

import pytest

from kubectl_portcheck.client import Api, Deadline
from kubectl_portcheck.client.credentials import Identity
from kubectl_portcheck.client.wire import Wire
from tests.fake.api_server import FakeApiServer
from tests.fake.certificates import client_pair, server_context
from tests.unit.client.conftest import Open

SECONDS = 60.0


def another(api: Api, identity: Identity) -> bool:
    """Open a connection more, and ask over it; say whether it resumed a session."""
    wire: Wire = api._http._dialer.connect(identity, Deadline.after(SECONDS), tunnel=False)
    wire.send_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.read(12) == b"HTTP/1.1 200"
    assert isinstance(wire.endpoint, ssl.SSLSocket)
    resumed = wire.endpoint.session_reused
    wire.end()
    return bool(resumed)


def identity_of(name: str) -> Identity:
    certificate, key = client_pair(name)
    return Identity(certificate=certificate.encode(), key=key.encode())


def asked(api: Api) -> None:
    assert api.get("/version", deadline=Deadline.after(SECONDS))


def test_a_connection_resumes_the_session_of_one_that_was_answered(
    server: FakeApiServer, connect: Open
) -> None:
    jane = identity_of("jane")
    parts = {"client-certificate-data": jane.certificate, "client-key-data": jane.key}
    api = connect(server, {name: base64.b64encode(part).decode() for name, part in parts.items()})
    assert not another(api, jane)
    asked(api)
    assert another(api, jane)
    assert another(api, jane)
    assert {request.common_name for request in server.requests} == {"jane"}


def test_another_identity_begins_a_session_of_its_own(server: FakeApiServer, connect: Open) -> None:
    api = connect(server)
    asked(api)
    assert not another(api, identity_of("jane"))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[ssl.SSLSocket]:
    """The connections whose session was looked for."""
    found: list[ssl.SSLSocket] = []
    session = cast("property", ssl.SSLSocket.session)

    def look(end: ssl.SSLSocket) -> object:
        found.append(end)
        return session.__get__(end)

    monkeypatch.setattr(ssl.SSLSocket, "session", property(look, session.__set__))
    return found


def test_a_server_that_resumes_none_is_asked_as_well(
    connect: Open, looks: list[ssl.SSLSocket]
) -> None:
    context = server_context()
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    with FakeApiServer(tls=context) as server:
        api = connect(server)
        asked(api)
        assert not another(api, Identity())
        asked(api)
    assert len(looks) == 1


def test_a_session_is_looked_for_once(
    server: FakeApiServer, connect: Open, looks: list[ssl.SSLSocket]
) -> None:
    """Each look takes memory that Python does not give back."""
    api = connect(server)
    for _ in range(10):
        asked(api)
    assert another(api, Identity())
    assert len(looks) == 1


def test_a_server_that_has_forgotten_the_session_is_asked_as_well(connect: Open) -> None:
    """As after its restart, or where another server answers at the same address."""
    with FakeApiServer() as server:
        api = connect(server)
        asked(api)
        server._context = server_context()
        assert not another(api, Identity())
        while api._http._idle:
            api._http._idle.pop().end()  # It is of the server as it was.
        asked(api)
        assert another(api, Identity())
