"""Which pods a Service would have, by the files."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kubectl_portcheck.collect.manifests import documents, gather, read
from kubectl_portcheck.collect.manifests.fixed_files import fix_files
from kubectl_portcheck.inputs import yaml_tree
from kubectl_portcheck.model.base import Observed

from .reading import CORPUS, DEBRIEF, check, check_text

TEMPLATE = (
    "{metadata: {labels: {app: a}}, spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}"
)
SERVICE = "kind: Service\nmetadata: {name: a}\nspec: {selector: {app: a}, ports: [{port: 80}]}\n"


def pods_of(text: str, **options: str) -> list[str]:
    gathered = gather(read(["-"], io.BytesIO(text.encode())), **options)  # type: ignore[arg-type]
    found = gathered.evidence.services[0].pods
    assert isinstance(found, Observed)
    return [p.metadata.name for p in found.value]


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Deployment", "apps/v1"),
        ("Deployment", "extensions/v1beta1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("ReplicationController", "v1"),
        ("Job", "batch/v1"),
        ("Rollout", "argoproj.io/v1alpha1"),
        ("DeploymentConfig", "apps.openshift.io/v1"),
    ],
)
def test_a_template_replaces_its_pods(kind: str, version: str) -> None:
    workload = (
        f"kind: {kind}\napiVersion: {version}\nmetadata: {{name: w}}\n"
        f"spec: {{template: {TEMPLATE}}}\n"
    )
    assert pods_of(f"{SERVICE}---\n{workload}") == [f"{kind.lower()}/w"]


def test_a_cron_job_and_a_pod_too() -> None:
    spec = f"{{jobTemplate: {{spec: {{template: {TEMPLATE}}}}}}}"
    cron = f"kind: CronJob\nmetadata: {{name: w}}\nspec: {spec}\n"
    assert pods_of(f"{SERVICE}---\n{cron}") == ["cronjob/w"]
    pod = TEMPLATE.replace("metadata: {", "kind: Pod, metadata: {name: p, ")
    assert pods_of(f"{SERVICE}---\n{pod}") == ["p"]


@pytest.mark.parametrize(
    ("service", "workload", "asked", "matches"),
    [
        ("", "", "", True),
        ("prod", "prod", "", True),
        ("prod", "", "", True),
        ("", "prod", "", True),
        ("prod", "test", "", False),
        ("prod", "", "prod", True),
        ("", "prod", "prod", True),
        ("", "", "prod", True),
    ],
)
def test_no_namespace_is_the_same_for_all(
    service: str, workload: str, asked: str, matches: bool
) -> None:
    text = SERVICE.replace("{name: a}", f"{{name: a, namespace: '{service}'}}") + (
        f"---\nkind: Deployment\nmetadata: {{name: w, namespace: '{workload}'}}\n"
        f"spec: {{template: {TEMPLATE}}}\n"
    )
    assert pods_of(text, namespace=asked) == (["deployment/w"] if matches else [])


def test_the_nearest_of_several_environments_is_meant(tmp_path: Path) -> None:
    for folder, number in (("dev", 8080), ("prod", 9000)):
        (tmp_path / folder).mkdir()
        service, workload = DEBRIEF.replace("8080", str(number)), ""
        service, workload = service.split("---\n")[::-1]
        (tmp_path / folder / "service.yaml").write_text(service)
        (tmp_path / folder / "deploy.yaml").write_text(workload.replace("9000", str(number)))
    found = check(tmp_path)
    assert len(found.gathered.services) == 2
    assert not found.findings


def test_a_selector_with_a_slip_names_what_was_meant(tmp_path: Path) -> None:
    text = DEBRIEF.replace("    app: checkout\n", "    app: chekout\n")
    found = check_text(tmp_path, text)
    assert found.places == [("PC301", "warning", 24)]
    assert "Deployment checkout has app=checkout" in found.findings[0].summary
    assert found.raw.verdict == "healthy"
    assert not fix_files(found.raw, found.gathered).files
    everything = check_text(tmp_path, text, complete=True)
    assert everything.places == [("PC301", "error", 24)]
    assert everything.raw.verdict == "broken"
    assert "    app: checkout\n" in everything.fixed.files[0][1]


def test_a_named_port_with_a_slip_is_an_error_at_its_line(tmp_path: Path) -> None:
    text = DEBRIEF.replace("containerPort: 9000", "{name: http, containerPort: 9000}").replace(
        "targetPort: 8080", "targetPort: 'htpp'"
    )
    found = check_text(tmp_path, text)
    assert found.places == [("PC402", "error", 27)]
    assert "targetPort: 'http'   # as ever" in found.fixed.files[0][1]


def test_what_only_a_live_pod_can_show_does_not_spoil_the_verdict(tmp_path: Path) -> None:
    report = check_text(tmp_path, DEBRIEF.replace("8080", "9000")).raw
    assert report.verdict == "healthy"
    not_evaluated = {n.code: n.missing for n in report.services[0].not_evaluated}
    assert not_evaluated["PC102"] == "only a live cluster can tell"
    steps = {s.step: s.status for s in report.services[0].ports[0].steps}
    assert steps == {
        1: "skipped",
        2: "skipped",
        3: "skipped",
        4: "pass",
        5: "skipped",
        6: "skipped",
    }
    assert "answer" not in str(report.services[0].headline)


def test_values_are_those_of_the_reference_loader() -> None:
    """Of all published manifests: the tree and PyYAML's loader read the same."""
    compared = 0
    for path in (CORPUS / "published").rglob("*.yaml"):
        text = path.read_text()
        # The loader knows dates and sexagesimal numbers, which Kubernetes does not.
        roots = [yaml_tree.parse(piece) for _, piece in documents._split(text)]
        ours = [
            d for r in roots if r is not None and (d := yaml_tree.Values(text).of(r)) is not None
        ]
        theirs = [d for d in yaml.load_all(text, yaml.CSafeLoader) if d is not None]
        assert ours == _without_nulls(theirs)
        compared += len(ours)
    assert compared > 200


def _without_nulls(data: object) -> object:
    if isinstance(data, dict):
        return {str(k): _without_nulls(v) for k, v in data.items() if v is not None}
    if isinstance(data, list):
        return [_without_nulls(v) for v in data if v is not None]
    return data


def test_a_thousand_manifests_are_soon_read(tmp_path: Path) -> None:
    for number in range(500):
        service, workload = DEBRIEF.replace("checkout", f"shop-{number}").split("---\n")[::-1]
        (tmp_path / f"{number}-s.yaml").write_text(service)
        (tmp_path / f"{number}-w.yaml").write_text(workload.replace("9000", "8080"))
    code = (
        "import io, sys, time\n"
        "begun = time.process_time()\n"
        "from kubectl_portcheck.collect.manifests import gather, localise, read\n"
        "from kubectl_portcheck.diagnosis import diagnose\n"
        f"gathered = gather(read([{str(tmp_path)!r}], io.BytesIO()))\n"
        "report = localise(diagnose(gathered.evidence), gathered)\n"
        "heavy = ('kubernetes', 'ssl', 'http.client', 'rich', 'urllib3')\n"
        "print(len(report.services), report.verdict, time.process_time() - begun,\n"
        "      [m for m in heavy if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    services, verdict, seconds, heavy = done.stdout.split(maxsplit=3)
    assert (services, verdict, heavy.strip()) == ("500", "healthy", "[]")
    assert float(seconds) < 5  # About one on a quiet machine; the bound is for busy ones.
