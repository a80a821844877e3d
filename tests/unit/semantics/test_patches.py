"""What a JSON patch changes, and the patch that takes it back."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.model.fixes import JsonPatch
from kubectl_portcheck.semantics.patches import (
    ABSENT,
    at_version,
    differences,
    undone,
    value_at,
)
from tests.fake.api_server import carry_out

BEFORE = {
    "metadata": {"name": "shop", "resourceVersion": "7", "labels": {"a/b": "1"}},
    "spec": {"ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "shop"}},
}


def patch(*operations: tuple[str, str, Any]) -> JsonPatch:
    return msgspec.convert(
        {
            "kind": "patch",
            "operations": [dict(zip(("op", "path", "value"), o, strict=True)) for o in operations],
        },
        JsonPatch,
    )


def carried(document: Any, change: JsonPatch) -> Any:
    made = copy.deepcopy(document)
    for o in change.operations:
        carry_out(made, {"op": o.op, "path": o.path, "value": o.value})
    return made


CHANGES = {
    "replace": patch(
        ("test", "/spec/ports/0/port", 80),
        ("test", "/spec/ports/0/targetPort", 8080),
        ("replace", "/spec/ports/0/targetPort", 9000),
    ),
    "add": patch(("add", "/spec/type", "NodePort")),
    "add over a value": patch(("add", "/spec/selector/app", "x")),
    "escaped": patch(("replace", "/metadata/labels/a~1b", "2")),
    "append": patch(("add", "/spec/ports/-", {"port": 81})),
    "remove": patch(("test", "/spec/selector/app", "shop"), ("remove", "/spec/selector/app", None)),
    "remove from a list": patch(("remove", "/spec/ports/0", None)),
    "two": patch(("add", "/spec/a", 1), ("replace", "/spec/ports/0/port", 81)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_there_comes_back(change: JsonPatch) -> None:
    back = undone(change, BEFORE)
    assert back is not None
    after = carried(BEFORE, change)
    assert after != BEFORE
    assert carried(after, back) == BEFORE


def test_an_undo_fits_nothing_that_was_changed_since() -> None:
    back = undone(CHANGES["replace"], BEFORE)
    assert back is not None
    for path in ("/spec/ports/0/targetPort", "/spec/ports/0/port"):
        later = carried(carried(BEFORE, CHANGES["replace"]), patch(("replace", path, 1)))
        with pytest.raises(AssertionError):
            carried(later, back)


def test_a_patch_that_changes_nothing_has_no_undo() -> None:
    assert undone(patch(("test", "/spec/ports/0/port", 80)), BEFORE) is None
    assert undone(patch(("add", "/spec/none/-", 1)), BEFORE) is None


def test_a_patch_fits_only_the_version_that_was_shown() -> None:
    fitting = at_version(CHANGES["add"], BEFORE)
    assert carried(BEFORE, fitting)["spec"]["type"] == "NodePort"
    later = {**BEFORE, "metadata": {"resourceVersion": "8"}}
    with pytest.raises(AssertionError):
        carried(later, fitting)
    assert at_version(CHANGES["add"], {}) == CHANGES["add"]


def test_differences_name_the_field_and_hide_what_may_be_secret() -> None:
    old = {
        "metadata": {"managedFields": [1], "annotations": {"a": "s3cret"}},
        "spec": {"ports": [{"port": 80}], "env": [{"value": "s3cret"}], "type": "ClusterIP"},
    }
    new = {
        "metadata": {"managedFields": [2], "annotations": {}, "resourceVersion": "2"},
        "spec": {"ports": [{"port": 81}, {"port": 82}], "env": [{"value": "other"}]},
        "status": {"x": 1},
    }
    found = {d.path: (d.old, d.new, d.private) for d in differences(old, new)}
    assert found == {
        "metadata.annotations.a": ("s3cret", ABSENT, True),
        "spec.env[0].value": ("s3cret", "other", True),
        "spec.ports[0].port": (80, 81, False),
        "spec.ports[1]": (ABSENT, {"port": 82}, False),
        "spec.type": ("ClusterIP", ABSENT, False),
    }


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(VALUES, VALUES)
def test_only_equal_objects_have_no_difference(old: Any, new: Any) -> None:
    found = differences(old, new)
    assert bool(found) == (old != new)


@given(VALUES, st.text(max_size=8))
def test_any_pointer_has_a_value_or_none(document: Any, text: str) -> None:
    value_at(document, f"/{text}")
