"""What rules on meshes say where policies of the mesh could not be read."""

from collections.abc import Iterable

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.report import ServiceReport
from kubectl_portcheck.rules import pc731_istio_gateway_missing
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.pc724_linkerd_server_denies import RULE as PC724
from kubectl_portcheck.rules.pc725_linkerd_server_port_missing import RULE as PC725
from kubectl_portcheck.rules.pc726_linkerd_opaque_port_missed import RULE as PC726
from kubectl_portcheck.rules.pc727_mesh_protocol_wrong import RULE as PC727
from kubectl_portcheck.rules.pc731_istio_gateway_missing import RULE as PC731
from kubectl_portcheck.semantics.selectors import nearest

UNREAD = Missing(reason=Reason.FORBIDDEN, detail="servers may not be listed")


def unread(manifest: str) -> ServiceReport:
    evidence = evidence_of(manifest)
    one = msgspec.structs.replace(evidence.services[0], mesh_policies=UNREAD)
    return diagnose(msgspec.structs.replace(evidence, services=(one,))).services[0]


def example(rule: Rule, title: str) -> str:
    return next(e.manifest for e in rule.in_full.examples if e.title == title)


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        (PC724, "a Server without a policy"),
        (PC725, "a misspelt name"),
        (PC726, "the pods list the old port of a MySQL server"),
        (PC727, "NATS on a port declared HTTP for Linkerd"),
    ],
)
def test_servers_that_may_not_be_read_may_change_everything(rule: Rule, title: str) -> None:
    report = unread(example(rule, title))
    assert rule.code not in {f.code for f in report.findings}
    assert rule.code in {n.code for n in report.not_evaluated}


def test_what_istio_takes_a_port_to_speak_needs_no_policy() -> None:
    report = unread(example(PC727, "MySQL on a port declared HTTP"))
    assert "PC727" in {f.code for f in report.findings}


def test_a_gateway_that_is_missing_is_compared_once_with_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[str] = []

    def counted(name: str, others: Iterable[str]) -> str | None:
        compared.append(name)
        return nearest(name, others)

    monkeypatch.setattr(pc731_istio_gateway_missing, "nearest", counted)
    manifest = example(PC731, "the Gateway is in another namespace")
    manifest = manifest.replace("[public]", "[publik]") + OTHER
    report = diagnose(evidence_of(manifest)).services[0]
    assert [f.code for f in report.findings] == ["PC731"]
    assert "istio-system/public" in report.findings[0].fixes[0].title
    assert compared == ["publik"]


OTHER = """
---
kind: Gateway
metadata: {name: internal, namespace: istio-system}
spec: {servers: [{hosts: ["*.internal"]}]}
"""
