"""Whatever a file holds, it ends with a line that names file, line and reason, and soon."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_portcheck.errors import UnknownTargetError, UsageError
from kubectl_portcheck.inputs import yaml_tree
from tests.stopwatch import stopwatch

from .reading import DEBRIEF, check, check_text

HEAD = "kind: Service\nmetadata: {name: shop}\nspec:\n  selector: {app: shop}\n  ports:\n"
LAUGHS = "kind: Service\nmetadata: {name: shop}\na: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)
)

TOO_DEEP = "nested too deep: at most 200 levels are read"

BROKEN: dict[str, tuple[str | bytes, int, str]] = {
    "deep": ("kind: Service\nx: " + "[" * 100_000, 2, TOO_DEEP),
    "deep and not asked for": ("kind: Other\nx: " + "[" * 100_000, 2, TOO_DEEP),
    "deep in block style": ("kind: Service\nx:\n  " + "- " * 100_000, 3, TOO_DEEP),
    "the same, not asked for": ("kind: Other\nx:\n  " + "- " * 100_000, 3, TOO_DEEP),
    "billion laughs": (LAUGHS, 3, "expand to too much"),
    "contains itself": ("kind: Service\nmetadata: {name: x}\na: &a [*a]\n", 3, "contains it"),
    "no such anchor": ("kind: Service\nmetadata: {name: *x}\n", 2, "no anchor &x"),
    "huge number": (HEAD + "  - port: " + "9" * 5000, 6, "ports[0].port is text"),
    "not that huge": (HEAD + "  - port: " + "9" * 30, 6, "a number with a fraction"),
    "tab": (HEAD + "\t- port: 80\n", 6, "indented by a tab"),
    "latin-1": ((HEAD + "  - port: 80 # é\n").encode("latin-1"), 6, "not UTF-8: byte 0xe9"),
    "UTF-16": (HEAD.encode("utf-16"), 1, "save it as UTF-8"),
    "UTF-32": (HEAD.encode("utf-32"), 1, "is UTF-32"),
    "lines that end with CR": (HEAD.replace("\n", "\r"), 1, "end with CR only"),
    "list as port": (HEAD + "  - port: [80]\n", 6, "ports[0].port is a list"),
    "mapping as port": (HEAD + "  - port: {a: 80}\n", 6, "ports[0].port is a mapping"),
    "list as protocol": (HEAD + "  - {port: 80, protocol: [TCP]}\n", 6, "protocol is a list"),
    "NUL": (HEAD + '  - {port: 80, name: "\0"}\n', 6, "control characters are not allowed"),
    "template": ("kind: Service\nmetadata:\n  name: {{ .Values.name }}\n", 3, "helm template"),
    "template with actions": (HEAD + "  {{- range .Values.ports }}\n", 6, "helm template"),
    "template in quotes": ('kind: Service\nmetadata: {name: "{{ .x }}"}\n', 1, "helm template"),
    "quoted port": (HEAD + '  - port: "80"\n', 6, "is text, and a whole number is wanted"),
    "placeholder": (HEAD + "  - port: ${PORT}\n", 6, "was not filled in (${PORT})"),
    "port out of range": (
        HEAD + "  - port: 80\n    targetPort: 70000\n",
        7,
        "must be between 1 and 65535, inclusive",
    ),
    "number as label": (HEAD.replace("app: shop", "app: 1.5"), 4, "put it in quotes"),
    "boolean as name": ("kind: Service\nmetadata:\n  name: yes\n", 3, "put it in quotes"),
    "no name": ("kind: Service\nspec: {}\n", 1, "has no name"),
    "another form": ("kind: Service\nmetadata: {name: x}\nspec: 5\n", 3, "a mapping is wanted"),
    "key that is a list": ("kind: Service\n? [a]\n: b\n", 2, "not a name"),
}


@pytest.mark.parametrize(("raw", "line", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_spoils_no_other(
    tmp_path: Path, raw: str | bytes, line: int, reason: str
) -> None:
    (tmp_path / "b.yaml").write_bytes(raw.encode() if isinstance(raw, str) else raw)
    with stopwatch() as spent:
        found = check_text(tmp_path, DEBRIEF)
        assert not found.problems
        found = check(tmp_path)
    assert spent.seconds < 5
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"{tmp_path / 'b.yaml'}:{line}: ")
    assert reason in found.problems[0]
    assert [f.code for f in found.findings] == ["PC401"]


def test_endpoints_of_another_form_beside_a_service_that_has_a_selector(tmp_path: Path) -> None:
    text = f"{DEBRIEF}---\nkind: Endpoints\nmetadata: {{name: checkout}}\nsubsets: ['0']\n"
    (problem,) = check_text(tmp_path, text).problems
    assert "subsets[0] is text, and a mapping is wanted" in problem


def test_a_broken_document_spoils_no_other(tmp_path: Path) -> None:
    found = check_text(tmp_path, f"a: [1,\n---\n{DEBRIEF}---\nkind: Pod\nmetadata: {{\n")
    assert [p.split(":")[1] for p in found.problems] == ["1", "32"]
    assert found.places == [("PC401", "warning", 29)]


FINE = {
    "twice": (HEAD + "  - port: 80\n    targetPort: 1\n    targetPort: 80\n", 1),
    "directive": (f"%YAML 1.1\n---\n{HEAD}  - port: 80\n...\n# end\n", 0),
    "anchored twice": (f"{HEAD}  - {{name: a, port: &p 80}}\n  - {{name: b, port: &p 81}}\n", 0),
    "local tags": (HEAD + "  - port: !Ref 80\n    targetPort: !!int '8080'\n", 0),
    "marker in a block": (HEAD + "  - port: 80\nnotes: |\n  ---\n  kind: x\n  -----BEGIN\n", 0),
}


@pytest.mark.parametrize(("text", "notes"), FINE.values(), ids=FINE)
def test_odd_and_valid(tmp_path: Path, text: str, notes: int) -> None:
    found = check_text(tmp_path, text)
    assert not found.problems
    assert len(found.gathered.manifests.notes) == notes
    assert len(found.gathered.services) == 1


def test_a_quoted_number_is_named_for_what_it_is(tmp_path: Path) -> None:
    found = check_text(tmp_path, HEAD + '  - port: 80\n    targetPort: "9376" # why\n')
    error = next(f for f in found.findings if f.severity == "error")
    assert error.code == "PC402"
    assert error.origin
    assert error.origin.line == 7
    assert 'targetPort "9376" is quoted' in error.summary
    assert found.fixed.files[0][1].endswith("targetPort: 9376 # why\n")


def test_arguments_that_name_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no manifests in"):
        check(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        check(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text",
    [
        'bases: ["\\0"]\n',
        'resources: [a.yaml, "\\0"]\npatches: [{path: "\\0"}]\n',
        "patches: [{patch: '', target: '['}]\n",
        "patches: [{path: a.yaml, target: [Service]}, 3, {path: {}}]\n",
        "patches: x\nresources: {a: b}\npatchesJson6902: [x]\n",
    ],
)
def test_a_kustomization_of_another_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "kustomization.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(DEBRIEF)
    assert [f.code for f in check(tmp_path).findings] == ["PC401"]


def test_a_list_of_files_with_commas_is_explained(tmp_path: Path) -> None:
    check_text(tmp_path, DEBRIEF)
    with pytest.raises(UsageError) as refused:
        check(Path(f"{tmp_path / 'a.yaml'},{tmp_path / 'a.yaml'}"))
    assert refused.value.hint == "Write -f before each file."


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no such paths here")
def test_a_pipe_that_the_shell_has_opened_is_read() -> None:
    """``-f <(kustomize build .)``."""
    end, begin = os.pipe()
    try:
        with open(begin, "w") as pipe:
            pipe.write(DEBRIEF)
        found = check(Path(f"/dev/fd/{end}"))
    finally:
        os.close(end)
    assert [f.code for f in found.findings] == ["PC401"]
    assert not found.problems
    assert "it was read from a pipe" in str(found.fixed.left)


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    scan = os.scandir

    def scandir(path: str) -> Any:
        if path == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = check_text(tmp_path, DEBRIEF)
    assert [f.code for f in found.findings] == ["PC401"]
    assert not found.problems, "a file by itself"
    found = check(tmp_path)
    assert found.problems == [f"{closed}: cannot be read: Permission denied"]
    assert [f.code for f in found.findings] == ["PC401"]


def test_an_unknown_target_and_its_neighbour(tmp_path: Path) -> None:
    from kubectl_portcheck.collect.manifests import gather
    from kubectl_portcheck.target import Target

    manifests = check_text(tmp_path, DEBRIEF).gathered.manifests
    with pytest.raises(UnknownTargetError) as error:
        gather(manifests, [Target("chekout")])
    assert error.value.hint == "Did you mean checkout?"
    assert len(gather(manifests, [Target("checkout", 80)]).services) == 1
    assert not gather(manifests, namespace="").evidence.interrupted


@settings(max_examples=150)
@given(st.text(alphabet="ab:{}[]-&*#'\"\n\t |>%!?,~<.0", max_size=60))
def test_any_text_is_a_tree_or_a_reason(text: str) -> None:
    try:
        root = yaml_tree.parse(text)
        if root is not None:
            yaml_tree.Values(text).of(root)
    except yaml_tree.Broken as error:
        said = (error.index, error.reason)
    else:
        yaml_tree.check(text)
        return
    assert 0 <= said[0] <= len(text) + 1
    assert said[1]
