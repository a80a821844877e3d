"""PC725: a Server of Linkerd is about a port that none of the pods declares."""

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.facts import Declares, Fact, State
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes
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
from kubectl_portcheck.rules.pc721_mesh_tls_conflicts import policy_of, unread
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import linkerd_inbound, mesh, ports
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.references import may_select
from kubectl_portcheck.semantics.selectors import nearest


def _check(case: ServiceCase) -> Outcome:
    judged = [p for p in case.pods if linkerd_inbound.has_proxy(case, p)]
    if not judged:
        return NotApplicable("no pod has a proxy of Linkerd")
    lacking = unread(case, kinds.LINKERD)
    if lacking is not None:
        return RULE.lacks(lacking)
    servers = [g for g in case.mesh_policies if g.kind == "Server" and _is_only_here(case, g)]
    found = [f for server in servers if (f := _finding(case, server))]
    return Several(tuple(found)) if found else Passed()


def _is_only_here(case: ServiceCase, server: Guard) -> bool:
    """Whether every pod that the Server selects is one of the Service's.

    Of others it is not known which ports they declare.
    """
    wanted = case.service.spec.selector
    return bool(wanted) and any(
        wanted.items() <= selector.pods.match_labels.items()
        for part in server.parts
        for selector in part.selects
    )


def _finding(case: ServiceCase, server: Guard) -> Finding | None:
    selected = [p for p in case.pods if may_select(server, p)]
    declared = [
        (p.name, p.container_port)
        for pod in selected
        for container, p in ports.declared_ports(pod)
        if p.protocol == "TCP" and container.name not in mesh.CONTAINERS
    ]
    asked = server.port
    if not declared or asked in (None, "") or any(asked in names for names in declared):
        return None
    if _is_of_proxy(asked):
        return None
    subject = policy_of(case, server)
    pod = selected[0]
    facts: list[Fact] = [
        State(subject=subject, state=f"port: {asked}"),
        Declares(
            pod=pod.metadata.name,
            ports=tuple(p for _, p in ports.declared_ports(pod)),
            wanted=asked,
        ),
    ]
    meant = _meant(case, asked, declared)
    # No command: once the Server is about a port, clients that no policy admits are denied there.
    fix = fixes.by_hand(
        f"Set port of Server {subject.name} to {meant}, once policies admit every client of it"
        if meant is not None
        else f"Name a port in Server {subject.name} that its pods declare, once policies admit "
        "every client of it"
    )
    which = "is named" if isinstance(asked, str) else "has the number"
    return RULE.finding(
        case,
        f"Server {subject.name} selects {listing(p.metadata.name for p in selected[:3])}, and no "
        f"port of a container {which} {asked}: the Server is about no port",
        evidence=facts,
        fixes=[fix],
        subject=subject,
        pointer="/spec/port",
    )


def _is_of_proxy(asked: int | str | None) -> bool:
    """Whether the port may be the proxy's own, which files do not show."""
    return asked in mesh.LINKERD.ports or str(asked).startswith("linkerd-")


def _meant(
    case: ServiceCase, asked: int | str | None, declared: list[tuple[str, int]]
) -> int | str | None:
    """The port that was meant, where it is certain enough to be named."""
    if isinstance(asked, str):
        return nearest(asked, (name for name, _ in declared if name))
    here = [p for p in case.service.spec.ports if p.port == asked and p.protocol == "TCP"]
    numbers = {ports.resolve_target_port(p, pod) for p in here for pod in case.pods}
    known = {number for _, number in declared} & numbers
    return known.pop() if len(known) == 1 else None


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers: [{name: app, ports: [{name: http, containerPort: 8080}]}, {name: linkerd-proxy}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"]}}
---
kind: Server
metadata: {name: checkout}
spec: {podSelector: SELECTOR, port: PORT, accessPolicy: all-authenticated}
"""
_OWN = "{matchLabels: {app: checkout}}"

RULE = Rule(
    code="PC725",
    name="linkerd-server-port-missing",
    severity="warning",
    summary="A Server of Linkerd is about a port that none of its pods declares",
    applies=(When.PODS,),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(Need.MESH_POLICIES,),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="A Server of Linkerd (policy.linkerd.io) names one port of the pods that it "
        "selects: the name or number of a container port. No container of these pods declares it. "
        "A number is often the Service's port, where the pod's is meant.",
        why="The Server and the policies that refer to it have no effect on these pods: the port "
        "that was meant has the default policy of the mesh. Where that denies, clients get 403 or "
        "lose the connection; where it allows, the port is less protected than it looks.",
        confirm="kubectl get server.policy.linkerd.io NAME -o yaml, and the ports of the pods; "
        "linkerd diagnostics policy po/POD PORT shows which policy holds.",
        fix="Name a port that the containers declare. A Server that also selects pods of other "
        "Services is not judged.",
    ),
    examples=(
        Example(
            "a misspelt name",
            _SHOP.replace("SELECTOR", _OWN).replace("PORT", "htpp"),
            expects="""
healthy
PC725 warning in Server checkout
  Server checkout selects checkout-1, and no port of a container is named htpp: the Server is
      about no port
  - Server checkout: port: htpp
  - checkout-1: declares http (8080), not htpp
  review: Set port of Server checkout to http, once policies admit every client of it
""",
        ),
        Example(
            "the Service's port",
            _SHOP.replace("SELECTOR", _OWN).replace("PORT", "80"),
            expects="""
healthy
PC725 warning in Server checkout
  Server checkout selects checkout-1, and no port of a container has the number 80: the Server
      is about no port
  - Server checkout: port: 80
  - checkout-1: declares http (8080), not 80
  review: Set port of Server checkout to 8080, once policies admit every client of it
""",
        ),
        Example(
            "the name of a container port",
            _SHOP.replace("SELECTOR", _OWN).replace("PORT", "http"),
            expects="healthy",
        ),
        Example(
            "the Server selects other pods too, which may declare the port",
            _SHOP.replace("SELECTOR", "{}").replace("PORT", "admin"),
            expects="healthy",
        ),
        Example(
            "the port of the proxy itself",
            _SHOP.replace("SELECTOR", _OWN).replace("PORT", "linkerd-admin"),
            expects="healthy",
        ),
    ),
    check_service=_check,
)
