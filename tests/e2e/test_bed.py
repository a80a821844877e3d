"""The test bed itself: what the other end-to-end tests take for granted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster

BED = Path(__file__).resolve().parent.parent / "bed"
TRIAL = "portcheck-trial"


def pod(name: str, image: str, *args: str, command: str = "/listen") -> dict[str, Any]:
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = {
        "name": "main",
        "image": f"portcheck.test/{image}:1",
        "imagePullPolicy": "Never",
        "command": [command, *args],
        "env": [address],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }


def service(name: str, ports: dict[int, int], **more: Any) -> dict[str, Any]:
    listed = [{"name": f"p{p}", "port": p, "targetPort": t} for p, t in ports.items()]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": listed, **more},
    }


@pytest.mark.parametrize("image", ["busybox", "distroless", "debian"])
def test_images_run_and_exec_works(cluster: Cluster, namespace: str, image: str) -> None:
    cluster.apply(pod("web", image, "http://0.0.0.0:9100", "tcp://127.0.0.1:8080"), namespace)
    cluster.wait_ready("pod/web", namespace)
    probes = {"localhost:9100": "accepted", "127.0.0.1:8080": "accepted", "127.0.0.1:1": "refused"}
    for target, expected in probes.items():
        probe = ("exec", "web", "--", "/listen", "probe", target)
        done = cluster.kubectl(*probe, namespace=namespace)
        assert done.stdout.strip() == expected
        assert done.returncode == (0 if expected == "accepted" else 1)


@pytest.mark.parametrize("protocol", ["websocket", "spdy"])
def test_exec_over_both_protocols(cluster: Cluster, namespace: str, protocol: str) -> None:
    cluster.apply(pod("web", "busybox", "sleep"), namespace)
    cluster.wait_ready("pod/web", namespace)
    setting = f"KUBECTL_REMOTE_COMMAND_WEBSOCKETS={str(protocol == 'websocket').lower()}"
    words = ["exec", "-i", "-v=8", "web", "--", "cat"]
    done = subprocess.run(
        ["env", setting, str(cluster.kubectl_path), "--namespace", namespace, *words],
        env=cluster.environment(),
        input="through and back",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "through and back"
    assert ("SPDY/3.1" in done.stderr) == (protocol == "spdy")


@pytest.mark.parametrize("protocol", ["websocket", "spdy"])
def test_port_forward(cluster: Cluster, namespace: str, protocol: str) -> None:
    cluster.apply(pod("web", "distroless", "tcp://${POD_IP}:9000", "tcp://[::]:9001"), namespace)
    cluster.wait_ready("pod/web", namespace)
    setting = f"KUBECTL_PORT_FORWARD_WEBSOCKETS={str(protocol == 'websocket').lower()}"
    command = ["env", setting, str(cluster.kubectl_path), "--namespace", namespace]
    with subprocess.Popen(
        [*command, "port-forward", "pod/web", ":9001"],
        env=cluster.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as forward:
        try:
            assert forward.stdout
            found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
            assert found
            with socket.create_connection(("127.0.0.1", int(found[1])), 10) as connection:
                assert connection.recv(100) == b"listen [::]:9001\n"
        finally:
            forward.kill()


def test_services_are_answered_through_kube_proxy(cluster: Cluster, namespace: str) -> None:
    listeners = ("tcp://0.0.0.0:9000", "reset://0.0.0.0:9001")
    ports = {80: 9000, 81: 9001, 82: 9999}
    cluster.apply([pod("web", "distroless", *listeners), service("web", ports)], namespace)
    cluster.wait_ready("app=web", namespace)
    address = cluster.get("service/web", namespace=namespace)["spec"]["clusterIP"]
    cluster.wait_dial(address, 80, "accepted")
    cluster.wait_dial(address, 81, "accepted")
    cluster.wait_dial(address, 82, "refused")
    assert cluster.dial(address, 83, timeout=0.5) == "timeout"
    slices = cluster.get("endpointslices", "-l", "kubernetes.io/service-name=web",
                         namespace=namespace)["items"]  # fmt: skip
    assert [len(one["endpoints"]) for one in slices] == [1]
    assert sorted(port["port"] for port in slices[0]["ports"]) == [9000, 9001, 9999]


def test_a_service_without_endpoints_refuses(cluster: Cluster, namespace: str) -> None:
    """From a pod and from where the tests run, over each family; other ports stay silent."""
    empty = service("empty", {80: 9000}, ipFamilyPolicy="PreferDualStack")
    cluster.apply([pod("client", "distroless", "sleep"), empty], namespace)
    cluster.wait_ready("pod/client", namespace)

    def dialled(host: str, port: int) -> str:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        probe = ("exec", "client", "--", "/listen", "probe", target, "2s")
        return cluster.kubectl(*probe, namespace=namespace).stdout.strip()

    for address in cluster.get("service/empty", namespace=namespace)["spec"]["clusterIPs"]:
        cluster.wait_dial(address, 80, "refused")
        assert dialled(address, 80) == "refused"
        assert dialled(address, 81) == "timeout"
        assert dialled("2001:db8::1" if ":" in address else "192.0.2.1", 80) == "timeout"


def test_the_node_is_refused_by_a_service_without_endpoints(
    cluster: Cluster, namespace: str
) -> None:
    client = pod("client", "distroless", "sleep")
    client["spec"]["hostNetwork"] = True
    cluster.apply([client, service("empty", {80: 9000})], namespace)
    cluster.wait_ready("pod/client", namespace)
    address = cluster.get("service/empty", namespace=namespace)["spec"]["clusterIP"]
    probe = ("exec", "client", "--", "/listen", "probe", f"{address}:80", "2s")

    cluster.until(
        lambda: cluster.kubectl(*probe, namespace=namespace).stdout.strip() == "refused",
        "a refusal",
    )


def test_names_resolve_as_on_any_cluster(cluster: Cluster, namespace: str) -> None:
    if not cluster.serves("discovery.k8s.io/v1"):
        pytest.skip("the oldest Kubernetes has no DNS")
    cluster.apply([pod("client", "debian", "sleep"), service("web", {80: 9000})], namespace)
    cluster.wait_ready("pod/client", namespace)
    address = cluster.get("service/web", namespace=namespace)["spec"]["clusterIP"]
    settings = cluster.kubectl(
        "exec", "client", "--", "cat", "/etc/resolv.conf", namespace=namespace
    )
    assert f"search {namespace}.svc.cluster.local svc.cluster.local" in settings.stdout
    assert "options ndots:5" in settings.stdout

    def asked(name: str) -> str:
        words = ("exec", "client", "--", "getent", "hosts", name)
        return (cluster.kubectl(*words, namespace=namespace).stdout.split() or [""])[0]

    cluster.until(lambda: asked("web") == address, "the name of the Service")
    assert asked(f"web.{namespace}") == address
    assert asked("kubernetes.default.svc") != ""
    assert asked("web.nowhere") == ""
    assert asked("elsewhere.example") == ""


def test_dual_stack_services(cluster: Cluster, namespace: str) -> None:
    listeners = ("tcp://[::]:9000", "tcp6://[::]:9001", "tcp://0.0.0.0:9002")
    ports = {80: 9000, 81: 9001, 82: 9002}
    both = service("web", ports, ipFamilyPolicy="PreferDualStack")
    cluster.apply([pod("web", "distroless", *listeners), both], namespace)
    cluster.wait_ready("app=web", namespace)
    addresses = cluster.get("service/web", namespace=namespace)["spec"]["clusterIPs"]
    if len(addresses) == 1:
        pytest.skip("this cluster has one address family")
    four, six = addresses
    for address, expected in ((four, (True, False, True)), (six, (True, True, False))):
        for port, accepted in zip(ports, expected, strict=True):
            cluster.wait_dial(address, port, "accepted" if accepted else "refused")


def test_crash_loops_and_delays(cluster: Cluster, namespace: str) -> None:
    cluster.apply(
        [
            pod("crash", "distroless", "exit://?code=3&after=200ms"),
            pod("late", "distroless", "tcp://0.0.0.0:9000?after=2s"),
        ],
        namespace,
    )
    cluster.wait_ready("pod/late", namespace)
    probe = ("exec", "late", "--", "/listen", "probe", "127.0.0.1:9000")
    cluster.until(
        lambda: cluster.kubectl(*probe, namespace=namespace).stdout == "accepted\n",
        "the late listener",
    )

    def crashed() -> bool:
        states = cluster.get("pod/crash", namespace=namespace)["status"]["containerStatuses"]
        last = states[0].get("lastState", {}).get("terminated", {})
        return bool(last.get("exitCode") == 3)

    cluster.until(crashed, "a crash", timeout=60)


def bed(*words: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BED / "bed"), words[0], "--name", TRIAL, *words[1:]],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def traces() -> dict[str, set[str]]:
    """Give everything of which a cluster could leave something behind on the machine.

    What belongs to other clusters of the bed is left out: they come and go meanwhile.
    """
    state = Path(os.environ.get("PORTCHECK_BED_STATE", "/var/lib/portcheck-bed"))
    others = [device(plan) for plan in state.glob("*/plan.json") if plan.parent.name != TRIAL]
    foreign = re.compile(rf"\b({'|'.join([*others, 'none'])})\b")

    def lines(*command: str) -> set[str]:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        found = (line for line in done.stdout.splitlines() if not foreign.search(line))
        return {re.sub(r"@\w+|\[[\d:]+\]|^\d+: ", "", line) for line in found}

    settings = (
        "vm/overcommit_memory",
        "kernel/panic",
        "kernel/panic_on_oops",
        "net/ipv4/ip_forward",
    )
    # Groups of other clusters vanish meanwhile, which os.walk passes over.
    groups = [at for at, _, _ in os.walk("/sys/fs/cgroup") if TRIAL in Path(at).parts]
    marked = {p.parent.name for p in Path("/proc").glob("[0-9]*/cmdline") if mentions(p)}
    return {
        "processes": marked,
        "links": lines("ip", "-o", "-br", "link"),
        "routes": lines("ip", "route") | lines("ip", "-6", "route"),
        "rules": lines("iptables-save") | lines("ip6tables-save"),
        "mounts": lines("findmnt", "-rno", "TARGET,FSTYPE"),
        "namespaces": lines("ip", "netns"),
        "settings": {f"{s}={Path('/proc/sys', s).read_text()}" for s in settings},
        "groups": {*groups},
        "state": {str(state / TRIAL)} if (state / TRIAL).exists() else set(),
    }


def device(plan: Path) -> str:
    """Give the network device of a cluster; one that is just being removed may have none."""
    with contextlib.suppress(OSError, ValueError):
        return f"bed{json.loads(plan.read_text())['slot']}"
    return "none"


def mentions(cmdline: Path) -> bool:
    try:
        return TRIAL.encode() in cmdline.read_bytes()
    except OSError:
        return False


@pytest.mark.teardown
def test_nothing_stays_behind(cluster: Cluster) -> None:
    """A creation killed half-way, a cluster half of whose programs are killed, a clean end."""
    if not cluster.direct:
        pytest.skip("not a cluster of the test bed")
    assert bed("down").returncode == 0  # of an earlier run
    before = traces()

    def left_behind() -> dict[str, set[str]]:
        return {**traces(), "processes": set()}

    untouched = {**before, "processes": set()}
    with subprocess.Popen(
        [str(BED / "bed"), "up", "--name", TRIAL],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as creator:
        # Half-way: more than the program itself is there.
        cluster.until(lambda: left_behind() != untouched, "the first traces")
        creator.send_signal(signal.SIGKILL)
    assert traces() != before
    assert bed("status").returncode == 1

    again = bed("up")
    assert again.returncode == 0, again.stderr
    assert bed("status").returncode == 0
    assert Path(again.stdout.strip()).exists()
    assert bed("up").stdout == again.stdout

    for word in ("kubelet", "kube-apiserver", "containerd"):
        assert bed("enter", "sh", "-c", f"kill -9 $(pidof {word})").returncode == 0
    cluster.until(lambda: "code -9" in bed("status").stdout, "the deaths to be seen")
    assert bed("down").returncode == 0
    assert bed("down").returncode == 0
    # Another cluster may be between its folder and its device for a moment.
    cluster.until(lambda: traces() == before, "the machine to be as it was", timeout=60)
