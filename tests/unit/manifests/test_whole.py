"""What files do not show: injected sidecars, patches of kustomizations, other environments."""

import io
import os
from pathlib import Path

import pytest

from kubectl_portcheck.collect.manifests.files import File, open_all
from kubectl_portcheck.collect.manifests.kustomize import Kustomizations, Patch
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.semantics.injection import asked_by

from .reading import Checked, check, check_text

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: proxy}]}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}, annotations: {ANNOTATION}}
    spec: {containers: [{name: app, image: app, ports: [{name: http, containerPort: 8080}]}]}
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers: [{name: side, image: side, ports: [{name: proxy, containerPort: 9000}]}]
"""
PLAIN = DEPLOYMENT.replace(", annotations: {ANNOTATION}", "")


def tree(folder: Path, files: dict[str, str]) -> Checked:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return check(folder)


def unresolved(found: Checked) -> list[Finding]:
    return [f for f in found.findings if f.code == "PC402"]


ASKING = (
    "linkerd.io/inject: enabled",
    'sidecar.istio.io/inject: "true"',
    'consul.hashicorp.com/connect-inject: "true"',
    'dapr.io/enabled: "true"',
    'vault.hashicorp.com/agent-inject: "true"',
    'sidecar.opentelemetry.io/inject: "my-collector"',
    "kuma.io/sidecar-injection: enabled",
    'injector.example.com/inject: "yes"',
)


@pytest.mark.parametrize("annotation", ASKING)
def test_an_injected_port_is_information_without_a_fix(tmp_path: Path, annotation: str) -> None:
    text = DEPLOYMENT.replace("ANNOTATION", annotation)
    found = tree(tmp_path, {"all.yaml": f"{SERVICE}---\n{text}"})
    [finding] = unresolved(found)
    assert (finding.severity, finding.fixes) == ("info", ())
    assert found.raw.verdict == "healthy"
    assert annotation.split(":")[0] in found.raw.services[0].headline.text


@pytest.mark.parametrize("value", ["disabled", '"false"'])
def test_a_refused_injection_adds_nothing(tmp_path: Path, value: str) -> None:
    text = DEPLOYMENT.replace("ANNOTATION", f"linkerd.io/inject: {value}")
    [finding] = unresolved(tree(tmp_path, {"all.yaml": f"{SERVICE}---\n{text}"}))
    assert finding.severity == "error"


def test_the_namespace_asks_unless_the_pod_refuses() -> None:
    assert asked_by({}, {"istio-injection": "enabled"}) == "istio-injection of the namespace"
    assert asked_by({"sidecar.istio.io/inject": "false"}, {"istio-injection": "enabled"}) == ""
    assert asked_by({"dapr.io/enabled": "false"}, {"istio.io/rev": "stable"})
    assert asked_by({"app": "x"}, {"kubernetes.io/metadata.name": "x"}) == ""


def test_a_label_of_the_namespace_in_the_files_counts(tmp_path: Path) -> None:
    space = (
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {istio-injection: enabled}}\n"
    )
    text = f"{SERVICE}---\n{PLAIN}".replace(
        "metadata: {name: shop}", "metadata: {name: shop, namespace: a}"
    )
    [finding] = unresolved(tree(tmp_path, {"all.yaml": f"{space}---\n{text}"}))
    assert finding.severity == "info"


POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: shop, namespace: a}
spec: {rules: [{to: [{operation: {methods: [GET]}}]}]}
"""


@pytest.mark.parametrize(
    ("space", "pod", "found"),
    [
        ("ambient", "", ["PC722"]),
        ("ambient", "none", []),
        ("none", "ambient", ["PC722"]),
        ("none", "", []),
    ],
)
def test_pods_that_ask_for_ambient_mode_are_judged_as_ztunnel_does(
    tmp_path: Path, space: str, pod: str, found: list[str]
) -> None:
    mode = "istio.io/dataplane-mode"
    labels = f"{{app: shop, {mode}: {pod}}}" if pod else "{app: shop}"
    text = f"{SERVICE}---\n{PLAIN}---\n{POLICY}---\napiVersion: v1\nkind: Namespace\n"
    text += f"metadata: {{name: a, labels: {{{mode}: {space}}}}}\n"
    text = text.replace("metadata: {name: shop}", "metadata: {name: shop, namespace: a}")
    text = text.replace("targetPort: proxy", "targetPort: http")
    text = text.replace("metadata: {labels: {app: shop}", f"metadata: {{labels: {labels}")
    checked = check_text(tmp_path, text, complete=True)
    assert [f.code for s in checked.raw.services for f in s.findings] == found


KUSTOMIZATIONS = {
    "a strategic merge in a file": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
    "the older field": "resources: [../base]\npatchesStrategicMerge: [patch.yaml]\n",
    "an inline patch": "bases: [../base]\npatches:\n- patch: |-\n"
    + "".join(f"    {line}\n" for line in PATCH.splitlines()),
    "with a target": "resources: [../base]\n"
    "patches: [{path: patch.yaml, target: {kind: Deployment, name: sh.*}}]\n",
}


@pytest.mark.parametrize("text", KUSTOMIZATIONS.values(), ids=KUSTOMIZATIONS)
def test_a_patch_that_adds_a_container_is_merged(tmp_path: Path, text: str) -> None:
    files = {
        "base/kustomization.yaml": "resources: [service.yaml, deployment.yaml]\n",
        "base/service.yaml": SERVICE,
        "base/deployment.yaml": PLAIN,
        "over/kustomization.yaml": text,
    }
    if "patch.yaml" in text:
        files["over/patch.yaml"] = PATCH
    found = tree(tmp_path, files)
    assert not unresolved(found)
    assert not found.gathered.manifests.notes


def base(**more: str) -> dict[str, str]:
    return {
        "base/kustomization.yaml": "resources: [service.yaml, deployment.yaml]\n",
        "base/service.yaml": SERVICE,
        "base/deployment.yaml": PLAIN,
        **{name.replace("__", "/"): text for name, text in more.items()},
    }


def test_without_patches_a_kustomization_proves_as_much_as_files(tmp_path: Path) -> None:
    [finding] = unresolved(tree(tmp_path, base()))
    assert finding.severity == "error"


OPERATIONS = """\
resources: [../base]
patches:
- target: {kind: Deployment}
  patch: |-
    - {op: add, path: PATH, value: x}
"""


def test_a_path_through_a_link_is_the_systems_not_the_texts(tmp_path: Path) -> None:
    """``link/..`` is the folder above the link's target, in which another file of the name is."""
    files = {
        "a/kustomization.yaml": "resources: [service.yaml, link/../deployment.yaml]\n",
        "a/service.yaml": SERVICE,
        "a/deployment.yaml": PLAIN,
        "b/deployment.yaml": PLAIN,
        "b/deep/kustomization.yaml": "resources: []\n",
    }
    tree(tmp_path, files)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b" / "deep")
    opened = open_all([str(tmp_path)], io.BytesIO())
    found = Kustomizations(f for f in opened if isinstance(f, File))
    root = frozenset({os.path.realpath(tmp_path / "a")})
    assert found.roots(os.path.realpath(tmp_path / "b" / "deployment.yaml")) == root
    assert found.roots(os.path.realpath(tmp_path / "a" / "service.yaml")) == root
    beside = os.path.realpath(tmp_path / "a" / "deployment.yaml")
    assert found.roots(beside) == frozenset({beside})


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("", "shop", True),
        ("shop", "shop", True),
        ("shop", "shopping", False),
        ("shop.*", "shopping", True),
        ("^(a|b", "shop", True),
        ("a|shop", "shop", True),
    ],
)
def test_a_target_is_a_name_or_a_simple_pattern(pattern: str, name: str, fits: bool) -> None:
    patch = Patch("kustomization.yaml", {}, {"kind": "Deployment", "name": pattern})
    assert patch.means("Deployment", name) is fits


def test_operations_on_containers_leave_no_proof(tmp_path: Path) -> None:
    text = OPERATIONS.replace("PATH", "/spec/template/spec/containers/0/ports/-")
    files = base() | {"over/kustomization.yaml": text}
    [finding] = unresolved(tree(tmp_path, files))
    assert (finding.severity, finding.fixes) == ("info", ())


def test_operations_on_anything_else_change_nothing(tmp_path: Path) -> None:
    files = base() | {"over/kustomization.yaml": OPERATIONS.replace("PATH", "/spec/replicas")}
    [finding] = unresolved(tree(tmp_path, files))
    assert finding.severity == "error"


def test_what_no_kustomization_takes_in_together_is_no_proof(tmp_path: Path) -> None:
    files = {
        "a/kustomization.yaml": "resources: [service.yaml]\n",
        "a/service.yaml": SERVICE,
        "b/kustomization.yaml": "resources: [deployment.yaml]\n",
        "b/deployment.yaml": PLAIN,
    }
    [finding] = unresolved(tree(tmp_path, files))
    assert finding.severity == "info"
    files["both/kustomization.yaml"] = "resources: [../a, ../b]\n"
    [finding] = unresolved(tree(tmp_path, files))
    assert finding.severity == "error"


def test_a_kustomization_that_is_not_given_is_read_beside_the_files(tmp_path: Path) -> None:
    for name, text in base().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [service.yaml]\n")
    found = check(tmp_path / "base" / "service.yaml", tmp_path / "base" / "deployment.yaml")
    assert [f.severity for f in unresolved(found)] == ["info"]


BROKEN = ("resources: {a: b}\n", "patches: [1, {path: 3}]\n", "[", "resources: [.]\n", "")


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_kustomization_ends_nothing(tmp_path: Path, text: str) -> None:
    found = tree(tmp_path, base() | {"over/kustomization.yaml": text})
    assert len(found.gathered.services) == 1


def test_kustomizations_in_a_circle_end(tmp_path: Path) -> None:
    files = base() | {"over/kustomization.yaml": "resources: [../base]\n"}
    files["base/kustomization.yaml"] = "resources: [service.yaml, deployment.yaml, ../over]\n"
    assert len(tree(tmp_path, files).gathered.services) == 1


def test_a_part_of_an_object_is_a_patch_of_the_whole_one(tmp_path: Path) -> None:
    found = tree(tmp_path, {"all.yaml": f"{SERVICE}---\n{PLAIN}", "more.yaml": PATCH})
    assert not unresolved(found)
    assert "has no spec.selector" in str(found.gathered.manifests.notes[0])


def test_one_of_several_environments_is_no_proof(tmp_path: Path) -> None:
    other = PLAIN.replace("name: http", "name: web")
    files = {"a/svc.yaml": SERVICE, "b/dep.yaml": PLAIN, "c/dep.yaml": other}
    found = tree(tmp_path, files)
    assert [f.severity for f in unresolved(found)] == ["warning"]
    assert {x.safety for f in unresolved(found) for x in f.fixes} <= {"review"}
    [note] = found.gathered.manifests.notes
    assert "Deployment shop" in note.reason
    assert "several environments" in note.reason


def test_environments_that_are_whole_are_judged_each(tmp_path: Path) -> None:
    good = PLAIN.replace("name: http", "name: proxy")
    files = {"dev.yaml": f"{SERVICE}---\n{PLAIN}", "prod.yaml": f"{SERVICE}---\n{good}"}
    found = tree(tmp_path, files)
    [finding] = unresolved(found)
    assert finding.severity == "error"
    assert finding.origin
    assert Path(finding.origin.file).name == "dev.yaml"


def test_folders_far_apart_are_no_proof(tmp_path: Path) -> None:
    files = {"samples/shop/svc.yaml": SERVICE, "tests/data/one/dep.yaml": PLAIN}
    assert [f.severity for f in unresolved(tree(tmp_path, files))] == ["warning"]


def test_hooks_and_tasks_beside_the_application(tmp_path: Path) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop-test\n  labels: {app: shop}\n"
        "  annotations: {helm.sh/hook: test}\nspec: {containers: [{name: t, image: t}]}\n"
    )
    text = f"{SERVICE}---\n{PLAIN.replace('name: http', 'name: proxy')}---\n{pod}"
    found = tree(tmp_path, {"all.yaml": text})
    assert [(f.code, f.severity) for f in found.findings] == [("PC417", "warning")]
    assert found.findings[0].pods == ("shop-test",)


SLIPS = {
    "the Service's own number": ("80", "80", "1027", "shop", "info"),
    "a copied number, and one that somebody knows": ("80", "8080", "1027", "shop", "info"),
    "a number of its own": ("9000", "80", "8080", "shop", "warning"),
    "an image that listens there": ("80", "80", "8080", "nginx:1.27", "warning"),
    "an image that listens where the Service leads": ("8080", "8080", "80", "nginx", ""),
}


@pytest.mark.parametrize(
    ("declared", "port", "target", "image", "severity"), SLIPS.values(), ids=SLIPS
)
def test_what_may_be_a_slip_of_the_declaration_is_information(
    tmp_path: Path, declared: str, port: str, target: str, image: str, severity: str
) -> None:
    service = SERVICE.replace("port: 80", f"port: {port}").replace("proxy", target)
    workload = PLAIN.replace("name: http, ", "").replace("8080", declared)
    workload = workload.replace("image: app", f"image: {image}")
    found = tree(tmp_path, {"all.yaml": f"{service}---\n{workload}"})
    severities = [f.severity for f in found.findings if f.code == "PC401"]
    assert severities == ([severity] if severity else [])
    assert not any(f.fixes for f in found.findings if f.severity == "info")
    assert found.raw.verdict == "healthy"


JOB = PLAIN.replace("kind: Deployment", "kind: Job").replace("apps/v1", "batch/v1")


def test_a_service_for_a_task_beside_an_application_of_another_environment(tmp_path: Path) -> None:
    task = JOB.replace("name: http", "name: proxy")
    files = {"tests/tap/all.yaml": f"{SERVICE}---\n{task}", "samples/shop/dep.yaml": PLAIN}
    assert not tree(tmp_path, files).findings
    # In one cluster, the application is what lasts.
    assert {f.code for f in check(tmp_path, complete=True).findings} == {"PC402", "PC417"}


def test_a_task_of_another_environment_is_not_beside_the_application(tmp_path: Path) -> None:
    whole = f"{SERVICE}---\n{PLAIN.replace('name: http', 'name: proxy')}"
    files = {"tests/tap/all.yaml": whole, "samples/shop/job.yaml": JOB}
    assert not tree(tmp_path, files).findings
    assert [f.code for f in check(tmp_path, complete=True).findings] == ["PC417"]


@pytest.mark.parametrize(("asked", "codes"), [("enabled", ["PC727"]), ("disabled", [])])
def test_a_proxy_that_is_asked_for_is_taken_to_read_app_protocol(
    tmp_path: Path, asked: str, codes: list[str]
) -> None:
    asking = DEPLOYMENT.replace("ANNOTATION", f"linkerd.io/inject: {asked}")
    text = SERVICE.replace("targetPort: proxy", "targetPort: nats, appProtocol: http")
    found = tree(tmp_path, {"all.yaml": f"{text}---\n{asking.replace('name: http', 'name: nats')}"})
    assert [f.code for f in found.findings] == codes
