"""Evidence from manifest files: what a review can know before anything runs.

``read`` takes files, folders or standard input; ``gather`` makes evidence of what they ask for;
``localise`` tells each finding of the report its file and line, and turns the fixes for a cluster
into edits of the files; ``edits``, ``unified_diff`` and ``write`` show and apply them.
"""

from kubectl_portcheck.collect.manifests.evidence import Gathered, gather
from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.fixed_files import (
    FixedFiles,
    fix_files,
    unified_diff,
    write,
)
from kubectl_portcheck.collect.manifests.objects import Manifests, read
from kubectl_portcheck.collect.manifests.origins import localise

__all__ = [
    "FixedFiles",
    "Gathered",
    "Manifests",
    "Problem",
    "fix_files",
    "gather",
    "localise",
    "read",
    "unified_diff",
    "write",
]
