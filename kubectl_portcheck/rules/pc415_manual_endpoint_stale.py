"""PC415: endpoints that Kubernetes does not write refer to pods that are gone or have moved."""

from collections.abc import Iterator

import msgspec

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import EndpointSlice
from kubectl_portcheck.model.report import Impact
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
)
from kubectl_portcheck.rules.wording import capital, listing, share, verb
from kubectl_portcheck.semantics import endpoints, pods, traffic
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.endpoints import SliceEndpoint


class _Odd(msgspec.Struct, frozen=True):
    """An endpoint that clients are sent to and that is not what it says."""

    at: str
    slice: EndpointSlice
    why: str
    certain: bool
    """Whether nothing can answer there; else the address may belong to another host, on purpose."""


def _check(case: Case) -> Outcome:
    slices = case.written_slices
    foreign = [s for s in slices if not case.selects or endpoints.is_foreign(s, slices)]
    if not foreign:
        return NotApplicable("Kubernetes writes all endpoints")
    if any(traffic.is_new(case, p) or pods.is_terminating(p) for p in case.pods):
        return Passed()
    everyone = {e.endpoint.addresses: e for e in endpoints.used(_ports(case))}
    found = list(_odd(case, foreign))
    if not found:
        return Passed()
    certain = [o for o in found if o.certain]
    return RULE.finding(
        case,
        capital(f"{share(found, everyone, 'endpoint')} {verb(found, 'leads', 'lead')} to no pod: ")
        + listing(o.at for o in found),
        evidence=[
            State(subject=_subject(case, o.slice), state=f"has {o.at}: {o.why}") for o in found
        ],
        fixes=list(_fixes(case, found)),
        severity="error" if certain else "warning",
        impact=_impact(case, certain, len(everyone)),
        unsure=""
        if certain
        else f"{listing(o.at for o in found)} {verb(found, 'is no pod', 'are no pods')} of the "
        "selector, and nothing here can connect there",
    )


def _impact(case: Case, certain: list[_Odd], endpoints_in_use: int) -> Impact:
    if not certain:
        return Impact.NONE
    # The share is not known by pods' names, since these endpoints have none.
    return Impact.ALL if len(certain) == endpoints_in_use else Impact.PATH


def _ports(case: Case) -> tuple[SliceEndpoint, ...]:
    return endpoints.for_port(case.written_slices, case.port)


def _odd(case: Case, foreign: list[EndpointSlice]) -> Iterator[_Odd]:
    """The endpoints in use that refer to pods which do not have their address."""
    known = {p.metadata.name: p for p in (*case.pods, *case.finished_pods)}
    own = {a for p in case.pods for a in (*endpoints.own_addresses(p), p.status.pod_ip)}
    in_use = {e.endpoint for e in endpoints.used(_ports(case))}
    for piece in foreign:
        for one in endpoints.for_port([piece], case.port):
            if one.endpoint not in in_use or set(one.endpoint.addresses) & own:
                continue
            at = f"{', '.join(one.endpoint.addresses)}:{one.port}"
            held = [h for a in one.endpoint.addresses if (h := case.holder(a))]
            if held and all(h.for_pods for h in held):
                why = "it is of the pods' address range, and no pod and no node has it"
                yield _Odd(at, piece, why, certain=True)
                continue
            if one.pod is None:
                if case.selects:
                    yield _Odd(at, piece, "it is no pod of the selector", certain=False)
                continue
            space = one.endpoint.target_ref.namespace if one.endpoint.target_ref else ""
            if space not in ("", case.namespace) or case.missing("pods") is not None:
                continue
            pod = known.get(one.pod)
            if pod is not None:
                why = f"pod {one.pod} has {pod.status.pod_ip or 'no address'}"
                yield _Odd(at, piece, why, certain=True)
            elif not case.selects:
                yield _Odd(at, piece, f"there is no pod {one.pod}", certain=True)


def _fixes(case: Case, found: list[_Odd]) -> Iterator[Fix]:
    pieces = {o.slice.metadata.name: o.slice for o in found}
    for name, piece in pieces.items():
        who = endpoints.writers(piece)
        if case.selects:
            yield fixes.run(
                case,
                *("delete", "endpointslice", name),
                title=f"If nothing needs its addresses: delete EndpointSlice {name}, which "
                f"{who or 'a person'} wrote beside those of Kubernetes",
                subject=_subject(case, piece),
            )
            continue
        yield fixes.by_hand(
            f"Find out why {who} does not update EndpointSlice {name}"
            if who
            else f"Write the present addresses into EndpointSlice {name}, or give the Service a "
            "selector so that Kubernetes keeps its endpoints"
        )


def _subject(case: Case, piece: EndpointSlice) -> Subject:
    return Subject(kind="EndpointSlice", namespace=case.namespace, name=piece.metadata.name)


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
"""

RULE = Rule(
    code="PC415",
    name="manual-endpoint-stale",
    severity="error",
    summary="Endpoints that Kubernetes does not write lead to pods that are gone or have moved",
    applies=(When.NOT_EXTERNAL_NAME, When.NOT_HEADLESS),
    needs=(Need.SLICES,),
    uses=(Need.PODS, Need.HOLDERS),
    explanation=Explanation(
        meaning="A person, an operator or another controller wrote an EndpointSlice of the "
        "Service. It refers to a pod that does not exist or that has another address now. If the "
        "Service has a selector as well, the slice is used beside those of Kubernetes, and an "
        "address that is no pod of the selector is a warning.",
        why="kube-proxy sends clients to every ready address of every slice. Nothing answers at an "
        "address that a pod has left, so that these connections time out, or another pod gets "
        "them.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml beside "
        "kubectl get pods -o wide.",
        fix="Correct the slice where it is written: the controller that the label "
        "endpointslice.kubernetes.io/managed-by names, or the manifest. If pods of this cluster "
        "are meant, give the Service a selector and delete the slice.",
    ),
    examples=(
        Example(
            "the pod was replaced, and the slice has the old one",
            f"""{_SHOP}
kind: EndpointSlice
metadata: {{name: checkout-1, labels: {{kubernetes.io/service-name: checkout}}}}
endpoints: [{{addresses: [10.0.0.7], targetRef: {{kind: Pod, name: checkout-0}}}}]
ports: [{{name: http, port: 8080}}]
""",
            expects="""
broken
PC415 error for all in Service checkout, port 80/TCP
  The endpoint leads to no pod: 10.0.0.7:8080
  - EndpointSlice checkout-1: has 10.0.0.7:8080: there is no pod checkout-0
  review: Write the present addresses into EndpointSlice checkout-1, or give the Service a
      selector so that Kubernetes keeps its endpoints
""",
        ),
        Example(
            "a slice by hand beside that of Kubernetes",
            f"""{_SHOP.replace("{ports", "{selector: {app: checkout}, ports")}
kind: EndpointSlice
metadata:
  name: checkout-a
  labels:
    kubernetes.io/service-name: checkout
    endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io
endpoints: [{{addresses: [10.0.0.1], targetRef: {{kind: Pod, name: checkout-1}}}}]
ports: [{{name: http, port: 8080}}]
---
kind: EndpointSlice
metadata: {{name: checkout-old, labels: {{kubernetes.io/service-name: checkout}}}}
endpoints: [{{addresses: [192.0.2.7]}}]
ports: [{{name: http, port: 8080}}]
---
probes: {{checkout-1: {{sockets: ["0.0.0.0:8080"]}}}}
""",
            expects="""
inconclusive
not evaluated: 192.0.2.7:8080 is no pod of the selector, and nothing here can connect there
PC415 warning in Service checkout, port 80/TCP
  1 of 2 endpoints leads to no pod: 192.0.2.7:8080
  unsure: 192.0.2.7:8080 is no pod of the selector, and nothing here can connect there
  - EndpointSlice checkout-old: has 192.0.2.7:8080: it is no pod of the selector
  review: If nothing needs its addresses: delete EndpointSlice checkout-old, which a person
      wrote beside those of Kubernetes
    kubectl delete endpointslice checkout-old -n default
""",
        ),
        Example(
            "the endpoint is the pod",
            f"""{_SHOP}
kind: EndpointSlice
metadata: {{name: checkout-1, labels: {{kubernetes.io/service-name: checkout}}}}
endpoints: [{{addresses: [10.0.0.1], targetRef: {{kind: Pod, name: checkout-1}}}}]
ports: [{{name: http, port: 8080}}]
---
probes: {{checkout-1: {{sockets: ["0.0.0.0:8080"]}}}}
""",
            expects="healthy",
        ),
    ),
    check=_check,
    deciding=True,
)
