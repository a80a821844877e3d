"""What a port is for, by its name and number."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.semantics import purpose


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("http-api", 9000, "HTTP"),
        ("", 5432, "PostgreSQL"),
        ("https", 8080, "HTTPS"),
        ("api", 9000, ""),
    ],
)
def test_a_name_comes_before_a_number(name: str, number: int, said: str) -> None:
    assert purpose.of(name, number) == said


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ({"port": 1, "appProtocol": "https"}, "HTTPS"),
        ({"port": 1, "name": "redis"}, "Redis"),
        ({"port": 1, "appProtocol": "https", "name": "redis"}, "HTTPS"),
        ({"port": 80, "targetPort": "mysql"}, "MySQL"),
        ({"port": 80, "targetPort": "main"}, "HTTP"),
        ({"port": 1, "targetPort": 22}, "SSH"),
        ({"port": 443, "targetPort": 8080}, "HTTPS"),
    ],
)
def test_what_clients_of_a_service_port_speak(port: dict[str, Any], said: str) -> None:
    assert purpose.wanted(msgspec.convert(port, ServicePort)) == said
