"""PC723: the client of --from is not in the mesh, and the pods take only mutual TLS of it."""

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Fact, State
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
    When,
)
from kubectl_portcheck.rules.pc721_mesh_tls_conflicts import policy_of, unread
from kubectl_portcheck.rules.wording import names, share
from kubectl_portcheck.semantics import istio_inbound, mesh
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    known = case.in_cluster
    client = None if isinstance(known, Missing) else known.value.client
    if client is None or mesh.ISTIO in mesh.of_pod(client.pod):
        return NotApplicable("no client outside of the mesh is known")
    judged = [s for s in case.backends if s.target and istio_inbound.enforces(s.pod, s.target)]
    if not judged:
        return NotApplicable("no pod has a sidecar of Istio or is in ambient mode")
    lacking = unread(case)
    if lacking is not None:
        return RULE.lacks(lacking)
    modes = {s.name: istio_inbound.mode(case, s.pod, s.target or 0) for s in judged}
    strict = [s for s in judged if modes[s.name].name == "STRICT"]
    if not strict:
        return Passed()
    facts: list[Fact] = []
    policy = modes[strict[0].name].by
    if policy is not None:
        state = f"sets mode STRICT for {strict[0].target}"
        facts.append(State(subject=policy_of(case, policy), state=state))
    name = client.pod.metadata.name
    proxy = "ztunnel" if istio_inbound.in_ambient(strict[0].pod) else "sidecar"
    return RULE.finding(
        case,
        f"pod/{name} is not in the mesh, and the {proxy} of {share(strict, case.backends)} accepts "
        f"only mutual TLS of the mesh on {strict[0].target}",
        evidence=facts,
        fixes=[
            fixes.by_hand(
                f"Add pod/{name} to the mesh, or set mode PERMISSIVE for {strict[0].target} in a "
                "PeerAuthentication that selects these pods, under portLevelMtls"
            )
        ],
        pods=names(strict),
        subject=policy_of(case, policy) if policy else None,
        unsure=istio_inbound.UNSEEN,
    )


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {containers: [{name: web}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], in-cluster: {8080: accepted}}}
---
from: {pod: web-1, tool: nc, service: {80: accepted}}
---
kind: PeerAuthentication
metadata: {name: checkout}
spec: {selector: {matchLabels: {app: checkout}}, mtls: {mode: STRICT}PORTS}
"""

RULE = Rule(
    code="PC723",
    name="client-outside-mesh",
    severity="warning",
    summary="The client is not in the mesh, and the pods take only mutual TLS of Istio (--from)",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.IN_CLUSTER, Need.MESH_POLICIES),
    explanation=Explanation(
        meaning="A PeerAuthentication with the mode STRICT makes the pods' sidecars, or ztunnel "
        "in ambient mode, refuse what is not mutual TLS of the mesh. The pod of --from is not in "
        "the mesh, so it speaks plain text.",
        why="The proxy accepts the connection and resets it as soon as the client sends "
        "something: an accepted connection proves nothing here. Probes of the kubelet and "
        "clients in the mesh are served.",
        confirm="kubectl exec CLIENT -- curl http://SERVICE ends with connection reset by peer.",
        fix="Add the client to the mesh (a namespace label, or sidecar.istio.io/inject), or let "
        "the port take plain text as well.",
    ),
    examples=(
        Example(
            "the connection is accepted, and a request would be reset",
            _SHOP.replace("PORTS", ""),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC723 warning in PeerAuthentication checkout, port 80/TCP
  pod/web-1 is not in the mesh, and the sidecar of the pod accepts only mutual TLS of the mesh
      on 8080
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - PeerAuthentication checkout: sets mode STRICT for 8080
  review: Add pod/web-1 to the mesh, or set mode PERMISSIVE for 8080 in a PeerAuthentication
      that selects these pods, under portLevelMtls
""",
        ),
        Example(
            "the pods are in ambient mode",
            _SHOP.replace("PORTS", "")
            .replace(", {name: istio-proxy}", "")
            .replace(
                "labels: {app: checkout}}\nspec: {containers",
                "labels: {app: checkout}, annotations: {ambient.istio.io/redirection: enabled}}\n"
                "spec: {containers",
            ),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC723 warning in PeerAuthentication checkout, port 80/TCP
  pod/web-1 is not in the mesh, and the ztunnel of the pod accepts only mutual TLS of the mesh
      on 8080
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - PeerAuthentication checkout: sets mode STRICT for 8080
  review: Add pod/web-1 to the mesh, or set mode PERMISSIVE for 8080 in a PeerAuthentication
      that selects these pods, under portLevelMtls
""",
        ),
        Example(
            "the port takes plain text as well",
            _SHOP.replace("PORTS", ', portLevelMtls: {"8080": {mode: PERMISSIVE}}'),
            expects="healthy",
        ),
    ),
    check=_check,
)
