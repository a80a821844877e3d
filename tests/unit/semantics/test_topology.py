"""Which endpoints kube-proxy prefers, by the hints of EndpointSlices."""

import pytest

from kubectl_portcheck.model.objects import Endpoint, EndpointHints, HintedFor
from kubectl_portcheck.semantics.topology import places


def hinted(address: str, zones: str = "", nodes: str = "") -> Endpoint:
    hints = EndpointHints(
        for_zones=tuple(HintedFor(name=z) for z in zones.split()),
        for_nodes=tuple(HintedFor(name=n) for n in nodes.split()),
    )
    return Endpoint(addresses=(address,), hints=hints)


@pytest.mark.parametrize(
    ("endpoints", "found"),
    [
        ([], {}),
        ([Endpoint(addresses=("1",))], {}),
        ([hinted("1", "a"), hinted("2", "b")], {"zone a": ["1"], "zone b": ["2"]}),
        ([hinted("1", "a b")], {"zone a": ["1"], "zone b": ["1"]}),
        # One without a hint, and none is followed.
        ([hinted("1", "a"), Endpoint(addresses=("2",))], {}),
        ([hinted("1", "a"), hinted("2")], {}),
        (
            [hinted("1", "a", "n1"), hinted("2", "a", "n2")],
            {"node n1": ["1"], "node n2": ["2"], "zone a": ["1", "2"]},
        ),
        # Not every one has a hint for nodes: those for zones are followed.
        ([hinted("1", "a", "n1"), hinted("2", "b")], {"zone a": ["1"], "zone b": ["2"]}),
    ],
)
def test_whose_clients_use_which_endpoints(
    endpoints: list[Endpoint], found: dict[str, list[str]]
) -> None:
    preferred = {
        f"{p.kind} {p.name}": [e.addresses[0] for e in p.endpoints] for p in places(endpoints)
    }
    assert preferred == found
