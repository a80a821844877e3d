"""A small snapshot is read part by part, and gives what it gives as a whole."""

import msgspec
import pytest

from kubectl_portcheck.collect.snapshots import snapshot
from kubectl_portcheck.demo import SCENARIOS, recording
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import unpacked
from kubectl_portcheck.inputs.limits import EVIDENCE_BYTES
from tests.situations import SITUATIONS

TOOL = snapshot.Tool(name="kubectl-portcheck", version="1")


def raw_of(name: str) -> bytes:
    scenario = next(s for s in SCENARIOS if s.name == name)
    return unpacked(recording(scenario), EVIDENCE_BYTES)


@pytest.mark.parametrize("name", [s.name for s in SCENARIOS])
def test_a_recording_is_the_same_part_by_part(name: str) -> None:
    raw = raw_of(name)
    assert snapshot._by_parts(raw) == msgspec.json.decode(raw, type=snapshot.Snapshot).evidence


def test_all_situations_are_the_same_part_by_part() -> None:
    for evidence in SITUATIONS.values():
        raw = snapshot.encode(evidence, TOOL)
        whole = msgspec.json.decode(raw, type=snapshot.Snapshot).evidence
        assert snapshot._by_parts(raw) == whole


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b'"pods"', b'"podz"', None),
        (b'"source"', b'"sauce"', "$.evidence.context"),
        (b'"service":', b'"servize":', "$.evidence.services[0]"),
        (b'"port": 80', b'"port": "x"', "$.evidence.services[0].service.spec.ports[0].port"),
        (b'"tool"', b'"tolo"', "tool"),
    ],
)
def test_a_failure_names_its_place_in_the_whole(old: bytes, new: bytes, place: str | None) -> None:
    raw = raw_of("checkout").replace(old, new, 1)
    if place is None:
        assert snapshot.decode(raw, "x")
        return
    with pytest.raises(UsageError) as failed:
        snapshot.decode(raw, "x")
    assert place in failed.value.line
