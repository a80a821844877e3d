"""The Service that a workload lacks: what it would be, and how kubectl makes it.

``kubectl expose`` takes Deployments, ReplicaSets, ReplicationControllers, Pods and Services, and
no StatefulSet or DaemonSet; it cannot name a single port. ``kubectl create service clusterip NAME``
makes a Service that selects ``app: NAME``, for TCP only. (kubectl ``pkg/cmd/expose``,
``pkg/cmd/create/create_service.go``, ``polymorphichelpers/canbeexposed.go``)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kubectl_portcheck.json_text import json_of
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.objects import ContainerPort, Pod, Workload
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.ports import declared_ports
from kubectl_portcheck.semantics.selectors import as_query, closeness

EXPOSABLE = ("Deployment", "ReplicaSet", "ReplicationController")
NAMING = ("app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/instance")
"""The labels by which a workload says what it is, the clearest first."""
PASSING = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")
"""Labels that are other ones with each revision."""
LABEL = regex(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
"""What a Service's name must be (RFC 1035)."""
ALIKE = 0.8
"""From which resemblance on a name may be meant by another one."""


class Wanted(NamedTuple):
    """What is known of a Service that does not exist, from what names it."""

    name: str
    ports: tuple[int | str, ...] = ()
    """The Service ports that are named, by number or by name; none where none is."""
    headless: bool = False


class Exposure(NamedTuple):
    """A Service that does not exist yet."""

    words: tuple[str, ...]
    """The arguments of the kubectl command that makes it, without the namespace; empty where only
    the manifest does."""
    manifest: str
    """The Service, as YAML."""
    ports: tuple[tuple[int, int], ...]
    """Its ports, each with the port of the pods to which it leads."""


class _Port(NamedTuple):
    number: int
    """Of the Service."""
    name: str
    target: int
    protocol: str


def exposed(workload: Workload, wanted: Wanted) -> Exposure | None:
    """The Service of that name before the workload's pods.

    None where no port is known: the pods declare none that fits, and a guess would serve no
    client. None, too, where no Service can have the name.
    """
    found = _ports(workload, wanted)
    labels = selector(workload)
    if found is None or not labels or not (found or wanted.headless):
        return None
    if not LABEL.fullmatch(wanted.name):
        return None
    if wanted.headless and any(p.number != p.target for p in found):
        return None  # A headless Service translates nothing.
    return Exposure(
        words=_words(workload, wanted, labels, found),
        manifest=_manifest(wanted, labels, found),
        ports=tuple((p.number, p.target) for p in found),
    )


def selector(workload: Workload) -> dict[str, str]:
    """The labels by which a Service would select the workload's pods; none where it has none."""
    own = workload.spec.selector
    if own and own.match_labels:
        return dict(own.match_labels)
    labels = workload.spec.template.metadata.labels
    return {k: v for k, v in labels.items() if k not in PASSING}


def meant_by(wanted: Wanted, workloads: Iterable[Workload]) -> tuple[Workload, ...]:
    """The workloads that a missing Service may be meant for, the likeliest first.

    By their names and labels; what only declares the port is one of many, and is not among them.
    """
    scored = [(_likeness(wanted, w), w) for w in workloads]
    near = [(score, w) for score, w in scored if score >= ALIKE]
    best = max((score for score, _ in near), default=0)
    near = [(score, w) for score, w in near if score == best or best < 1]
    near.sort(key=lambda pair: (-pair[0], pair[1].kind, pair[1].metadata.name))
    return tuple(w for _, w in near)


def _likeness(wanted: Wanted, workload: Workload) -> float:
    labels = workload.spec.template.metadata.labels
    names = [workload.metadata.name, *(labels[k] for k in NAMING if k in labels)]
    return max(closeness(wanted.name, name) for name in names)


def _ports(workload: Workload, wanted: Wanted) -> list[_Port] | None:
    """The ports of the Service; None where one that is wanted leads nowhere that is known."""
    pod = Pod(metadata=workload.spec.template.metadata, spec=workload.spec.template.spec)
    declared = list({p.container_port: p for _, p in declared_ports(pod)}.values())
    if not wanted.ports:
        one = len(declared) == 1
        return [
            _Port(p.container_port, "" if one else p.name or f"p{p.container_port}", *_target(p))
            for p in declared
        ]
    found = []
    for port in dict.fromkeys(wanted.ports):
        target = _declared_for(port, declared, only=len(wanted.ports) == 1)
        if target is None:
            return None
        number = port if isinstance(port, int) else target.container_port
        name = port if isinstance(port, str) else ""
        if len(wanted.ports) > 1 and not name:
            name = target.name or f"p{number}"
        found.append(_Port(number, name, *_target(target)))
    return found


def _target(port: ContainerPort) -> tuple[int, str]:
    return port.container_port, port.protocol


def _declared_for(
    port: int | str, declared: Sequence[ContainerPort], *, only: bool
) -> ContainerPort | None:
    """The declared port that a Service port is meant for: its own number or name, or the only."""
    same = [p for p in declared if port in (p.container_port, p.name)]
    if same or not only:
        return next(iter(same), None)
    tcp = [p for p in declared if p.protocol == "TCP"]
    return tcp[0] if len(tcp) == 1 else None


def _words(
    workload: Workload, wanted: Wanted, labels: Mapping[str, str], ports: Sequence[_Port]
) -> tuple[str, ...]:
    if any(p.name for p in ports):  # Each of several has one.
        return ()
    if workload.kind in EXPOSABLE:
        return _expose(workload, wanted, labels, ports)
    if labels != {"app": wanted.name} or any(p.protocol != "TCP" for p in ports):
        return ()
    leads = [f"--tcp={p.number}:{p.target}" for p in ports]
    headless = ["--clusterip=None"] if wanted.headless else []
    return ("create", "service", "clusterip", wanted.name, *leads, *headless)


def _expose(
    workload: Workload, wanted: Wanted, labels: Mapping[str, str], ports: Sequence[_Port]
) -> tuple[str, ...]:
    if not ports:
        return ()
    port = ports[0]
    own = workload.spec.selector
    simple = own is not None and own.match_labels and not own.match_expressions
    chosen = as_query(labels)
    kind = kinds.BY_NAME[workload.kind]
    return (
        "expose",
        f"{kind.short or kind.plural}/{workload.metadata.name}",
        *([f"--name={wanted.name}"] if wanted.name != workload.metadata.name else []),
        f"--port={port.number}",
        *([f"--target-port={port.target}"] if port.target != port.number else []),
        *([f"--protocol={port.protocol}"] if port.protocol != "TCP" else []),
        *([] if simple else [f"--selector={chosen}"]),
        *(["--cluster-ip=None"] if wanted.headless else []),
    )


def _manifest(wanted: Wanted, labels: Mapping[str, str], ports: Sequence[_Port]) -> str:
    rows = ["apiVersion: v1", "kind: Service", "metadata:", f"  name: {_text(wanted.name)}"]
    rows += ["spec:", *(["  clusterIP: None"] if wanted.headless else []), "  selector:"]
    rows += [f"    {_text(k)}: {_text(v)}" for k, v in sorted(labels.items())]
    rows += ["  ports:"] if ports else []
    for port in ports:
        rows.append(f"  - port: {port.number}")
        rows += [f"    name: {_text(port.name)}"] if port.name else []
        rows.append(f"    targetPort: {port.target}")
        rows += [f"    protocol: {port.protocol}"] if port.protocol != "TCP" else []
    return "\n".join(rows) + "\n"


def _text(word: str) -> str:
    """The word as a YAML string: quoted where it could be read as anything else."""
    plain = word[:1].isalpha() and all(c.isalnum() or c in "-_./" for c in word)
    # What YAML 1.1 reads as a boolean or as nothing.
    odd = word.lower() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    return word if plain and word.isascii() and not odd else json_of(word)
