"""Krew itself installs, upgrades and removes the plugin, for a user who has nothing else."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.workloads import container, deployment, service
from tests.packaging.conftest import UNPRIVILEGED, Ended, run, script

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster


OLD = "v0.0.1"


class Host(NamedTuple):
    """A machine with kubectl and Krew on the PATH, no Python, no HOME, and no rights."""

    folder: Path
    user: int | None

    @property
    def root(self) -> Path:
        """Krew's own folder."""
        return self.folder / "krew"

    @property
    def environment(self) -> Mapping[str, str]:
        """All that programs get."""
        path = f"{self.root / 'bin'}:{self.folder / 'bin'}"
        return {"PATH": path, "KREW_ROOT": str(self.root), "KREW_NO_UPGRADE_CHECK": "1"}

    def kubectl(self, *words: str | Path) -> Ended:
        """Runs kubectl there."""
        kubectl = self.folder / "bin" / "kubectl"
        return run(
            kubectl, *words, env=self.environment, cwd=self.folder, user=self.user, timeout=120
        )

    def manifest(self, archives: Path, tag: str, base: str) -> Path:
        """Writes a manifest for the archives in a folder."""
        made = self.folder / tag / "portcheck.yaml"
        words = ("--output", made, "--tag", tag, "--base", base)
        ended = script("krew_manifest.py", "local", archives, *words)
        assert ended.code == 0, ended.err
        return made


@pytest.fixture
def host(public_path: Path, kubectl: Path, krew_tools: Path) -> Host:
    programs = public_path / "bin"
    programs.mkdir()
    shutil.copy(kubectl, programs / "kubectl")
    shutil.copy(krew_tools / "krew", programs / "kubectl-krew")
    shutil.copy(krew_tools / "validate-krew-manifest", programs)
    user = UNPRIVILEGED if os.getuid() == 0 else None
    made = Host(public_path, user)
    made.root.mkdir()
    if user is not None:
        os.chown(made.root, user, user)
    assert shutil.which("python3", path=made.environment["PATH"]) is None
    return made


@pytest.fixture
def installed(host: Host, archive: Path) -> Host:
    shutil.copy(archive, host.folder)
    manifest = host.manifest(archive.parent, _tag(archive), "https://example.test")
    copied = f"--archive={host.folder / archive.name}"
    ended = host.kubectl("krew", "install", f"--manifest={manifest}", copied)
    assert ended.code == 0, ended.err
    return host


class Site(NamedTuple):
    """A web server on this machine that has the archive under two versions."""

    folder: Path
    address: str


@pytest.fixture
def site(archive: Path, tmp_path: Path) -> Iterator[Site]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    for tag in (OLD, _tag(archive)):
        shutil.copy(archive, tmp_path / archive.name.replace(_tag(archive), tag))
    handler = partial(Quiet, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Site(tmp_path, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def _tag(archive: Path) -> str:
    return archive.name.split("_")[1]


def test_the_demo_runs(installed: Host) -> None:
    demo = installed.kubectl("portcheck", "--demo")

    assert demo.code == 1, demo.err
    assert demo.err == ""
    assert "PC401" in demo.out
    assert installed.kubectl("portcheck", "--version").out.startswith("kubectl-portcheck ")
    plugins = installed.kubectl("plugin", "list").out
    assert str(installed.root / "bin" / "kubectl-portcheck") in plugins


def test_leaves_nothing_behind(installed: Host) -> None:
    before = set(installed.folder.rglob("*"))

    installed.kubectl("portcheck", "--demo")

    assert set(installed.folder.rglob("*")) == before


def test_walks_a_real_cluster(installed: Host, cluster: Cluster) -> None:
    namespace = f"krew-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", namespace, check=True)
    try:
        cluster.until(
            lambda: cluster.kubectl("get", "sa/default", namespace=namespace).returncode == 0,
            "the ServiceAccount",
        )
        listens = container("tcp://0.0.0.0:9000", image="busybox")
        cluster.apply([deployment(listens), service((80, 8080))], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        kubeconfig = installed.folder / "kubeconfig"
        shutil.copy(cluster.kubeconfig, kubeconfig)
        kubeconfig.chmod(0o644)

        ended = installed.kubectl(
            "portcheck", "svc/checkout", "-n", namespace, "--kubeconfig", kubeconfig, "-o", "json"
        )

        assert ended.code == 1, ended.err
        findings = json.loads(ended.out)["services"][0]["findings"]
        assert [f["code"] for f in findings if f["cause"]] == ["PC401"]
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_upgrades_and_uninstalls(host: Host, archive: Path, site: Site) -> None:
    store = host.root / "store" / "portcheck"
    index = host.root / "index" / "test" / "plugins"
    index.mkdir(parents=True)
    (index.parent / ".git").mkdir()  # Krew takes nothing else for an index.
    for folder in (index.parents[1], index.parents[0], index):
        os.chown(folder, host.user or -1, host.user or -1)
    shutil.copy(host.manifest(site.folder, OLD, site.address), index)

    first = host.kubectl("krew", "install", "--no-update-index", "test/portcheck")
    assert first.code == 0, first.err
    assert [path.name for path in store.iterdir()] == [OLD]

    shutil.copy(host.manifest(site.folder, _tag(archive), site.address), index)
    upgraded = host.kubectl("krew", "upgrade", "--no-update-index", "portcheck")
    assert upgraded.code == 0, upgraded.err
    assert [path.name for path in store.iterdir()] == [_tag(archive)]
    assert host.kubectl("portcheck", "--demo").code == 1

    gone = host.kubectl("krew", "uninstall", "portcheck")
    assert gone.code == 0, gone.err
    assert not store.exists()
    assert not (host.root / "bin" / "kubectl-portcheck").is_symlink()


def test_the_local_manifest_is_valid_and_installs(host: Host, archive: Path, site: Site) -> None:
    manifest = host.manifest(site.folder, _tag(archive), site.address)

    checked = run(
        host.folder / "bin" / "validate-krew-manifest",
        *("-manifest", manifest),
        env=host.environment,
        user=host.user,
    )

    assert checked.code == 0, checked.err
    assert "1 spec.platforms installed fine" in checked.err


def test_the_release_manifest_is_valid(archive: Path, krew_tools: Path, tmp_path: Path) -> None:
    made = tmp_path / "portcheck.yaml"
    rendered = script(
        "krew_manifest.py", "release", archive.parent, "--missing-as-zeros", "--output", made
    )
    assert rendered.code == 0, rendered.err

    checked = run(krew_tools / "validate-krew-manifest", "-skip-install", "-manifest", made)

    assert checked.code == 0, checked.err
    text = made.read_text(encoding="utf-8")
    assert "{{" not in text
    platforms = re.findall(r"os: (\w+)\n\s+arch: (\w+)", text)
    assert len(platforms) == len(set(platforms)) == 5
    short = re.search(r"shortDescription: (.*)", text)
    assert short is not None
    assert len(short[1]) <= 50, "krew search cuts it"


def test_a_release_manifest_without_all_archives_is_refused(archive: Path, tmp_path: Path) -> None:
    ended = script("krew_manifest.py", "release", archive.parent, "--output", tmp_path / "x.yaml")

    assert ended.code == 1
    assert "lacks archives" in ended.err
