"""PC607: the DNS server of the client does not answer, or answers with an error (--from)."""

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.report import FAULTY, Impact
from kubectl_portcheck.rules import fixes
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
from kubectl_portcheck.semantics.seat import Seen


def _check(case: ServiceCase) -> Outcome:
    found = seat.seen(case)
    if found is None:
        return NotApplicable(shared.NOT_ASKED)
    if isinstance(found, Missing):
        return RULE.lacks(found)
    if found.kind == "unclear":
        looked = found.dns.lookup
        return RULE.lacks(
            f"from pod/{found.client.pod}: {looked.tool} gives no address for {looked.name}, and "
            "does not say why"
        )
    if found.kind != "no-answer":
        return Passed()
    return RULE.finding(
        case,
        f"DNS fails in pod/{found.client.pod}: {_what(found)}{_why(case)}",
        evidence=[
            *_server(case, found),
            *shared.servers(found),
            shared.lookup(found),
            shared.settings(found),
        ],
        fixes=_fixes(case, found),
        impact=Impact.PATH,
        subject=shared.pod_of(found.client),
    )


def _what(found: Seen) -> str:
    """What the nameservers do, in words."""
    asked = seat.by_protocol(found.dns, "UDP")
    servers = " and ".join(dict.fromkeys(a.server for a in asked))
    servers = servers or " and ".join(found.dns.resolver.nameservers)
    if not servers:
        return "its /etc/resolv.conf names no nameserver"
    several = " and " in servers
    who = f"nameservers {servers}" if several else f"nameserver {servers}"
    outcomes = {a.outcome for a in asked}
    if outcomes == {"server-failure"}:
        return f"{who} {'answer' if several else 'answers'} with an error"
    if outcomes == {"refused"}:
        return f"{who} {'refuse' if several else 'refuses'} the query"
    return f"{who} {'do' if several else 'does'} not answer"


def _why(case: ServiceCase) -> str:
    """What is wrong with the DNS Service itself, where that is known."""
    report = case.dns_server
    if report is None or report.verdict not in FAULTY:
        return ""
    return f"; Service {report.name} in {report.namespace} is {report.verdict}"


def _server(case: ServiceCase, found: Seen) -> list[Fact]:
    """What the walk to the DNS Service came to."""
    report, server = case.dns_server, found.client.dns_server
    if report is not None:
        cause = next((f for f in report.findings if f.cause), None)
        code = f" ({cause.code})" if cause else ""
        subject = Subject(kind="Service", namespace=report.namespace, name=report.name)
        return [Observation(text=f"{report.verdict}: {report.headline}{code}", subject=subject)]
    if isinstance(server, Missing) and server.detail:
        return [Observation(text=server.detail)]
    return []


def _fixes(case: ServiceCase, found: Seen) -> list[Fix]:
    report, server = case.dns_server, found.client.dns_server
    if report is not None and report.verdict in FAULTY:
        leading = next((f for f in report.findings if f.cause and f.fixes), None)
        return list(leading.fixes) if leading else []
    if isinstance(server, Missing) and server.reason == Reason.NOT_FOUND:
        if seat.policy(found.client) == "None":
            return [shared.with_policy(case, found.client, "ClusterFirst")]
        return [
            fixes.by_hand(
                "Set the address of the cluster's DNS Service as clusterDNS of the kubelet, or as "
                "nameserver in the pod's dnsConfig"
            )
        ]
    return [
        fixes.look(
            case,
            *("get", "deployments,pods", "-l", "k8s-app=kube-dns"),
            title="Check the cluster's DNS pods, and the NetworkPolicies between them and the "
            "client",
            namespace="kube-system",
        )
    ]


RULE = Rule(
    code="PC607",
    name="dns-server-fails",
    severity="error",
    summary="The DNS server of a client does not answer, or answers with an error (--from)",
    needs=(),
    uses=(Need.SLICES, Need.IN_CLUSTER),
    about_absent=True,
    deciding=True,
    explanation=Explanation(
        meaning="--from looks up the Service's name inside the client's pod, and asks each "
        "nameserver of the pod's /etc/resolv.conf itself. None of them gave an answer that can be "
        "used: they time out, refuse, or answer with SERVFAIL.",
        why="Without DNS the client never learns the Service's address. It reports 'temporary "
        "failure in name resolution', 'i/o timeout' or 'server misbehaving'. Connections that "
        "exist, and clients that use the IP address, still work.",
        confirm="kubectl exec POD -- nslookup kubernetes.default; kubectl get pods,endpointslices "
        "-n kube-system -l k8s-app=kube-dns.",
        fix="Fix the cluster's DNS Service: the report walks it where it can be found. Allow "
        "port 53, UDP and TCP, from the client to the DNS pods in the egress NetworkPolicies.",
    ),
    examples=(
        Example(
            "the nameserver does not answer",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2],
      search: [web.svc.cluster.local, svc.cluster.local, cluster.local],
      ndots: 5}}
    lookup: {{name: checkout.default, tool: getent, outcome: no-answer}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: nslookup, outcome: timeout}}
    - {{server: 10.96.0.2, protocol: TCP, tool: nc, outcome: timeout}}
""",
            expects="""
degraded
PC607 error for path in Pod web
  DNS fails in pod/web: nameserver 10.96.0.2 does not answer
  - web: nameserver 10.96.0.2 by UDP: does not answer
  - web: nameserver 10.96.0.2 by TCP: does not answer
  - web: getent: no answer for checkout.default
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search web.svc.cluster.local svc.cluster.local
      cluster.local; ndots 5
  review: Check the cluster's DNS pods, and the NetworkPolicies between them and the client
    look: kubectl get deployments,pods -l k8s-app=kube-dns -n kube-system
""",
        ),
        Example(
            "the nameserver answers with an error",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2],
      search: [web.svc.cluster.local, svc.cluster.local, cluster.local],
      ndots: 5}}
    lookup: {{name: checkout.default, tool: python3, outcome: no-answer}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3, outcome: server-failure}}
""",
            expects="""
degraded
PC607 error for path in Pod web
  DNS fails in pod/web: nameserver 10.96.0.2 answers with an error
  - web: nameserver 10.96.0.2 by UDP: answers with an error
  - web: python3: no answer for checkout.default
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search web.svc.cluster.local svc.cluster.local
      cluster.local; ndots 5
  review: Check the cluster's DNS pods, and the NetworkPolicies between them and the client
    look: kubectl get deployments,pods -l k8s-app=kube-dns -n kube-system
""",
        ),
        Example(
            "the tool does not say why there is no address",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2],
      search: [web.svc.cluster.local, svc.cluster.local, cluster.local],
      ndots: 5}}
    lookup: {{name: checkout.default, tool: getent, outcome: unknown}}
""",
            expects="""
inconclusive
not evaluated: from pod/web: getent gives no address for checkout.default, and does not say why
""",
        ),
        Example(
            "the name leads to the cluster IP",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2],
      search: [web.svc.cluster.local, svc.cluster.local, cluster.local],
      ndots: 5}}
    lookup: {{name: checkout.default, tool: python3, outcome: answered, addresses: [10.96.0.10]}}
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
    follows_from=("PC610",),
)
