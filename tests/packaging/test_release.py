"""The release: its facts, its workflow, its list of parts, its pins."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name
from packaging.version import Version

from packaging.requirements import Requirement
from tests.packaging.conftest import PACKAGING, ROOT, run, script

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the release scripts read, to be changed by a test."""
    for folder in ("packaging", "krew"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "kubectl_portcheck").mkdir()
    for name in ("CHANGELOG.md", "kubectl_portcheck/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _release(checkout: Path, changelog: str, version: str = "1.2.3") -> Path:
    (checkout / "CHANGELOG.md").write_text(changelog)
    (checkout / "kubectl_portcheck" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    return checkout / "packaging" / "release.py"


CHANGELOG = """# Changelog

## Unreleased

## 1.2.3 - 2026-01-31

### Added

- A thing.

## 1.2.2 - 2026-01-01

- An older thing.

[1.2.2]: https://example.test
"""


def test_the_changelogs_entry_becomes_the_text(checkout: Path) -> None:
    program = _release(checkout, CHANGELOG)

    assert run(sys.executable, program, "check", "--tag", "v1.2.3").code == 0
    assert run(sys.executable, program, "text").out == "### Added\n\n- A thing.\n"
    assert run(sys.executable, program, "text", "--tag", "v1.2.2").out == "- An older thing.\n"


@pytest.mark.parametrize(
    ("tag", "version", "problem"),
    [
        ("v1.2.4", "1.2.3", "the tag is v1.2.4, the program says 1.2.3"),
        ("v1.2.5", "1.2.5", "CHANGELOG.md has no entry for 1.2.5"),
        ("1.2.3", "1.2.3", "no version that Krew takes"),
    ],
)
def test_a_release_that_does_not_agree_is_refused(
    checkout: Path, tag: str, version: str, problem: str
) -> None:
    ended = run(sys.executable, _release(checkout, CHANGELOG, version), "check", "--tag", tag)

    assert ended.code == 1
    assert problem in ended.err


def test_a_release_of_another_repository_is_refused() -> None:
    ended = script("release.py", "check", GITHUB_REPOSITORY="somebody/fork")

    assert ended.code == 1
    assert "addresses of another repository" in ended.err


def test_the_entry_to_come_can_be_published() -> None:
    assert script("release.py", "text", "--unreleased").out.startswith("### ")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_sound(workflow: Path, actionlint: Path, release_tools: Path) -> None:
    linted = run(actionlint, "-color=false", workflow)
    audited = run(release_tools / "zizmor", "--offline", "--no-progress", "--color=never", workflow)

    assert linted.code == 0, linted.out
    assert audited.code == 0, audited.out


def test_the_release_builds_every_platform_of_the_manifest() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    built = {
        entry["target"] for entry in workflow["jobs"]["archive"]["strategy"]["matrix"]["include"]
    }
    template = (ROOT / "krew" / "portcheck.yaml").read_text(encoding="utf-8")

    assert built == {
        f"{system}_{machine}"
        for system, machine in re.findall(r"os: (\w+)\n\s+arch: (\w+)", template)
    }
    assert built == set(re.findall(r"kubectl-portcheck_{{ \.TagName }}_(\w+)\.tar\.gz", template))


def test_the_bill_of_materials_is_one(archive: Path) -> None:
    bill = str(archive).replace(".tar.gz", ".cdx.json")

    checked = script("bill_of_materials.py", bill)

    assert checked.code == 0, checked.err


@pytest.mark.builds
def test_licences_are_compatible() -> None:
    checked = script("supply_chain.py", "licences")

    assert checked.code == 0, checked.out + checked.err


@pytest.mark.parametrize("name", ["pip", "runtime", "bundle", "release", "dev", "site"])
def test_every_pin_has_a_hash(name: str) -> None:
    text = (PACKAGING / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"(?m)^\S+==.*(?:\n +--hash=.*)*", text)

    assert pins
    assert not [pin for pin in pins if "--hash=sha256:" not in pin]
    assert "://" not in text


def test_a_package_has_one_version_wherever_it_is_pinned() -> None:
    """What is shipped is what is tested; only a Python too old for the newest has another."""
    pinned: dict[str, dict[str, set[str]]] = {}
    for path in (PACKAGING / "requirements").glob("*.txt"):
        for name, version in re.findall(r"(?m)^([\w.-]+)==([^ \\]+)", path.read_text()):
            pinned.setdefault(name, {}).setdefault(path.stem, set()).add(version)
    newest = {
        name: {max(versions, key=Version) for versions in places.values()}
        for name, places in pinned.items()
    }

    assert {name: found for name, found in newest.items() if len(found) > 1} == {}, "run make pins"


PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("name", "groups"), [("dev", ("lint", "test")), ("pip", ()), ("runtime", ())]
)
def test_the_pins_are_of_what_the_project_asks_for(
    name: str, groups: tuple[str, ...], python: str
) -> None:
    asked = _asked(*groups)
    if name == "runtime":  # The archive goes without.
        asked = [r for r in asked if r.name not in ("kubernetes", "certifi")]
    place: Mapping[str, str] = {"python_version": python, "python_full_version": f"{python}.0"}
    text = (PACKAGING / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = [Requirement(line) for line in re.findall(r"(?m)^([\w.-]+==[^\\\n]+)", text)]
    found = {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(dict(place))
    }

    unfit = [str(r) for r in asked if found.get(canonicalize_name(r.name), "") not in r.specifier]
    assert unfit == [], "run make pins"


def _asked(*groups: str) -> list[Requirement]:
    """What pyproject.toml wants to run, and for these groups."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = ("dependencies", *groups)
    lists = [re.search(rf"(?ms)^{name} = \[(.*?)^\]", text) for name in named]
    return [
        Requirement(one) for found in lists if found for one in re.findall(r'"(.+?)"', found[1])
    ]
