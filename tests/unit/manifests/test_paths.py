"""An Ingress or a route in files: the finding is at its line, and the fix edits its file."""

from pathlib import Path

from .reading import check

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: checkout
spec:
  ports:
  - port: 80
    targetPort: 8080
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: checkout
            port:
              number: 8080   # the pods'
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: shop
  namespace: NAMESPACE
spec:
  rules:
  - backendRefs:
    - name: checkout
      namespace: store
      port: 8080
"""


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def fixed(tmp_path: Path, **files: str) -> dict[str, str]:
    found = check(folder(tmp_path, **files))
    return {Path(file.name).stem: text for file, text in found.fixed.files}


def test_the_line_of_the_ingress_and_its_fixed_file(tmp_path: Path) -> None:
    found = check(folder(tmp_path, service=SERVICE, ingress=INGRESS))
    [problem] = [f for f in found.findings if f.code == "PC701"]
    assert (problem.severity, problem.subject.kind) == ("error", "Ingress")
    assert problem.origin
    assert (Path(problem.origin.file).stem, problem.origin.line) == ("ingress", 16)
    [(file, text)] = found.fixed.files
    assert Path(file.name).stem == "ingress"
    assert text == INGRESS.replace("8080", "80")
    [fix] = problem.fixes
    assert fix.patch
    assert "+              number: 80   # the pods'" in fix.patch


def test_a_choice_still_has_its_line(tmp_path: Path) -> None:
    service = SERVICE.replace(
        "  - port: 80\n", "  - {port: 81, name: b}\n  - name: a\n    port: 80\n"
    )
    ingress = INGRESS.replace("8080", "1234")
    found = check(folder(tmp_path, service=service, ingress=ingress))
    [problem] = [f for f in found.findings if f.code == "PC701"]
    assert problem.origin
    assert (Path(problem.origin.file).stem, problem.origin.line) == ("ingress", 16)
    assert found.fixed.files == ()
    assert any("needs a choice" in line for line in found.fixed.left)


def test_two_ingresses_are_both_fixed(tmp_path: Path) -> None:
    other = INGRESS.replace("name: shop", "name: inner")
    files = fixed(tmp_path, service=SERVICE, ingress=INGRESS, other=other)
    assert set(files) == {"ingress", "other"}


def test_a_route_is_fixed_in_its_place(tmp_path: Path) -> None:
    service = SERVICE.replace("name: checkout", "name: checkout\n  namespace: store")
    route = ROUTE.replace("NAMESPACE", "store")
    elsewhere = ROUTE.replace("NAMESPACE", "other").replace("namespace: store", "namespace: x")
    files = fixed(tmp_path, service=service, a=elsewhere, route=route)
    assert files == {"route": route.replace("port: 8080", "port: 80")}


def test_a_missing_grant_is_a_warning_unless_the_files_are_all(tmp_path: Path) -> None:
    service = SERVICE.replace("name: checkout", "name: checkout\n  namespace: store")
    route = ROUTE.replace("NAMESPACE", "web").replace("8080", "80")
    folder(tmp_path, service=service, route=route)
    for complete, severity in ((False, "warning"), (True, "error")):
        found = check(tmp_path, complete=complete)
        [problem] = [f for f in found.findings if f.code == "PC703"]
        assert problem.severity == severity
        assert problem.origin
        assert (Path(problem.origin.file).stem, problem.origin.line) == ("route", 9)


def test_the_old_form_of_an_ingress_is_not_judged(tmp_path: Path) -> None:
    old = """\
apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata: {name: shop}
spec: {backend: {serviceName: checkout, servicePort: 8080}}
"""
    found = check(folder(tmp_path, service=SERVICE, ingress=old))
    assert "PC701" not in [f.code for f in found.findings]


def test_an_ingress_means_the_service_beside_it(tmp_path: Path) -> None:
    """Environments side by side: each has a Service of that name, with other ports."""
    other = SERVICE.replace("port: 80\n", "port: 9000\n").replace("targetPort: 8080", "name: web")
    folder(tmp_path, both=f"{SERVICE}---\n{INGRESS.replace('8080', '80')}", other=other)
    assert "PC701" not in [f.code for f in check(tmp_path).findings]


def test_a_route_without_a_namespace_is_of_the_services(tmp_path: Path) -> None:
    route = ROUTE.replace("  namespace: NAMESPACE\n", "").replace("      namespace: store\n", "")
    found = check(folder(tmp_path, service=SERVICE, route=route))
    assert "PC702" in [f.code for f in found.findings]


MONITORED = """\
apiVersion: v1
kind: Service
metadata: {{name: shop, namespace: default, labels: {{app: shop}}}}
spec: {{selector: {{app: shop}}, ports: [{{name: http, port: 80}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: shop-metrics, namespace: {space}, labels: {{app: shop}}}}
spec: {{selector: {{app: shop}}, ports: [{{name: {name}, port: 9100}}]}}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {{name: shop, namespace: default}}
spec: {{selector: {{matchLabels: {{app: shop}}}}, endpoints: [{{port: metrics}}]}}
"""


def test_the_port_of_a_monitor_stands_on_another_service(tmp_path: Path) -> None:
    """It must be one that the monitor selects as well: of the same namespace, with the port."""
    for name, space, codes in (
        ("metrics", "default", []),
        ("other", "default", ["PC704", "PC704"]),
        ("metrics", "elsewhere", ["PC704"]),
    ):
        text = MONITORED.format(name=name, space=space)
        found = check(folder(tmp_path, all=text), complete=True)
        assert [f.code for f in found.findings if f.code == "PC704"] == codes


def test_a_monitor_of_another_namespace(tmp_path: Path) -> None:
    """It counts where its namespaceSelector names the Service's namespace, or any."""
    for where, codes in (
        ("{matchNames: [default]}", ["PC704"]),
        ("{any: true}", ["PC704"]),
        ("{matchNames: [other]}", []),
        ("{}", []),
    ):
        text = MONITORED.format(name="other", space="elsewhere")
        text = text.replace("{name: shop, namespace: default}", "{name: shop, namespace: watch}")
        text = text.replace(
            "selector: {matchLabels", f"namespaceSelector: {where}, selector: {{matchLabels"
        )
        found = check(folder(tmp_path, all=text), complete=True)
        assert [f.code for f in found.findings if f.code == "PC704" and f.subject][:1] == codes


CLASS = """\
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: public}
spec: {controller: CONTROLLER}
---
"""


def test_the_class_of_an_ingress_is_among_the_files(tmp_path: Path) -> None:
    """Its controller decides, whatever the class is called: ingress-nginx takes a targetPort."""
    of_class = INGRESS.replace("spec:\n", "spec:\n  ingressClassName: public\n", 1)
    for controller, severity in (
        ("k8s.io/ingress-nginx", "warning"),
        ("traefik.io/ingress-controller", "error"),
    ):
        text = CLASS.replace("CONTROLLER", controller)
        found = check(folder(tmp_path, all=f"{text}{SERVICE}---\n{of_class}"))
        assert [f.severity for f in found.findings if f.code == "PC701"] == [severity]


def test_a_mistyped_name_counts_where_the_files_are_all(tmp_path: Path) -> None:
    files = {"service": SERVICE, "ingress": INGRESS.replace("name: checkout", "name: chekcout")}
    there = folder(tmp_path, **files)
    assert "PC734" not in [f.code for f in check(there).findings]
    [found] = [f for f in check(there, complete=True).findings if f.code == "PC734"]
    assert found.origin
    assert Path(found.origin.file).name == "ingress.yaml"
