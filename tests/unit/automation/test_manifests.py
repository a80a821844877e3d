"""The recipes' manifests: their rights, their locks, their flags, their exit codes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_portcheck.commands.modes import MergeRequest, SweepRequest, WalkRequest
from kubectl_portcheck.commands.request import parse
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.render.rbac import render_role

RECIPES = Path(__file__).parents[3] / "docs" / "automation"
METRICS = RECIPES.parent / "metrics"
MANIFESTS = sorted([*RECIPES.glob("*.yaml"), METRICS / "cronjob.yaml"])
INDEX = "$(JOB_COMPLETION_INDEX)"
NUMBER = "{{inputs.parameters.number}}"
AGAIN = {ExitCode.INCONCLUSIVE, ExitCode.NO_CLUSTER}
"""The ends after which another try may end otherwise."""


def documents(file: str) -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all((RECIPES / file).read_text()) if d]


def pod_of(found: dict[str, Any]) -> dict[str, Any]:
    pod = (
        found
        if found["kind"] == "Pod"
        else found["spec"].get("jobTemplate", found)["spec"]["template"]
    )
    spec: dict[str, Any] = pod["spec"]
    return spec


def locked(holder: dict[str, Any], pod: dict[str, Any]) -> None:
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert holder["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert holder["resources"]["limits"]["memory"]
    assert "env" not in holder


def test_the_role_is_the_printed_one() -> None:
    role, account, binding = documents("rbac.yaml")
    assert role == yaml.safe_load(render_role())
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    assert (subject["kind"], subject["name"]) == (account["kind"], account["metadata"]["name"])


def test_the_role_changes_nothing() -> None:
    role = documents("rbac.yaml")[0]
    for rule in role["rules"]:
        streams = rule["resources"] in (["pods/exec"], ["pods/portforward"])
        assert {*rule["verbs"]} <= {"get", "list", *(["create"] if streams else [])}


@pytest.mark.parametrize(
    "file",
    [
        *("job.yaml", "cronjob.yaml", "alert-receiver.yaml"),
        *("indexed-job.yaml", "merge-job.yaml", "reports-pod.yaml"),
    ],
)
def test_the_pods_are_locked(file: str) -> None:
    (made,) = [d for d in documents(file) if d["kind"] in ("Job", "CronJob", "Deployment", "Pod")]
    pod = pod_of(made)
    group = pod["securityContext"].pop("fsGroup", None)  # Who may write to the volume.
    claims = [v for v in pod.get("volumes", ()) if "persistentVolumeClaim" in v]
    assert (group is not None) == bool(claims)
    if pod.get("automountServiceAccountToken", True):
        assert pod["serviceAccountName"] == documents("rbac.yaml")[1]["metadata"]["name"]
    for made in pod["containers"]:
        locked(made, pod)


@pytest.mark.parametrize("file", ["argo-workflow.yaml", "argo-fan-out.yaml"])
def test_the_steps_of_the_workflow_are_locked(file: str) -> None:
    (workflow,) = documents(file)
    steps = [t for t in workflow["spec"]["templates"] if "container" in t]
    assert len(steps) == 2
    for template in steps:
        locked(template["container"], workflow["spec"])


def test_the_shards_of_the_job_are_the_whole(tmp_path: Path) -> None:
    job = documents("indexed-job.yaml")[1]["spec"]
    (made,) = job["template"]["spec"]["containers"]
    (mount,) = made["volumeMounts"]
    words = [w.replace(mount["mountPath"], str(tmp_path)) for w in made["args"]]
    found = [parse([w.replace(INDEX, str(n)) for w in words]) for n in range(4)]
    shards = [r.selection.shard for r in found if isinstance(r, SweepRequest)]
    assert (job["completionMode"], job["completions"]) == ("Indexed", len(shards))
    assert {str(shard) for shard in shards} == {"1/4", "2/4", "3/4", "4/4"}
    files = [dict(r.output.files)["json"] for r in found if isinstance(r, SweepRequest)]
    assert len({*files}) == 4
    merge = documents("merge-job.yaml")[0]["spec"]["template"]["spec"]
    (container,) = merge["containers"]
    assert container["args"][0] == f"--merge={container['volumeMounts'][0]['mountPath']}"
    (seen,) = documents("reports-pod.yaml")
    assert merge["volumes"] == job["template"]["spec"]["volumes"] == seen["spec"]["volumes"]
    whole = re.fullmatch("--output-file=json=(.*)", container["args"][1])
    assert whole is not None
    assert not whole[1].endswith(".json")  # It is no part of the next run's whole.
    assert f"cat {whole[1]} " in (RECIPES / "README.md").read_text()


def test_the_shards_of_the_workflow_are_the_whole() -> None:
    (workflow,) = documents("argo-fan-out.yaml")
    dag, shard, merge = (t for t in workflow["spec"]["templates"])
    several = dag["dag"]["tasks"][0]["withSequence"]
    assert f"--shard={NUMBER}/{several['end']}" in shard["container"]["args"]
    (made,), (taken,) = shard["outputs"]["artifacts"], merge["inputs"]["artifacts"]
    assert made["s3"]["key"].startswith(taken["s3"]["key"])
    (whole,) = merge["outputs"]["artifacts"]
    assert f"--output-file=json={whole['path']}" in merge["container"]["args"]


def test_the_cronjob_runs_the_job_on_the_whole_namespace() -> None:
    once, again = documents("job.yaml")[0]["spec"], documents("cronjob.yaml")[0]
    made = again["spec"]["jobTemplate"]["spec"]
    once.pop("ttlSecondsAfterFinished")  # The CronJob's history limits take its place.
    seconds = [spec.pop("activeDeadlineSeconds") for spec in (once, made)]
    argv = [spec["template"]["spec"]["containers"][0].pop("args") for spec in (once, made)]
    assert made == once
    assert seconds[1] > seconds[0]
    one, all_of_them = parse(argv[0]), parse(argv[1])
    assert isinstance(one, WalkRequest)
    assert [t.title for t in one.targets] == ["svc/checkout"]
    assert isinstance(all_of_them, SweepRequest)


def test_the_job_tries_again_where_that_helps() -> None:
    spec = documents("job.yaml")[0]["spec"]
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    final = {ExitCode(c) for c in rule["onExitCodes"]["values"]}
    assert {*ExitCode} - final - {ExitCode.HEALTHY, ExitCode.INTERRUPTED} == AGAIN
    assert spec["backoffLimit"] > 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # Or the policy is refused.


def test_the_workflow_tries_again_where_that_helps() -> None:
    (workflow,) = documents("argo-workflow.yaml")
    (template,) = [t for t in workflow["spec"]["templates"] if t["name"] == "portcheck"]
    expression = template["retryStrategy"]["expression"]
    codes = re.findall(r"asInt\(lastRetry\.exitCode\) == (\d+)", expression)
    assert {ExitCode(int(c)) for c in codes} == AGAIN
    assert template["retryStrategy"]["retryPolicy"] == "Always"


def commands() -> Iterator[tuple[str, list[str]]]:
    """What the manifests run, by file."""
    for path in MANIFESTS:
        text = path.read_text()
        for found in yaml.safe_load_all(text):
            for holder in _containers(found):
                if "args" in holder and holder.get("command") in (None, ["kubectl-portcheck"]):
                    yield path.name, holder["args"]


def _containers(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "image" in part:
            yield part
        for below in part.values():
            yield from _containers(below)
    elif isinstance(part, list):
        for below in part:
            yield from _containers(below)


@pytest.mark.parametrize(("file", "argv"), list(commands()))
def test_the_manifests_run_what_there_is(file: str, argv: list[str], tmp_path: Path) -> None:
    # What a workflow or the kubelet fills in.
    words = [word.replace(NUMBER, "1").replace(INDEX, "0") for word in argv]
    words = [re.sub("=/(reports|metrics|merged)", f"={tmp_path}", word) for word in words]
    words = [re.sub(r"{{.*?}}", "name", word) for word in words]
    assert isinstance(parse(words), WalkRequest | SweepRequest | MergeRequest)


def test_every_recipe_runs_something() -> None:
    assert {file for file, _ in commands()} == {
        *("job.yaml", "cronjob.yaml", "argo-workflow.yaml"),
        *("indexed-job.yaml", "merge-job.yaml", "argo-fan-out.yaml"),
    }


def test_the_image_is_this_version() -> None:
    from kubectl_portcheck import __version__

    for path in MANIFESTS:
        for tag in re.findall(r"image: kubectl-portcheck:(\S+)", path.read_text()):
            assert tag == __version__


def test_the_image_has_the_archives_dependencies() -> None:
    text = (RECIPES.parents[1] / "packaging" / "Containerfile").read_text()
    assert "--require-hashes --only-binary :all: -r runtime.txt" in text
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)  # runAsNonRoot needs a number.
    assert json.loads(text.rpartition("ENTRYPOINT ")[2]) == ["kubectl-portcheck"]
