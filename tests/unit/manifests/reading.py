"""Manifests in a test: text in, report out, the way the command line does it."""

import io
from pathlib import Path
from typing import NamedTuple

from kubectl_portcheck.collect.manifests import Gathered, gather, localise, read
from kubectl_portcheck.collect.manifests.fixed_files import FixedFiles, fix_files
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, Report

CORPUS = Path(__file__).parents[2] / "corpus" / "manifests"

DEBRIEF = """\
# The shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata:
      labels: {app: checkout}
    spec:
      containers:
      - name: app
        image: shop/checkout:2
        ports:
        - containerPort: 9000
---
apiVersion: v1
kind: Service
metadata:
  name: checkout
spec:
  selector:
    app: checkout
  ports:
  - port: 80
    targetPort: 8080   # as ever
"""


class Checked(NamedTuple):
    """What a run on files has."""

    gathered: Gathered
    raw: Report
    report: Report
    fixed: FixedFiles

    @property
    def findings(self) -> list[Finding]:
        return [f for s in self.report.services for f in s.findings]

    @property
    def places(self) -> list[tuple[str, str, int]]:
        """Code, severity and line of each finding."""
        return [(f.code, f.severity, f.origin.line) for f in self.findings if f.origin]

    @property
    def problems(self) -> list[str]:
        return [str(p) for p in self.gathered.problems]


def check(
    *paths: Path | str, stdin: str = "", complete: bool = False, namespace: str = ""
) -> Checked:
    manifests = read([str(p) for p in paths], io.BytesIO(stdin.encode()))
    gathered = gather(manifests, complete=complete, namespace=namespace)
    raw = diagnose(gathered.evidence)
    return Checked(gathered, raw, localise(raw, gathered), fix_files(raw, gathered, reviewed=True))


def check_text(folder: Path, text: str, name: str = "a.yaml", *, complete: bool = False) -> Checked:
    path = folder / name
    path.write_bytes(text.encode())
    return check(path, complete=complete)
