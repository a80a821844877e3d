"""PC404: the targetPort's name resolves to different ports across the pods."""

from collections import Counter

from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.pc402_named_target_port_unresolved import FORWARD, partly
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    without = [s for s in case.states if s.target is None]
    numbers = Counter(s.target for s in case.states if s.target is not None)
    if not numbers or len(numbers) + bool(without) < 2:
        return Passed()
    resolved = [
        f"{number} in {share(range(count), case.states)}"
        for number, count in sorted(numbers.items())
    ]
    if without:
        resolved.append(
            f"no port in {share(without, case.states)}, which "
            f"{verb(without, 'gets', 'get')} no traffic"
        )
    return RULE.finding(
        case,
        f"The port name {case.target} resolves to {listing(resolved)}",
        evidence=[
            *(
                evidence.observed(case, s.name, f"{case.target} is {s.target}")
                if s.target is not None
                else evidence.declares(s.pod, case.target)
                for s in case.states
            ),
            *(evidence.observed(case, s.name, FORWARD) for s in without),
        ],
        fixes=partly(case, without) if without else (),
        severity="warning" if without else "info",
        pods=names(without or case.states),
    )


RULE = Rule(
    code="PC404",
    name="named-target-port-diverges",
    severity="warning",
    summary="The targetPort's name resolves to different ports across the pods",
    applies=(When.SELECTOR, When.NOT_HEADLESS, When.NAMED_TARGET_PORT),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.PROOF,
    of_containers=True,
    field=("ports", "#", "targetPort"),
    explanation=Explanation(
        meaning="Kubernetes looks a named targetPort up in each pod. The pods declare the name "
        "with different numbers, or some pods do not declare it. Usually these are two revisions "
        "or two workloads.",
        why="Different numbers are allowed, and clients are served. A pod that does not declare "
        "the name gets no traffic for this port, even if it is Ready.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME shows a line per "
        "number, and <unset> for pods without the name.",
        fix="Nothing, if every number is meant and listens. Where pods of another workload do not "
        "have the name, leave them out of the selector; declare it only where it listens.",
    ),
    examples=(
        Example(
            "two revisions, and only one declares the name",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: http}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: web, containerPort: 8080}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy; also PC303, PC402
PC404 warning in Service checkout, port 80/TCP
  The port name http resolves to 8080 in 1 of 2 pods and no port in 1 of 2 pods, which gets no
      traffic
  pods: checkout-2
  - checkout-1: http is 8080
  - checkout-2: declares web (8080), not http
  - checkout-2: gets no clients, and kubectl port-forward to the Service fails where it takes
      this pod
  review: Declare the port name http in the pod template of checkout-2: another targetPort would
      break the pods that declare it
""",
        ),
        Example(
            "two numbers, and both listen: information",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: http}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 9000}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="""
healthy
PC404 info in Service checkout, port 80/TCP
  The port name http resolves to 8080 in 1 of 2 pods and 9000 in 1 of 2 pods
  pods: checkout-1, checkout-2
  - checkout-1: http is 8080
  - checkout-2: http is 9000
""",
        ),
        Example(
            "no pod declares the name: that is PC402",
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
            expects="broken; also PC402, PC303",
        ),
    ),
    check=_check,
    follows_from=("PC309", "PC405", "PC407"),
)
