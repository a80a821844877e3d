"""PC104: the pods run, but their readiness probe fails, so they get no traffic."""

from collections.abc import Mapping

from kubectl_portcheck.model.facts import Probes
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, share, socket
from kubectl_portcheck.semantics import events, kubelet, pods, starting, traffic
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.probes import Check


def _check(case: ServiceCase) -> Outcome:
    failing = {
        p.metadata.name: (p, found[0])
        for p in case.pods
        if not (pods.is_ready(p) or pods.is_terminating(p) or pods.crash(p, case.now))
        and (found := kubelet.failing(p))
    }
    if any(traffic.receives(case, p) for p in case.pods):
        # While others serve, a pod that starts is no news.
        failing = {
            n: f
            for n, f in failing.items()
            if not (traffic.is_new(case, f[0]) or starting.before_ready(case, f[0]))
        }
    if not failing:
        return Passed()
    pod, check = next(iter(failing.values()))
    published = case.service.spec.publish_not_ready_addresses
    impact = Impact.NONE if published else traffic.impact_on(case, [p for p, _ in failing.values()])
    return RULE.finding(
        case,
        f"The {check.field} fails in {share(failing, case.pods)}: it asks for "
        f"{_asked(check)}{f'; {met}' if (met := _met(case, pod, check)) else ''}",
        evidence=[
            Probes(
                pod=name,
                container=c.container,
                field=c.field,
                asks=_asked(c),
                port=c.number,
                meets=_met(case, p, c),
            )
            for name, (p, c) in failing.items()
        ]
        + [s for name in failing for s in events.said(case, name, "Unhealthy")],
        fixes=_fixes(case, failing),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=failing,
    )


def _asked(check: Check) -> str:
    if check.way == "exec":
        return "a command"
    if check.asked is None:
        return f"{check.way} on another host"
    number = f" ({check.number})" if isinstance(check.asked, str) and check.number else ""
    return f"{check.way} {check.asked}{number}" + (check.path if check.path != "/" else "")


def _met(case: ServiceCase, pod: Pod, check: Check) -> str:
    """What the kubelet meets there."""
    if check.asked is None:
        return ""
    if check.number is None:
        return f"container {check.container} declares no port of that name"
    answer = kubelet.meets(case, pod, check.number)
    others = listing(n for n in kubelet.heard(case, pod) if n != check.number)
    where = listing(sorted({socket(s) for s in answer.listeners}))
    return {
        "not-accepting": "a process listens there but does not accept connections",
        "serves": "a process listens there and does not answer correctly",
        "not-listening": "nothing listens there" + (f", only on {others}" if others else ""),
        "loopback-only": f"the application listens on {where or 'the loopback address'} only",
        "other-address": f"the application listens on {where}, which is not the pod's IP address",
        "other-family": f"the application listens on {where}, for another address family",
    }.get(answer.kind, "")


def _fixes(case: ServiceCase, failing: Mapping[str, tuple[Pod, Check]]) -> list[Fix]:
    pod, check = next(iter(failing.values()))
    kind = kubelet.meets(case, pod, check.number).kind if check.number else "unknown"
    if kind in ("loopback-only", "other-address", "other-family"):
        return [
            fixes.by_hand(
                f"Make the application listen on 0.0.0.0:{check.number} (or [::]:{check.number}): "
                "the kubelet connects to the pod's IP address, as clients do"
            )
        ]
    look = fixes.look(
        case,
        *("describe", "pod", pod.metadata.name),
        title=f"Fix what the {check.field} of container {check.container} asks for; the event "
        "Unhealthy has its answer",
    )
    return [*fixes.undo(case, [p for p, _ in failing.values()]), look]


RULE = Rule(
    code="PC104",
    name="readiness-probe-failing",
    severity="error",
    summary="The pods run, but their readiness probe fails, so they get no traffic",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.REPLICA_SETS, Need.SOCKETS, Need.ATTEMPTS, Need.EVENTS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The containers run, and the readiness probe (or the startup probe before it) "
        "does not succeed. The finding compares the probe's port with the ports that listen.",
        why="A pod that is not Ready gets no new connections from the Service. If no pod is "
        "Ready, connections to the Service are refused.",
        confirm="kubectl describe pod POD: the event Unhealthy quotes the answer that the kubelet "
        "got. A probe connects to the pod's IP address, so it fails when the application listens "
        "on loopback only.",
        fix="Fix the application if it answers with an error or does not listen on the pod's IP "
        "address. Fix the probe if it uses the wrong port or path.",
    ),
    examples=(
        Example(
            "the application listens on the loopback address only",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080, path: /ready}}}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {running: {}}}]
---
probes: {checkout-1: {sockets: ["127.0.0.1:8080"], port-forward: {8080: accepted}}}
""",
            expects="""
broken; also PC302
PC104 error for all in Service checkout
  The readinessProbe fails in the pod: it asks for httpGet 8080/ready; the application listens
      on 127.0.0.1:8080 only
  pods: checkout-1
  - checkout-1: the readinessProbe of container app asks for httpGet 8080/ready; the application
      listens on 127.0.0.1:8080 only
  review: Make the application listen on 0.0.0.0:8080 (or [::]:8080): the kubelet connects to
      the pod's IP address, as clients do
""",
        ),
        Example(
            "the new revision answers with an error, the old one serves",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1, annotations: {deployment.kubernetes.io/revision: "1"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: ReplicaSet
metadata: {name: checkout-2, uid: rs-2, annotations: {deployment.kubernetes.io/revision: "2"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: Pod
metadata: {name: checkout-1-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-1, uid: rs-1, controller: true}]}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080, path: /ready}}}]}
---
kind: Pod
metadata: {name: checkout-2-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-2, uid: rs-2, controller: true}]}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080, path: /ready}}}]}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {running: {}}}]
---
probes:
  checkout-1-a: {sockets: ["0.0.0.0:8080"]}
  checkout-2-a: {sockets: ["0.0.0.0:8080"]}
""",
            expects="""
healthy; also PC304
PC104 warning in Service checkout
  The readinessProbe fails in 1 of 2 pods: it asks for httpGet 8080/ready; a process listens
      there and does not answer correctly
  pods: checkout-2-a
  - checkout-2-a: the readinessProbe of container app asks for httpGet 8080/ready; a process
      listens there and does not answer correctly
  review: Fix what the readinessProbe of container app asks for; the event Unhealthy has its
      answer
    look: kubectl describe pod checkout-2-a -n default
""",
        ),
        Example(
            "a pod that started a moment ago, while others serve",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout},
  creationTimestamp: "2026-06-01T11:59:57Z"}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080, path: /ready}}}]}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {running: {}}}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: []}}
""",
            expects="healthy; also PC411",
        ),
        Example(
            "not Ready, but without a probe: not for this rule",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}], readinessGates: [{conditionType: example.com/registered}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, ready: true, state: {running: {}}}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
    follows_from=("PC116", "PC411", "PC507"),
)
