"""PC204: the application does not listen for the Service's address family."""

from collections.abc import Mapping, Sequence

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.model.share import share_of
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    impact_of,
)
from kubectl_portcheck.rules.pc203_pod_ip_only_listener import not_reached
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics import listening
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    wholly = [
        *case.in_state("other-family"),
        *(s for s in case.in_state("other-address") if _on_own_address(s) and not not_reached(s)),
    ]
    if wholly:
        return _finding(case, dict.fromkeys(case.families or ("IPv4",), wholly), wholly)
    if len(case.families) < 2:
        return Passed()
    serving = case.in_state("serves")
    unread = [s for s in serving if not s.answer.listeners]
    by_family = {f: hit for f in case.families if (hit := _refusing(serving, f))}
    if by_family:
        return _finding(case, by_family, ())
    if unread:
        return RULE.lacks(
            f"which of {listing(case.families)} the listener accepts is not known",
            share_of(unread, case.backends),
        )
    return Passed()


def _on_own_address(state: PodState) -> bool:
    """Whether a socket is bound to an address that the pod has, of a family not the Service's."""
    own = {listening.canonical(a) for a in listening.addresses_of(state.pod, ())}
    return any(s.address in own for s in state.answer.listeners)


def _refusing(serving: Sequence[PodState], family: str) -> list[PodState]:
    """The pods that serve, have an address of the family, and refuse clients there."""
    return [
        s
        for s in serving
        if s.answer.listeners
        and listening.addresses_of(s.pod, (family,))
        and not listening.accepting(s.pod, s.answer.listeners, families=(family,))
    ]


def _finding(
    case: Case, by_family: Mapping[str, Sequence[PodState]], wholly: Sequence[PodState]
) -> Outcome:
    """About pods that refuse every family of the Service, or one path of a dual-stack one."""
    found = list({s.name: s for hit in by_family.values() for s in hit}.values())
    refused = listing(by_family)
    taken = sorted(
        {"IPv6" if x.family == "IPv6" else "IPv4" for s in found for x in s.answer.listeners}
    )
    path = "" if wholly else f"; clients that use {listing(taken)} are served"
    return RULE.finding(
        case,
        capital(f"{share(found, case.backends)} {verb(found, 'does', 'do')} not accept {refused} ")
        + f"connections on {listing(sorted({s.target for s in found if s.target is not None}))}, "
        f"but the Service has an {refused} address{path}",
        evidence=[
            evidence.at(
                s, f"accepts {listing(sorted({x.family for x in s.answer.listeners}))} only"
            )
            for s in found
        ],
        fixes=_fixes(case, found, list(by_family), bool(wholly)),
        impact=impact_of(found, case) if wholly else Impact.PATH,
        pods=names(found),
    )


def _fixes(
    case: Case, found: Sequence[PodState], refused: Sequence[str], wholly: bool
) -> list[Fix]:
    port = found[0].target
    app = fixes.by_hand(
        f"Make the application listen on [::]:{port} without IPV6_V6ONLY, for both families"
    )
    if wholly or list(case.families[1:]) != list(refused):
        return [app]
    return [
        app,
        fixes.patch(
            case,
            case.subject,
            [
                fixes.test("/spec/ipFamilies", list(case.families)),
                fixes.add("/spec/ipFamilyPolicy", "SingleStack"),
            ],
            title=f"Remove the Service's {listing(refused)} address; clients that use it lose it",
            safety="review",
            source="spec:\n  ipFamilyPolicy: SingleStack\n",
        ),
    ]


RULE = Rule(
    code="PC204",
    name="address-family-mismatch",
    severity="error",
    summary="The application does not listen for the Service's address family",
    applies=(When.SELECTOR,),
    needs=(Need.PODS,),
    uses=(
        Need.SLICES,
        Need.SOCKETS,
        Need.ATTEMPTS,
        Need.POLICIES,
        Need.IN_CLUSTER,
        Need.GUARDS,
    ),
    explanation=Explanation(
        meaning="The Service has IPv4 or IPv6 addresses, or both, and the application listens for "
        "the other family only. A socket on 0.0.0.0 accepts IPv4; an IPv6-only socket accepts "
        "IPv6.",
        why="kube-proxy sends a client to the pod's address of the client's family. Nothing "
        "listens there for that family, so the connection is refused. On a dual-stack Service one "
        "family fails and the other works.",
        confirm="Compare kubectl get service NAME -o jsonpath='{.spec.ipFamilies}' with the "
        "listening address: ss shows *:PORT for both families, [::]:PORT for IPv6 only.",
        fix="Make the application listen on [::] for both families. Or give the Service the "
        "family that the application accepts; the first family of a Service cannot be changed "
        "later.",
    ),
    examples=(
        Example(
            "an IPv6-only listener behind an IPv4 Service",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv4]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["[::]:8080 v6only"]}}
""",
            expects="""
broken; also PC501
PC204 error for all in Service checkout, port 80/TCP
  The pod does not accept IPv4 connections on 8080, but the Service has an IPv4 address
  pods: checkout-1
  - checkout-1: listens on [::]:8080 (v6only); accepts IPv6 only
  review: Make the application listen on [::]:8080 without IPV6_V6ONLY, for both families
""",
        ),
        Example(
            "a dual-stack Service, and the application accepts IPv4 only",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv4, IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
degraded
PC204 error for path in Service checkout, port 80/TCP
  The pod does not accept IPv6 connections on 8080, but the Service has an IPv6 address; clients
      that use IPv4 are served
  pods: checkout-1
  - checkout-1: listens on 0.0.0.0:8080; accepts IPv4 only
  review: Make the application listen on [::]:8080 without IPV6_V6ONLY, for both families
  review: Remove the Service's IPv6 address; clients that use it lose it
    add /spec/ipFamilyPolicy SingleStack in Service checkout
""",
        ),
        Example(
            "the kernel's table does not show IPV6_V6ONLY; that IPv4 is refused does",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv4, IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
probes: {checkout-1: {sockets: ["[::]:8080 unsure"], port-forward: {8080: refused}}}
""",
            expects="""
degraded
PC204 error for path in Service checkout, port 80/TCP
  The pod does not accept IPv4 connections on 8080, but the Service has an IPv4 address; clients
      that use IPv6 are served
  pods: checkout-1
  - checkout-1: listens on [::]:8080; accepts IPv6 only
  review: Make the application listen on [::]:8080 without IPV6_V6ONLY, for both families
""",
        ),
        Example(
            "the pod's IPv4 address refuses where the port-forward gets in by IPv6",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv4, IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
probes:
  checkout-1:
    sockets: ["[::]:8080 unsure"]
    port-forward: {8080: accepted}
    pod-proxy: {8080: refused}
""",
            expects="""
degraded
PC204 error for path in Service checkout, port 80/TCP
  The pod does not accept IPv4 connections on 8080, but the Service has an IPv4 address; clients
      that use IPv6 are served
  pods: checkout-1
  - checkout-1: listens on [::]:8080; accepts IPv6 only
  review: Make the application listen on [::]:8080 without IPV6_V6ONLY, for both families
""",
        ),
        Example(
            "a dual-stack Service and a listener for both families",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv6, IPv4]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
probes: {checkout-1: {sockets: ["[::]:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "pods of a dual-stack Service that have IPv4 addresses only get no IPv6 clients",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv4, IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "an IPv6 Service and an IPv4 listener: port-forward and pod proxy work, clients are "
            "refused",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: accepted}
    pod-proxy: {8080: accepted}
""",
            expects="""
broken; also PC501
PC204 error for all in Service checkout, port 80/TCP
  The pod does not accept IPv6 connections on 8080, but the Service has an IPv6 address
  pods: checkout-1
  - checkout-1: listens on 0.0.0.0:8080; accepts IPv4 only
  review: Make the application listen on [::]:8080 without IPV6_V6ONLY, for both families
""",
        ),
        Example(
            "an IPv6 Service and listener: no client uses the pod's IPv4 address, which refuses",
            """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
probes:
  checkout-1:
    sockets: ["[::]:8080 v6only"]
    port-forward: {8080: accepted}
    pod-proxy: {8080: refused}
""",
            expects="healthy",
        ),
    ),
    check=_check,
    deciding=True,
)
