"""The Role that --rbac prints allows every request that a walk or a sweep makes."""

import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.fake import faults
from tests.fake.api_server import RULES_REVIEW, FakeApiServer
from tests.walk.shop import NAMESPACE, shop, walk
from tests.walk.test_sweep import sweep
from tests.walk.town import add_service

CLUSTER_WIDE = {
    *("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "apiservices"),
}
"""What only a ClusterRole can allow; a walk does without where it may not be read."""
Asked = tuple[str, str, str]
"""Verb, API group, resource."""


def asked_of(server: FakeApiServer) -> set[Asked]:
    found = set()
    for request in server.requests:
        method, target = request.line.split(" ")[:2]
        if target == RULES_REVIEW:  # Everyone may ask what he may do, and nothing is stored.
            assert method == "POST"
            continue
        assert method == "GET"
        steps = urlsplit(target).path.strip("/").split("/")
        if len(steps) < 3:  # Discovery, which everyone may read.
            continue
        group, rest = ("", steps[2:]) if steps[0] == "api" else (steps[1], steps[3:])
        if rest[0] == "namespaces" and len(rest) > 2:
            rest = rest[2:]
        resource = "/".join([rest[0], *rest[2:3]])
        found.add(("get" if len(rest) > 1 else "list", group, resource))
    return found


def allowed(*flags: str) -> set[Asked]:
    out = io.StringIO()
    assert main(["--rbac", *flags], Environment(out, io.StringIO(), {})) == 0
    rules = [rule for role in yaml.safe_load_all(out.getvalue()) for rule in role["rules"]]
    return {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def older(server: FakeApiServer) -> None:
    server.on(r"/endpointslices", faults.status(404, "NotFound", "the server could not find"))
    server.add(
        *(
            {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {"name": name, "namespace": namespace},
                "subsets": [],
            }
            for name, namespace in (("checkout", NAMESPACE), ("a", "town"))
        )
    )


@pytest.mark.parametrize("flags", [[], ["-A"], ["--deep"]])
@pytest.mark.parametrize("old", [False, True])
def test_a_sweep(tmp_path: Path, flags: list[str], old: bool) -> None:
    with FakeApiServer() as server:
        add_service(server, "a", pods=1)
        add_service(server, "b", selector="nobody")
        add_service(server, "c", ready=False)
        if old:
            older(server)
        sweep(server, tmp_path, *flags)
        asked = asked_of(server)
    assert ("list", "", "endpoints") in asked or not old
    beyond = asked - allowed(*flags[:1], *(() if flags else ("-n", "town")))
    assert {resource for _, _, resource in beyond} == (set() if "-A" in flags else CLUSTER_WIDE)


@pytest.mark.parametrize("old", [False, True])
def test_a_walk(tmp_path: Path, old: bool) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        if old:
            older(server)
        walk(server, tmp_path)
        asked = asked_of(server)
    assert ("get", "", "endpoints") in asked or not old
    assert asked - allowed("svc/checkout") - allowed("-A") == set()
    besides = asked - allowed("svc/checkout")
    assert {resource for _, _, resource in besides} == CLUSTER_WIDE
