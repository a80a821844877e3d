"""ConfigMaps of certificate authorities, which BackendTLSPolicies name: their keys are kept."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.model.kinds import GATEWAY
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, program, shop
from tests.walk.test_guards import asked, codes
from tests.walk.test_references import refuse

SECRET = "CANARY-9f2"
FLAGS: tuple[list[str], ...] = (["svc/checkout"], [], ["-A"], ["--deep"])


def policy(*names: str) -> dict[str, Any]:
    refs = [{"group": "", "kind": "ConfigMap", "name": n} for n in names]
    return {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {"name": "tls", "namespace": NAMESPACE},
        "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": "checkout"}],
            "validation": {"caCertificateRefs": refs, "hostname": "checkout"},
        },
    }


def config_map(name: str, key: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {key: SECRET},
    }


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    ("maps", "found"),
    [
        ([config_map("ca", "ca.crt")], []),
        ([config_map("ca", "root.pem")], ["PC715"]),
        ([config_map("ca", "ca.crt", "other"), config_map("another", "ca.crt")], ["PC715"]),
    ],
)
def test_a_config_map_is_looked_up_by_its_name(
    tmp_path: Path, flags: list[str], maps: list[dict[str, Any]], found: list[str]
) -> None:
    scope = "" if "-A" in flags else NAMESPACE
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((GATEWAY, "v1"))
        server.add(policy("ca"), *maps)
        saved = tmp_path / "saved.json"
        done = program(server, tmp_path, *flags, f"--save={saved}", namespace=scope)
        read = [r.target for r in server.requests if "configmaps" in r.target]
    assert codes(done) == found
    assert SECRET not in saved.read_text()
    assert len(read) == 1
    assert read[0].startswith(f"/api/v1/namespaces/{NAMESPACE}/configmaps?")
    assert "fieldSelector=metadata.name%3Dca" in read[0]


@pytest.mark.parametrize("flags", FLAGS)
def test_without_such_a_policy_no_config_map_is_read(tmp_path: Path, flags: list[str]) -> None:
    scope = "" if "-A" in flags else NAMESPACE
    other = policy("ca")
    other["spec"]["targetRefs"][0]["name"] = "another"
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((GATEWAY, "v1"))
        server.add(other)
        assert codes(program(server, tmp_path, *flags, namespace=scope)) == []
        assert asked(server, "configmaps") == []


def test_no_more_are_read_than_the_api_takes(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((GATEWAY, "v1"))
        server.add(policy(*(f"ca-{n}" for n in range(20))))
        program(server, tmp_path, "svc/checkout")
        assert len(asked(server, "configmaps")) == 8


@pytest.mark.parametrize("flags", [["svc/checkout"], []])
def test_one_that_may_not_be_read_is_named(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((GATEWAY, "v1"))
        server.add(policy("ca"))
        refuse(server, r"GET /api/v1/namespaces/\w+/configmaps")
        done = program(server, tmp_path, *flags)
    [lacks] = [n for n in done.report["services"][0]["notEvaluated"] if n["code"] == "PC715"]
    assert codes(done) == []
    assert "ConfigMap ca" in lacks["missing"]
    assert "forbidden" in lacks["missing"]


def test_each_config_map_without_the_authority_is_shown(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((GATEWAY, "v1"))
        server.add(policy("old", "new"), config_map("new", "root.pem"))
        done = program(server, tmp_path, "svc/checkout")
    [finding] = done.report["services"][0]["findings"]
    assert finding["code"] == "PC715"
    shown = " ".join(map(str, finding["evidence"]))
    assert "old: does not exist" in shown
    assert "new: has the key root.pem" in shown
