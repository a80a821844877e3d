"""Snapshots of later versions may hold objects of kinds that this version does not know."""

import msgspec
import pytest

from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import Evidence, ServiceEvidence
from tests.situations import SITUATIONS

OF_KINDS = ("referrers", "guards", "mesh_policies")


def with_newcomers(service: ServiceEvidence) -> ServiceEvidence:
    changed = {}
    for field in OF_KINDS:
        part = getattr(service, field)
        if isinstance(part, Observed):
            made = tuple(msgspec.structs.replace(o, kind="Newcomer") for o in part.value)
            changed[field] = msgspec.structs.replace(part, value=made)
    return msgspec.structs.replace(service, **changed)


@pytest.mark.parametrize("evidence", SITUATIONS.values(), ids=SITUATIONS)
def test_there_is_a_report_all_the_same(evidence: Evidence) -> None:
    services = tuple(map(with_newcomers, evidence.services))
    assert diagnose(msgspec.structs.replace(evidence, services=services)).services
