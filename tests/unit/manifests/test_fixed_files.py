"""Edits of files: the fewest characters, or none and the reason."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_portcheck.collect.manifests import edits, read
from kubectl_portcheck.collect.manifests.files import File
from kubectl_portcheck.collect.manifests.objects import collected
from kubectl_portcheck.collect.manifests.unified import unified
from kubectl_portcheck.model.fixes import Operation

from .reading import CORPUS, DEBRIEF, check_text


def edited(text: str, *operations: Operation) -> str:
    file = File("a.yaml", "a.yaml", text)
    item = collected([file]).objects[0]
    made = edits.applied(text, edits.edits_for(item, operations))
    edits.verify(file, made, [(item, operations)])
    return made


def replace(path: str, value: object) -> Operation:
    return Operation(op="replace", path=path, value=value)


HEAD = "kind: Service\nmetadata: {name: a}\nspec:\n"


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("  ports: [{port: 80, targetPort: 8080}]", 9, "  ports: [{port: 80, targetPort: 9}]"),
        ("  ports: [{port: 80}]", 9, "  ports: [{port: 80, targetPort: 9}]"),
        ("  ports: [{port: 80, targetPort: }]", 9, "  ports: [{port: 80, targetPort: 9}]"),
        ('  ports: [{"port": 80}]', "web", '  ports: [{"port": 80, "targetPort": "web"}]'),
        ("  ports:\n  - port: 80", 9, "  ports:\n  - port: 80\n    targetPort: 9"),
        (
            "  ports:\r\n  - name: x\r\n    port: 80 # p\r\n    protocol: TCP\r\n",
            "web",
            "  ports:\r\n  - name: x\r\n    port: 80 # p\r\n    targetPort: web\r\n"
            "    protocol: TCP\r\n",
        ),
        (
            "  ports:\n  - targetPort: 'x'\n    port: 80\n",
            "web",
            "  ports:\n  - targetPort: 'web'\n    port: 80\n",
        ),
        (
            '  ports:\n  - targetPort: "80"\n    port: 80\n',
            80,
            "  ports:\n  - targetPort: 80\n    port: 80\n",
        ),
        (
            "  ports:\n  - targetPort: !!int 80\n    port: 80\n",
            9,
            "  ports:\n  - targetPort: 9\n    port: 80\n",
        ),
        (
            "  ports:\n  - targetPort: 80\n    port: 80\n",
            "no",
            '  ports:\n  - targetPort: "no"\n    port: 80\n',
        ),
        ("  ports:\n  -   targetPort:   80   \n", 9, "  ports:\n  -   targetPort:   9   \n"),
    ],
)
def test_a_value_is_replaced_where_it_stands(before: str, value: object, after: str) -> None:
    assert edited(HEAD + before, replace("/spec/ports/0/targetPort", value)) == HEAD + after


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  ports:\n  - port: &p 80\n    targetPort: &t 80\n  - port: *t\n", "anchored"),
        ("  ports: &p\n  - port: 80\n  other: *p\nx: {ports: *p}\n", ""),
        ("  x: &p [{port: 80}]\n  ports: *p\n", "is an alias"),
        ("  x: &p {targetPort: 80}\n  ports: [{<<: *p, port: 80}]\n", "merged"),
        ("  ports:\n  - targetPort: |\n      80\n    port: 80\n", "several lines"),
    ],
)
def test_what_others_share_is_not_edited(text: str, why: str) -> None:
    if not why:
        with pytest.raises(edits.CannotEdit):
            edited(HEAD + text, replace("/spec/ports/0/targetPort", 9))
        return
    with pytest.raises(edits.CannotEdit, match=why):
        edited(HEAD + text, replace("/spec/ports/0/targetPort", 9))


def test_a_key_is_renamed_in_place() -> None:
    text = HEAD + "  selector:\n    ap: shop # who\n    tier: web\n"
    done = edited(
        text,
        Operation(op="remove", path="/spec/selector/ap"),
        Operation(op="add", path="/spec/selector/app.kubernetes.io~1name", value="shop"),
    )
    assert done == text.replace("ap: shop", "app.kubernetes.io/name: shop")


def test_two_faults_in_one_file_are_fixed_together(tmp_path: Path) -> None:
    text = f"{DEBRIEF}---\n{DEBRIEF.replace('checkout', 'cart')}"
    found = check_text(tmp_path, text)
    assert [f.code for f in found.findings] == ["PC401", "PC401"]
    assert found.fixed.files[0][1] == text.replace("targetPort: 8080", "targetPort: 9000")


def test_a_choice_is_left_to_people(tmp_path: Path) -> None:
    text = DEBRIEF.replace(
        "- containerPort: 9000", "- containerPort: 9000\n        - containerPort: 7000"
    )
    found = check_text(tmp_path, text)
    assert [f.code for f in found.findings] == ["PC401"]
    assert not found.fixed.files
    assert len(found.findings[0].fixes) == 2
    assert {f.safety for f in found.findings[0].fixes} == {"review"}


def test_json_stays_json(tmp_path: Path) -> None:
    import yaml

    items = list(yaml.safe_load_all(DEBRIEF))
    text = json.dumps({"kind": "List", "items": items}, indent="\t")
    found = check_text(tmp_path, text, "a.json")
    fixed = json.loads(found.fixed.files[0][1])
    assert fixed["items"][1]["spec"]["ports"][0]["targetPort"] == 9000
    assert found.fixed.files[0][1] == text.replace("8080", "9000")


@settings(max_examples=60)
@given(st.data())
def test_any_port_of_any_published_manifest_can_be_set(data: st.DataObject) -> None:
    """Byte for byte: one value differs, and the verifier agrees."""
    item = data.draw(st.sampled_from(SERVICES))
    count = len(item.data["spec"].get("ports", []))
    if not count:
        return
    index = data.draw(st.integers(0, count - 1))
    value = data.draw(st.one_of(st.integers(1, 65535), st.sampled_from(["web", "on", "n", "1e3"])))
    operations = [replace(f"/spec/ports/{index}/targetPort", value)]
    made = edits.applied(item.file.text, edits.edits_for(item, operations))
    edits.verify(item.file, made, [(item, operations)])
    before, after = item.file.text.split("\n"), made.split("\n")
    assert len(after) - len(before) in (0, 1)


SERVICES = [
    o
    for o in read([str(CORPUS / "published")], io.BytesIO()).of_kind("Service")
    if len(o.file.text) < 30_000
]

LINES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\r\n", "d"]), max_size=12).map("".join)


@settings(max_examples=40)
@given(LINES, LINES)
def test_git_applies_every_diff(
    tmp_path_factory: pytest.TempPathFactory, old: str, new: str
) -> None:
    import os
    import subprocess

    if not old or not new or old == new:
        return
    folder = tmp_path_factory.mktemp("git")
    (folder / "f").write_bytes(old.encode())
    here = os.getcwd()
    os.chdir(folder)
    try:
        patch = unified(folder / "f", old, new)
    finally:
        os.chdir(here)
    git = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(git, input=patch.encode(), check=True, cwd=folder)
    assert (folder / "f").read_bytes().decode() == new
