"""What the walk decides to ask."""

import msgspec

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics.contact import MOST_TRIED, ports_to_try


def pod(*ports: int, name: str = "") -> Pod:
    declared = [{"containerPort": p, "name": name} for p in ports]
    spec = {"containers": [{"name": "app", "ports": declared}]}
    return msgspec.convert({"metadata": {}, "spec": spec}, Pod)


def test_every_port_that_clients_are_sent_to_is_tried() -> None:
    targets = set(range(9000, 9000 + 3 * MOST_TRIED))
    assert set(ports_to_try(pod(80), targets)) == targets | {80}


def test_the_others_are_bounded_and_come_last() -> None:
    found = ports_to_try(pod(*range(1000, 1100)), {8080})
    assert found[0] == 8080
    assert len(found) == MOST_TRIED + 1


def test_a_debugger_is_not_contacted_unless_clients_are_sent_there() -> None:
    assert ports_to_try(pod(5005, 80), {8080}) == [8080, 80]
    assert ports_to_try(pod(6000, name="debug"), {8080}) == [8080]
    assert ports_to_try(pod(5005), {5005}) == [5005]
