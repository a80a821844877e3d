"""A short conversation with ``kubectl portcheck --mcp``, by the SDK's own client, for a recording.

``python -m tests.demo.conversation PROGRAM NAMESPACE`` starts the server, asks for its tools, has
Service checkout of the namespace diagnosed, and prints what was asked and what came back.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

SECONDS = 90
"""How long the conversation may take."""


async def converse(program: str, namespace: str) -> None:
    """Print the conversation."""
    parameters = StdioServerParameters(command=program, args=["--mcp"], env=dict(os.environ))
    with anyio.fail_after(SECONDS):
        async with (
            stdio_client(parameters) as (read, write),
            ClientSession(read, write) as session,
        ):
            await _meet(session)
            await _diagnose(session, {"target": "checkout", "namespace": namespace})


async def _meet(session: ClientSession) -> None:
    _ask("initialize")
    server = await session.initialize()
    _answer(f"{server.serverInfo.name}, protocol {server.protocolVersion}")
    _ask("tools/list")
    for tool in (await session.list_tools()).tools:
        _answer(f"{tool.name}: {(tool.description or '').splitlines()[0]}")


async def _diagnose(session: ClientSession, given: dict[str, Any]) -> None:
    _ask("tools/call", "diagnose_service", given)
    done = await session.call_tool("diagnose_service", given)
    report = done.structuredContent or {}
    cause = next(f for s in report["services"] for f in s["findings"] if f["cause"])
    shown = {"verdict": report["verdict"], "code": cause["code"], "safety": _safety(cause)}
    _answer(f"structured content, of which {json.dumps(shown)}; and the text:\n")
    for content in done.content:
        if isinstance(content, TextContent):
            print(content.text)


def _safety(cause: dict[str, Any]) -> list[str]:
    return [fix["safety"] for fix in cause["fixes"]]


def _ask(method: str, *given: Any) -> None:
    print("\n>", method, *(x if isinstance(x, str) else json.dumps(x) for x in given), flush=True)


def _answer(text: str) -> None:
    print("<", text, flush=True)


if __name__ == "__main__":
    anyio.run(converse, sys.argv[1], sys.argv[2])
