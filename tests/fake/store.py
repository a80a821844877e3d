"""The objects of the fake cluster, served as the API server serves them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]

PLURALS = {
    "ServiceEntry": "serviceentries",
    "Endpoints": "endpoints",
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
}


def plural(kind: str) -> str:
    """The resource name of a kind."""
    regular = f"{kind.lower()[:-1]}ies" if kind.endswith("cy") else f"{kind.lower()}s"
    return PLURALS.get(kind, regular)


def collection_path(item: Object) -> str:
    """The path of the collection that holds an object."""
    version = item["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = item["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{plural(item['kind'])}"


class Store:
    """Objects by path, with lists that honour selectors, limit and continue."""

    def __init__(self) -> None:
        self.objects: list[Object] = []

    def add(self, *objects: Object) -> None:
        """Adds objects, or replaces those of the same name."""
        added = {_place(item): item for item in objects}
        kept = [o for o in self.objects if _place(o) not in added]
        self.objects = [*kept, *added.values()]

    def remove(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Deletes an object, if it is there."""
        gone = (kind, name, namespace)
        self.objects = [o for o in self.objects if _identity(o) != gone]

    def get(self, path: str) -> Object | None:
        """The object at a path."""
        return next(
            (o for o in self.objects if f"{collection_path(o)}/{o['metadata']['name']}" == path),
            None,
        )

    def list(self, target: str) -> Object | None:
        """The list that a request asks for; None where no such collection is known."""
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        found = [o for o in self.objects if parts.path in _collections(o)]
        if not found and not _looks_like_collection(parts.path):
            return None
        found = [o for o in found if _labels_match(o, query.get("labelSelector", ""))]
        found = [o for o in found if _fields_match(o, query.get("fieldSelector", ""))]
        metadata: dict[str, Any] = {"resourceVersion": "1"}
        start = int(query.get("continue", "0"))
        limit = int(query.get("limit", "0")) or len(found)
        page = found[start : start + limit]
        if start + limit < len(found):
            metadata["continue"] = str(start + limit)
        return {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": page}


def _place(item: Object) -> str:
    return f"{collection_path(item)}/{item['metadata']['name']}"


def _identity(item: Object) -> tuple[str, str, str | None]:
    return item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")


def _collections(item: Object) -> set[str]:
    path = collection_path(item)
    namespace = item["metadata"].get("namespace")
    return {path, path.replace(f"/namespaces/{namespace}", "", 1)} if namespace else {path}


def _looks_like_collection(path: str) -> bool:
    last = path.rsplit("/", 1)[-1]
    return last.endswith("s") and path.startswith(("/api/", "/apis/"))


def _labels_match(item: Object, selector: str) -> bool:
    labels = item["metadata"].get("labels", {})
    for term in filter(None, selector.split(",")):
        if "!=" in term:
            key, value = term.split("!=", 1)
            if labels.get(key) == value:
                return False
        elif "=" in term:
            key, value = term.replace("==", "=").split("=", 1)
            if labels.get(key) != value:
                return False
        elif term.startswith("!"):
            if term[1:] in labels:
                return False
        elif term not in labels:
            return False
    return True


def _fields_match(item: Object, selector: str) -> bool:
    for term in filter(None, selector.split(",")):
        key, value = term.split("=", 1)
        found: Any = item
        for part in key.split("."):
            found = found.get(part, "") if isinstance(found, dict) else ""
        if str(found) != value.lstrip("="):
            return False
    return True
