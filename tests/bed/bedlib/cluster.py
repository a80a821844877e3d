"""Clusters from the outside: create, look at, delete."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import build, cgroups, images, names, node, pki, plan, programs, store
from .api import Api
from .paths import BED, CACHE, STATE
from .plan import Features, Plan
from .shell import BedError, environment, run, say, succeeds, tail

_SPACE = "kube-system"
NONE = Features()
_CHECK_POD = f"/api/v1/namespaces/{_SPACE}/pods/bed-check"


class StartError(BedError):
    """A cluster did not come up."""


def why_not() -> str:
    """Say why the bed cannot run on this machine; nothing if it can."""
    if sys.platform != "linux":
        return "the test bed needs Linux"
    if os.geteuid() != 0:
        return "the test bed needs root"
    if not shutil.which("apt-get") and build.missing_packages():
        return f"the test bed needs {' '.join(build.missing_packages())}"
    return ""


def require() -> None:
    """Refuse to go on where the bed cannot run."""
    reason = why_not()
    if reason:
        raise BedError(reason)


def exists(name: str) -> bool:
    """Tell whether a cluster left anything in the state directory, running or not."""
    return (STATE / plan.check_name(name)).is_dir()


def find(name: str) -> Plan:
    """Give the plan of a cluster that must exist."""
    found = plan.load(name)
    if not found:
        raise BedError(f"no cluster '{name}'")
    return found


def create(name: str, features: Features = NONE) -> Plan:
    """Bring a new cluster up; one of that name must not be there."""
    require()
    with _locked(name):
        if exists(name):
            raise BedError(
                "failed to create cluster: node(s) already exist for a cluster"
                f' with the name "{name}"'
            )
        return _create_or_retry(name, features)


def up(name: str, features: Features = NONE) -> Plan:
    """Give a healthy cluster, whether it was there, was damaged or has to be made."""
    require()
    with _locked(name):
        if exists(name):
            its = plan.load(name)
            problem = "its creation did not begin" if its is None else problem_of(its)
            if its is not None and not problem:
                _same(its, features)
                return its
            say(f"the cluster {name} is not healthy ({problem}): made again")
            _delete(name)
        return _create_or_retry(name, features)


def _same(its: Plan, features: Features) -> None:
    """Refuse to hand over a healthy cluster that is not what was asked for."""
    if (its.oldest, its.policies) != (features.oldest, features.policies):
        raise BedError(f"the cluster {its.name} has other options: remove it first (bed down)")


def _locked(name: str) -> contextlib.AbstractContextManager[None]:
    # As long as a first build may take: whoever waits for it must not give up.
    return store.lock(f"cluster-{plan.check_name(name)}", timeout=7200)


def _create_or_retry(name: str, features: Features) -> Plan:
    """Try a start that fails once more; leave nothing of one that failed or was interrupted."""
    parts = build.build(features)
    for last in (False, True):
        try:
            return _create(name, parts, features)
        except BaseException as error:
            _delete(name)
            if last or not isinstance(error, StartError):
                raise
            say(f"{error}\ntrying once more")
    raise AssertionError("the last try returns or raises")


def _create(name: str, parts: build.Parts, features: Features) -> Plan:
    begin = time.monotonic()
    with store.lock("slots", timeout=60):
        its = plan.choose(name, features)
        its.state.mkdir(parents=True, mode=0o700)
        its.save()
    (its.state / "logs").mkdir()
    relative = {
        "programs": str(parts.programs.relative_to(CACHE)),
        "policies": str(parts.policies.relative_to(CACHE)) if parts.policies else "",
        "images": [str(archive.relative_to(CACHE)) for archive in parts.images],
    }
    (its.state / "parts.json").write_text(json.dumps(relative))
    pki.make(its)
    programs.write(its)
    cgroups.create(name)
    try:
        _start_node(its)
        _connect(its)
        _await_programs(its)
        _await_use(its)
    except BedError as error:
        raise StartError(f"the cluster {name} did not start: {error}") from error
    programs.secret(its.kubeconfig, programs.kubeconfig(its, "admin", its.server))
    say(f"the cluster {name} is up after {time.monotonic() - begin:.1f} s")
    return its


def _start_node(its: Plan) -> None:
    """Start the node apart from this process: it outlives the shell."""
    spaces = ["--fork", "--kill-child", "--pid", "--mount", "--net", "--ipc", "--uts"]
    command = [sys.executable, str(BED / "node"), f"{node.MARK}{its.name}"]
    with (its.state / "logs" / "node.log").open("ab") as log:
        subprocess.Popen(
            ["unshare", *spaces, "--propagation", "private", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment({"PORTCHECK_BED_CACHE": str(CACHE), "PORTCHECK_BED_STATE": str(STATE)}),
            start_new_session=True,
            # Out of the shell's control group, which may be ended with the shell.
            preexec_fn=lambda: cgroups.enter(its.name),
        )
    _wait("the node's first process", 20, lambda: (its.state / "node.pid").exists(), its, "node")


def pid(its: Plan) -> int:
    """Give the number of the node's process 1, which must be alive."""
    with contextlib.suppress(OSError, ValueError):
        number = int((its.state / "node.pid").read_text())
        if number in _marked(its.name):
            return number
    raise BedError(f"the cluster {its.name} has no running node")


def _connect(its: Plan) -> None:
    """Lay the veth pair and the routes to the node, the pods and the Services."""
    peer = ["type", "veth", "peer", "name", "eth0", "netns", str(pid(its))]
    run(["ip", "link", "add", its.link, *peer])
    run(["ip", "link", "set", its.link, "alias", _alias(its.name)])
    for address, network in zip(its.machine_addresses, its.networks, strict=True):
        prefix = network.partition("/")[2]
        nodad = ["nodad"] if ":" in address else []
        run(["ip", "address", "add", f"{address}/{prefix}", "dev", its.link, *nodad])
    run(["ip", "link", "set", its.link, "up"])
    for network in its.pods + its.services:
        via = its.node_addresses[1 if ":" in network else 0]
        run(["ip", "route", "add", network, "via", via, "dev", its.link])


def _alias(name: str) -> str:
    return f"portcheck-bed:{name}"


def status(its: Plan) -> dict[str, Any]:
    """Give what the node's supervisor last said."""
    try:
        found: dict[str, Any] = json.loads((its.state / "status.json").read_text())
        return found
    except (OSError, ValueError):
        return {"phase": "starting", "problem": "", "programs": {}, "seconds": {}}


def _await_programs(its: Plan) -> None:
    """Wait for the supervisor to find all programs healthy; say which one was not, and why."""

    def ready() -> bool:
        now = status(its)
        if now["phase"] == "failed":
            log = next((p for p in now["programs"] if now["problem"].startswith(p)), "node")
            end = tail(its.state / "logs" / f"{log}.log")
            raise BedError(f"{now['problem']}\n  the end of {log}.log:\n{end}")
        pid(its)
        return bool(now["phase"] == "running")

    _wait("its programs", node.START_LIMIT + 30, ready, its, "node")


def _await_use(its: Plan) -> None:
    """Wait until the cluster can be used: node, ServiceAccounts, a first pod."""
    api = Api(its)
    _wait("the node to be Ready", 60, lambda: _node_ready(api, its), its, "kubelet")
    accounts = [f"/api/v1/namespaces/{n}/serviceaccounts/default" for n in ("default", _SPACE)]

    def served() -> bool:
        return all(api.ask(account) for account in accounts)

    _wait("the default ServiceAccounts", 60, served, its, "kube-controller-manager")
    pod = {
        "metadata": {"name": "bed-check"},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "pause", "image": images.PAUSE, "imagePullPolicy": "Never"},
            ],
        },
    }

    def made() -> bool:
        return bool(api.ask(_CHECK_POD.rpartition("/")[0], "POST", pod) or api.ask(_CHECK_POD))

    def runs() -> bool:
        found = api.ask(_CHECK_POD)
        return bool(found and found["status"].get("phase") == "Running")

    _wait("a pod to be accepted", 30, made, its, "kube-apiserver")
    _wait("a pod to run", 60, runs, its, "kubelet")
    api.ask(_CHECK_POD + "?gracePeriodSeconds=0", "DELETE")
    if not its.oldest:
        _serve_names(api, its)


def _serve_names(api: Api, its: Plan) -> None:
    """Install DNS and wait until it answers."""
    for path, document in names.documents(its).items():
        if not api.ask(path, "POST", document):
            raise BedError(f"the API server did not take {path.rpartition('/')[2]} of DNS")
    deployment = f"/apis/apps/v1/namespaces/{names.SPACE}/deployments/{names.NAME}"

    def ready() -> bool:
        found = api.ask(deployment)
        return bool(found and found["status"].get("readyReplicas"))

    _wait("DNS to be ready", 60, ready, its, "kubelet")


def _node_ready(api: Api, its: Plan) -> bool:
    found = api.ask(f"/api/v1/nodes/{its.node}")
    return bool(found) and any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in found["status"].get("conditions", [])
    )


def _wait(what: str, limit: float, done: Callable[[], bool], its: Plan, log: str) -> None:
    deadline = time.monotonic() + limit
    while not done():
        if time.monotonic() > deadline:
            end = tail(its.state / "logs" / f"{log}.log")
            raise BedError(f"waited {limit:.0f} s for {what}\n  the end of {log}.log:\n{end}")
        time.sleep(0.1)


def problem_of(its: Plan) -> str:
    """Say what is wrong with a cluster; nothing if it can be used."""
    try:
        pid(its)
    except BedError as error:
        return str(error)
    now = status(its)
    ended = [f"{name} {state}" for name, state in now["programs"].items() if state != "healthy"]
    if ended or now["phase"] != "running":
        return ", ".join(ended) or f"{now['phase']} {now['problem']}".strip()
    if not its.kubeconfig.exists():
        return "its creation did not end"
    api = Api(its)
    if api.ask("/readyz") != "ok":
        return "kube-apiserver is not ready"
    if not _node_ready(api, its):
        return "the node is not Ready"
    return ""


def inside(its: Plan, *command: str) -> list[str]:
    """Give the command that runs another one inside the node."""
    spaces = ["--mount", "--net", "--pid", "--ipc", "--uts"]
    return ["nsenter", "--target", str(pid(its)), *spaces, "--", *command]


def load_archive(its: Plan, archive: bytes) -> None:
    """Import a docker archive into the node."""
    run(inside(its, *programs.CTR, "images", "import", "-"), stdin=archive, timeout=300)


def delete(name: str) -> None:
    """Remove all of a cluster; harmless where there is nothing, or only half of it."""
    require()
    with _locked(name):
        _delete(name)


def _delete(name: str) -> None:
    _kill(name)
    for link in json.loads(run(["ip", "-j", "link"]) or "[]"):
        if link.get("ifalias") == _alias(name):
            # It goes with the node's network too, a moment after its last process.
            run(["ip", "link", "delete", link["ifname"]], check=False)
    left = cgroups.remove(name)
    if left:
        raise BedError(f"control groups that cannot be removed: {' '.join(map(str, left))}")
    _remove_state(STATE / name)
    with contextlib.suppress(OSError):
        STATE.rmdir()  # the last cluster's end


def _marked(name: str) -> set[int]:
    """Give the first processes of a node, which have its name among their arguments."""
    found = set()
    mark = f"{node.MARK}{name}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (place / "cmdline").read_bytes().split(b"\0"):
                found.add(int(place.name))
    return found


def _kill(name: str, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while True:
        living = _marked(name) | cgroups.processes(name)
        if not living:
            return
        if time.monotonic() > deadline:
            raise BedError(f"processes that do not end: {' '.join(map(str, sorted(living)))}")
        for number in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.1)


def _remove_state(place: Path) -> None:
    """Remove the state directory, but never through a mount that should not be there."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        target = line.split()[4]
        if target == str(place) or target.startswith(f"{place}/"):
            run(["umount", "--lazy", target])
    if place.exists():
        shutil.rmtree(place)


def docker_works() -> bool:
    """Tell whether a Docker engine answers."""
    return bool(shutil.which("docker")) and succeeds(["docker", "info"], timeout=20)
