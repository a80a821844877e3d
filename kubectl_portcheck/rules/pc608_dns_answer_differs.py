"""PC608: DNS leads the client to another address than the Service's (--from)."""

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes, missing_name
from kubectl_portcheck.rules import seat as shared
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
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.seat import Seen


def _check(case: ServiceCase) -> Outcome:
    found = seat.seen(case)
    if found is None:
        return NotApplicable(shared.NOT_ASKED)
    if isinstance(found, Missing):
        return RULE.lacks(found)
    if found.kind not in ("differs", "alias"):
        return Passed()
    if case.evidence.absence is not None:
        return _of_missing_service(case, found)
    right = sorted(seat.rightful(case))
    what = "its pods are" if case.service.headless else "the Service is"
    return RULE.finding(
        case,
        f"In pod/{found.client.pod} the name {found.dns.lookup.name} leads to "
        f"{listing(found.wrong)}; {what} at {listing(right)}",
        evidence=[
            *_source(found),
            shared.lookup(found),
            *shared.servers(found),
            shared.settings(found),
        ],
        fixes=[_fix(found)],
        impact=Impact.PATH,
        subject=shared.pod_of(found.client),
    )


def _of_missing_service(case: ServiceCase, found: Seen) -> Outcome:
    """There is no such Service, and the name exists: it may be right, of a host outside."""
    return RULE.finding(
        case,
        f"In pod/{found.client.pod} the name {found.dns.lookup.name} leads to "
        f"{listing(found.wrong)}, though {missing_name.why(case)}",
        evidence=[*_source(found), shared.lookup(found), *shared.servers(found)],
        fixes=missing_name.renamed(case, found) or [_fix(found)],
        severity="warning",
        subject=shared.pod_of(found.client),
    )


def _source(found: Seen) -> list[Fact]:
    """Where the wrong address comes from, where that is known."""
    if found.kind == "alias":
        text = f"hostAliases gives {found.dns.lookup.name} the address {listing(found.wrong)}"
        return [Observation(text=text, subject=shared.pod_of(found.client))]
    said = {a for s in found.dns.answers for a in s.addresses}
    if said and not said & set(found.wrong):
        text = "the nameserver gives another address: /etc/hosts or the program's resolver decides"
        return [Observation(text=text, subject=shared.pod_of(found.client))]
    return []


def _fix(found: Seen) -> Fix:
    where = shared.program_of(found.client)
    if found.kind == "alias":
        name = found.dns.lookup.name
        return fixes.by_hand(f"Remove {name} from hostAliases in the pod template of {where}")
    return fixes.by_hand(
        "Find out who gives the other address: /etc/hosts of the image, a search domain that "
        "answers every name, or a nameserver that is not this cluster's"
    )


RULE = Rule(
    code="PC608",
    name="dns-answer-differs",
    severity="error",
    summary="DNS leads a client to another address than the Service's (--from)",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.IN_CLUSTER,),
    needs=(),
    uses=(Need.SLICES, Need.IN_CLUSTER, Need.CALLS),
    about_absent=True,
    denies_name=True,
    explanation=Explanation(
        meaning="--from looks up the Service's name inside the client's pod. The answer is not the "
        "Service's cluster IP, or for a headless Service none of its pods' addresses.",
        why="The client connects to something else: an old address, an entry of hostAliases or "
        "/etc/hosts, or a server outside the cluster of the same name.",
        confirm="kubectl exec POD -- getent hosts NAME; kubectl exec POD -- cat /etc/hosts; "
        "kubectl get service NAME -o wide.",
        fix="Remove the entry that overrides DNS, or use the Service's full name.",
    ),
    examples=(
        Example(
            "hostAliases override the name",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: ClusterFirst,
    hostAliases: [{{ip: 10.1.2.3, hostnames: [checkout.default]}}]}}
  dns:
    resolver: {{nameservers: [10.96.0.2],
      search: [web.svc.cluster.local, svc.cluster.local, cluster.local],
      ndots: 5}}
    lookup: {{name: checkout.default, tool: getent, outcome: answered, addresses: [10.1.2.3]}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3,
      outcome: answered, addresses: [10.96.0.10]}}
""",
            expects="""
degraded
PC608 error for path in Pod web
  In pod/web the name checkout.default leads to 10.1.2.3; the Service is at 10.96.0.10
  - web: hostAliases gives checkout.default the address 10.1.2.3
  - web: getent: checkout.default is 10.1.2.3
  - web: nameserver 10.96.0.2 by UDP: answers 10.96.0.10
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search web.svc.cluster.local svc.cluster.local
      cluster.local; ndots 5
  review: Remove checkout.default from hostAliases in the pod template of Deployment web
""",
        ),
        Example(
            "the name leads to an address that the Service does not have",
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
    lookup: {{name: checkout.default, tool: python3, outcome: answered, addresses: [192.0.2.7]}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3, outcome: answered, addresses: [192.0.2.7]}}
""",
            expects="""
degraded
PC608 error for path in Pod web
  In pod/web the name checkout.default leads to 192.0.2.7; the Service is at 10.96.0.10
  - web: python3: checkout.default is 192.0.2.7
  - web: nameserver 10.96.0.2 by UDP: answers 192.0.2.7
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search web.svc.cluster.local svc.cluster.local
      cluster.local; ndots 5
  review: Find out who gives the other address: /etc/hosts of the image, a search domain that
      answers every name, or a nameserver that is not this cluster's
""",
        ),
        Example(
            "there is no such Service, and the name leads to a host outside: a warning only",
            """
kind: Service
metadata: {name: checkout, namespace: shop}
---
absent: {}
---
from:
  pod: web
  namespace: web
  tool: bash
  client: {dnsPolicy: ClusterFirst}
  dns:
    resolver: {nameservers: [10.96.0.2], search: [svc.cluster.local], ndots: 5}
    lookup: {name: checkout.shop, tool: python3, outcome: answered, addresses: [203.0.113.7]}
    answers:
    - {server: 10.96.0.2, protocol: UDP, tool: python3, outcome: no-such-name}
""",
            expects="""
inconclusive
PC608 warning in Pod web
  In pod/web the name checkout.shop leads to 203.0.113.7, though namespace shop has no Service
      checkout
  - web: python3: checkout.shop is 203.0.113.7
  - web: nameserver 10.96.0.2 by UDP: has no such name
  review: Find out who gives the other address: /etc/hosts of the image, a search domain that
      answers every name, or a nameserver that is not this cluster's
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
    check_service=_check,
)
