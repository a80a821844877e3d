import pytest

from kubectl_portcheck.address import Address, is_address, read_address
from kubectl_portcheck.errors import UsageError

LINES = {
    "Go, refused": (
        "dial tcp 10.96.3.4:80: connect: connection refused",
        Address("10.96.3.4", 80, True),
    ),
    "Go, time-out, with the client's own address": (
        "read tcp 10.244.0.5:41234->10.96.3.4:80: i/o timeout",
        Address("10.96.3.4", 80, True),
    ),
    "Go, no such name; the DNS server is not meant": (
        "dial tcp: lookup chekcout.shop on 10.96.0.10:53: no such host",
        Address("chekcout.shop", None, True),
    ),
    "Go, a URL around it": (
        'Get "http://checkout:8080/pay?token=s3cret": dial tcp: lookup checkout on 10.96.0.10:53: '
        "server misbehaving",
        Address("checkout", None, True),
    ),
    "gRPC": (
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while '
        'dialing: dial tcp 10.96.3.4:9090: connect: connection refused"',
        Address("10.96.3.4", 9090, True),
    ),
    "a webhook, by its URL": (
        'Internal error occurred: failed calling webhook "vet.shop.io": failed to call webhook: '
        'Post "https://vet.policy.svc:8443/validate?timeout=10s": EOF',
        Address("vet.policy.svc", 8443, True),
    ),
    "a webhook without a port": (
        'failed calling webhook "x": Post "https://vet.policy.svc/validate": no endpoints',
        Address("vet.policy.svc", 443, True),
    ),
    "Java": (
        "java.net.ConnectException: Connection refused: checkout.shop/10.96.3.4:8080",
        Address("checkout.shop", 8080, True),
    ),
    "Java, OkHttp": (
        "java.net.ConnectException: Failed to connect to checkout/10.96.3.4:80",
        Address("checkout", 80, True),
    ),
    "Java, no such name": (
        "java.net.UnknownHostException: chekcout: Name or service not known",
        Address("chekcout", None, True),
    ),
    "Python, requests": (
        "requests.exceptions.ConnectionError: HTTPConnectionPool(host='checkout', port=80): Max "
        "retries exceeded with url: /pay?key=abc (Caused by NewConnectionError('<urllib3>: Failed "
        "to establish a new connection: [Errno 111] Connection refused'))",
        Address("checkout", 80, True),
    ),
    "libpq": (
        'connection to server at "postgres" (10.96.1.2), port 5432 failed: Connection refused',
        Address("postgres", 5432, True),
    ),
    "MySQL": ("Can't connect to MySQL server on 'mysql:3306' (111)", Address("mysql", 3306, True)),
    "redis-py": (
        "Error 111 connecting to redis:6379. Connection refused.",
        Address("redis", 6379, True),
    ),
    "Node.js": ("Error: connect ECONNREFUSED 10.96.3.4:80", Address("10.96.3.4", 80, True)),
    "Node.js, no such name": ("getaddrinfo ENOTFOUND checkout", Address("checkout", None, True)),
    "curl": (
        "curl: (7) Failed to connect to checkout.shop port 8080 after 3 ms: Connection refused",
        Address("checkout.shop", 8080, True),
    ),
    "curl, no such name": (
        "curl: (6) Could not resolve host: checkout",
        Address("checkout", None, True),
    ),
    "nginx": (
        "2026/01/01 00:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) while "
        'connecting to upstream, client: 10.244.0.1, server: shop, request: "GET / HTTP/1.1", '
        'upstream: "http://10.96.3.4:80/", host: "shop.example:8080"',
        Address("10.96.3.4", 80, True),
    ),
    "nginx, no such name": (
        'nginx: [emerg] host not found in upstream "checkout" in /etc/nginx/nginx.conf:12',
        Address("checkout", None, True),
    ),
    "Envoy": (
        "upstream connect error or disconnect/reset before headers. reset reason: remote "
        "connection failure, transport failure reason: delayed connect error: 111, remote "
        "address:10.244.1.5:8080",
        Address("10.244.1.5", 8080, True),
    ),
    "IPv6": (
        "dial tcp [fd00:10:96::4]:80: connect: connection refused",
        Address("fd00:10:96::4", 80, True),
    ),
}


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES)
def test_a_line_is_read_for_the_far_end(line: str, expected: Address) -> None:
    assert is_address(line)
    assert read_address(line) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("checkout.shop", Address("checkout.shop")),
        ("checkout.shop.svc:80", Address("checkout.shop.svc", 80)),
        ("checkout.shop.svc.cluster.local.", Address("checkout.shop.svc.cluster.local")),
        ("http://checkout:8080/pay", Address("checkout", 8080, True)),
        ("https://checkout.shop", Address("checkout.shop", 443)),
        ("postgres://shop:s3cret@db.shop/orders", Address("db.shop", 5432, True)),
        ("10.96.3.4", Address("10.96.3.4")),
        ("10.96.3.4:80", Address("10.96.3.4", 80)),
        ("[fd00::4]:80", Address("fd00::4", 80)),
        ("fd00::4", Address("fd00::4")),
    ],
)
def test_an_address_by_itself(word: str, expected: Address) -> None:
    assert is_address(word)
    assert read_address(word) == expected


@pytest.mark.parametrize("word", ["checkout", "checkout:80", "svc/checkout", "pod/a.b", "ing/a.b"])
def test_what_kubectl_takes_is_no_address(word: str) -> None:
    assert not is_address(word)


@pytest.mark.parametrize(
    "text",
    ["connection refused", "no idea what happened", "1.2.3", "http://", "x" * 1_000_000 + " y"],
)
def test_a_line_without_an_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no address found"):
        read_address(text)


def test_nothing_of_a_password_is_kept() -> None:
    assert "s3cret" not in repr(read_address("amqp://user:s3cret@queue.shop:5672/x"))


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("checkout", ("checkout", "")),
        ("checkout.shop", ("checkout", "shop")),
        ("checkout.shop.svc", ("checkout", "shop")),
        ("checkout.shop.svc.cluster.local", ("checkout", "shop")),
        ("db-0.db.shop.svc.cluster.local", ("db", "shop")),
        ("10.96.3.4", None),
        ("api.shop.example.com", None),
    ],
)
def test_the_service_of_a_name(host: str, service: tuple[str, str] | None) -> None:
    assert Address(host).service == service
