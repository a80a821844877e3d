"""A diff does not show the values of variables, arguments or annotations that stand around it."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from kubectl_portcheck.collect.manifests.unified import is_private, unified

CANARY = "c4n4ry"
YAML = f"""\
kind: Deployment
metadata:
  annotations:
    example.com/token: {CANARY}
  name: shop
spec:
  containers:
  - name: app
    args:
    - --password={CANARY}
    ports:
    - name: http
      containerPort: 8080
    env:
    - name: PASSWORD
      value: {CANARY}
    - name: MORE
      value: |
        {CANARY}
        {CANARY}
    readinessProbe:
      httpGet:
        port: 8080
        httpHeaders:
        - name: Authorization
          value: {CANARY}
    image: shop
"""
CHANGES = [
    [("containerPort: 8080", "containerPort: 9000")],
    [("        port: 8080", "        port: 9000")],
    [("name: shop", "name: store")],
    [("image: shop", "image: store")],
    [("containerPort: 8080", "containerPort: 9000"), ("        port: 8080", "        port: 9000")],
    [("    ports:", "    # the ports\n    ports:")],
]


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("form", ["yaml", "crlf", "json"])
def test_what_stands_around_a_change_is_not_shown(
    tmp_path: Path, changes: list[tuple[str, str]], form: str
) -> None:
    before = YAML
    if form == "json":
        before = json.dumps(yaml.safe_load(YAML), indent=2) + "\n"
        changes = [
            (f'"{a.split(": ")[0].strip()}": {a.split(": ")[1]}', "1: 2")
            for a, _ in changes
            if "8080" in a
        ]
        changes = [(a, a.replace("8080", "9000")) for a, _ in changes]
    after = before
    for old, new in changes:
        after = after.replace(old, new, 1)
    if form == "crlf":
        before, after = (text.replace("\n", "\r\n") for text in (before, after))
    file = tmp_path / "a.yaml"
    file.write_bytes(before.encode())
    shown = unified(file, before, after)
    assert (before == after) == (shown == "")
    assert CANARY not in shown
    if shown:
        apply = ["git", "apply", "--unidiff-zero", "-"]
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        subprocess.run(apply, input=shown.encode(), cwd=tmp_path, check=True)
        assert file.read_bytes() == after.encode()


def test_lines_of_one_block_only_are_private() -> None:
    assert not is_private("    ports:\n    - containerPort: 80\n")
    assert is_private('{"env": [{"name": "A", "value": "x"}], "ports": []}')
    assert is_private("  url: postgres://u:p@host/db\n")
