"""``--from`` and a Service that does not exist: what its name comes to in the client's pod, and
where the settings of that client name it."""

from collections.abc import Iterable
from concurrent.futures import Future

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.called import Calling
from kubectl_portcheck.collect.cluster.addresses import Live, Spaces
from kubectl_portcheck.collect.cluster.callers import caller
from kubectl_portcheck.collect.cluster.client_asks import names_of, resolved
from kubectl_portcheck.collect.cluster.client_side import client_side
from kubectl_portcheck.collect.cluster.cluster import Read
from kubectl_portcheck.collect.cluster.likely_clients import is_service
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.parts import in_cluster
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.errors import UnknownTargetError
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import NOT_ASKED, InCluster
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics.seat import owner_of
from kubectl_portcheck.target import CALLING, Target

KINDS = {kind.name: kind for kind in CALLING}


def begun(target: Target, options: Options, live: Spaces, work: Work) -> "Future[Read[InCluster]]":
    """Begin to look up the name in the first pod of ``--from`` that has something to do it with."""
    space = live(options.seats[0].namespace)
    chosen = work.ask(resolved, space.probes, options.seats, target, options.debug)
    beside = work.follow(client_side, space.reads, work, chosen, target.namespace, None)

    def met() -> Read[InCluster]:
        seat, dns = chosen.result()
        return Observed(value=in_cluster(seat, dns, NOT_ASKED, beside.result()))

    return work.follow(met)


def own_calls(target: Target, client: InCluster, live: Spaces) -> tuple[Call, ...]:
    """Where the settings of the client's workload name the Service."""
    pod = client.client.pod if client.client else None
    here = live(client.namespace)
    settings = None if pod is None else _settings(client, pod, here)
    if settings is None:
        return ()
    names = names_of(target, client.namespace)
    made = caller(settings, {})
    return tuple(
        Call(
            *(made.kind, client.namespace, made.name, named),
            service=target.name,
            service_namespace=target.namespace,
            exists=False,
        )
        for named in made.named
        if named.host == names.used or is_service(named.host, target, client.namespace)
    )


def _settings(client: InCluster, pod: Pod, here: Live) -> Calling | None:
    """The workload of the pod, with the hosts that it names; else the pod itself."""
    owner = owner_of(client)
    kind = KINDS.get(owner.kind) if owner else None
    wanted: Iterable[tuple[kinds.Kind, str]] = [(kinds.POD, pod.metadata.name)]
    if owner is not None and kind is not None:
        wanted = [(kind, owner.name), *wanted]
    for of, name in wanted:
        try:
            read = here.reads.named(of, name, lambda raw: decode.decode(raw, Calling))
        except UnknownTargetError:
            continue
        if not isinstance(read, Missing):
            return _of_kind(read.value, of)
    return None


def _of_kind(settings: Calling, kind: kinds.Kind) -> Calling:
    from msgspec.structs import replace

    return replace(settings, kind=kind.name)
