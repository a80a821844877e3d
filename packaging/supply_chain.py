"""Asks whether the pinned packages may be given away and have known weaknesses.

    python packaging/supply_chain.py licences [pip]
    python packaging/supply_chain.py audit [--if-reachable]

``audit`` needs a service on the internet; ``--if-reachable`` says so and ends with 0 without one.
"""

import argparse
import json
import subprocess
import sys

from environments import REQUIREMENTS, pinned

ALLOWED = (
    "0BSD; Apache-2.0; Apache-2.0 AND BSD-2-Clause; Apache-2.0 AND MIT; Apache License 2.0; "
    "Apache Software License; "
    "BSD-2-Clause; BSD-3-Clause; BSD License; MIT; MIT License; "
    "Mozilla Public License 2.0 (MPL 2.0); MPL-2.0; PSF-2.0; Python Software Foundation License"
)
PINS = ("pip", "runtime", "bundle", "release", "dev")


def licences(pins: str) -> int:
    """Checks the licences of everything in one file of pins."""
    programs = pinned("release").parent
    python = pinned(pins)
    command = [str(programs / "pip-licenses"), "--python", str(python), "--from=mixed"]
    return subprocess.run([*command, f"--allow-only={ALLOWED}"], check=False).returncode


def audit(*, if_reachable: bool) -> int:
    """Looks the pinned packages up among known weaknesses, at the first service that answers."""
    program = str(pinned("release").parent / "pip-audit")
    pins = [word for name in PINS for word in ("-r", str(REQUIREMENTS / f"{name}.txt"))]
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    for service in ("osv", "pypi"):
        command = [program, *pins, *options, f"--vulnerability-service={service}", "--timeout=10"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            packages = json.loads(ended.stdout)["dependencies"]
        except (ValueError, KeyError):
            print(f"{service}: no answer", file=sys.stderr)
            continue
        asked = [package for package in packages if "vulns" in package]
        if not asked:
            print(f"{service}: knows none of the packages", file=sys.stderr)
            continue
        weak = [package for package in asked if package["vulns"]]
        for package in weak:
            for found in package["vulns"]:
                print(f"{package['name']} {package['version']}: {found['id']}", file=sys.stderr)
        print(f"{service}: {len(asked)} of {len(packages)} packages looked up, {len(weak)} weak")
        return bool(weak) or len(asked) < len(packages)
    print("NOT AUDITED: no service that knows weaknesses can be reached", file=sys.stderr)
    return 0 if if_reachable else 1


def main() -> int:
    """Runs one check."""
    parser = argparse.ArgumentParser(description="Checks the pinned packages.")
    parser.add_argument("check", choices=("licences", "audit"))
    parser.add_argument("pins", nargs="?", choices=PINS, default="runtime")
    parser.add_argument("--if-reachable", action="store_true")
    args = parser.parse_args()
    return (
        licences(args.pins) if args.check == "licences" else audit(if_reachable=args.if_reachable)
    )


if __name__ == "__main__":
    sys.exit(main())
