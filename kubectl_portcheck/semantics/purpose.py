"""What a port is for, by its name and number: enough to see that two ports are not for the same.

A name says it by its first part, as the Service API and Istio's protocol selection use it; a number
says it where IANA, or long habit, gave it to one protocol.
"""

from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.semantics.ports import declared_target

NAMES = {
    "HTTPS": ("https", "tls"),
    "HTTP": ("http", "http2", "h2c", "web", "grpc", "rest"),
    "PostgreSQL": ("pg", "postgres", "postgresql", "psql"),
    "MySQL": ("mysql", "mariadb"),
    "Redis": ("redis",),
    "MongoDB": ("mongo", "mongodb"),
    "Kafka": ("kafka",),
    "AMQP": ("amqp", "rabbitmq"),
    "MQTT": ("mqtt",),
    "NATS": ("nats",),
    "Cassandra": ("cassandra", "cql"),
    "memcached": ("memcache", "memcached"),
    "LDAP": ("ldap", "ldaps"),
    "SMTP": ("smtp", "smtps"),
    "SSH": ("ssh", "sftp"),
    "DNS": ("dns",),
}
NUMBERS = {
    80: "HTTP",
    8080: "HTTP",
    443: "HTTPS",
    8443: "HTTPS",
    5432: "PostgreSQL",
    3306: "MySQL",
    6379: "Redis",
    27017: "MongoDB",
    9092: "Kafka",
    5672: "AMQP",
    1883: "MQTT",
    4222: "NATS",
    9042: "Cassandra",
    11211: "memcached",
    389: "LDAP",
    25: "SMTP",
    22: "SSH",
    53: "DNS",
}
DEBUG = {5005: "JDWP", 9229: "Node.js", 2345: "Delve", 5678: "debugpy", 6060: "pprof"}
"""Ports of debuggers and profilers, which no client is meant to use."""

_BY_NAME = {name: purpose for purpose, names in NAMES.items() for name in names}


def of(name: str, number: int) -> str:
    """The protocol that the name says, or else the number; '' where neither says one."""
    return of_name(name) or NUMBERS.get(number, "")


def of_name(name: str) -> str:
    """The protocol that the first part of a port's name says; '' where it says none."""
    return _BY_NAME.get(name.lower().partition("-")[0], "")


def wanted(port: ServicePort) -> str:
    """The protocol that clients of the Service port speak, as far as its declaration says.

    Its appProtocol and name come first, then the targetPort's name, then its numbers.
    """
    target = declared_target(port)
    said = of_name(port.app_protocol or "") or of_name(port.name)
    if isinstance(target, str):
        return said or of_name(target) or NUMBERS.get(port.port, "")
    return said or NUMBERS.get(port.port, "") or NUMBERS.get(target, "")


def contradicts(port: ServicePort, name: str, number: int) -> str:
    """Why a port of the pods is not what the Service port's clients want; '' where nothing does."""
    clients, server = wanted(port), of(name, number)
    if not clients or not server or clients == server:
        return ""
    label = f"port {port.name or port.port} of the Service"
    return f"{label} is for {clients}, {name or number} is for {server}"
