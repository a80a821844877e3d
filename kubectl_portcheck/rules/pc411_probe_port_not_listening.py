"""PC411: a probe uses a port on which nothing listens."""

from collections.abc import Sequence

import msgspec

from kubectl_portcheck.model.facts import Fact, Observation, Probes, Said
from kubectl_portcheck.model.fixes import Fix, Operation
from kubectl_portcheck.model.objects import Container, Pod
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, share
from kubectl_portcheck.semantics import kubelet, pods, ports, probes, rollouts, selectors, traffic
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.probes import Check


class _Missed(msgspec.Struct, frozen=True):
    """A pod and its probes that meet no listener."""

    pod: Pod
    checks: tuple[Check, ...]


def _check(case: ServiceCase) -> Outcome:
    asking = [p for p in case.pods if any(c.asked is not None for c in probes.checks(p))]
    looked = {p.metadata.name: (p, _missed(case, p)) for p in asking if not pods.is_terminating(p)}
    missed = [_Missed(p, found) for p, found in looked.values() if found]
    unknown = [p for p, found in looked.values() if found is None]
    if not missed:
        return RULE.lacks("what the probes meet is not known") if unknown else Passed()
    # A sibling that waits for its next start has the same probes, and nothing can be seen in it.
    waiting = [p for p in unknown if _same(p, missed) and pods.crash(p, case.now)]
    concerned = [*(m.pod for m in missed), *waiting]
    looping = [*(m.pod for m in missed if _looping(case, m)), *waiting]
    published = case.service.spec.publish_not_ready_addresses
    hurt = [p for p in concerned if p in looping or not (published or pods.is_ready(p))]
    impact = traffic.impact_on(case, hurt) if hurt else Impact.NONE
    first = missed[0]
    kinds = sorted({c.kind for m in missed for c in m.checks}, reverse=True)
    fields = listing(f"{kind}Probe" for kind in kinds)
    heard = listing(kubelet.heard(case, first.pod))
    listener = "the pod" if len(case.pods) == 1 else first.pod.metadata.name
    return RULE.finding(
        case,
        f"The {fields} of container {first.checks[0].container} in "
        f"{share(concerned, case.pods)} {'asks' if len(kinds) == 1 else 'ask'} for "
        f"{_asked(first.checks)}" + (f"; {listener} listens on {heard}" if heard else ""),
        evidence=_evidence(case, missed, waiting),
        fixes=_fixes(case, missed),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=sorted(p.metadata.name for p in concerned),
    )


def _missed(case: ServiceCase, pod: Pod) -> tuple[Check, ...] | None:
    """The pod's probes that surely meet no listener; None where that cannot be seen.

    A readiness probe of a Ready pod and a startup probe of a started container passed: what
    contradicts them is no evidence.
    """
    found, unseen = [], False
    for check in probes.checks(pod):
        status = kubelet.status_of(pod, check.container)
        if check.asked is None or status is None:
            continue
        if check.unresolved and not (status.ready and check.kind != "liveness"):
            found.append(check)
            continue
        if status.state.running is None:
            killed = check.kind != "readiness" and check.number not in _known(case, pod)
            if killed and kubelet.refused(case, pod, check):
                found.append(check)
            else:
                unseen = True
            continue
        if check.kind == "readiness" and status.ready:
            continue
        if check.kind == "startup" and status.started is not False:
            continue
        if check.number is None:
            continue
        kind = kubelet.meets(case, pod, check.number).kind
        if kind == "not-listening" and not _starting(case, pod, check):
            found.append(check)
        unseen = unseen or kind in ("unknown", "not-running")
    return tuple(found) if found or not unseen else None


def _known(case: ServiceCase, pod: Pod) -> set[int]:
    """The ports that the manifests give the application: it may be slow to open one of them."""
    served = {ports.resolve_target_port(p, pod) for p in case.service.spec.ports}
    declared = {p.container_port for _, p in ports.declared_ports(pod)}
    return {n for n in served | declared if n is not None}


def _starting(case: ServiceCase, pod: Pod, check: Check) -> bool:
    """Whether the container has just started and may still open its port."""
    status = kubelet.status_of(pod, check.container)
    running = status.state.running if status else None
    allowed = max(check.delay + check.patience, traffic.SETTLED)
    young = running is not None and pods.age(running.started_at, case.now) < allowed
    return young and not kubelet.heard(case, pod)


def _looping(case: ServiceCase, missed: _Missed) -> bool:
    """Whether the kubelet restarts the container again and again, well as it looks in between."""
    if pods.crash(missed.pod, case.now):
        return True
    for check in missed.checks:
        status = kubelet.status_of(missed.pod, check.container)
        running = status.state.running if status else None
        if check.kind != "readiness" and status and running and status.restart_count:
            return pods.age(running.started_at, case.now) < 60
    return False


def _same(pod: Pod, missed: Sequence[_Missed]) -> bool:
    own = set(probes.checks(pod))
    return any(own & set(m.checks) for m in missed)


def _asked(checks: Sequence[Check]) -> str:
    resolved = sorted({c.number for c in checks if c.number is not None})
    if resolved:
        return f"{listing(resolved)}, where nothing listens"
    asked = sorted({str(c.asked) for c in checks})
    return f"the port {listing(asked)}, which the container does not declare"


def _evidence(case: ServiceCase, missed: Sequence[_Missed], waiting: Sequence[Pod]) -> list[Fact]:
    found: list[Fact] = [_fact(case, m.pod, c) for m in missed for c in m.checks]
    found += [
        evidence.pod_is(case, p.metadata.name, "has the same probe and waits for its restart")
        for p in waiting
    ]
    found += [
        Said(
            source="the kubelet",
            words=said,
            subject=evidence.pod_subject(case, m.pod.metadata.name),
        )
        for m in missed
        for c in m.checks
        if (said := kubelet.refused(case, m.pod, c))
    ]
    if any(c.kind == "liveness" for m in missed for c in m.checks):
        text = "the kubelet restarts a container whose livenessProbe fails"
        found.append(Observation(text=text))
    return found


def _fact(case: ServiceCase, pod: Pod, check: Check) -> Probes:
    heard = listing(kubelet.heard(case, pod))
    return Probes(
        pod=pod.metadata.name,
        container=check.container,
        field=check.field,
        asks=f"{check.way} {check.asked}",
        port=check.number,
        meets=f"the pod listens on {heard or 'no port'}",
    )


def _fixes(case: ServiceCase, missed: Sequence[_Missed]) -> list[Fix]:
    failing = {m.pod.metadata.name for m in missed}
    others = [p for p in case.pods if p.metadata.name not in failing and pods.is_ready(p)]
    if any(_same(p, missed) for p in others):
        # Where the same probe passes in other pods it is right: a standby is not to be made Ready.
        return []
    pod, checks = missed[0].pod, missed[0].checks
    same = [c for c in checks if c.container == checks[0].container]
    meant = _meant(case, pod, same[0])
    number = meant if meant is not None else "the port that the application listens on"
    what = listing(dict.fromkeys(c.field for c in same))
    found = []
    if isinstance(meant, int) and case.service.spec.ports and not _is_served(case, pod, meant):
        # If only the probes changed, the pod would be Ready, and refuse every client.
        found.append(_with_service(case, pod, same, meant))
    elif meant is not None and (fix := _move(case, pod, same, meant)):
        found.append(fix)
    found += fixes.undo(case, [m.pod for m in missed])
    return found or [
        fixes.by_hand(
            f"Change the port of the {what} of container {same[0].container} to {number}",
            "".join(f"{c.field}:\n  {c.way}:\n    port: {meant}\n" for c in same)
            if meant is not None
            else None,
        )
    ]


def _is_served(case: ServiceCase, pod: Pod, meant: int) -> bool:
    """Whether some port of the Service leads to where the pod listens, or is meant to."""
    heard = (meant, *kubelet.heard(case, pod))
    return any(ports.dialled_port(case.service, p, pod) in heard for p in case.service.spec.ports)


def _with_service(case: ServiceCase, pod: Pod, checks: Sequence[Check], meant: int) -> Fix:
    """Corrects the number for probes and Service alike: where it is declared, or everywhere."""
    headless = case.service.headless
    leading = case.service.spec.ports
    names = {c.asked for c in checks} | {ports.declared_target(p) for p in leading}
    name = names.pop() if len(names) == 1 and not headless else None
    if isinstance(name, str) and (fix := fixes.redeclare(case, pod, name, meant)):
        return fix
    numbers = listing(p.port for p in leading)
    return fixes.by_hand(
        f"Change the port of the {listing(dict.fromkeys(c.field for c in checks))} of container "
        f"{checks[0].container} and "
        + (f"port {numbers}" if headless else f"targetPort of port {numbers}")
        + f" of the Service to {meant}, together: if only the probes change, the pod is Ready "
        "and refuses its clients"
    )


def _meant(case: ServiceCase, pod: Pod, check: Check) -> int | str | None:
    """The port that the probe should ask for: a near name, what the Service serves, or the only
    one that listens."""
    heard = kubelet.heard(case, pod)
    if isinstance(check.asked, str) and check.number is None:
        declared = next(c.ports for c in ports.serving_containers(pod) if c.name == check.container)
        near = selectors.nearest(check.asked, (p.name for p in declared if p.name))
        if near and any(p.name == near and p.container_port in heard for p in declared):
            return near
    served = [ports.resolve_target_port(p, pod) for p in case.service.spec.ports]
    if not pods.has_running_main(pod):
        heard = sorted(_known(case, pod))
    likely = [n for n in heard if n in served] or heard
    return likely[0] if len(likely) == 1 else None


def _move(case: ServiceCase, pod: Pod, checks: Sequence[Check], port: int | str) -> Fix | None:
    """Lets the probes of one container ask for another port, in the pod template."""
    workload = case.workload(pod)
    if workload is None or workload.kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return None
    name = checks[0].container
    own = rollouts.replica_set_of(case, pod)
    spec = own.spec.template.spec if own and own.spec.template.spec.containers else pod.spec
    found = _place("containers", spec.containers, name) or _place(
        "initContainers", spec.init_containers, name
    )
    if found is None:
        return None
    base = f"/spec/template/spec/{found}"
    operations: list[Operation] = [fixes.test(f"{base}/name", name)]
    for check in checks:
        operations += fixes.replace(f"{base}/{check.field}/{check.way}/port", check.asked, port)
    return fixes.patch(
        case,
        workload,
        operations,
        title=f"Change the port of the {listing(c.field for c in checks)} to {port} in "
        f"{workload.kind} {workload.name} (its pods are replaced)",
        safety="review",
        source="".join(f"{c.field}:\n  {c.way}:\n    port: {port}\n" for c in checks),
    )


def _place(field: str, containers: Sequence[Container], name: str) -> str | None:
    return next((f"{field}/{i}" for i, c in enumerate(containers) if c.name == name), None)


RULE = Rule(
    code="PC411",
    name="probe-port-not-listening",
    severity="error",
    summary="A probe uses a port on which nothing listens",
    applies=(When.SELECTOR,),
    needs=(Need.PODS,),
    uses=(Need.REPLICA_SETS, Need.EVENTS, Need.SOCKETS, Need.ATTEMPTS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="A liveness, startup or readiness probe uses a port on which no process listens, "
        "or a port name that its own container does not declare. The application listens on other "
        "ports.",
        why="A failing readiness probe keeps the pod out of the Service. A failing liveness or "
        "startup probe makes the kubelet restart the container again and again.",
        confirm="kubectl describe pod POD: the event Unhealthy says 'connection refused'. kubectl "
        "exec POD -- netstat -tln shows the ports that listen.",
        fix="Change the probe to the port that serves, if possible by its name. Or make the "
        "application listen on the probe's port.",
    ),
    examples=(
        Example(
            "the port was changed and the readiness probe was not",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1,
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: Pod
metadata: {name: checkout-1-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-1, uid: rs-1, controller: true}]}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8081, path: /}}}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {running: {}}}]
---
probes: {checkout-1-a: {sockets: ["0.0.0.0:8080"], port-forward: {8081: refused}}}
""",
            expects="""
broken; also PC104, PC302
PC411 error for all in Service checkout
  The readinessProbe of container app in the pod asks for 8081, where nothing listens; the pod
      listens on 8080
  pods: checkout-1-a
  - checkout-1-a: the readinessProbe of container app asks for httpGet 8081; the pod listens on
      8080
  review: Change the port of the readinessProbe to 8080 in Deployment checkout (its pods are
      replaced)
    replace /spec/template/spec/containers/0/readinessProbe/httpGet/port 8080 in Deployment
        checkout
""",
        ),
        Example(
            "the liveness probe uses a closed port: the container will restart",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, livenessProbe: {tcpSocket: {port: 8081}}}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: app, ready: true, state: {running: {}}}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC411 warning in Service checkout
  The livenessProbe of container app in the pod asks for 8081, where nothing listens; the pod
      listens on 8080
  pods: checkout-1
  - checkout-1: the livenessProbe of container app asks for tcpSocket 8081; the pod listens on
      8080
  - the kubelet restarts a container whose livenessProbe fails
  review: Change the port of the livenessProbe of container app to 8080
""",
        ),
        Example(
            "the liveness probe kills the container so often that no socket is seen",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{containerPort: 8080}], livenessProbe: {tcpSocket: {port: 8081}}}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    restartCount: 4
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 0, reason: Completed}}
---
kind: Event
metadata: {name: checkout-1.1}
involvedObject: {kind: Pod, name: checkout-1}
type: Warning
reason: Unhealthy
message: "Liveness probe failed: dial tcp 10.0.0.1:8081: connect: connection refused"
""",
            expects="""
broken; also PC102, PC302
PC411 error for all in Service checkout
  The livenessProbe of container app in the pod asks for 8081, where nothing listens
  pods: checkout-1
  - checkout-1: the livenessProbe of container app asks for tcpSocket 8081; the pod listens on
      no port
  - checkout-1: the kubelet: Liveness probe failed: dial tcp 10.0.0.1:8081: connect: connection
      refused
  - the kubelet restarts a container whose livenessProbe fails
  review: Change the port of the livenessProbe of container app to 8080
""",
        ),
        Example(
            "a port name that only another container declares",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, readinessProbe: {httpGet: {port: health}}}
  - {name: side, ports: [{name: health, containerPort: 8081}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - {name: app, state: {running: {}}}
  - {name: side, ready: true, state: {running: {}}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:8081"]}}
""",
            expects="""
broken; also PC104, PC302
PC411 error for all in Service checkout
  The readinessProbe of container app in the pod asks for the port health, which the container
      does not declare; the pod listens on 8080 and 8081
  pods: checkout-1
  - checkout-1: the readinessProbe of container app asks for httpGet health; the pod listens on
      8080 and 8081
  review: Change the port of the readinessProbe of container app to 8080
""",
        ),
        Example(
            "the kubelet was refused on the application's own port, which may start slowly",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{containerPort: 8080}], livenessProbe: {tcpSocket: {port: 8080}}}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    restartCount: 4
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 1, reason: Error}}
---
kind: Event
metadata: {name: checkout-1.1}
involvedObject: {kind: Pod, name: checkout-1}
type: Warning
reason: Unhealthy
message: "Liveness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"
""",
            expects="""
broken; also PC102, PC302
not evaluated: what the probes meet is not known
""",
        ),
        Example(
            "a management port that listens",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - name: app
    readinessProbe: {httpGet: {port: 9100}}
    livenessProbe: {httpGet: {port: 9100}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]}}
""",
            expects="healthy; also PC412",
        ),
    ),
    check_service=_check,
)
