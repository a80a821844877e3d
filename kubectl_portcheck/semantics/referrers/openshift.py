"""OpenShift's Route.

``targetPort`` is compared, as a text, with the name and with the number of the endpoints' ports: so
with the Service port's name or the pods' port, never with the Service port's number. Without it
every endpoint is used. (openshift/router, ``endpointsForAlias``)
"""

from collections.abc import Iterator

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics.referrers.base import form


class RouteTarget(Record, frozen=True):
    """A Service with its share of the requests, which is not read."""

    name: str = ""
    kind: str = "Service"


class RoutePort(Record, frozen=True):
    """The port of the endpoints."""

    target_port: WholeNumber | str | None = None


class RouteTls(Record, frozen=True):
    """Where the TLS of clients ends."""

    termination: str = ""


class OpenShiftRouteSpec(Record, frozen=True):
    """Where an OpenShift Route leads."""

    to: RouteTarget = RouteTarget()
    alternate_backends: tuple[RouteTarget, ...] = ()
    port: RoutePort | None = None
    tls: RouteTls | None = None


class OpenShiftRoute(Record, frozen=True):
    """An OpenShift Route."""

    metadata: ObjectMeta = ObjectMeta()
    spec: OpenShiftRouteSpec = OpenShiftRouteSpec()


def _of_route(found: OpenShiftRoute) -> Iterator[Reference]:
    port = found.spec.port.target_port if found.spec.port else None
    for target in (found.spec.to, *found.spec.alternate_backends):
        if target.name and target.kind in ("", "Service"):
            yield Reference(
                where="spec.port.targetPort",
                service=target.name,
                namespace=found.metadata.namespace,
                port=port or None,
                pointer="/spec/port/targetPort",
                by="endpoint-port",
                scheme=found.spec.tls.termination if found.spec.tls else "",
            )


FORMS = {kinds.OPENSHIFT_ROUTE: form(kinds.OPENSHIFT_ROUTE, OpenShiftRoute, _of_route)}
