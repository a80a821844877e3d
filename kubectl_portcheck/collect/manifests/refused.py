"""What the API server would refuse in objects of files, in its own words.

Each message was read from a server of version 1.36 (apply --dry-run=server). Only names and numbers
of ports are looked at: the other fields are the business of a schema.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import PLACEHOLDER, Object, locate
from kubectl_portcheck.collect.manifests.pods import TEMPLATES
from kubectl_portcheck.regex import regex

Fault = tuple[tuple[str, ...], str]
"""The path of the field, and what is wrong with it."""

_LABEL = regex(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character"
)
LONGEST_NAME = 15
_RANGE = "must be between 1 and 65535, inclusive"


def refusals(item: Object) -> list[Problem]:
    """What the API server would say of the object; nothing where it would take its ports."""
    spec = item.data.get("spec")
    if not isinstance(spec, dict):
        return []
    if item.kind == "Service":
        faults = _of_service(spec)
    elif item.kind == "Ingress":
        faults = _of_ingress(spec)
    elif item.kind in TEMPLATES:
        faults = _of_workload(item)
    else:
        return []
    return [_problem(item, steps, words) for steps, words in faults]


def _problem(item: Object, steps: tuple[str, ...], words: str) -> Problem:
    field = "".join(f"[{s}]" if s.isdecimal() else f".{s}" for s in steps).lstrip(".")
    place = item.line(locate(item.node, steps))
    text = f"{item.kind} {item.name}: {field}: {words}; the API server would refuse it"
    return Problem(item.file.name, place, text)


def _of_service(spec: Mapping[str, Any]) -> Iterator[Fault]:
    ports = _items(spec.get("ports"))
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for index, port in enumerate(ports):
        at = ("spec", "ports", str(index))
        name = port.get("name")
        if isinstance(name, str) and name:
            yield from _label((*at, "name"), name)
            if name in names:
                yield (*at, "name"), f'Duplicate value: "{name}"'
            names.add(name)
        elif name in (None, "") and len(ports) > 1:
            yield (*at, "name"), "Required value"
        yield from _number((*at, "port"), port.get("port"))
        target = port.get("targetPort")
        # A number in quotes has a rule of its own (PC402), which knows what to write.
        if not (isinstance(target, str) and target.isdecimal() and len(target) <= LONGEST_NAME):
            yield from _number_or_name((*at, "targetPort"), target or None)
        number, protocol = port.get("port"), port.get("protocol") or "TCP"
        if isinstance(number, int) and isinstance(protocol, str):
            if (number, protocol) in numbers:
                yield at, f"Duplicate value: {protocol} {number}"
            numbers.add((number, protocol))


def _of_ingress(spec: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _backend(("spec", "defaultBackend"), spec.get("defaultBackend"))
    for i, rule in enumerate(_items(spec.get("rules"))):
        http = rule.get("http")
        paths = _items(http.get("paths")) if isinstance(http, dict) else []
        for j, path in enumerate(paths):
            at = ("spec", "rules", str(i), "http", "paths", str(j), "backend")
            yield from _backend(at, path.get("backend"))


def _backend(at: tuple[str, ...], backend: Any) -> Iterator[Fault]:
    service = backend.get("service") if isinstance(backend, dict) else None
    port = service.get("port") if isinstance(service, dict) else None
    if isinstance(port, dict):
        name = port.get("name")
        if isinstance(name, str) and name:
            yield from _name((*at, "service", "port", "name"), name)
        yield from _number((*at, "service", "port", "number"), port.get("number") or None)


def _of_workload(item: Object) -> Iterator[Fault]:
    steps = TEMPLATES[item.kind]
    data: Any = item.data
    for step in (*steps, "spec"):
        data = data.get(step) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        return
    for field in ("containers", "initContainers"):
        for index, container in enumerate(_items(data.get(field))):
            at = (*steps, "spec", field, str(index))
            yield from _of_container(at, container, host=data.get("hostNetwork") is True)


def _of_container(
    at: tuple[str, ...], container: Mapping[str, Any], *, host: bool
) -> Iterator[Fault]:
    names: set[str] = set()
    for index, port in enumerate(_items(container.get("ports"))):
        here = (*at, "ports", str(index))
        name = port.get("name")
        if isinstance(name, str) and name:
            yield from _name((*here, "name"), name)
            if name in names:
                yield (*here, "name"), f'Duplicate value: "{name}"'
            names.add(name)
        number, outside = port.get("containerPort"), port.get("hostPort")
        yield from _number((*here, "containerPort"), number)
        yield from _number((*here, "hostPort"), outside or None)
        if host and outside and outside != number:
            words = "must match `containerPort` when `hostNetwork` is true"
            yield (*here, "hostPort"), f"Invalid value: {outside}: {words}"
    for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
        probe = container.get(kind)
        if not isinstance(probe, dict):
            continue
        for way in ("httpGet", "tcpSocket"):
            asked = probe.get(way)
            if isinstance(asked, dict):
                yield from _number_or_name((*at, kind, way, "port"), asked.get("port"))


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _number_or_name(at: tuple[str, ...], value: Any) -> Iterator[Fault]:
    if isinstance(value, str):
        yield from _name(at, value)
    else:
        yield from _number(at, value)


def _number(at: tuple[str, ...], value: Any) -> Iterator[Fault]:
    if isinstance(value, int) and not isinstance(value, bool) and not 0 < value < 65536:
        yield at, f"Invalid value: {value}: {_RANGE}"


def _name(at: tuple[str, ...], name: str) -> Iterator[Fault]:
    """The rules for a container port's name. (IANA service name, RFC 6335)"""
    if PLACEHOLDER.search(name):
        return
    if len(name) > LONGEST_NAME:
        yield at, f'Invalid value: "{name}": must be no more than 15 characters'
    if not re.fullmatch("[-a-z0-9]+", name):
        only = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        yield at, f'Invalid value: "{name}": {only}'
    elif not re.search("[a-z]", name):
        yield at, f'Invalid value: "{name}": must contain at least one letter (a-z)'
    if "--" in name:
        yield at, f'Invalid value: "{name}": must not contain consecutive hyphens'
    if name.startswith("-") or name.endswith("-"):
        yield at, f'Invalid value: "{name}": must not begin or end with a hyphen'


def _label(at: tuple[str, ...], name: str) -> Iterator[Fault]:
    """The rules for a Service port's name."""
    if PLACEHOLDER.search(name):
        return
    if len(name) > 63:
        yield at, f'Invalid value: "{name}": must be no more than 63 characters'
    if not _LABEL.fullmatch(name):
        yield at, f'Invalid value: "{name}": {_LABEL_WORDS}'
