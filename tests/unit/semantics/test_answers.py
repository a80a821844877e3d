"""Whether a pod answers on a port: all measurements of it, weighed into one answer."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import (
    AcceptQueue,
    Attempt,
    Family,
    ListenerSource,
    ListeningSocket,
    Outcome,
    Path,
    PodSockets,
    Protocol,
)
from kubectl_portcheck.semantics.answers import (
    PROBED,
    answer,
    hangs,
    kubelet_reaches,
    shown,
    silent,
)
from kubectl_portcheck.semantics.measured import Answer, Measured

PORT = 8080
V4, V6 = "10.0.0.9", "fd00::9"
PATHS: dict[str, Path] = {
    "forward": "pod-port-forward",
    "proxy": "pod-proxy",
    "inside": "in-cluster",
}


def pod(
    *,
    ready: bool = True,
    probe: str = "",
    ips: tuple[str, ...] = (V4, V6),
    status: dict[str, Any] | None = None,
    **spec: Any,
) -> Pod:
    """``probe`` is the way in which a readiness probe asks PORT."""
    container: dict[str, Any] = {"name": "app", **spec.pop("container", {})}
    if probe:
        container["readinessProbe"] = {probe: {"port": PORT}, **spec.pop("timing", {})}
    state = {"name": "app", "ready": ready, "state": {"running": {}}}
    return msgspec.convert(
        {
            "metadata": {"name": "p", **spec.pop("metadata", {})},
            "spec": {"containers": [container], **spec},
            "status": {
                "phase": "Running",
                "podIP": ips[0] if ips else "",
                "podIPs": [{"ip": ip} for ip in ips],
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "containerStatuses": [state],
                **(status or {}),
            },
        },
        Pod,
    )


def socket(text: str) -> ListeningSocket:
    """``[udp ]ADDRESS[ v6only| unsure][ :PORT]``: on PORT where none is named."""
    protocol: Protocol = "UDP" if text.startswith("udp ") else "TCP"
    address, *words = text.removeprefix("udp ").split()
    family: Family = "dual" if address == "::" else "IPv6" if ":" in address else "IPv4"
    ports = [int(w[1:]) for w in words if w.startswith(":")]
    return ListeningSocket(
        protocol=protocol,
        family="IPv6" if "v6only" in words else family,
        family_certain="unsure" not in words,
        address=address,
        port=ports[0] if ports else PORT,
        source="proc",
    )


def read(
    *texts: str, complete: bool = True, source: ListenerSource = "proc", **more: Any
) -> Observed[PodSockets]:
    found = PodSockets(
        listeners=tuple(map(socket, texts)), source=source, complete=complete, **more
    )
    return Observed(value=found)


UNREAD = Missing(reason=Reason.NO_SHELL, detail="no shell in the image")
POD = pod()


def attempts(**outcomes: Outcome) -> list[Attempt]:
    """By path and, behind an underscore, a port: ``proxy_9000``."""
    found = []
    for name, outcome in outcomes.items():
        path, _, port = name.partition("_")
        number = int(port) if port else PORT
        found.append(Attempt(pod="p", port=number, path=PATHS[path], outcome=outcome))
    return found


def asked(
    sockets: Observed[PodSockets] | Missing,
    of: Pod = POD,
    *,
    stoppable: tuple[str, ...] = (),
    families: tuple[str, ...] = ("IPv4",),
    protocol: Protocol = "TCP",
    **outcomes: Outcome,
) -> Answer:
    stopped = frozenset((PATHS[path], PORT) for path in stoppable)
    return answer(Measured(of, sockets, attempts(**outcomes), stopped), PORT, protocol, families)


OPEN, LOOPBACK, OWN = read("0.0.0.0"), read("127.0.0.1"), read(V4)
NOTHING, ELSEWHERE = read(), read("0.0.0.0 :9000")
V6ONLY, UNSURE, DUAL = read(":: v6only"), read(":: unsure"), read("::")
BY_TCP, BY_HTTP = pod(probe="tcpSocket"), pod(probe="httpGet")
SANDBOX = pod(runtimeClassName="gvisor")


@pytest.mark.parametrize(
    ("sockets", "outcomes", "kind"),
    [
        # What the sockets say by themselves.
        (OPEN, {}, "serves"),
        (DUAL, {}, "serves"),
        (OWN, {}, "serves"),
        (LOOPBACK, {}, "loopback-only"),
        (read("127.0.0.1", "192.168.0.1"), {}, "other-address"),
        (read("192.168.0.1"), {}, "other-address"),
        (read(":: v6only", "192.168.0.1"), {}, "other-address"),
        (V6ONLY, {}, "other-family"),
        (NOTHING, {}, "not-listening"),
        (ELSEWHERE, {}, "not-listening"),
        (read("udp 0.0.0.0"), {}, "other-protocol"),
        (read(complete=False), {}, "unknown"),
        (read(complete=False, closed=(PORT,)), {}, "not-listening"),
        (read(complete=False, closed=(9000,)), {}, "unknown"),
        (read("udp 0.0.0.0", source="declared", complete=False), {}, "unknown"),
        (
            read("udp 0.0.0.0", source="declared", complete=False, closed=(PORT,)),
            {},
            "other-protocol",
        ),
        (read("udp 0.0.0.0", source="declared"), {}, "other-protocol"),
        (read("udp 0.0.0.0", complete=False), {}, "other-protocol"),
        # A connection to the pod's address.
        (OPEN, {"proxy": "accepted"}, "serves"),
        (LOOPBACK, {"proxy": "accepted"}, "unknown"),
        (LOOPBACK, {"inside": "accepted"}, "unknown"),
        (NOTHING, {"inside": "accepted"}, "unknown"),
        (read(complete=False), {"inside": "accepted"}, "serves"),
        (OPEN, {"proxy": "refused"}, "refuses"),
        (LOOPBACK, {"proxy": "refused"}, "loopback-only"),
        (OPEN, {"proxy_9000": "refused"}, "serves"),
        (OPEN, {"inside": "refused"}, "serves"),
        (OPEN, {"proxy": "reset"}, "resets"),
        (LOOPBACK, {"proxy": "reset"}, "loopback-only"),
        (OPEN, {"proxy": "timeout"}, "serves"),
        (OPEN, {"proxy": "skipped"}, "serves"),
        # A port-forward, which reaches loopback.
        (OPEN, {"forward": "accepted"}, "serves"),
        (OPEN, {"forward": "refused"}, "refuses"),
        (DUAL, {"forward": "refused"}, "refuses"),
        (OWN, {"forward": "refused"}, "serves"),
        (OPEN, {"forward": "reset"}, "resets"),
        (OPEN, {"forward": "timeout"}, "times-out"),
        (OPEN, {"forward": "unknown"}, "serves"),
        (NOTHING, {"forward": "accepted"}, "unknown"),
        (NOTHING, {"forward": "refused"}, "not-listening"),
        (NOTHING, {"forward": "accepted", "proxy": "refused"}, "not-listening"),
        (NOTHING, {"forward": "accepted", "inside": "refused"}, "not-listening"),
        (LOOPBACK, {"forward": "accepted"}, "loopback-only"),
        (LOOPBACK, {"forward": "reset"}, "loopback-only"),
        # A socket on :: of which the kernel's tables do not show IPV6_V6ONLY.
        (UNSURE, {}, "serves"),
        (UNSURE, {"forward": "refused"}, "other-family"),
        (UNSURE, {"forward": "accepted"}, "serves"),
        (UNSURE, {"forward": "timeout"}, "times-out"),
        (UNSURE, {"proxy": "refused"}, "other-family"),
        (UNSURE, {"proxy": "accepted", "forward": "refused"}, "serves"),
        (UNSURE, {"proxy": "timeout", "forward": "refused"}, "refuses"),
        (read(":: unsure", "0.0.0.0"), {"forward": "refused"}, "refuses"),
        (read(":: unsure :9000", "0.0.0.0"), {"proxy": "accepted"}, "serves"),
        # Without the sockets.
        (UNREAD, {}, "unknown"),
        (UNREAD, {"proxy": "accepted"}, "serves"),
        (UNREAD, {"inside": "accepted"}, "serves"),
        (UNREAD, {"proxy": "reset"}, "resets"),
        (UNREAD, {"proxy": "refused"}, "not-listening"),
        (UNREAD, {"inside": "refused"}, "not-listening"),
        (UNREAD, {"proxy": "refused", "forward": "accepted"}, "loopback-only"),
        (UNREAD, {"proxy": "refused", "forward": "refused"}, "not-listening"),
        (UNREAD, {"forward": "accepted"}, "unknown"),
        (UNREAD, {"forward": "refused"}, "unknown"),
        (UNREAD, {"forward": "reset"}, "resets"),
        (UNREAD, {"forward": "timeout"}, "unknown"),
    ],
)
def test_what_clients_meet(
    sockets: Observed[PodSockets] | Missing, outcomes: dict[str, Any], kind: str
) -> None:
    found = asked(sockets, **outcomes)
    assert found.kind == kind
    assert bool(found.why) == (kind == "unknown")


def test_ports_and_pods_without_an_answer() -> None:
    measured = Measured(POD, OPEN, ())
    assert answer(measured, None, "TCP", ()).kind == "unresolved"
    waiting = {"containerStatuses": [{"name": "app", "state": {"waiting": {}}}]}
    assert asked(OPEN, pod(status=waiting)).kind == "not-running"
    assert asked(OPEN, pod(ips=())).why == "the pod has no address of the Service's family"
    assert asked(OPEN, pod(ips=(V6,))).kind == "unknown"
    assert asked(OPEN, families=("IPv6",)).kind == "other-family"
    assert asked(V6ONLY, families=()).kind == "serves", "any address of the pod will do"


def test_other_protocols_are_known_only_by_the_sockets() -> None:
    udp = read("udp 0.0.0.0")
    assert asked(udp, protocol="UDP").kind == "serves"
    assert asked(udp, protocol="UDP", proxy="refused").kind == "serves"
    assert asked(OPEN, protocol="UDP").kind == "other-protocol"
    assert asked(OPEN, protocol="SCTP").why == "SCTP sockets are not read"
    assert asked(UNREAD, protocol="UDP").why == "no shell in the image"


def test_why_it_is_not_known() -> None:
    """A missing measurement says why in the server's words, or else by its reason."""
    terse = Missing(reason=Reason.TIMED_OUT)
    assert asked(UNREAD).why == "no shell in the image"
    assert asked(terse).why == "timed-out"
    assert asked(terse, protocol="UDP").why == "timed-out"
    for outcome in ("accepted", "refused"):
        assert asked(UNREAD, forward=outcome).why.endswith("(no shell in the image)")
        assert asked(terse, forward=outcome).why.endswith("(timed-out)")
    assert asked(UNREAD, forward="timeout").why == "timeout"
    said = Attempt(pod="p", port=PORT, path="pod-port-forward", outcome="unknown", detail="no")
    assert answer(Measured(POD, UNREAD, [said]), PORT, "TCP", ()).why == "no"
    proxied = asked(LOOPBACK, proxy="accepted").why
    assert proxied.endswith("loopback-only, yet the API server's pod proxy got through")


def test_a_refusal_that_a_policy_may_have_made_says_nothing_of_the_pod() -> None:
    assert asked(OPEN, proxy="refused", stoppable=("proxy",)).kind == "serves"
    assert asked(UNREAD, proxy="refused", stoppable=("proxy",)).kind == "unknown"
    assert asked(UNREAD, inside="refused", stoppable=("proxy",)).kind == "not-listening"
    both: dict[str, Any] = {"forward": "accepted", "inside": "refused", "stoppable": ("inside",)}
    assert asked(NOTHING, **both).kind == "unknown"


def test_the_api_server_dials_the_first_address_of_the_pod() -> None:
    """What it meets there says nothing of clients of the other family."""
    assert asked(V6ONLY, families=("IPv6",), proxy="refused").kind == "serves"
    assert asked(read(V6), families=("IPv4", "IPv6"), proxy="refused").kind == "serves"
    assert asked(OPEN, families=("IPv4", "IPv6"), proxy="refused").kind == "refuses"
    assert asked(OPEN, families=(), proxy="refused").kind == "refuses"
    six = pod(ips=(V6, V4))
    assert asked(OPEN, six, proxy="refused").kind == "serves"
    assert asked(UNREAD, six, families=("IPv6",), proxy="refused").kind == "not-listening"
    assert asked(UNREAD, six, families=("IPv4",), proxy="refused").kind == "unknown"


@pytest.mark.parametrize(
    ("of", "outcomes", "kind"),
    [
        (POD, {"forward": "refused"}, "other-family"),
        # A readiness probe of the kubelet gets in over IPv4.
        (BY_TCP, {"forward": "refused"}, "serves"),
        (pod(probe="tcpSocket", ready=False), {"forward": "refused"}, "other-family"),
        # A sandbox may have another network stack than the one that is dialled.
        (SANDBOX, {"forward": "refused"}, "unknown"),
        (SANDBOX, {"proxy": "refused"}, "other-family"),
        # The first address is of IPv6: the proxy says nothing of IPv4.
        (pod(ips=(V6, V4)), {"proxy": "refused"}, "serves"),
        (pod(ips=(V6, V4)), {"forward": "refused"}, "other-family"),
    ],
)
def test_whether_a_socket_on_every_address_takes_ipv4(
    of: Pod, outcomes: dict[str, Any], kind: str
) -> None:
    assert asked(UNSURE, of, **outcomes).kind == kind


def test_a_port_forward_that_tried_both_families_says_nothing_of_ipv4() -> None:
    both = Attempt(
        pod="p", port=PORT, path="pod-port-forward", outcome="refused", detail="dial [::1]:8080"
    )
    assert answer(Measured(POD, UNSURE, [both]), PORT, "TCP", ("IPv4",)).kind == "refuses"


@pytest.mark.parametrize(
    ("of", "sockets", "outcomes", "kind"),
    [
        (BY_TCP, OPEN, {"forward": "refused"}, "serves"),
        (BY_TCP, UNREAD, {"forward": "accepted"}, "serves"),
        (BY_TCP, UNREAD, {"forward": "refused"}, "unknown"),
        (pod(probe="tcpSocket", ready=False), OPEN, {"forward": "refused"}, "refuses"),
        (pod(probe="tcpSocket", ready=False), UNREAD, {"forward": "accepted"}, "unknown"),
        (SANDBOX, OPEN, {"forward": "refused"}, "unknown"),
        (SANDBOX, OPEN, {"forward": "accepted"}, "serves"),
    ],
)
def test_a_port_forward_against_a_probe_or_a_sandbox(
    of: Pod, sockets: Observed[PodSockets] | Missing, outcomes: dict[str, Any], kind: str
) -> None:
    assert asked(sockets, of, **outcomes).kind == kind


def declaring(*ports: int, probe: str = "") -> Pod:
    return pod(container={"ports": [{"containerPort": p} for p in ports]}, probe=probe)


@pytest.mark.parametrize(
    ("of", "outcomes", "kind"),
    [
        (declaring(9000), {"forward": "refused", "forward_9000": "accepted"}, "not-listening"),
        (declaring(9000), {"forward": "refused", "forward_9000": "refused"}, "unknown"),
        (declaring(9000), {"forward": "refused", "proxy_9000": "accepted"}, "unknown"),
        (declaring(9000, PORT), {"forward": "refused", "forward_9000": "accepted"}, "unknown"),
        (
            declaring(9000, probe="tcpSocket"),
            {"forward": "refused", "forward_9000": "accepted"},
            "unknown",
        ),
        (POD, {"forward": "refused", "forward_9000": "accepted"}, "unknown"),
    ],
)
def test_a_closed_port_of_which_the_specification_does_not_speak(
    of: Pod, outcomes: dict[str, Any], kind: str
) -> None:
    assert asked(UNREAD, of, **outcomes).kind == kind


FRESH, STALE = {"periodSeconds": 20, "failureThreshold": 3}, {"periodSeconds": 61}
UNREADY_SIDECAR = {
    "containerStatuses": [
        {"name": "app", "ready": True, "state": {"running": {}}},
        {"name": "proxy", "ready": False, "state": {"running": {}}},
    ]
}


@pytest.mark.parametrize(
    ("of", "families", "reaches"),
    [
        (BY_HTTP, ("IPv4",), True),
        (BY_HTTP, (), True),
        (BY_HTTP, ("IPv4", "IPv6"), False),
        (BY_HTTP, ("IPv6",), False),
        (pod(probe="httpGet", ips=(V6,)), ("IPv6",), True),
        (pod(probe="httpGet", ips=()), (), False),
        (pod(probe="httpGet", ready=False), (), False),
        (pod(probe="httpGet", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), (), False),
        (pod(probe="httpGet", status=UNREADY_SIDECAR), (), False),
        (pod(probe="httpGet", timing=FRESH), (), True),
        (pod(probe="httpGet", timing=STALE), (), False),
        (pod(probe="exec"), (), False),
        (pod(container={"livenessProbe": {"tcpSocket": {"port": PORT}}}), (), False),
        (pod(container={"readinessProbe": {"tcpSocket": {"port": 9000}}}), (), False),
        (POD, (), False),
    ],
)
def test_whether_the_kubelet_gets_in(of: Pod, families: tuple[str, ...], reaches: bool) -> None:
    assert kubelet_reaches(of, PORT, families) is reaches
    skipped = Missing(reason=Reason.NOT_CONTACTED, detail="not looked into")
    found = answer(Measured(of, skipped, ()), PORT, "TCP", families)
    assert (found.kind, found.why) == (
        ("serves", PROBED) if reaches else ("unknown", "not looked into")
    )
    # Only a pod that was left out on purpose is taken at the kubelet's word.
    assert answer(Measured(of, UNREAD, ()), PORT, "TCP", families).kind == "unknown"


def queue(port: int = PORT, **more: Any) -> dict[str, Any]:
    return {"queues": (AcceptQueue(port=port, waiting=3, **more),)}


def request(outcome: Outcome, port: int = PORT, what: str = "http /") -> Attempt:
    return Attempt(pod="p", port=port, path="pod-proxy", outcome=outcome, request=what)


HANGING = read("0.0.0.0", **queue(stuck=3))
ONE_LOOK = read("0.0.0.0", **queue())
REACHED = request("refused", 9000, "")


@pytest.mark.parametrize(
    ("sockets", "made", "expected"),
    [
        (HANGING, [], True),
        (read("0.0.0.0", **queue(stuck=3, accepted=1)), [], False),
        (read("0.0.0.0", **queue(stuck=0)), [], False),
        (read("0.0.0.0", **queue(stuck=1)), [], True),
        (read("0.0.0.0", **queue(stuck=3, sockets=2)), [], False),
        (read("0.0.0.0", **queue(9000, stuck=3)), [], False),
        (OPEN, [], False),
        (UNREAD, [], False),
        (HANGING, [request("accepted")], False),
        (HANGING, [request("accepted", what="")], True),
        (HANGING, [request("timeout")], True),
        (ONE_LOOK, [], False),
        (ONE_LOOK, [request("timeout")], False),
        (ONE_LOOK, [request("timeout"), REACHED], True),
    ],
)
def test_whether_the_process_accepts_connections(
    sockets: Observed[PodSockets] | Missing, made: list[Attempt], expected: bool
) -> None:
    measured = Measured(POD, sockets, made)
    assert hangs(measured, PORT) is expected
    if sockets is not UNREAD and not any(a.outcome == "accepted" for a in made):
        kind = "not-accepting" if expected else "serves"
        assert answer(measured, PORT, "TCP", ()).kind == kind


@pytest.mark.parametrize(
    ("of", "made", "expected"),
    [
        (POD, [], False),
        (POD, [request("timeout")], False),
        (POD, [request("timeout"), REACHED], True),
        (POD, [request("timeout"), request("accepted", 9000)], True),
        (POD, [request("timeout"), request("reset", 9000)], True),
        (POD, [request("timeout"), request("timeout", 9000)], False),
        (POD, [request("timeout", what=""), REACHED], False),
        (POD, [request("accepted"), REACHED], False),
        (POD, [request("timeout"), *attempts(forward_9000="accepted")], False),
        (BY_HTTP, [request("timeout"), REACHED], False),
        (BY_TCP, [request("timeout"), REACHED], True),
    ],
)
def test_a_request_without_an_answer(of: Pod, made: list[Attempt], expected: bool) -> None:
    found = silent(Measured(of, OPEN, made), PORT)
    assert found == (made[0] if expected else None)


@pytest.mark.parametrize(
    ("of", "made", "expected"),
    [
        (POD, [], "listens"),
        (POD, attempts(proxy="accepted"), "accepts"),
        (POD, attempts(proxy="refused"), "listens"),
        (POD, attempts(proxy_9000="accepted"), "listens"),
        (POD, [request("accepted")], "answers"),
        (POD, [request("accepted", 9000)], "listens"),
        (BY_HTTP, [], "answers"),
        (BY_TCP, [], "accepts"),
        (pod(probe="grpc"), [], "answers"),
        (pod(probe="httpGet", ready=False), [], "listens"),
        (pod(probe="httpGet", status=UNREADY_SIDECAR), [], "listens"),
        (pod(container={"readinessProbe": {"httpGet": {"port": 9000}}}), [], "listens"),
        (pod(container={"livenessProbe": {"httpGet": {"port": PORT}}}), [], "listens"),
    ],
)
def test_the_most_that_was_seen_of_a_port(of: Pod, made: list[Attempt], expected: str) -> None:
    assert shown(Measured(of, OPEN, made), PORT) == expected


def behind(proxy: str = "istio-proxy", image: str = "", *, probe: str = "") -> Pod:
    """The same pod behind a mesh's proxy."""
    plain = pod(probe=probe)
    added = pod(container={"name": proxy, "image": image}).spec.containers
    containers = (*plain.spec.containers, *added)
    return msgspec.structs.replace(
        plain, spec=msgspec.structs.replace(plain.spec, containers=containers)
    )


OLD = "istio/proxyv2:1.9.9"
ON_LO = Observed(
    value=PodSockets(
        listeners=(msgspec.structs.replace(socket("0.0.0.0"), device="lo"),), source="proc"
    )
)


@pytest.mark.parametrize(
    ("of", "sockets", "kind"),
    [
        (behind(image=OLD), DUAL, "serves"),
        (behind(image=OLD), V6ONLY, "other-address"),
        (behind(image=OLD), ON_LO, "serves"),
        (behind(image=OLD), read("::1"), "other-address"),
        (behind(image=OLD), NOTHING, "not-listening"),
        (behind("kuma-sidecar"), DUAL, "serves"),
        (behind("kuma-sidecar"), V6ONLY, "unknown"),
        (behind("kuma-sidecar"), ON_LO, "unknown"),
        (behind("kuma-sidecar"), read("127.0.0.1", V4), "unknown"),
        (behind("kuma-sidecar"), NOTHING, "not-listening"),
        (behind(), V6ONLY, "other-family"),
        (behind(), ON_LO, "loopback-only"),
    ],
)
def test_where_a_proxy_connects_to(of: Pod, sockets: Any, kind: str) -> None:
    assert asked(sockets, of, forward="skipped").kind == kind


def test_a_proxy_takes_tcp_only() -> None:
    udp = read("udp 127.0.0.1", f"udp {V4}")
    assert asked(udp, behind("kuma-sidecar"), protocol="UDP", forward="skipped").kind == "serves"


@pytest.mark.parametrize(
    ("sockets", "outcomes", "kind"),
    [
        (UNREAD, {"proxy": "refused"}, "unknown"),
        (UNREAD, {"proxy": "reset"}, "resets"),
        (UNREAD, {"proxy": "refused", "forward": "refused"}, "unknown"),
        (OPEN, {"proxy": "refused"}, "refuses"),
        (OPEN, {"proxy": "reset"}, "resets"),
        (NOTHING, {"proxy": "accepted", "forward": "accepted"}, "unknown"),
        (NOTHING, {"proxy": "refused", "forward": "accepted"}, "not-listening"),
        (UNSURE, {"proxy": "accepted", "forward": "refused"}, "other-family"),
    ],
)
def test_what_a_proxy_answers_in_the_place_of_the_application(
    sockets: Any, outcomes: dict[str, Any], kind: str
) -> None:
    assert asked(sockets, behind(), **outcomes).kind == kind


def led(sockets: Any, places: dict[int, str] | None) -> str:
    return answer(
        Measured(behind(), sockets, attempts(forward="skipped"), passed_on=places),
        PORT,
        "TCP",
        ("IPv4",),
    ).kind


LED = {PORT: "127.0.0.1:7020"}


@pytest.mark.parametrize(
    ("sockets", "places", "kind"),
    [
        (read("127.0.0.1 :7020"), LED, "serves"),
        (read(":: :7020"), LED, "serves"),
        (read(":: v6only :7020"), LED, "unknown"),
        (read("udp 127.0.0.1 :7020"), LED, "unknown"),
        (read(f"{V4} :7020"), LED, "unknown"),
        (read("127.0.0.1 :7021"), LED, "unknown"),
        (read("127.0.0.1 :7020"), {PORT: "0.0.0.0:7020"}, "unknown"),
        (OPEN, {9000: "127.0.0.1:7020"}, "serves"),
        (LOOPBACK, {9000: "127.0.0.1:7020"}, "loopback-only"),
        (UNREAD, LED, "unknown"),
        # It is not known where Sidecars lead to.
        (LOOPBACK, None, "unknown"),
        (read("127.0.0.1 :7020"), None, "unknown"),
        (read("udp 127.0.0.1 :7020"), None, "not-listening"),
        (read("0.0.0.0 :7020"), None, "not-listening"),
        (OPEN, None, "serves"),
        (V6ONLY, None, "other-family"),
        (UNREAD, None, "unknown"),
    ],
)
def test_where_a_sidecar_of_istio_leads_to(
    sockets: Any, places: dict[int, str] | None, kind: str
) -> None:
    assert led(sockets, places) == kind


@pytest.mark.parametrize(
    ("of", "made", "expected"),
    [
        (behind(), [request("accepted")], "listens"),
        (behind(), attempts(proxy="accepted"), "listens"),
        (behind(), attempts(forward="accepted"), "accepts"),
        (behind(probe="tcpSocket"), [], "listens"),
        (behind(probe="tcpSocket"), attempts(forward="accepted"), "accepts"),
        (behind(probe="httpGet"), [], "answers"),
    ],
)
def test_what_was_seen_of_a_port_behind_a_proxy(
    of: Pod, made: list[Attempt], expected: str
) -> None:
    assert shown(Measured(of, OPEN, made), PORT) == expected
