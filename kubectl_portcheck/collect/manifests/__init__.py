"""Evidence from manifest files: what a review can know before anything runs.

``read`` takes files, folders or standard input; ``gather`` makes evidence of what they ask for;
``localise`` tells each finding of the report its file and line, and turns the fixes for a cluster
into edits of the files; what ``fixed_files`` has shows and applies them.
"""

from kubectl_portcheck.collect.manifests.evidence import Gathered, gather
from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import Manifests, read
from kubectl_portcheck.collect.manifests.origins import localise

__all__ = [
    "Gathered",
    "Manifests",
    "Problem",
    "gather",
    "localise",
    "read",
]
