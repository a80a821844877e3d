"""From the command line to what is asked: one of the frozen types of ``modes`` and ``lookups``.

A mode takes the flags that it uses. Whatever is given and not taken would do nothing, and is
refused: so is every flag that is added later, until a mode takes it. Flags of the connection,
``-v``, ``--color`` and ``--plain`` are accepted everywhere, because people keep them in aliases.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubectl_portcheck import arguments
from kubectl_portcheck.commands.lookups import ReferenceRequest, style_from
from kubectl_portcheck.commands.refusals import (
    one_of,
    refuse_the_rest,
    refuse_what_cannot_be_kept,
)
from kubectl_portcheck.parser import Given

if TYPE_CHECKING:
    from kubectl_portcheck.commands.modes import Request

REFERENCES = ("explain", "history", "list_rules", "rbac", "completion")
"""The modes that ask no cluster and judge no evidence."""
MODES = ("demo", "filename", "replay", "merge", "mcp", *REFERENCES)
"""The flags that choose what to do; without any of them a cluster is checked."""
DEMOS = "list"
"""The name after --demo that asks for the list of them."""


def parse(argv: Sequence[str]) -> "Request":
    """Read a command line. Raises UsageError, and Answered for ``--help`` and ``--version``."""
    return request_from(arguments.read(argv))


def request_from(given: Given) -> "Request":
    """Make of the flags what is asked. Raises UsageError for a flag that would do nothing."""
    given.accept(arguments.CONNECTION)
    mode = one_of(given, *MODES)
    refuse_what_cannot_be_kept(given)
    request = _request(given, mode)
    refuse_the_rest(given, mode)
    return request


def _request(given: Given, mode: str) -> "Request":
    if mode in REFERENCES or given.text("demo") == DEMOS:
        return _reference(given, mode)
    from kubectl_portcheck.commands.check_requests import check_from

    return check_from(given, mode)


def _reference(given: Given, mode: str) -> ReferenceRequest:
    style = style_from(given)
    if mode == "demo":
        return ReferenceRequest("demos", given.text("output") or "table", style)
    if mode == "history":
        return ReferenceRequest("history", given.text("history") or "list", style)
    if mode == "explain":
        return ReferenceRequest("explain", given.text("explain") or "", style)
    if mode == "completion":
        return ReferenceRequest("completion", given.text("completion") or "", style)
    if given.switch("list_rules"):
        return ReferenceRequest("list-rules", style=style)
    from kubectl_portcheck.commands.check_requests import role_from

    given.switch("rbac")
    return ReferenceRequest("rbac", style=style, role=role_from(given))
