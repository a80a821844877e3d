"""What became of the ConfigMaps from which a BackendTLSPolicy takes certificate authorities.

They stand in the namespace of the policy, under the key ``ca.crt``. Where none of them can be used,
requests fail. (Gateway API, ``BackendTLSPolicyValidation``) Istio reads ``cacert`` as well. Of a
ConfigMap only the names of its keys are kept.
"""

from collections.abc import Callable

import msgspec

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.references import Authority, Referrer
from kubectl_portcheck.model.storage import ConfigMap

Maps = Observed[tuple[ConfigMap, ...]] | Missing
Found = Observed[tuple[Referrer, ...]] | Missing
KEYS = frozenset({"ca.crt", "cacert"})
MOST_KEYS = 5
"""Keys of a ConfigMap that are shown."""


def with_authorities(found: Found, service: str, look: Callable[[str], Maps]) -> Found:
    """The same with what became of the ConfigMaps of policies that are for this Service.

    ``look`` gives the namespace's ConfigMap of a name, if there is one.
    """
    if isinstance(found, Missing):
        return found
    if not any(_needs_authorities(r, service) for r in found.value):
        return found
    whole = (_looked_up(r, look) if _needs_authorities(r, service) else r for r in found.value)
    return msgspec.structs.replace(found, value=tuple(whole))


def _needs_authorities(referrer: Referrer, service: str) -> bool:
    return bool(referrer.authorities) and any(r.service == service for r in referrer.references)


def _looked_up(referrer: Referrer, look: Callable[[str], Maps]) -> Referrer:
    known = tuple(_known(a, look(a.name)) for a in referrer.authorities)
    return msgspec.structs.replace(referrer, authorities=known)


def _known(authority: Authority, found: Maps) -> Authority:
    if isinstance(found, Missing):
        why = found.detail or str(found.reason)
        return msgspec.structs.replace(authority, why=why)
    one = next((m for m in found.value if m.metadata.name == authority.name), None)
    if one is None:
        return msgspec.structs.replace(authority, state="absent")
    if not KEYS.isdisjoint(one.keys):
        return msgspec.structs.replace(authority, state="there")
    return msgspec.structs.replace(authority, state="without the key", keys=one.keys[:MOST_KEYS])
