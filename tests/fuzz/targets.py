"""What is fed with any bytes: each returns, whatever they are, or there is a defect."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import BadAnswer, ConfigurationError
from kubectl_portcheck.client.exec import read_exec
from kubectl_portcheck.client.http import _read_response
from kubectl_portcheck.client.kubeconfig import load_kubeconfig
from kubectl_portcheck.client.port_forward import read_answers
from kubectl_portcheck.client.turns import Turns
from kubectl_portcheck.client.websocket import WebSocket
from kubectl_portcheck.client.wire import Disconnected, Wire
from kubectl_portcheck.collect.decode import ListOf, page, service, workload
from kubectl_portcheck.collect.manifests.files import File
from kubectl_portcheck.collect.manifests.objects import collected
from kubectl_portcheck.collect.sockets.failures import Unreadable, classify_exec_failure
from kubectl_portcheck.collect.sockets.netstat import parse_netstat
from kubectl_portcheck.collect.sockets.script import parse_script_output
from kubectl_portcheck.model.objects import EndpointSlice, Event, Pod, Service, Workload
from kubectl_portcheck.model.references import Ingress, Monitor, NetworkPolicy, Route

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

LISTS: tuple[type[ListOf[Any]], ...] = (
    *(ListOf[Pod], ListOf[Service], ListOf[EndpointSlice], ListOf[Workload], ListOf[Event]),
    *(ListOf[Ingress], ListOf[Route], ListOf[NetworkPolicy], ListOf[Monitor]),
)
_LATER = Deadline.after(3600)


class Sent:
    """A socket whose peer sent these bytes and closed."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def recv_into(self, buffer: "WriteableBuffer", /) -> int:
        """Reads what is left."""
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def send(self, data: "ReadableBuffer", /) -> int:
        """Takes everything."""
        return memoryview(data).nbytes

    def settimeout(self, value: float | None, /) -> None:
        """Has nothing to wait for."""

    def close(self) -> None:
        """Has nothing to close."""

    def end(self, wire: Wire, /) -> None:
        """Ends a stream."""


def _wire(sent: Sent) -> Wire:
    return Wire(_NOWHERE, sent, _LATER)


_NOWHERE = socket.socket()
_NOWHERE.close()


def decode(data: bytes) -> None:
    """Answers of the API server."""
    for type_ in LISTS:
        with contextlib.suppress(ValueError):
            page(data, type_)
    for read in (service, lambda raw: workload(raw, "Deployment")):
        with contextlib.suppress(ValueError):
            read(data)


def kubeconfig(data: bytes) -> None:
    """Kubeconfig files."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(ConfigurationError):
            load_kubeconfig(file.name, {})


def yaml(data: bytes) -> None:
    """Manifests."""
    collected([File("x.yaml", None, data.decode("utf-8", "replace"))])


def sockets(data: bytes) -> None:
    """What containers print."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(Unreadable):
        parse_script_output(data)
    parse_netstat(text)
    classify_exec_failure(text, text, text, None)


def websocket(data: bytes) -> None:
    """Streams."""
    sent = Sent(data)
    read_exec(WebSocket(sent, _wire(sent), "v4.channel.k8s.io"), 1000, Turns())
    sent = Sent(data)
    stream = WebSocket(sent, _wire(sent), "v4.channel.k8s.io")
    read_answers(stream, [80, 81, 1], _LATER, 0.01)


def wire(data: bytes) -> None:
    """Answers over HTTP."""
    with contextlib.suppress(BadAnswer, Disconnected):
        _read_response(_wire(Sent(data)), 10_000, Turns())


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decode": decode,
    "kubeconfig": kubeconfig,
    "yaml": yaml,
    "sockets": sockets,
    "websocket": websocket,
    "wire": wire,
}

SEEDS: dict[str, tuple[bytes, ...]] = {
    "decode": (
        b'{"items":[{"metadata":{"name":"a","labels":{"a":"b"}},"spec":{"ports":[{"port":80}]}}]}',
        b'{"metadata":{"name":"a","managedFields":[{"fieldsV1":{"f:spec":{}}}]},"spec":null}',
        b'{"items":[{"metadata":{}},null,5,[[[[]]]]],"metadata":{"continue":"x"}}',
    ),
    "kubeconfig": (
        b"clusters: [{name: a, cluster: {server: 'https://a'}}]\ncurrent-context: a\n",
        b"users: &a [{name: a, user: {exec: {command: a, args: [b], env: [{name: a}]}}}]\nx: *a\n",
        b'{"users": [{"name": "a", "user": {"token": "a", "as-user-extra": {"a": ["b"]}}}]}',
    ),
    "yaml": (
        b"kind: Service\nmetadata: {name: a}\nspec:\n  ports: &a\n  - port: 0x50\n---\nkind: Pod\n",
        b"kind: List\nitems: &a\n- {kind: Service, metadata: {<<: {name: a}}}\n- *a\n",
    ),
    "sockets": (
        b"portcheck 1\ntable tcp\n   0: 00000000:1F90 00000000:0000 0A 00000000:00000000"
        b" 00:00000000 00000000     0        0 1000 1 0 100 0 0 10 0\nss\nprocs\n"
        b"p 1 + 0\t0\t0\t0 a\nend\n",
        b"tcp        0      0 0.0.0.0:80          0.0.0.0:*           LISTEN      1/nginx\n",
    ),
    "websocket": (
        b"\x82\x03\x00P\x00\x82\x03\x01P\x00",
        b'\x02\x02\x01a\x80\x01b\x89\x00\x82\x16\x03{"status":"Success"}\x88\x02\x03\xe8',
    ),
    "wire": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 100 A\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\nbody\r\n0\r\n\r\n",
    ),
}
