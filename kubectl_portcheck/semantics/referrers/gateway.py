"""The Gateway API's BackendTLSPolicy: Gateways speak TLS to the Services that it names.

It stands in the Service's namespace. ``sectionName`` is the name of one of its ports; where that
does not exist, the policy does not attach. (Gateway API, ``BackendTLSPolicySpec``)
"""

from collections.abc import Iterator

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.objects import Condition, ObjectMeta
from kubectl_portcheck.model.references import Authority, Reference
from kubectl_portcheck.semantics.referrers.base import form

MOST_AUTHORITIES = 8
"""As many as the API takes. (``maxItems`` of ``caCertificateRefs``)"""


class PolicyTarget(Record, frozen=True):
    """A Service, or one port of it."""

    group: str = ""
    kind: str = ""
    name: str = ""
    section_name: str = ""


class AuthorityRef(Record, frozen=True):
    """An object with certificate authorities; each Gateway may know kinds of its own."""

    group: str = ""
    kind: str = ""
    name: str = ""


class Validation(Record, frozen=True):
    """How the pods are verified."""

    ca_certificate_refs: tuple[AuthorityRef, ...] = ()


class BackendTLSPolicySpec(Record, frozen=True):
    """What a BackendTLSPolicy is for."""

    target_refs: tuple[PolicyTarget, ...] = ()
    validation: Validation = Validation()


class PolicyAncestor(Record, frozen=True):
    """What one Gateway's controller says of the policy."""

    conditions: tuple[Condition, ...] = ()


class PolicyStatus(Record, frozen=True):
    """What became of the policy."""

    ancestors: tuple[PolicyAncestor, ...] = ()


class BackendTLSPolicy(Record, frozen=True):
    """A BackendTLSPolicy."""

    metadata: ObjectMeta = ObjectMeta()
    spec: BackendTLSPolicySpec = BackendTLSPolicySpec()
    status: PolicyStatus = PolicyStatus()


def _of_policy(found: BackendTLSPolicy) -> Iterator[Reference]:
    for i, target in enumerate(found.spec.target_refs):
        if target.name and target.kind == "Service" and target.group in ("", "core"):
            yield Reference(
                where=f"targetRefs[{i}]",
                service=target.name,
                namespace=found.metadata.namespace,
                port=target.section_name or None,
                pointer=f"/spec/targetRefs/{i}/sectionName",
                by="name",
                scheme="https",
            )


def _authorities(found: BackendTLSPolicy) -> Iterator[Authority]:
    for i, ref in enumerate(found.spec.validation.ca_certificate_refs[:MOST_AUTHORITIES]):
        if ref.name and ref.kind == "ConfigMap" and ref.group in ("", "core"):
            pointer = f"/spec/validation/caCertificateRefs/{i}/name"
            yield Authority(name=ref.name, pointer=pointer)


FORMS = {
    kinds.BACKEND_TLS_POLICY: form(
        kinds.BACKEND_TLS_POLICY,
        BackendTLSPolicy,
        _of_policy,
        conditions=lambda found: tuple(c for a in found.status.ancestors for c in a.conditions),
        authorities=lambda found: tuple(_authorities(found)),
    ),
}
