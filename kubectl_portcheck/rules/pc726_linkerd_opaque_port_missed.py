"""PC726: an annotation of Linkerd lists another port than the one that it has to list."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes, narrowing
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.pc721_mesh_tls_conflicts import unread
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import linkerd_inbound, linkerd_opaque, ports, server_first
from kubectl_portcheck.semantics.annotations import LINKERD_OPAQUE, LINKERD_PORTS
from kubectl_portcheck.semantics.case import Case, PodState


class _Miss(NamedTuple):
    """A port that an annotation does not list, though it is meant."""

    annotation: str
    of_service: bool
    """Whether the Service has the annotation; else the pod."""
    listed: int | None
    """The port that stands in its place; None where that is not known."""
    meant: int


class _Missed(NamedTuple):
    """What is missed for a pod."""

    miss: _Miss
    state: PodState
    owner: Subject
    """What has the annotation: the Service, or what made the pod."""
    speaks: server_first.ServerFirst | None = None


def _check(case: Case) -> Outcome:
    judged = [s for s in case.backends if s.target and linkerd_inbound.has_proxy(case, s.pod)]
    if not judged:
        return NotApplicable("no pod has a proxy of Linkerd")
    lacking = unread(case, kinds.LINKERD)
    if lacking is not None:
        return RULE.lacks(lacking)
    alike: dict[tuple[_Miss, Subject | None], list[_Missed]] = {}
    for missed in (m for s in judged for m in _missed(case, s)):
        owner = None if missed.owner.kind == "Pod" else missed.owner
        alike.setdefault((missed.miss, owner), []).append(missed)
    return Several(tuple(_finding(case, m) for m in alike.values())) if alike else Passed()


def _finding(case: Case, alike: Sequence[_Missed]) -> Finding:
    """One finding for the pods that miss the same by the same owner."""
    first, states = alike[0], [m.state for m in alike]
    miss, owner = first.miss, first.owner
    whose = "the Service" if miss.of_service else share(states, case.backends)
    if miss.listed is not None:
        other = "the pods' port" if miss.of_service else "the Service's port"
        summary = (
            f"{miss.annotation} of {whose} lists {miss.listed}, {other}, where {miss.meant} is "
            "meant"
        )
    else:
        summary = f"{miss.annotation} of {whose} does not list {miss.meant}"
    if first.speaks is not None:
        summary = f"{summary}; {first.speaks.protocol} is spoken there, and the server speaks first"
    return RULE.finding(
        case,
        summary,
        evidence=_facts(case, first),
        fixes=[fixes.by_hand(f"Add {miss.meant} to {miss.annotation} of {_named(owner, alike)}")],
        pods=names(states),
    )


def _missed(case: Case, state: PodState) -> Iterator[_Missed]:
    """The ports that are missing in annotations about the pod's target port."""
    pod, target, port = state.pod, state.target or 0, case.port.port
    own = pod.metadata.annotations
    itself = Subject(kind="Pod", namespace=case.namespace, name=state.name)
    made_by = narrowing.workload_of(case, pod) or itself
    declared = {p.container_port for _, p in ports.declared_ports(pod)}
    swapped = port != target and port not in declared
    skipped = [linkerd_opaque.lists(own, LINKERD_PORTS, n) for n in (port, target)]
    if swapped and skipped == [True, False]:
        yield _Missed(_Miss(LINKERD_PORTS, False, port, target), state, made_by)
    if linkerd_opaque.by_service(case, pod) or linkerd_opaque.by_pod(pod, target):
        return
    if linkerd_opaque.by_server(case, pod, target):
        return  # It decides in the annotations' place.
    speaks = server_first.found(pod, target, (case.port,))
    if swapped and linkerd_opaque.lists(own, LINKERD_OPAQUE, port):
        yield _Missed(_Miss(LINKERD_OPAQUE, False, port, target), state, made_by, speaks)
    elif speaks is not None and linkerd_opaque.lists(own, LINKERD_OPAQUE, target) is False:
        yield _Missed(_Miss(LINKERD_OPAQUE, False, None, target), state, made_by, speaks)
    if linkerd_opaque.declared(case, pod):
        return  # It counts before the Service's annotation.
    of_service = case.service.metadata.annotations
    others = {p.port for p in case.service.spec.ports}
    if target not in others and linkerd_opaque.lists(of_service, LINKERD_OPAQUE, target):
        yield _Missed(_Miss(LINKERD_OPAQUE, True, target, port), state, case.subject, speaks)


def _named(owner: Subject, alike: Sequence[_Missed]) -> str:
    """Where the annotation is to be changed."""
    if owner.kind == "Pod":
        named = listing(m.state.name for m in alike)
        return f"Pod {named}" if len(alike) == 1 else f"pods {named}"
    what = f"{owner.kind} {owner.name}"
    return what if owner.kind == "Service" else f"the pod template of {what}"


def _facts(case: Case, missed: _Missed) -> list[Fact]:
    metadata = case.service.metadata if missed.miss.of_service else missed.state.pod.metadata
    key = missed.miss.annotation
    facts: list[Fact] = [
        State(subject=missed.owner, state=f"{key}: {metadata.annotations.get(key, '')}")
    ]
    if missed.speaks is not None:
        pod = Subject(kind="Pod", namespace=case.namespace, name=missed.state.name)
        facts.append(State(subject=pod, state=f"{missed.speaks.protocol} by {missed.speaks.by}"))
    return facts


_SHOP = """
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{name: sql, port: 3307, targetPort: 3308}]}
---
kind: Pod
metadata:
  name: db-0
  labels: {app: db}
  annotations: {config.linkerd.io/KEY: "PORTS"}
  ownerReferences: [{kind: ReplicaSet, name: db-5d9, controller: true}]
spec:
  containers: [{name: db, ports: [{name: NAME, containerPort: 3308}]}, {name: linkerd-proxy}]
---
probes: {db-0: {sockets: ["0.0.0.0:3308 db"]}}
---
kind: ReplicaSet
metadata:
  name: db-5d9
  ownerReferences: [{kind: Deployment, name: db, controller: true}]
"""


def _shop(ports_: str, key: str = "opaque-ports", name: str = "mysql") -> str:
    return _SHOP.replace("KEY", key).replace("PORTS", ports_).replace("NAME", name)


RULE = Rule(
    code="PC726",
    name="linkerd-opaque-port-missed",
    severity="warning",
    summary="An annotation of Linkerd lists another port than the one that it has to list",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(
        *(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES),
        Need.REPLICA_SETS,
    ),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="config.linkerd.io/opaque-ports and skip-inbound-ports of a pod list the pod's "
        "own ports, opaque-ports of a Service the Service's. Here the number of the other one is "
        "listed, or the list has no longer the port on which a protocol is spoken in which the "
        "server speaks first (MySQL, SMTP, NATS...). The annotation replaces the list of the "
        "installation.",
        why="On a port that is not opaque Linkerd's proxies wait up to 10 seconds for the client's "
        "first bytes, to find HTTP. Where the server speaks first, the client waits as well: "
        "every connection is that late, and clients with a shorter time-out fail.",
        confirm="The proxy logs protocol detection timed out after 10s. linkerd diagnostics "
        "policy po/POD PORT shows what it expects on the port.",
        fix="List the pod's port on the pods, and the Service's port on the Service; or set "
        "appProtocol: linkerd.io/opaque, or proxyProtocol: opaque in the Server.",
    ),
    examples=(
        Example(
            "the pods list the Service's port",
            _shop("3307", name="sql"),
            expects="""
healthy
PC726 warning in Service db, port 3307/TCP
  config.linkerd.io/opaque-ports of the pod lists 3307, the Service's port, where 3308 is meant
  pods: db-0
  - Deployment db: config.linkerd.io/opaque-ports: 3307
  review: Add 3308 to config.linkerd.io/opaque-ports of the pod template of Deployment db
""",
        ),
        Example(
            "the pods list the old port of a MySQL server",
            _shop("3306,4444"),
            expects="""
healthy
PC726 warning in Service db, port 3307/TCP
  config.linkerd.io/opaque-ports of the pod does not list 3308; MySQL is spoken there, and the
      server speaks first
  pods: db-0
  - Deployment db: config.linkerd.io/opaque-ports: 3306,4444
  - db-0: MySQL by the container port's name mysql
  review: Add 3308 to config.linkerd.io/opaque-ports of the pod template of Deployment db
""",
        ),
        Example(
            "the pods skip the Service's port",
            _shop("3307", "skip-inbound-ports"),
            expects="""
healthy
PC726 warning in Service db, port 3307/TCP
  config.linkerd.io/skip-inbound-ports of the pod lists 3307, the Service's port, where 3308 is
      meant
  pods: db-0
  - Deployment db: config.linkerd.io/skip-inbound-ports: 3307
  review: Add 3308 to config.linkerd.io/skip-inbound-ports of the pod template of Deployment db
""",
        ),
        Example("the pods list their own port", _shop("3306,3308"), expects="healthy"),
        Example(
            "nothing says that the server speaks first",
            _shop("3306", name="web"),
            expects="healthy",
        ),
        Example(
            "the Service says that the port is opaque",
            _shop("3306").replace("port: 3307,", "port: 3307, appProtocol: linkerd.io/opaque,"),
            expects="healthy",
        ),
    ),
    check=_check,
)
