"""Numbers in texts from outside: Python refuses to read thousands of digits."""

import pytest

from kubectl_portcheck.collect.called import _port_beside
from kubectl_portcheck.model.references import NetworkPolicyPort
from kubectl_portcheck.semantics.digits import number_of
from kubectl_portcheck.semantics.guards import istio
from kubectl_portcheck.semantics.guards.calico import _numbers

MANY = "9" * 5000


@pytest.mark.parametrize(
    ("text", "number"),
    [("80", 80), ("0", 0), ("007", 7), ("", None), ("-1", None), (" 1", None), ("1e3", None)],
)
def test_a_number(text: str, number: int | None) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", [MANY, "1234567890", "\u0663", "\u00b2"])
def test_what_is_none_or_too_long(text: str) -> None:
    assert number_of(text) is None


def test_ports_of_policies() -> None:
    assert _numbers("8000:9000") == (8000, 9000)
    assert _numbers("http") == ("http", None)
    for text in (MANY, f"{MANY}:1", f"1:{MANY}"):
        assert _numbers(text) == (text, None)
    assert istio._ports(["80", "0443"]) == (
        (NetworkPolicyPort(port=80), NetworkPolicyPort(port=443)),
        "",
    )
    for text in (MANY, "80*", ""):
        assert istio._ports(["80", text]) == ((), "ports by a pattern")


def test_a_port_in_a_variable_beside_a_host() -> None:
    assert _port_beside("CHECKOUT_HOST", {"CHECKOUT_PORT": "8080"}) == (8080, "CHECKOUT_PORT")
    assert _port_beside("CHECKOUT_HOST", {"CHECKOUT_PORT": MANY}) == (None, "")
