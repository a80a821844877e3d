"""Sweeps and targets on the real cluster: a namespace with 60 Services of which 7 are broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_portcheck.render.rbac import render_role

from .portcheck import PROGRAM, run
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

WELL = 53
BROKEN = {
    "wrong-port": "PC401",
    "wrong-name": "PC402",
    "loopback": "PC202",
    "typo": "PC301",
    "asleep": "PC301",
    "crashing": "PC102",
    "unready": "PC411",
}
"""By Service: the cause that is to be found."""

BINDING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}Binding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {role}}}
subjects: [{{kind: User, name: {user}, apiGroup: rbac.authorization.k8s.io}}]
"""


def well() -> Iterator[Document]:
    """53 Services over four workloads: with a probe that settles them, and without."""
    probed = container(
        "http://0.0.0.0:9000", "http://0.0.0.0:9100", ports={"http": 9000}, readiness=9000
    )
    other = container(
        "http://0.0.0.0:9000", "http://0.0.0.0:9100", ports={"http": 9000}, readiness=9100
    )
    yield deployment(probed, name="probed", replicas=2)
    yield deployment(other, name="other")
    daemons = deployment(other, name="daemons")
    del daemons["spec"]["replicas"]
    yield {**daemons, "kind": "DaemonSet"}
    state = deployment(other, name="state")
    state["spec"]["serviceName"] = "state"
    yield {**state, "kind": "StatefulSet"}
    for number in range(WELL):
        name = ("probed", "other", "daemons", "state")[min(number % 10, 3)]
        made = service((80, 9000 if number % 2 else "http"), name=f"well-{number:02}")
        made["spec"]["selector"] = {"app": name}
        made["metadata"]["labels"] = {"of": name}
        yield made


def broken() -> Iterator[Document]:
    """One workload and one Service for each fault."""
    app = container("http://0.0.0.0:9000", ports={"http": 9000})
    yield deployment(app, name="wrong-port")
    yield service((80, 8080), name="wrong-port")
    yield deployment(app, name="wrong-name")
    yield service((80, "web"), name="wrong-name")
    yield deployment(container("http://127.0.0.1:9000", ports=[9000]), name="loopback")
    yield service((80, 9000), name="loopback")
    yield deployment(app, name="tipo")
    yield service((80, 9000), name="typo")
    yield deployment(app, name="asleep", replicas=0)
    yield service((80, 9000), name="asleep")
    yield deployment(container("exit://?code=3"), name="crashing")
    yield service((80, 9000), name="crashing")
    yield deployment(container("http://0.0.0.0:9000", readiness=9001), name="unready")
    yield service((80, 9000), name="unready")


@pytest.fixture(scope="module")
def town(cluster: Cluster) -> Iterator[str]:
    """The namespace, once its endpoints have come to rest."""
    name = cluster.make_namespace()
    cluster.apply([*well(), *broken()], name)
    for ready in (
        "deployment/probed",
        "deployment/other",
        "statefulset/state",
        "daemonset/daemons",
    ):
        cluster.wait_ready(ready, name)
    for ready in ("wrong-port", "wrong-name", "loopback", "tipo"):
        cluster.wait_ready(f"deployment/{ready}", name)
    sweep_at_rest(cluster, name, "-n", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def sweep(cluster: Cluster, *flags: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report."""
    done = run(cluster, *flags, "-o", "json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def sweep_at_rest(
    cluster: Cluster, namespace: str, *flags: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Exit code, report and the town's verdicts, as expected: what crashes runs for moments."""
    found: list[tuple[int, dict[str, Any], dict[str, str]]] = []

    def come_about() -> bool:
        code, report = sweep(cluster, *flags)
        reported = verdicts(report)
        here = {k: v for k, v in reported.items() if k.startswith(f"{namespace}/")}
        found[:] = [(code, report, here)]
        return here == expected(namespace) and causes(report, namespace) == BROKEN

    cluster.until(come_about, "each Service to have its verdict and its cause", 180)
    return found[0]


def causes(report: dict[str, Any], namespace: str) -> dict[str, str]:
    """By broken Service of the namespace, the first cause; '' where an error has none."""
    return {
        s["name"]: next(
            (f["code"] for f in s["findings"] if f["cause"] and f["severity"] == "error"), ""
        )
        for s in report["services"]
        if (s["namespace"], s["verdict"]) == (namespace, "broken")
    }


def on_terminal(cluster: Cluster, columns: int, *flags: str) -> str:
    """What a person sees at a terminal of that width."""
    import fcntl
    import os
    import pty
    import struct
    import subprocess
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [str(PROGRAM), *flags],
        env={**cluster.environment(), "NO_COLOR": "1", "TERM": "xterm", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    seen = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(65536)
            except OSError:  # Linux ends a terminal so.
                break
            if not part:
                break
            seen += part
    process.wait(timeout=60)
    return seen.decode().replace("\r\n", "\n")


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {f"{s['namespace']}/{s['name']}": s["verdict"] for s in report["services"]}


def expected(namespace: str) -> dict[str, str]:
    found = {f"{namespace}/{name}": "broken" for name in BROKEN}
    return found | {f"{namespace}/well-{n:02}": "healthy" for n in range(WELL)}


def test_each_of_the_seven_has_its_cause(cluster: Cluster, town: str) -> None:
    code, report, found = sweep_at_rest(cluster, town, "-n", town)
    assert (code, found) == (1, expected(town))
    assert causes(report, town) == BROKEN


@pytest.mark.parametrize("columns", [80, 140])
def test_a_person_reads_it_from_the_top(cluster: Cluster, town: str, columns: int) -> None:
    lines = on_terminal(cluster, columns, "-n", town).splitlines()
    assert lines[0] == "✗ BROKEN  7 of 60 Services broken, 53 healthy"
    rows = [line for line in lines if line.startswith("  ✗ BROKEN  ")]
    assert [r.split()[2] for r in rows] == sorted(BROKEN)
    assert sum("✓ 53 HEALTHY" in line for line in lines) == 1
    details = [line.split()[2] for line in lines if re.match("✗ BROKEN  svc/", line)]
    assert details == [f"svc/{name}" for name in sorted(BROKEN)]
    # A command is one line, whatever the width, so that it can be pasted.
    assert all(len(line) <= columns for line in lines if not line.startswith("kubectl "))


def test_the_summary_is_one_line_per_service(cluster: Cluster, town: str) -> None:
    lines = run(cluster, "-n", town, "--summary", COLUMNS="140").stdout.splitlines()
    assert len(lines) == 2 + len(BROKEN) + 1


def test_what_a_probe_settles_is_not_contacted_unless_asked(cluster: Cluster, town: str) -> None:
    flags = ("-n", town, "-l", "of=probed")
    assert not re.search("/(exec|portforward)", run(cluster, *flags, "-v6").stderr)
    assert re.search("/exec", run(cluster, *flags, "--deep", "-v6").stderr)
    code, report = sweep(cluster, *flags, "--deep")
    assert (code, set(verdicts(report).values())) == (0, {"healthy"})


@pytest.mark.parametrize(
    ("target", "many", "kind"),
    [
        ("deploy/other", 6, "Deployment"),
        ("ds/daemons", 6, "DaemonSet"),
        ("statefulset.apps/state", 35, "StatefulSet"),
        ("pod/state-0", 35, "Pod"),
    ],
)
def test_a_workload_means_the_services_that_select_it(
    cluster: Cluster, town: str, target: str, many: int, kind: str
) -> None:
    code, report = sweep(cluster, target, "-n", town)
    assert code == 0
    *services, own = report["services"]
    assert len(services) == many
    assert (own["kind"], own["verdict"]) == (kind, "healthy")
    assert "port 9000 (http): the pod listens" in own["headline"]


def test_a_replica_set_is_a_target(cluster: Cluster, town: str) -> None:
    made = cluster.get("replicasets", "-l", "app=wrong-port", namespace=town)["items"][0]
    code, report = sweep(cluster, f"rs/{made['metadata']['name']}", "-n", town)
    assert code == 1
    assert [s["kind"] for s in report["services"]] == ["Service", "ReplicaSet"]


def test_a_workload_that_no_service_selects(cluster: Cluster, town: str) -> None:
    code, report = sweep(cluster, "deploy/tipo", "-n", town)
    assert (code, report["services"][0]["verdict"]) == (3, "inconclusive")
    assert "svc/typo selects app=typo, and they have app=tipo" in report["services"][0]["headline"]


def test_an_ingress_means_its_backends(cluster: Cluster, town: str) -> None:
    def path(name: str) -> Document:
        backend = {"service": {"name": name, "port": {"number": 80}}}
        return {"path": f"/{name}", "pathType": "Prefix", "backend": backend}

    rules = [{"http": {"paths": [path("well-00"), path("wrong-port"), path("nowhere")]}}]
    cluster.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "web"},
            "spec": {"rules": rules},
        },
        town,
    )
    try:
        code, report = sweep(cluster, "ing/web", "-n", town)
    finally:
        cluster.kubectl("delete", "ingress", "web", namespace=town, check=True)
    assert code == 1
    assert verdicts(report) == {
        f"{town}/well-00": "healthy",
        f"{town}/wrong-port": "broken",
        f"{town}/nowhere": "broken",
    }


def test_every_namespace_at_once(cluster: Cluster, town: str) -> None:
    # Other tests have namespaces of their own, in any state.
    code, report, found = sweep_at_rest(cluster, town, "-A")
    assert (code, found) == (1, expected(town))
    assert "default/kubernetes" not in verdicts(report)


def test_a_mistyped_name_is_found_elsewhere(cluster: Cluster, town: str, namespace: str) -> None:
    near = run(cluster, "svc/wrong-prot", "-n", town)
    assert (near.returncode, near.stdout) == (2, "")
    assert "Did you mean wrong-port?" in near.stderr
    elsewhere = run(cluster, "deploy/daemons", "svc/well-07", "-n", namespace)
    assert elsewhere.returncode == 2
    service_elsewhere = run(cluster, "svc/well-07", "-n", namespace)
    assert f"There is one of this name in namespace {town}." in service_elsewhere.stderr


def test_the_rights_of_one_namespace(cluster: Cluster, town: str) -> None:
    user = f"local-{town}"
    binding = BINDING.format(kind="Role", name="portcheck", role="portcheck", user=user)
    cluster.apply(render_role(), town)
    cluster.apply(binding, town)
    denied = run(cluster, "-A", "--as", user, PATH="/nowhere")
    assert (denied.returncode, denied.stdout) == (3, "")
    assert "list services is forbidden" in denied.stderr
    assert "--rbac -A" in denied.stderr
    code, _, found = sweep_at_rest(cluster, town, "-n", town, "--as", user)
    assert (code, found) == (1, expected(town))


def test_the_printed_cluster_role_is_enough(cluster: Cluster, town: str) -> None:
    printed = run(cluster, "--rbac", "-A").stdout
    name = f"portcheck-{town}"
    role = printed.replace("metadata: {name: portcheck}", f"metadata: {{name: {name}}}")
    cluster.apply(role)
    cluster.apply(BINDING.format(kind="ClusterRole", name=name, role=name, user=name))
    try:
        _, report, found = sweep_at_rest(cluster, town, "-A", "--as", name)
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", name)
    assert (found, report["missing"]) == (expected(town), [])
    here = [s for s in report["services"] if s["namespace"] == town]
    assert not any("forbidden" in m for s in here for m in s["missing"])
