"""Which pods get containers that no manifest shows, because a webhook adds them.

Sources: the annotations and labels that Istio, Linkerd, Consul, Dapr, Vault, the OpenTelemetry and
Jaeger operators, Kuma and AWS App Mesh document for their injectors.
"""

from collections.abc import Mapping

_OFF = frozenset({"", "0", "disabled", "false", "no", "off"})
_KEYS = {
    "linkerd.io/inject": "linkerd",
    "sidecar.istio.io/inject": "istio",
    "inject.istio.io/templates": "istio",
    "istio.io/rev": "istio",
    "istio-injection": "istio",
    "consul.hashicorp.com/connect-inject": "consul",
    "dapr.io/enabled": "dapr",
    "vault.hashicorp.com/agent-inject": "vault",
    "sidecar.opentelemetry.io/inject": "opentelemetry",
    "sidecar.jaegertracing.io/inject": "jaeger",
    "kuma.io/sidecar-injection": "kuma",
    "openservicemesh.io/sidecar-injection": "osm",
    "appmesh.k8s.aws/sidecarInjectorWebhook": "appmesh",
}
"""The keys of labels and annotations, and whose they are: the pod's word overrules its namespace's
where both are of one injector."""
_SUFFIXES = ("/inject", "/agent-inject", "/sidecar-inject", "/sidecar-injection")
"""Injectors that are not known by name use the same words."""


def asked_by(pod: Mapping[str, str], namespace: Mapping[str, str]) -> str:
    """The label or annotation that asks for a sidecar; '' where none does.

    Both mappings hold labels and annotations together.
    """
    own = _words(pod)
    for key, on in own.values():
        if on:
            return key
    for injector, (key, on) in _words(namespace).items():
        if on and injector not in own:
            return f"{key} of the namespace"
    return ""


def asks(injector: str, pod: Mapping[str, str], namespace: Mapping[str, str]) -> bool:
    """Whether this injector adds a sidecar: by the pod's own word, else by its namespace's."""
    for found in (pod, namespace):
        said = _words(found).get(injector)
        if said is not None:
            return said[1]
    return False


def _words(found: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
    """By injector: the key that speaks of it, and whether it asks for a sidecar."""
    said: dict[str, tuple[str, bool]] = {}
    for key, value in found.items():
        injector = _KEYS.get(key) or (key if key.endswith(_SUFFIXES) else "")
        if injector:
            on = value.lower() not in _OFF
            # Where one injector is asked for and refused, its refusal counts.
            if injector not in said or not on:
                said[injector] = (key, on)
    return said
