"""Where DNS fails in a client's pod: the Service behind its nameserver, walked as any other.

It is done once, after the walk to the Service itself, and only where no nameserver answered.
"""

import msgspec

from kubectl_portcheck.collect.cluster.addresses import Spaces
from kubectl_portcheck.collect.cluster.listable import SERVICES
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.walk import walk
from kubectl_portcheck.errors import PortcheckError
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Client, InCluster, ServiceEvidence
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.semantics.admission import isolating
from kubectl_portcheck.target import Target

USUAL = ("kube-system", "kube-dns")
"""Where the cluster's DNS is, on nearly every cluster; CoreDNS keeps the old name."""


def with_name_server(
    evidence: ServiceEvidence, options: Options, live: Spaces, progress: Progress
) -> ServiceEvidence:
    """The evidence, with that of the Service behind the nameserver where DNS failed."""
    known = evidence.in_cluster
    if isinstance(known, Missing) or isinstance(known.value.dns, Missing):
        return evidence
    dns = known.value.dns.value
    failed = {a.outcome for a in dns.answers if a.protocol == "UDP"} & {"answered", "no-such-name"}
    if dns.lookup.outcome not in ("no-answer", "unknown") or failed:
        return evidence
    server = _server(dns.resolver.nameservers, options, live, progress)
    client = _with_labels(known.value, server, live)
    found = msgspec.structs.replace(known.value, dns_server=server, client=client)
    return msgspec.structs.replace(evidence, in_cluster=Observed(value=found))


def _server(
    addresses: tuple[str, ...], options: Options, live: Spaces, progress: Progress
) -> Observed[ServiceEvidence] | Missing:
    service = _service(addresses, live)
    if isinstance(service, Missing):
        return service
    space, name = service.metadata.namespace, service.metadata.name
    without_source = options._replace(
        source=None, seats=(), elsewhere=None, memory=None, logs=None, debug=None, callers=False
    )
    target = Target(name, namespace=space)
    progress.target(target.title, 1, 1)
    try:
        found = walk(live(space).cluster, target, without_source, progress)
    except PortcheckError as error:
        return Missing(reason=Reason.FAILED, detail=f"{target.title} in {space}: {error}")
    return Observed(value=found)


def _service(addresses: tuple[str, ...], live: Spaces) -> Service | Missing:
    """The Service that has one of the addresses."""
    usual = live(USUAL[0]).reads.other_service(*USUAL)
    if isinstance(usual, Observed) and _has(usual.value, addresses):
        return usual.value
    everyone = live("").reads.objects(SERVICES, {})
    if isinstance(everyone, Missing):
        return everyone
    found = next((s for s in everyone.value if _has(s, addresses)), None)
    if found is not None:
        return found
    known = (
        f"; {USUAL[1]} in {USUAL[0]} has {usual.value.spec.cluster_ip}"
        if isinstance(usual, Observed)
        else ""
    )
    servers = " or ".join(addresses) or "none"
    why = f"no Service of this cluster has the address {servers}{known}"
    return Missing(reason=Reason.NOT_FOUND, detail=why)


def _has(service: Service, addresses: tuple[str, ...]) -> bool:
    return bool({service.spec.cluster_ip, *service.spec.cluster_ips} & set(addresses))


def _with_labels(
    source: InCluster, server: Observed[ServiceEvidence] | Missing, live: Spaces
) -> Client | None:
    """The client, with the labels of the two namespaces where a policy may ask for them."""
    client = source.client
    if client is None or isinstance(server, Missing):
        return client
    own = client.policies.value if isinstance(client.policies, Observed) else ()
    found = server.value.network_policies
    if not (isolating(own, client.pod, "Egress") or (isinstance(found, Observed) and found.value)):
        return client
    spaces = {source.namespace, server.value.service.metadata.namespace} - set(client.namespaces)
    read = {s: live(s).reads.namespace_labels(s) for s in sorted(spaces)}
    known = {s: r.value for s, r in read.items() if isinstance(r, Observed)}
    return msgspec.structs.replace(client, namespaces={**client.namespaces, **known})
