"""Where the bed keeps things, and the versions that it is made of."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

BED = Path(__file__).resolve().parent.parent
"""The directory tests/bed."""

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _cache() -> Path:
    chosen = os.environ.get("PORTCHECK_BED_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "portcheck-bed"


def kubernetes_version(folder: Path) -> str:
    """Give the version that a folder's go.mod pins."""
    text = (folder / "go.mod").read_text()
    found = re.search(r"^(?:require|\t)\s*k8s\.io/kubernetes (v[\w.]+)$", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"{folder}/go.mod does not pin k8s.io/kubernetes")
    return found[1]


CACHE = _cache()
"""What is kept between clusters: programs and images. $PORTCHECK_BED_CACHE sets it."""

STATE = Path(os.environ.get("PORTCHECK_BED_STATE", "/var/lib/portcheck-bed")).absolute()
"""What lives as long as a cluster: one directory for each. $PORTCHECK_BED_STATE sets it."""

KUBERNETES = BED / "kubernetes"
KUBERNETES_VERSION = kubernetes_version(KUBERNETES)

OLDEST = BED / "kubernetes-1.20"
"""The oldest that the plugin works with: before discovery.k8s.io/v1."""
OLDEST_VERSION = kubernetes_version(OLDEST)

RELEASES = {
    KUBERNETES_VERSION[1:].rpartition(".")[0]: KUBERNETES,
    **{f"1.{minor}": BED / f"kubernetes-1.{minor}" for minor in (34, 37)},
}
"""The modules from which a Kubernetes is built as it is, by release; the first is the default."""
