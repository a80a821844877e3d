"""Records the incidents of ``--demo`` on a real cluster: ``make demo-record``.

``python -m tests.demo.record [NAME...]`` deploys each in a namespace of its own, waits until it has
come about, walks to it with ``--save``, and removes the namespace. The cluster is that of
$KUBECONFIG, else the test bed's; it must have the test images (tests/bed/README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from kubectl_portcheck import demo
from tests.demo.scenes import SCENES, Scene, wait
from tests.e2e.conftest import BED, Cluster, connect
from tests.e2e.portcheck import Diagnosis, run

FOLDER = Path(demo.__file__).parent
AT_ONCE = 3
PATIENCE = 180.0
"""Seconds that an incident may take to come about."""
MARK = "portcheck-demo"
"""The label of the namespaces made here: no other is ever removed."""


def main() -> int:
    """Records what the command line names, or everything; tells what could not be."""
    parser = argparse.ArgumentParser(description="Records the incidents of --demo.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENES))
    names = parser.parse_args().names or list(SCENES)
    unknown = set(names) - set(SCENES)
    if unknown:
        parser.error(f"no scene {', '.join(sorted(unknown))}")
    cluster = connect(_kubeconfig(), Path(_bed("kubectl")), direct=False)
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = {pool.submit(record, cluster, name, SCENES[name]): name for name in names}
        for future in as_completed(started):
            error = future.exception()
            failed += error is not None
            said = f"failed: {error}" if error else f"{future.result()} bytes"
            print(f"{started[future]}: {said}", flush=True)
    return 1 if failed else 0


def record(cluster: Cluster, name: str, scene: Scene) -> int:
    """Makes one recording; gives its size. Raises where the incident does not come about."""
    _make_namespace(cluster, scene.namespace)
    try:
        if scene.before:
            cluster.apply(scene.before, scene.namespace)
            _wait_for_rollout(cluster, scene.before, scene.namespace)
        cluster.apply(scene.documents, scene.namespace)
        if scene.ready:
            cluster.wait_ready(scene.ready, scene.namespace, timeout=PATIENCE)
        return _record(cluster, name, scene)
    finally:
        cluster.kubectl("delete", "namespace", scene.namespace, "--wait=false")


def _record(cluster: Cluster, name: str, scene: Scene) -> int:
    target = FOLDER / f"{name}.json.gz"
    seen = ""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / target.name

        def come_about() -> bool:
            nonlocal seen
            if not scene.settled(cluster, scene.namespace):
                return False
            found = _walk(cluster, scene, saved)
            leads = found.causes[0] if found.causes else ""
            seen = f"{found.verdict} {leads}"
            return (found.verdict, leads) == (scene.verdict, scene.cause)

        try:
            wait(come_about, f"{scene.verdict} {scene.cause}", PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {seen or 'not settled'}") from None
        target.write_bytes(saved.read_bytes())
    return target.stat().st_size


def _walk(cluster: Cluster, scene: Scene, saved: Path) -> Diagnosis:
    where = ("-n", scene.namespace, *scene.flags)
    done = run(cluster, scene.target, *where, "--save", str(saved), "-o", "json")
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return Diagnosis(done.returncode, json.loads(done.stdout))


def _make_namespace(cluster: Cluster, name: str) -> None:
    there = cluster.kubectl("get", "namespace", name, "-o", "json")
    if there.returncode == 0:
        if MARK not in json.loads(there.stdout)["metadata"].get("labels", {}):
            raise RuntimeError(f"there is a namespace {name} already, and it is not the demo's")
        cluster.kubectl("delete", "namespace", name, timeout=120, check=True)
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {MARK: ""}},
    }
    cluster.apply(namespace)
    account = ("get", "serviceaccount/default", "configmap/kube-root-ca.crt")
    wait(
        lambda: cluster.kubectl(*account, namespace=name).returncode == 0,
        f"the ServiceAccount of {name}",
        60,
    )


def _wait_for_rollout(cluster: Cluster, documents: list[dict[str, object]], space: str) -> None:
    for document in documents:
        if document["kind"] == "Deployment":
            metadata = document["metadata"]
            assert isinstance(metadata, dict)
            cluster.wait_ready(f"deployment/{metadata['name']}", space, timeout=PATIENCE)


def _kubeconfig() -> Path:
    return Path(os.environ.get("KUBECONFIG") or _bed("kubeconfig"))


def _bed(word: str) -> str:
    done = subprocess.run([str(BED / "bed"), word], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
