"""The fake API server against the real one: the same walk asks both of them the same."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_portcheck.model.kinds import OPTIONAL_GROUPS
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, shop, walk

from .portcheck import run
from .workloads import container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


def shape(path: str) -> str:
    """A request without the names that differ from run to run."""
    path = path.partition("?")[0]
    path = re.sub(r"/namespaces/[^/]+", "/namespaces/NS", path)
    return re.sub(r"/pods/[^/:]+", "/pods/POD", path)


def test_the_same_walk_makes_the_same_requests(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    app = container("http://0.0.0.0:9000", "http://0.0.0.0:9100", ports=[9000])
    cluster.apply([deployment(app, replicas=3), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        faked = walk(server, tmp_path)
        asked = Counter(shape(r.target) for r in server.requests)
    assert NAMESPACE not in " ".join(asked)

    done = run(cluster, "svc/checkout", "-n", namespace, "-v", "6")

    paths = re.findall(r"^(?:GET|POST) https://[^/]+(/\S*) \d{3} in", done.stderr, re.MULTILINE)
    # Custom resources are asked for where a cluster has them; the fake one has none.
    lines = [p for p in paths if not p.startswith(tuple(f"/apis/{g}/" for g in OPTIONAL_GROUPS))]
    assert (done.returncode, faked.code) == (1, 1)
    assert Counter(map(shape, lines)) == asked
