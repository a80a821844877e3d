"""What a pod template says about the ports on which its pods listen.

Declaring a port opens nothing, and a port may be open that is not declared: published manifests
that work do both. So a declaration proves little by itself. It is taken for the truth against a
Service only where everything in the files speaks for it:

- every container of the pod that keeps running declares ports, so that none is left that might
  listen on the other one;
- among the declared ports is one that no Service uses, which must have been declared for a
  reason, and its name does not say that it is meant for something else, or a probe asks there
  and it is the only one;
- the Service reaches none of the declared ports by another of its own, or the two ports have the
  same name;
- nothing else in the template names the Service's number: no probe, argument, environment
  variable or annotation, and no image that is known to listen there; nor does a ConfigMap of these
  files that the pod uses.

Even then it is a warning: the image may listen where no manifest says so.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import msgspec

from kubectl_portcheck.collect.manifests.pods import Template
from kubectl_portcheck.model.objects import ContainerPort, Pod, Service, ServicePort
from kubectl_portcheck.model.probes import ListeningSocket, PodSockets
from kubectl_portcheck.semantics import candidates, images, ports, probes

_HOST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_LONGEST_HOST = 253
_LOCAL = ("localhost", "0.0.0.0", "127.0.0.1")


class Surroundings(msgspec.Struct, frozen=True):
    """What the files say beside the Service and the pod."""

    services: Collection[str]
    """The names of all Services."""
    used: Callable[[int], bool]
    """Whether another Service leads to this port of the pod."""
    config: Collection[str]
    """The text of the ConfigMaps."""


def sockets(service: Service, template: Template, around: Surroundings) -> PodSockets | None:
    """The declared ports as sockets; None where none is declared, so that nothing is known."""
    listeners = tuple(
        ListeningSocket(
            protocol=port.protocol,
            family="dual",
            address="::",
            port=port.container_port,
            container=container.name,
            source="declared",
        )
        for container, port in ports.declared_ports(template.pod)
    )
    if not listeners:
        return None
    return PodSockets(
        listeners=listeners,
        source="declared",
        complete=False,
        closed=tuple(sorted(_closed(service, template, around))),
    )


def _closed(service: Service, template: Template, around: Surroundings) -> Iterator[int]:
    pod = template.pod
    if any(not c.ports for c in ports.serving_containers(pod)):
        return
    declared = [p for _, p in ports.declared_ports(pod)]
    reached = {(ports.dialled_port(service, p, pod), p.protocol) for p in service.spec.ports}
    hits = [d for d in declared if (d.container_port, d.protocol) in reached]
    free = [d for d in declared if d not in hits and not around.used(d.container_port)]
    probed = probes.asked_ports(pod)
    for port in service.spec.ports:
        number = ports.dialled_port(service, port, pod)
        if number is None or any(
            d.container_port == number and d.protocol == port.protocol for d in declared
        ):
            continue
        meant = ports.resolve_target_port(port, pod)
        if meant != number:
            # Headless: nothing translates ports, so the targetPort says what was meant.
            rivals = [d for d in declared if d.container_port == meant]
        else:
            rivals = [d for d in free if _may_be(d, port, number, only=not hits)]
            if not rivals and len(declared) == 1 and declared[0].container_port in probed:
                rivals = free
        if rivals and not _speaks_of(number, service, template, around):
            yield number


def _may_be(declared: ContainerPort, port: ServicePort, number: int, *, only: bool) -> bool:
    """Whether the declared port is what the Service's port was meant for."""
    if declared.name and declared.name in (port.name, port.target_port):
        return True
    if not only or _is_management(declared.name) != _is_management(port.name):
        return False
    if declared.name and port.name and not {declared.name, port.name} <= _SYNONYMS:
        return False
    # UDP is written on purpose; TCP is there where no one thought of it.
    return declared.protocol == port.protocol or (
        declared.protocol != "TCP" and declared.container_port == number
    )


_SYNONYMS = candidates.APPLICATION_NAMES - {"grpc", "http2", "https"}
"""Names that all say no more than 'the application'."""


def _is_management(name: str) -> bool:
    return bool(set(name.lower().split("-")) & candidates.MANAGEMENT_NAMES)


def _speaks_of(number: int, service: Service, template: Template, around: Surroundings) -> bool:
    """Whether the template, or a ConfigMap that it uses, names the number anywhere else."""
    if any(number in images.ports_of(c.image) for c in ports.serving_containers(template.pod)):
        return True
    others = set(around.services) - {service.metadata.name}
    texts = list(_texts(template.data))
    if any(_names(text, number, others) for text in texts):
        return True
    used = _config_maps(template.data)
    return any(
        any(name in text for name in used) and _names(text, number, others)
        for text in around.config
    )


def _names(text: str, number: int, others: Collection[str]) -> bool:
    if str(number) not in text:
        return False
    for found in re.finditer(rf"(?<![0-9.])0{{0,3}}{number}(?![0-9])", text):
        host, is_url = _host_before(text, found.start())
        first = host.split(".")[0]
        elsewhere = is_url and re.search("[a-z]", first) and host not in _LOCAL
        if not elsewhere and first not in others:
            return True
    return False


def _host_before(text: str, place: int) -> tuple[str, bool]:
    """The host of ``host:port`` where the port begins at this place, and whether of a URL."""
    if text[place - 1 : place] != ":":
        return "", False
    begin = end = place - 1
    while begin > 0 and end - begin < _LONGEST_HOST and text[begin - 1] in _HOST:
        begin -= 1
    return text[begin:end].lstrip(".-"), text[max(0, begin - 3) : begin] == "://"


def _texts(value: Any, key: str = "") -> Iterator[str]:
    """Every value of the template but the declared ports."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "ports":
                yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, (str, int)) and key not in _UNRELATED:
        yield str(value)


_UNRELATED = frozenset(
    {
        *("image", "replicas", "runAsUser", "runAsGroup", "fsGroup", "defaultMode", "mode"),
        *("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold"),
        *("failureThreshold", "terminationGracePeriodSeconds", "cpu", "memory", "priority"),
        *("ephemeral-storage", "supplementalGroups", "expirationSeconds", "tolerationSeconds"),
    }
)
"""Fields whose numbers are no ports."""


def _config_maps(value: Any) -> set[str]:
    """The names of the ConfigMaps that a template refers to."""
    found: set[str] = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("configMap", "configMapRef", "configMapKeyRef") and isinstance(inner, dict):
                found.add(str(inner.get("name", "")))
            found |= _config_maps(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _config_maps(inner)
    return found - {""}


def leads_to(service: Service, pod: Pod) -> set[int]:
    """The ports of the pod to which the Service sends clients."""
    numbers = (ports.dialled_port(service, p, pod) for p in service.spec.ports)
    return {n for n in numbers if n is not None}
