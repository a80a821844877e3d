"""Clusters from the outside: create, look at, delete."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import build, cgroups, images, names, nodes, pki, plan, programs, store
from .api import Api
from .paths import CACHE, STATE
from .plan import Features, Node, Plan
from .shell import BedError, run, say, succeeds

_SPACE = "kube-system"
NONE = Features()

_WATCHES = 26
_WATCHES_OF_A_WORKER = 9
"""Inotify instances that the programs of a node use, and one for a kube-router."""
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
            if its is not None and its.kubeconfig.exists():
                _restore(its)
            problem = "its creation did not begin" if its is None else problem_of(its)
            if its is not None and not problem:
                _same(its, features)
                return its
            say(f"the cluster {name} is not healthy ({problem}): made again")
            _delete(name)
        return _create_or_retry(name, features)


def _same(its: Plan, features: Features) -> None:
    """Refuse to hand over a healthy cluster that is not what was asked for."""
    if its.features != features:
        raise BedError(f"the cluster {its.name} has other options: remove it first (bed down)")


def _locked(name: str) -> contextlib.AbstractContextManager[None]:
    # As long as a first build may take: who waits for it must not give up.
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
    _check_watches(features)
    with store.lock("slots", timeout=60):
        its = plan.choose(name, features)
        its.state.mkdir(parents=True, mode=0o700)
        its.save()
    relative = {
        "programs": str(parts.programs.relative_to(CACHE)),
        "policies": str(parts.policies.relative_to(CACHE)) if parts.policies else "",
        "images": [str(archive.relative_to(CACHE)) for archive in parts.images],
    }
    pki.make(its)
    for one in its.nodes:
        (one.state / "logs").mkdir()
        (one.state / "parts.json").write_text(json.dumps(relative))
        programs.write(one)
        cgroups.create(one.group)
    try:
        nodes.start(its.control_plane)
        nodes.await_programs(its.control_plane)
        _start_workers(its)
        _await_use(its)
    except BedError as error:
        raise StartError(f"the cluster {name} did not start: {error}") from error
    programs.secret(its.kubeconfig, programs.kubeconfig(its.control_plane, "admin", its.server))
    say(f"the cluster {name} is up after {time.monotonic() - begin:.1f} s")
    return its


def _check_watches(features: Features) -> None:
    """Refuse to start what would run out of inotify instances, which fails in many odd ways."""
    wanted = _WATCHES + _WATCHES_OF_A_WORKER * (features.nodes - 1)
    limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    used = 0
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            used += os.readlink(descriptor) == "anon_inode:inotify"
    if used + wanted > limit:
        raise BedError(
            f"the cluster needs {wanted} inotify instances, and {used} of {limit} are in use:"
            " remove another cluster (bed list), or raise the limit"
            f" (sysctl -w fs.inotify.max_user_instances={2 * limit})"
        )


def _start_workers(its: Plan) -> None:
    """Start the workers side by side, each with its part of the pod networks."""
    api = Api(its)
    for node in its.nodes[1:]:
        # Else the parts would go by the order in which the nodes happen to come.
        spec = {"podCIDR": node.pods[0], "podCIDRs": list(node.pods)}
        if not api.ask("/api/v1/nodes", "POST", {"metadata": {"name": node.name}, "spec": spec}):
            raise BedError(f"the API server did not take the node {node.name}")
        nodes.start(node)
    for node in its.nodes[1:]:
        nodes.await_programs(node)


def _await_use(its: Plan) -> None:
    """Wait until the cluster can be used: nodes, ServiceAccounts, a first pod."""
    api = Api(its)

    def _wait(what: str, limit: float, done: Callable[[], bool], log: str) -> None:
        nodes.wait(what, limit, done, its.control_plane, log)

    for node in its.nodes:
        await_ready(api, node)
    accounts = [f"/api/v1/namespaces/{n}/serviceaccounts/default" for n in ("default", _SPACE)]

    def served() -> bool:
        return all(api.ask(account) for account in accounts)

    _wait("the default ServiceAccounts", 60, served, "kube-controller-manager")
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

    _wait("a pod to be accepted", 30, made, "kube-apiserver")
    _wait("a pod to run", 60, runs, "kubelet")
    api.ask(_CHECK_POD + "?gracePeriodSeconds=0", "DELETE")
    if not its.features.oldest:
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

    nodes.wait("DNS to be ready", 60, ready, its.control_plane, "kubelet")


def await_ready(api: Api, node: Node) -> None:
    """Wait until the API server calls a node Ready."""
    what = f"the node {node.name} to be Ready"
    nodes.wait(what, 60, lambda: _is_ready(api, node), node, "kubelet")


def _is_ready(api: Api, node: Node) -> bool:
    found = api.ask(f"/api/v1/nodes/{node.name}")
    return bool(found) and any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in found["status"].get("conditions", [])
    )


def change_node(name: str, what: str, role: str, other: str | None) -> None:
    """Stop or start a worker, cut a node off, or undo that."""
    require()
    with _locked(name):
        its = find(name)
        node = nodes.find(its, role) if what in ("deafen", "heal") else nodes.worker(its, role)
        if what == "stop":
            nodes.stop(node)
        elif what == "start":
            _start_again(node)
        elif what == "partition":
            nodes.partition(node, nodes.find(its, other) if other else None)
        elif what == "deafen":
            nodes.deafen(node)
        else:
            nodes.heal(node)


def _start_again(node: Node) -> None:
    if not nodes.is_running(node):
        nodes.start(node)
        nodes.await_programs(node)
        await_ready(Api(node.plan), node)


def _restore(its: Plan) -> None:
    """Start the workers that were stopped, and undo what nodes were cut off from."""
    if nodes.is_running(its.control_plane):
        for node in its.nodes[1:]:
            _start_again(node)
            nodes.heal(node)


def problem_of(its: Plan) -> str:
    """Say what is wrong with a cluster; nothing if it can be used."""
    for node in its.nodes:
        if problem := nodes.problem_of(node):
            return problem
    if not its.kubeconfig.exists():
        return "its creation did not end"
    api = Api(its)
    if api.ask("/readyz") != "ok":
        return "kube-apiserver is not ready"
    return next((f"{n.name} is not Ready" for n in its.nodes if not _is_ready(api, n)), "")


def load_archive(its: Plan, archive: bytes) -> None:
    """Import a docker archive into every node."""
    command = (*programs.CTR, "images", "import", "-")
    for node in its.nodes:
        run(nodes.inside(node, *command), stdin=archive, timeout=300)


def delete(name: str) -> None:
    """Remove all of a cluster; harmless where there is nothing, or only half of it."""
    require()
    with _locked(name):
        _delete(name)


def _delete(name: str) -> None:
    _kill(name)
    for link in json.loads(run(["ip", "-j", "link"]) or "[]"):
        if link.get("ifalias") == nodes.alias(name):
            # It goes with the node's network too, a moment after its last process.
            run(["ip", "link", "delete", link["ifname"]], check=False)
    left = cgroups.remove(name)
    if left:
        raise BedError(f"control groups that cannot be removed: {' '.join(map(str, left))}")
    _remove_state(STATE / name)
    with contextlib.suppress(OSError):
        STATE.rmdir()  # the last cluster's end


def _kill(name: str, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while True:
        living = nodes.marked(name) | cgroups.processes(name)
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
