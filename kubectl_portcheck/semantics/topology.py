"""Which endpoints the clients of a zone or a node are sent to: hints of EndpointSlices.

``trafficDistribution`` and topology-aware routing make the control plane write hints. kube-proxy
follows those for its own node where every ready endpoint has a hint for nodes and one is for its
node; else those for its zone where every one has a hint for zones and one is for its zone; else it
uses all endpoints. So a preference never leaves clients without an endpoint, and it sends all
clients of a place to its own ones, whether these answer or not.
(kube-proxy, ``topologyModeFromHints``; Kubernetes, "Traffic distribution")
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from kubectl_portcheck.model.objects import Endpoint


class Place(NamedTuple):
    """A zone or a node, and the endpoints to which its clients are sent."""

    kind: Literal["node", "zone"]
    name: str
    endpoints: tuple[Endpoint, ...]


def places(ready: Iterable[Endpoint]) -> list[Place]:
    """Where kube-proxy prefers some of these endpoints; none where it uses all of them."""
    everyone = list(ready)
    nodes = _by_name((e, _names(e, "node")) for e in everyone)
    zones = _by_name((e, _names(e, "zone")) for e in everyone)
    found = [Place("node", name, tuple(those)) for name, those in sorted(nodes.items())]
    return found + [Place("zone", name, tuple(those)) for name, those in sorted(zones.items())]


def _names(endpoint: Endpoint, kind: Literal["node", "zone"]) -> list[str]:
    hints = endpoint.hints
    if hints is None:
        return []
    return [h.name for h in (hints.for_nodes if kind == "node" else hints.for_zones)]


def _by_name(hinted: Iterable[tuple[Endpoint, list[str]]]) -> dict[str, list[Endpoint]]:
    """The endpoints for each name; nothing where one endpoint has no such hint."""
    found: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint, names in hinted:
        if not names:
            return {}
        for name in names:
            found[name].append(endpoint)
    return found
