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
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fake.api_server import refused_text
from tests.walk.shop import sockets

PAGE = 500
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
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

    def __init__(self, items: list[str], rest: int, following: str) -> None:
        metadata: Document = {"resourceVersion": "1"}
        if following:
            metadata |= {"continue": following, "remainingItemCount": rest}
        head = f'{{"kind":"List","apiVersion":"v1","metadata":{_packed(metadata)},"items":['
        text = f"{head}{','.join(items)}]}}".encode()
        self.size = len(text)
        self.packed = gzip.compress(text, 1)


def _packed(document: Document) -> str:
    return json.dumps(document, separators=(",", ":"))


def pages(documents: list[Document]) -> list[Page]:
    """All pages of a list."""
    items = [_packed(d) for d in documents]
    starts = range(0, len(items), PAGE) or range(1)
    last = len(starts) - 1
    return [
        Page(items[at : at + PAGE], len(items) - at - PAGE, str(i + 1) if i < last else "")
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
        self.sent = 0
        self.unpacked = 0
        per_namespace = -(-services // namespaces)
        spaces = [f"team-{n // per_namespace:03}" for n in range(services)]
        self.lists: dict[str, list[Page]] = {
            "services": pages([service(n, s) for n, s in enumerate(spaces)]),
            "endpointslices": pages(
                [e for n, s in enumerate(spaces) for e in endpoint_slices(n, s, pods_each)]
            ),
        }
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
                made.append(Page(part, total - done, str(len(made) + 1) if done < total else ""))
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
                "sent": self.sent,
                "unpacked": self.unpacked,
            }
        if found and (selector or kind.startswith("service-")):
            return _part(self._one(kind, int(found[1]), typo=bool(found[2])), query)
        if kind in self.lists:
            return self.lists[kind][int(query.get("continue", ["0"])[0])]
        if path == "/apis":
            return {"kind": "APIGroupList", "groups": []}
        return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []}

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

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                target = head.split(" ", 2)[1]
                parts = urlsplit(target)
                key = re.search(r"(?i)sec-websocket-key: *(\S+)", head)
                self.requests += 1
                if key:
                    self.streams += 1
                    await asyncio.sleep(self.latency)
                    await self._stream(parts.path, parse_qs(parts.query), key[1], writer)
                    await reader.read(65536)  # The client's close.
                    return
                self._reply(self.answer(parts.path, parse_qs(parts.query)), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _reply(self, found: Page | Document, writer: asyncio.StreamWriter) -> None:
        encoding = ""
        if isinstance(found, Page):
            body, encoding = found.packed, "Content-Encoding: gzip\r\n"
            self.unpacked += found.size
        else:
            body = json.dumps(found).encode()
            self.unpacked += len(body)
        self.sent += len(body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{encoding}"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def _stream(
        self, path: str, query: dict[str, list[str]], key: str, writer: asyncio.StreamWriter
    ) -> None:
        accept = base64.b64encode(hashlib.sha1(key.encode() + WEBSOCKET).digest()).decode()
        execs = path.endswith("/exec")
        protocol = "v5.channel.k8s.io" if execs else "v4.channel.k8s.io"
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        ).encode()
        if execs:
            status = json.dumps({"metadata": {}, "status": "Success"}).encode()
            frames = _frame(1, sockets(PORT)) + _frame(3, status)
        else:
            ports = [int(p) for p in query["ports"]]
            frames = b""
            for i, port in enumerate(ports):
                number = port.to_bytes(2, "little")
                frames += _frame(2 * i, number) + _frame(2 * i + 1, number)
            for i, port in enumerate(ports):
                if port != PORT:
                    frames += _frame(2 * i + 1, refused_text(port).encode())
        self.sent += len(head) + len(frames)
        writer.write(head + frames)
        await writer.drain()


def _frame(channel: int, content: bytes) -> bytes:
    """A binary WebSocket frame. (RFC 6455)"""
    size = len(content) + 1
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    return b"\x82" + length + bytes([channel]) + content


async def run(cluster: Cluster, port_file: Path) -> None:
    """Serves until the process is killed."""
    server = await asyncio.start_server(cluster.serve, "127.0.0.1", 0, backlog=512)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    many, each, place, *spaces = sys.argv[1:]
    divided = int(spaces[0]) if spaces else max(1, int(many) // 20)
    made = Cluster(int(many), int(each), divided, int(spaces[1]) / 1000 if spaces[1:] else 0.0)
    asyncio.run(run(made, Path(place)))
