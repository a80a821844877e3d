"""Secrets in free text are taken out; everything else stays as it was."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.withheld import (
    without_query,
    without_secret_lines,
    without_secrets,
    without_userinfo,
)
from tests.stopwatch import stopwatch

CANARY = "c4n4ry"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            'Readiness probe failed: Get "http://10.0.0.1:80/healthz?token=c4n4ry": refused',
            'Readiness probe failed: Get "http://10.0.0.1:80/healthz?...": refused',
        ),
        (
            "Get http://10.0.0.1:80/healthz?key=c4n4ry: dial tcp: refused",
            "Get http://10.0.0.1:80/healthz?...: dial tcp: refused",
        ),
        ("cannot reach postgres://app:c4n4ry@db:5432/shop", "cannot reach postgres://db:5432/shop"),
        ("redis://:c4n4ry@cache:6379", "redis://cache:6379"),
        ("https://c4n4ry@github.com/x.git", "https://github.com/x.git"),
        ("amqp://a:c4n4ry@x,amqp://b:c4n4ry@y/z", "amqp://x,amqp://y/z"),
        ("http://u:p@c4n4ry@host/x", "http://host/x"),
        ("http://u:p/c4n4ry@host/x", "http://host/x"),
        ("https://x/cb#access_token=c4n4ry", "https://x/cb?..."),
        ("dsn root:c4n4ry@tcp(db:3306)/shop", "dsn ...@tcp(db:3306)/shop"),
        ("host=db user=app password=c4n4ry dbname=x", "host=db user=app password=... dbname=x"),
        ("jdbc:sqlserver://h:1433;user=sa;password=c4n4ry;x=y", None),
        ("jdbc:postgresql://db/x?user=u&password=c4n4ry", "jdbc:postgresql://db/x?..."),
        ('{"password":"c4n4ry","port":80}', '{"password":...,"port":80}'),
        ("API_KEY=c4n4ry ./serve", "API_KEY=... ./serve"),
        ("--db-password=c4n4ry", "--db-password=..."),
        ("Authorization: Bearer c4n4ry-t0ken", "Authorization: Bearer ..."),
        ("authorization: Basic dXNlcjpjNG40cnk=", None),
        ("token eyJhbGciOi.eyJzdWIiOi.c4n4ry_x rejected", "token ... rejected"),
        ("password: c4n4ry", "password: ..."),
        ("the password is c4n4ry.", None),
    ],
)
def test_a_secret_is_taken_out(text: str, kept: str | None) -> None:
    assert CANARY not in without_secrets(text)
    assert "dXNl" not in without_secrets(text)
    if kept is not None:
        assert without_secrets(text) == kept
    assert without_secrets(without_secrets(text)) == without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "containers with unready status: [app proxy]",
        'Back-off pulling image "reg.example:5000/shop/app@sha256:0123abc"',
        "docker-pullable://reg.example:5000/shop/app@sha256:0123abc",
        "containerd://0123456789abcdef",
        'Get "http://10.0.0.1:8080/healthz": dial tcp 10.0.0.1:8080: connect: connection refused',
        'secret "shop-tls" not found',
        'MountVolume.SetUp failed for volume "v": secret "shop" not found',
        "failed to fetch token: serviceaccounts is forbidden",
        "couldn't find key password in Secret prod/shop",
        "0/3 nodes are available: 3 Insufficient cpu.",
        "list pods is forbidden",
        "https://[fd00::1]:6443/api",
        "user jane@acme.com may not list pods",
        "password authentication failed for user shop",
    ],
)
def test_all_else_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_the_query_of_a_path() -> None:
    assert without_query("/healthz?token=c4n4ry") == "/healthz?..."
    assert without_query(without_query("/healthz?a=b#c")) == "/healthz?..."
    assert without_query("/healthz") == "/healthz"


@pytest.mark.parametrize(
    ("server", "kept"),
    [
        ("https://u:c4n4ry@host:6443/x", "https://host:6443/x"),
        ("https://u:c4/n4@ry@host", "https://host"),
        ("u:c4n4ry@host:80", "host:80"),
        ("https://host?token=c4n4ry", "https://host"),
        ("https://[fd00::1]:6443", "https://[fd00::1]:6443"),
        ("host", "host"),
    ],
)
def test_a_servers_url(server: str, kept: str) -> None:
    assert without_userinfo(server) == kept


@given(st.text(st.sampled_from("a:/@?=#.,;\"' ()%&pt"), max_size=40))
def test_whatever_stands_before_the_host_goes(text: str) -> None:
    assert CANARY not in without_secrets(f"{text} https://u:{CANARY}@host/ {text}")
    assert CANARY not in without_secrets(f"{text} https://host/x?{CANARY} {text}")


WORDS = ("bearer ", "basic ", "eyJabcdef.", "PASSWORD", "passwd", "Passphrase", "pwd", " is ")
MORE = ("secret", "token", "api_key", "AccessKey", "private-key", "Credentials", "key", "@tcp(")


@given(st.lists(st.sampled_from([*WORDS, *MORE, "=", ":", " ", "://", "@", "?", "c4n4ry", "x"])))
def test_a_text_that_is_not_looked_at_holds_nothing(pieces: list[str]) -> None:
    """A letter beyond ASCII has every pattern tried."""
    text = "".join(pieces)
    assert without_secrets(f"{text} é") == f"{without_secrets(text)} é"


@pytest.mark.parametrize(
    "piece",
    ["://", "a:", "a:b@", "://a:", "?", "password", "token=", "bearer ", "eyJ", "(", "@tcp("],
)
def test_the_time_is_linear(piece: str) -> None:
    def seconds(count: int) -> float:
        began = time.process_time()
        without_secrets(piece * count)
        return time.process_time() - began

    seconds(1000)
    assert seconds(40_000) < 1.0


@pytest.mark.parametrize(
    "line",
    [
        "DB_PASSWORD=c4n4ry",
        "password: c4n4ry",
        '{"level": "info", "db_password": "c4n4ry"}',
        "  'apiToken' => 'c4n4ry',",
        "export AWS_SECRET_ACCESS_KEY=c4n4ry",
        "AKIAC4N4RYC4N4RYC4N4",
        "storage: AccountKey=c4n4ry==;EndpointSuffix=x",
        "Authorization: Bearer c4n4ry-c4n4ry",
        "authorization=Basic YzRuNHJ5",
        "> Bearer c4n4ryc4n4ry",
        "Set-Cookie: session=c4n4ry",
        "postgres://shop:c4n4ry@db:5432/orders",
        "https://c4n4ry@github.com/x.git",
        "root:c4n4ry@tcp(db:3306)/shop",
        "host=db user=shop password=c4n4ry dbname=orders",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c4n4ry",
        "using key Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZkdISg",
        "ghp_c4n4ryc4n4ryc4n4ryc4n4ry",
        "xoxb-c4n4ry",
        "sk_live_c4n4ry",
        "login with token c4n4ryc4n4ryc4n4ry failed",
        "hash $2y$10$c4n4ry",
        "-----BEGIN RSA PRIVATE KEY-----",
        "private_key: c4n4ry",
        "encryption.key=c4n4ry",
        "client_secret: c4n4ry",
        "passphrase=c4n4ry",
        "DB_PASS=c4n4ry",
    ],
)
def test_a_line_that_looks_like_a_secret_is_left_out(line: str) -> None:
    assert without_secret_lines(["before", line, "after"])[1] >= 1
    assert line not in without_secret_lines(["before", line, "after"])[0]


def test_a_key_is_left_out_wherever_the_log_begins_or_ends() -> None:
    key = ["-----BEGIN PRIVATE KEY-----", "c4n4ryMIIEpAIBAAKCAQEA", "c4n4ry==",
           "-----END PRIVATE KEY-----"]  # fmt: skip
    for lines in (key, key[1:], key[2:], key[:3], key[:2]):
        kept, withheld = without_secret_lines(["it starts", *lines])
        assert (kept, withheld) == (["it starts"], len(lines))
    assert without_secret_lines([*key, "started"])[0] == ["started"]


@pytest.mark.parametrize(
    "line",
    [
        'FATAL: password authentication failed for user "shop"',
        "Error: invalid token",
        "SyntaxError: Unexpected token < in JSON at position 0",
        'secrets "database" not found',
        '  File "/usr/local/lib/python3.12/site-packages/gunicorn/app/wsgiapp.py", line 67',
        "\tat org.springframework.boot.SpringApplication.run(SpringApplication.java:1318)",
        "java.net.BindException: Address already in use",
        "listen tcp :80: bind: permission denied",
        "dial tcp 10.96.0.10:5432: connect: connection refused",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 no route to db",
        "request 123e4567-e89b-12d3-a456-426614174000 failed",
        "GET http://shop:80/healthz 503",
        "Bearer token is missing",
        "no key in map: keyboard",
    ],
)
def test_a_line_that_names_a_fault_is_kept(line: str) -> None:
    assert without_secret_lines([line]) == ([line], 0)


def test_of_a_url_the_query_is_cut() -> None:
    assert without_secret_lines(["GET http://shop/x?key=c4n4ry 503"]) == (
        ["GET http://shop/x?... 503"],
        0,
    )


@given(st.lists(st.text(max_size=200), max_size=30))
def test_no_line_appears_that_was_not_there(lines: list[str]) -> None:
    kept, withheld = without_secret_lines(lines)
    assert len(kept) + withheld == len(lines)


@pytest.mark.parametrize("piece", ["password", "a", "token ", "-key", "://", "$", "A1b"])
def test_long_lines_cost_little_time(piece: str) -> None:
    with stopwatch() as spent:
        without_secret_lines([piece * (60_000 // len(piece))])
    assert spent.seconds < 5
