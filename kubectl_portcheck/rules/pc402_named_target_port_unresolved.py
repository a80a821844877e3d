"""PC402: the targetPort is a name that no container port has."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import ContainerPort
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.narrowing import narrowed
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import candidates, listening, ports, purpose
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.selectors import closeness

NEAR = 0.6
"""From here on a name is taken for another one, misspelt."""

FORWARD = "gets no clients, and kubectl port-forward to the Service fails where it takes this pod"


def _check(case: Case) -> Outcome:
    name = str(case.target)
    if name.isascii() and name.isdecimal():
        return _quoted(case, name)
    if not case.selects or case.service.headless:
        return NotApplicable("the Service does not resolve names in pods")
    without = [s for s in case.states if s.target is None]
    if not without:
        return Passed()
    if any(_has_name(s, name) for s in without):
        return NotApplicable("the name exists under another protocol (PC403)")
    every = len(without) == len(case.states)
    common = _common_ports(case, without)
    declared = [f"{p.name or 'unnamed'} ({p.container_port}/{p.protocol})" for p in common]
    lacks = (
        f"None of the {len(without)} pods has a container port named {name}"
        if every and len(without) > 1
        else f"No container port is named {name} in {share(without, case.states)}"
    )
    summary = (
        f"{lacks}; declared: {listing(declared)}" if declared else f"{lacks}; no port is declared"
    )
    return RULE.finding(
        case,
        summary,
        evidence=[
            *(evidence.declares(s.pod, name) for s in without),
            *(evidence.observed(case, s.name, FORWARD) for s in without if not every),
        ],
        fixes=_fixes(case, without, common),
        impact=Impact.ALL if every else Impact.NONE,
        severity="error" if every else "warning",
        pods=names(without),
    )


def _quoted(case: Case, target: str) -> Outcome:
    """A number in quotes. No API server accepts it, so it is only in files."""
    return RULE.finding(
        case,
        f'targetPort "{target}" is quoted, so it is a name, and no name has only digits: '
        "the API server refuses the Service",
        evidence=[
            Said(
                source="the API server",
                words=f'spec.ports[].targetPort: Invalid value: "{target}": must contain at least '
                "one letter (a-z)",
            )
        ],
        fixes=[
            fixes.retarget(
                case,
                int(target),
                safety="safe",
                title=f"Set targetPort to {target}, without quotes",
            )
        ]
        if 0 < len(target) < 6
        else (),
        impact=Impact.ALL,
        pods=names(case.states),
    )


def _has_name(state: PodState, name: str) -> bool:
    return any(p.name == name for _, p in ports.declared_ports(state.pod))


def _common_ports(case: Case, states: Iterable[PodState]) -> list[ContainerPort]:
    """The ports of the right protocol that every one of the pods declares."""
    declared = [
        {p.name or str(p.container_port): p for _, p in ports.declared_ports(s.pod)} for s in states
    ]
    shared = set.intersection(*(set(d) for d in declared)) if declared else set()
    return [declared[0][k] for k in sorted(shared) if declared[0][k].protocol == case.port.protocol]


def partly(case: Case, without: Sequence[PodState]) -> list[Fix]:
    """Fixes where only some of the pods declare the name: another workload is not meant."""
    others = [s for s in case.states if s not in without]
    theirs, ours = ({case.workload(s.pod) for s in group} for group in (without, others))
    whose = f"the pods that declare {case.target}"
    if not theirs & ours:
        return [narrowed(case, [s.pod for s in others], [s.pod for s in without], whose)]
    return [
        fixes.by_hand(
            f"Declare the port name {case.target} in the pod template of "
            f"{listing(names(without))}: another targetPort would break the pods that declare it"
        )
    ]


def _fixes(case: Case, states: list[PodState], common: list[ContainerPort]) -> list[Fix]:
    if len(states) < len(case.states):
        return partly(case, states)
    taken = {ports.declared_target(p) for p in case.service.spec.ports if p is not case.port}
    free = [p for p in common if p.name not in taken and p.container_port not in taken]
    near = [p for p in free if p.name and closeness(p.name, str(case.target)) >= NEAR]
    meant = near or [p for p in free if p.name and p.name == case.port.name] or free
    safe = len(meant) == 1 and not any(_closed(case, s, meant[0]) for s in states)
    safe = safe and (bool(near) or _is_likely(case, meant[0]))
    if not meant:
        return _by_number(case, states)
    return [
        fixes.retarget(
            case,
            p.name or p.container_port,
            safety="safe" if safe else "review",
            cautions=_cautions(case, p),
            title=f"Set targetPort to {_named(states, p)}",
        )
        for p in sorted(meant, key=lambda p: (-closeness(p.name, str(case.target)), p.name))
    ]


def _named(states: Iterable[PodState], port: ContainerPort) -> str:
    """``http (8080)``; without the number where the pods give the name to several."""
    if not port.name:
        return str(port.container_port)
    numbers = {
        p.container_port
        for s in states
        for _, p in ports.declared_ports(s.pod)
        if (p.name, p.protocol) == (port.name, port.protocol)
    }
    return f"{port.name} ({port.container_port})" if len(numbers) == 1 else port.name


def _is_likely(case: Case, port: ContainerPort) -> bool:
    """Whether more speaks for the port than that it is the only one."""
    return bool(port.name) and (
        port.name == case.port.name or port.name.split("-")[0] in candidates.APPLICATION_NAMES
    )


def _cautions(case: Case, port: ContainerPort) -> list[str]:
    why = purpose.contradicts(case.port, port.name, port.container_port)
    management = set(port.name.split("-")) & candidates.MANAGEMENT_NAMES
    return [
        *([why] if why else []),
        *([f"its name {port.name} is a management port's"] if management else []),
    ]


def _by_number(case: Case, states: list[PodState]) -> list[Fix]:
    """No port is declared: the one port on which every pod listens, by its number."""
    choice = candidates.choose(case, states)
    return [
        fixes.retarget(
            case,
            c.port,
            safety="review",
            title=f"Set targetPort to the number {c.port}, where the pods listen, if it was meant",
            cautions=c.against,
        )
        for c in choice.candidates[:3]
    ]


def _closed(case: Case, state: PodState, port: ContainerPort) -> bool:
    """Whether nothing accepts clients on the declared port, as far as the sockets are known."""
    listeners = case.listeners(state.pod)
    if listeners is None:
        return False
    open_ = listening.accepting(state.pod, listeners, case.port.protocol, case.families)
    return port.container_port not in {s.port for s in open_}


RULE = Rule(
    code="PC402",
    name="named-target-port-unresolved",
    severity="error",
    summary="The targetPort is a name that no container port has",
    applies=(When.NAMED_TARGET_PORT,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.PROOF,
    of_containers=True,
    field=("ports", "#", "targetPort"),
    explanation=Explanation(
        meaning="Kubernetes looks a named targetPort up among the container ports of each pod, by "
        "name and protocol. No pod declares this name. Usually it is misspelt or was renamed, or "
        "it is a name such as 8080-tcp where a number was meant.",
        why="The endpoints exist, but without this port. kubectl describe service looks healthy, "
        "and kube-proxy refuses connections.",
        confirm="kubectl get pod POD -o yaml shows the names under containers[].ports. kubectl "
        "get endpointslices shows <unset>.",
        fix="Set targetPort to a declared name, or give the container port this name.",
    ),
    examples=(
        Example(
            "htpp instead of http",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: htpp}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
broken; also PC303
PC402 error for all in Service checkout, port 80/TCP
  No container port is named htpp in the pod; declared: http (8080/TCP)
  pods: checkout-1
  - checkout-1: declares http (8080), not htpp
  safe: Set targetPort to http (8080)
    replace /spec/ports/0/targetPort http in Service checkout
""",
        ),
        Example(
            "a native sidecar declares the name",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: proxy}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers: [{name: app}]
  initContainers:
  - {name: proxy, restartPolicy: Always, ports: [{name: proxy, containerPort: 8080}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "two pods give the same name to different numbers",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: htpp}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 9090}]}]}
---
probes:
  checkout-1: {sockets: ["0.0.0.0:8080"]}
  checkout-2: {sockets: ["0.0.0.0:9090"]}
""",
            expects="""
broken; also PC303
PC402 error for all in Service checkout, port 80/TCP
  None of the 2 pods has a container port named htpp; declared: http (8080/TCP)
  pods: checkout-1, checkout-2
  - checkout-1: declares http (8080), not htpp
  - checkout-2: declares http (9090), not htpp
  review: Set targetPort to http
    replace /spec/ports/0/targetPort http in Service checkout
""",
        ),
        Example(
            "of two declared ports one has nearly the name",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: htpp}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{name: http, containerPort: 8080}, {name: web, containerPort: 9000}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:9000"]}}
""",
            expects="""
broken; also PC303
PC402 error for all in Service checkout, port 80/TCP
  No container port is named htpp in the pod; declared: http (8080/TCP) and web (9000/TCP)
  pods: checkout-1
  - checkout-1: declares http (8080) and web (9000), not htpp
  safe: Set targetPort to http (8080)
    replace /spec/ports/0/targetPort http in Service checkout
""",
        ),
        Example(
            "of two declared ports one has the name of the Service port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: web, port: 80, targetPort: frontend}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{name: web, containerPort: 8080}, {name: extra, containerPort: 9000}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:9000"]}}
""",
            expects="""
broken; also PC303
PC402 error for all in Service checkout, port 80/TCP
  No container port is named frontend in the pod; declared: extra (9000/TCP) and web (8080/TCP)
  pods: checkout-1
  - checkout-1: declares web (8080) and extra (9000), not frontend
  safe: Set targetPort to web (8080)
    replace /spec/ports/0/targetPort web in Service checkout
""",
        ),
        Example(
            "a Service port has the name of one of two ports that are already used",
            """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports:
  - {name: web, port: 80, targetPort: frontend}
  - {name: admin, port: 81, targetPort: admin}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{name: main, containerPort: 8080}, {name: admin, containerPort: 9000}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080", "0.0.0.0:9000"]}}
""",
            expects="""
broken; also PC303
PC402 error for all in Service checkout, port 80/TCP
  No container port is named frontend in the pod; declared: admin (9000/TCP) and main (8080/TCP)
  pods: checkout-1
  - checkout-1: declares main (8080) and admin (9000), not frontend
  safe: Set targetPort to main (8080)
    replace /spec/ports/0/targetPort main in Service checkout
""",
        ),
    ),
    check=_check,
    follows_from=("PC404",),
)
