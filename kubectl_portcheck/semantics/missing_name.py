"""Which Service was meant by the name of one that does not exist, and how a client would write it.

Sources: the Kubernetes documentation, *DNS for Services and Pods* (a name without a namespace is
looked up in the pod's own; ``NAME.NAMESPACE``, ``NAME.NAMESPACE.svc.DOMAIN``).
"""

from typing import NamedTuple

from kubectl_portcheck.model.evidence import Absence
from kubectl_portcheck.semantics.calls import CLOSE
from kubectl_portcheck.semantics.selectors import closeness

MOST = 3
"""Services that may be meant."""


class Meant(NamedTuple):
    """A Service that exists and may be meant."""

    name: str
    namespace: str
    close: bool
    """Whether what is written differs from it as by a slip, or nothing else may be meant."""


def meant(absence: Absence, name: str, namespace: str) -> tuple[Meant, ...]:
    """The Services that may be meant, the likeliest first."""
    spaces = sorted(absence.elsewhere, key=lambda space: -closeness(space, namespace))
    found = [
        Meant(name, space, close=len(spaces) == 1 or closeness(space, namespace) >= CLOSE)
        for space in spaces
    ]
    if absence.near:
        close = closeness(absence.near, name) >= CLOSE
        near = Meant(absence.near, namespace, close)
        found = [near, *found] if close else [*found, near]
    for alike in absence.alike:
        other, _, space = alike.partition(".")
        found.append(Meant(other, space, close=True))
    return tuple(found[:MOST])


def written(host: str, client: str, service: Meant) -> str:
    """The Service's name in the form of ``host``, for a pod of namespace ``client``.

    '' where that form is not one of a Service: ``POD.NAME.NAMESPACE.svc``.
    """
    labels = host.rstrip(".").split(".")
    if len(labels) == 1:
        same = service.namespace == client
        return service.name if same else f"{service.name}.{service.namespace}"
    if len(labels) == 2 or labels[2] == "svc":
        return ".".join((service.name, service.namespace, *labels[2:]))
    return ""
