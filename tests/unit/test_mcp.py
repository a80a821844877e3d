"""--mcp by the SDK's own client: the tools, what they return, what they refuse, and their ends."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, TextContent

from kubectl_portcheck.commands import mcp_server
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange
from tests.unit.test_imports import loaded
from tests.walk.shop import NAMESPACE, shop
from tests.walk.town import add_service

Use = Callable[[ClientSession], Awaitable[Any]]


def served(server: FakeApiServer | None, folder: Path, use: Use, *flags: str) -> Any:
    """What a client of a server gets that runs as a process of its own."""
    environ = {"PATH": "/nowhere", "HOME": str(folder)}
    if server is not None:
        (folder / "kubeconfig").write_text(json.dumps(server.kubeconfig()))
        environ["KUBECONFIG"] = str(folder / "kubeconfig")
    argv = ["-m", "kubectl_portcheck", "--mcp", *flags]
    parameters = StdioServerParameters(command=sys.executable, args=argv, env=environ)

    async def run() -> Any:
        with anyio.fail_after(90):
            async with (
                stdio_client(parameters) as (read, write),
                ClientSession(read, write) as session,
            ):
                await session.initialize()
                return await use(session)

    return anyio.run(run)


def called(
    server: FakeApiServer | None, folder: Path, tool: str, *flags: str, **given: Any
) -> CallToolResult:
    async def call(session: ClientSession) -> CallToolResult:
        return await session.call_tool(tool, given)

    found: CallToolResult = served(server, folder, call, *flags)
    return found


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_the_tools_only_read_and_say_what_they_take(tmp_path: Path) -> None:
    found = served(None, tmp_path, lambda session: session.list_tools()).tools
    assert {t.name for t in found} == {
        *("diagnose_service", "sweep", "diagnose_manifests", "explain"),
    }
    for tool in found:
        assert tool.annotations.readOnlyHint
        assert tool.description
        assert all(p.get("description") for p in tool.inputSchema["properties"].values())


def test_a_service_is_diagnosed(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9999)
        done = called(server, tmp_path, "diagnose_service", target="checkout", namespace=NAMESPACE)
        asked = {r.line.split(" ")[0] for r in server.requests}
    report = done.structuredContent
    assert report is not None
    assert (report["verdict"], report["omitted"]) == ("broken", 0)
    assert report["services"][0]["findings"][0]["code"] == "PC401"
    assert "BROKEN" in text_of(done)
    assert asked <= {"GET", "POST"}


def test_a_sweep_returns_the_worst(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        for number in range(30):
            add_service(server, f"web-{number}", NAMESPACE, pods=1, probed=8080)
        add_service(server, "lost", NAMESPACE, listening=9000)
        done = called(server, tmp_path, "sweep", "-n", NAMESPACE)
    report = done.structuredContent
    assert report is not None
    assert report["services"][0]["name"] == "lost"
    assert (len(report["services"]), report["omitted"]) == (mcp_server.DETAILED, 6)
    assert report["counts"]["services"] == 31


def test_manifests_are_checked_without_a_cluster(tmp_path: Path) -> None:
    manifests = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: app, image: a, ports: [{name: web, containerPort: 80}]}]}
"""
    done = called(None, tmp_path, "diagnose_manifests", manifests=manifests)
    assert done.structuredContent is not None
    assert done.structuredContent["services"][0]["findings"][0]["code"] == "PC402"


def test_a_rule_is_explained(tmp_path: Path) -> None:
    assert "PC401" in text_of(called(None, tmp_path, "explain", code="PC401"))


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("explain", {"code": "PC999"}, "PC999"),
    ("diagnose_service", {"target": "node/x"}, "node"),
    ("diagnose_service", {"target": "svc/x", "context": "nowhere"}, "nowhere"),
    ("diagnose_service", {"target": "svc/gone", "namespace": NAMESPACE}, "gone"),
    ("diagnose_manifests", {"manifests": "kind: ["}, "YAML"),
    ("diagnose_manifests", {"manifests": "x" * (mcp_server.MANIFESTS + 1)}, "longer than"),
    # A target is never a flag.
    *(
        ("diagnose_service", {"target": target, "namespace": NAMESPACE}, "")
        for target in ("--fix", "-f", "--save=x", " --fix", "checkout --fix", "", " ")
    ),
)


def test_what_cannot_be_answered_is_an_error_with_its_reason(tmp_path: Path) -> None:
    async def call(session: ClientSession) -> list[CallToolResult]:
        return [await session.call_tool(tool, given) for tool, given, _ in REFUSED]

    with FakeApiServer() as server:
        shop(server, 9999)
        found = served(server, tmp_path, call)
        asked = [r.line for r in server.requests]
    for done, (tool, given, words) in zip(found, REFUSED, strict=True):
        assert done.isError, (tool, given)
        assert words in text_of(done)
    assert not [line for line in asked if line.startswith(("PATCH", "PUT", "DELETE"))]


def test_a_cancelled_check_ends_its_process(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        server.on(".", faults.hang)

        async def cancel(session: ClientSession) -> float:
            with anyio.move_on_after(4):
                await session.call_tool("diagnose_service", {"target": "svc/x"})
            began = anyio.current_time()
            await session.call_tool("explain", {"code": "PC401"})
            return anyio.current_time() - began

        assert served(server, tmp_path, cancel) < 30


def test_an_interrupt_ends_the_server_and_its_checks(tmp_path: Path) -> None:
    """Also while nothing comes on standard input, as on a terminal."""
    gone = threading.Event()

    def hang(exchange: Exchange) -> None:
        try:
            exchange.hang()
        finally:
            gone.set()

    with FakeApiServer() as server:
        server.on("/", hang)
        (tmp_path / "kubeconfig").write_text(json.dumps(server.kubeconfig()))
        with subprocess.Popen(
            [sys.executable, "-m", "kubectl_portcheck", "--mcp"],
            env={"PATH": "/nowhere", "KUBECONFIG": str(tmp_path / "kubeconfig")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        ) as process:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            ask(process.stdin, 1, "initialize", protocolVersion="2025-06-18", **ME)
            process.stdout.readline()
            process.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
            given = {"name": "diagnose_service", "arguments": {"target": "svc/a"}}
            ask(process.stdin, 2, "tools/call", **given)
            deadline = time.monotonic() + 60
            while not server.requests:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(30) == 130
            finally:
                process.kill()
            assert b"Traceback" not in process.stderr.read()
        assert gone.wait(30)


STUBBORN = """
import time
from kubectl_portcheck.__main__ import run
from kubectl_portcheck.commands import mcp_server

class Stubborn:
    async def run_stdio_async(self):
        print("serves", flush=True)
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                pass

mcp_server.server = lambda *_: Stubborn()
run()
"""


def test_an_interrupt_ends_a_server_that_does_not_heed_it() -> None:
    """As after several of them in a moment, which left the SDK in disorder."""
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN, "--mcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == 130
        finally:
            process.kill()


ME = {"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def ask(stdin: IO[bytes], number: int, method: str, **given: Any) -> None:
    """Sends a request of the protocol, by hand."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": given}
    stdin.write(json.dumps(message).encode() + b"\n")
    stdin.flush()


def test_a_plain_run_does_not_import_it() -> None:
    for words in (["--demo"], ["--explain", "PC401"], ["no/target"]):
        assert not loaded(*words) & {"mcp", "anyio", "pydantic", "prometheus_client"}


def test_without_the_package_it_says_how_to_install_it() -> None:
    import subprocess

    code = (
        "import sys; sys.modules['mcp'] = None; sys.argv[1:] = ['--mcp']; "
        "from kubectl_portcheck.__main__ import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "pip install 'kubectl-portcheck[mcp]'" in done.stderr
