"""``--from auto``: the workloads that are known to call the Service, by their settings."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from kubectl_portcheck.address import Address, is_ip
from kubectl_portcheck.collect.called import Calling
from kubectl_portcheck.collect.cluster.callers import caller
from kubectl_portcheck.collect.cluster.listable import Listable
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.calls import Named
from kubectl_portcheck.target import Target

LASTING = tuple(
    Listable(kind, Calling, named=True)
    for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET)
)
"""The workloads whose pods stay: one list each."""


def callers_of(reads: LiveReads, target: Target, namespace: str) -> dict[tuple[str, str], str]:
    """Kind and name of each workload of the namespace that names the Service, and where it does.

    Workloads that cannot be read are no callers that are known.
    """
    with ThreadPoolExecutor(len(LASTING)) as pool:
        listed = list(pool.map(lambda kind: reads.objects(kind, {}), LASTING))
    found: dict[tuple[str, str], str] = {}
    for read in listed:
        for workload in () if isinstance(read, Missing) else read.value:
            made = caller(workload, {})
            place = next(_places(made.named, target, namespace), None)
            if place is not None:
                found[made.kind, made.name] = place
    return found


def _places(named: tuple[Named, ...], target: Target, namespace: str) -> Iterator[str]:
    """The settings that name the Service: variables by their names, others by their kind."""
    for one in named:
        if is_service(one.host, target, namespace) and not one.init:
            yield one.variable or one.setting


def is_service(host: str, target: Target, namespace: str) -> bool:
    """Whether the host is the Service's name in any of its forms, for a pod of the namespace."""
    of = None if is_ip(host) else Address(host).service
    return of is not None and (of[0], of[1] or namespace) == (target.name, target.namespace)
