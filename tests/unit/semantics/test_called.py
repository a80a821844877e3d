import pytest

from kubectl_portcheck.semantics.called import MOST, Host, hosts


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
        ("10.0.0.1:8080", []),
        ("12:30:45", []),
        ("image:v1.2", []),
        ("nslookup $HOST", []),
        ("sleep 5", []),
        ("", []),
    ],
)
def test_hosts_and_ports_are_all_that_is_taken(text: str, expected: list[Host]) -> None:
    assert list(hosts(text)) == expected


def test_a_password_is_no_part_of_what_is_kept() -> None:
    found = hosts("amqp://user:p4ss.word:99@queue:5672 token=abc:1234567")
    assert found == (Host("queue", 5672),)


def test_a_long_text_is_bounded() -> None:
    assert len(hosts(" ".join(f"a{n}:80" for n in range(100_000)))) == MOST
