"""Files that never end, or that mean more than they say: a line, and soon."""

import io
import os
from pathlib import Path

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode
from tests.fake.api_server import FakeApiServer
from tests.stopwatch import stopwatch
from tests.walk.shop import Run, shop

DEEP = "[" * 100_000
CONFIG = """
current-context: x
contexts: [{name: x, context: {cluster: x, user: x}}]
clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: x, user: {%s}}]
"""
MANY = "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(12)
)
LAUGHS = f"a: &a [x, x, x, x, x, x, x, x, x, x]\n{MANY}"
MERGED = "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{','.join(['*' + chr(97 + i)] * 20)}]}}\n"
    for i in range(12)
)


def program(*argv: str, environ: dict[str, str] | None = None) -> Run:
    out, err = io.StringIO(), io.StringIO()
    with stopwatch() as spent:
        code = main(argv, Environment(out, err, {"PATH": os.environ["PATH"], **(environ or {})}))
    return Run(code, out.getvalue(), err.getvalue(), spent.seconds)


def fails(done: Run, *words: str) -> None:
    """It ended soon, with a line that says why."""
    assert done.seconds < 5
    assert done.code in (ExitCode.USAGE, ExitCode.NO_CLUSTER)
    assert "defect" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return str(path)


@pytest.mark.parametrize("path", ["pipe", "/dev/zero", "/dev/random"])
def test_a_kubeconfig_that_is_no_regular_file_is_not_opened(
    tmp_path: Path, pipe: str, path: str
) -> None:
    path = str(tmp_path / path)
    fails(program("svc/x", environ={"KUBECONFIG": path}), path, "is not a regular file")
    fails(program("svc/x", "--kubeconfig", path), path, "is not a regular file")


@pytest.mark.parametrize("flag", ["--certificate-authority", "--client-certificate"])
def test_nor_are_a_certificate_and_a_key(tmp_path: Path, pipe: str, flag: str) -> None:
    (tmp_path / "config").write_text(CONFIG % "token: x")
    given = [flag, pipe] + (["--client-key", pipe] if flag == "--client-certificate" else [])
    done = program("svc/x", "--kubeconfig", str(tmp_path / "config"), *given)
    fails(done, pipe, "is not a regular file")


def test_nor_is_a_token(tmp_path: Path, pipe: str) -> None:
    (tmp_path / "config").write_text(CONFIG % f"tokenFile: {pipe}")
    fails(program("svc/x", "--kubeconfig", str(tmp_path / "config")), "is not a regular file")


def test_nor_are_manifests_and_recordings(tmp_path: Path, pipe: str) -> None:
    for path in (pipe, "/dev/zero"):
        fails(program("-f", path), path, "is not a regular file")
        fails(program("--replay", path), path, "is not a regular file")
    os.mkfifo(tmp_path / "pipe.yaml")
    fails(program("-f", str(tmp_path)), "pipe.yaml: is not a regular file")


@pytest.mark.parametrize("flag", ["-f", "--replay", "--merge"])
def test_a_name_that_is_too_long_is_one_of_no_file(flag: str) -> None:
    fails(program(flag, "a" * 5000), "name too long")


def test_the_null_device_is_an_empty_file(tmp_path: Path) -> None:
    with FakeApiServer(tls=None) as server:
        shop(server, 9000)
        done = program(
            *("svc/checkout", "-n", "production", "--server", server.url),
            environ={"KUBECONFIG": os.devnull},
        )
    assert done.code == ExitCode.PROBLEM


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DEEP, "cannot be parsed"),
        ('{"a":' * 100_000, "cannot be parsed"),
        (LAUGHS, "cannot be parsed"),
        ("a: &a {x: 1}\n" + MERGED, "cannot be parsed"),
        ("a: &a [*a]\n", "cannot be parsed"),
        ("a: !!timestamp x\nclusters: !!int 0_\n", "cannot unmarshal number"),
        ("a: 0x_\nclusters: 0_\n", "cannot unmarshal number"),
        ("a: " + "9" * 5000 + "\nclusters: 0b1_\n", "cannot unmarshal number"),
        ("x" * (9 * 2**20), "is larger than 8 MiB"),
    ],
    ids=["deep", "deep JSON", "aliases", "merges", "cycle", "tag", "empty", "long", "large"],
)
def test_a_kubeconfig_that_means_more_than_it_says(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "config").write_text(content)
    fails(program("svc/x", "--kubeconfig", str(tmp_path / "config")), reason)


def test_a_plugin_is_not_handed_what_aliases_expand_to(tmp_path: Path) -> None:
    extension = f"a: &a [x, x, x, x, x, x, x, x, x, x]\n{MANY}".replace("\n", "\n          ")
    (tmp_path / "config").write_text(
        f"""
current-context: x
contexts: [{{name: x, context: {{cluster: x, user: x}}}}]
clusters:
  - name: x
    cluster:
      server: https://127.0.0.1:1
      extensions:
      - name: client.authentication.k8s.io/exec
        extension:
          {extension}
users:
  - name: x
    user:
      exec: {{apiVersion: client.authentication.k8s.io/v1, command: cat, interactiveMode: Never,
        provideClusterInfo: true}}
"""
    )
    fails(program("svc/x", "--kubeconfig", str(tmp_path / "config")), "cannot be parsed")


DEEP_JSON = '{"kind": "ExecCredential", "a": ' + '{"a":' * 50_000 + "1" + "}" * 50_001


def test_a_credential_plugin_that_prints_depth(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(DEEP_JSON)
    (tmp_path / "config").write_text(
        CONFIG % "exec: {apiVersion: client.authentication.k8s.io/v1, command: cat, "
        f"args: [{tmp_path / 'answer'}], interactiveMode: Never}}"
    )
    done = program("svc/x", "--kubeconfig", str(tmp_path / "config"))
    fails(done, "did not print JSON")


def test_a_credential_plugin_with_a_nul_in_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        CONFIG % "exec: {apiVersion: client.authentication.k8s.io/v1, command: cat, "
        r'args: ["a\0b"], interactiveMode: Never}'
    )
    fails(program("svc/x", "--kubeconfig", str(tmp_path / "config")), "exec: cat:")


def test_a_token_that_holds_depth(tmp_path: Path) -> None:
    import base64

    claims = base64.urlsafe_b64encode(DEEP_JSON.encode()).decode()
    (tmp_path / "config").write_text(
        CONFIG % f"auth-provider: {{name: oidc, config: {{id-token: a.{claims}.c}}}}"
    )
    done = program("svc/x", "--kubeconfig", str(tmp_path / "config"), environ={"PATH": "/nowhere"})
    fails(done, "the oidc token of this kubeconfig entry is missing or has expired")


SERVICE = "kind: Service\napiVersion: v1\nmetadata: {name: shop}\nspec: {ports: [{port: 80}]}\n"


@pytest.mark.parametrize(
    "text",
    [
        "items: &a [{kind: List, items: *a}]\nkind: List\n",
        "items: &a [{kind: Service, metadata: {name: x}}, {kind: List, items: *a}]\nkind: List\n",
        f"kind: Service\nmetadata: {{name: x}}\na: &a {{x: 1}}\n{MERGED}",
        "kind: Service\nmetadata: {name: x}\nspec: " + DEEP,
        '{"kind": "Service", "metadata": {"name": "x"}, "spec": ' + DEEP,
    ],
    ids=["list in itself", "with a Service", "merges", "depth", "depth in JSON"],
)
def test_a_document_that_never_ends_spoils_no_other(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"{SERVICE}---\n{text}\n---\n{SERVICE}")
    (tmp_path / "b.yaml").write_text(SERVICE.replace("shop", "other"))
    done = program("-f", str(tmp_path), "-o", "json")
    fails(done, f"{tmp_path / 'a.yaml'}:")
    assert len(done.stderr.splitlines()) == 1
    assert {s["name"] for s in done.report["services"]} == {"shop", "other"}
