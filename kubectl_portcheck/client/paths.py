"""Request paths in which a name stays a name, whatever characters it holds."""

from urllib.parse import quote


def pod_path(namespace: str, pod: str) -> str:
    """The path of a pod; a name can add nothing else to it."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe=':')}"


def plain_path(path: str) -> str:
    """A path that a caller has put together, without what could end the request line."""
    return quote(path, safe="/:@!$&'()*+,;=~-._%")
