"""The library, as its documentation has it."""

import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kubectl_portcheck
from kubectl_portcheck import (
    NoClusterError,
    PortcheckError,
    Report,
    UnknownTargetError,
    UsageError,
    diagnose,
    diagnose_files,
    diagnose_snapshot,
    exit_code_for,
    to_html,
    to_json,
    to_markdown,
)
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.fake.api_server import FakeApiServer
from tests.unit.render.test_schemas import WRONG_PORT
from tests.walk.shop import NAMESPACE, shop

DEMO = Path(kubectl_portcheck.__file__).parent / "demo" / "checkout.json.gz"
AUTOMATION = Path(__file__).parents[2] / "docs" / "automation"


def printed(*argv: str) -> str:
    out = io.StringIO()
    main(argv, Environment(out, io.StringIO(), {"HOME": "/nowhere"}))
    return out.getvalue()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def test_a_walk_ends_as_a_report(kubeconfig: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        report = diagnose("svc/checkout:80", namespace=NAMESPACE, kubeconfig=kubeconfig, environ={})
    assert (report.verdict, exit_code_for(report)) == ("broken", 1)
    (service,) = report.services
    cause = service.findings[0]
    assert (cause.code, cause.cause) == ("PC401", True)
    command = cause.fixes[0].command
    assert command is not None
    assert command[:2] == ("kubectl", f"--kubeconfig={kubeconfig}")


def package_configuration(server: FakeApiServer, folder: Path) -> Any:
    """A Configuration of the package kubernetes, which reads the server's kubeconfig."""
    import kubernetes.client
    import kubernetes.config

    file = folder / "for-the-package"
    file.write_text(json.dumps(server.kubeconfig()))
    made: Any = kubernetes.client.Configuration()
    load: Any = kubernetes.config.load_kube_config
    load(str(file), client_configuration=made)
    return made


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_client_of_the_official_package_is_used(tmp_path: Path, wrapped: bool) -> None:
    import kubernetes.client

    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        made = package_configuration(server, tmp_path)
        client: Any = kubernetes.client.ApiClient(made) if wrapped else made
        report = diagnose("svc/checkout", namespace=NAMESPACE, client=client)
    assert report.verdict == "broken"
    command = report.services[0].findings[0].fixes[0].command
    assert command is not None
    assert command[:2] == ("kubectl", f"--server={made.host}")


def test_a_client_and_a_kubeconfig_exclude_each_other(kubeconfig: Path) -> None:
    client: Any = object()
    with pytest.raises(UsageError, match="client excludes kubeconfig and context"):
        diagnose("checkout", kubeconfig=kubeconfig, client=client)
    with pytest.raises(UsageError, match="of type object cannot be used"):
        diagnose("checkout", client=client)


def test_what_is_left_out_is_not_asked(kubeconfig: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        report = diagnose(
            "checkout",
            namespace=NAMESPACE,
            kubeconfig=kubeconfig,
            environ={},
            look_inside=False,
            port_forward=False,
        )
        assert [r.line for r in server.requests if "exec" in r.line or "forward" in r.line] == []
    assert report.verdict == "inconclusive"


def test_its_errors_are_of_their_kind(kubeconfig: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        with pytest.raises(UnknownTargetError) as unknown:
            diagnose("svc/chekout", namespace=NAMESPACE, kubeconfig=kubeconfig, environ={})
    assert "Did you mean checkout?" in unknown.value.hint
    with pytest.raises(NoClusterError):
        diagnose("svc/checkout", kubeconfig=kubeconfig, timeout=5, environ={})
    with pytest.raises(UsageError):
        diagnose("svc/Check_out")
    with pytest.raises(UsageError):
        diagnose("svc/checkout", selector="app=checkout")
    assert all(issubclass(e, PortcheckError) for e in (UsageError, NoClusterError))


def test_without_targets_it_is_about_the_namespace(kubeconfig: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        report = diagnose(namespace=NAMESPACE, kubeconfig=kubeconfig, environ={})
    assert [(s.name, s.verdict) for s in report.services] == [("checkout", "broken")]


def test_what_is_ignored_decides_nothing(kubeconfig: Path) -> None:
    names = ["PC401", "pod-refuses", "pc601"]
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        report = diagnose(
            "checkout", namespace=NAMESPACE, kubeconfig=kubeconfig, environ={}, ignore=names
        )
    (service,) = report.services
    assert {f.code for f in service.findings}.isdisjoint({"PC401", "PC501", "PC601"})
    assert {s.finding.code for s in service.suppressed} >= {"PC401", "PC501", "PC601"}
    with pytest.raises(UsageError):
        diagnose("checkout", ignore=["PC999"])


def test_manifests_end_as_the_report_of_the_command_line(tmp_path: Path) -> None:
    manifest = tmp_path / "checkout.yaml"
    manifest.write_text(WRONG_PORT)
    report = diagnose_files([manifest])
    assert report.verdict == "broken"
    origin = report.services[0].findings[0].origin
    assert origin is not None
    assert (origin.file, origin.line) == (str(manifest), 13)
    assert to_json(report) == printed("-f", str(manifest), "-o", "json")
    assert diagnose_files([tmp_path], "checkout") == report
    with pytest.raises(UnknownTargetError):
        diagnose_files([manifest], "svc/other")


def test_a_part_of_the_files_is_not_reported_as_the_whole(tmp_path: Path) -> None:
    (tmp_path / "checkout.yaml").write_text(WRONG_PORT)
    (tmp_path / "torn.yaml").write_text("kind: Service\nmetadata: {name: [\n")
    with pytest.raises(UsageError, match=r"torn\.yaml"):
        diagnose_files([tmp_path])


def test_a_snapshot_ends_as_the_report_of_the_command_line() -> None:
    report = diagnose_snapshot(DEMO)
    assert to_json(report) == printed("--replay", str(DEMO), "-o", "json")
    assert to_markdown(report) == printed("--replay", str(DEMO), "-o", "markdown")
    assert to_html(report) == printed("--replay", str(DEMO), "-o", "html")
    assert json.loads(to_json(report))["schemaVersion"] == 1
    with pytest.raises(UsageError):
        diagnose_snapshot("/nowhere/incident.json")


def test_every_exported_name_is_there_and_documented() -> None:
    for name in kubectl_portcheck.__all__:
        value = getattr(kubectl_portcheck, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name
    assert set(kubectl_portcheck.__all__) <= set(dir(kubectl_portcheck))
    with pytest.raises(AttributeError):
        _ = kubectl_portcheck.diagnoze  # type: ignore[attr-defined]  # That it is none is the test.


def test_importing_the_package_imports_nothing() -> None:
    code = (
        "import sys\nbefore = set(sys.modules)\nimport kubectl_portcheck\n"
        "print(*sorted(set(sys.modules) - before))\n"
        "from kubectl_portcheck import UsageError\nprint('msgspec' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines() == ["kubectl_portcheck", "False"]


def test_the_example_runs(kubeconfig: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        done = subprocess.run(
            [sys.executable, str(AUTOMATION / "sweep.py"), NAMESPACE],
            env={"KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    first, fix, *others = done.stdout.splitlines()
    assert first.startswith("checkout: broken: port 80: no process listens on targetPort 8080; ")
    assert fix == "  PC401 Set targetPort to 9000 (safe)"
    assert others == []
    assert (done.returncode, done.stderr) == (1, "")


def test_reports_are_data() -> None:
    assert Report.__struct_config__.frozen


def test_the_documentation_runs(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (AUTOMATION.parent / "library.md").read_text()
    example, operator, notebook = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for other in (operator, notebook):  # They need kopf, or a notebook.
        compile(other, "library.md", "exec")
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        exec(compile(example, "library.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("PC401 No process listens on targetPort 8080; all 3 pods listen on")
    assert json.loads(printed[printed.index("{\n") :])["verdict"] == "broken"


def test_the_documentation_names_what_there_is() -> None:
    text = (AUTOMATION.parent / "library.md").read_text()
    functions = {*re.findall(r"`(\w+)\(", text)} - {"help"}
    assert "diagnose_files" in functions
    errors = re.findall(r"^\| `(\w+Error)`", text, re.MULTILINE)
    assert {*functions, *errors} <= set(kubectl_portcheck.__all__)
