"""Workloads in files that name a Service of the same files with a port that it does not have."""

import io
from pathlib import Path

import pytest

from kubectl_portcheck.collect.manifests import gather, localise, read
from kubectl_portcheck.diagnosis import diagnose

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: %s, targetPort: 8080}]}
"""
CALLER = """
apiVersion: %s
kind: %s
metadata: {name: frontend}
spec: %s
"""
PODS = """{containers: [{name: app, image: app, env: [{name: CHECKOUT_ADDR, value: "%s"}]}]}"""


def caller(value: str, kind: str = "Deployment") -> str:
    """A workload with that value in a variable."""
    pods = PODS % value
    labels = "{labels: {app: frontend}}"
    template = f"{{selector: {{matchLabels: {{app: frontend}}}}, template: {{metadata: {labels}, "
    template += f"spec: {pods}}}}}"
    if kind == "CronJob":
        job = f"{{spec: {{template: {{spec: {pods}}}}}}}"
        return CALLER % ("batch/v1", kind, f"{{schedule: '* * * * *', jobTemplate: {job}}}")
    return CALLER % ("apps/v1", kind, template)


def reported(folder: Path) -> list[tuple[str, str, str]]:
    gathered = gather(read([str(folder)], io.BytesIO()))
    report = localise(diagnose(gathered.evidence), gathered)
    return [
        (f.code, f.subject.name, Path(f.origin.file).name if f.origin else "")
        for s in report.services
        for f in s.findings
        if f.code.startswith("PC61")
    ]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "CronJob"])
def test_a_port_that_the_service_of_the_same_files_lacks(tmp_path: Path, kind: str) -> None:
    (tmp_path / "service.yaml").write_text(SERVICE % 80)
    (tmp_path / "frontend.yaml").write_text(caller("http://u:s3cret@checkout:8080/x", kind))
    assert reported(tmp_path) == [("PC612", "frontend", "frontend.yaml")]


@pytest.mark.parametrize(
    "value",
    [
        "checkout:80",
        "http://checkout",
        "checkout.other:8080",
        "cart:8080",
        "chekcout:8080",
        "localhost:80",
        "10.96.0.7:80",
        "{{ .Values.host }}:8080",
        "$(HOST):8080",
        "s3cret",
    ],
)
def test_what_files_cannot_prove_raises_nothing(tmp_path: Path, value: str) -> None:
    (tmp_path / "all.yaml").write_text(f"{SERVICE % 80}---{caller(value)}")
    assert reported(tmp_path) == []


def test_the_service_of_another_environment_is_not_meant(tmp_path: Path) -> None:
    for name, port in (("dev", 8080), ("prod", 80)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "service.yaml").write_text(SERVICE % port)
        (folder / "frontend.yaml").write_text(caller(f"checkout:{port}"))
    assert reported(tmp_path) == []
