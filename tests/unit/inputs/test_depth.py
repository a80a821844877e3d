"""The bound of nesting is the program's own, whatever limit the installed YAML library has."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from kubectl_portcheck.inputs import yaml_library, yaml_tree
from kubectl_portcheck.inputs.limits import YAML_DEPTH

TOO_DEEP = f"nested too deep: at most {YAML_DEPTH} levels are read"

STYLES: dict[str, Callable[[int], str]] = {
    "lists in brackets": lambda n: "[" * n + "]" * n,
    "lists never closed": lambda n: "[" * n,
    "mappings in braces": lambda n: "{a: " * n + "1" + "}" * n,
    "JSON": lambda n: '{"a":' * n + "1" + "}" * n,
    "dashes behind a line end of YAML's": lambda n: "\u2028" + "- " * n + "a\n",
    "dashes behind a carriage return": lambda n: "\r" + "- " * n + "a\n",
    "dashes": lambda n: "- " * n + "a\n",
    "lists at the column of their key": lambda n: (
        "".join(f"{'  ' * level}a:\n{'  ' * level}-\n" for level in range(n // 2))
        + " " * n
        + ("- a" if n % 2 else "a")
    ),
    "half and half": lambda n: (
        "".join(f"{' ' * i}a:\n" for i in range(n // 2))
        + " " * n
        + "[" * (n - n // 2)
        + "]" * (n - n // 2)
    ),
    "indented": lambda n: "".join(f"{' ' * level}a:\n" for level in range(n)),
}

HIDDEN: dict[str, Callable[[int], str]] = {
    "behind brackets in quotes": lambda n: '["]", ' * n + "1" + "]" * n,
    "behind brackets in a comment": lambda n: f"# {']' * n}\n" + "[" * n + "]" * n,
    "behind braces in a text": lambda n: f"a: x{'}' * n}\nb: " + "{a: " * n + "1" + "}" * n,
}
"""Levels that do not show where brackets are counted."""

LOADERS: list[Any] = [yaml.SafeLoader, *filter(None, [getattr(yaml, "CSafeLoader", None)])]
MARK: Any = yaml.Mark("x", 7, 0, 7, None, 0)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("levels", [YAML_DEPTH + 1, 998, 1002, 3000])
@pytest.mark.parametrize("style", STYLES)
def test_deeper_than_the_bound_is_said_in_one_way(
    monkeypatch: pytest.MonkeyPatch, style: str, levels: int, loader: Any
) -> None:
    monkeypatch.setattr(yaml_library, "_Loader", loader)
    text = STYLES[style](levels)
    for read in (yaml_tree.parse, yaml_tree.check):
        with pytest.raises(yaml_tree.Broken) as broken:
            read(text)
        assert broken.value.reason == TOO_DEEP
        assert text[: broken.value.index].count("\n") <= YAML_DEPTH + 1


@pytest.mark.parametrize("levels", [YAML_DEPTH + 1, 3000, 60_000])
@pytest.mark.parametrize("style", HIDDEN)
def test_hidden_levels_are_bounded_as_well(style: str, levels: int) -> None:
    with pytest.raises(yaml_tree.Broken) as broken:
        yaml_tree.parse(HIDDEN[style](levels))
    assert broken.value.reason == TOO_DEEP


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("style", [style for style in STYLES if "never" not in style])
def test_up_to_the_bound_everything_is_read(
    monkeypatch: pytest.MonkeyPatch, style: str, loader: Any
) -> None:
    assert yaml_tree.parse(STYLES[style](YAML_DEPTH)) is not None
    monkeypatch.setattr(yaml_library, "_Composer", None)
    monkeypatch.setattr(yaml_library, "_Loader", loader)

    assert yaml_tree.parse(STYLES[style](YAML_DEPTH)) is not None


@pytest.mark.parametrize("level", ["flow", "block"])
def test_a_library_that_stops_earlier_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    class Shallow(yaml.SafeLoader):
        def get_event(self) -> yaml.Event:
            said = (f"while increasing {level} level", MARK, "exceeded maximum nesting depth", MARK)
            raise yaml.scanner.ScannerError(*said)

    monkeypatch.setattr(yaml_library, "_Composer", None)
    monkeypatch.setattr(yaml_library, "_Loader", Shallow)
    with pytest.raises(yaml_tree.Broken) as broken:
        yaml_tree.parse("a: [[[]]]")

    assert (broken.value.reason, broken.value.index) == (TOO_DEEP, 7)
