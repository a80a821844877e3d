"""The recipes of docs/automation on a real cluster, in the image of packaging/Containerfile.

Without a Docker engine the test bed follows the Containerfile's steps; the kubelet is real.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import BED, NAME, Cluster
from tests.e2e.portcheck import diagnose, run
from tests.e2e.workloads import Document, container, deployment, service

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "docs" / "automation"
IMAGE = "portcheck.test/portcheck:1"
SOME_UID = 1000660000
"""As OpenShift gives them: in no /etc/passwd."""


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> str:
    """The image, on the node."""
    containerfile = ROOT / "packaging" / "Containerfile"
    if cluster.direct:
        commands = [[BED / "bed", "image", "--name", NAME, "-f", containerfile, "-t", IMAGE, ROOT]]
    else:
        commands = [
            ["docker", "build", "--quiet", "-f", containerfile, "-t", IMAGE, ROOT],
            ["kind", "load", "docker-image", IMAGE, "--name", NAME],
        ]
    for command in commands:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return IMAGE


@pytest.fixture(scope="module")
def shop(cluster: Cluster, image: str) -> Iterator[str]:
    """A namespace with a broken Service, a well one, and the rights of the recipes."""
    name = cluster.make_namespace()
    app = container("http://0.0.0.0:9000", "http://0.0.0.0:9100", ports=[9000], readiness=9100)
    well = container("http://0.0.0.0:9000", ports=[9000], readiness=9000)
    cluster.apply([deployment(app), service((80, 8080))], name)
    cluster.apply([deployment(well, name="web"), service((80, 9000), name="web")], name)
    cluster.apply((RECIPES / "rbac.yaml").read_text(), name)
    for made in ("checkout", "web"):
        cluster.wait_ready(f"deployment/{made}", name)
    cluster.until(lambda: diagnose(cluster, name).verdict == "broken", "the endpoints to follow")
    cluster.until(lambda: diagnose(cluster, name, "web").verdict == "healthy", "the same")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def recipe(file: str) -> list[Document]:
    """The objects of a recipe, with the image of this test."""
    text = (RECIPES / file).read_text().replace("kubectl-portcheck:0.1.0", IMAGE)
    found = list(yaml.safe_load_all(text))
    for one in found:
        for made in pod_of(one)["spec"].get("containers", ()):
            made["imagePullPolicy"] = "Never"
    return found


def pod_of(found: Document) -> Document:
    """The pod that a document is or makes; any other document as it is."""
    maker: Document = found["spec"].get("jobTemplate", found)["spec"]
    pod: Document = maker.get("template", found)
    return pod


def ended(cluster: Cluster, job: str, namespace: str) -> tuple[str, dict[str, Any], str]:
    """A Job's last condition, the end of its one pod's container, and its log."""

    def conditions() -> list[dict[str, Any]]:
        found = cluster.get(f"job/{job}", namespace=namespace)["status"].get("conditions", [])
        return [c for c in found if c["type"] in ("Complete", "Failed") and c["status"] == "True"]

    # As README.md waits: for any end. Then for the last condition, which may follow.
    wait = ("wait", f"job/{job}", "--for=jsonpath={.status.conditions}", "--timeout=300s")
    cluster.kubectl(*wait, namespace=namespace, timeout=330, check=True)
    cluster.until(lambda: bool(conditions()), f"the end of job/{job}")
    pods = cluster.get("pods", "-l", f"job-name={job}", namespace=namespace)["items"]
    (pod,) = pods
    end = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    log = cluster.kubectl("logs", f"job/{job}", namespace=namespace, check=True).stdout
    return conditions()[-1]["type"], end, log


def test_the_job_on_a_broken_service_fails_with_its_code(cluster: Cluster, shop: str) -> None:
    cluster.apply(recipe("job.yaml"), shop)
    condition, end, log = ended(cluster, "portcheck", shop)
    report = json.loads(log)
    assert (condition, end["exitCode"]) == ("Failed", 1)  # At once: the one pod is asserted above.
    assert "BROKEN" in end["message"]
    assert "kubectl patch service checkout" in end["message"]
    (found,) = report["services"]
    assert (report["verdict"], found["missing"]) == ("broken", [])
    assert [f["code"] for f in found["findings"] if f["cause"]] == ["PC401"]
    assert report["context"] == {**report["context"], "source": "cluster", "namespace": shop}


def test_the_job_on_a_well_service_completes_as_any_user(cluster: Cluster, shop: str) -> None:
    (job,) = recipe("job.yaml")
    job["metadata"]["name"] = "well"
    pod = job["spec"]["template"]["spec"]
    pod["securityContext"]["runAsUser"] = SOME_UID
    pod["containers"][0]["args"][0] = "svc/web"
    cluster.apply([job], shop)
    condition, end, log = ended(cluster, "well", shop)
    report = json.loads(log)
    assert (condition, end["exitCode"]) == ("Complete", 0)
    assert "HEALTHY" in end["message"]
    assert (report["verdict"], report["services"][0]["missing"]) == ("healthy", [])


def test_the_cronjob_sweeps_the_namespace(cluster: Cluster, shop: str) -> None:
    (cron,) = recipe("cronjob.yaml")
    cron["spec"]["suspend"] = True  # Its time may come while the test runs.
    cluster.apply([cron], shop)
    created = ("create", "job", "--from=cronjob/portcheck", "by-hand")
    cluster.kubectl(*created, namespace=shop, check=True)
    condition, end, log = ended(cluster, "by-hand", shop)
    report = json.loads(log)
    assert (condition, end["exitCode"], report["verdict"]) == ("Failed", 1, "broken")
    assert {s["name"]: s["verdict"] for s in report["services"]}.items() >= {
        ("checkout", "broken"),
        ("web", "healthy"),
    }
    assert end["message"] == "service/checkout\n"


def test_the_names_are_what_kubectl_takes(cluster: Cluster, shop: str) -> None:
    named = run(cluster, "-n", shop, "-o", "name")
    assert (named.returncode, named.stdout) == (1, "service/checkout\n")
    taken = cluster.kubectl("get", *named.stdout.split(), "-o", "name", namespace=shop, check=True)
    assert taken.stdout == named.stdout


@pytest.mark.parametrize(
    "file",
    [
        *("job.yaml", "cronjob.yaml", "alert-receiver.yaml"),
        *("indexed-job.yaml", "merge-job.yaml", "reports-pod.yaml"),
    ],
)
def test_the_strictest_pod_security_admits_them(
    cluster: Cluster, namespace: str, file: str
) -> None:
    strict = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", namespace, strict, check=True)
    cluster.apply((RECIPES / "rbac.yaml").read_text(), namespace)
    first = next(d for d in recipe(file) if d["kind"] != "PersistentVolumeClaim")
    pod = {"apiVersion": "v1", "kind": "Pod", **pod_of(first), "metadata": {"name": "one"}}
    dry = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    cluster.kubectl(*dry, namespace=namespace, stdin=json.dumps(pod), check=True)
    del pod["spec"]["containers"][0]["securityContext"]
    refused = cluster.kubectl(*dry, namespace=namespace, stdin=json.dumps(pod))
    assert "restricted" in refused.stderr


def test_the_image_has_a_shell_and_needs_no_home(cluster: Cluster, shop: str) -> None:
    (job,) = recipe("job.yaml")
    job["metadata"]["name"] = "shell"
    script = (
        "id -u; touch /portcheck 2>/dev/null && echo writable; "
        "env -u HOME kubectl-portcheck --version; "
        "env -u HOME kubectl-portcheck svc/web -q"
    )
    made = job["spec"]["template"]["spec"]["containers"][0]
    made.update(command=["/bin/sh", "-c", script], args=[])
    cluster.apply([job], shop)
    cluster.kubectl(
        *("wait", "job/shell", "--for=condition=Complete", "--timeout=300s"),
        namespace=shop,
        timeout=330,
        check=True,
    )
    log = cluster.kubectl("logs", "job/shell", namespace=shop, check=True).stdout.splitlines()
    assert log[0] == "65532"
    assert log[1].startswith("kubectl-portcheck 0.")
    assert log[2].startswith("HEALTHY svc/web")
    assert log[3:] == []  # Not "writable".


def test_an_alert_gets_its_diagnosis(cluster: Cluster, shop: str) -> None:
    script = f"--from-file={RECIPES / 'alert_receiver.py'}"
    name = "portcheck-alert-receiver"
    cluster.kubectl("create", "configmap", name, script, namespace=shop, check=True)
    token = ("create", "secret", "generic", name, "--from-literal=PORTCHECK_TOKEN=open")
    cluster.kubectl(*token, namespace=shop, check=True)
    cluster.apply(recipe("alert-receiver.yaml"), shop)
    cluster.wait_ready(f"deployment/{name}", shop)
    labels = {"namespace": shop, "service": "checkout", "alertname": "ProbeFailed"}
    alert = json.dumps({"version": "4", "alerts": [{"status": "firing", "labels": labels}]})
    code = (
        "import sys, urllib.request as u; r = u.Request('http://127.0.0.1:9095/', "
        "sys.argv[1].encode(), {'Authorization': 'Bearer open'}); "
        "print(u.urlopen(r, timeout=10).read().decode())"
    )
    sent = cluster.kubectl(
        *("exec", f"deployment/{name}", "--", "python3", "-c", code, alert),
        namespace=shop,
        check=True,
    )
    assert sent.stdout.strip() == "1 checks"

    def said() -> str:
        return cluster.kubectl("logs", f"deployment/{name}", namespace=shop).stdout

    cluster.until(lambda: "kubectl patch service checkout" in said(), "the diagnosis")
    assert said().startswith(f"{shop}/checkout: clients get errors\n\n### ")
    assert diagnose(cluster, shop, f"svc/{name}").verdict == "healthy"


SPACES = 200
"""Namespaces that are divided over the pods of the Indexed Job."""


def volume(cluster: Cluster, claim: Document, folder: Path, name: str) -> list[Document]:
    """The claim, with a volume for it where no provisioner makes one."""
    if not cluster.direct:
        return [{**claim, "spec": {**claim["spec"], "accessModes": ["ReadWriteOnce"]}}]
    folder.chmod(0o777)
    made = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "hostPath": {"path": str(folder), "type": "Directory"},
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain",
    }
    held = {"storageClassName": "", "volumeName": name}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": made},
        {**claim, "spec": {**claim["spec"], **held}},
    ]


def divided() -> list[Document]:
    """Namespaces with Services that are broken, healthy or empty, and no pod in any of them."""
    found: list[Document] = []
    for number in range(SPACES):
        name = f"fleet-{number}"
        made = {"name": name, "labels": {"portcheck.test/fleet": "yes"}}
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": made})
        one = service((80, 8080), name="lost")
        found.append({**one, "metadata": {**one["metadata"], "namespace": name}})
        if number % 2:
            spec = {"type": "ExternalName", "externalName": "example.com"}
            meta = {"name": "away", "namespace": name}
            found.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    return found


def of_fleet(report: dict[str, Any]) -> dict[str, str]:
    """The verdicts in the namespaces of this test: those of others come and go."""
    return {
        f"{s['namespace']}/{s['name']}": s["verdict"]
        for s in report["services"]
        if s["namespace"].startswith("fleet-")
    }


def test_an_indexed_job_divides_a_cluster_and_loses_nothing(
    cluster: Cluster, image: str, namespace: str, tmp_path: Path
) -> None:
    role = run(cluster, "--rbac", "-A").stdout
    binding = (
        *("create", "clusterrolebinding", namespace, "--clusterrole=portcheck"),
        f"--serviceaccount={namespace}:portcheck",
    )
    cluster.apply(role)
    cluster.kubectl("create", "serviceaccount", "portcheck", namespace=namespace, check=True)
    cluster.kubectl(*binding, check=True)
    try:
        cluster.apply(divided())
        claim, job = recipe("indexed-job.yaml")
        cluster.apply([*volume(cluster, claim, tmp_path, namespace), job], namespace)
        wait = ("wait", "job/portcheck-shards", "--for=condition=Complete", "--timeout=500s")
        cluster.kubectl(*wait, namespace=namespace, timeout=520, check=True)
        cluster.apply(recipe("merge-job.yaml"), namespace)
        _, end, log = ended(cluster, "portcheck-merge", namespace)
        assert (end["exitCode"], "lost" in log) == (1, True)
        cluster.apply(recipe("reports-pod.yaml"), namespace)
        cluster.wait_ready("pod/portcheck-reports", namespace)
        read = ("exec", "portcheck-reports", "--", "cat", "/reports/merged")
        merged = json.loads(cluster.kubectl(*read, namespace=namespace, check=True).stdout)
        done = run(cluster, "-A", "-o", "json", "--timeout", "300s", timeout=330)
        whole = json.loads(done.stdout)
        assert of_fleet(merged) == of_fleet(whole)
        assert len(of_fleet(merged)) == SPACES + SPACES // 2
        assert [c["name"] for c in merged["clusters"]] == [merged["context"]["cluster"]]
        assert not [m for m in merged["missing"] if "shard" in m]
    finally:
        delete = ("delete", "namespace", "-l", "portcheck.test/fleet=yes", "--wait=false")
        cluster.kubectl(*delete)
        cluster.kubectl("delete", "clusterrolebinding", namespace)
        gone = ("persistentvolume", namespace, "--ignore-not-found", "--wait=false")
        cluster.kubectl("delete", *gone)
