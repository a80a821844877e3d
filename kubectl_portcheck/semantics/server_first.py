"""Protocols in which the server speaks first, and what says that a port of a pod speaks one.

A proxy that waits for the client's first bytes, to find out or to read HTTP, waits in vain: both
ends wait for each other. (Istio, "Protocol Selection", Server First Protocols; Linkerd, "Protocol
Detection") Only what is certain counts: a port's name, an ``appProtocol``, or the image of the one
program whose port it is, on the number that the program has by default.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubectl_portcheck.model.objects import Pod, ServicePort
from kubectl_portcheck.semantics import mesh, ports

NAMES = {
    "mysql": "MySQL",
    "mariadb": "MySQL",
    "smtp": "SMTP",
    "submission": "SMTP",
    "ftp": "FTP",
    "ssh": "SSH",
    "sftp": "SSH",
    "imap": "IMAP",
    "pop3": "POP3",
    "nats": "NATS",
    "vnc": "VNC",
}
"""By the words of port names and of ``appProtocol``. (IANA, Service Name Registry)"""
IMAGES = {
    "mysql": (3306, "MySQL"),
    "mysql-server": (3306, "MySQL"),
    "mariadb": (3306, "MySQL"),
    "mariadb-server": (3306, "MySQL"),
    "percona": (3306, "MySQL"),
    "percona-server": (3306, "MySQL"),
    "nats": (4222, "NATS"),
    "nats-server": (4222, "NATS"),
    "postfix": (25, "SMTP"),
    "openssh-server": (22, "SSH"),
}
"""By the last part of an image's name: the port that it listens on by default."""


class ServerFirst(NamedTuple):
    """A protocol in which the server speaks first, on a port of a pod."""

    protocol: str
    by: str
    """``the container port's name mysql``, ``the image mysql``: what says so."""


def found(pod: Pod, number: int, leading: Iterable[ServicePort] = ()) -> ServerFirst | None:
    """The protocol that the port is certain to speak; None where nothing certain says so.

    ``leading`` are the Service ports that lead there, whose own names are not asked where they are
    what is to be judged.
    """
    return next(_sayings(pod, number, leading), None)


def _sayings(pod: Pod, number: int, leading: Iterable[ServicePort]) -> Iterator[ServerFirst]:
    own = mesh.own_containers(pod)
    for container, declared in ports.declared_ports(pod):
        if declared.container_port == number and declared.protocol == "TCP" and container in own:
            protocol = by_name(declared.name)
            if protocol:
                yield ServerFirst(protocol, f"the container port's name {declared.name}")
    for port in leading:
        protocol = by_name(port.app_protocol or "")
        if protocol:
            yield ServerFirst(protocol, f"appProtocol {port.app_protocol}")
        protocol = by_name(port.name)
        if protocol:
            yield ServerFirst(protocol, f"the Service port's name {port.name}")
    for container in own:
        name = _image(container.image)
        usual = IMAGES.get(name)
        if usual and usual[0] == number:
            yield ServerFirst(usual[1], f"the image {name}")


def by_name(text: str) -> str:
    """The protocol of a port's name, such as ``mysql`` or ``tcp-mysql``; '' for others."""
    words = re.split(r"[-_.]", text.lower())
    if words[:1] == ["tcp"]:
        words = words[1:]
    return NAMES.get(words[0], "") if words else ""


def _image(image: str) -> str:
    """``mysql`` of ``docker.io/library/mysql:8@sha256:...``."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]
