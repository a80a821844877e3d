"""PC304: some pods of the Service are not Ready; the others serve."""

from kubectl_portcheck.rules import evidence
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
from kubectl_portcheck.rules.wording import share, verb
from kubectl_portcheck.semantics import pods, starting, traffic
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    staying = [p for p in case.pods if not pods.is_terminating(p)]
    unready = [p for p in staying if not pods.is_ready(p)]
    late = [p for p in unready if not (traffic.is_new(case, p) or starting.before_ready(case, p))]
    if not late or len(unready) == len(staying):
        return Passed()
    return RULE.finding(
        case,
        f"{share(late, staying)} {verb(late, 'is', 'are')} not Ready and "
        f"{verb(late, 'gets', 'get')} no traffic",
        evidence=[evidence.pod_is(case, p.metadata.name, pods.describe(p)) for p in late],
        pods=[p.metadata.name for p in late],
    )


RULE = Rule(
    code="PC304",
    name="some-endpoints-not-ready",
    severity="warning",
    summary="Some pods of the Service are not Ready; the others serve",
    applies=(When.SELECTOR, When.READY_ONLY),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="Some of the pods that the selector matches are not Ready, for longer than a "
        "start takes. The Service sends its clients to the other pods.",
        why="Traffic does not fail, but fewer pods serve it.",
        confirm="kubectl get pods shows 0/1 and 1/1. kubectl describe pod says why.",
        fix="Fix what keeps these pods from being Ready. If the cause is known, another finding "
        "of the report names it.",
    ),
    examples=(
        Example(
            "one of two pods has not been Ready for long",
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
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status: {phase: Pending}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC304 warning in Service checkout
  1 of 2 pods is not Ready and gets no traffic
  pods: checkout-2
  - checkout-2: Pending
""",
        ),
        Example(
            "during a rollout: one pod starts, one is deleted",
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
metadata: {name: checkout-2, labels: {app: checkout}, creationTimestamp: "2026-06-01T11:59:58Z"}
spec: {containers: [{name: app}]}
status: {phase: Pending}
---
kind: Pod
metadata: {name: checkout-3, labels: {app: checkout}, deletionTimestamp: "2026-06-01T12:00:20Z"}
spec: {containers: [{name: app}]}
status: {phase: Running, podIP: 10.0.0.3, conditions: [{type: Ready, status: "False"}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "publishNotReadyAddresses: pods that are not Ready get traffic on purpose",
            """
kind: Service
metadata: {name: checkout}
spec:
  publishNotReadyAddresses: true
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status: {phase: Pending}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "a pod starts slowly, within the time that its probe allows",
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
metadata: {name: checkout-2, labels: {app: checkout}}
spec:
  containers:
  - {name: app, readinessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 60}}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {running: {startedAt: "2026-06-01T11:59:20Z"}}}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: []}}
""",
            expects="healthy",
        ),
    ),
    check_service=_check,
    follows_from=("PC101", "PC102", "PC103", "PC104", "PC105", "PC116", "PC411"),
)
