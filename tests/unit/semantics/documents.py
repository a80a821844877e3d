"""Policies as documents: they are read in the test that asks them, not when a table is made."""

from typing import Any, NamedTuple

import msgspec

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.semantics.guards.catalogue import BY_NAME


class Document(NamedTuple):
    """A policy of a kind of ``BY_NAME``."""

    kind: str
    document: dict[str, Any]

    @property
    def guard(self) -> Guard:
        form = BY_NAME[self.kind].form()
        guard: Guard = form.read(msgspec.convert(self.document, form.shape))
        return guard


def document(
    kind: str, spec: Any, namespace: str, name: str = "guard", *, field: str = "spec", **meta: Any
) -> Document:
    space = namespace if BY_NAME[kind].kind.namespaced else ""
    metadata = {"name": name, "namespace": space, **meta}
    return Document(kind, {"metadata": metadata, field: spec})
