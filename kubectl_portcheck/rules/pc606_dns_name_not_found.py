"""PC606: the name that the client uses does not exist in DNS (--from)."""

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import calls, fixes, missing_name
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
from kubectl_portcheck.semantics import expose, seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.needs import needs_of
from kubectl_portcheck.semantics.seat import Seen


def _check(case: ServiceCase) -> Outcome:
    found = seat.seen(case)
    if found is None:
        return NotApplicable(shared.NOT_ASKED)
    if isinstance(found, Missing):
        return RULE.lacks(found)
    if found.kind != "unknown-name":
        return Passed()
    if case.evidence.absence is not None:
        return _of_missing_service(case, found)
    if case.service.headless and not seat.rightful(case):
        return NotApplicable("a headless Service without endpoints has no name in DNS")
    name = found.dns.lookup.name
    why, fixed = _why(case, found)
    return RULE.finding(
        case,
        f"DNS in pod/{found.client.pod} has no name {name}: {why}",
        evidence=[
            shared.lookup(found),
            shared.settings(found),
            *shared.servers(found),
            *_own(found),
        ],
        fixes=fixed,
        impact=Impact.PATH,
        subject=shared.pod_of(found.client),
    )


def _of_missing_service(case: ServiceCase, found: Seen) -> Outcome:
    """The Service does not exist either: the name is wrong, or nothing else needs the Service."""
    wanted = expose.Wanted(case.name)
    renamed = missing_name.renamed(case, found)
    if not renamed and needs_of(case.evidence):
        return NotApplicable("the Service does not exist, and more than this client needs it")
    return RULE.finding(
        case,
        f"DNS in pod/{found.client.pod} has no name {found.dns.lookup.name}: "
        f"{missing_name.why(case)}",
        evidence=[
            shared.lookup(found),
            *calls.facts(missing_name.named_by_client(case, found)),
            *missing_name.facts(case),
            *_own(found),
        ],
        fixes=renamed
        or missing_name.exposed(case, wanted)
        or [
            fixes.by_hand(
                f"Use the name of a Service that exists in the settings of "
                f"{shared.program_of(found.client)}, or create Service {case.name} in namespace "
                f"{case.namespace}"
            )
        ],
        impact=Impact.ALL,
        subject=shared.pod_of(found.client),
    )


def _own(found: Seen) -> list[Fact]:
    policy = seat.policy(found.client)
    if policy in ("", "ClusterFirst"):
        return []
    return [Observation(text=f"dnsPolicy is {policy}", subject=shared.pod_of(found.client))]


def _why(case: ServiceCase, found: Seen) -> tuple[str, list[Fix]]:
    """Why the name does not exist though the Service does, and what to do."""
    name, client = found.dns.lookup.name.rstrip("."), found.client
    domain, given = seat.domain_of(found.dns), seat.asked_domain(name)
    whole = f"{case.name}.{case.namespace}.svc.{domain}"
    if given and given != domain:
        return f"the cluster's domain is {domain}, not {given}", [_rename(found, whole)]
    if "." not in name and client.namespace != case.namespace:
        right = f"{case.name}.{case.namespace}"
        why = f"the Service is in namespace {case.namespace}, the pod in {client.namespace}"
        return why, [_rename(found, right), _alias(case, found, whole)]
    known = any(set(a.addresses) & seat.rightful(case) for a in found.dns.answers)
    if known and not _has_search(found, case, name):
        why = f"the search list of the pod does not lead from there to {whole}"
        return why, [*_policy(case, found), _rename(found, whole)]
    if known:
        return f"only the full name {whole} exists", [_rename(found, whole)]
    servers = " and ".join(found.dns.resolver.nameservers) or "its nameserver"
    why = f"nameserver {servers} does not know Service {case.name} of namespace {case.namespace}"
    return why, _policy(case, found) or [
        fixes.look(
            case,
            *("get", "service", "kube-dns", "-o", "wide"),
            title="Check whether the nameserver is the DNS of this cluster, and whether its pods "
            "may list Services",
            namespace="kube-system",
        )
    ]


def _has_search(found: Seen, case: ServiceCase, name: str) -> bool:
    whole = f"{case.name}.{case.namespace}.svc.{seat.domain_of(found.dns)}"
    return any(f"{name}.{s}" == whole for s in found.dns.resolver.search)


def _policy(case: ServiceCase, found: Seen) -> list[Fix]:
    if seat.policy(found.client) != "None":
        return []
    return [shared.with_policy(case, found.client, "ClusterFirst")]


def _rename(found: Seen, right: str) -> Fix:
    where = shared.program_of(found.client)
    return fixes.by_hand(
        f"Use {right} in place of {found.dns.lookup.name} in the settings of {where}"
    )


def _alias(case: ServiceCase, found: Seen, whole: str) -> Fix:
    name, space = found.dns.lookup.name.rstrip("."), found.client.namespace
    return fixes.run(
        case,
        *("create", "service", "externalname", name, f"--external-name={whole}"),
        title=f"Make {name} an alias in namespace {space}; TLS names and HTTP host names stay "
        "those that the client uses",
        subject=Subject(kind="Service", namespace=space, name=name),
    )


_NO_SERVICE = """
kind: Service
metadata: {name: chekcout, namespace: shop}
---"""
_CALL = """
calls:
- kind: Deployment
  namespace: web
  name: web
  named: {{container: app, setting: env, variable: CHECKOUT_ADDR, host: {host}, port: 80,
    whole: true, sure: true}}
  service: {name}
  serviceNamespace: {space}
  exists: false""".strip("\n")
_SEEN = """
from:
  pod: web
  namespace: web
  tool: bash
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2],
      search: [web.svc.cluster.local, svc.cluster.local, cluster.local],
      ndots: 5}}
    lookup: {{name: {name}, tool: python3, outcome: no-such-name}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3, outcome: no-such-name}}""".strip("\n")

RULE = Rule(
    code="PC606",
    name="dns-name-not-found",
    severity="error",
    summary="The name that a client uses does not exist in DNS (--from)",
    needs=(),
    uses=(
        *(Need.SLICES, Need.IN_CLUSTER, Need.CALLS, Need.DEPLOYMENTS),
        *(Need.INGRESSES, Need.ROUTES, Need.REFERRERS),
    ),
    deciding=True,
    about_absent=True,
    denies_name=True,
    explanation=Explanation(
        meaning="--from looks up the Service's name inside the client's pod, with the pod's own "
        "resolver settings. The nameserver answered that there is no such name. Where the Service "
        "does not exist, the Services with nearly its name and those of other namespaces are "
        "named.",
        why="A name without a namespace is looked up in the client's own namespace. A name with "
        "dots is completed by the search list of /etc/resolv.conf, which a dnsPolicy or dnsConfig "
        "can replace. A full name needs the domain of this cluster. The client gets an error of "
        "the kind 'no such host' before it connects.",
        confirm="kubectl exec POD -- cat /etc/resolv.conf; kubectl exec POD -- getent hosts NAME.",
        fix="Use NAME.NAMESPACE in the client's settings, or the full name with the cluster's "
        "domain. Set dnsPolicy to ClusterFirst where the search list was replaced.",
    ),
    examples=(
        Example(
            "the pod is in another namespace, and the name has none",
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
    lookup: {{name: checkout, tool: python3, outcome: no-such-name}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3,
      outcome: answered, addresses: [10.96.0.10]}}
""",
            expects="""
degraded
PC606 error for path in Pod web
  DNS in pod/web has no name checkout: the Service is in namespace default, the pod in web
  - web: python3: checkout does not exist
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search web.svc.cluster.local svc.cluster.local
      cluster.local; ndots 5
  - web: nameserver 10.96.0.2 by UDP: answers 10.96.0.10
  review: Use checkout.default in place of checkout in the settings of Deployment web
  review: Make checkout an alias in namespace web; TLS names and HTTP host names stay those that
      the client uses
    kubectl create service externalname checkout
        --external-name=checkout.default.svc.cluster.local -n web
""",
        ),
        Example(
            "dnsConfig replaces the search list",
            f"""{shared.SHOP}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{80: accepted}}
  client: {{dnsPolicy: None}}
  dns:
    resolver: {{nameservers: [10.96.0.2], search: [], ndots: 1}}
    lookup: {{name: checkout.default, tool: python3, outcome: no-such-name}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3,
      outcome: answered, addresses: [10.96.0.10]}}
""",
            expects="""
degraded
PC606 error for path in Pod web
  DNS in pod/web has no name checkout.default: the search list of the pod does not lead from
      there to checkout.default.svc.cluster.local
  - web: python3: checkout.default does not exist
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search none; ndots 1
  - web: nameserver 10.96.0.2 by UDP: answers 10.96.0.10
  - web: dnsPolicy is None
  review: Set dnsPolicy to ClusterFirst in Deployment web (its pods are replaced)
    replace /spec/template/spec/dnsPolicy ClusterFirst in Deployment web
  review: Use checkout.default.svc.cluster.local in place of checkout.default in the settings of
      Deployment web
""",
        ),
        Example(
            "the name has another cluster's domain",
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
    lookup: {{name: checkout.default.svc.cluster.lan, tool: python3, outcome: no-such-name}}
    answers:
    - {{server: 10.96.0.2, protocol: UDP, tool: python3,
      outcome: answered, addresses: [10.96.0.10]}}
""",
            expects="""
degraded
PC606 error for path in Pod web
  DNS in pod/web has no name checkout.default.svc.cluster.lan: the cluster's domain is
      cluster.local, not cluster.lan
  - web: python3: checkout.default.svc.cluster.lan does not exist
  - web: /etc/resolv.conf: nameserver 10.96.0.2; search web.svc.cluster.local svc.cluster.local
      cluster.local; ndots 5
  - web: nameserver 10.96.0.2 by UDP: answers 10.96.0.10
  review: Use checkout.default.svc.cluster.local in place of checkout.default.svc.cluster.lan in
      the settings of Deployment web
""",
        ),
        Example(
            "the name is a slip: there is no such Service, and one with nearly its name",
            f"""{_NO_SERVICE}
absent: {{near: checkout}}
---
{_CALL.format(host="chekcout.shop", name="chekcout", space="shop")}
---
{_SEEN.format(name="chekcout.shop")}
""",
            expects="""
broken; also PC617
PC606 error for all in Pod web
  DNS in pod/web has no name chekcout.shop: namespace shop has no Service chekcout; Service
      checkout has nearly this name
  - web: python3: chekcout.shop does not exist
  - Deployment web: chekcout.shop:80 in variable CHECKOUT_ADDR of container app
  - Service checkout: exists in namespace shop
  review: Set CHECKOUT_ADDR=checkout.shop:80 in Deployment web; its pods are replaced
    kubectl set env deployment/web -c app CHECKOUT_ADDR=checkout.shop:80 -n web
""",
        ),
        Example(
            "the namespace in the name does not exist",
            f"""{_NO_SERVICE.replace("shop", "shpo").replace("chekcout", "checkout")}
absent: {{elsewhere: [shop], noNamespace: true}}
---
{_SEEN.format(name="checkout.shpo.svc.cluster.local")}
""",
            expects="""
broken
PC606 error for all in Pod web
  DNS in pod/web has no name checkout.shpo.svc.cluster.local: namespace shpo does not exist;
      Service checkout is in namespace shop
  - web: python3: checkout.shpo.svc.cluster.local does not exist
  - Service checkout: exists in namespace shop
  review: Use checkout.shop.svc.cluster.local in place of checkout.shpo.svc.cluster.local in the
      settings of Deployment web
""",
        ),
        Example(
            "no Service of any namespace is meant, and nothing else needs it",
            f"""{_NO_SERVICE}
absent: {{}}
---
{_SEEN.format(name="chekcout.shop")}
""",
            expects="""
broken
PC606 error for all in Pod web
  DNS in pod/web has no name chekcout.shop: namespace shop has no Service chekcout
  - web: python3: chekcout.shop does not exist
  review: Use the name of a Service that exists in the settings of Deployment web, or create
      Service chekcout in namespace shop
""",
        ),
        Example(
            "other objects need the Service too: PC617 says which",
            f"""{_NO_SERVICE}
absent: {{}}
---
{_CALL.format(host="chekcout.shop", name="chekcout", space="shop")}
---
{_SEEN.format(name="chekcout.shop")}
""",
            expects="broken; also PC617",
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
)
