"""What walks share of what the API server knows."""

from collections.abc import Callable
from typing import Any

from kubectl_portcheck.client import Deadline
from kubectl_portcheck.collect.cluster.listable import ROUTES
from kubectl_portcheck.collect.cluster.once import Once
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.kinds import HTTP_ROUTE


class Server:
    """An API server without any object, which counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, *_: Any, as_: Callable[[bytes], Any], **__: Any) -> Any:
        """An empty list."""
        self.asked += 1
        return as_(b'{"items":[]}')


def test_what_is_not_known_to_be_served_is_asked_by_who_knows() -> None:
    """One walk could not read which groups are served: that says nothing to another one."""
    server, once = Server(), Once()
    api: Any = server
    routes = next(kind for kind in ROUTES if kind.of is HTTP_ROUTE)
    served = {HTTP_ROUTE.group: HTTP_ROUTE.versions}
    found = [
        LiveReads(api, "shop", Deadline.after(50), once).objects(routes, known)
        for known in ({}, served, served)
    ]
    assert isinstance(found[0], Missing)
    assert found[0].reason == Reason.NOT_SERVED
    assert found[1:] == [Observed(value=()), Observed(value=())]
    assert server.asked == 1
