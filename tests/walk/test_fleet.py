"""Several clusters in one report, and one cluster in several: --contexts, --shard, --merge."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.commands import fleet
from kubectl_portcheck.diagnosis.merging import Part
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.stopwatch import stopwatch
from tests.walk.shop import Run
from tests.walk.town import add_service

CLUSTERS = ("asia", "eu", "us")


class Fleet:
    """Three clusters in one kubeconfig; in each a Service that is broken in the second only."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.servers = {name: stack.enter_context(FakeApiServer()) for name in CLUSTERS}
        for name, server in self.servers.items():
            add_service(server, "checkout", listening=9000 if name == "eu" else 8080)
        config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "users": []}
        config |= {"contexts": [], "clusters": [], "current-context": "eu"}
        for name, server in self.servers.items():
            one = server.kubeconfig()
            config["clusters"].append({**one["clusters"][0], "name": name})
            config["users"].append({**one["users"][0], "name": name})
            context = {"cluster": name, "user": name, "namespace": "town"}
            config["contexts"].append({"name": name, "context": context})
        (folder / "kubeconfig").write_text(json.dumps(config))

    def run(self, *words: str) -> Run:
        out, err = io.StringIO(), io.StringIO()
        environ = {"KUBECONFIG": str(self.folder / "kubeconfig"), "PATH": "/nowhere"}
        form = [] if {"-o", "-q", "--summary"} & {*words} else ["-o", "json"]
        with stopwatch() as spent:
            code = main([*words, *form], Environment(out, err, environ, None))
        return Run(code, out.getvalue(), err.getvalue(), spent.seconds)


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(tmp_path, stack)


def by_cluster(run: Run) -> dict[str, str]:
    return {c["name"]: c["verdict"] for c in run.report["clusters"]}


def test_several_clusters_are_one_report(clusters: Fleet) -> None:
    done = clusters.run("--contexts", "asia,eu", "--contexts", "us")
    assert done.code == ExitCode.PROBLEM
    assert by_cluster(done) == {"asia": "healthy", "eu": "broken", "us": "healthy"}
    assert [s["cluster"] for s in done.report["services"]] == ["asia", "eu", "us"]
    assert [c["counts"]["services"] for c in done.report["clusters"]] == [1, 1, 1]
    assert done.report["counts"]["services"] == 3


def test_a_fix_reaches_its_own_cluster(clusters: Fleet) -> None:
    done = clusters.run("--contexts", "us,eu")
    (found,) = [s for s in done.report["services"] if s["verdict"] == "broken"]
    commands = [fix["command"] for f in found["findings"] for fix in f["fixes"] if fix["command"]]
    assert commands
    assert all("--context=eu" in command for command in commands)


def test_all_contexts_are_those_of_the_kubeconfig(clusters: Fleet) -> None:
    assert [*by_cluster(clusters.run("--all-contexts"))] == [*CLUSTERS]


def test_a_cluster_that_refuses_does_not_spoil_the_others(clusters: Fleet) -> None:
    clusters.servers["asia"].on(".", faults.status(401, "Unauthorized", "Unauthorized"))
    done = clusters.run("--all-contexts")
    assert by_cluster(done) == {"asia": "inconclusive", "eu": "broken", "us": "healthy"}
    assert done.code == ExitCode.PROBLEM
    (missing,) = done.report["missing"]
    assert missing.startswith("cluster asia: ")


def test_a_cluster_that_cannot_be_looked_at_is_never_healthy(clusters: Fleet) -> None:
    clusters.servers["asia"].stop()
    done = clusters.run("--contexts", "asia,us")
    assert (done.code, done.report["verdict"]) == (ExitCode.INCONCLUSIVE, "inconclusive")
    summary = clusters.run("--contexts", "asia,us", "--summary")
    assert re.search(r"INCONCLUSIVE +asia +not looked at", summary.stdout)


def test_a_cluster_that_hangs_does_not_hold_up_the_others(clusters: Fleet) -> None:
    clusters.servers["asia"].on(".", faults.hang)
    done = clusters.run("--contexts", "asia,eu", "--timeout", "2s")
    assert by_cluster(done) == {"asia": "inconclusive", "eu": "broken"}
    assert done.seconds < 12


def test_a_defect_in_one_cluster_is_of_that_cluster(
    clusters: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fleet._Sweeps._report

    def report(sweeps: fleet._Sweeps, name: str) -> Any:
        if name == "asia":
            raise ValueError("x")
        return whole(sweeps, name)

    monkeypatch.setattr(fleet._Sweeps, "_report", report)
    assert by_cluster(clusters.run("--contexts", "asia,us"))["us"] == "healthy"


def test_no_cluster_at_all_is_no_report(clusters: Fleet) -> None:
    for server in clusters.servers.values():
        server.stop()
    done = clusters.run("--all-contexts")
    assert (done.code, done.stdout) == (ExitCode.NO_CLUSTER, "")
    assert "could not look at any cluster" in done.stderr


def test_a_context_that_does_not_exist_is_a_mistake_and_nothing_is_asked(clusters: Fleet) -> None:
    done = clusters.run("--contexts", "eu,uss")
    assert done.code == ExitCode.USAGE
    assert 'context "uss" does not exist' in done.stderr
    assert "us?" in done.stderr
    assert not clusters.servers["eu"].requests


def test_ctrl_c_leaves_the_clusters_that_were_swept(
    clusters: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters.servers["asia"].on(".", faults.hang)

    class Ended(Queue[Part]):
        """Ctrl-C once one cluster is done."""

        def get(self, block: bool = True, timeout: float | None = None) -> Part:
            if self.seen:
                raise KeyboardInterrupt
            self.seen = True
            return super().get(timeout=30)

        seen = False

    class Interrupted(fleet._Sweeps):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.ended = Ended()

    monkeypatch.setattr(fleet, "_Sweeps", Interrupted)
    done = clusters.run("--contexts", "asia,us")
    assert done.code == ExitCode.INTERRUPTED
    assert by_cluster(done) == {"asia": "inconclusive", "us": "healthy"}


SPACES = tuple(f"team-{n}" for n in range(12))


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Fleet]:
    """One cluster of twelve namespaces, every third of which has a broken Service."""
    with ExitStack() as stack:
        made = Fleet(tmp_path, stack)
        for number, name in enumerate(SPACES):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            made.servers["eu"].add(namespace)
            add_service(made.servers["eu"], f"web-{number}", name, listening=8080 + number % 3)
        town = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "town"}}
        made.servers["eu"].add(town)
        yield made


def verdicts(run: Run) -> dict[str, str]:
    return {f"{s['namespace']}/{s['name']}": s["verdict"] for s in run.report["services"]}


def test_the_shards_together_are_the_whole(country: Fleet, tmp_path: Path) -> None:
    whole = country.run("-A")
    parts = [country.run("-A", "--shard", f"{n}/3") for n in range(3)]
    assert all(verdicts(part) for part in parts)
    assert sum(len(verdicts(part)) for part in parts) == len(verdicts(whole)) == 13
    for number, part in enumerate(parts):
        (tmp_path / f"shard-{number}.json").write_text(part.stdout)
    merged = country.run("--merge", *(str(p) for p in sorted(tmp_path.glob("shard-*.json"))))
    assert verdicts(merged) == verdicts(whole)
    assert merged.report["counts"] == whole.report["counts"]
    assert (merged.code, merged.report["verdict"]) == (whole.code, whole.report["verdict"])
    assert merged.report["missing"] == []


def test_a_shard_lists_its_own_namespaces_only(country: Fleet) -> None:
    country.run("-A", "--shard", "2/3")
    lines = [r.line for r in country.servers["eu"].requests]
    asked = {m[1] for line in lines if (m := re.search(r"/namespaces/([\w-]+)/", line))}
    done = country.run("-A", "--shard", "2/3")
    assert {s["namespace"] for s in done.report["services"]} <= asked < {*SPACES, "town"}
    group = r"apis/[^/]+/[^/]+/(endpointslices|ingresses|networkpolicies)"
    everywhere = rf"GET /(api/v1/(services|pods)|{group})\?"
    assert not [line for line in lines if re.match(everywhere, line)]


def test_a_shard_that_is_missing_is_never_healthy(clusters: Fleet, tmp_path: Path) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "town"}}
    clusters.servers["us"].add(space)
    for number in (1, 2):
        done = clusters.run("-A", "--context", "us", "--shard", f"{number}/3")
        assert done.report["verdict"] == "healthy"
        (tmp_path / f"{number}.json").write_text(done.stdout)
    merged = clusters.run("--merge", str(tmp_path / "1.json"), str(tmp_path / "2.json"))
    assert (merged.code, merged.report["verdict"]) == (ExitCode.INCONCLUSIVE, "inconclusive")
    assert merged.report["missing"] == ["shard 3/3: there is no report"]


def test_the_namespaces_have_to_be_listed(clusters: Fleet) -> None:
    words = 'namespaces is forbidden: User "x" cannot list resource "namespaces"'
    clusters.servers["eu"].on(r"GET /api/v1/namespaces\b", faults.status(403, "Forbidden", words))
    done = clusters.run("-A", "--shard", "1/2")
    assert (done.code, done.stdout) == (ExitCode.INCONCLUSIVE, "")
    assert "could not list the namespaces that --shard divides" in done.stderr
