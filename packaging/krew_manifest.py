"""Fills in krew/portcheck.yaml: version, addresses, and the sums of the archives.

    python packaging/krew_manifest.py local dist --output dist/local/portcheck.yaml
    python packaging/krew_manifest.py release dist --output dist/portcheck.yaml

``local`` names the platforms whose archives are there; ``release`` names all of them and fails if
one is missing, unless it is told to put zeros for its sum.
"""

import argparse
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from bundle import version

TEMPLATE = Path(__file__).resolve().parent.parent / "krew" / "portcheck.yaml"
ARTIFACT = re.compile(r'\{\{addURIAndSha "(?P<uri>[^"]+)" \.TagName }}')
TAG = "{{ .TagName }}"
UNKNOWN = "0" * 64

Sum = Callable[[str], str | None]


def render(template: str, tag: str, sum_of: Sum, base: str | None = None) -> str:
    """The manifest. A platform for whose archive ``sum_of`` has nothing is left out.

    ``base`` replaces the address in front of the archives' names.
    """
    head, *platforms = re.split(r"(?m)^(?=    - selector:)", template)
    head = head[head.index("apiVersion:") :]
    kept = [filled for text in platforms if (filled := _fill(text, tag, sum_of, base))]
    if not kept:
        raise SystemExit("no archive for any platform of the manifest")
    return head.replace(TAG, tag) + "".join(kept)


def sums(folder: Path, *, missing: str | None) -> Sum:
    """Sums of the archives in a folder, and what stands for one that is missing."""

    def sum_of(name: str) -> str | None:
        path = folder / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else missing

    return sum_of


def _fill(text: str, tag: str, sum_of: Sum, base: str | None) -> str | None:
    match = ARTIFACT.search(text)
    if match is None:
        raise SystemExit(f"a platform without addURIAndSha:\n{text}")
    uri = match["uri"].replace(TAG, tag)
    place, _, name = uri.rpartition("/")
    digest = sum_of(name)
    if digest is None:
        return None
    lines = f'uri: {base or place}/{name}\n      sha256: "{digest}"'
    return text[: match.start()] + lines + text[match.end() :]


def main() -> None:
    """Writes a manifest."""
    parser = argparse.ArgumentParser(description="Fills in the plugin's manifest.")
    parser.add_argument("kind", choices=("local", "release"))
    parser.add_argument("archives", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tag", default=f"v{version()}")
    parser.add_argument("--base", help="where the archives are, instead of the release's address")
    parser.add_argument(
        "--missing-as-zeros", action="store_true", help="for a dry run on one platform"
    )
    args = parser.parse_args()
    missing = UNKNOWN if args.missing_as_zeros else None
    template = TEMPLATE.read_text(encoding="utf-8")
    made = render(template, args.tag, sums(args.archives, missing=missing), args.base)
    if args.kind == "release" and made.count("sha256:") != len(ARTIFACT.findall(template)):
        raise SystemExit(f"{args.archives} lacks archives of some platforms")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(made, encoding="utf-8", newline="\n")
    print(args.output)


if __name__ == "__main__":
    main()
