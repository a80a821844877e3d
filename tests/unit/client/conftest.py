"""What the tests of the connection share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.client import (
    Api,
    Connection,
    ConnectionFlags,
    load_connection,
)
from tests.fake.api_server import FakeApiServer

Open = Callable[..., Api]


@pytest.fixture
def server() -> Iterator[FakeApiServer]:
    """A fake API server over TLS."""
    with FakeApiServer() as fake:
        yield fake


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Open]:
    """Opens an Api on a kubeconfig, by default that of a server; all are closed in the end."""
    opened: list[Api] = []

    def open_api(
        server: FakeApiServer,
        /,
        user: dict[str, Any] | None = None,
        flags: ConnectionFlags | None = None,
        environ: dict[str, str] | None = None,
        log: Callable[[int, str], None] | None = None,
        **cluster: Any,
    ) -> Api:
        path = tmp_path / f"kubeconfig-{len(opened)}"
        path.write_text(json.dumps(server.kubeconfig(user, **cluster)))
        flags = (flags or ConnectionFlags())._replace(kubeconfig=str(path))
        connection: Connection = load_connection(flags, environ or {"PATH": "/usr/bin:/bin"})
        api = Api(connection, log)
        opened.append(api)
        return api

    yield open_api
    for api in opened:
        api.close()
