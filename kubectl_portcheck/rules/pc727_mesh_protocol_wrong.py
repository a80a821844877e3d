"""PC727: a mesh takes a port for another protocol than the one that is spoken there."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix, Subject
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
from kubectl_portcheck.rules.pc721_mesh_tls_conflicts import unread
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import (
    linkerd_inbound,
    linkerd_opaque,
    probes,
    server_first,
    sidecar,
)
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.protocol_selection import (
    ASSUMED_TCP,
    Declared,
    by_istio,
    by_linkerd,
)

_HTTP = ("http", "grpc")


class _Wrong(NamedTuple):
    """A port of a pod that speaks otherwise than the mesh takes it."""

    state: PodState
    mesh: str
    declared: Declared | None
    """None where the mesh looks into the connection."""
    spoken: str
    by: str
    """What says so."""


def _check(case: Case) -> Outcome:
    istio = [s for s in case.backends if s.target and sidecar.judges(s.pod, s.target)]
    linkerd = [
        s for s in case.backends if s.target and linkerd_inbound.judges(case, s.pod, s.target)
    ]
    if not istio and not linkerd:
        return NotApplicable("no pod is part of a mesh")
    lacking = unread(case, kinds.LINKERD) if linkerd else None
    if lacking is not None:
        return RULE.lacks(lacking)
    found = [w for s in istio if (w := _in_istio(case, s))]
    found += [w for s in linkerd if (w := _in_linkerd(case, s))]
    alike: dict[tuple[str, Declared | None, str], list[_Wrong]] = {}
    for wrong in found:
        alike.setdefault((wrong.mesh, wrong.declared, wrong.spoken), []).append(wrong)
    together = len({_word(w) for w in found}) == 1
    several = [_finding(case, those, together=together) for those in alike.values()]
    return Several(tuple(several)) if several else Passed()


def _finding(case: Case, alike: Sequence[_Wrong], *, together: bool) -> Finding:
    """One finding for the pods that speak the same; together: no others need another word."""
    first, states = alike[0], [w.state for w in alike]
    numbers = listing(sorted({s.target for s in states if s.target is not None}))
    where = f"{numbers} of {share(states, case.backends)}"
    if first.spoken == "gRPC":
        summary = f"gRPC is spoken on {where}, and port {case.port.port} is declared TCP"
    elif first.declared is None:
        summary = (
            f"{first.spoken} is spoken on {where}, where the server speaks first, and port "
            f"{case.port.port} does not declare TCP: {first.mesh} waits for the client"
        )
    else:
        kind = "gRPC" if first.declared.family == "grpc" else "HTTP"
        summary = (
            f"{first.spoken} is spoken on {where}, and port {case.port.port} is declared "
            f"{kind} for {first.mesh}"
        )
    certain = first.declared is not None and first.spoken != "gRPC"
    return RULE.finding(
        case,
        summary,
        evidence=_facts(case, first),
        fixes=[_fix(case, alike, together=together)],
        pods=names(states),
        severity="info" if first.spoken == "gRPC" else "warning",
        unsure=UNSEEN if certain else "",
    )


OTHER_READERS = "other proxies read appProtocol too, such as those of an Ingress or a Gateway"
UNSEEN = "what a client in the mesh meets was not seen: nothing is sent to pods behind a proxy"


def _in_istio(case: Case, state: PodState) -> _Wrong | None:
    declared = by_istio(case.port)
    target = state.target or 0
    # What the Service port says of itself is what is judged, so it is no evidence for HTTP.
    leading = () if declared is not None and declared.family in _HTTP else (case.port,)
    first = server_first.found(state.pod, target, leading)
    if first is not None and declared is None:
        assumed = {case.port.port, target} & ASSUMED_TCP
        return None if assumed else _Wrong(state, "Istio", None, first.protocol, first.by)
    if declared is None:
        return None
    if first is not None and declared.family in _HTTP:
        return _Wrong(state, "Istio", declared, first.protocol, first.by)
    if declared.family in _HTTP and _probed(state, "HTTPS"):
        return _Wrong(state, "Istio", declared, "TLS", "the scheme HTTPS of its readiness probe")
    if declared.family == "tcp" and _probed(state, "grpc"):
        return _Wrong(state, "Istio", declared, "gRPC", "its gRPC readiness probe")
    return None


def _in_linkerd(case: Case, state: PodState) -> _Wrong | None:
    target = state.target or 0
    declared = by_linkerd(
        linkerd_opaque.declared(case, state.pod),
        linkerd_opaque.by_server(case, state.pod, target),
    )
    if declared is None:
        return None
    first = server_first.found(state.pod, target)
    if first is not None:
        return _Wrong(state, "Linkerd", declared, first.protocol, first.by)
    return None


def _probed(state: PodState, way: str) -> bool:
    """Whether a readiness probe of the port, which the pod passes, speaks this."""
    return any(
        check.kind == "readiness"
        and check.number == state.target
        and (check.way == way or check.scheme == way)
        for check in probes.checks(state.pod)
    )


def _facts(case: Case, wrong: _Wrong) -> list[Fact]:
    pod = Subject(kind="Pod", namespace=case.namespace, name=wrong.state.name)
    said = wrong.declared.by if wrong.declared else "neither its name nor appProtocol declares one"
    return [
        State(subject=pod, state=f"speaks {wrong.spoken} on {wrong.state.target}, by {wrong.by}"),
        State(subject=case.subject, state=f"port {case.port.port}: {said}"),
    ]


def _word(wrong: _Wrong) -> str:
    """The ``appProtocol`` that is right."""
    if wrong.spoken == "gRPC":
        return "grpc"
    if wrong.mesh == "Linkerd":
        return "linkerd.io/opaque"
    return "https" if wrong.spoken == "TLS" else "tcp"


def _fix(case: Case, alike: Sequence[_Wrong], *, together: bool) -> Fix:
    wrong = alike[0]
    if wrong.declared is not None and wrong.declared.in_server:
        return fixes.by_hand("Set proxyProtocol: opaque in the Server of the port")
    word = _word(wrong)
    if not together:
        return fixes.by_hand(
            f"Make a separate Service for {listing(names(w.state for w in alike))}, with "
            f"appProtocol {word}: the pods behind port {case.port.port} speak different protocols"
        )
    title = f"Set appProtocol of port {case.port.port} to {word}"
    if wrong.spoken == "gRPC":  # Clients are served: a change could only make it worse.
        return fixes.by_hand(f"{title}, where its requests have to be balanced")
    base = f"/spec/ports/{case.service.spec.ports.index(case.port)}"
    if case.port.app_protocol:
        change = fixes.replace(f"{base}/appProtocol", case.port.app_protocol, word)
    else:
        change = [fixes.add(f"{base}/appProtocol", word)]
    fix = fixes.patch(
        case,
        case.subject,
        [fixes.test(f"{base}/port", case.port.port), *change],
        title=title,
        safety="review",
        source=f"spec:\n  ports:\n  - port: {case.port.port}\n    appProtocol: {word}\n",
    )
    return msgspec.structs.replace(fix, unpredicted=OTHER_READERS)


_SHOP = """
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{PORT port: 3307, targetPort: 3308}]}
---
kind: Pod
metadata: {name: db-0, labels: {app: db}}
spec: {containers: [{name: db, ports: [{name: NAME, containerPort: 3308}]PROBE}, {name: PROXY}]}
---
probes: {db-0: {sockets: ["0.0.0.0:3308 db"]}}
"""


def _shop(port: str, name: str = "mysql", probe: str = "", proxy: str = "istio-proxy") -> str:
    filled = _SHOP.replace("PORT", port).replace("NAME", name)
    return filled.replace("PROBE", probe).replace("PROXY", proxy)


_GRPC = ", readinessProbe: {grpc: {port: 3308}}"
_HTTPS = ", readinessProbe: {httpGet: {port: 3308, scheme: HTTPS}}"

RULE = Rule(
    code="PC727",
    name="mesh-protocol-wrong",
    severity="warning",
    summary="A mesh takes a port for another protocol than the one that is spoken there",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="Istio takes a port for what its appProtocol says, or its name before the first "
        "dash; Linkerd for what appProtocol says (since 2.18), or proxyProtocol of a Server. "
        "Something certain says that the pods speak otherwise: the name of the container port, an "
        "image on its usual port, the scheme of a readiness probe that passes. Without a proxy of "
        "a mesh the declaration has no such effect, and nothing is claimed.",
        why="On a port declared HTTP the proxy waits for a request. MySQL, SMTP, NATS and others "
        "speak first, so client and server wait for each other. TLS on a port declared HTTP is "
        "sent to the application in plain text, or refused as no HTTP. Where nothing is declared, "
        "Istio looks into the connection, and waits in the same way. gRPC on a port declared TCP "
        "works; its connections are balanced, not its requests.",
        confirm="istioctl proxy-config listeners POD --port PORT shows the filter of the port; the "
        "proxy's access log shows protocol errors (DPE) or time-outs.",
        fix="Declare the protocol with appProtocol, which counts more than the name.",
    ),
    examples=(
        Example(
            "MySQL on a port declared HTTP",
            _shop("name: http-db,"),
            expects="""
inconclusive
not evaluated: what a client in the mesh meets was not seen: nothing is sent to pods behind a
    proxy
PC727 warning in Service db, port 3307/TCP
  MySQL is spoken on 3308 of the pod, and port 3307 is declared HTTP for Istio
  pods: db-0
  unsure: what a client in the mesh meets was not seen: nothing is sent to pods behind a proxy
  - db-0: speaks MySQL on 3308, by the container port's name mysql
  - Service db: port 3307: the name http-db
  review: Set appProtocol of port 3307 to tcp
    add /spec/ports/0/appProtocol tcp in Service db
""",
        ),
        Example(
            "MySQL on a port of which nothing is declared",
            _shop("name: db,"),
            expects="""
healthy
PC727 warning in Service db, port 3307/TCP
  MySQL is spoken on 3308 of the pod, where the server speaks first, and port 3307 does not
      declare TCP: Istio waits for the client
  pods: db-0
  - db-0: speaks MySQL on 3308, by the container port's name mysql
  - Service db: port 3307: neither its name nor appProtocol declares one
  review: Set appProtocol of port 3307 to tcp
    add /spec/ports/0/appProtocol tcp in Service db
""",
        ),
        Example("MySQL on a port declared TCP", _shop("name: tcp-db,"), expects="healthy"),
        Example(
            "TLS on a port declared HTTP",
            _shop("name: http,", "web", _HTTPS),
            expects="""
inconclusive
not evaluated: what a client in the mesh meets was not seen: nothing is sent to pods behind a
    proxy
PC727 warning in Service db, port 3307/TCP
  TLS is spoken on 3308 of the pod, and port 3307 is declared HTTP for Istio
  pods: db-0
  unsure: what a client in the mesh meets was not seen: nothing is sent to pods behind a proxy
  - db-0: speaks TLS on 3308, by the scheme HTTPS of its readiness probe
  - Service db: port 3307: the name http
  review: Set appProtocol of port 3307 to https
    add /spec/ports/0/appProtocol https in Service db
""",
        ),
        Example(
            "gRPC on a port declared TCP",
            _shop("name: tcp,", "api", _GRPC),
            expects="""
healthy
PC727 info in Service db, port 3307/TCP
  gRPC is spoken on 3308 of the pod, and port 3307 is declared TCP
  pods: db-0
  - db-0: speaks gRPC on 3308, by its gRPC readiness probe
  - Service db: port 3307: the name tcp
  review: Set appProtocol of port 3307 to grpc, where its requests have to be balanced
""",
        ),
        Example(
            "gRPC on a port of which nothing is declared",
            _shop("name: api,", "api", _GRPC),
            expects="healthy",
        ),
        Example(
            "NATS on a port declared HTTP for Linkerd",
            _shop("appProtocol: http,", "nats", proxy="linkerd-proxy"),
            expects="""
inconclusive
not evaluated: what a client in the mesh meets was not seen: nothing is sent to pods behind a
    proxy
PC727 warning in Service db, port 3307/TCP
  NATS is spoken on 3308 of the pod, and port 3307 is declared HTTP for Linkerd
  pods: db-0
  unsure: what a client in the mesh meets was not seen: nothing is sent to pods behind a proxy
  - db-0: speaks NATS on 3308, by the container port's name nats
  - Service db: port 3307: appProtocol http
  review: Set appProtocol of port 3307 to linkerd.io/opaque
    replace /spec/ports/0/appProtocol linkerd.io/opaque in Service db
""",
        ),
        Example(
            "no mesh: a name declares nothing",
            _shop("name: http-db,", proxy="exporter"),
            expects="healthy",
        ),
    ),
    check=_check,
)
