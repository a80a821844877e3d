"""Policies with what they mean by other objects.

What joins them is loaded where there are any: most clusters have none of these kinds.
"""

from collections.abc import Callable, Mapping, Sequence

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, combined
from kubectl_portcheck.model.guards import Guard

Found = Observed[tuple[Guard, ...]] | Missing


def with_sets(policies: Found, read: Callable[[Sequence[kinds.Kind]], Sequence[Found]]) -> Found:
    """The policies, with the tiers, sets and accounts that those of Calico mean.

    ``read`` gives the objects of these kinds. It is called only with kinds that a policy needs.
    What could not be read of them is lacking.
    """
    if isinstance(policies, Missing) or not policies.value:
        return policies
    from kubectl_portcheck.semantics.guards.calico_joined import joined

    return joined(policies, read)


def with_servers(read: Mapping[str, Found]) -> Found:
    """What was read of each kind, with one policy for each Server in place of Linkerd's objects.

    What may be unknown of authentications counts only where a policy refers to one that was not
    read.
    """
    servers = read.get(kinds.LINKERD_SERVER.key)
    if isinstance(servers, Observed) and servers.value:
        from kubectl_portcheck.semantics.guards.linkerd_servers import joined

        return joined(servers.value, read)
    linkerds = {kind.key for kind in kinds.LINKERD_POLICIES}
    others = [found for key, found in read.items() if key not in linkerds]
    return combined([*others, *([servers] if servers else [])])
