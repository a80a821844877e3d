"""PC206: the Service's port is UDP and the socket is TCP, or the reverse."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import ContainerPort
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
    impact_of,
)
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    found = case.in_state("other-protocol")
    if not found:
        return Passed()
    wrong, right = case.port.protocol, found[0].answer.listeners[0].protocol
    numbers = listing(sorted({s.target for s in found if s.target is not None}))
    return RULE.finding(
        case,
        f"The Service sends {wrong} to {numbers}, but {share(found, case.backends)} "
        f"{verb(found, 'listens', 'listen')} there for {right}",
        evidence=[evidence.at(s, f"by {right}, not by {wrong}") for s in found],
        fixes=_fixes(case, found, right),
        impact=impact_of(found, case),
        pods=names(found),
    )


def _fixes(case: Case, found: Sequence[PodState], right: str) -> list[Fix]:
    app = fixes.by_hand(
        f"Make the application listen on {found[0].target} for {case.port.protocol}, if clients "
        f"speak {case.port.protocol}"
    )
    taken = any(p.port == case.port.port and p.protocol == right for p in case.service.spec.ports)
    if taken or len(found) < len(case.backends):
        return [app]
    base = f"/spec/ports/{case.service.spec.ports.index(case.port)}"
    operations = [
        fixes.test(f"{base}/port", case.port.port),
        *fixes.replace(f"{base}/protocol", case.port.protocol, right),
    ]
    declared = [_declared(s, right) for s in found]
    named = isinstance(case.target, str)
    if named and not all(p and p.name == case.target for p in declared):
        # The name is declared for the old protocol, so it would no longer resolve.
        operations += fixes.replace(f"{base}/targetPort", case.target, found[0].target)
    agreed = all(declared) and not named
    change = fixes.patch(
        case,
        case.subject,
        operations,
        title=f"Set the protocol of the Service port to {right}"
        + (", as the containers declare" if agreed else f", if clients speak {right}"),
        safety="safe" if agreed else "review",
        source=f"spec:\n  ports:\n  - port: {case.port.port}\n    protocol: {right}\n",
    )
    return [change, app]


def _declared(state: PodState, protocol: str) -> ContainerPort | None:
    """The container port that is declared for what the socket speaks."""
    return next(
        (
            p
            for _, p in ports.declared_ports(state.pod)
            if p.container_port == state.target and p.protocol == protocol
        ),
        None,
    )


RULE = Rule(
    code="PC206",
    name="protocol-mismatch",
    severity="error",
    summary="The Service's port is UDP and the socket is TCP, or the reverse",
    applies=(When.SELECTOR, When.NOT_SCTP),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.HINT,
    of_containers=True,
    field=("ports", "#", "protocol"),
    explanation=Explanation(
        meaning="The port number is right and the protocol is wrong. If a Service port or a "
        "container port has no protocol, it is TCP.",
        why="TCP and UDP ports with the same number are different ports. A TCP client of a UDP "
        "socket is refused. A UDP client of a TCP socket gets no answer.",
        confirm="kubectl exec POD -- netstat -tuln: the line says udp where the Service says TCP.",
        fix="Set protocol in the Service (and in the container port) to the protocol that the "
        "application uses, or change the application to the protocol that its clients use.",
    ),
    examples=(
        Example(
            "a DNS server behind a Service without a protocol",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 53, targetPort: 5353}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 5353, protocol: UDP}]}]}
---
probes: {checkout-1: {sockets: ["udp 0.0.0.0:5353"], port-forward: {5353: refused}}}
""",
            expects="""
broken; also PC501
PC206 error for all in Service checkout, port 53/TCP
  The Service sends TCP to 5353, but the pod listens there for UDP
  pods: checkout-1
  - checkout-1: listens on 0.0.0.0:5353/UDP; by UDP, not by TCP
  safe: Set the protocol of the Service port to UDP, as the containers declare
    replace /spec/ports/0/protocol UDP in Service checkout
  review: Make the application listen on 5353 for TCP, if clients speak TCP
""",
        ),
        Example(
            "both protocols on one number",
            """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["udp 0.0.0.0:53", "0.0.0.0:53"]}}
""",
            expects="healthy",
        ),
        Example(
            "an SCTP port, whose sockets cannot be read",
            """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports: [{port: 38412, protocol: SCTP}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:38412"]}}
""",
            expects="inconclusive",
        ),
        Example(
            "the name is declared for the protocol that the pod listens for",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 53, targetPort: dns}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: dns, containerPort: 53}]}]}
---
probes: {checkout-1: {sockets: ["udp 0.0.0.0:53"]}}
""",
            expects="""
broken; also PC501
PC206 error for all in Service checkout, port 53/TCP
  The Service sends TCP to 53, but the pod listens there for UDP
  pods: checkout-1
  - checkout-1: listens on 0.0.0.0:53/UDP; by UDP, not by TCP
  review: Set the protocol of the Service port to UDP, if clients speak UDP
    replace /spec/ports/0/protocol UDP in Service checkout
    replace /spec/ports/0/targetPort 53 in Service checkout
  review: Make the application listen on 53 for TCP, if clients speak TCP
""",
        ),
    ),
    check=_check,
    follows_from=("PC102",),
)
