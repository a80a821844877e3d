"""What the rules about a client's pod (``--from``) have in common."""

from kubectl_portcheck.model.evidence import InCluster
from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.semantics import seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.seat import Seen

SHOP = """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
---
"""
"""What the examples of these rules have in common: a Service that serves."""
HEADLESS = SHOP.replace("clusterIP: 10.96.0.10", "clusterIP: None").replace("80,", "8080,")
"""The same without an address of its own."""
NOT_ASKED = "--from did not look up the name"
PATCHED = ("Deployment", "StatefulSet", "DaemonSet")
_SERVERS = {
    "answered": "answers",
    "no-such-name": "has no such name",
    "server-failure": "answers with an error",
    "timeout": "does not answer",
    "refused": "refuses",
    "unknown": "unclear",
}


def pod_of(client: InCluster) -> Subject:
    """The client's pod."""
    return Subject(kind="Pod", namespace=client.namespace, name=client.pod)


def kind_of(policy: NetworkPolicy | Guard) -> str:
    """The kind of a policy."""
    return "NetworkPolicy" if isinstance(policy, NetworkPolicy) else policy.kind


def settings(found: Seen) -> Fact:
    """What the resolver of the pod is set to."""
    given = found.dns.resolver
    search = " ".join(given.search) or "none"
    servers = " ".join(given.nameservers) or "none"
    text = f"/etc/resolv.conf: nameserver {servers}; search {search}; ndots {given.ndots}"
    return Observation(text=text, subject=pod_of(found.client))


def lookup(found: Seen) -> Fact:
    """What the lookup of the name came to."""
    looked = found.dns.lookup
    words = {
        "answered": f"{looked.name} is {', '.join(looked.addresses)}",
        "no-such-name": f"{looked.name} does not exist",
        "no-answer": f"no answer for {looked.name}",
        "unknown": f"no address for {looked.name}",
    }
    text = f"{looked.tool}: {words[looked.outcome]}"
    return Observation(text=text, subject=pod_of(found.client))


def servers(found: Seen) -> list[Fact]:
    """What each nameserver said when it was asked for the Service's full name."""
    return [
        Observation(
            text=f"nameserver {a.server} by {a.protocol}: {_SERVERS[a.outcome]}"
            + (f" {', '.join(a.addresses)}" if a.addresses else ""),
            subject=pod_of(found.client),
        )
        for a in found.dns.answers
    ]


def with_policy(case: ServiceCase, client: InCluster, wanted: str) -> Fix:
    """Sets the dnsPolicy of the workload that made the pod; by hand where none is known."""
    owner = seat.owner_of(client)
    source = f"spec:\n  template:\n    spec:\n      dnsPolicy: {wanted}\n"
    given = client.client.pod.spec.dns_policy if client.client else ""
    if owner is None or owner.kind not in PATCHED or not given:
        return fixes.by_hand(
            f"Set dnsPolicy to {wanted} where pod {client.pod} is made, and make it again; a pod's "
            "dnsPolicy cannot be changed",
            f"spec:\n  dnsPolicy: {wanted}\n",
        )
    return fixes.patch(
        case,
        owner,
        fixes.replace("/spec/template/spec/dnsPolicy", given, wanted),
        title=f"Set dnsPolicy to {wanted} in {owner.kind} {owner.name} (its pods are replaced)",
        safety="review",
        source=source,
    )


def program_of(client: InCluster) -> str:
    """Where the client's own settings are: ``Deployment web``, ``pod client``."""
    owner = seat.owner_of(client)
    return f"{owner.kind} {owner.name}" if owner else f"pod {client.pod}"
