"""PC609: the client's dnsPolicy asks a nameserver that knows no Service (--from)."""

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import seat as shared
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
)
from kubectl_portcheck.semantics import seat
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    found = seat.seen(case)
    if found is None:
        return NotApplicable(shared.NOT_ASKED)
    if isinstance(found, Missing):
        return RULE.lacks(found)
    if found.kind != "skips":
        return Passed()
    client = found.client.client
    host = client is not None and client.pod.spec.host_network
    given = "ClusterFirst, which with hostNetwork means Default" if host else "Default"
    wanted = "ClusterFirstWithHostNet" if host else "ClusterFirst"
    servers = " and ".join(found.dns.resolver.nameservers) or "no nameserver"
    return RULE.finding(
        case,
        f"pod/{found.client.pod} asks {servers} for {found.dns.lookup.name}, not the cluster's "
        f"DNS: its dnsPolicy is {given}",
        evidence=[
            Observation(
                text="dnsPolicy Default takes the resolver of the node, which knows no Service",
                subject=shared.pod_of(found.client),
            ),
            shared.lookup(found),
            *shared.servers(found),
            shared.settings(found),
        ],
        fixes=[shared.with_policy(case, found.client, wanted)],
        impact=Impact.PATH,
        subject=shared.pod_of(found.client),
    )


RULE = Rule(
    code="PC609",
    name="dns-policy-skips-cluster",
    severity="error",
    summary="The dnsPolicy of a client asks a nameserver that knows no Service (--from)",
    needs=(),
    uses=(Need.SLICES, Need.IN_CLUSTER),
    explanation=Explanation(
        meaning="The client's pod has dnsPolicy Default, or hostNetwork with ClusterFirst, which "
        "then means the same. It asks the node's resolver, and the name was not found there.",
        why="The node's resolver knows the names outside the cluster only. The client gets 'no "
        "such host' for every Service.",
        confirm="kubectl get pod POD -o jsonpath='{.spec.dnsPolicy} {.spec.hostNetwork}'; kubectl "
        "exec POD -- cat /etc/resolv.conf.",
        fix="Set dnsPolicy to ClusterFirst in the pod template, or to ClusterFirstWithHostNet for "
        "a pod with hostNetwork.",
    ),
    examples=(
        Example(
            "the client has dnsPolicy Default",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: Default}}
  dns:
    resolver: {{nameservers: [192.0.2.53], search: [], ndots: 1}}
    lookup: {{name: checkout.default, tool: python3, outcome: no-such-name}}
    answers:
    - {{server: 192.0.2.53, protocol: UDP, tool: python3, outcome: no-such-name}}
""",
            expects="""
degraded
PC609 error for path in Pod web
  pod/web asks 192.0.2.53 for checkout.default, not the cluster's DNS: its dnsPolicy is Default
  - web: dnsPolicy Default takes the resolver of the node, which knows no Service
  - web: python3: checkout.default does not exist
  - web: nameserver 192.0.2.53 by UDP: has no such name
  - web: /etc/resolv.conf: nameserver 192.0.2.53; search none; ndots 1
  review: Set dnsPolicy to ClusterFirst in Deployment web (its pods are replaced)
    replace /spec/template/spec/dnsPolicy ClusterFirst in Deployment web
""",
        ),
        Example(
            "the client uses its node's network with dnsPolicy ClusterFirst",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: ClusterFirst, hostNetwork: true}}
  dns:
    resolver: {{nameservers: [192.0.2.53], search: [], ndots: 1}}
    lookup: {{name: checkout.default, tool: nslookup, outcome: no-such-name}}
    answers:
    - {{server: 192.0.2.53, protocol: UDP, tool: nslookup, outcome: no-such-name}}
""",
            expects="""
degraded
PC609 error for path in Pod web
  pod/web asks 192.0.2.53 for checkout.default, not the cluster's DNS: its dnsPolicy is
      ClusterFirst, which with hostNetwork means Default
  - web: dnsPolicy Default takes the resolver of the node, which knows no Service
  - web: nslookup: checkout.default does not exist
  - web: nameserver 192.0.2.53 by UDP: has no such name
  - web: /etc/resolv.conf: nameserver 192.0.2.53; search none; ndots 1
  review: Set dnsPolicy to ClusterFirstWithHostNet in Deployment web (its pods are replaced)
    replace /spec/template/spec/dnsPolicy ClusterFirstWithHostNet in Deployment web
""",
        ),
        Example(
            "the node's resolver knows the cluster's names",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: Default}}
  dns:
    resolver: {{nameservers: [10.96.0.2], search: [], ndots: 1}}
    lookup: {{name: checkout.default.svc.cluster.local, tool: python3,
      outcome: answered, addresses: [10.96.0.10]}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3,
      outcome: answered, addresses: [10.96.0.10]}}
""",
            expects="healthy",
        ),
        Example(
            "the name of a headless Service leads to its pod",
            f"""{shared.HEADLESS}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{}}
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2], search: [svc.cluster.local], ndots: 5}}
    lookup: {{name: checkout.default, tool: perl, outcome: answered, addresses: [10.0.0.1]}}
""",
            expects="healthy",
        ),
    ),
    clues=(Need.IN_CLUSTER,),
    check_service=_check,
)
