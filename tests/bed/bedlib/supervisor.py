"""The first process of a node, which starts and watches its programs, started by nodes.py.

Run as `unshare --fork --kill-child --pid --mount --net --ipc --uts tests/bed/node --bed-node=NAME
--bed-index=0`; a worker the same with its index, in the PID namespace of the control plane.
It is process 1 of its namespace: when it ends, by whatever means, the kernel ends all that
it started and drops their mounts and their network, so that nothing has to be cleaned up there.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

from . import images, plan, programs
from .paths import CACHE
from .plan import BRIDGE, Node
from .shell import BedError, environment, run

MARK = "--bed-node="
INDEX = "--bed-index="

START_LIMIT = 90.0
"""Seconds for a program to become healthy."""

# What kubelet would set for the whole machine: it finds these values already there.
_KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


class Supervisor:
    """Its view of its programs, written for the outside into status.json."""

    def __init__(self, its: Node) -> None:
        self.list = programs.programs(its)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.status: dict[str, str] = {program.name: "waiting" for program in self.list}
        self.started: dict[str, float] = {}
        self.phase = "starting"
        self.problem = ""
        self.imported = False

    def tell(self) -> None:
        """Replace the status file; kill -9 leaves the old one or the new one."""
        status = {
            "phase": self.phase,
            "problem": self.problem,
            "programs": self.status,
            "seconds": self.started,
        }
        draft = Path(programs.RUN, "status.tmp")
        draft.write_text(json.dumps(status))
        draft.rename(Path(programs.RUN, "status.json"))

    def run(self) -> None:
        """Start everything in order, then watch for ever."""
        begin = time.monotonic()
        importing = threading.Thread(target=self._import_images, daemon=True)
        while self.phase == "starting":
            self._look()
            for program in self.list:
                state = self.status[program.name]
                if state == "waiting" and all(
                    self.status[needed] == "healthy" for needed in program.needs
                ):
                    self._start(program)
                elif state == "started" and _healthy(program):
                    self.status[program.name] = "healthy"
                    self.started[program.name] = round(time.monotonic() - begin, 1)
            if self.status["containerd"] == "healthy" and importing.ident is None:
                importing.start()
            if self.problem:
                raise BedError(self.problem)
            if self.imported and all(state == "healthy" for state in self.status.values()):
                self.phase = "running"
            elif time.monotonic() - begin > START_LIMIT:
                late = [n for n, s in self.status.items() if s in ("started", "waiting")]
                late = late or ["containerd"]
                raise BedError(f"{late[0]} was not ready after {START_LIMIT:.0f} s")
            self.tell()
            time.sleep(0.2)
        while True:
            self._look()
            self.tell()
            time.sleep(0.5)

    def _import_images(self) -> None:
        """Run beside the other programs' start: it is the longest part."""
        try:
            for archive in json.loads(Path(programs.RUN, "parts.json").read_text())["images"]:
                image = f"/run/bed-cache/{archive}"
                run([*programs.CTR, "images", "import", image], timeout=START_LIMIT)
            listed = run([*programs.CTR, "images", "list", "-q"]).split()
            missing = [name for name in images.ALL if name not in listed]
            if missing:
                raise BedError(f"containerd did not take {' '.join(missing)}")
        except BedError as error:
            self.problem = str(error)
        self.imported = True

    def _start(self, program: programs.Program) -> None:
        with Path(programs.RUN, "logs", f"{program.name}.log").open("ab") as log:
            self.running[program.name] = subprocess.Popen(
                list(program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment({"TMPDIR": "/run/tmp", "GOTRACEBACK": "single"}),
            )
        self.status[program.name] = "started"

    def _look(self) -> None:
        repeated = {program.name for program in self.list if program.repeated}
        for name, process in self.running.items():
            if process.poll() is None or self.status[name].startswith(("ended", "waiting")):
                continue
            if self.phase == "starting" and name in repeated:
                self.status[name] = "waiting"
                continue
            self.status[name] = f"ended with code {process.returncode}"
            if self.phase == "starting":
                raise BedError(f"{name} {self.status[name]}")


def _healthy(program: programs.Program) -> bool:
    if not program.health:
        try:
            run([*programs.CTR, "version"], timeout=5)
        except BedError:
            return False
        return True
    # The node asks itself, on its own loopback.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(program.health, timeout=2, context=context) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _mount(kind: str, target: str, *options: str) -> None:
    Path(target).mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", kind, *options, kind, target])


def _bind(source: str | Path, target: str) -> None:
    Path(target).mkdir(parents=True, exist_ok=True)
    run(["mount", "--rbind", source, target])


def _prepare_mounts(its: Node) -> None:
    run(["mount", "--make-rshared", "/"])  # shared within: unshare made all of it private
    run(["mount", "-t", "proc", "proc", "/proc"])
    # Open the two folders of the machine before something is mounted over their parents.
    state = os.open(its.state, os.O_PATH)
    cache = os.open(CACHE, os.O_PATH)
    parts = json.loads((its.state / "parts.json").read_text())
    me = f"/proc/{os.getpid()}/fd"
    _mount("tmpfs", "/run", "-o", "mode=755")
    _bind(f"{me}/{state}/.", programs.RUN)
    _bind(f"{me}/{cache}/.", "/run/bed-cache")
    _bind(f"/run/bed-cache/{parts['programs']}", programs.BIN)
    if parts["policies"]:
        _bind(f"/run/bed-cache/{parts['policies']}", programs.POLICIES)
    for place in ("/var/lib", "/var/log"):
        _mount("tmpfs", place, "-o", "mode=755")
    for place in ("/run/netns", "/run/tmp", "/run/lock", "/run/etcd"):
        Path(place).mkdir(mode=0o700, exist_ok=True)
    # Or a network namespace made later would hide those of the pods.
    run(["mount", "--bind", "/run/netns", "/run/netns"])
    run(["mount", "--make-rshared", "/run/netns"])
    for name in ("kubelet", "containerd", "logs"):
        Path(programs.RUN, name).mkdir(exist_ok=True)
    _bind(f"{programs.RUN}/kubelet", "/var/lib/kubelet")
    for name, value in _KERNEL.items():
        setting = Path("/proc/sys", name)
        if setting.exists():
            fixed = Path("/run/kernel", name.replace("/", "-"))
            fixed.parent.mkdir(exist_ok=True)
            fixed.write_text(f"{value}\n")
            run(["mount", "--bind", fixed, setting])


def _sysctl(name: str, value: str) -> None:
    with contextlib.suppress(OSError):  # a kernel without IPv6 has no such file
        Path("/proc/sys/net", name).write_text(value)


def _prepare_network(its: Node) -> None:
    run(["ip", "link", "set", "lo", "up"])
    _sysctl("ipv4/ip_forward", "1")
    _sysctl("ipv6/conf/all/forwarding", "1")
    _sysctl("ipv6/conf/default/accept_dad", "0")
    _sysctl("ipv6/conf/all/accept_dad", "0")
    deadline = time.monotonic() + 20
    while not Path("/proc/net/dev").read_text().count(" eth0:"):
        if time.monotonic() > deadline:
            raise BedError("the creator did not connect the node's network")
        time.sleep(0.02)
    if its.link == BRIDGE:
        _join_nodes()
    for address, network in zip(its.addresses, its.plan.networks, strict=True):
        prefix = network.partition("/")[2]
        # The device may be older than the settings above.
        nodad = ["nodad"] if ":" in address else []
        run(["ip", "address", "add", f"{address}/{prefix}", "dev", its.link, *nodad])
    run(["ip", "link", "set", "eth0", "up"])
    _dig_hole(its.addresses)
    for other in its.plan.nodes:
        if other != its:
            for address, network in zip(other.addresses, other.pods, strict=True):
                run(["ip", "route", "add", network, "via", address, "dev", its.link])
    if its.plan.features.oldest:
        # Names fail at once and not after a time-out: there is no DNS server.
        run(["ip", "route", "add", "unreachable", its.plan.dns])


def _join_nodes() -> None:
    """Make the bridge that the machine and every node are connected to."""
    run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    run(["ip", "link", "set", "eth0", "master", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])
    # What only passes by on the bridge is no business of this node's rules.
    for family in ("iptables", "ip6tables"):
        _sysctl(f"bridge/bridge-nf-call-{family}", "0")
    # Every node gets its own routes, and a way by two nodes is no mistake here.
    for device in ("all", BRIDGE):
        _sysctl(f"ipv4/conf/{device}/send_redirects", "0")


def _dig_hole(sources: tuple[str, ...]) -> None:
    """Lay the default routes into a device that drops everything, as a silent router does.

    So nothing leaves the machine. A route of type blackhole would drop a packet before kube-proxy's
    rules see it, and a Service without endpoints would time out instead of refusing. Without ARP a
    packet has the sender's own address, and the other end of the pair ignores it.
    """
    run(["ip", "link", "add", "hole", "type", "veth", "peer", "name", "hole-end"])
    for end in ("hole", "hole-end"):
        run(["ip", "link", "set", end, "addrgenmode", "none", "arp", "off", "up"])
    for source in sources:
        family, metric = ("-6", "4096") if ":" in source else ("-4", "0")
        route = ("default", "dev", "hole", "src", source, "metric", metric)
        run(["ip", family, "route", "add", *route])


def _supervise(its: Node) -> None:
    node = Supervisor(its)
    try:
        _prepare_mounts(its)
        socket.sethostname(its.name)
        _prepare_network(its)
        node.run()
    except Exception as error:  # sent to the creator, which reads the status
        node.phase = "failed"
        node.problem = str(error) if isinstance(error, BedError) else traceback.format_exc()
        with contextlib.suppress(OSError):
            node.tell()
        # Stay, for the logs and for a look inside, until deleted.
        while True:
            signal.pause()


def main() -> None:
    """Be process 1: reap what is orphaned and end with the supervisor."""
    name, index = (
        next(a for a in sys.argv if a.startswith(mark))[len(mark) :] for mark in (MARK, INDEX)
    )
    cluster = plan.load(name)
    if cluster is None:
        raise SystemExit(f"no cluster {name}")
    its = cluster.nodes[int(index)]
    # /proc is still the machine's: it tells the number by which the creator can reach this one.
    (its.state / "node.tmp").write_text(os.readlink("/proc/self"))
    (its.state / "node.tmp").rename(its.state / "node.pid")
    supervisor = os.fork()
    if not supervisor:
        with contextlib.suppress(KeyboardInterrupt):
            _supervise(its)
        os._exit(1)
    while True:
        try:
            if os.wait()[0] == supervisor:
                return
        except InterruptedError:
            continue
