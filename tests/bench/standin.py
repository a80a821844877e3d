"""A stand-in for an API server with a large cluster behind it: pages that were encoded beforehand.

    python -m tests.bench.standin SERVICES PODS_EACH PORT_FILE [NAMESPACES [MILLISECONDS]]

It writes its port to the file, serves until it is killed, and answers ``/stats`` with how many
requests it has had and how many bytes it has sent. Commands and port-forwards are answered as by
pods that listen on 8080. Every hundredth Service selects nothing; of another hundredth the pods
have no readiness probe; all others are settled by theirs. Each command and port-forward is answered
after so many milliseconds.
"""

import asyncio
import base64
import gzip
import hashlib
import json
import re
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.bench.discovery import discovered, list_head
from tests.fake.api_server import refused_text
from tests.walk.shop import sockets

PAGE = 500
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: "
)
REQUEST = re.compile(rb"[A-Z]+ ([^ ?]*)\??([^ ]*) .*?\r\n\r\n", re.DOTALL)
KEY = re.compile(rb"(?i)\r\nsec-websocket-key: *(\S+)")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
WATCHED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PORTS = re.compile(r"ports=(\d+)")
PORT = 8080
SLICE = 100
"""Endpoints of one EndpointSlice, as the controller writes them."""

Document = dict[str, Any]


def service(number: int, namespace: str) -> Document:
    """A Service; every hundredth selects nothing."""
    name = f"service-{number:05}"
    return {
        "metadata": _metadata(name, namespace, {"app": name}),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            "ipFamilies": ["IPv4"],
            "selector": {"app": f"{name}-typo" if number % 100 == 1 else name},
            "ports": [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def endpoint_slices(number: int, namespace: str, pods: int) -> list[Document]:
    """Its EndpointSlices."""
    name = f"service-{number:05}"
    everyone = [] if number % 100 == 1 else list(range(pods))
    groups = [everyone[i : i + SLICE] for i in range(0, len(everyone), SLICE)] or [[]]
    return [
        {
            "metadata": _metadata(f"{name}-{i}", namespace, {"kubernetes.io/service-name": name}),
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [_address(number, p)],
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "nodeName": f"node-{p % 50}",
                    "targetRef": {"kind": "Pod", "namespace": namespace, "name": f"{name}-{p}"},
                }
                for p in group
            ],
        }
        for i, group in enumerate(groups)
    ]


def endpoints(number: int, namespace: str, pods: int) -> Document:
    """The same in the older form, which other programs read."""
    name = f"service-{number:05}"
    found: Document = {"metadata": _metadata(name, namespace, {"app": name})}
    addresses = [
        {"ip": e["addresses"][0], "nodeName": e["nodeName"], "targetRef": e["targetRef"]}
        for piece in endpoint_slices(number, namespace, pods)
        for e in piece["endpoints"]
    ]
    if addresses:
        ports = [{"name": "http", "port": PORT, "protocol": "TCP"}]
        found["subsets"] = [{"addresses": addresses, "ports": ports}]
    return found


def pod(number: int, place: int, namespace: str) -> Document:
    """One of its pods, as large as pods are: with an environment, mounts and managed fields."""
    name = f"service-{number:05}"
    container: Document = {
        "name": "app",
        "image": f"registry.example/{name}:1.2.3",
        "args": ["--port=8080", "--config=/etc/app/config.yaml"],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{i}", "value": "x" * 40} for i in range(15)],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m"}},
        "volumeMounts": [{"name": f"volume-{i}", "mountPath": f"/mnt/{i}"} for i in range(4)],
    }
    if number % 100 != 2:
        container["readinessProbe"] = {
            "httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"},
            "periodSeconds": 10,
            "failureThreshold": 3,
        }
    metadata = _metadata(f"{name}-{place}", namespace, {"app": name, "version": "1.2.3"})
    metadata["ownerReferences"] = [
        {"kind": "ReplicaSet", "name": f"{name}-7c", "uid": f"r-{number}", "controller": True}
    ]
    metadata["managedFields"] = [
        {
            "manager": manager,
            "operation": "Update",
            "fieldsV1": {f"f:field-{i}": {f"f:inner-{j}": {} for j in range(6)} for i in range(15)},
        }
        for manager in ("kube-controller-manager", "kubelet")
    ]
    address = _address(number, place)
    since = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": f"node-{place % 50}",
            "containers": [container],
            "volumes": [{"name": f"volume-{i}", "emptyDir": {}} for i in range(4)],
            "tolerations": [{"key": f"taint-{i}", "operator": "Exists"} for i in range(3)],
        },
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": since}
                for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [
                {
                    "name": "app",
                    "ready": True,
                    "restartCount": 0,
                    "image": container["image"],
                    "imageID": "sha256:" + "0" * 64,
                    "containerID": "containerd://" + "0" * 64,
                    "state": {"running": {"startedAt": since}},
                }
            ],
        },
    }


def _metadata(name: str, namespace: str, labels: dict[str, str]) -> Document:
    return {
        "name": name,
        "namespace": namespace,
        "uid": hashlib.sha1(f"{namespace}/{name}".encode()).hexdigest(),
        "resourceVersion": "12345678",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
    }


def _address(number: int, place: int) -> str:
    at = number * 1000 + place
    return f"10.{128 + (at >> 16 & 127)}.{at >> 8 & 255}.{at & 255}"


class Page:
    """A page of a list, packed."""

    def __init__(self, plural: str, items: list[str], rest: int, following: str) -> None:
        metadata: Document = {"resourceVersion": "1"}
        if following:
            metadata |= {"continue": following, "remainingItemCount": rest}
        text = f"{list_head(plural, metadata)}{','.join(items)}]}}".encode()
        self.size = len(text)
        self.packed = gzip.compress(text, 1)
        self.head = len(list_head(plural, metadata))

    def items(self) -> str:
        """Its objects, with commas between them."""
        return gzip.decompress(self.packed).decode()[self.head : -2]


def _packed(document: Document) -> str:
    return json.dumps(document, separators=(",", ":"))


def pages(plural: str, documents: list[Document]) -> list[Page]:
    """All pages of a list."""
    items = [_packed(d) for d in documents]
    starts = range(0, len(items), PAGE) or range(1)
    last = len(starts) - 1
    return [
        Page(plural, items[at : at + PAGE], len(items) - at - PAGE, str(i + 1) if i < last else "")
        for i, at in enumerate(starts)
    ]


def _part(found: Document, query: dict[str, list[str]]) -> Document:
    """A list as far as it was asked for: no page is larger than its limit."""
    limit, start = (int(query.get(name, ["0"])[0]) for name in ("limit", "continue"))
    items = found.get("items", [])
    left = len(items) - start - limit
    if not limit or left <= 0:
        return {**found, "items": items[start:]} if start else found
    metadata = {"continue": str(start + limit), "remainingItemCount": left}
    return {**found, "metadata": metadata, "items": items[start : start + limit]}


class Cluster:
    """The lists, by the last part of their path, and single Services' objects."""

    def __init__(
        self, services: int, pods_each: int, namespaces: int, latency: float = 0.0
    ) -> None:
        self.latency = latency
        """Seconds before a command or a port-forward is answered."""
        self.requests = 0
        self.streams = 0
        self.open = Count()
        """Streams that are open."""
        self.working = Count()
        """Those of them that have not been answered yet."""
        self.sent = 0
        self.unpacked = 0
        per_namespace = -(-services // namespaces)
        spaces = [f"team-{n // per_namespace:03}" for n in range(services)]
        self.lists: dict[str, list[Page]] = {
            "services": pages("services", [service(n, s) for n, s in enumerate(spaces)]),
            "endpointslices": pages(
                "endpointslices",
                [e for n, s in enumerate(spaces) for e in endpoint_slices(n, s, pods_each)],
            ),
        }
        self.whole: dict[str, Page] = {}
        """Those lists that were asked for in one answer."""
        self.lists["pods"] = self._pods(spaces, pods_each)
        self.spaces = spaces
        self.pods_each = pods_each

    def _pods(self, spaces: list[str], pods_each: int) -> list[Page]:
        """Page by page, so that the stand-in does not hold all pods at once."""
        total = len(spaces) * pods_each
        made: list[Page] = []
        waiting: list[str] = []
        done = 0
        # A hundred thousand pods are written from two, in which the names are replaced.
        models = {n: _packed(pod(n, 0, "team-000")) for n in (2, 3)}
        for number, space in enumerate(spaces):
            model = 2 if number % 100 == 2 else 3
            text = models[model].replace(f"service-{model:05}", f"service-{number:05}")
            text = text.replace("team-000", space)
            own = f"service-{number:05}-0"
            for p in range(pods_each):
                one = text.replace(_address(model, 0), _address(number, p))
                waiting.append(one.replace(own, f"service-{number:05}-{p}"))
            while len(waiting) >= PAGE or (waiting and number == len(spaces) - 1):
                part, waiting = waiting[:PAGE], waiting[PAGE:]
                done += len(part)
                made.append(
                    Page("pods", part, total - done, str(len(made) + 1) if done < total else "")
                )
        return made

    def answer(self, path: str, query: dict[str, list[str]]) -> Page | Document:
        """A page, or a document."""
        selector = query.get("labelSelector", [""])[0]
        found = re.search(r"service-(\d{5})(-typo)?", selector or path)
        kind = path.rsplit("/", 1)[-1]
        if path == "/stats":
            return {
                "requests": self.requests,
                "streams": self.streams,
                "most_streams": self.open.most,
                "most_working": self.working.most,
                "sent": self.sent,
                "unpacked": self.unpacked,
            }
        if found and (selector or kind.startswith("service-")):
            return _part(self._one(kind, int(found[1]), typo=bool(found[2])), query)
        if kind == "endpoints" and kind not in self.lists:
            each = enumerate(self.spaces)
            self.lists[kind] = pages(kind, [endpoints(n, s, self.pods_each) for n, s in each])
        if kind in self.lists:
            if "limit" not in query or query.get("resourceVersion") == ["0"]:
                return self._whole(kind)
            return self.lists[kind][int(query.get("continue", ["0"])[0])]
        return discovered(path) or json.loads(list_head(kind, {"resourceVersion": "1"}) + "]}")

    def _whole(self, kind: str) -> Page:
        """A list in one answer, as an API server gives it out of its cache."""
        if kind not in self.whole:
            items = [page.items() for page in self.lists[kind]]
            self.whole[kind] = Page(kind, [i for i in items if i], 0, "")
        return self.whole[kind]

    def _one(self, kind: str, number: int, *, typo: bool) -> Document:
        space = self.spaces[number]
        if kind == "pods" and not typo:
            items = [pod(number, p, space) for p in range(self.pods_each)]
        elif kind == "endpointslices":
            items = endpoint_slices(number, space, self.pods_each)
        elif kind.startswith("service-"):
            return service(number, space)
        else:
            items = []
        return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}

    def head_of(self, found: Page | Document) -> tuple[bytes, bytes]:
        """The head and the body of an answer."""
        encoding = ""
        if isinstance(found, Page):
            body, encoding = found.packed, "Content-Encoding: gzip\r\n"
            self.unpacked += found.size
        else:
            body = json.dumps(found).encode()
            self.unpacked += len(body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{encoding}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode(), body


class Connection(asyncio.Protocol):
    """One connection, to its end. It is as cheap as can be: client and stand-in share a machine."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.received = b""
        self.streams = self.works = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the requests that are there."""
        if self.streams:
            return  # The client's close.
        self.received += data
        while not self.streams and (whole := REQUEST.match(self.received)):
            body = LENGTH.search(whole[0])
            size = whole.end() + (int(body[1]) if body else 0)
            if len(self.received) < size:
                return
            self.received = self.received[size:]
            self._answer(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        self._worked()
        self.cluster.open.leave(self.streams)

    def _answer(self, request: re.Match[bytes]) -> None:
        cluster = self.cluster
        cluster.requests += 1
        path, query = request[1].decode("latin-1"), request[2].decode("latin-1")
        if key := KEY.search(request[0]):
            self.streams = self.works = True
            cluster.streams += 1
            cluster.open.enter()
            cluster.working.enter()
            answer = _upgraded(key[1]) + _frames(
                path.endswith("/exec"), tuple(PORTS.findall(query))
            )
            asyncio.get_running_loop().call_later(cluster.latency, self._stream, answer)
            return
        if "watch=" in query:
            self.transport.write(WATCHED)  # Nothing changes.
            return
        for piece in cluster.head_of(cluster.answer(path, parse_qs(query))):
            cluster.sent += len(piece)
            self.transport.write(piece)

    def _stream(self, answer: bytes) -> None:
        self.cluster.sent += len(answer)
        self.transport.write(answer)
        self._worked()

    def _worked(self) -> None:
        self.cluster.working.leave(self.works)
        self.works = False


class Count:
    """How many there are, and how many there were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def enter(self) -> None:
        """One more."""
        self.now += 1
        self.most = max(self.most, self.now)

    def leave(self, was_there: bool) -> None:
        """One less, if it was there."""
        self.now -= was_there


def _upgraded(key: bytes) -> bytes:
    return UPGRADED + base64.b64encode(hashlib.sha1(key + WEBSOCKET).digest()) + b"\r\n"


@cache
def _frames(execs: bool, ports: tuple[str, ...]) -> bytes:
    """The rest of the head, and what a pod that listens on 8080 answers."""
    head = f"Sec-WebSocket-Protocol: {'v5' if execs else 'v4'}.channel.k8s.io\r\n\r\n".encode()
    if execs:
        status = json.dumps({"metadata": {}, "status": "Success"}).encode()
        return head + _frame(1, sockets(PORT)) + _frame(3, status)
    for i, port in enumerate(ports):
        number = int(port).to_bytes(2, "little")
        head += _frame(2 * i, number) + _frame(2 * i + 1, number)
    for i, port in enumerate(ports):
        if int(port) != PORT:
            head += _frame(2 * i + 1, refused_text(int(port)).encode())
    return head


def _frame(channel: int, content: bytes) -> bytes:
    """A binary WebSocket frame. (RFC 6455)"""
    size = len(content) + 1
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    return b"\x82" + length + bytes([channel]) + content


async def run(cluster: Cluster, port_file: Path) -> None:
    """Serves until the process is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Connection, cluster), "127.0.0.1", 0, backlog=512)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    many, each, place, *spaces = sys.argv[1:]
    divided = int(spaces[0]) if spaces else max(1, int(many) // 20)
    made = Cluster(int(many), int(each), divided, int(spaces[1]) / 1000 if spaces[1:] else 0.0)
    asyncio.run(run(made, Path(place)))
