"""Reports to render: each function gives a valid one by default, and takes what is to differ."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from kubectl_portcheck.model.base import Right
from kubectl_portcheck.model.evidence import Context
from kubectl_portcheck.model.facts import Listens, Observation, Said, State, Weighs
from kubectl_portcheck.model.fixes import ByHand, Command, Fix, JsonPatch, Operation, Subject
from kubectl_portcheck.model.objects import ObjectMeta, Pod, PodSpec, PodStatus
from kubectl_portcheck.model.probes import Attempt, ListeningSocket, Outcome
from kubectl_portcheck.model.report import (
    WORST_FIRST,
    Chain,
    Finding,
    Headline,
    Impact,
    NotEvaluated,
    PodReport,
    PortReport,
    Report,
    ServiceReport,
    Status,
    Step,
    StepName,
    Verdict,
)

NAMES: tuple[StepName, ...] = (
    "pod-status",
    "listening-ports",
    "endpoints",
    "target-port",
    "pod-port-forward",
    "service-port-forward",
)
GET = ("kubectl", "get", "pods", "-l", "app=checkout", "-n", "production")
PODS = ("checkout-6987bf456-4hv6t", "checkout-6987bf456-kkmhn", "checkout-6987bf456-zq8xw")
# What it does not say must show as an ending that was not written: no title, no remark, no colour.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07[red]x[/red]\u202egnp.exe\u202c\u2066a\u2069\u200b\ufeff"
    "\x9b31m\r\n\tline\x00\x7f\u2028\ud800\U000e0041 :smile: [link=http://e]z[/link] ${IFS}'`"
)


def head(found: Finding) -> Headline:
    ports = () if found.port is None else (found.port,)
    return Headline(text=found.summary, ports=ports, finding=found.code)


def socket(port: int, program: str | None = "python3", **other: Any) -> ListeningSocket:
    given = {"protocol": "TCP", "family": "IPv4", "address": "0.0.0.0", "source": "proc"}
    return ListeningSocket(port=port, program=program, **{**given, **other})


def pod(
    name: str = PODS[0],
    listeners: Iterable[ListeningSocket] | None = (),
    *,
    ready: bool = True,
    node: str = "node-1",
) -> PodReport:
    return PodReport(
        pod=Pod(
            metadata=ObjectMeta(name=name, namespace="production"),
            spec=PodSpec(node_name=node),
            status=PodStatus(phase="Running"),
        ),
        ready=ready,
        listeners=None if listeners is None else tuple(listeners),
    )


def step(number: int, status: Status = "pass", summary: str = "fine", **other: Any) -> Step:
    return Step(
        step=number,
        name=NAMES[number - 1],
        status=status,
        summary=summary,
        **{"commands": (GET,), **other},
    )


def steps(*given: tuple[Status, str] | tuple[Status, str, str]) -> tuple[Step, ...]:
    """The six steps, from (status, summary) or (status, summary, reason)."""
    return tuple(
        step(i, g[0], g[1], reason=g[2] if len(g) == 3 else None)
        for i, g in enumerate(given, start=1)
    )


WELL = steps(
    ("pass", "3 of 3 Running and Ready"),
    ("pass", "9000 and 9100 in 3 of 3"),
    ("pass", "3 ready, all with port 9000"),
    ("pass", "9000"),
    ("pass", "9000 accepted by 3 of 3"),
    ("pass", f"80 → 9000 accepted ({PODS[1]})"),
)


def port(number: int = 80, target: int | str = 9000, **other: Any) -> PortReport:
    verdict = other.pop("verdict", "healthy")
    resolved = (target,) if isinstance(target, int) else (9000,)
    chain = Chain(
        service_port=number,
        target_port=target,
        **{
            "resolved": resolved,
            "container_port": 9000,
            "listening": (9000, 9100),
            "declared": (9000,),
            "programs": {9000: "python3", 9100: "python3"},
            "readiness": (9100,),
            **other.pop("chain", {}),
        },
    )
    given = {"name": "", "protocol": "TCP", "steps": WELL}
    return PortReport(
        port=number, target_port=target, verdict=verdict, chain=chain, **{**given, **other}
    )


def right(verb: str, subresource: str = "", resource: str = "pods", **other: str) -> Right:
    given = {"namespace": "production", **other}
    return Right(verb=verb, resource=resource, subresource=subresource, **given)


def subject(name: str = "checkout", kind: str = "Service") -> Subject:
    return Subject(kind=kind, namespace="production", name=name)


def is_of(pod: str, revision: int) -> State:
    return State(subject=subject(pod, kind="Pod"), state=f"of revision {revision}")


def finding(code: str = "PC401", name: str = "target-port-not-listening", **other: Any) -> Finding:
    given = {
        "severity": "error",
        "subject": subject(),
        "summary": "Nothing listens on targetPort 8080; 3 of 3 pods listen on 9000",
        "port": 80,
        "impact": Impact.ALL,
        "pods": PODS,
    }
    return Finding(code=code, name=name, **{**given, **other})


def retarget(new: int | str = 9000, old: int = 8080, title: str = "", **other: Any) -> Fix:
    operations = (
        Operation(op="test", path="/spec/ports/0/port", value=80),
        Operation(op="test", path="/spec/ports/0/targetPort", value=old),
        Operation(op="replace", path="/spec/ports/0/targetPort", value=new),
    )
    given = {
        "change": JsonPatch(operations=operations),
        "subject": subject(),
        "patch": f"spec:\n  ports:\n  - port: 80\n    targetPort: {new}\n",
        "safety": "safe",
    }
    return Fix(title=title or f"Point the Service at {new}", **{**given, **other})


def service(name: str = "checkout", **other: Any) -> ServiceReport:
    given: dict[str, Any] = {
        "namespace": "production",
        "verdict": "healthy",
        "headline": Headline(text="3 of 3 pods answer", ports=(80,)),
        "pods": tuple(pod(p, (socket(9000), socket(9100))) for p in PODS),
        "ports": (port(),),
    }
    return ServiceReport(name=name, **{**given, **other})


def report(*services: ServiceReport, **other: Any) -> Report:
    shown = services or (service(),)
    worst: Verdict = min((s.verdict for s in shown), key=WORST_FIRST.index)
    context = Context(
        source="cluster",
        cluster="kind-portcheck",
        namespace="production",
        collected_at="2024-11-29T03:12:44Z",
    )
    return Report(**{"context": context, "verdict": worst, "services": shown, **other})


def attempts(target: int, outcome: Outcome, *, pods: Sequence[str] = PODS) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(pod=p, port=target, path="pod-port-forward", outcome=outcome) for p in pods
    )


def debrief() -> Report:
    """The Service sends to 8080, the application moved to 9000, readiness is checked on 9100."""
    return report(debrief_service())


def debrief_service(name: str = "checkout") -> ServiceReport:
    cause = finding(
        evidence=(
            *(Listens(pod=p, ports=(9000, 9100), wanted=8080) for p in PODS),
            Weighs(port=9000, reasons=("containerPort 9000 is declared as http",)),
            Observation(text="the readinessProbe asks for 9100, so the pods are Ready"),
        ),
        fixes=(
            retarget(),
            retarget("http", title="For good: by the port's name http, which moves with it"),
        ),
    )
    refuses = finding(
        "PC501",
        "pod-refuses",
        summary="3 of 3 pods refuse connections to 8080",
        cause=False,
        caused_by="PC401",
    )
    forward = finding(
        "PC601",
        "service-forward-fails",
        summary="kubectl port-forward to the Service is refused",
        pods=(),
        cause=False,
        caused_by="PC401",
    )
    broken = port(
        target=8080,
        verdict="broken",
        chain={"resolved": (8080,), "container_port": None},
        steps=steps(
            ("pass", "3 of 3 Running and Ready"),
            ("warn", "9000 and 9100 in 3 of 3; 8080 in none"),
            ("pass", "3 ready, all with port 8080"),
            ("fail", "8080; the containers declare 9000"),
            ("fail", "8080 refused by 3 of 3; 9000 accepted by 3 of 3"),
            ("fail", f"80 → 8080 refused ({PODS[1]})"),
        ),
        attempts=attempts(8080, "refused") + attempts(9000, "accepted"),
    )
    return service(
        name,
        verdict="broken",
        headline=head(cause),
        ports=(broken,),
        findings=(cause, refuses, forward),
    )


def healthy() -> Report:
    return report()


def healthy_with_warnings() -> Report:
    looks = finding(
        "PC412",
        "probe-looks-elsewhere",
        severity="info",
        summary="Readiness is checked on 9100, traffic goes to 9000",
        impact=Impact.NONE,
    )
    stale = finding(
        "PC205",
        "container-port-stale",
        severity="warning",
        summary="The containers declare 8080, where nothing listens",
        impact=Impact.NONE,
        fixes=(Fix(title="Remove containerPort 8080 from the pod template", target="source"),),
    )
    lacking = NotEvaluated(
        code="PC602", missing="list networkpolicies.networking.k8s.io is forbidden"
    )
    return report(service(findings=(stale, looks), not_evaluated=(lacking,)))


def degraded() -> Report:
    """A rollout that stopped half way: 1 of 3 pods listens on the new port."""
    listeners = ((socket(9000),), (socket(8080),), (socket(8080),))
    mixed = finding(
        "PC407",
        "mixed-listeners",
        summary="2 of 3 pods listen on 8080 instead of 9000: a rollout half done",
        impact=Impact.PODS,
        pods=PODS[1:],
        evidence=(is_of(PODS[0], 8), *(is_of(p, 7) for p in PODS[1:])),
        fixes=(
            Fix(
                title="Take back the last rollout of Deployment checkout",
                change=Command(
                    words=("rollout", "undo", "deployment/checkout", "-n", "production")
                ),
                safety="review",
            ),
        ),
    )
    half = port(
        verdict="degraded",
        chain={"listening": (8080, 9000), "declared": (8080, 9000), "readiness": ()},
        steps=steps(
            ("pass", "3 of 3 Running and Ready"),
            ("warn", "8080 in 2 of 3; 9000 in 1 of 3"),
            ("pass", "3 ready, all with port 9000"),
            ("warn", "9000"),
            ("warn", "9000 accepted by 1 of 3; 9000 refused by 2 of 3"),
            ("pass", f"80 → 9000 accepted ({PODS[0]})"),
        ),
    )
    return report(
        service(
            verdict="degraded",
            headline=head(mixed),
            pods=tuple(pod(p, found) for p, found in zip(PODS, listeners, strict=True)),
            ports=(half,),
            findings=(mixed,),
        )
    )


def inconclusive() -> Report:
    """No right to exec or to forward: it is not known whether anything listens."""
    exec_ = 'pods "checkout" is forbidden: User "jane" cannot create resource "pods/exec"'
    forward = "create pods/portforward is forbidden"
    unclear = port(
        verdict="inconclusive",
        chain={"listening": None, "programs": {}},
        steps=steps(
            ("pass", "3 of 3 Running and Ready"),
            ("skipped", "declared, not verified: 9000", exec_),
            ("pass", "3 ready, all with port 9000"),
            ("pass", "9000"),
            ("skipped", "not tried", forward),
            ("skipped", "not tried", forward),
        ),
    )
    return report(
        service(
            verdict="inconclusive",
            headline=Headline(text=exec_, untold=True),
            pods=tuple(pod(p, None) for p in PODS),
            ports=(unclear,),
            not_evaluated=(
                NotEvaluated(code="PC401", missing=exec_, port=80),
                NotEvaluated(code="PC201", missing=exec_, port=80),
                NotEvaluated(code="PC501", missing=forward, port=80),
            ),
            missing=(exec_, forward),
            rights=(
                right("create", "exec"),
                right("create", "portforward"),
            ),
        )
    )


def selector_typo() -> Report:
    typo = finding(
        "PC301",
        "selector-matches-no-pods",
        summary="The selector app=chekout matches no pod; Deployment checkout has app=checkout",
        port=None,
        pods=(),
        evidence=(
            State(subject=subject(), state="selects app=chekout"),
            State(subject=subject(kind="Deployment"), state="has app=checkout"),
        ),
        fixes=(
            Fix(
                title="Select app=checkout, as Deployment checkout has",
                change=JsonPatch(
                    operations=(
                        Operation(op="test", path="/spec/selector/app", value="chekout"),
                        Operation(op="replace", path="/spec/selector/app", value="checkout"),
                    )
                ),
                subject=subject(),
                patch="spec:\n  selector:\n    app: checkout\n",
                safety="safe",
            ),
        ),
    )
    unserved = port(
        target=8080,
        verdict="broken",
        chain={"resolved": (), "container_port": None, "listening": None, "declared": ()},
        steps=steps(
            ("fail", "the selector app=chekout matches no pod"),
            ("skipped", "not done", "there is no pod to look into"),
            ("fail", "none"),
            ("skipped", "8080", "no pod to resolve it in"),
            ("skipped", "not tried", "there is no pod to forward to"),
            ("skipped", "not tried", "there is no pod to forward to"),
        ),
    )
    return report(
        service(verdict="broken", headline=head(typo), pods=(), ports=(unserved,), findings=(typo,))
    )


def unresolved_name() -> Report:
    """targetPort names a port that no container has."""
    lost = finding(
        "PC402",
        "named-target-port-unresolved",
        summary="No container port is named htpp; the containers have http",
        fixes=(retarget("http"),),
    )
    named = port(
        target="htpp",
        verdict="broken",
        chain={"resolved": (), "container_port": None},
        steps=steps(
            ("pass", "3 of 3 Running and Ready"),
            ("pass", "9000 and 9100 in 3 of 3"),
            ("fail", "3 ready, none with port 80"),
            ("fail", "htpp, which no pod declares"),
            ("skipped", "not tried", "no pod declares the port name htpp"),
            ("fail", f"80 → nothing refused ({PODS[1]})"),
        ),
    )
    return report(
        service(
            verdict="broken",
            headline=head(lost),
            ports=(named,),
            findings=(lost,),
        )
    )


def loopback() -> Report:
    """The process listens only on 127.0.0.1: a port-forward works, the Service does not."""
    local_only = finding(
        "PC202",
        "loopback-only-listener",
        summary="Port 9000 is open on 127.0.0.1 only in 3 of 3 pods",
        evidence=tuple(Listens(pod=p, sockets=(socket(9000, address="127.0.0.1"),)) for p in PODS),
        fixes=(
            Fix(
                title="Let the application listen on 0.0.0.0 (its own setting: --bind, HOST...)",
                target="source",
            ),
        ),
    )
    local = port(
        verdict="broken",
        steps=steps(
            ("pass", "3 of 3 Running and Ready"),
            ("warn", "9000 and 9100 in 3 of 3; 9000 on the loopback address only"),
            ("pass", "3 ready, all with port 9000"),
            ("pass", "9000"),
            ("warn", "9000 accepted by 3 of 3; on the pod's address 9000 refused by 3 of 3"),
            ("pass", f"80 → 9000 accepted ({PODS[1]})"),
        ),
    )
    return report(
        service(
            verdict="broken",
            headline=head(local_only),
            pods=tuple(pod(p, (socket(9000, address="127.0.0.1"), socket(9100))) for p in PODS),
            ports=(local,),
            findings=(local_only,),
        )
    )


def several_ports() -> Report:
    """80 is broken, 443 and 9100 are healthy."""
    broken = debrief_service()
    tls = port(443, "https", name="https", chain={"resolved": (9443,), "listening": (9443,)})
    metrics = port(9100, 9100, name="metrics")
    return report(msgspec.structs.replace(broken, ports=(metrics, broken.ports[0], tls)))


def several_services() -> Report:
    """A namespace of 14: 2 broken, 1 degraded, 1 inconclusive, 10 healthy."""
    well = ("auth", "billing", "cart", "catalog", "coupons", "email", "geo", "images", "media")
    return report(
        *(service(n) for n in (*well, "orders")),
        debrief_service(),
        msgspec.structs.replace(selector_typo().services[0], name="search"),
        msgspec.structs.replace(degraded().services[0], name="payments"),
        msgspec.structs.replace(inconclusive().services[0], name="shipping"),
    )


def sweep(count: int = 60) -> Report:
    """A namespace of many Services, seven of which are broken."""
    return report(
        *(
            debrief_service(f"service-{i:02}") if i % 9 == 4 else service(f"service-{i:02}")
            for i in range(count)
        )
    )


def hostile(text: str = HOSTILE) -> Report:
    """The same text wherever a text can stand."""
    them = subject(text)
    found = Finding(
        code="PC401",
        name="target-port-not-listening",
        severity="error",
        subject=them,
        summary=text,
        evidence=(
            Said(source=text, words=text),
            State(subject=subject(text, kind=text), state=text),
            Listens(pod=text, owner=text, note=text),
        ),
        fixes=(
            Fix(title=text, change=Command(words=("patch", text.replace("\0", ""))), patch=text),
            Fix(title=text, change=Command(words=(text,)), safety="safe"),
            Fix(title=text, change=ByHand(look=("logs", text.replace("\0", "")))),
            Fix(title=text, patch=f"a:\n  b: {text}\n", target="source"),
        ),
        port=80,
        impact=Impact.PODS,
        pods=(text,),
    )
    after = msgspec.structs.replace(
        found, code="PC501", name="pod-refuses", cause=False, caused_by="PC401", fixes=()
    )
    note = msgspec.structs.replace(found, code="PC412", severity="info")
    every: tuple[Status, ...] = ("pass", "warn", "fail", "skipped", "pass", "fail")
    bad = port(
        target=text,
        name=text,
        verdict="degraded",
        chain={"programs": {9000: text, 9100: text}},
        steps=tuple(
            step(i, status, text, reason=text, commands=(("kubectl", text.replace("\0", "")),))
            for i, status in enumerate(every, start=1)
        ),
        attempts=(
            Attempt(pod=text, port=9000, path="pod-port-forward", outcome="refused", detail=text),
        ),
    )
    sockets = (socket(9000, text, address=text, container=text, device=text),)
    one = ServiceReport(
        namespace=text,
        name=text,
        verdict="degraded",
        headline=Headline(text=text),
        pods=(pod(text, sockets, node=text), pod("well", sockets)),
        ports=(bad, msgspec.structs.replace(bad, port=81, verdict="broken"), port(82, text)),
        findings=(found, after, note),
        not_evaluated=(NotEvaluated(code="PC602", missing=text),),
        missing=(text,),
    )
    context = Context(source="snapshot", cluster=text, namespace=text, collected_at=text)
    return report(one, service(), context=context)


def long_names() -> Report:
    """Names as long as Kubernetes allows, and a target port by name."""
    name = "checkout-service-with-a-name-as-long-as-kubernetes-allows-it-eu"
    namespace = "production-environment-of-the-payments-team-in-frankfurt-eu-two"
    pods = tuple(f"{name}-6987bf4567-{end}" for end in ("4hv6t", "kkmhn", "zq8xw"))
    old = debrief_service(name)
    bad = port(
        8443,
        "internal-https",
        verdict="broken",
        chain={
            "resolved": (18443,),
            "listening": (19443, 19100),
            "readiness": (19100,),
            "programs": {19443: "checkout-server"},
        },
        steps=(*old.ports[0].steps[:5], step(6, "fail", f"8443 → 18443 refused ({pods[1]})")),
    )
    cause = msgspec.structs.replace(
        old.findings[0],
        port=8443,
        pods=pods,
        evidence=tuple(Listens(pod=p, ports=(9000 + i,)) for i, p in enumerate(pods)),
    )
    return report(
        msgspec.structs.replace(
            old,
            namespace=namespace,
            headline=Headline(
                text="nothing listens on targetPort internal-https (18443); 3 of 3 pods listen on "
                "19443",
                ports=(8443,),
            ),
            pods=tuple(pod(p, (socket(19443, "checkout-server"), socket(19100))) for p in pods),
            ports=(bad,),
            findings=(cause, *old.findings[1:]),
        )
    )


def many_listeners() -> Report:
    """Forty sockets, and none of them where the traffic goes."""
    ports = tuple(range(20000, 20040))
    old = debrief_service()
    chain = {"resolved": (8080,), "listening": ports, "programs": {}, "declared": (20000,)}
    bad = msgspec.structs.replace(old.ports[0], chain=port(target=8080, chain=chain).chain)
    return report(
        msgspec.structs.replace(
            old, pods=tuple(pod(p, map(socket, ports)) for p in PODS), ports=(bad,)
        )
    )


SCENARIOS = {
    "debrief": debrief,
    "healthy": healthy,
    "healthy-with-warnings": healthy_with_warnings,
    "degraded": degraded,
    "inconclusive": inconclusive,
    "selector-typo": selector_typo,
    "unresolved-name": unresolved_name,
    "loopback": loopback,
    "several-ports": several_ports,
    "several-services": several_services,
    "sweep": sweep,
    "hostile": hostile,
    "long-names": long_names,
    "many-listeners": many_listeners,
}
"""Every report that the tests render, by the name of its golden files."""
