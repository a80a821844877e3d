"""The ports on which well-known images listen, unless they are configured otherwise.

From the EXPOSE lines of the images. Such a port speaks for a declaration, and proves nothing.
"""

from collections.abc import Mapping
from typing import Final

_PORTS: Final[Mapping[str, frozenset[int]]] = {
    name: frozenset(ports)
    for names, ports in (
        (("nginx", "httpd", "caddy", "wordpress", "drupal", "nextcloud"), {80}),
        (("redis", "valkey"), {6379}),
        (("postgres", "postgis"), {5432}),
        (("mysql", "mariadb", "percona"), {3306}),
        (("mongo",), {27017}),
        (("rabbitmq",), {5672, 15672}),
        (("memcached",), {11211}),
        (("elasticsearch",), {9200, 9300}),
        (("grafana", "grafana-oss"), {3000}),
        (("prometheus",), {9090}),
        (("tomcat", "jenkins", "nginx-unprivileged"), {8080}),
        (("ghost",), {2368}),
        (("nats",), {4222, 8222}),
        (("consul",), {8500}),
        (("vault",), {8200}),
        (("whoami",), {80}),
    )
    for name in names
}


def repository(image: str) -> str:
    """The image without its tag and digest: ``registry:5000/team/shop``."""
    name = image.partition("@")[0]
    place, slash, last = name.rpartition("/")
    return f"{place}{slash}{last.partition(':')[0]}"


def ports_of(image: str) -> frozenset[int]:
    """The ports on which an image of this name listens by itself; none where that is not known."""
    return _PORTS.get(repository(image).rpartition("/")[2], frozenset())
