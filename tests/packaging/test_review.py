"""Manifests in review: the hook under pre-commit itself, the action step by step, every snippet."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from tests.unit.manifests.reading import DEBRIEF

from .conftest import ROOT, Ended, need, run

GOOD = DEBRIEF.replace("- containerPort: 9000", "- {name: http, containerPort: 9000}").replace(
    "targetPort: 8080", "targetPort: http"
)
SHOP = GOOD.replace("targetPort: http", "targetPort: htpp")
PAGE = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
SNIPPETS = {
    heading: [*re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    for heading, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
BIN = Path(sys.executable).parent


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The machine's, with a git that is not set up, and the test's own programs first."""
    mine = {
        k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PRE_COMMIT", "GITHUB_"))
    }
    author = {"NAME": "A", "EMAIL": "a@example.com"}
    return {
        **mine,
        "HOME": str(home),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in author.items()},
        **more,
    }


def git(folder: Path, env: Mapping[str, str], *words: str) -> Ended:
    return run("git", "-C", folder, *words, env=env)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it stands here, committed: what a hook or an action is taken from."""
    folder = tmp_path_factory.mktemp("published")
    env = clean_environment(folder)
    listed = run("git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard").out
    need(bool(listed), "the packages are tested from a checkout")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, env, "init", "-q")
    git(folder, env, "add", "-A")
    made = git(folder, env, "commit", "-qm", "as it is")
    assert made.code == 0, made.err
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A user's repository with a mistake that its files prove."""
    folder = tmp_path / "shop"
    (folder / "deploy").mkdir(parents=True)
    (folder / "deploy" / "shop.yaml").write_text(SHOP)
    git(folder, clean_environment(tmp_path), "init", "-q")
    return folder


def test_the_hook_refuses_the_mistake_and_lets_what_is_fixed_pass(
    published: Path, shop: Path, tmp_path: Path
) -> None:
    env = clean_environment(tmp_path, PRE_COMMIT_HOME=str(tmp_path / "hooks"))
    [snippet] = SNIPPETS["Before each commit"]
    config = yaml.safe_load(snippet)
    # What a user writes, but for where this repository is to be had here.
    config["repos"][0]["repo"] = str(published)
    config["repos"][0]["rev"] = git(published, env, "rev-parse", "HEAD").out.strip()
    (shop / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    assert git(shop, env, "add", "-A").code == 0
    installed = run(BIN / "pre-commit", "install", "--install-hooks", env=env, cwd=shop)
    need(installed.code == 0, f"no packages to be had here: {installed.out}{installed.err}")

    refused = git(shop, env, "commit", "-m", "the shop")

    output = refused.out + refused.err
    assert refused.code == 1
    assert "PC402" in output
    assert "deploy/shop.yaml:27" in output
    assert git(shop, env, "rev-parse", "--verify", "-q", "HEAD").code != 0

    (shop / "deploy" / "shop.yaml").write_text(GOOD)
    git(shop, env, "add", "-A")
    passed = git(shop, env, "commit", "-m", "the shop, fixed")
    assert passed.code == 0, passed.out + passed.err
    assert "Passed" in passed.out + passed.err

    # A change that is no manifest does not run it.
    (shop / "notes.txt").write_text("more\n")
    git(shop, env, "add", "-A")
    assert "Skipped" in (other := git(shop, env, "commit", "-m", "a note")).out + other.err


def test_the_hooks_and_the_snippet_are_valid(tmp_path: Path) -> None:
    manifest = ROOT / ".pre-commit-hooks.yaml"
    checked = run(BIN / "pre-commit", "validate-manifest", manifest)
    assert checked.code == 0, checked.out
    config = tmp_path / "config.yaml"
    config.write_text(SNIPPETS["Before each commit"][0])
    checked = run(BIN / "pre-commit", "validate-config", config)
    assert checked.code == 0, checked.out


# The action. A runner evaluates the expressions of a step's env, and runs it with bash.


class Job:
    """The action's steps, run as a runner runs them."""

    def __init__(
        self,
        action: Path,
        workspace: Path,
        temporary: Path,
        *,
        installs: bool = False,
        inputs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        given = {name: i["default"] for name, i in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) == set(ACTION["inputs"])
        self.folder = temporary
        files = {name: temporary / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        env = clean_environment(
            temporary,
            GITHUB_ACTION_PATH=str(action),
            RUNNER_TEMP=str(temporary),
            **{name: str(path) for name, path in files.items()},
        )
        self.out = self.err = ""
        self.code = 0
        install, check = ACTION["runs"]["steps"]
        for step in (install, check) if installs else (check,):
            assert step["shell"] == "bash"
            values = {k: self._value(v, given) for k, v in step["env"].items()}
            script = temporary / "step.sh"
            script.write_text(step["run"])
            bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
            done = run(*bash, env={**env, **values}, cwd=workspace)
            self.out += done.out
            self.err += done.err
            self.code = done.code
            if self.code:
                break
        output = files["GITHUB_OUTPUT"].read_text() if files["GITHUB_OUTPUT"].exists() else ""
        self.outputs = dict(line.split("=", 1) for line in output.splitlines())
        summary = files["GITHUB_STEP_SUMMARY"]
        self.summary = summary.read_text() if summary.exists() else ""

    @staticmethod
    def _value(text: str, inputs: Mapping[str, str]) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) }}", lambda found: inputs[found[1]], text)

    @property
    def annotations(self) -> list[str]:
        return [line for line in self.out.splitlines() if line.startswith("::")]


@pytest.fixture(scope="module")
def runner(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the action has installed what it needs: done once."""
    folder = tmp_path_factory.mktemp("runner")
    (folder / "a.yaml").write_text("kind: ConfigMap\nmetadata: {name: a}\n")
    first = Job(published, folder, folder, installs=True, inputs={"python": sys.executable})
    need(first.code == 0, f"no packages to be had here: {first.err}")
    assert first.outputs == {"verdict": "healthy", "exit-code": "0"}
    return folder


@pytest.fixture
def job(published: Path, runner: Path, shop: Path) -> Any:
    """Runs the action on the shop."""

    def start(**inputs: str) -> Job:
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            (runner / name).unlink(missing_ok=True)
        return Job(published, shop, runner, inputs=inputs)

    return start


def test_the_action_annotates_the_line_and_fails_the_job(job: Any, shop: Path) -> None:
    done = job(files="deploy/", sarif_file="portcheck.sarif", junit_file="portcheck.xml")
    assert done.code == 1
    assert done.outputs == {"verdict": "broken", "exit-code": "1"}
    [annotation] = done.annotations
    place = "file=deploy/shop.yaml,line=27"
    assert annotation.startswith(f"::error title=PC402 named-target-port-unresolved,{place}::")
    assert "%0AFix: " in annotation
    assert "PC402" in done.summary
    assert "BROKEN" in done.out
    sarif = json.loads((shop / "portcheck.sarif").read_text())
    [result] = sarif["runs"][0]["results"]
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "deploy/shop.yaml"
    assert where["region"]["startLine"] == 27
    assert "<failure" in (shop / "portcheck.xml").read_text()


def test_the_action_passes_what_is_fixed(job: Any, shop: Path) -> None:
    (shop / "deploy" / "shop.yaml").write_text(GOOD)
    done = job()
    assert (done.code, done.annotations) == (0, [])
    assert done.outputs == {"verdict": "healthy", "exit-code": "0"}


def test_the_actions_other_inputs(job: Any, shop: Path) -> None:
    broken = DEBRIEF[DEBRIEF.index("---") :]
    (shop / "deploy" / "shop.yaml").write_text(broken)
    (shop / "more").mkdir()
    (shop / "more" / "a.yaml").write_text(broken.replace("name: checkout", "name: other"))
    both = "deploy/\n  more/a.yaml\n"
    absent = job(files=both)
    assert (absent.code, len(absent.annotations)) == (0, 2)
    assert all(a.startswith("::warning ") for a in absent.annotations)
    assert job(files=both, fail_on="warning").code == 1
    everything = job(files=both, complete="true")
    assert everything.code == 1
    assert all(a.startswith("::error ") for a in everything.annotations)


def test_what_the_action_is_given_is_a_file_and_no_flag(job: Any, shop: Path) -> None:
    (shop / "--exit-zero").mkdir()
    shutil.copy(shop / "deploy" / "shop.yaml", shop / "--exit-zero" / "a,b.yaml")
    done = job(files="--exit-zero")
    assert done.code == 1
    assert "file=--exit-zero/a%2Cb.yaml,line=27" in done.annotations[0]
    assert job(files="$(touch made)").code == 2
    assert not (shop / "made").exists()


def test_a_file_that_cannot_be_read_is_annotated(job: Any, shop: Path) -> None:
    (shop / "deploy" / "bad.yaml").write_text("kind: Service\n\tname: x\n")
    done = job(files="deploy/")
    assert (done.code, done.outputs["exit-code"]) == (2, "2")
    assert "::error file=deploy/bad.yaml,line=2::is indented by a tab" in "\n".join(
        done.annotations
    )


def test_text_of_a_manifest_is_no_workflow_command(job: Any, shop: Path) -> None:
    """Nothing in a file under review may speak to the runner in the report's name."""
    hostile = DEBRIEF.replace("name: checkout", 'name: "x\\n::set-output name=a::b"')
    (shop / "deploy" / "shop.yaml").write_text(hostile)
    done = job(files="deploy/")
    assert not [a for a in done.annotations if not a.startswith(("::error ", "::warning "))]


# The workflows and the action, as linters see them.


@pytest.mark.parametrize("number", range(len(SNIPPETS["On GitHub"])))
def test_the_workflows_of_the_page_are_sound(
    number: int, actionlint: Path, release_tools: Path, tmp_path: Path
) -> None:
    snippet = SNIPPETS["On GitHub"][number]
    ours = "kubectl-portcheck/kubectl-portcheck@v0.1.0"
    assert snippet.count(ours) == 1
    # As an action of the repository itself, its inputs are checked too.
    shutil.copy(ROOT / "action.yml", tmp_path / "action.yml")
    workflow = tmp_path / ".github" / "workflows" / "manifests.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(snippet.replace(ours, "./"))
    linted = run(actionlint, "-color=false", workflow, cwd=tmp_path)
    assert linted.code == 0, linted.out
    # The tag replaces the commit that the reader will pin.
    workflow.write_text(snippet.replace("@v0.1.0", f"@{'0' * 40} # v0.1.0"))
    quiet = ("--offline", "--no-progress", "--color=never")
    audited = run(release_tools / "zizmor", *quiet, workflow, tmp_path / "action.yml")
    assert audited.code == 0, audited.out


def test_the_linter_knows_the_actions_inputs(actionlint: Path, tmp_path: Path) -> None:
    """The test above can fail."""
    shutil.copy(ROOT / "action.yml", tmp_path / "action.yml")
    workflow = tmp_path / ".github" / "workflows" / "manifests.yml"
    workflow.parent.mkdir(parents=True)
    ours = "kubectl-portcheck/kubectl-portcheck@v0.1.0"
    snippet = SNIPPETS["On GitHub"][0].replace(ours, "./").replace("files:", "fils:")
    workflow.write_text(snippet)
    git(tmp_path, clean_environment(tmp_path), "init", "-q")
    linted = run(actionlint, "-color=false", workflow, cwd=tmp_path)
    assert linted.code == 1
    assert "fils" in linted.out


def test_the_gitlab_job_makes_both_reports(shop: Path, tmp_path: Path) -> None:
    """All that a runner would do, but for the installation."""
    [snippet] = SNIPPETS["On GitLab"]
    job = yaml.safe_load(snippet)["portcheck"]
    env = clean_environment(tmp_path)
    ends = [run("bash", "-ec", s, env=env, cwd=shop).code for s in job["script"]]
    assert ends == [1]
    ends = [run("bash", "-ec", s, env=env, cwd=shop).code for s in job["after_script"]]
    assert ends == [0]
    reports = job["artifacts"]["reports"]
    assert "<failure" in (shop / reports["junit"]).read_text()
    [row] = json.loads((shop / reports["codequality"]).read_text())
    assert row["location"] == {"path": "deploy/shop.yaml", "lines": {"begin": 27}}
    assert (row["check_name"], row["severity"]) == ("PC402", "major")
    assert re.fullmatch(r"[0-9a-f]{64}", row["fingerprint"])


def test_the_commands_of_the_page_work(shop: Path, tmp_path: Path) -> None:
    """As a plugin of kubectl they are; here without kubectl, and without helm and kustomize."""
    env = clean_environment(tmp_path)
    lines = re.findall(r"^    (kubectl portcheck .*)$", PAGE, re.MULTILINE)
    assert len(lines) == 2
    codes = [
        subprocess.run(
            ["bash", "-c", c.replace("kubectl portcheck", "kubectl-portcheck")],
            env=env,
            cwd=shop,
            capture_output=True,
            check=False,
        ).returncode
        for c in lines
    ]
    assert codes == [1, 0]
    assert "targetPort: http" in (shop / "deploy" / "shop.yaml").read_text()
