"""What is walked where a client's address is given: an IP, a DNS name, a whole error line."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, program, shop


def asked(tmp_path: Path, line: str, **changes: Any) -> Run:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        service = server.store.get(f"/api/v1/namespaces/{NAMESPACE}/services/checkout")
        assert service is not None
        service["spec"] |= {"clusterIP": "10.96.3.4", "clusterIPs": ["10.96.3.4"], **changes}
        return program(server, tmp_path, line)


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("dial tcp 10.96.3.4:80: connect: connection refused", "cluster-ip"),
        (f"dial tcp: lookup checkout.{NAMESPACE} on 10.96.0.10:53: no such host", "name"),
        (f"http://checkout.{NAMESPACE}.svc/pay", "name"),
    ],
)
def test_the_service_is_found_and_the_first_lines_say_how(
    tmp_path: Path, line: str, how: str
) -> None:
    done = asked(tmp_path, line)
    assert done.code == ExitCode.PROBLEM
    (service,) = done.report["services"]
    assert (service["name"], service["lookup"]["how"]) == ("checkout", how)


def test_a_port_that_the_service_does_not_have_is_the_cause(tmp_path: Path) -> None:
    done = asked(tmp_path, "connect ECONNREFUSED 10.96.3.4:8080")
    assert done.report["services"][0]["findings"][0]["code"] == "PC408"


def test_an_external_ip_is_the_services(tmp_path: Path) -> None:
    done = asked(tmp_path, "198.51.100.7:80", externalIPs=["198.51.100.7"])
    assert done.report["services"][0]["lookup"] == {
        "text": "198.51.100.7:80",
        "how": "external-ip",
    }


def test_an_address_of_nothing_is_refused_and_says_so(tmp_path: Path) -> None:
    done = asked(tmp_path, "dial tcp 10.96.200.200:80: i/o timeout")
    assert done.code == ExitCode.USAGE
    assert "no Service, pod or node of this cluster has the address 10.96.200.200" in done.stderr


def test_a_line_without_an_address_is_refused(tmp_path: Path) -> None:
    done = asked(tmp_path, "it does not work")
    assert done.code == ExitCode.USAGE
    assert "no address found in 'it does not work'" in done.stderr


def test_where_only_the_namespace_may_be_read_no_address_is_called_unknown(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        server.on(r"/api/v1/services\?", faults.status(403, "Forbidden", "no"))
        done = program(server, tmp_path, "10.96.200.200:80")
    assert "no Service, pod or node" not in done.stderr
    assert "cannot tell what has the address 10.96.200.200" in done.stderr


def test_a_nodes_address_with_another_port_names_the_node_ports(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        service = server.store.get(f"/api/v1/namespaces/{NAMESPACE}/services/checkout")
        assert service is not None
        service["spec"]["ports"][0]["nodePort"] = 30080
        node = {"metadata": {"name": "node-1"}, "apiVersion": "v1", "kind": "Node"}
        server.add({**node, "status": {"addresses": [{"address": "192.0.2.9"}]}})
        done = program(server, tmp_path, "connect ECONNREFUSED 192.0.2.9:8080")
    assert done.code == ExitCode.USAGE
    assert "192.0.2.9 is the address of node node-1; 8080 is the node port of no" in done.stderr
    assert "The node ports: 30080 (production/checkout)." in done.stderr
