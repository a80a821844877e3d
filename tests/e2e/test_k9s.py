"""docs/k9s/plugins.yaml in the real k9s, at a terminal, against a real cluster."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import incidents
from .portcheck import PROGRAM, diagnose
from .terminal import Terminal
from .workloads import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Cluster

DOCS = Path(__file__).resolve().parents[2] / "docs"
PLUGINS = DOCS / "k9s" / "plugins.yaml"
VIEWS = ("services", "pods", "deployments", "ingresses")
INGRESS: Document = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "checkout"},
    "spec": {
        "defaultBackend": {"service": {"name": "checkout", "port": {"number": 80}}},
    },
}


@pytest.fixture(scope="module")
def k9s() -> str:
    found = os.environ.get("PORTCHECK_K9S") or shutil.which("k9s")
    if not found:
        pytest.skip("there is no k9s here: put it on the PATH, or name it in PORTCHECK_K9S")
    return found


def environment(cluster: Cluster, folder: Path) -> dict[str, str]:
    """The environment of a user whose k9s has the plugin."""
    home = folder / "k9s"
    home.mkdir()
    shutil.copy(PLUGINS, home / "plugins.yaml")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(cluster.kubectl_path)
    (programs / "kubectl-portcheck").symlink_to(PROGRAM)
    places = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("STATE", "DATA", "CACHE")}
    return {
        **cluster.environment(),
        **places,
        "K9S_CONFIG_DIR": str(home),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }


def keep(screen: str) -> None:
    """Put what the screen shows into the documentation."""
    before, fence, rest = (DOCS / "k9s.md").read_text().partition("```text\n")
    after = rest.partition("```")[2]
    (DOCS / "k9s.md").write_text(f"{before}{fence}{screen}\n```{after}")


@pytest.fixture(params=VIEWS)
def terminal(
    cluster: Cluster, namespace: str, tmp_path: Path, k9s: str, request: pytest.FixtureRequest
) -> Iterator[Terminal]:
    cluster.apply([*incidents.checkout(), INGRESS], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the incident")
    flags = ("--headless", "--splashless", "-n", namespace, "-c", request.param)
    size = (100, 24) if request.param == "pods" else (100, 40)
    opened = Terminal([k9s, *flags], environment(cluster, tmp_path), size)
    try:
        opened.shows(f"{request.param}({namespace})[", "checkout")
        yield opened
    finally:
        opened.close()


def test_shift_p_shows_the_report_and_escape_leads_back(
    terminal: Terminal, request: pytest.FixtureRequest, namespace: str
) -> None:
    terminal.press("P")
    report = terminal.shows("Esc: back to k9s")
    assert f"✗ BROKEN  svc/checkout  {namespace}" in report
    assert "no process listens on targetPort 8080; all 3 pods listen on 9000" in report
    if "pods" not in request.node.name:  # There the screen is small, and the verdict stays.
        assert "Set targetPort to 9000 (safe to paste" in report
    if os.environ.get("PORTCHECK_UPDATE_DOCS") and "services" in request.node.name:
        keep(report.rstrip().replace(namespace, "shop"))
    terminal.press("Escape")
    terminal.shows(f"({namespace})[", "checkout")
    terminal.press("P")
    terminal.shows("Esc: back to k9s")
    terminal.press("x")
    terminal.lacks("Esc: back to k9s")
    terminal.press("G")
    terminal.shows("(END)")
    terminal.press("q")
    terminal.shows(f"({namespace})[", "checkout")
