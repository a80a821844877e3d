"""The facts of a release: its version and its text.

python packaging/release.py check --tag v1.2.3   # is everything there for this tag?
python packaging/release.py text                 # the changelog's entry, for the release
"""

import argparse
import os
import re
import sys
from collections.abc import Iterable

from bundle import ROOT, version
from krew_manifest import TEMPLATE


def entry(changelog: str, name: str) -> str | None:
    """The text under one version's heading, ``## 1.2.3 - 2026-01-31`` or ``## [1.2.3]``."""
    heading = rf"(?m)^## \[?{re.escape(name)}\]?(?: - \d{{4}}-\d\d-\d\d)?\s*$"
    parts = re.split(heading, changelog, maxsplit=1)
    if len(parts) == 1:
        return None
    return re.split(r"(?m)^(?:## |\[[^]]+]: )", parts[1], maxsplit=1)[0].strip() or None


def problems(tag: str, changelog: str, repository: str | None) -> Iterable[str]:
    """What speaks against a release under this tag, one line each."""
    if tag != f"v{version()}":
        yield f"the tag is {tag}, the program says {version()}"
    if not re.fullmatch(r"v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?", tag):
        yield f"{tag} is no version that Krew takes"
    if entry(changelog, tag.removeprefix("v")) is None:
        yield f"CHANGELOG.md has no entry for {tag.removeprefix('v')}"
    if repository and f"https://github.com/{repository}/" not in TEMPLATE.read_text("utf-8"):
        yield f"krew/portcheck.yaml has addresses of another repository than {repository}"


def main() -> int:
    """Checks a release or prints its text."""
    parser = argparse.ArgumentParser(description="The facts of a release.")
    parser.add_argument("command", choices=("check", "text"))
    parser.add_argument("--tag", default=f"v{version()}")
    parser.add_argument("--unreleased", action="store_true", help="take the entry to come")
    args = parser.parse_args()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if args.command == "text":
        name = "Unreleased" if args.unreleased else args.tag.removeprefix("v")
        text = entry(changelog, name)
        if text is None:
            raise SystemExit(f"CHANGELOG.md has no entry {name}")
        print(text)
        return 0
    found = list(problems(args.tag, changelog, os.environ.get("GITHUB_REPOSITORY")))
    for problem in found:
        print(problem, file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
