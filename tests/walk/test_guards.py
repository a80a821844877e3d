"""Policies of other kinds than NetworkPolicy: what is read of them, and how kinds that share a name
are distinguished."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.model.kinds import (
    ADMIN,
    CALICO,
    CALICO_CRD,
    ISTIO,
    ISTIO_SECURITY,
    LINKERD,
)
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange
from tests.walk.clients import client, seat
from tests.walk.shop import NAMESPACE, Run, program, shop
from tests.walk.test_references import refuse
from tests.walk.test_sweep import lists, sweep
from tests.walk.town import add_service

ALLOW_ALL: dict[str, Any] = {"podSelector": {}, "ingress": [{}]}


def calico(group: str = CALICO_CRD, namespace: str = NAMESPACE, port: int = 9000) -> dict[str, Any]:
    """Allows one port of every pod, before all NetworkPolicies, and denies the others."""
    to = {"ports": [port]}
    rules = [{"action": "Allow", "protocol": "TCP", "destination": to}, {"action": "Deny"}]
    return {
        "apiVersion": f"{group}/{'v3' if group == CALICO else 'v1'}",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default.old", "namespace": namespace},
        "spec": {"order": 10, "selector": "all()", "types": ["Ingress"], "ingress": rules},
    }


def network_policy(namespace: str = NAMESPACE) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow", "namespace": namespace},
        "spec": ALLOW_ALL,
    }


def admin(**subject: Any) -> dict[str, Any]:
    rule = {"action": "Deny", "from": [{"namespaces": {}}]}
    return {
        "apiVersion": f"{ADMIN}/v1alpha1",
        "kind": "AdminNetworkPolicy",
        "metadata": {"name": "closed"},
        "spec": {"priority": 1, "subject": {"namespaces": subject}, "ingress": [rule]},
    }


def codes(run: Run) -> list[str]:
    return [f["code"] for s in run.report["services"] for f in s["findings"]]


def _forbidden(exchange: Exchange) -> None:
    exchange.status(403, "Forbidden", "namespaces is forbidden: User cannot get it")


def asked(server: FakeApiServer, word: str) -> list[str]:
    return [r.target.partition("?")[0] for r in server.requests if word in r.target]


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"], ["--deep"]])
@pytest.mark.parametrize("group", [CALICO, CALICO_CRD])
def test_two_kinds_of_one_name(tmp_path: Path, flags: list[str], group: str) -> None:
    version = "v3" if group == CALICO else "v1"
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((group, version))
        server.add(network_policy(), calico(group))
        done = program(server, tmp_path, *flags, namespace="" if "-A" in flags else NAMESPACE)
        read = asked(server, "networkpolicies")
    assert codes(done) == ["PC720"]
    subject = done.report["services"][0]["findings"][0]["subject"]
    assert (subject["kind"], subject["name"]) == (f"NetworkPolicy.{group}", "default.old")
    assert len(set(read)) == len(read), "each list once"
    assert f"/apis/{group}/{version}/networkpolicies" in read


def test_what_calico_serves_in_two_groups_is_read_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups += [(CALICO, "v3"), (CALICO_CRD, "v1")]
        server.add(calico(CALICO), calico(CALICO_CRD))
        one = program(server, tmp_path, "svc/checkout")
        several = program(server, tmp_path)
        read = asked(server, CALICO_CRD)
    assert codes(one) == codes(several) == ["PC720"]
    assert read == []


def test_policies_allow_what_they_allow(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((CALICO_CRD, "v1"))
        server.add(network_policy(), calico(port=8080), calico(namespace="other"))
        for flags in (["svc/checkout"], []):
            done = program(server, tmp_path, *flags)
            assert (done.code, codes(done)) == (ExitCode.HEALTHY, [])


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"]])
def test_the_labels_of_a_namespace_are_read_where_they_decide(
    tmp_path: Path, flags: list[str]
) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    scope = "" if "-A" in flags else NAMESPACE
    done = {}
    for stage in ("test", "live", "unread"):
        with FakeApiServer() as server:
            shop(server, 8080)
            server.groups.append((ADMIN, "v1alpha1"))
            server.add(admin(matchLabels={"stage": "live"}))
            server.add({**space, "metadata": {"name": NAMESPACE, "labels": {"stage": stage}}})
            if stage == "unread":
                server.on(r"GET /api/v1/namespaces(/\w+)?(\?|$)", _forbidden)
            done[stage] = program(server, tmp_path, *flags, namespace=scope)
    assert [codes(done[stage]) for stage in done] == [[], ["PC720"], []]
    found = done["live"].report["services"][0]["findings"][0]
    assert "allows no pod to connect" in found["summary"]


def test_labels_are_read_for_nothing_else(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups += [(ADMIN, "v1alpha1"), (CALICO_CRD, "v1")]
        server.add(admin(), calico(port=8080), network_policy())
        program(server, tmp_path, "svc/checkout")
        assert f"/api/v1/namespaces/{NAMESPACE}" not in asked(server, "namespaces")


def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((CALICO_CRD, "v1"))
        refuse(server, rf"GET /apis/{CALICO_CRD}/v1/")
        one = program(server, tmp_path, "svc/checkout")
        several = program(server, tmp_path)
    for done in (one, several):
        [lacks] = [n for n in done.report["services"][0]["notEvaluated"] if n["code"] == "PC720"]
        assert "crd.projectcalico.org" in lacks["missing"]


def test_in_a_sweep_each_kind_is_one_list(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        for i in range(4):
            add_service(server, f"s{i}", probed=8080)
        sweep(server, tmp_path)
        before = lists(server)
        server.requests.clear()
        server.groups += [(CALICO_CRD, "v1"), (ADMIN, "v1alpha1")]
        sweep(server, tmp_path)
        more = lists(server) - before
    kinds = {
        CALICO_CRD: ("v1", ("networkpolicies", "globalnetworkpolicies")),
        ADMIN: ("v1alpha1", ("adminnetworkpolicies", "baselineadminnetworkpolicies")),
    }
    assert more == {
        f"/apis/{group}/{version}/{plural}": 1
        for group, (version, plurals) in kinds.items()
        for plural in plurals
    }


BESIDE: dict[str, dict[str, Any]] = {
    "tiers": {"tier": "platform"},
    "networksets": {"source": {"selector": "role == 'office'"}},
    "globalnetworksets": {"source": {"selector": "role == 'office'"}},
    "serviceaccounts": {"serviceAccountSelector": "team == 'sales'"},
}
"""By resource: what a policy has that makes it needed."""


def needing(what: dict[str, Any]) -> dict[str, Any]:
    """A policy of Calico that means other objects."""
    made = calico()
    if "source" in what:
        made["spec"]["ingress"][0] |= what
    else:
        made["spec"] |= what
    return made


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"], ["--deep"]])
@pytest.mark.parametrize("resource", BESIDE)
def test_what_a_policy_of_calico_means_is_read_once_where_it_is_needed(
    tmp_path: Path, flags: list[str], resource: str
) -> None:
    scope = "" if "-A" in flags else NAMESPACE
    read = []
    for policy in (calico(), needing(BESIDE[resource])):
        with FakeApiServer() as server:
            shop(server, 8080)
            server.groups.append((CALICO_CRD, "v1"))
            server.add(policy)
            program(server, tmp_path, *flags, namespace=scope)
            beside = [path for path in asked(server, "") if path.rpartition("/")[2] in BESIDE]
        read.append(beside)
    none, some = read
    group = "/api/v1" if resource == "serviceaccounts" else f"/apis/{CALICO_CRD}/v1"
    assert none == []
    assert f"{group}/{resource}" in some
    assert len(some) == len(set(some)) == (2 if "sets" in resource else 1), "each list once"


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"], ["--deep"]])
@pytest.mark.parametrize("group", [CALICO, CALICO_CRD])
def test_a_tier_of_calico(tmp_path: Path, flags: list[str], group: str) -> None:
    scope = "" if "-A" in flags else NAMESPACE
    version = "v3" if group == CALICO else "v1"
    done = {}
    for order in (1, 2_000_000, None):
        with FakeApiServer() as server:
            shop(server, 8080)
            server.groups.append((group, version))
            policy = calico(group)
            policy["metadata"]["name"], policy["spec"]["tier"] = "platform.old", "platform"
            server.add(network_policy(), policy)
            if order is not None:
                server.add(
                    {
                        "apiVersion": f"{group}/{version}",
                        "kind": "Tier",
                        "metadata": {"name": "platform"},
                        "spec": {"order": order},
                    }
                )
            done[order] = program(server, tmp_path, *flags, namespace=scope)
    assert [codes(run) for run in done.values()] == [["PC720"], [], []]
    lacking = [n for s in done[None].report["services"] for n in s["notEvaluated"]]
    assert any("tier platform, which was not found" in n["missing"] for n in lacking)


@pytest.mark.parametrize("flags", [["svc/checkout"], []])
@pytest.mark.parametrize("resource", BESIDE)
def test_what_a_policy_means_and_may_not_be_read_is_named(
    tmp_path: Path, flags: list[str], resource: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((CALICO_CRD, "v1"))
        server.add(network_policy(), needing(BESIDE[resource]))
        refuse(server, rf"GET /.*/{resource}(\?|$)")
        done = program(server, tmp_path, *flags)
    lacking = [n for n in done.report["services"][0]["notEvaluated"] if n["code"] == "PC720"]
    assert lacking


def of_istio(kind: str, spec: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{ISTIO_SECURITY}/v1",
        "kind": kind,
        "metadata": {"name": "default", "namespace": namespace},
        "spec": spec,
    }


def meshed(server: FakeApiServer, proxy: str = "istio-proxy") -> None:
    """The shop, with a sidecar in every pod."""
    shop(server, 8080)
    server.groups.append((ISTIO_SECURITY, "v1"))
    for item in server.store.objects:
        if item["kind"] == "Pod":
            for container in item["spec"]["containers"]:
                container["ports"] = [{"name": "http", "containerPort": 8080}]
            item["spec"]["containers"].append({"name": proxy, "image": "proxy"})


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"]])
def test_policies_of_a_mesh_stand_in_two_namespaces(tmp_path: Path, flags: list[str]) -> None:
    scope = "" if "-A" in flags else NAMESPACE
    done = []
    for namespace in (NAMESPACE, "istio-system", "other"):
        with FakeApiServer() as server:
            meshed(server)
            server.add(of_istio("AuthorizationPolicy", {}, namespace))
            done.append(codes(program(server, tmp_path, *flags, namespace=scope)))
            read = asked(server, ISTIO_SECURITY)
        assert sorted(read) == [
            f"/apis/{ISTIO_SECURITY}/v1/{kind}"
            for kind in ("authorizationpolicies", "peerauthentications")
        ]
    assert done == [["PC722"], ["PC722"], []]


def test_policies_of_a_mesh_that_may_not_be_read_say_nothing_of_network_policies(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        meshed(server)
        refuse(server, rf"GET /apis/{ISTIO_SECURITY}/v1/")
        done = program(server, tmp_path, "svc/checkout")
    lacking = {n["code"] for n in done.report["services"][0]["notEvaluated"]}
    assert "PC722" in lacking
    assert not lacking & {"PC720", "PC602"}


@pytest.mark.parametrize(("imported", "found"), [("./*", ["PC729"]), ("*/*", [])])
def test_a_sidecar_of_the_clients_namespace_is_in_the_one_list(
    tmp_path: Path, imported: str, found: list[str]
) -> None:
    with FakeApiServer() as server:
        meshed(server)
        server.groups.append((ISTIO, "v1"))
        seat(
            server, client("web-1", "front", containers=[{"name": "app"}, {"name": "istio-proxy"}])
        )
        spec = {
            "egress": [{"hosts": [imported]}],
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        }
        server.add({**of_istio("Sidecar", spec, "front"), "apiVersion": f"{ISTIO}/v1"})
        done = program(server, tmp_path, "svc/checkout", "--from=front/pod/web-1")
        read = [line for line in asked(server, ISTIO) if line.endswith("/sidecars")]
    assert codes(done) == found
    assert read == [f"/apis/{ISTIO}/v1/sidecars"]


@pytest.mark.parametrize(("waypoint", "found"), [("gate", []), ("none", ["PC722"])])
def test_the_labels_of_namespaces_are_read_for_a_client_in_ambient_mode(
    tmp_path: Path, waypoint: str, found: list[str]
) -> None:
    on = {"ambient.istio.io/redirection": "enabled"}
    rule = {"from": [{"source": {"namespaces": ["other"]}}]}
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((ISTIO_SECURITY, "v1"))
        for item in server.store.objects:
            if item["kind"] == "Pod":
                item["metadata"]["annotations"] = on
        pod = client("web-1", "front")
        pod["metadata"]["annotations"] = on
        seat(server, pod)
        metadata = {"name": NAMESPACE, "labels": {"istio.io/use-waypoint": waypoint}}
        server.add({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        server.add(of_istio("AuthorizationPolicy", {"rules": [rule]}, NAMESPACE))
        done = program(server, tmp_path, "svc/checkout", "--from=front/pod/web-1")
        read = asked(server, "/api/v1/namespaces/")
    spaces = [line for line in read if line.count("/") == 4]
    assert codes(done) == found
    assert sorted(spaces) == ["/api/v1/namespaces/front", f"/api/v1/namespaces/{NAMESPACE}"]


def of_linkerd(
    kind: str, spec: dict[str, Any], namespace: str = NAMESPACE, version: str = "v1alpha1"
) -> dict[str, Any]:
    return {
        "apiVersion": f"{LINKERD}/{version}",
        "kind": kind,
        "metadata": {"name": "default", "namespace": namespace},
        "spec": spec,
    }


def authorized(server: FakeApiServer, *, namespace: str = "other") -> None:
    """A Server for every pod, and a policy that asks for an authentication of ``other``."""
    meshed(server, "linkerd-proxy")
    server.groups += [(LINKERD, v) for v in ("v1alpha1", "v1beta1", "v1beta3")]
    reference = {"group": LINKERD, "kind": "MeshTLSAuthentication", "name": "default"}
    server.add(
        of_linkerd("Server", {"podSelector": {}, "port": "http"}, version="v1beta3"),
        of_linkerd(
            "AuthorizationPolicy",
            {
                "targetRef": {"group": LINKERD, "kind": "Server", "name": "default"},
                "requiredAuthenticationRefs": [{**reference, "namespace": namespace}],
            },
        ),
        of_linkerd("MeshTLSAuthentication", {"identities": ["*"]}, "other"),
    )


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"], ["--deep"]])
def test_policies_of_linkerd_are_joined(tmp_path: Path, flags: list[str]) -> None:
    scope = "" if "-A" in flags else NAMESPACE
    done = []
    for namespace in ("other", NAMESPACE):
        with FakeApiServer() as server:
            authorized(server, namespace=namespace)
            done.append(codes(program(server, tmp_path, *flags, namespace=scope)))
            read = asked(server, LINKERD)
            assert len(set(read)) == len(read) == 6, "each list once"
    assert done == [[], ["PC724"]]


def test_what_is_not_served_costs_no_request(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        meshed(server, "linkerd-proxy")
        for flags in (["svc/checkout"], [], ["--deep"]):
            assert codes(program(server, tmp_path, *flags)) == []
        assert asked(server, LINKERD) == []


@pytest.mark.parametrize("flags", [["svc/checkout"], []])
@pytest.mark.parametrize(
    ("plural", "matters"),
    [
        ("servers", True),
        ("authorizationpolicies", True),
        ("meshtlsauthentications", True),
        ("networkauthentications", False),
        ("httproutes", False),
    ],
)
def test_what_may_not_be_read_of_linkerd_is_named(
    tmp_path: Path, flags: list[str], plural: str, matters: bool
) -> None:
    with FakeApiServer() as server:
        authorized(server)
        refuse(server, rf"GET /apis/{LINKERD}/v\w+/(namespaces/\w+/)?{plural}")
        done = program(server, tmp_path, *flags)
    [service] = done.report["services"]
    lacking = [n["missing"] for n in service["notEvaluated"] if n["code"] == "PC724"]
    assert codes(done) == []
    assert bool(lacking) == matters
    assert all(plural in text for text in lacking)
