"""The versions of Kubernetes on which all tests against a cluster have passed."""

import re

OLDEST = (1, 34)
NEWEST = (1, 37)


def warning(version: str, cluster: str = "") -> str:
    """Give what to say of an API server of this version; '' where it is tested, or not known.

    ``version`` is its ``gitVersion``, such as ``v1.33.1-eks-8f2a``; ``cluster`` is the cluster's
    name, where there are several.
    """
    match = re.match(r"v?(\d{1,3})\.(\d{1,3})(?!\d)", version)
    if match is None:
        return ""
    found = (int(match[1]), int(match[2]))
    if OLDEST <= found <= NEWEST or found[0] == 0:
        return ""  # A server that was built without its version says v0.0.0.
    which = f"cluster {cluster}" if cluster else "the cluster"
    return (
        f"warning: {which} runs Kubernetes {_dotted(found)};"
        f" this program is tested on {_dotted(OLDEST)} to {_dotted(NEWEST)}"
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
