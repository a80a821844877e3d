"""What the API server itself calls: webhooks, also those of conversion, and aggregated APIs.

The port is 443 where none is written; only a number can be. The API server speaks TLS to all of
them, and verifies the answer by ``caBundle``; without one by the certificate authorities of its own
machine. (Kubernetes API, ``ServiceReference``, ``WebhookClientConfig``, ``APIServiceSpec``,
``CustomResourceConversion``)

It finds all of them by one resolver: the cluster IP, which a headless Service does not have, or an
endpoint where it runs with ``--enable-aggregator-routing=true``. (kube-apiserver,
``buildServiceResolver``; ``apiserver/pkg/util/proxy``, ``ResolveCluster`` and
``ResolveEndpoint``)
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import field

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import Condition, ObjectMeta
from kubectl_portcheck.model.references import Reference, Referrer
from kubectl_portcheck.semantics.referrers.base import form

DEFAULT_PORT = 443


class ServiceReference(Record, frozen=True):
    """A Service that the API server calls."""

    name: str = ""
    namespace: str = ""
    port: WholeNumber | None = None


class WebhookClientConfig(Record, frozen=True):
    """What a webhook calls; without a Service that is a URL."""

    service: ServiceReference | None = None
    ca_bundle: str = ""


class Webhook(Record, frozen=True):
    """One webhook of a configuration."""

    name: str = ""
    client_config: WebhookClientConfig = WebhookClientConfig()
    failure_policy: Literal["Fail", "Ignore"] = "Fail"


class WebhookConfiguration(Record, frozen=True):
    """A ValidatingWebhookConfiguration or MutatingWebhookConfiguration."""

    metadata: ObjectMeta = ObjectMeta()
    webhooks: tuple[Webhook, ...] = ()


class ConversionWebhook(Record, frozen=True):
    """What the API server calls to convert objects of a kind from one version to another."""

    client_config: WebhookClientConfig = WebhookClientConfig()


class Conversion(Record, frozen=True):
    """How objects of a kind are converted; by nothing but their apiVersion where it is None."""

    strategy: str = "None"
    webhook: ConversionWebhook | None = None


class DefinitionSpec(Record, frozen=True):
    """What is read of a CustomResourceDefinition."""

    conversion: Conversion | None = None


class Definition(Record, frozen=True):
    """A CustomResourceDefinition."""

    metadata: ObjectMeta = ObjectMeta()
    spec: DefinitionSpec = DefinitionSpec()


class APIServiceSpec(Record, frozen=True):
    """Who serves a version of an API group; without a Service the API server itself."""

    service: ServiceReference | None = None
    ca_bundle: str = ""
    insecure_skip_tls_verify: bool = field(name="insecureSkipTLSVerify", default=False)


class APIServiceStatus(Record, frozen=True):
    """Whether it can be reached: the condition Available."""

    conditions: tuple[Condition, ...] = ()


class APIService(Record, frozen=True):
    """A version of an API group, and who serves it."""

    metadata: ObjectMeta = ObjectMeta()
    spec: APIServiceSpec = APIServiceSpec()
    status: APIServiceStatus = APIServiceStatus()


def _of_webhooks(found: WebhookConfiguration) -> Iterator[Reference]:
    for i, webhook in enumerate(found.webhooks):
        called = webhook.client_config.service
        if called is not None:
            yield Reference(
                where=f"webhook {webhook.name}",
                service=called.name,
                namespace=called.namespace,
                port=called.port,
                default=DEFAULT_PORT,
                pointer=f"/webhooks/{i}/clientConfig/service/port",
                by="number",
                fails=webhook.failure_policy == "Fail",
                unverified=not webhook.client_config.ca_bundle,
            )


def _of_api_service(found: APIService) -> Iterator[Reference]:
    called = found.spec.service
    if called is not None:
        yield Reference(
            where="spec.service",
            service=called.name,
            namespace=called.namespace,
            port=called.port,
            default=DEFAULT_PORT,
            pointer="/spec/service/port",
            by="number",
            unverified=not (found.spec.ca_bundle or found.spec.insecure_skip_tls_verify),
        )


def _of_definition(found: Definition) -> Iterator[Reference]:
    conversion = found.spec.conversion
    webhook = conversion.webhook if conversion and conversion.strategy == "Webhook" else None
    called = webhook.client_config.service if webhook else None
    if webhook and called:
        yield Reference(
            where="spec.conversion.webhook",
            service=called.name,
            namespace=called.namespace,
            port=called.port,
            default=DEFAULT_PORT,
            pointer="/spec/conversion/webhook/clientConfig/service/port",
            by="number",
            fails=True,
            unverified=not webhook.client_config.ca_bundle,
        )


FORMS = {
    **{
        kind: form(kind, WebhookConfiguration, _of_webhooks)
        for kind in (kinds.VALIDATING_WEBHOOKS, kinds.MUTATING_WEBHOOKS)
    },
    kinds.API_SERVICE: form(
        kinds.API_SERVICE,
        APIService,
        _of_api_service,
        conditions=lambda found: found.status.conditions,
    ),
    kinds.CUSTOM_RESOURCE_DEFINITION: form(
        kinds.CUSTOM_RESOURCE_DEFINITION, Definition, _of_definition
    ),
}


def what_fails(kind: str, name: str) -> str:
    """What the API server refuses where it calls in vain for such an object.

    A version is converted where objects are stored in another one than is asked for. (Kubernetes,
    "Versions in CustomResourceDefinitions")
    """
    if kind == kinds.CUSTOM_RESOURCE_DEFINITION.name:
        return f"the API server cannot read or write {name} where the version has to be converted"
    return "failurePolicy is Fail, so the API server refuses the requests"


def is_reached(referrer: Referrer) -> bool:
    """Whether the API server says that it reaches what it calls."""
    return any(c.type == "Available" and c.status == "True" for c in referrer.conditions)


_NO_ROUTE = "cannot route to service with ClusterIP"


def cannot_route(referrer: Referrer) -> str:
    """What the API server says where it calls by cluster IP and the Service has none; else ''.

    (kube-apiserver, ``ResolveCluster``; with ``--enable-aggregator-routing`` it is
    ``ResolveEndpoint``, which takes headless Services and no ExternalName)
    """
    said = (c.message for c in referrer.conditions if c.type == "Available" and c.status == "False")
    return next((m for m in said if _NO_ROUTE in m), "")


def service_of_name(host: str) -> tuple[str, str] | None:
    """Name and namespace of the Service that a host of the cluster's DNS names; else None."""
    labels = host.rstrip(".").split(".")
    inner = len(labels) == 3 or labels[3:] == ["cluster", "local"]
    return (labels[0], labels[1]) if labels[2:3] == ["svc"] and inner else None
