"""From a host that a workload's settings name to the Service that it means, and what is wrong."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.calls import OWN_ADDRESS, Call, Named
from kubectl_portcheck.model.objects import Service, ServicePort
from kubectl_portcheck.semantics.calls import (
    Caller,
    Known,
    fault,
    lacks_port,
    leading_to,
    meant_port,
    naming,
    resolved,
    text,
)


def service(
    name: str, namespace: str = "shop", ports: tuple[Any, ...] = (80,), **spec: Any
) -> Service:
    written = [p if isinstance(p, dict) else {"port": p} for p in ports]
    status = {"loadBalancer": {"ingress": spec.pop("balanced", [])}}
    metadata = {"name": name, "namespace": namespace}
    return msgspec.convert(
        {"metadata": metadata, "spec": {"ports": written, **spec}, "status": status}, Service
    )


CHECKOUT = service("checkout", clusterIP="10.96.0.10", selector={"app": "checkout"})
DB = service("db", "data", (5432,), clusterIP="None")
CART = service("cart", "other")
SERVICES = (CHECKOUT, DB, CART, service("queue", clusterIP="None"), service("checkout", "other"))


def named(host: str, port: int | None = None, **more: Any) -> Named:
    return Named(container="app", setting="env", host=host, port=port, **more)


def caller(
    *several: Named, labels: dict[str, str] | None = None, declared: tuple[int, ...] = ()
) -> Caller:
    return Caller(
        "Deployment", "shop", "web", several, labels or {"app": "web"}, frozenset(declared)
    )


def called(
    host: str | Named, *, everywhere: bool = True, ranges: tuple[str, ...] = (), **more: Any
) -> Call | None:
    known = Known(more.pop("services", SERVICES), everywhere=everywhere, ranges=ranges)
    one = host if isinstance(host, Named) else named(host)
    found = resolved(caller(one, **more), known)
    return found[0] if found else None


NOTHING = None
EXISTS = {
    "checkout": ("checkout", "shop"),
    "checkout.shop": ("checkout", "shop"),
    "checkout.other": ("checkout", "other"),
    "checkout.shop.svc": ("checkout", "shop"),
    "checkout.shop.svc.cluster.local": ("checkout", "shop"),
    "db.data": ("db", "data"),
    "db-0.db.data": ("db", "data"),
    "queue-0.queue": ("queue", "shop"),
    "db-0.db.data.svc.cluster.local": ("db", "data"),
}


@pytest.mark.parametrize("host", EXISTS)
def test_a_name_of_a_service(host: str) -> None:
    found = called(host)
    assert found is not None
    assert (found.service, found.service_namespace, found.exists) == (*EXISTS[host], True)
    known = Known(SERVICES, everywhere=True)
    assert naming(caller(named(host)), known) == (found,)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "api.example.com",
        "a.b.c.d",
        "www",
        "x.checkout",
        "a.svc",
        "10.1.2.3",
        "fd00::1",
    ],
)
def test_a_host_that_is_no_service(host: str) -> None:
    assert called(host) is NOTHING
    assert naming(caller(named(host)), Known(SERVICES, everywhere=True)) == ()


def test_only_calls_by_a_name_name_a_service() -> None:
    several = [named(h) for h in ("localhost", OWN_ADDRESS, "10.96.0.10", "checkout", "chekout")]
    found = naming(caller(*several), Known(SERVICES, everywhere=True))
    assert [c.named.host for c in found] == ["checkout"]


@pytest.mark.parametrize(
    ("host", "everywhere", "exists", "near", "elsewhere"),
    [
        # A slip in a name of the namespace.
        ("chekout", True, False, "checkout", ()),
        ("chekout", False, False, "checkout", ()),
        ("chekout.shop", True, False, "checkout", ()),
        ("chekout.shop.svc", True, False, "checkout", ()),
        ("nothing.shop.svc", True, False, "", ()),
        ("cart.shop.svc", True, False, "", ("other",)),
        # Of another namespace nothing is known where only one was read.
        ("cart.nowhere.svc", False, None, "", ()),
        ("cart.nowhere.svc", True, False, "", ("other",)),
    ],
)
def test_a_service_that_does_not_exist(
    host: str, everywhere: bool, exists: bool | None, near: str, elsewhere: tuple[str, ...]
) -> None:
    known = SERVICES if everywhere else tuple(s for s in SERVICES if s.metadata.namespace == "shop")
    found = called(host, everywhere=everywhere, services=known)
    assert found is not None
    assert (found.exists, found.near, found.elsewhere) == (exists, near, elsewhere)
    assert bool(found.near_ports) == bool(near)


def test_a_bare_name_counts_only_where_it_is_sure_to_be_one() -> None:
    assert called("nothing") is NOTHING
    found = called(named("nothing", sure=True))
    assert found is not None
    assert (found.exists, found.near) == (False, "")
    assert called(named("nothing.elsewhere", sure=True)) is NOTHING
    assert called("cart.elsewhere", everywhere=False) is NOTHING


def test_ports_of_a_service_and_of_what_has_any() -> None:
    plain, headless = called("checkout"), called("db.data")
    alias = called("x", services=(service("x", type="ExternalName", externalName="example.com"),))
    assert plain is not None
    assert headless is not None
    assert alias is not None
    assert [p.port for p in plain.ports] == [80]
    assert (plain.any_port, headless.any_port, alias.any_port) == (False, True, True)


@pytest.mark.parametrize(
    ("of", "host", "address"),
    [
        (service("a", clusterIP="10.96.0.1"), "10.96.0.1", "service"),
        (service("a", clusterIPs=["10.96.0.1", "fd00::1"]), "fd00::1", "service"),
        (service("a", externalIPs=["192.0.2.1"]), "192.0.2.1", "service"),
        (service("a", balanced=[{"ip": "192.0.2.2"}]), "192.0.2.2", "service"),
        (service("a", clusterIP="10.96.0.1"), "10.96.0.2", "unknown"),
        (service("a", clusterIP="10.96.0.1"), "10.96.0.255", "unknown"),
        (service("a", clusterIP="10.96.0.1"), "10.96.1.2", None),
        (service("a", clusterIP="fd00::1"), "fd00::2", None),
        (service("a", clusterIP="None"), "10.96.0.2", None),
        (service("a", clusterIPs=["None", "fd00::1"]), "10.96.0.2", None),
        (service("a", clusterIPs=["fd00::1", "10.96.0.1"]), "10.96.0.2", "unknown"),
    ],
)
def test_an_address(of: Service, host: str, address: str | None) -> None:
    found = called(host, services=(of,))
    assert (found and found.address) == address
    if found is not None:
        assert (found.service, found.exists) == (
            ("a", True) if address == "service" else ("", False)
        )
    only_here = called(host, services=(of,), everywhere=False)
    assert (only_here and only_here.address) == (address if address == "service" else None)


@pytest.mark.parametrize(
    ("ranges", "host", "unknown"),
    [
        (("10.96.0.0/16",), "10.96.7.7", True),
        (("10.96.0.0/16",), "10.97.0.1", False),
        (("10.96.0.0/16", "fd00::/108"), "fd00::7", True),
        (("nonsense",), "10.96.0.11", False),
        (("nonsense", "10.96.0.0/16"), "10.96.7.7", True),
        ((), "10.96.0.11", True),
    ],
)
def test_an_address_in_a_range_of_services(
    ranges: tuple[str, ...], host: str, unknown: bool
) -> None:
    found = called(host, ranges=ranges)
    assert (found is not None and found.address == "unknown") is unknown


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("CHECKOUT_URL", "checkout"),
        ("config/checkout.url", "checkout"),
        ("checkout/queue-url", "queue"),
        ("MY_CHECKOUT_QUEUE", ""),
        ("CHECKOUTS_URL", ""),
        ("URL", ""),
        ("", ""),
    ],
)
def test_the_service_after_which_a_variable_is_called(variable: str, near: str) -> None:
    found = called(named("10.96.0.99", variable=variable))
    assert found is not None
    assert found.near == near


def test_a_name_of_several_words_is_found_as_a_whole() -> None:
    services = (service("cart-db", clusterIP="10.96.0.1"), service("db-cart"))
    found = called(named("10.96.0.2", variable="CART_DB"), services=services)
    assert found is not None
    assert found.near == "cart-db"
    apart = called(named("10.96.0.2", variable="CART_X_DB"), services=services)
    assert apart is not None
    assert apart.near == ""


def local(host: str = "localhost", port: int | None = 80, **more: Any) -> Call | None:
    variable = more.pop("variable", "CHECKOUT_URL")
    return called(named(host, port, variable=variable), **more)


def test_a_call_of_the_own_pod() -> None:
    for host in ("localhost", "127.0.0.1", "::1", OWN_ADDRESS, "ip6-localhost"):
        found = local(host)
        assert found is not None
        assert (found.address, found.near, found.declared) == ("own", "checkout", False)
    found = local(declared=(80,))
    assert found is not None
    assert found.declared
    assert local(port=81) is NOTHING, "the Service has no such port"
    assert local(port=None) is NOTHING
    assert local(variable="URL") is NOTHING
    assert local(labels={"app": "checkout"}) is NOTHING, "the pod is of that Service"
    assert local(labels={"app": "checkout", "x": "y"}) is NOTHING


def call(**more: Any) -> Call:
    host = more.pop("host", "checkout")
    return Call(
        kind="Deployment",
        namespace="shop",
        name="web",
        named=named(host, more.pop("port", 80)),
        **more,
    )


PORTS = CHECKOUT.spec.ports


@pytest.mark.parametrize(
    ("made", "lacks", "wrong"),
    [
        (call(exists=True, ports=PORTS), False, ""),
        (call(exists=True, ports=PORTS, port=81), True, "port"),
        (call(exists=True, ports=PORTS, port=None), False, ""),
        (call(exists=True, ports=PORTS, port=81, any_port=True), False, ""),
        (call(exists=False, port=81), False, "name"),
        (call(exists=None, port=81), False, "untold"),
        (call(exists=False, elsewhere=("other",)), False, "namespace"),
        (call(exists=False, elsewhere=("other",), host="cart.shop"), False, "name"),
        (call(address="own"), False, "own"),
        (call(address="own", declared=True), False, ""),
        (call(address="own", listens=True), False, ""),
        (call(address="own", listens=False), False, "own"),
        (call(address="unknown", exists=False), False, "address"),
    ],
)
def test_what_is_wrong_with_a_call(made: Call, lacks: bool, wrong: str) -> None:
    assert (lacks_port(made), fault(made)) == (lacks, wrong)


@pytest.mark.parametrize(
    ("made", "leads"),
    [
        (call(service="checkout", service_namespace="shop"), True),
        (call(service="checkout", service_namespace="other"), False),
        (call(service="cart", service_namespace="shop"), False),
        (call(service="chekout", service_namespace="shop", near="checkout"), True),
        (call(near="checkout"), True),
        (call(near="checkout", service_namespace="other"), False),
        (call(near="cart"), False),
    ],
)
def test_the_calls_that_lead_to_a_service(made: Call, leads: bool) -> None:
    assert bool(leading_to(("checkout", "shop"), [made])) is leads


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("checkout", 81, "checkout:81"),
        ("checkout", None, "checkout"),
        ("fd00::1", 81, "[fd00::1]:81"),
    ],
)
def test_a_call_in_words(host: str, port: int | None, expected: str) -> None:
    assert text(call(host=host, port=port)) == expected


def ports(*several: dict[str, Any]) -> list[ServicePort]:
    return [msgspec.convert(p, ServicePort) for p in several]


@pytest.mark.parametrize(
    ("known", "number", "expected"),
    [
        (ports({"port": 80, "targetPort": 8080}, {"port": 81}), 8080, 80),
        (ports({"port": 80, "nodePort": 30080}, {"port": 81}), 30080, 80),
        (ports({"port": 80}, {"port": 81}), 99, None),
        (ports({"port": 80}), 99, 80),
        (ports({"port": 80}), None, 80),
        (ports({"port": 80}, {"port": 53, "protocol": "UDP"}), 99, 80),
        (ports({"port": 80, "targetPort": 1}, {"port": 81, "targetPort": 1}), 1, None),
        (ports({"port": 80}, {"port": 81, "nodePort": 30081}), 0, None),
        (ports({"port": 53, "protocol": "UDP"}), 53, None),
        ([], 80, None),
    ],
)
def test_the_port_that_was_meant(
    known: list[ServicePort], number: int | None, expected: int | None
) -> None:
    found = meant_port(known, number)
    assert (found and found.port) == expected
