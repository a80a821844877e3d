"""Nodes from the outside: start and stop them, connect them, cut them off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import cgroups, supervisor
from .paths import BED, CACHE, STATE
from .plan import BRIDGE, Node, Plan
from .shell import BedError, environment, run, tail

KUBELET_PORT = "10250"

_UNUSED_MAC = "02:00:00:00:00:01"
"""A hardware address that no device has: what is sent to it is lost without a word."""


def find(plan: Plan, role: str) -> Node:
    """Give a node by its name, or by the last part of it."""
    for node in plan.nodes:
        if role in (node.name, node.role):
            return node
    known = ", ".join(node.role for node in plan.nodes)
    raise BedError(f"the cluster {plan.name} has no node '{role}': its nodes are {known}")


def worker(plan: Plan, role: str) -> Node:
    """Give a node that can be stopped: the others would not outlive the control plane."""
    found = find(plan, role)
    if not found.index:
        raise BedError("the control plane cannot be stopped or cut off, only workers")
    return found


def start(node: Node) -> None:
    """Start a node apart from this process, which it outlives, and connect it."""
    for name in ("node.pid", "status.json"):
        (node.state / name).unlink(missing_ok=True)
    # A worker ends with the control plane, in whose PID namespace it is.
    space = (
        ["nsenter", "--target", str(pid(node.plan.control_plane)), "--pid", "--"]
        if node.index
        else []
    )
    spaces = ["--fork", "--kill-child", "--pid", "--mount", "--net", "--ipc", "--uts"]
    program = [sys.executable, str(BED / "node")]
    marks = [f"{supervisor.MARK}{node.plan.name}", f"{supervisor.INDEX}{node.index}"]
    with (node.state / "logs" / "node.log").open("ab") as log:
        subprocess.Popen(
            [
                *space,
                *["unshare", *spaces, "--propagation", "private"],
                *[*program, *marks],
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment({"PORTCHECK_BED_CACHE": str(CACHE), "PORTCHECK_BED_STATE": str(STATE)}),
            start_new_session=True,
            # Out of the shell's control group, which may be ended with the shell.
            preexec_fn=lambda: cgroups.enter(node.group),
        )
    wait("the node's first process", 20, lambda: (node.state / "node.pid").exists(), node, "node")
    (_connect_worker if node.index else _connect_machine)(node)


def _connect_machine(node: Node) -> None:
    """Lay the veth pair to the control plane, and the routes to nodes, pods and Services."""
    plan = node.plan
    peer = ["type", "veth", "peer", "name", "eth0", "netns", str(pid(node))]
    run(["ip", "link", "add", plan.link, *peer])
    run(["ip", "link", "set", plan.link, "alias", alias(plan.name)])
    for address, network in zip(plan.machine_addresses, plan.networks, strict=True):
        prefix = network.partition("/")[2]
        nodad = ["nodad"] if ":" in address else []
        run(["ip", "address", "add", f"{address}/{prefix}", "dev", plan.link, *nodad])
    run(["ip", "link", "set", plan.link, "up"])
    ways = [(network, node) for network in plan.pods + plan.services]
    ways += [(network, other) for other in plan.nodes[1:] for network in other.pods]
    for network, to in ways:
        via = to.addresses[1 if ":" in network else 0]
        run(["ip", "route", "add", network, "via", via, "dev", plan.link])


def _connect_worker(node: Node) -> None:
    control_plane = node.plan.control_plane
    # What is left of a stopped node goes a moment after its last process.
    run(inside(control_plane, "ip", "link", "delete", node.role), check=False)
    peer = ["type", "veth", "peer", "name", "eth0", "netns", str(pid(node))]
    run(["ip", "link", "add", node.role, "netns", str(pid(control_plane)), *peer])
    _plug(node)


def _plug(node: Node) -> None:
    for setting in (["addrgenmode", "none"], ["master", BRIDGE], ["up"]):
        run(inside(node.plan.control_plane, "ip", "link", "set", node.role, *setting))


def alias(name: str) -> str:
    """Give the mark by which a cluster's device is found."""
    return f"portcheck-bed:{name}"


def stop(node: Node) -> None:
    """End a worker at once with everything on it, as a loss of power does."""
    with contextlib.suppress(BedError):
        os.kill(pid(node), signal.SIGKILL)

    def ended() -> bool:
        return not cgroups.processes(node.group)

    wait("its processes to end", 30, ended, node, "node")
    # Nothing outlives a loss of power; of each group that stays, the next kubelet waits 3 s to
    # hear from containerd.
    cgroups.remove(f"{node.group}/kubepods")


def is_running(node: Node) -> bool:
    """Tell whether a node has been started and not stopped."""
    try:
        pid(node)
    except BedError:
        return False
    return True


def partition(node: Node, other: Node | None) -> None:
    """Cut a worker off from everything, or only from one other node: packets get lost silently."""
    if other is None:
        run(inside(node.plan.control_plane, "ip", "link", "set", node.role, "nomaster"))
        return
    for one, lost in ((node, other), (other, node)):
        for address in lost.addresses:
            neighbour = [address, "lladdr", _UNUSED_MAC, "nud", "permanent", "dev", one.link]
            run(inside(one, "ip", "neighbour", "replace", *neighbour))


def deafen(node: Node) -> None:
    """Drop what is sent to the kubelet of a node: exec, port-forward and logs do not answer."""
    for tables in _tables(node):
        run(inside(node, tables, "--insert", *_KUBELET_DROPPED))


def heal(node: Node) -> None:
    """Undo every cut of a node, on both of its ends."""
    if node.index:
        _plug(node)
    for one in node.plan.nodes:
        if not is_running(one):
            continue
        lost = [other for other in node.plan.nodes if node in (one, other) and other != one]
        for address in (a for other in lost for a in other.addresses):
            where = (address, "lladdr", _UNUSED_MAC, "dev", one.link)
            run(inside(one, "ip", "neighbour", "delete", *where), check=False)
    for tables in _tables(node):
        while _does(inside(node, tables, "--delete", *_KUBELET_DROPPED)):
            pass


_KUBELET_DROPPED = ("INPUT", "--protocol", "tcp", "--dport", KUBELET_PORT, "--jump", "DROP")


def _tables(node: Node) -> list[str]:
    return ["iptables", "ip6tables"] if node.plan.dual else ["iptables"]


def _does(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pid(node: Node) -> int:
    """Give the number of a node's process 1, which must be alive."""
    with contextlib.suppress(OSError, ValueError):
        number = int((node.state / "node.pid").read_text())
        if number in marked(node.plan.name):
            return number
    raise BedError(f"the cluster {node.plan.name} has no running node {node.name}")


def marked(name: str) -> set[int]:
    """Give the first processes of a cluster's nodes, which have its name among their arguments."""
    found = set()
    mark = f"{supervisor.MARK}{name}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (place / "cmdline").read_bytes().split(b"\0"):
                found.add(int(place.name))
    return found


def inside(node: Node, *command: str) -> list[str]:
    """Give the command that runs another one inside a node."""
    spaces = ["--mount", "--net", "--pid", "--ipc", "--uts"]
    return ["nsenter", "--target", str(pid(node)), *spaces, "--", *command]


def status(node: Node) -> dict[str, Any]:
    """Give what the node's supervisor last wrote."""
    try:
        found: dict[str, Any] = json.loads((node.state / "status.json").read_text())
        return found
    except (OSError, ValueError):
        return {"phase": "starting", "problem": "", "programs": {}, "seconds": {}}


def await_programs(node: Node) -> None:
    """Wait for the supervisor to find all programs healthy; say which one was not, and why."""

    def ready() -> bool:
        now = status(node)
        if now["phase"] == "failed":
            log = next((p for p in now["programs"] if now["problem"].startswith(p)), "node")
            end = tail(node.state / "logs" / f"{log}.log")
            raise BedError(f"{now['problem']}\n  the end of {log}.log:\n{end}")
        pid(node)
        return bool(now["phase"] == "running")

    wait("its programs", supervisor.START_LIMIT + 30, ready, node, "node")


def problem_of(node: Node) -> str:
    """Say what is wrong with a node's programs; nothing if they are healthy."""
    try:
        pid(node)
    except BedError as error:
        return str(error)
    now = status(node)
    ended = [f"{name} {state}" for name, state in now["programs"].items() if state != "healthy"]
    if ended or now["phase"] != "running":
        return ", ".join(ended) or f"{now['phase']} {now['problem']}".strip()
    return ""


def wait(what: str, limit: float, done: Callable[[], bool], node: Node, log: str) -> None:
    """Wait until something is so; the failure shows the end of a program's log."""
    deadline = time.monotonic() + limit
    while not done():
        if time.monotonic() > deadline:
            end = tail(node.state / "logs" / f"{log}.log")
            raise BedError(f"waited {limit:.0f} s for {what}\n  the end of {log}.log:\n{end}")
        time.sleep(0.1)
