"""What a container waits for, read from the kubelet's own message.

Sources: Kubernetes ``pkg/kubelet/kuberuntime`` (``makeEnvironmentVariables``, security context) and
``pkg/volume/{configmap,secret}``; every form but those marked was seen on 1.36.
"""

import re
from typing import Literal, NamedTuple

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import events
from kubectl_portcheck.semantics.case import ServiceCase

LONGEST = 4096
"""Characters of a message that are read; the API server allows longer ones in a status."""

Kind = Literal["ConfigMap", "Secret"]

_NAME = r"[-.a-z0-9]{1,253}"
_KEY = r"[-._a-zA-Z0-9]{1,253}"
_KINDS: dict[str, Kind] = {"configmap": "ConfigMap", "secret": "Secret"}

_NOT_FOUND = regex(rf'\b(configmap|secret)s? "({_NAME})" not found', re.IGNORECASE)
_NO_KEY = regex(
    rf"couldn't find key ({_KEY}) in (ConfigMap|Secret) {_NAME}/({_NAME})", re.IGNORECASE
)
_NO_KEY_IN_VOLUME = regex(rf"references non-existent (config|secret) key: ({_KEY})", re.IGNORECASE)
_VOLUME = regex(r'for volume "([^"]{1,253})"')
_AS_ROOT = (
    "container has runAsNonRoot and image will run as root",
    "container's runAsUser breaks non-root policy",
    "container has runAsNonRoot and image has non-numeric user",
)


class Unmet(NamedTuple):
    """A ConfigMap or Secret that is not there, or a key that it does not have."""

    kind: Kind
    name: str
    """Empty where the message names only the volume."""
    key: str = ""
    """The key that is missing; empty where the whole object is."""
    volume: str = ""
    """The volume of the pod that needs it; empty for an environment variable."""


def reference(message: str) -> Unmet | None:
    """The object or key that the kubelet says does not exist; None where it says something else.

    A message that an object is *not registered* is left out: the kubelet has not seen it yet, and
    it may well be there.
    """
    text = message[:LONGEST]
    mounted = _VOLUME.search(text)
    volume = mounted[1] if mounted else ""
    if found := _NO_KEY.search(text):
        return Unmet(_KINDS[found[2].lower()], found[3], found[1], volume)
    if found := _NO_KEY_IN_VOLUME.search(text):
        kind: Kind = "ConfigMap" if found[1].lower() == "config" else "Secret"
        return Unmet(kind, "", found[2], volume)
    if found := _NOT_FOUND.search(text):
        return Unmet(_KINDS[found[1].lower()], found[2], "", volume)
    return None


def needs_another_user(message: str) -> bool:
    """Whether the container would run as root, or as a user whose number is not known, against
    its own ``runAsNonRoot``."""
    return message.startswith(_AS_ROOT)


class Waiting(NamedTuple):
    """A container that cannot start because of something that is missing."""

    container: str
    """Empty where a volume is missing, which all containers of the pod wait for."""
    unmet: Unmet
    words: str
    """The kubelet's own."""


def waiting(case: ServiceCase, pod: Pod) -> tuple[Waiting, ...]:
    """What the pod waits for, each thing once: by its containers' states, then by its events."""
    found: dict[Unmet, Waiting] = {}
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    for status in statuses:
        message = status.state.waiting.message if status.state.waiting else ""
        lacking = reference(message)
        if lacking is not None:
            found.setdefault(lacking, Waiting(status.name, lacking, message))
    if not found and not any(s.state.running or s.started for s in statuses):
        # An event outlives its reason, so it counts only while nothing of the pod has started.
        for event in events.about(case, "Pod", pod.metadata.name):
            lacking = reference(event.message) if event.reason == "FailedMount" else None
            if lacking is not None:
                whole = _with_name(lacking, pod)
                found.setdefault(whole, Waiting("", whole, " ".join(event.message.split())))
    return tuple(found.values())


def _with_name(lacking: Unmet, pod: Pod) -> Unmet:
    """The object's name, where the message has only the volume's."""
    volume = next((v for v in pod.spec.volumes if v.name == lacking.volume), None)
    if lacking.name or volume is None:
        return lacking
    source = volume.config_map.name if volume.config_map else ""
    name = source or (volume.secret.secret_name if volume.secret else "")
    return lacking._replace(name=name)
