"""From the example of a rule to evidence.

It is strict: a measurement of a pod that is not there, or of another Service, is an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kubectl_portcheck.collect.example_documents import (
    AROUND,
    From,
    Measured,
    Measurements,
    UnfitExample,
    documents,
)
from kubectl_portcheck.collect.manifests.neighbours import joined_policies
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    Asked,
    Client,
    Context,
    Evidence,
    InCluster,
    Misnamed,
    ServiceEvidence,
    ServiceForward,
)
from kubectl_portcheck.model.objects import (
    EndpointSlice,
    ObjectMeta,
    Pod,
    Service,
)
from kubectl_portcheck.model.probes import (
    AcceptQueue,
    Attempt,
    Family,
    ListeningSocket,
    Outcome,
    Path,
    PodSockets,
)
from kubectl_portcheck.semantics import (
    endpoints,
    istio_gateways,
    pods,
    ports,
    selectors,
    sidecar,
)
from kubectl_portcheck.semantics.concerning import concerning
from kubectl_portcheck.semantics.guards.calico_joined import joined_in_files
from kubectl_portcheck.semantics.misnamed import misnamed
from kubectl_portcheck.semantics.needs import Leading
from kubectl_portcheck.semantics.referrers.authorities import with_authorities

NOW = "2026-06-01T12:00:00Z"
"""When the evidence of every example was gathered."""


def evidence_of(text: str) -> Evidence:
    """Return the evidence that an example describes.

    A pod without a status is Running and Ready at 10.0.0.1. A pod whose sockets are not given
    has sockets that could not be read.
    """
    found, measured = documents(text)
    if not found["Service"]:
        raise UnfitExample("an example is about a Service")
    service: Service = found["Service"][0]
    everything: tuple[Pod, ...] = tuple(found["Pod"])
    named = _subdomains(everything)
    strange = [
        s
        for s in found["Service"][1:]
        if _place(s) != endpoints.alias_of(service)
        and s.metadata.name not in named
        and not any(_leads(s, p) for p in everything)
    ]
    if strange:
        raise UnfitExample(
            "an example is about one Service, that of which it is an alias, and those that lead to "
            "pods of it or under which DNS knows these"
        )
    strangers = set(measured.probes) - {p.metadata.name for p in everything}
    if strangers:
        raise UnfitExample(f"probes of pods that are not there: {sorted(strangers)}")
    evidence = _evidence(service, everything, found, measured)
    context = Context(source="cluster", namespace="default", collected_at=NOW)
    return Evidence(context=context, services=(concerning(evidence),))


def _evidence(
    service: Service, everything: tuple[Pod, ...], found: dict[str, list[Any]], given: Measurements
) -> ServiceEvidence:
    beside = tuple(found["Service"])
    gateways, foreign = _gateways(service, everything, found)
    everything = tuple(p for p in everything if p not in gateways)
    matching = tuple(
        p for p in everything if selectors.matches(service.spec.selector, p.metadata.labels)
    )
    siblings = any(map(sidecar.is_of_istio, matching)) or bool(_subdomains(matching))
    slices = tuple(found["EndpointSlice"]) or tuple(_slices(service, matching))
    if not service.spec.selector:
        matching = endpoints.pods_behind(slices, everything)
    around = {
        field: Observed(value=tuple(item for kind in kinds for item in found[kind]))
        for field, kinds in AROUND.items()
    }
    around["guards"] = Observed(value=joined_in_files(around["guards"].value, whole=True))
    maps = around["config_maps"]
    leading = with_authorities(around["referrers"], service.metadata.name, lambda _: maps)
    around["mesh_policies"] = joined_policies(around["mesh_policies"].value)
    evidence = ServiceEvidence(
        service=service,
        asked_port=given.asked,
        lookup=given.lookup,
        asked=_asked(given),
        absence=given.absent,
        unread=None if given.absent is None else Missing(reason=Reason.NOT_FOUND),
        calls=NOT_ASKED if given.calls is None else Observed(value=given.calls),
        init_calls=given.init_calls,
        pods=Observed(value=matching),
        endpoint_slices=Observed(value=slices),
        deployments=NOT_ASKED if matching else Observed(value=tuple(found["Deployment"])),
        stateful_sets=NOT_ASKED if matching else Observed(value=tuple(found["StatefulSet"])),
        services=Observed(value=beside) if siblings else NOT_ASKED,
        gateway_pods=Observed(value=gateways) if foreign is not None else NOT_ASKED,
        misnamed=_misnamed(service, around, found["Service"]),
        gateway_services=NOT_ASKED if foreign is None else Observed(value=foreign),
        namespace_pods=Observed(value=everything) if matching != everything else NOT_ASKED,
        sockets={
            p.metadata.name: _sockets(given.probes.get(p.metadata.name, Measured()))
            for p in matching
        },
        attempts=tuple(a for name, m in given.probes.items() for a in _attempts(name, m)),
        service_forwards=tuple(_forwards(service, matching, given.probes))
        if service.spec.selector
        else (),
        in_cluster=_in_cluster(service, given.from_, found),
    )
    aliases = [s for s in found["Service"] if _place(s) == endpoints.alias_of(service)]
    alias = Observed(value=aliases[0]) if aliases else NOT_ASKED
    return msgspec.structs.replace(evidence, **{**around, "referrers": leading}, alias=alias)


def _misnamed(
    service: Service, around: Mapping[str, Any], everyone: Sequence[Service]
) -> Observed[tuple[Misnamed, ...]] | Missing:
    """What seems to mean the Service, and names one that is not among these."""
    namespace = _space(service)
    named = (around[field].value for field in ("ingresses", "routes", "referrers"))
    names = {s.metadata.name for s in everyone if _space(s) == namespace}
    meant = misnamed(Leading(namespace, *named), names).get(service.metadata.name)
    return Observed(value=meant) if meant else NOT_ASKED


def _gateways(
    service: Service, everything: tuple[Pod, ...], found: Mapping[str, list[Any]]
) -> tuple[tuple[Pod, ...], tuple[Service, ...] | None]:
    """The pods that Istio Gateways on the way select, and their Services; None without any."""
    leading = [r for kind in AROUND["referrers"] for r in found[kind]]
    metadata = service.metadata
    chosen = istio_gateways.selectors_towards(leading, metadata.name, metadata.namespace)
    pods_there = tuple(
        p for p in everything if any(selectors.matches(s, p.metadata.labels) for s in chosen)
    )
    pods_there = istio_gateways.one_of_each(pods_there)
    before = (s for s in found["Service"] if any(_leads(s, p) for p in pods_there))
    return pods_there, tuple(before) if chosen else None


def _leads(service: Service, pod: Pod) -> bool:
    labels = pod.metadata.labels
    return _space(service) == _space(pod) and selectors.matches(service.spec.selector, labels)


def _space(item: Service | Pod) -> str:
    return item.metadata.namespace or "default"


def _asked(given: Measurements) -> Asked | None:
    if given.calls_of:
        return Asked(kind=given.calls_of, what="calls")
    return Asked(kind=given.about, services=Observed(value=())) if given.about else None


def _subdomains(found: tuple[Pod, ...]) -> set[str]:
    """The Services under which DNS knows the pods."""
    return {p.spec.subdomain for p in found if p.spec.subdomain}


def _place(service: Service) -> tuple[str, str]:
    return service.metadata.namespace, service.metadata.name


def _slices(service: Service, matching: tuple[Pod, ...]) -> Iterator[EndpointSlice]:
    """What the EndpointSlice controller writes, a slice a pod: the grouping does not matter."""
    for pod in matching:
        if not pod.status.pod_ip:
            continue
        numbers = [(p, ports.resolve_target_port(p, pod)) for p in service.spec.ports]
        yield msgspec.convert(
            {
                "metadata": {"name": f"{service.metadata.name}-{pod.metadata.name}"},
                "endpoints": [
                    {
                        "addresses": [pod.status.pod_ip],
                        "conditions": {"ready": pods.is_ready(pod)},
                        "targetRef": {"kind": "Pod", "name": pod.metadata.name},
                    }
                ],
                "ports": [
                    {"name": p.name, "port": n, "protocol": p.protocol}
                    for p, n in numbers
                    if n is not None
                ],
            },
            EndpointSlice,
        )


def _sockets(measured: Measured) -> Observed[PodSockets] | Missing:
    if measured.sockets is None:
        return Missing(reason=Reason.NO_SHELL, detail="no shell in the image")
    listeners = tuple(_listener(text) for text in measured.sockets)
    queues = tuple(
        AcceptQueue(port=port, **msgspec.structs.asdict(given))
        for port, given in measured.queues.items()
    )
    return Observed(value=PodSockets(listeners=listeners, source="proc", queues=queues))


def _listener(text: str) -> ListeningSocket:
    """Reads ``[udp] ADDRESS:PORT [PROGRAM [in CONTAINER]]``.

    In the place of the program may be ``v6only``, and ``unsure``: as /proc shows a socket on
    ``::``, which may accept IPv4 too, or not.
    """
    udp = text.startswith("udp ")
    address, _, process = text.removeprefix("udp ").partition(" ")
    program, _, container = process.partition(" in ")
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family: Family = "dual" if host == "::" else "IPv6" if ":" in host else "IPv4"
    return ListeningSocket(
        protocol="UDP" if udp else "TCP",
        family="IPv6" if program == "v6only" else family,
        family_certain=program != "unsure",
        address=host,
        port=int(port),
        program=None if program in ("", "unsure") else program,
        container=container or None,
        source="proc",
    )


def _attempts(pod: str, measured: Measured) -> Iterator[Attempt]:
    by_path: tuple[tuple[Path, dict[int, Outcome]], ...] = (
        ("pod-port-forward", measured.port_forward),
        ("pod-proxy", measured.pod_proxy),
        ("in-cluster", measured.in_cluster),
    )
    for path, outcomes in by_path:
        address = "10.0.0.1" if path == "in-cluster" else ""
        for port, outcome in outcomes.items():
            yield Attempt(pod=pod, port=port, path=path, outcome=outcome, address=address)
    for port, spoken in measured.spoken.items():
        given = msgspec.to_builtins(spoken)
        yield msgspec.convert({"pod": pod, "port": port, "path": "pod-proxy", **given}, Attempt)


def _in_cluster(
    service: Service, given: From | None, found: Mapping[str, list[Any]]
) -> Observed[InCluster] | Missing:
    if given is None:
        return NOT_ASKED
    attempts = tuple(
        Attempt(
            pod="", port=port, path="in-cluster", outcome=outcome, address=service.spec.cluster_ip
        )
        for port, outcome in given.service.items()
    )
    others = [_in_cluster(service, o, found) for o in given.others]
    return Observed(
        value=InCluster(
            namespace=given.namespace,
            pod=given.pod,
            tool=given.tool,
            attempts=attempts,
            client=_made(given) or _client(given, found),
            dns=Observed(value=given.dns) if given.dns else NOT_ASKED,
            dns_server=Observed(value=evidence_of(given.dns_server).services[0])
            if given.dns_server
            else NOT_ASKED,
            others=tuple(o.value for o in others if isinstance(o, Observed)),
        )
    )


def _made(given: From) -> Client | None:
    """The pod of ``--from`` where only its specification is given: one of a Deployment."""
    if given.client is None:
        return None
    owner = {"kind": "ReplicaSet", "name": f"{given.pod}-7c", "controller": True}
    metadata = {
        "name": f"{given.pod}-7c-x",
        "namespace": given.namespace,
        "labels": {"pod-template-hash": "7c"},
        "ownerReferences": [owner],
    }
    return Client(pod=Pod(metadata=msgspec.convert(metadata, ObjectMeta), spec=given.client))


def _client(given: From, found: Mapping[str, list[Any]]) -> Client | None:
    """The pod of ``--from`` where it is one of the documents, with the policies that select it."""
    pod: Pod | None = next(
        (
            p
            for p in found["Pod"]
            if p.metadata.name == given.pod
            and (p.metadata.namespace or "default") == given.namespace
        ),
        None,
    )
    if pod is None:
        return None
    selecting = tuple(
        p
        for p in found["NetworkPolicy"]
        if (p.metadata.namespace or "default") == given.namespace
        and selectors.holds(p.spec.pod_selector, pod.metadata.labels)
    )
    return Client(pod=pod, policies=Observed(value=selecting), namespaces=given.namespaces)


def _forwards(
    service: Service, matching: tuple[Pod, ...], probes: Mapping[str, Measured]
) -> Iterator[ServiceForward]:
    """The port-forwards to the Service: to the pod that kubectl would pick, and to no other."""
    chosen = pods.forward_choice(matching)
    name = chosen.metadata.name if chosen else ""
    for pod, measured in probes.items():
        for port, outcome in measured.service_port_forward.items():
            target = ports.kubectl_target_port(service, port, chosen) if chosen else None
            if pod != name or target is None:
                raise UnfitExample(f"kubectl would not forward {port} to {pod}")
            attempt = Attempt(pod=pod, port=target, path="service-port-forward", outcome=outcome)
            yield ServiceForward(port=port, pod=pod, pod_port=target, attempt=attempt)
