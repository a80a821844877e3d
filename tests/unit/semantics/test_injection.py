"""Which labels and annotations ask for a sidecar."""

import pytest

from kubectl_portcheck.semantics.injection import asked_by


@pytest.mark.parametrize(
    ("pod", "namespace", "asks"),
    [
        ({}, {}, ""),
        ({"app": "x"}, {"team": "y"}, ""),
        ({"linkerd.io/inject": "enabled"}, {}, "linkerd.io/inject"),
        ({"linkerd.io/inject": "Disabled"}, {}, ""),
        ({"example.com/inject": "true"}, {}, "example.com/inject"),
        ({"example.com/injected": "true"}, {}, ""),
        ({}, {"istio-injection": "enabled"}, "istio-injection of the namespace"),
        ({}, {"istio-injection": "disabled"}, ""),
        # The pod's word overrules that of its namespace, of one injector.
        ({"sidecar.istio.io/inject": "false"}, {"istio-injection": "enabled"}, ""),
        (
            {"sidecar.istio.io/inject": "false"},
            {"linkerd.io/inject": "enabled"},
            "linkerd.io/inject of the namespace",
        ),
        (
            {"sidecar.istio.io/inject": "true"},
            {"istio-injection": "disabled"},
            "sidecar.istio.io/inject",
        ),
        # Asked for and refused by one injector's keys: the refusal counts.
        ({"istio.io/rev": "stable", "sidecar.istio.io/inject": "false"}, {}, ""),
        ({"sidecar.istio.io/inject": "false", "istio.io/rev": "stable"}, {}, ""),
        ({"istio.io/rev": "stable", "sidecar.istio.io/inject": "true"}, {}, "istio.io/rev"),
    ],
)
def test_what_asks_for_a_sidecar(pod: dict[str, str], namespace: dict[str, str], asks: str) -> None:
    assert asked_by(pod, namespace) == asks
