import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.semantics.called import LONGEST, MOST, Host, hosts, plain
from tests.stopwatch import stopwatch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("until nslookup postgres; do sleep 1; done", [Host("postgres")]),
        ("until nc -z postgres 5432; do echo waiting; sleep 2; done", [Host("postgres", 5432)]),
        (
            "sh -c 'nc -w 1 -z redis.cache.svc.cluster.local 6379'",
            [Host("redis.cache.svc.cluster.local", 6379)],
        ),
        ("/usr/bin/nc -zv db 3306", [Host("db", 3306)]),
        ("getent hosts kafka.messaging", [Host("kafka.messaging")]),
        ("http://checkout:8080/ready", [Host("checkout", 8080)]),
        ("postgres://shop:s3cret@db.shop:5432/orders", [Host("db.shop", 5432)]),
        ("wait-for-it.sh rabbitmq:5672 -- true", [Host("rabbitmq", 5672)]),
        ("redis:6379,redis-2:6380", [Host("redis", 6379), Host("redis-2", 6380)]),
        ("CHECKOUT", []),
        ("10.0.0.1:8080", [Host("10.0.0.1", 8080)]),
        ("http://10.0.0.1/x", [Host("10.0.0.1", 80)]),
        ("http://[fd00::1]:81/x", [Host("fd00::1", 81)]),
        ("http://checkout", [Host("checkout", 80)]),
        ("https://checkout.shop/pay?user=1", [Host("checkout.shop", 443)]),
        ("mongodb+srv://u:p@db/x", [Host("db")]),
        ("mongodb://u:p@db-0:27017,db-1:27017/x", [Host("db-0", 27017), Host("db-1", 27017)]),
        ("jdbc:postgresql://db:5432/x?user=u&password=p", [Host("db", 5432)]),
        ("jdbc:sqlserver://db:1433;user=sa;password=p:99", [Host("db", 1433)]),
        ("PLAINTEXT://k-0:9092,SASL://k-1:9093", [Host("k-0", 9092), Host("k-1", 9093)]),
        ("amqp://a:p@x:5672,amqp://b:p@y:5673/z", [Host("x", 5672), Host("y", 5673)]),
        ("host=db port=5432 user=u password=s:3333", [Host("db", 5432)]),
        ("Server=db;Port=3306;Pwd=x:8080", [Host("db", 3306)]),
        ("root:s3:99@tcp(db:3306)/shop", [Host("db", 3306)]),
        ("--upstream=checkout:8080", [Host("checkout", 8080)]),
        ("postgres:15", []),
        ("--image=postgres:15-alpine", []),
        ("12:30:45", []),
        ("image:v1.2", []),
        ("nslookup $HOST", []),
        ("sleep 5", []),
        ("", []),
    ],
)
def test_hosts_and_ports_are_all_that_is_taken(text: str, expected: list[Host]) -> None:
    assert [(h.name, h.port) for h in hosts(text)] == [(h.name, h.port) for h in expected]


@pytest.mark.parametrize(
    "text",
    [
        "http://u:s3cret/9@db:5432/x",
        "http://u:12/s3cret@db:5432/x",
        "http://u:p@s3cret/9@db:5432/x",
        "http://u:p@s3cret/x@db",
        "redis://:s3cret:12345@db",
        "http://u:12://s3cret:80@db",
        "s3cret:12345@db",
        "a@s3cret:12345",
        "a@b@s3cret:12345",
        "password=s3cret:12345",
        "PASSWORD='s3cret:12345 x'",
        "Authorization: Basic s3cret:12345",
        "https://db/x?password=s3cret:12345",
        "https://db/x#s3cret:12345",
        "eyJhbGciOi.s3cret:12345",
        "http://s3cret:12345@/x",
        '{"token": "s3cret:12345"}',
        "token: s3cret:12345",
        "{'apiKey' : 's3cret:12345'}",
    ],
)
def test_where_a_password_may_be_taken_for_a_host_nothing_is_taken(text: str) -> None:
    assert not [h for h in hosts(text) if "s3cret" in h.name or h.port in (12345, 12, 9)]


@given(st.text(st.sampled_from("s3:/@?=#.,;\"' ()&|p8"), max_size=30))
def test_no_password_of_a_url_is_taken(text: str) -> None:
    found = hosts(f"{text} postgres://u:c4n4ry@db:5432/x {text}")
    assert not [h for h in found if "c4n4ry" in h.name]


@pytest.mark.parametrize("piece", ["://", "a:80,", "a@", "a://b:1,", "-", "a.", "nc ", "host=a "])
def test_the_time_is_linear(piece: str) -> None:
    with stopwatch() as spent:
        hosts(piece * (LONGEST // len(piece)))
    assert spent.seconds < 1


def test_a_password_is_no_part_of_what_is_kept() -> None:
    found = hosts("amqp://user:p4ss.word:99@queue:5672 token=abc:1234567")
    assert [(h.name, h.port) for h in found] == [("queue", 5672)]


def test_a_long_text_is_bounded() -> None:
    assert len(hosts(" ".join(f"a{n}:80" for n in range(100_000)))) == MOST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root:p@tcp(db:3306)/shop", [Host("db", 3306)]),
        (
            "root:p@tcp(db:3306)/shop checkout:8080",
            [Host("db", 3306), Host("checkout", 8080, False)],
        ),
        ("a@tcp(x:33)b@tcp(db:3306)/shop", [Host("db", 3306)]),
        ("checkout:8080 user@example.com", [Host("checkout", 8080, False)]),
        # Where a host with a password is not clear, nothing of the word is taken.
        ("amqp://a:p@bad_host:1,amqp://b:p@y:5673/z", []),
        ("http://bad_host,http://y:81", [Host("y", 81)]),
        ("http://x:1,bad_host:2,http://y:81", [Host("x", 1), Host("y", 81)]),
        ("x://a,b://c", []),
        ("http://x/://y", []),
        ("http://x:0", []),
        ("http://x:65535", [Host("x", 65535)]),
        ("http://x:65536", []),
        ("http://1.2.3/", []),
        ("db:79", []),
        ("db:80", [Host("db", 80, False)]),
        ("db:65536", []),
        ("host=db", [Host("db", None, False)]),
        ("port=5432", []),
        ("host=12 port=5432", []),
        ("nc db 70000", [Host("db")]),
        ("nc -w 3 db 5432", [Host("db", 5432)]),
        ("nc -z db 5432", [Host("db", 5432)]),
        ("nslookup db 53", [Host("db")]),
        ("nc db", [Host("db")]),
        ("nc 5432", []),
        ("nslookup", []),
        ("getent hosts", []),
        ("getent ahosts db", [Host("db")]),
        ("getent ahostsv6 db", [Host("db")]),
        ("getent passwd db", []),
        ("getent", []),
        ("hosts ahosts db", []),
        ("nslookup hosts", [Host("hosts")]),
        ("http://db:80 db:80", [Host("db", 80)]),
    ],
)
def test_what_is_sure_to_be_an_address(text: str, expected: list[Host]) -> None:
    assert list(hosts(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checkout", Host("checkout")),
        (" checkout:80 ", Host("checkout", 80)),
        ("Checkout.shop.", Host("checkout.shop")),
        ("10.0.0.1:80", Host("10.0.0.1", 80)),
        ("[fd00::1]:80", Host("fd00::1", 80)),
        ("80", None),
        ("checkout:0", None),
        ("a b", None),
        ("[1.2.x]", None),
        ("a." * 5 + "a" + " " * 288, Host("a." * 5 + "a")),
        ("a." * 5 + "a" + " " * 289, None),
    ],
)
def test_a_text_that_is_a_host_as_a_whole(text: str, expected: Host | None) -> None:
    assert plain(text) == expected
