"""What is concluded about one Service holds for those that are like it, and for no other."""

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.diagnosis import diagnose, judge
from kubectl_portcheck.diagnosis.diagnose import UNFIXED
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    Context,
    Evidence,
    ServiceEvidence,
    ServiceForward,
)
from kubectl_portcheck.model.objects import (
    Condition,
    ContainerState,
    ContainerStatus,
    EndpointSlice,
    Pod,
    PodStatus,
    Service,
    StateRunning,
)
from kubectl_portcheck.model.probes import AcceptQueue, Attempt, ListeningSocket, PodSockets
from kubectl_portcheck.model.report import Report, ServiceReport
from kubectl_portcheck.rules import plan
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.run import attempted
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.semantics import contact, endpoints, mesh, ports, selectors
from kubectl_portcheck.semantics import likeness as likeness_module
from kubectl_portcheck.semantics.likeness import AROUND, LOOKED_AT, UNASKED, Likenesses
from tests.situations import SITUATIONS

NOW = "2026-01-02T03:04:05Z"
LONG_AGO = "2026-01-01T00:00:00Z"
NOT_CONTACTED = Missing(reason=Reason.NOT_CONTACTED, detail="not contacted")
NOT_READ = Missing(reason=Reason.NOT_ASKED, detail="not read")
replace = msgspec.structs.replace
ALL = [e for evidence in SITUATIONS.values() for e in evidence.services]


def as_swept(evidence: ServiceEvidence) -> ServiceEvidence:
    """The same as the lists of a sweep have it: no word from the pods."""
    pods = evidence.pods.value if isinstance(evidence.pods, Observed) else ()
    found = replace(
        evidence,
        sockets={p.metadata.name: NOT_CONTACTED for p in pods},
        **{name: getattr(_BLANK, name) for name in UNSEEN},
    )
    return replace(found, lookup=None)


UNSEEN = (*UNASKED, *LOOKED_AT[4:])
_BLANK = ServiceEvidence(service=ALL[0].service)


def healed(evidence: ServiceEvidence) -> ServiceEvidence:
    """The same, of which every pod is healthy, and nothing leads to the Service or guards it."""
    pods = evidence.pods.value if isinstance(evidence.pods, Observed) else ()
    made = tuple(_healthy(p, i) for i, p in enumerate(pods))
    slices = endpoints.made_for(evidence.service, made)
    return replace(
        as_swept(evidence),
        pods=Observed(value=made),
        endpoint_slices=Observed(value=slices),
        **dict.fromkeys(AROUND, NOT_ASKED),
    )


def _healthy(pod: Pod, number: int) -> Pod:
    address = f"10.1.0.{number + 1}"
    running = ContainerState(running=StateRunning(started_at=LONG_AGO))
    statuses = tuple(
        ContainerStatus(name=c.name, ready=True, started=True, state=running)
        for c in pod.spec.containers
    )
    ready = (Condition(type="Ready", status="True", last_transition_time=LONG_AGO),)
    status = PodStatus(
        phase="Running", pod_ip=address, conditions=ready, container_statuses=statuses
    )
    metadata = replace(pod.metadata, creation_timestamp=LONG_AGO, deletion_timestamp=None)
    return replace(pod, metadata=metadata, status=status)


def contacted(evidence: ServiceEvidence, *more: int, address: str = "0.0.0.0") -> ServiceEvidence:
    """The same, as a sweep has it that looked into every pod: all of them accept connections."""
    assert isinstance(evidence.pods, Observed)
    pods, service = evidence.pods.value, evidence.service
    tcp = [p for p in service.spec.ports if p.protocol == "TCP"]
    targets = {p.metadata.name: sorted(contact.targets(service, tcp, p)) for p in pods}
    forwards = []
    for port in tcp:
        number = ports.kubectl_target_port(service, port.port, pods[0])
        assert number is not None
        name = pods[0].metadata.name
        made = Attempt(name, number, "service-port-forward", "accepted")
        forwards.append(ServiceForward(port.port, name, number, made))
    return replace(
        evidence,
        sockets={
            p.metadata.name: Observed(
                value=PodSockets(
                    tuple(
                        ListeningSocket(
                            protocol="TCP",
                            family="dual",
                            address=address,
                            port=n,
                            container=p.spec.containers[0].name,
                            program="server",
                            source="proc",
                        )
                        for n in (*targets[p.metadata.name], *more)
                    ),
                    "proc",
                    p.spec.containers[0].name,
                )
            )
            for p in pods
        },
        attempts=tuple(
            Attempt(p.metadata.name, n, "pod-port-forward", "accepted")
            for p in pods
            for n in targets[p.metadata.name]
        ),
        service_forwards=tuple(forwards),
        replica_sets=NOT_READ,
        workloads=NOT_READ,
    )


def _can_be_contacted(evidence: ServiceEvidence) -> bool:
    """Whether every port leads to a number in every pod."""
    assert isinstance(evidence.pods, Observed)
    return all(
        ports.kubectl_target_port(evidence.service, port.port, p) is not None
        for p in evidence.pods.value
        for port in evidence.service.spec.ports
        if port.protocol == "TCP"
    )


def renamed(evidence: ServiceEvidence, mark: str) -> ServiceEvidence:
    """The same of another application: other names, labels' values, images, addresses, nodes."""
    assert isinstance(evidence.pods, Observed)
    service = evidence.service
    other = _renamed(service, mark)
    selector = {key: f"{value}{mark}" for key, value in service.spec.selector.items()}
    other = replace(other, spec=replace(other.spec, selector=selector))
    pods = tuple(_other(p, mark, i) for i, p in enumerate(evidence.pods.value))
    return replace(
        evidence,
        service=other,
        pods=Observed(value=pods),
        endpoint_slices=Observed(value=endpoints.made_for(other, pods)),
        sockets={f"{n}{mark}": _answer_of(s, mark) for n, s in evidence.sockets.items()},
        attempts=tuple(_of_pod(a, mark) for a in evidence.attempts),
        service_forwards=tuple(
            replace(f, pod=f"{f.pod}{mark}", attempt=f.attempt and _of_pod(f.attempt, mark))
            for f in evidence.service_forwards
        ),
    )


def _of_pod(attempt: Attempt, mark: str) -> Attempt:
    return replace(attempt, pod=f"{attempt.pod}{mark}")


def _answer_of(sockets: Any, mark: str) -> Any:
    if isinstance(sockets, Missing):
        return sockets
    found = sockets.value
    listeners = tuple(replace(s, container=_named(s.container, mark)) for s in found.listeners)
    container = _named(found.container, mark)
    return Observed(value=replace(found, listeners=listeners, container=container))


def _renamed(item: Any, mark: str) -> Any:
    labels = {key: f"{value}{mark}" for key, value in item.metadata.labels.items()}
    metadata = replace(item.metadata, name=f"{item.metadata.name}{mark}", labels=labels)
    return replace(item, metadata=metadata)


def _other(pod: Pod, mark: str, number: int) -> Pod:
    found: Pod = _renamed(pod, mark)
    containers = tuple(
        replace(c, image=f"registry.example/{mark}", name=_named(c.name, mark))
        for c in pod.spec.containers
    )
    statuses = tuple(replace(s, name=_named(s.name, mark)) for s in pod.status.container_statuses)
    owners = tuple(replace(o, name=f"{o.name}{mark}") for o in pod.metadata.owner_references)
    return replace(
        found,
        metadata=replace(found.metadata, owner_references=owners),
        spec=replace(pod.spec, containers=containers, node_name=f"node{mark}"),
        status=replace(
            pod.status, pod_ip=f"10.2.{len(mark)}.{number + 1}", container_statuses=statuses
        ),
    )


def _named(container: str, mark: str) -> str:
    """Another name of a container, unless it is that of a mesh."""
    return container if container in mesh.CONTAINERS else f"{mark}{container}"


HEALED = [
    e
    for e in map(healed, ALL)
    if e.service.spec.selector
    and isinstance(e.pods, Observed)
    and all(selectors.matches(e.service.spec.selector, p.metadata.labels) for p in e.pods.value)
]
UNTOUCHED = [e for e in HEALED if Likenesses(NOW).of(e) is not None]
LOOKED_INTO = [
    found
    for e in UNTOUCHED
    if _can_be_contacted(e)
    for found in (contacted(e), contacted(e, 9999), contacted(e, address="127.0.0.1"))
    if Likenesses(NOW).of(found) is not None
]
LIKE = [*UNTOUCHED, *LOOKED_INTO]


def run(services: list[ServiceEvidence], **options: Any) -> Report:
    return diagnose(
        Evidence(context=Context(source="cluster", collected_at=NOW), services=tuple(services)),
        **options,
    )


def by_itself(evidence: ServiceEvidence) -> ServiceReport:
    """The full report on the Service, of which no other is known."""
    return run([evidence]).services[0]


def test_many_situations_are_like_others() -> None:
    assert len(LIKE) > 50
    assert len({Likenesses(NOW).of(e) for e in LIKE}) > 20
    assert len(LOOKED_INTO) > 100
    assert len({by_itself(e).verdict for e in LOOKED_INTO}) > 1


@pytest.mark.parametrize("place", range(len(LIKE)))
def test_no_rule_tells_a_service_from_one_that_is_like_it(place: int) -> None:
    """Every rule runs on both, since each is diagnosed without the other."""
    one = LIKE[place]
    other = renamed(one, "x7")
    assert Likenesses(NOW).of(other) == Likenesses(NOW).of(one)
    mine, its = by_itself(one), by_itself(other)
    assert mine.verdict == its.verdict
    assert mine.not_evaluated == its.not_evaluated
    found = [(f.code, f.port, f.severity, f.impact, f.cause) for f in mine.findings]
    assert found == [(f.code, f.port, f.severity, f.impact, f.cause) for f in its.findings]
    if not found:
        assert mine.headline == its.headline
        assert [p.chain for p in mine.ports] == [p.chain for p in its.ports]


@pytest.fixture
def each_by_itself(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[ServiceEvidence]], Report]:
    def full(services: list[ServiceEvidence]) -> Report:
        with monkeypatch.context() as patched:
            patched.setattr(Likenesses, "of", lambda self, evidence: None)
            return run(services)

    return full


def _town(evidence: ServiceEvidence) -> list[ServiceEvidence]:
    """A situation as it is, as swept, healed, and as other applications have it."""
    found = [evidence, as_swept(evidence), sound := healed(evidence)]
    if Likenesses(NOW).of(sound) is not None:
        found += [renamed(sound, "y"), renamed(sound, "zz")]
        if _can_be_contacted(sound):
            found += [contacted(sound), contacted(renamed(sound, "y")), contacted(sound, 9999)]
    return found


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_report_is_the_same_as_of_each_service_by_itself(
    name: str, each_by_itself: Callable[[list[ServiceEvidence]], Report]
) -> None:
    for evidence in SITUATIONS[name].services:
        services = _town(evidence)
        full = each_by_itself(services)
        assert run(services) == full
        _is_overview(services, full)


def _is_overview(services: list[ServiceEvidence], full: Report) -> None:
    """With details of some, these are whole; the others are as far as an overview shows them."""
    odd = [i for i, s in enumerate(full.services) if s.verdict != "healthy"][1:]
    shown = run(services, details=lambda report: [report.services[i] for i in odd])
    assert shown.verdict == full.verdict
    for i, (one, other) in enumerate(zip(shown.services, full.services, strict=True)):
        if i in odd:
            assert one == other
        else:
            _is_overview_of(one, other)


def _is_overview_of(brief: ServiceReport, full: ServiceReport) -> None:
    """Nothing is left out but fixes, and of a healthy Service its ports and pods."""
    findings = tuple(replace(f, fixes=()) for f in full.findings)
    full = replace(full, findings=findings)
    if full.verdict == "healthy" and not brief.ports:
        full = replace(full, ports=(), pods=())
    assert brief == full


Change = Callable[[ServiceEvidence], ServiceEvidence]


def _pod(change: Callable[[Pod], Pod]) -> Change:
    """Changes the last pod."""

    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        assert isinstance(evidence.pods, Observed)
        *before, last = evidence.pods.value
        return replace(evidence, pods=Observed(value=(*before, change(last))))

    return changed


def _service(**spec: Any) -> Change:
    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        service: Service = evidence.service
        return replace(evidence, service=replace(service, spec=replace(service.spec, **spec)))

    return changed


def _slices(change: Callable[[EndpointSlice], EndpointSlice]) -> Change:
    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        assert isinstance(evidence.endpoint_slices, Observed)
        found = tuple(map(change, evidence.endpoint_slices.value))
        return replace(evidence, endpoint_slices=Observed(value=found))

    return changed


def _container(**fields: Any) -> Change:
    def changed(pod: Pod) -> Pod:
        first, *others = pod.spec.containers
        return replace(pod, spec=replace(pod.spec, containers=(replace(first, **fields), *others)))

    return _pod(changed)


def _status(**fields: Any) -> Change:
    return _pod(lambda p: replace(p, status=replace(p.status, **fields)))


def _said(**fields: Any) -> Change:
    def changed(pod: Pod) -> Pod:
        first, *others = pod.status.container_statuses
        statuses = (replace(first, **fields), *others)
        return replace(pod, status=replace(pod.status, container_statuses=statuses))

    return _pod(changed)


def _meta(**fields: Any) -> Change:
    return _pod(lambda p: replace(p, metadata=replace(p.metadata, **fields)))


def _endpoint(**fields: Any) -> Change:
    def changed(piece: EndpointSlice) -> EndpointSlice:
        *before, last = piece.endpoints or ()
        return replace(piece, endpoints=(*before, replace(last, **fields)))

    return _slices(changed)


def _ready(**fields: Any) -> Condition:
    return replace(Condition(type="Ready", status="True", last_transition_time=LONG_AGO), **fields)


MATTERS: dict[str, Change] = {
    "not Ready": _status(conditions=(_ready(status="False"),)),
    "Ready a moment ago": _status(conditions=(_ready(last_transition_time=NOW),)),
    "Pending": _status(phase="Pending"),
    "another address": _status(pod_ip="10.9.9.9"),
    "a container that is not ready": _said(ready=False),
    "a container that has not started": _said(started=False),
    "a restart": _said(restart_count=1),
    "a container that waits": _said(state=ContainerState()),
    "being deleted": _meta(deletion_timestamp=LONG_AGO),
    "made a moment ago": _meta(creation_timestamp=NOW),
    "an annotation": _meta(annotations={"prometheus.io/port": "1"}),
    "another port declared": _container(ports=()),
    "no readiness probe": _container(readiness_probe=None),
    "a sidecar of a mesh": _container(name="istio-proxy"),
    "the node's network": _pod(lambda p: replace(p, spec=replace(p.spec, host_network=True))),
    "a subdomain": _pod(lambda p: replace(p, spec=replace(p.spec, subdomain="other"))),
    "a type": _service(type="LoadBalancer"),
    "headless": _service(cluster_ip="None"),
    "no ports": _service(ports=()),
    "a family": _service(ip_families=("IPv6",)),
    "addresses that are not ready": _service(publish_not_ready_addresses=True),
    "a Local policy": _service(internal_traffic_policy="Local"),
    "an endpoint at another address": _endpoint(addresses=("10.9.9.9",)),
    "an endpoint without a pod": _endpoint(target_ref=None),
    "an endpoint that is not ready": _slices(
        lambda s: replace(
            s,
            endpoints=tuple(
                replace(e, conditions=replace(e.conditions, ready=False)) for e in s.endpoints or ()
            ),
        )
    ),
    "a slice without ports": _slices(lambda s: replace(s, ports=None)),
    "a slice of another writer": _slices(
        lambda s: replace(
            s, metadata=replace(s.metadata, labels={endpoints.MANAGED_BY: "someone.example"})
        )
    ),
    "no slices": lambda e: replace(e, endpoint_slices=Observed(value=())),
    "no pods": lambda e: replace(e, pods=Observed(value=())),
    "pods that may not be listed": lambda e: replace(
        e, pods=Missing(reason=Reason.FORBIDDEN, detail="pods is forbidden")
    ),
    "policies that may not be listed": lambda e: replace(
        e, network_policies=Missing(reason=Reason.FORBIDDEN, detail="forbidden")
    ),
    "a pod that was looked into": lambda e: replace(e, sockets=dict.fromkeys(e.sockets, NOT_ASKED)),
    "pods that answered": contacted,
    "what made the pods": lambda e: replace(e, replica_sets=Observed(value=())),
    "a connection without a look into the pod": lambda e: replace(
        e, attempts=contacted(e).attempts
    ),
    "a port that was asked for": lambda e: replace(e, asked_port=80),
    "manifest files": lambda e: replace(e, files="some"),
}


def _example() -> ServiceEvidence:
    """A Service with a readiness probe on the very port that it serves, and three pods."""
    return next(
        e
        for e in LIKE
        if isinstance(e.pods, Observed)
        and e.pods.value[0].spec.containers[0].readiness_probe
        and e.pods.value[0].spec.containers[0].ports
    )


def _listener(**fields: Any) -> Change:
    """Changes what listens in the last pod."""

    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        *_, name = evidence.sockets
        found = evidence.sockets[name]
        assert isinstance(found, Observed)
        first, *others = found.value.listeners
        listeners = (replace(first, **fields), *others)
        return _sockets(listeners=listeners)(evidence)

    return changed


def _sockets(**fields: Any) -> Change:
    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        *_, name = evidence.sockets
        found = evidence.sockets[name]
        assert isinstance(found, Observed)
        other = Observed(value=replace(found.value, **fields))
        return replace(evidence, sockets={**evidence.sockets, name: other})

    return changed


def _everywhere(change: Change) -> Change:
    """Changes what listens in every pod as in the last one."""

    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        found = change(evidence)
        *_, last = found.sockets.values()
        return replace(found, sockets=dict.fromkeys(found.sockets, last))

    return changed


def _attempt(**fields: Any) -> Change:
    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        *before, last = evidence.attempts
        return replace(evidence, attempts=(*before, replace(last, **fields)))

    return changed


def _forward(**fields: Any) -> Change:
    def changed(evidence: ServiceEvidence) -> ServiceEvidence:
        first, *others = evidence.service_forwards
        return replace(evidence, service_forwards=(replace(first, **fields), *others))

    return changed


_REFUSED = Attempt("p", 80, "service-port-forward", "refused", "connection refused")
ANSWERS_MATTER: dict[str, Change] = {
    "another port": _listener(port=81),
    "another port in every pod": _everywhere(_listener(port=81)),
    "another address in every pod": _everywhere(_listener(address="::")),
    "another family in every pod": _everywhere(_listener(family="IPv6")),
    "another program in every pod": _everywhere(_listener(program="envoy")),
    "another user in every pod": _everywhere(_listener(uid=1337)),
    "another container in every pod": _everywhere(_listener(container="other")),
    "the pod's own address": _listener(address="10.1.0.1"),
    "a list that is not whole": _sockets(complete=False),
    "a note": _sockets(notes=("a note",)),
    "connections that wait": _sockets(queues=(AcceptQueue(80, 3),)),
    "another source in every pod": _everywhere(_sockets(source="ss")),
    "no answer": lambda e: replace(
        e, sockets={**e.sockets, next(iter(e.sockets)): Missing(reason=Reason.TIMED_OUT)}
    ),
    "no answer of any pod": lambda e: replace(
        e, sockets=dict.fromkeys(e.sockets, Missing(reason=Reason.TIMED_OUT))
    ),
    "a pod that was not looked into": lambda e: replace(
        e, sockets=dict(list(e.sockets.items())[:-1])
    ),
    "a refused connection": _attempt(outcome="refused"),
    "another port tried": _attempt(port=81),
    "a server that spoke first": _attempt(detail="the server spoke first"),
    "another way": _attempt(path="pod-proxy"),
    "a request": _attempt(request="http /"),
    "an unknown pod": _attempt(pod="other"),
    "no connections": lambda e: replace(e, attempts=()),
    "a refused forward": _forward(attempt=_REFUSED),
    "no forward": _forward(attempt=None, reason="there is no pod"),
    "a forward to another port": _forward(pod_port=81),
    "no forwards": lambda e: replace(e, service_forwards=()),
    "rights that were read": lambda e: replace(e, denied=Observed(value=())),
}


@pytest.mark.parametrize("what", ANSWERS_MATTER)
def test_what_pods_answer_makes_a_difference(what: str) -> None:
    before = contacted(_example())
    likeness = Likenesses(NOW).of(before)
    assert likeness is not None
    assert likeness == Likenesses(NOW).of(renamed(before, "x7"))
    assert Likenesses(NOW).of(ANSWERS_MATTER[what](before)) != likeness


@pytest.mark.parametrize("what", MATTERS)
def test_what_rules_may_look_at_makes_a_difference(what: str) -> None:
    before = _example()
    likeness = Likenesses(NOW).of(before)
    assert likeness is not None
    assert Likenesses(NOW).of(MATTERS[what](before)) != likeness


def test_every_part_of_the_evidence_counts() -> None:
    named = {*LOOKED_AT, *AROUND, *UNASKED}
    assert named == set(ServiceEvidence.__struct_fields__)


def test_what_is_alike_is_worked_out_once_for_each_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sweep asks for it twice: which Services are settled, and what is concluded of them."""
    looked: list[str] = []
    before = likeness_module._of_pods

    def counted(everyone: Any, times: Any) -> Any:
        looked.append(everyone[0].metadata.name)
        return before(everyone, times)

    monkeypatch.setattr(likeness_module, "_of_pods", counted)
    several = [renamed(_example(), "x" * n) for n in range(1, 30)]
    met = {Likenesses().of(e) for e in several}
    run(several)
    assert len(met) == 1
    assert len(looked) == len(several)
    changed = replace(several[0], unread=NOT_READ)
    assert Likenesses().of(changed) is None


def test_what_is_new_is_like_no_other_as_long_as_it_is_new() -> None:
    found = renamed(_example(), "x")
    assert isinstance(found.pods, Observed)
    *others, last = found.pods.value
    new = replace(last, metadata=replace(last.metadata, creation_timestamp=NOW))
    found = replace(found, pods=Observed(value=(*others, new)))
    assert Likenesses().of(found) is not None
    assert Likenesses(NOW).of(found) is None
    assert Likenesses("2026-01-02T03:05:06Z").of(found) is not None


@pytest.mark.parametrize("known", [UNTOUCHED, LOOKED_INTO], ids=["listed", "contacted"])
def test_the_rules_run_once_for_all_services_that_are_alike(
    known: list[ServiceEvidence],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The count guards the speed of a sweep better than any time could."""
    calls: list[str] = []

    def counted(rule: Rule, case: Any) -> Any:
        calls.append(rule.code)
        return attempted(rule, case)

    monkeypatch.setattr(plan, "attempted", counted)
    healthy = next(
        e for e in known if by_itself(e).verdict == "healthy" and not by_itself(e).findings
    )
    calls.clear()
    run([healthy], rules=CATALOGUE)
    once = len(calls)
    calls.clear()
    run([renamed(healthy, "x" * n) for n in range(1, 30)])
    assert 0 < len(calls) == once


def test_only_what_is_shown_has_its_fixes_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    before = judge.judged

    def counted(evidence: ServiceEvidence, judging: judge.Judging) -> ServiceReport:
        judged.append(evidence.service.metadata.name)
        return before(evidence, judging)

    module = importlib.import_module("kubectl_portcheck.diagnosis.diagnose")
    monkeypatch.setattr(module, "judged", counted)
    services = ALL[:40]
    report = run(services, details=lambda report: ())
    assert len(judged) <= len(services)
    assert any(f.code == "PC101" for s in report.services for f in s.findings)


def _found(report: ServiceReport) -> list[tuple[str, str]]:
    return [(f.code, f.summary) for f in report.findings]


def test_what_was_found_stands_where_the_time_is_up_before_the_fixes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = ALL[:40]
    overview = run(services, details=lambda report: ())
    clock = SimpleNamespace(monotonic=lambda: 0)
    monkeypatch.setattr("kubectl_portcheck.diagnosis.judge.time", clock)

    def all_late(report: Report) -> tuple[ServiceReport, ...]:
        clock.monotonic = lambda: 2
        return report.services

    shown = run(services, until=1, details=all_late)
    assert shown.verdict == overview.verdict
    for one, other in zip(shown.services, overview.services, strict=True):
        assert one.verdict == other.verdict
        assert _found(one) == _found(other)
        assert (UNFIXED in one.notes) == bool(one.findings)


@pytest.mark.parametrize("partial", [True, False])
def test_what_was_found_stands_where_the_user_interrupts_the_trial_of_fixes(
    monkeypatch: pytest.MonkeyPatch, partial: bool
) -> None:
    services = ALL[:40]
    overview = run(services, details=lambda report: ())

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def pressed(report: Report) -> tuple[ServiceReport, ...]:
        module = importlib.import_module("kubectl_portcheck.diagnosis.diagnose")
        monkeypatch.setattr(module, "judged", interrupted)
        return report.services

    if not partial:
        with pytest.raises(KeyboardInterrupt):
            run(services, details=pressed)
        return
    shown = run(services, details=pressed, partial=True)
    assert shown.interrupted
    assert [_found(s) for s in shown.services] == [_found(s) for s in overview.services]
