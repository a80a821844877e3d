"""Checks that files are CycloneDX documents, by the format's own schema.

``python packaging/bill_of_materials.py FILE...``
"""

import subprocess
import sys

from environments import pinned

_CHECK = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    if found:
        sys.exit(f"{path}: {str(found).splitlines()[0]}")
"""


def main() -> int:
    """Checks the files that are named."""
    python = str(pinned("release"))
    return subprocess.run([python, "-c", _CHECK, *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
