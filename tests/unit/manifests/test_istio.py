"""The gateways of Istio in files: judged only where their pods are among the files."""

from pathlib import Path

from .test_whole import tree

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: app, image: app, ports: [{name: http, containerPort: 8080}]}]}
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [public]
  http: [{route: [{destination: {host: shop}}]}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: PORT, name: web, protocol: HTTP}, hosts: [shop.example.com]}]
"""
INGRESS = """\
apiVersion: v1
kind: Service
metadata: {name: ingress, namespace: SPACE}
spec: {selector: {istio: ingressgateway}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress, namespace: SPACE}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  template:
    metadata: {labels: {istio: ingressgateway}}
    spec: {containers: [{name: istio-proxy, image: auto, ports: [{containerPort: 8080}]}]}
"""


def codes(folder: Path, port: int, *more: str) -> list[str]:
    files = {"shop.yaml": SERVICE, "route.yaml": ROUTE.replace("PORT", str(port))}
    files |= {f"more{i}.yaml": text for i, text in enumerate(more)}
    return [f.code for f in tree(folder, files).findings if f.subject.kind == "Gateway"]


def test_a_port_of_a_gateway_whose_pods_are_in_the_files(tmp_path: Path) -> None:
    assert codes(tmp_path, 443, INGRESS.replace("SPACE", "istio-system")) == ["PC733"]
    assert codes(tmp_path, 80, INGRESS.replace("SPACE", "istio-system")) == []
    assert codes(tmp_path, 443, INGRESS.replace(", namespace: SPACE", "")) == ["PC733"]


def test_nothing_is_said_where_its_pods_are_not(tmp_path: Path) -> None:
    assert codes(tmp_path, 443) == []


MESHED = SERVICE.replace(
    "labels: {app: shop}}", 'labels: {app: shop, sidecar.istio.io/inject: "true"}}'
)
SECOND = """\
apiVersion: v1
kind: Service
metadata: {name: second}
spec: {selector: {app: shop}, ports: [{name: tcp, port: 81, targetPort: 8080}]}
"""


def test_services_that_declare_otherwise(tmp_path: Path) -> None:
    def conflicts(shop: str, *more: str) -> list[str]:
        named = shop.replace("[{port: 80", "[{name: http, port: 80")
        files = {"shop.yaml": named, **{f"more{i}.yaml": text for i, text in enumerate(more)}}
        return [f.subject.name for f in tree(tmp_path, files).findings if f.code == "PC728"]

    assert conflicts(MESHED) == []
    assert conflicts(MESHED, SECOND) == ["second", "shop"]
    assert conflicts(SERVICE, SECOND) == []
    assert conflicts(MESHED, SECOND.replace("name: tcp", "name: http")) == []
