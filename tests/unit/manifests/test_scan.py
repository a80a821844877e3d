"""A document is left unread only where no reading of it could find an object in it."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubectl_portcheck.collect.manifests import documents as splitting
from kubectl_portcheck.collect.manifests import objects, scan
from kubectl_portcheck.collect.manifests.documents import Skipped, documents
from kubectl_portcheck.collect.manifests.files import BOM, File, open_all
from kubectl_portcheck.collect.manifests.objects import collected
from kubectl_portcheck.inputs import yaml_library, yaml_tree
from tests.unit.manifests.reading import CORPUS

SERVICE = "apiVersion: v1\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n"

CERTAIN = {
    "kind: ConfigMap\n": "ConfigMap",
    "apiVersion: v1\nkind: ConfigMap\ndata: {}\n": "ConfigMap",
    "---\n# a comment\napiVersion: v1\nkind: 'ConfigMap' # another\n": "ConfigMap",
    "--- # a comment\nkind: ConfigMap\n": "ConfigMap",
    'data:\n  a: |\n    kind: Service\n  b: "x"\nkind: "ConfigMap"\n': "ConfigMap",
    "kind: ConfigMap\r\ndata: {}\r\n": "ConfigMap",
    "kind: Role\nrules:\n- kind: Service\n- x\n": "Role",
    "kind: Role\nspec: {\n}\n": "Role",
    "a: 1\nb: {kind: Service}\n": "",
    '{"items": [1, 2]}': "",
    '["\\n"]': "",
    "just a text\n": "",
    "é: ü\nkind: Role\n": "Role",
    "kind: Role\nnote: what ?\n": "Role",
}

UNCERTAIN = (
    "kind: ConfigMap\nkind: Service\n",
    'a: "\nkind: ConfigMap\n"\n"kind": Service\n',
    "a: {\nkind: ConfigMap\n}\n'kind': Service\n",
    "a: {\nkind: ConfigMap\n,b: c}\n? kind\n: Service\n",
    "a: &x kind\nkind: ConfigMap\n*x : Service\n",
    "a: &x {kind: Service}\nkind: ConfigMap\n<<: *x\n",
    "kind: ConfigMap\n&x kind: Service\n",
    "kind: ConfigMap\n!!str kind: Service\n",
    "kind : Service\n",
    "kind:\n  Service\n",
    "kind: &x Service\n",
    "kind: *x\n",
    "kind: |-\n  Service\n",
    "kind: !!str Service\n",
    '"kind": ConfigMap\n',
    "{kind: Service}\n",
    "{\nkind: ConfigMap\n}\n",
    '{"k\\u0069nd": "Service"}',
    '"\\x6bind": Service\n',
    '? "ki\\\n  nd"\n: Service\n',
    " kind: Service\n",
    "--- kind: Service\n",
    "--- {kind: Service}\n",
    "--- !!map\nkind: ConfigMap\n",
    "%YAML 1.2\n---\nkind: ConfigMap\n",
    "- kind: Service\n",
    f"{BOM}kind: ConfigMap\n",
    f"kind: ConfigMap\n{BOM}kind: Service\n",
    "kind: ConfigMap\rkind: Service\n",
    "kind: ConfigMap\n# \x85kind: Service\n",
    "kind: ConfigMap\n# \u2028kind: Service\n",
    "kind: ConfigMap\n{{ if .Values.x }}\n",
    "\tkind: Service\n",
)


@pytest.mark.parametrize(("text", "kind"), CERTAIN.items())
def test_the_only_kind_at_the_margin_is_certain(text: str, kind: str) -> None:
    assert scan.kind_of(text) == kind
    assert scan.seeming_kind(text) in ("", kind)


@pytest.mark.parametrize("text", UNCERTAIN)
def test_whatever_could_be_read_otherwise_is_not(text: str) -> None:
    assert scan.kind_of(text) is None


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("spec: {names: {}}\n", True),
        ('pattern: "^\\\\d+\\.$"\n', True),
        ('text: "over two \\\n  lines"\n', True),
        ("conversion: {}\n", False),
        ('"c\\x6fnversion": {}\n', False),
        ('"\\u0063onversion": {}\n', False),
        ('? "con\\\n  version"\n: {}\n', False),
    ],
)
def test_a_key_is_missing_only_where_no_escape_can_spell_it(text: str, known: bool) -> None:
    assert scan.lacks(text, "conversion") is known


def test_every_published_document_is_read_as_without_the_scan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [f for f in open_all([str(CORPUS)], io.BytesIO()) if isinstance(f, File)]
    skipped = sum(isinstance(d, Skipped) for f in files for d in documents(f, objects._KINDS))
    assert skipped > 100
    found = _read(files)
    monkeypatch.setattr(splitting, "kind_of", lambda text: None)
    assert found == _read(files)


LINES = st.lists(
    st.sampled_from(
        [
            "kind: Service",
            "kind: ConfigMap",
            "kind: CustomResourceDefinition",
            '"kind": Service',
            "'kind' : Service",
            "? kind",
            ": Service",
            "kind",
            "kind:",
            "  Service",
            "<<: *x",
            "*x : Service",
            "*y : Service",
            "a: &x {kind: Service}",
            "b: &y kind",
            "&z kind: Service",
            "!!str kind: Service",
            "spec: {",
            "}",
            "}, kind: Service",
            ", kind: Service",
            "{kind: Service, a: {",
            "}}",
            'c: "',
            '"',
            "d: '",
            "'",
            "e: |",
            "f: >-",
            "  kind: Service",
            "- kind: Service",
            "g: h",
            "apiVersion: v1",
            "metadata: {name: a}",
            "# kind: Service",
            "--- {kind: Service}",
            "---",
            "...",
            '"\\x6bind": Service',
            '"ki\\',
            'nd": Service',
            "? |-",
            "{{ x }}",
            "\tkind: Service",
            "%YAML 1.1",
            "conversion: {webhook: {clientConfig: {service: {name: a}}}}",
        ]
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=1500, deadline=None)
@given(
    LINES, st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\u2028"]), st.sampled_from(["", BOM])
)
@example(['c: "', "kind: ConfigMap", '"', '"kind": Service'], "\n", "")
@example(["spec: {", "kind: ConfigMap", "}", "? kind", ": Service"], "\n", "")
@example(["kind: ConfigMap", "g: h", "kind: Service"], "\r", "")
@example(["a: &x {kind: Service}", "kind: ConfigMap", "<<: *x"], "\n", "")
def test_no_document_that_may_hold_an_object_is_left_unread(
    lines: list[str], ending: str, bom: str
) -> None:
    file = File("a.yaml", None, bom + ending.join((*lines, "")))
    for document in documents(file, objects._KINDS):
        if isinstance(document, Skipped):
            assert not _is_read(document.text)
    for _, text in splitting._split(file.text):
        known = scan.kind_of(text)
        assert known is None or scan.seeming_kind(text) in ("", known)


def _is_read(text: str) -> bool:
    """Whether the document's root has a kind that is read, with all that is merged into it."""
    try:
        root = yaml_tree.parse(text)
        value = yaml_tree.Values(text).of(root) if root is not None else None
    except yaml_tree.Broken:
        return False
    if not isinstance(value, dict):
        return False
    kind = value.get("kind")
    if kind == "CustomResourceDefinition":
        return "conversion" in value
    return isinstance(kind, str) and kind in objects._KINDS


def _read(files: list[File]) -> Any:
    """What is known of files, without definitions that lead to no Service."""
    found = collected(files)
    read = [o for o in found.objects if o.kind != "CustomResourceDefinition" or _is_called(o.data)]
    return (
        [(o.kind, o.name, o.namespace, o.data, o.line(o.node.start)) for o in read],
        found.problems,
        found.skipped + len(found.objects) - len(read),
    )


def _is_called(definition: dict[str, Any]) -> bool:
    return "conversion" in definition["spec"]


@pytest.mark.parametrize("hidden", ['"kind": Service\n', "? kind\n: Service\n"])
@pytest.mark.parametrize("value", ['"\nkind: ConfigMap\n"', "{\nkind: ConfigMap\n}"])
def test_a_service_behind_the_kind_of_another_text_is_found(hidden: str, value: str) -> None:
    found = collected([File("a.yaml", None, f"a: {value}\n{hidden}{SERVICE}")])
    assert [o.kind for o in found.objects] == ["Service"]


def test_a_document_without_a_kind_is_held_to_the_form_of_yaml(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("replicas: 1\nimage: [a\n---\nreplicas: 2\n")
    found = collected(open_all([str(path)], io.BytesIO()))
    assert [p.line for p in found.problems] == [2]
    assert found.skipped == 1
    path.write_text("[" * 300 + "]" * 300)
    assert "nested too deep" in str(collected(open_all([str(path)], io.BytesIO())).problems[0])


def test_a_definition_that_is_indented_far_is_not_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    def composed(text: str, *_: object) -> None:
        raise AssertionError(text)

    levels = "".join(f"{'  ' * n}properties:\n" for n in range(40))
    monkeypatch.setattr(yaml_tree, "parse", composed)
    yaml_tree.check(f"{levels}{'  ' * 40}a: '[0-9]'\n")


def test_copies_of_a_document_that_is_left_unread_are_checked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[str] = []
    before = yaml_library.is_yaml

    def is_yaml(text: str) -> bool:
        checked.append(text)
        return before(text)

    monkeypatch.setattr(yaml_library, "is_yaml", is_yaml)
    good, bad = "kind: Role\nrules: []\n", "kind: Role\nrules: [\n"
    files = [File(f"{n}.yaml", None, text) for n, text in enumerate((good, bad, good, bad))]
    found = collected(files)
    assert found.skipped == 2
    assert [(p.file, p.line) for p in found.problems] == [("1.yaml", 2), ("3.yaml", 2)]
    assert checked == [good, bad, bad]
    assert not yaml_tree._sound
