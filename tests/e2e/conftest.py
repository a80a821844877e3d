"""The cluster of the end-to-end tests, and what they do to it.

Where a Docker engine and kind are there, kind makes the cluster; else the test bed's stand-in
does (tests/bed), through the same `kind_cluster` fixture of pytest-kind. Any other cluster:
`--e2e-kubeconfig FILE` or $PORTCHECK_E2E_KUBECONFIG; then nothing is started or stopped. Another
release of the test bed: $PORTCHECK_E2E_RELEASE.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.e2e.rest import KINDS, OLD_SLICES, SLICES, at_rest

BED = Path(__file__).resolve().parent.parent / "bed"
RELEASE = os.environ.get("PORTCHECK_E2E_RELEASE", "")
"""Another release of Kubernetes than the test bed's newest, such as ``1.34``."""
NAME = f"portcheck-{RELEASE.replace('.', '-')}" if RELEASE else "portcheck"

_DIAL_SPACE = "portcheck-e2e-dial"

Dialled = Literal["accepted", "refused", "timeout"]
Document = Mapping[str, Any]


@dataclass
class Cluster:
    """A running cluster, through kubectl. Every wait has an end."""

    kubeconfig: Path
    kubectl_path: Path
    server: str
    direct: bool  # the Service network has a route from here: the test bed

    def environment(self) -> dict[str, str]:
        """Give the environment in which any client finds this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def kubectl(
        self,
        *args: str,
        namespace: str | None = None,
        stdin: str = "",
        timeout: float = 180,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl to its end; with check, a failure fails the test with its message."""
        where = ["--namespace", namespace] if namespace else []
        done = subprocess.run(
            [str(self.kubectl_path), *where, *args],
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done

    def get(self, *args: str, namespace: str | None = None) -> Any:
        """Give an object, or a list of them, decoded; it must be there."""
        return json.loads(
            self.kubectl("get", *args, "-o", "json", namespace=namespace, check=True).stdout
        )

    def serves(self, version: str) -> bool:
        """Tell whether a group and version, such as `discovery.k8s.io/v1`, is there."""
        return version in self.kubectl("api-versions", check=True).stdout.split()

    def apply(
        self, what: str | Document | Iterable[Document], namespace: str | None = None
    ) -> None:
        """Apply YAML text, one document or several."""
        if isinstance(what, str):
            text = what
        else:
            documents = [what] if isinstance(what, Mapping) else list(what)
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        self.kubectl("apply", "-f", "-", namespace=namespace, stdin=text, check=True)

    def wait_ready(self, what: str, namespace: str | None = None, timeout: float = 180) -> None:
        """Wait for `deployment/NAME` (or another workload's), `pod/NAME` or a selector's pods."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(1, int(deadline - time.monotonic()))
            if "=" not in what and not what.startswith(("pod/", "pods/")):
                words = ["rollout", "status", what, f"--timeout={left}s"]
            else:
                selected = ["pod", "-l", what] if "=" in what else [what]
                words = ["wait", "--for=condition=Ready", *selected, f"--timeout={left}s"]
            done = self.kubectl(*words, namespace=namespace, timeout=left + 30)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                pods = self.kubectl("get", "pods", "-o", "wide", namespace=namespace).stdout
                pytest.fail(f"{what} not ready after {timeout:.0f} s: {done.stderr}\n{pods}")
            time.sleep(0.2)  # not there yet

    def dial(self, host: str, port: int, timeout: float = 2) -> Dialled:
        """Connect by TCP as a client in the cluster would: a ClusterIP goes through kube-proxy."""
        return (
            _dial(host, port, timeout) if self.direct else self._dial_from_pod(host, port, timeout)
        )

    def wait_dial(self, host: str, port: int, expected: Dialled, timeout: float = 90) -> None:
        """Dial until the result is the expected one: rules follow EndpointSlices with a delay."""
        self.until(
            lambda: self.dial(host, port) == expected, f"{host}:{port} to be {expected}", timeout
        )

    @cached_property
    def _has_slices(self) -> bool:
        return self.serves("discovery.k8s.io/v1")

    def settle(self, namespace: str, timeout: float = 30) -> None:
        """Wait until Kubernetes has caught up with what was changed; where it never does, go on."""
        deadline = time.monotonic() + timeout
        kinds = KINDS if self._has_slices else KINDS.replace(SLICES, OLD_SLICES)
        while not at_rest(self.get(kinds, namespace=namespace)["items"]):
            if time.monotonic() > deadline:
                return
            time.sleep(0.2)

    @staticmethod
    def until(done: Callable[[], bool], what: str, timeout: float = 120) -> None:
        """Ask again and again until something is so; fail the test if it never is."""
        deadline = time.monotonic() + timeout
        while not done():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {timeout:.0f} s for {what}")
            time.sleep(0.1)

    def _dial_from_pod(self, host: str, port: int, timeout: float) -> Dialled:
        space = _DIAL_SPACE
        if self.kubectl("get", "pod/dial", namespace=space).returncode:
            self.kubectl("create", "namespace", space)
            self._await_account(space)
            self.apply(_dialling_pod(), space)
            self.wait_ready("pod/dial", space)
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        said = self.kubectl(
            *("exec", "dial", "--", "/listen", "probe", target, f"{timeout}s"), namespace=space
        )
        return _result(said.stdout.strip(), said.stderr)

    def make_namespace(self) -> str:
        """Make a namespace that pods can be created in at once."""
        name = f"e2e-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name, check=True)
        self._await_account(name)
        return name

    def _await_account(self, namespace: str) -> None:
        wanted = ("get", "serviceaccount/default", "configmap/kube-root-ca.crt")
        self.until(
            lambda: self.kubectl(*wanted, namespace=namespace).returncode == 0,
            f"the ServiceAccount of {namespace}",
            timeout=60,
        )


def _dial(host: str, port: int, timeout: float) -> Dialled:
    try:
        socket.create_connection((host, port), timeout).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        if error.errno == errno.ECONNRESET:  # after the handshake
            return "accepted"
        pytest.fail(f"{host}:{port}: {error}")
    return "accepted"


def _result(word: str, otherwise: str) -> Dialled:
    if word == "accepted":
        return "accepted"
    if word == "refused":
        return "refused"
    if word == "timeout":
        return "timeout"
    pytest.fail(f"dialling from a pod: {word} {otherwise}")


def _dialling_pod() -> Document:
    container = {
        "name": "dial",
        "image": "portcheck.test/distroless:1",
        "imagePullPolicy": "Never",
        "args": ["sleep"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "dial"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names another cluster (where this file is loaded early enough)."""
    parser.addoption("--e2e-kubeconfig", metavar="FILE", help="test on this cluster, start none")


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers of these tests."""
    config.addinivalue_line("markers", "e2e: runs against a real cluster")
    config.addinivalue_line("markers", "oldest: runs on the oldest Kubernetes as well")
    config.addinivalue_line("markers", "teardown: brings up and removes a cluster of its own")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests beside this file."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Give the session's cluster; it stays up if it was up before, or with --keep-cluster."""
    other = request.config.getoption("--e2e-kubeconfig", default=None) or os.environ.get(
        "PORTCHECK_E2E_KUBECONFIG"
    )
    if RELEASE and not other:
        with _on_bed(NAME) as found:
            yield found
        return
    found = _other_cluster(Path(other)) if other else _kind_cluster(request)
    yield found
    if not found.direct:
        found.kubectl("delete", "namespace", _DIAL_SPACE, "--ignore-not-found", "--wait=false")


def _other_cluster(kubeconfig: Path) -> Cluster:
    return connect(kubeconfig.resolve(), _fitting_kubectl(), direct=False)


def _kind_cluster(request: pytest.FixtureRequest) -> Cluster:
    kind = _real_kind()
    direct = kind is None
    if direct:
        _require_bed()
    kind = kind or BED / "kind"
    kubectl = _fitting_kubectl()
    folder = Path(".pytest-kind") / NAME
    folder.mkdir(parents=True, exist_ok=True)
    kubeconfig = (folder / "kubeconfig").resolve()
    option = request.config.option
    option.cluster_name = NAME
    option.kind_bin = str(kind)
    option.kind_kubectl_bin = str(kubectl)
    option.kubeconfig = str(kubeconfig)
    if direct and _bed("status").returncode:
        _bed("down", check=True)  # a damaged one, or nothing
    if NAME in _run(kind, "get", "clusters", check=True).stdout.split():
        option.keep_cluster = True
        # pytest-kind takes the one that is there, but would not ask for its kubeconfig.
        _run(kind, "export", "kubeconfig", "--name", NAME, "--kubeconfig", kubeconfig, check=True)
    request.getfixturevalue("kind_cluster")
    if not direct:
        _load_images(kind)
    return connect(kubeconfig, kubectl, direct)


@pytest.fixture(scope="session")
def guarded(cluster: Cluster) -> Iterator[Cluster]:
    """Give a cluster that enforces NetworkPolicies: another one of the test bed, or the given one.

    Tests dial from a pod there: policies do not apply between a pod and its own node.
    """
    if not cluster.direct:
        yield cluster
        return
    with _on_bed(f"{NAME}-guarded", "--policies", direct=False) as found:
        yield found


@contextmanager
def _on_bed(name: str, *words: str, direct: bool = True) -> Iterator[Cluster]:
    """Give a cluster of the test bed, of the wanted release; it stays up if it was before."""
    _require_bed()
    release = ["--release", RELEASE] if RELEASE else []
    there = name in _run(BED / "bed", "list", check=True).stdout.split()
    _bed("up", "--name", name, *release, *words, check=True)
    path = Path(_bed("kubeconfig", "--name", name, check=True).stdout.strip())
    yield connect(path, _fitting_kubectl(), direct=direct)
    if not there:
        _bed("down", "--name", name, check=True)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Give a fresh namespace; its end is not waited for."""
    name = cluster.make_namespace()
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def _run(
    *words: str | Path, check: bool = False, timeout: float = 7200
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(map(str, words))}: exit code {done.returncode}")
    return done


def _bed(*words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    return _run(BED / "bed", *words, check=check)


def _real_kind() -> Path | None:
    """Give kind itself where it can work."""
    kind, docker = shutil.which("kind"), shutil.which("docker")
    if not kind or not docker:
        return None
    quiet = subprocess.DEVNULL
    try:
        engine = subprocess.run(
            [docker, "info"], stdout=quiet, stderr=quiet, timeout=20, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return Path(kind) if engine.returncode == 0 else None


def _load_images(kind: Path) -> None:
    """Build the test images with Docker and give them to kind; the bed has its own."""
    for name, target in (
        ("busybox:1", "busybox"),
        ("distroless:1", "distroless"),
        ("proxyv2:1.9", "distroless"),
        ("debian:1", "debian"),
    ):
        image = f"portcheck.test/{name}"
        _run("docker", "build", "--quiet", "--target", target, "--tag", image, BED, check=True)
        _run(kind, "load", "docker-image", image, "--name", NAME, check=True)


def _require_bed() -> None:
    """Skip where the bed cannot run; in CI, fail: there it must."""
    checked = _bed("check")
    if checked.returncode:
        reason = f"no cluster to test on: {checked.stdout.strip()}, and there is no kind"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(reason)
        pytest.skip(reason)


def _fitting_kubectl() -> Path:
    found = _bed("kubectl", check=True).stdout.strip()
    return Path(found)


def connect(kubeconfig: Path, kubectl: Path, direct: bool) -> Cluster:
    found = Cluster(kubeconfig, kubectl, "", direct)
    view = found.kubectl("config", "view", "--minify", "-o", "json", check=True).stdout
    found.server = json.loads(view)["clusters"][0]["cluster"]["server"]
    return found
