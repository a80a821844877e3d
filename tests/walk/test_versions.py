"""A cluster of a release that no test has seen: one line on stderr, and the same report."""

from pathlib import Path

import pytest

from kubectl_portcheck.kubernetes_versions import NEWEST, OLDEST, warning
from tests.fake import faults
from tests.fake.api_server import FakeApiServer, Handler
from tests.walk.shop import program, shop, walk

WARNING = "warning: the cluster runs Kubernetes 1.20; this program is tested on 1.34 to 1.37\n"


@pytest.mark.parametrize(
    "flags", [["svc/checkout"], ["svc/checkout", "--wait"], []], ids=["walk", "wait", "sweep"]
)
def test_an_older_cluster_is_named_once_and_judged_as_any(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.version = "v1.20.15"
        done = program(server, tmp_path, *flags)
        quiet = program(server, tmp_path, *flags, "-q")
    assert (done.code, done.stderr) == (0, WARNING)
    assert (quiet.code, quiet.stderr) == (0, "")


@pytest.mark.long
def test_watch_says_it_with_the_first_report_only(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.version = "v1.20.15"
        done = walk(server, tmp_path, "--watch", "--timeout", "3s")
        rounds = sum(r.line == "GET /version" for r in server.requests)
    assert rounds > 1
    assert done.stderr.count("1.20") == 1


@pytest.mark.parametrize(
    "handler",
    [
        faults.status(403, "Forbidden", "no"),
        faults.plain(200, "{}", "application/json"),
        faults.html,
        faults.hang,
        faults.reset_at_once,
    ],
    ids=["forbidden", "empty", "html", "no-answer", "reset"],
)
def test_a_server_that_does_not_tell_its_version_changes_nothing(
    tmp_path: Path, handler: Handler
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.on("GET /version", handler)
        done = walk(server, tmp_path)
    assert (done.code, done.verdict, done.stderr) == (0, "healthy", "")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("v1.20.15", "1.20"),
        ("v1.33.9-eks-0000", "1.33"),
        ("1.38.0-alpha.1+k3s1", "1.38"),
        ("v2.0.0", "2.0"),
        ("v0.0.0-master+$Format:%H$", ""),
        *((f"v{major}.{minor}.0", "") for major, minor in (OLDEST, NEWEST)),
        ("v1.36.3+rke2r1", ""),
        ("", ""),
        ("1", ""),
        ("v1.", ""),
        ("v1.9999.0", ""),
        ("9" * 5000 + ".1", ""),
        ("\x1b[31mv1.20", ""),
    ],
)
def test_which_versions_are_named(version: str, said: str) -> None:
    line = warning(version)
    assert bool(line) == bool(said)
    assert f"Kubernetes {said};" in line or not said


def test_one_of_several_clusters_is_named() -> None:
    assert "warning: cluster eu runs Kubernetes 1.20" in warning("v1.20.1", "eu")
