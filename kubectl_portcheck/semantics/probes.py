"""The probes of a pod, and the port that each of them asks.

A named port is looked up in the probe's own container only, whatever its protocol; a number needs
no declaration. A probe with a host of its own says nothing about the pod. (Kubernetes API, Probe;
kubelet ``prober.go``)
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import msgspec

from kubectl_portcheck.model.objects import Container, Pod, Probe
from kubectl_portcheck.semantics.ports import serving_containers

Kind = Literal["startup", "liveness", "readiness"]
KINDS: tuple[Kind, ...] = ("startup", "liveness", "readiness")


class Check(msgspec.Struct, frozen=True):
    """One probe of one container."""

    container: str
    kind: Kind
    way: str
    """``httpGet``, ``tcpSocket``, ``grpc`` or ``exec``."""
    asked: int | str | None
    """The port as it is written; None for a command, or where another host is asked."""
    number: int | None
    """The port as a number; None also where the container declares no port of that name."""
    path: str = ""
    scheme: str = ""
    """``HTTP`` or ``HTTPS`` for an httpGet."""
    patience: int = 0
    """Seconds after which a probe that fails makes a difference."""
    delay: int = 0
    """Seconds after the container's start in which it is not asked."""

    @property
    def field(self) -> str:
        """The name of the field: ``readinessProbe``."""
        return f"{self.kind}Probe"

    @property
    def unresolved(self) -> bool:
        """Whether it asks for a name that its container does not declare."""
        return self.asked is not None and self.number is None


def checks(pod: Pod) -> tuple[Check, ...]:
    """Return every probe of the containers that keep running."""
    return _checks(serving_containers(pod))


@lru_cache(maxsize=1024)
def _checks(containers: tuple[Container, ...]) -> tuple[Check, ...]:
    """Those of these containers, which the pods of one template share."""
    return tuple(
        _check(container, kind, probe)
        for container in containers
        for kind in KINDS
        if (probe := getattr(container, f"{kind}_probe")) is not None
    )


def asked_ports(pod: Pod) -> Mapping[int, Kind]:
    """Return the ports that are checked, with the kind of probe: readiness wins, then liveness."""
    return _asked_ports(checks(pod))


@lru_cache(maxsize=1024)
def _asked_ports(made: tuple[Check, ...]) -> Mapping[int, Kind]:
    found = [(c.number, c.kind) for c in made if c.number is not None]
    return MappingProxyType(dict(sorted(found, key=lambda each: KINDS.index(each[1]))))


def _check(container: Container, kind: Kind, probe: Probe) -> Check:
    ways = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket, "grpc": probe.grpc}
    asked = None if probe.host else probe.port
    number = asked
    if isinstance(number, str):
        number = next((p.container_port for p in container.ports if p.name == asked), None)
    return Check(
        container=container.name,
        kind=kind,
        way=next((name for name, action in ways.items() if action), "exec"),
        asked=asked,
        number=number,
        path=probe.http_get.path if probe.http_get else "",
        scheme=probe.http_get.scheme if probe.http_get else "",
        patience=probe.period_seconds * probe.failure_threshold,
        delay=probe.initial_delay_seconds,
    )
