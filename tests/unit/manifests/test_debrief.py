"""The incident of the debrief, seen in review: named at its line, fixed, and clean afterwards."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from kubectl_portcheck.collect.manifests.fixed_files import unified_diff, write
from kubectl_portcheck.errors import NotWrittenError
from kubectl_portcheck.render.facts import lines

from .reading import DEBRIEF, check, check_text

FORMS = {
    "as published": (DEBRIEF, 27),
    "CRLF": (DEBRIEF.replace("\n", "\r\n"), 27),
    "byte order mark": ("\ufeff" + DEBRIEF, 27),
    "no line end": (DEBRIEF.rstrip("\n"), 27),
    "Service first": ("\n---\n".join(reversed(DEBRIEF.split("---\n"))), 10),
    "flow style": (
        DEBRIEF.replace(
            "  ports:\n  - port: 80\n    targetPort: 8080   # as ever\n",
            "  ports: [{port: 80, targetPort: 8080}]\n",
        ),
        25,
    ),
    "targetPort left out": (
        DEBRIEF.replace("    targetPort: 8080   # as ever\n", "    name: http # web\n"),
        26,
    ),
    "named like the container port": (
        DEBRIEF.replace("- containerPort: 9000", "- {name: web, containerPort: 9000}").replace(
            "- port: 80\n", "- port: 80\n    name: web\n"
        ),
        28,
    ),
    "an alias": (
        DEBRIEF.replace(
            "metadata:\n  name: checkout\nspec:\n  selector:\n",
            "old: &old 8080\nmetadata:\n  name: checkout\nspec:\n  selector:\n",
        ).replace("targetPort: 8080", "targetPort: *old"),
        28,
    ),
    "beside a metrics port": (
        DEBRIEF.replace(
            "- containerPort: 9000",
            "- {name: http, containerPort: 9000}\n        - {name: metrics, containerPort: 9100}",
        ).replace(
            "  - port: 80\n", "  - {name: metrics, port: 9100}\n  - port: 80\n    name: http\n"
        ),
        30,
    ),
    "a list": (
        "kind: List\nitems:\n"
        + "".join(
            "- " + "\n  ".join(d.strip("\n").split("\n")) + "\n"
            for d in DEBRIEF.split("# The shop\n")[1].split("---\n")
        ),
        27,
    ),
}


@pytest.mark.parametrize(("text", "line"), FORMS.values(), ids=FORMS)
def test_it_is_a_warning_at_the_line_and_git_applies_what_fixes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int
) -> None:
    found = check_text(tmp_path, text)
    assert found.raw.verdict == "healthy"
    assert found.places == [("PC401", "warning", line)]
    assert not found.fixed.left

    monkeypatch.chdir(tmp_path)
    patch = unified_diff(found.fixed)
    git = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(git, input=patch.encode(), check=True, cwd=tmp_path)
    fixed = (tmp_path / "a.yaml").read_bytes().decode()

    assert fixed == found.fixed.files[0][1]
    assert len(fixed.split("\n")) - len(text.split("\n")) in (0, 1)
    assert sum(a not in text.split("\n") for a in fixed.split("\n")) <= 2
    assert check(tmp_path).raw.verdict == "healthy"
    assert not check(tmp_path).findings


def test_the_diff_of_the_debrief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my shop").mkdir()
    found = check_text(tmp_path / "my shop", DEBRIEF)
    assert unified_diff(found.fixed) == (
        "--- a/my shop/a.yaml\t\n+++ b/my shop/a.yaml\t\n"
        "@@ -24,4 +24,4 @@\n     app: checkout\n   ports:\n   - port: 80\n"
        "-    targetPort: 8080   # as ever\n+    targetPort: 9000   # as ever\n"
    )
    subprocess.run(
        ["git", "apply", "-"], input=unified_diff(found.fixed).encode(), check=True, cwd=tmp_path
    )
    assert check(tmp_path).raw.verdict == "healthy"


def test_writing_keeps_the_mode_and_the_link(tmp_path: Path) -> None:
    found = check_text(tmp_path, DEBRIEF)
    real = tmp_path / "a.yaml"
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    assert tuple(write(check(link).fixed)) == (str(link),)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_text() == found.fixed.files[0][1]
    assert {p.name for p in tmp_path.iterdir()} == {"a.yaml", "link.yaml"}


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    found = check_text(tmp_path, DEBRIEF)
    (tmp_path / "a.yaml").write_text("something else")
    with pytest.raises(NotWrittenError, match="changed meanwhile"):
        tuple(write(found.fixed))
    assert (tmp_path / "a.yaml").read_text() == "something else"


def test_nothing_is_written_where_one_of_several_files_changed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = DEBRIEF.replace("name: ", f"name: {name}-").replace("app: ", f"app: {name}-")
        (tmp_path / name / "x.yaml").write_text(text)
    found = check(tmp_path)
    assert len(found.fixed.files) == 2
    (tmp_path / "b" / "x.yaml").write_text("something else")
    before = (tmp_path / "a" / "x.yaml").read_bytes()
    with pytest.raises(NotWrittenError, match="changed meanwhile"):
        tuple(write(found.fixed))
    assert (tmp_path / "a" / "x.yaml").read_bytes() == before


def test_a_file_that_changes_in_the_last_moment_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = check_text(tmp_path, DEBRIEF)

    def change(_: int) -> None:
        (tmp_path / "a.yaml").write_text("something else")

    monkeypatch.setattr("os.fsync", change)
    with pytest.raises(NotWrittenError, match="changed meanwhile"):
        tuple(write(found.fixed))
    assert (tmp_path / "a.yaml").read_text() == "something else"
    assert [p.name for p in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize("given", ["folder", "link"])
def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, given: str) -> None:
    outside, folder = tmp_path / "outside.yaml", tmp_path / "folder"
    folder.mkdir()
    outside.write_text(DEBRIEF)
    (folder / "a.yaml").symlink_to("../outside.yaml")
    found = check(folder if given == "folder" else folder / "a.yaml")
    assert not found.fixed.files
    (left,) = found.fixed.left
    assert f"it is a link that leads out of its folder; fix {outside.resolve()} itself" in left
    assert outside.read_text() == DEBRIEF


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_writing_keeps_the_owner(tmp_path: Path) -> None:
    found = check_text(tmp_path, DEBRIEF)
    os.chown(tmp_path / "a.yaml", 12345, 54321)
    tuple(write(found.fixed))
    after = (tmp_path / "a.yaml").stat()
    assert (after.st_uid, after.st_gid) == (12345, 54321)


def test_an_owner_that_cannot_be_kept_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = check_text(tmp_path, DEBRIEF)
    before = (tmp_path / "a.yaml").read_bytes()

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("kubectl_portcheck.writing._take_after", refused)
    with pytest.raises(NotWrittenError, match="its owner would change"):
        tuple(write(found.fixed))
    assert (tmp_path / "a.yaml").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.yaml"]


def test_the_fix_in_the_report_is_for_the_file(tmp_path: Path) -> None:
    fixes = check_text(tmp_path, DEBRIEF).findings[0].fixes
    assert [f.command for f in fixes] == [None] * len(fixes)
    assert {f.target for f in fixes} == {"source"}
    assert fixes[0].patch
    assert "+    targetPort: 9000   # as ever" in fixes[0].patch


def test_standard_input_is_diagnosed_and_not_fixed() -> None:
    found = check("-", stdin=DEBRIEF)
    assert found.places == [("PC401", "warning", 27)]
    assert found.findings[0].origin
    assert found.findings[0].origin.file == "<stdin>"
    assert not found.fixed.files
    assert "standard input" in found.fixed.left[0]


def test_helm_says_which_template(tmp_path: Path) -> None:
    text = DEBRIEF.replace("---\n", "---\n# Source: shop/templates/service.yaml\n")
    shown = lines(check("-", stdin=text).findings[0].evidence)
    assert "rendered from shop/templates/service.yaml" in shown
