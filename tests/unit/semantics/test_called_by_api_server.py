"""How the API server finds what it calls, where a Service has no cluster IP."""

import pytest

from kubectl_portcheck.semantics.referrers.api_server import service_of_name


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("hooks.tools.svc", ("hooks", "tools")),
        ("hooks.tools.svc.cluster.local", ("hooks", "tools")),
        ("hooks.tools.svc.cluster.local.", ("hooks", "tools")),
        # Another domain may be known to every DNS server.
        ("hooks.tools.svc.example.com", None),
        ("hooks.tools", None),
        ("hooks.example.com", None),
        ("svc", None),
        ("", None),
    ],
)
def test_names_that_only_the_dns_of_the_cluster_knows(
    host: str, named: tuple[str, str] | None
) -> None:
    assert service_of_name(host) == named
