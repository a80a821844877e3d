"""What still names the port that the application has left."""

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose

SHOP = """
kind: Service
metadata: {name: checkout, annotations: {prometheus.io/port: "8080"}}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}, annotations: {prometheus.io/port: "8080"}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
probes:
  checkout-1: {sockets: ["0.0.0.0:9000"], port-forward: {8080: refused}}
  checkout-2: {sockets: ["0.0.0.0:9000"], port-forward: {8080: refused}}
"""


def test_every_pod_is_looked_at_for_the_old_port() -> None:
    (service,) = diagnose(evidence_of(SHOP)).services
    assert service.old_port is not None
    assert (service.old_port.port, service.old_port.places) == (
        8080,
        (
            "targetPort of Service checkout, port 80",
            "annotation prometheus.io/port of Service checkout",
            "annotation prometheus.io/port of 1 of 2 pods",
        ),
    )


def test_a_port_that_one_pod_still_serves_was_not_left() -> None:
    served = SHOP.replace(
        'checkout-2: {sockets: ["0.0.0.0:9000"], port-forward: {8080: refused}}',
        'checkout-2: {sockets: ["0.0.0.0:8080"]}',
    )
    (service,) = diagnose(evidence_of(served)).services
    assert service.old_port is None


ROUTED = """
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, namespace: shop, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
"""
VIRTUAL = """
---
kind: VirtualService
metadata: {name: checkout, namespace: SPACE, annotations: {meta.helm.sh/release-name: SPACE}}
spec:
  hosts: [shop.example.com]
  http: [{route: [{destination: {host: checkout.shop.svc.cluster.local, port: {number: 81}}}]}]
"""


def test_the_owner_is_that_of_the_object_in_the_namespace_of_the_fix() -> None:
    spaces = ("front", "shop", "back")
    text = ROUTED + "".join(VIRTUAL.replace("SPACE", space) for space in spaces)
    (service,) = diagnose(evidence_of(text)).services
    owners = {
        f.subject.namespace: fix.owner
        for f in service.findings
        if f.code == "PC707"
        for fix in f.fixes
        if fix.command
    }
    assert owners == {space: f"Helm release {space}" for space in spaces}
