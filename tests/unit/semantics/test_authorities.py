"""What became of the ConfigMaps from which a BackendTLSPolicy takes certificate authorities."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.collect import decode
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.model.storage import ConfigMap
from kubectl_portcheck.semantics.referrers import gateway
from kubectl_portcheck.semantics.referrers.authorities import Found, Maps, with_authorities


def policy(*refs: dict[str, Any], service: str = "checkout") -> Referrer:
    document = {
        "metadata": {"name": "tls", "namespace": "shop"},
        "spec": {
            "targetRefs": [{"kind": "Service", "name": service}],
            "validation": {"caCertificateRefs": list(refs)},
        },
    }
    form = gateway.FORMS[kinds.BACKEND_TLS_POLICY]
    found: Referrer = form.read(msgspec.convert(document, form.shape))
    return found


def config_map(name: str, *keys: str) -> ConfigMap:
    return msgspec.convert({"metadata": {"name": name}, "keys": keys}, ConfigMap)


CA = {"kind": "ConfigMap", "name": "ca"}
FORBIDDEN = Missing(reason=Reason.FORBIDDEN, detail="configmaps is forbidden")


@pytest.mark.parametrize(
    ("found", "state", "keys", "why"),
    [
        (Observed(value=(config_map("ca", "ca.crt"),)), "there", (), ""),
        (Observed(value=(config_map("ca", "x", "cacert"),)), "there", (), ""),
        (Observed(value=(config_map("ca", "x", "y"),)), "without the key", ("x", "y"), ""),
        (Observed(value=(config_map("ca", *"abcdefgh"),)), "without the key", tuple("abcde"), ""),
        (Observed(value=(config_map("other", "ca.crt"),)), "absent", (), ""),
        (Observed(value=()), "absent", (), ""),
        (FORBIDDEN, "", (), "configmaps is forbidden"),
        (Missing(reason=Reason.TIMED_OUT), "", (), str(Reason.TIMED_OUT)),
    ],
)
def test_what_became_of_one(found: Maps, state: str, keys: tuple[str, ...], why: str) -> None:
    whole = with_authorities(Observed(value=(policy(CA),)), "checkout", lambda _: found)
    assert isinstance(whole, Observed)
    [one] = whole.value[0].authorities
    assert (one.name, one.state, one.keys, one.why) == ("ca", state, keys, why)
    assert one.pointer == "/spec/validation/caCertificateRefs/0/name"


@pytest.mark.parametrize(
    "leading",
    [
        policy(CA, service="another"),
        policy({"kind": "Secret", "name": "ca"}),
        policy({"group": "example.com", "kind": "ConfigMap", "name": "ca"}),
        policy(),
    ],
)
def test_what_does_not_matter_is_not_looked_up(leading: Referrer) -> None:
    def look(name: str) -> Maps:
        raise AssertionError(name)

    found: Found = Observed(value=(leading,))
    assert with_authorities(found, "checkout", look) is found
    assert with_authorities(FORBIDDEN, "checkout", look) is FORBIDDEN


def test_values_are_not_kept() -> None:
    raw = b"""{"items": [{"metadata": {"name": "ca"}, "data": {"b": "CANARY", "a": "x"},
        "binaryData": {"c": "CANARY"}}]}"""
    [item] = decode.decode(raw, decode.ListOf[decode.KeysOnly]).items
    found = decode.with_keys(item)
    assert found.keys == ("a", "b", "c")
    assert b"CANARY" not in msgspec.json.encode(found)
