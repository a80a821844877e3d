"""The AWS Load Balancer Controller's TargetGroupBinding: a Service port by its number or name.

(AWS Load Balancer Controller, ``TargetGroupBinding``, ``ServiceReference``)
"""

from collections.abc import Iterator

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics.referrers.base import form


class BoundService(Record, frozen=True):
    """The Service whose pods or nodes are targets."""

    name: str = ""
    port: WholeNumber | str | None = None


class TargetGroupBindingSpec(Record, frozen=True):
    """What is bound to a target group."""

    service_ref: BoundService = BoundService()


class TargetGroupBinding(Record, frozen=True):
    """A TargetGroupBinding."""

    metadata: ObjectMeta = ObjectMeta()
    spec: TargetGroupBindingSpec = TargetGroupBindingSpec()


def _of_binding(found: TargetGroupBinding) -> Iterator[Reference]:
    bound = found.spec.service_ref
    if bound.name:
        # A target group may be for UDP as well; only AWS knows its protocol.
        yield Reference(
            where="spec.serviceRef",
            service=bound.name,
            namespace=found.metadata.namespace,
            port=bound.port,
            pointer="/spec/serviceRef/port",
            protocol="",
        )


FORMS = {
    kinds.TARGET_GROUP_BINDING: form(kinds.TARGET_GROUP_BINDING, TargetGroupBinding, _of_binding)
}
