"""Lists that all Services of a sweep share: each read once, in pages, and indexed by namespace.

A list over the whole cluster is asked for first where every namespace is meant. Where that is
forbidden, each namespace is asked by itself; what is forbidden there is missing only there.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from kubectl_portcheck import timeouts
from kubectl_portcheck.client import Api, ApiStatusError, ClusterError, Deadline, TooLarge
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.alike import Alike
from kubectl_portcheck.collect.cluster.missing import observed
from kubectl_portcheck.collect.kept import Kept
from kubectl_portcheck.inputs.limits import LIST_OBJECTS, ODD_OBJECTS
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.kinds import Kind
from kubectl_portcheck.model.objects import ObjectMeta

R = TypeVar("R", bound=Record)

PAGE = "500"
"""Objects asked for at once; a longer list comes in several answers."""
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""The form of a list in which the server sends nothing of its objects but their metadata."""
SMALLER = ("50", "5", "1")
"""The objects asked for at once where a page turns out to be too large."""
GONE = 410
"""The answer where the server no longer knows the state of which a page was the first."""
Seen = Callable[[int, int], None]
"""Receives how many objects have been read, and of how many; the second is 0 where unknown."""


class Resource(msgspec.Struct, Generic[R], frozen=True):
    """What is listed, and as what it is read."""

    of: Kind
    items: type[decode.ListOf[R]]
    kind: str = ""
    """The kind's name, where the model keeps it in each object."""
    version: str = ""
    older: tuple[str, ...] = ()
    """Versions in which it may be served where it is not in this one."""
    made: Callable[[Any], Any] | None = None
    """What is kept of an object, where that is not the object itself."""
    anywhere: bool = False
    """Whether objects of other namespaces matter to one namespace."""

    @property
    def plural(self) -> str:
        """The name of the resource."""
        return self.of.resource

    def collection(self, namespace: str) -> str:
        """The path of the list; '' means every namespace."""
        return self.of.collection(namespace, self.version)


class Listed(Generic[R]):
    """All objects of one resource, as far as they could be read."""

    def __init__(self) -> None:
        self.found: dict[str, list[R]] = defaultdict(list)
        """By namespace."""
        self.missing: dict[str, Missing] = {}
        """By namespace, why its objects could not be read; '' means all others."""
        self.odd: dict[str, list[decode.Odd]] = defaultdict(list)
        """By namespace, objects that could not be read; '' where that is not known of them."""
        self.plural = "objects"
        self.complete_before = ""
        """Where the list is cut off: every namespace before this one, by name, was read."""

    def of(
        self, namespace: str, matters: Callable[[ObjectMeta], bool] = lambda _: True
    ) -> Observed[tuple[R, ...]] | Missing:
        """The objects of a namespace, or why they are not known."""
        why = self.why_not(namespace, matters)
        return Observed(value=tuple(self.found.get(namespace, ()))) if why is None else why

    def why_not(self, namespace: str, matters: Callable[[ObjectMeta], bool]) -> Missing | None:
        """Why the objects of a namespace are not known, where they are not.

        They are not where one of them could not be read, unless ``matters`` tells by what is known
        of it that it is not asked for.
        """
        if self.missing:
            why = self.missing.get(namespace) or self.missing.get("")
            if why is not None and not namespace < self.complete_before:
                return why
        if self.odd:
            for odd in [*self.odd.get(namespace, []), *self.odd.get("", [])]:
                if not odd.metadata.name or matters(odd.metadata):
                    return odd.missing(self.plural)
        return None


class Lister:
    """Reads lists of one API server; may be used from several threads."""

    def __init__(self, api: Api, deadline: Deadline) -> None:
        self._api = api
        self.deadline = deadline

    def read(
        self,
        resource: Resource[R],
        namespaces: Sequence[str] | None,
        query: Mapping[str, str] | None = None,
        seen: Seen = lambda number, total: None,
        into: Listed[R] | None = None,
        fatal: tuple[type[ClusterError], ...] = (),
    ) -> Listed[R]:
        """The objects of these namespaces; of the whole cluster where None is given.

        Raises nothing for what the server refuses or does not answer but what is ``fatal``, and
        ConfigurationError. ``into`` is filled meanwhile, so that an interrupt leaves what was read.
        """
        listed = Listed[R]() if into is None else into
        listed.plural = resource.plural
        spaces = [""] if namespaces is None else namespaces
        for space in spaces:
            got: list[R] = []
            odd: list[decode.Odd] = []
            read = partial(
                read_pages,
                self._api,
                self.deadline,
                resource.collection(space),
                resource.items,
                query or {},
                got,
                odd,
                kind=resource.kind,
                made=resource.made,
                seen=seen,
            )
            try:
                ended = observed(read, fatal)
            except ClusterError as error:
                listed.missing[space] = Missing(reason=Reason.FAILED, detail=error.message)
                raise
            finally:
                for namespace, several in groupby(got, _namespace):
                    listed.found[namespace] += several
                for bad in odd:
                    listed.odd[bad.metadata.namespace or space].append(bad)
            if isinstance(ended, Missing):
                listed.missing[space] = ended
                listed.complete_before = _whole_before(got) if not space else ""
        return listed


def read_pages(
    api: Api,
    deadline: Deadline,
    path: str,
    items: type[decode.ListOf[R]],
    query: Mapping[str, str],
    got: list[R],
    odd: list[decode.Odd],
    *,
    kind: str = "",
    made: Callable[[Any], Any] | None = None,
    names_only: bool = False,
    most: int = LIST_OBJECTS,
    seen: Seen = lambda number, total: None,
    kept: Kept | None = None,
) -> None:
    """Read a list page by page into ``got``; from the start once more where a page has expired.

    What of it cannot be read goes into ``odd``. All pages show the state at the moment of the
    first, unless that expires (etcd forgets it after five minutes). Then the list begins again, the
    second time without pages.
    (Kubernetes, API concepts, "Retrieving large results sets in chunks")
    """
    accept = NAMES_ONLY if names_only else "application/json"

    alike = Alike()

    def keep(fresh: tuple[R, ...]) -> tuple[R, ...]:
        alike.hold_once(fresh)
        found = tuple(map(decode.cut_down, fresh))
        if kind:
            found = tuple(_as_kind(o, kind) for o in found)
        return found if made is None else tuple(map(made, found))

    def understood(raw: bytes) -> decode.ListOf[R]:
        page, unreadable = decode.page(raw, items, keep)
        odd.extend(unreadable)
        if len(odd) > ODD_OBJECTS:
            raise ValueError(f"more than {ODD_OBJECTS} objects cannot be read: {odd[0].why}")
        if kept is not None:
            kept.add(page.items)
        return page

    for limit in (PAGE, PAGE, ""):
        try:
            at = {**query, **({"limit": limit} if limit else {})}
            while True:
                page = _page(api, deadline, path, at, understood, accept)
                got += page.items
                if len(got) > most:
                    raise ValueError(f"there are more than {most} objects")
                rest = page.metadata.remaining_item_count
                seen(len(got), len(got) + rest if rest else 0)
                if not page.metadata.continue_:
                    return
                at["continue"] = page.metadata.continue_
        except ApiStatusError as error:
            if error.status != GONE or not limit:
                raise
            got.clear()
            odd.clear()


def _page(
    api: Api,
    deadline: Deadline,
    path: str,
    at: dict[str, str],
    understood: Callable[[bytes], decode.ListOf[R]],
    accept: str,
) -> decode.ListOf[R]:
    """Read one page; one of fewer objects where it is too large, and then all that follow."""

    def read() -> decode.ListOf[R]:
        patience = deadline.earlier(timeouts.READ)
        return api.read(path, at, as_=understood, deadline=patience, accept=accept)

    for limit in SMALLER if "limit" in at else ():
        with contextlib.suppress(TooLarge):
            return read()
        at["limit"] = min(at["limit"], limit, key=int)
    return read()


def _as_kind(item: R, kind: str) -> R:
    return msgspec.structs.replace(item, kind=kind)


_namespace: Callable[[Any], str] = attrgetter("metadata.namespace")


def _whole_before(found: Sequence[Any]) -> str:
    """The namespace in which a list over the cluster was cut off, where its order shows that all
    before it are whole; '' where it does not."""
    spaces = [_namespace(item) for item in found]
    if not spaces or any(a > b for a, b in pairwise(spaces)):
        return ""
    return spaces[-1]


def is_forbidden(part: Listed[Any]) -> bool:
    """Whether a list over the whole cluster was refused for want of a right."""
    why = part.missing.get("")
    return why is not None and why.reason == Reason.FORBIDDEN
