"""PC305: the ports of manual EndpointSlices have other names than the Service's ports."""

from collections.abc import Iterable

from kubectl_portcheck.model.facts import Observation, State
from kubectl_portcheck.model.fixes import Fix, Operation, Subject
from kubectl_portcheck.model.objects import EndpointPort, EndpointSlice
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import Case

MIRRORED = "endpointslicemirroring-controller.k8s.io"
"""Who copies an old Endpoints object into slices, and takes back every change to them."""


def _check(case: Case) -> Outcome:
    if not case.endpoints:
        return NotApplicable("there are no endpoints (PC306)")
    if any(e.port is not None for e in case.endpoints):
        return Passed()
    found = [_label(p) for piece in case.slices for p in piece.ports or ()]
    wanted = f"{case.port.name or 'unnamed'} ({case.port.port}/{case.port.protocol})"
    if case.service.headless:
        return _headless(case, found, wanted)
    return RULE.finding(
        case,
        f"The Service has port {wanted}, but the EndpointSlices have "
        f"{listing(dict.fromkeys(found)) or 'no port'}: names and protocols must be the same",
        evidence=[
            State(
                subject=Subject(
                    kind="EndpointSlice", namespace=case.namespace, name=s.metadata.name
                ),
                state=f"has {listing(map(_label, s.ports or ())) or 'no port'}",
            )
            for s in case.slices
        ],
        fixes=[fix for piece in case.slices for fix in _fixes(case, piece)],
        impact=Impact.ALL,
    )


def _headless(case: Case, found: Iterable[str], wanted: str) -> Finding:
    """Names do not matter to those who ask DNS for addresses."""
    return RULE.finding(
        case,
        f"The Service has port {wanted}, but the EndpointSlices have "
        f"{listing(dict.fromkeys(found)) or 'no port'}: a client that looks up the "
        "port's name does not find it",
        evidence=[
            Observation(text="DNS gives clients the addresses, whatever the ports are called"),
            Observation(
                text="Ingress controllers such as Traefik, and SRV records, go by the name of the "
                "port and find none"
            ),
        ],
        fixes=[fix for piece in case.slices for fix in _fixes(case, piece)],
        severity="warning",
    )


def _label(port: EndpointPort) -> str:
    return f"{port.name or 'unnamed'} ({port.port or 'no number'}/{port.protocol})"


def _fixes(case: Case, piece: EndpointSlice) -> list[Fix]:
    """Renames the one port of the slice that no other port of the Service claims."""
    claimed = {(p.name, p.protocol) for p in case.service.spec.ports}
    free = [p for p in piece.ports or () if ((p.name or ""), p.protocol) not in claimed]
    unclaimed = [p for p in case.service.spec.ports if not _carried(case, p.name)]
    if len(free) != 1:
        return []
    port = free[0]
    if piece.metadata.labels.get("endpointslice.kubernetes.io/managed-by") == MIRRORED:
        return [
            fixes.by_hand(
                f"Name the port {case.port.name or '(no name)'} in the Endpoints object "
                f"{case.name}, from which the slice is copied"
            )
        ]
    base = f"/ports/{(piece.ports or ()).index(port)}"
    operations: list[Operation] = []
    if port.name is not None:
        operations += [fixes.test(f"{base}/name", port.name)]
    operations += [fixes.add(f"{base}/name", case.port.name)]
    if port.protocol != case.port.protocol:
        operations += fixes.replace(f"{base}/protocol", port.protocol, case.port.protocol)
    sure = len(unclaimed) == 1 and port.protocol == case.port.protocol
    sure = sure and not case.service.headless
    subject = Subject(kind="EndpointSlice", namespace=case.namespace, name=piece.metadata.name)
    named = f"Name the port {case.port.name}" if case.port.name else "Remove the port's name"
    return [
        fixes.patch(
            case,
            subject,
            operations,
            title=f"{named} in EndpointSlice {piece.metadata.name}, as in the Service",
            safety="safe" if sure else "review",
        )
    ]


def _carried(case: Case, name: str) -> bool:
    return any((p.name or "") == name for piece in case.slices for p in piece.ports or ())


RULE = Rule(
    code="PC305",
    name="manual-endpoint-port-name-mismatch",
    severity="error",
    summary="The ports of manual EndpointSlices have other names than the Service's ports",
    applies=(When.MANUAL_ENDPOINTS,),
    needs=(Need.SLICES,),
    uses=(Need.PODS,),
    in_files=Worth.PROOF,
    field=("ports", "#", "name"),
    explanation=Explanation(
        meaning="The Service has no selector, so its EndpointSlices are written by hand. A port "
        "of a slice belongs to the Service port with the same name and protocol, and no port of "
        "the slices has them. The number of the targetPort does not matter.",
        why="kube-proxy finds no endpoint for the Service port and refuses connections to it.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml: compare "
        "ports[].name with spec.ports[].name of the Service.",
        fix="Set the name of the slice's port to the name of the Service port. If the Service "
        "port has no name, leave the name in the slice empty.",
    ),
    examples=(
        Example(
            "headless: DNS clients are served, readers of port names are not",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: None, ports: [{name: http, port: 80}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{port: 80}]
""",
            expects="""
inconclusive
PC305 warning in Service checkout, port 80/TCP
  The Service has port http (80/TCP), but the EndpointSlices have unnamed (80/TCP): a client
      that looks up the port's name does not find it
  - DNS gives clients the addresses, whatever the ports are called
  - Ingress controllers such as Traefik, and SRV records, go by the name of the port and find
      none
  review: Name the port http in EndpointSlice checkout-1, as in the Service
    add /ports/0/name http in EndpointSlice checkout-1
""",
        ),
        Example(
            "the slice says pg, the Service postgres",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: postgres, port: 5432}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: pg, port: 5432}]
""",
            expects="""
broken
PC305 error for all in Service checkout, port 5432/TCP
  The Service has port postgres (5432/TCP), but the EndpointSlices have pg (5432/TCP): names and
      protocols must be the same
  - EndpointSlice checkout-1: has pg (5432/TCP)
  review: Name the port postgres in EndpointSlice checkout-1, as in the Service
    add /ports/0/name postgres in EndpointSlice checkout-1
""",
        ),
        Example(
            "the names are the same; the numbers may differ",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: postgres, port: 5432}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: postgres, port: 6432}]
""",
            expects="inconclusive; also PC416",
        ),
        Example(
            "two ports of the Service, and the slice lacks the name of one",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: postgres, port: 5432}, {name: metrics, port: 9187}]}
---
kind: EndpointSlice
metadata:
  name: checkout-1
  labels: {kubernetes.io/service-name: checkout}
endpoints: [{addresses: [192.0.2.7], conditions: {ready: true}}]
ports: [{name: pg, port: 5432, protocol: TCP}, {name: metrics, port: 9187, protocol: TCP}]
""",
            expects="""
broken
PC305 error for all in Service checkout, port 5432/TCP
  The Service has port postgres (5432/TCP), but the EndpointSlices have pg (5432/TCP) and
      metrics (9187/TCP): names and protocols must be the same
  - EndpointSlice checkout-1: has pg (5432/TCP) and metrics (9187/TCP)
  review: Name the port postgres in EndpointSlice checkout-1, as in the Service
    add /ports/0/name postgres in EndpointSlice checkout-1
""",
        ),
        Example(
            "two ports of the Service that the slice does not have: either may be meant",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: postgres, port: 5432}, {name: metrics, port: 9187}]}
---
kind: EndpointSlice
metadata:
  name: checkout-1
  labels: {kubernetes.io/service-name: checkout}
endpoints: [{addresses: [192.0.2.7], conditions: {ready: true}}]
ports: [{name: pg, port: 5432, protocol: TCP}]
""",
            expects="""
broken
PC305 error for all in Service checkout, port 5432/TCP
  The Service has port postgres (5432/TCP), but the EndpointSlices have pg (5432/TCP): names and
      protocols must be the same
  - EndpointSlice checkout-1: has pg (5432/TCP)
  review: Name the port postgres in EndpointSlice checkout-1, as in the Service
    add /ports/0/name postgres in EndpointSlice checkout-1
PC305 error for all in Service checkout, port 9187/TCP
  The Service has port metrics (9187/TCP), but the EndpointSlices have pg (5432/TCP): names and
      protocols must be the same
  - EndpointSlice checkout-1: has pg (5432/TCP)
  review: Name the port metrics in EndpointSlice checkout-1, as in the Service
    add /ports/0/name metrics in EndpointSlice checkout-1
""",
        ),
        Example(
            "another name and another protocol",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: dns, port: 53, protocol: UDP}]}
---
kind: EndpointSlice
metadata:
  name: checkout-1
  labels: {kubernetes.io/service-name: checkout}
endpoints: [{addresses: [192.0.2.7], conditions: {ready: true}}]
ports: [{name: domain, port: 53, protocol: TCP}]
""",
            expects="""
broken
PC305 error for all in Service checkout, port 53/UDP
  The Service has port dns (53/UDP), but the EndpointSlices have domain (53/TCP): names and
      protocols must be the same
  - EndpointSlice checkout-1: has domain (53/TCP)
  review: Name the port dns in EndpointSlice checkout-1, as in the Service
    add /ports/0/name dns in EndpointSlice checkout-1
    replace /ports/0/protocol UDP in EndpointSlice checkout-1
""",
        ),
        Example(
            "the name is right, the protocol is not",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: dns, port: 53, protocol: UDP}]}
---
kind: EndpointSlice
metadata:
  name: checkout-1
  labels: {kubernetes.io/service-name: checkout}
endpoints: [{addresses: [192.0.2.7], conditions: {ready: true}}]
ports: [{name: dns, port: 53, protocol: TCP}]
""",
            expects="""
broken
PC305 error for all in Service checkout, port 53/UDP
  The Service has port dns (53/UDP), but the EndpointSlices have dns (53/TCP): names and
      protocols must be the same
  - EndpointSlice checkout-1: has dns (53/TCP)
  review: Name the port dns in EndpointSlice checkout-1, as in the Service
    add /ports/0/name dns in EndpointSlice checkout-1
    replace /ports/0/protocol UDP in EndpointSlice checkout-1
""",
        ),
        Example(
            "the Service's port has no name, the slice's has one",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{port: 5432}]}
---
kind: EndpointSlice
metadata:
  name: checkout-1
  labels: {kubernetes.io/service-name: checkout}
endpoints: [{addresses: [192.0.2.7], conditions: {ready: true}}]
ports: [{name: pg, port: 5432, protocol: TCP}]
""",
            expects="""
broken
PC305 error for all in Service checkout, port 5432/TCP
  The Service has port unnamed (5432/TCP), but the EndpointSlices have pg (5432/TCP): names and
      protocols must be the same
  - EndpointSlice checkout-1: has pg (5432/TCP)
  review: Remove the port's name in EndpointSlice checkout-1, as in the Service
    add /ports/0/name  in EndpointSlice checkout-1
""",
        ),
        Example(
            "headless: the name differs, and only readers of names notice",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: None, ports: [{name: postgres, port: 5432}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: pg, port: 5432}]
""",
            expects="""
inconclusive
PC305 warning in Service checkout, port 5432/TCP
  The Service has port postgres (5432/TCP), but the EndpointSlices have pg (5432/TCP): a client
      that looks up the port's name does not find it
  - DNS gives clients the addresses, whatever the ports are called
  - Ingress controllers such as Traefik, and SRV records, go by the name of the port and find
      none
  review: Name the port postgres in EndpointSlice checkout-1, as in the Service
    add /ports/0/name postgres in EndpointSlice checkout-1
""",
        ),
    ),
    check=_check,
)
