"""What is asked of the program itself: neither a cluster nor evidence is needed.

Apart from the other modes, so that such an answer goes without msgspec: to load that takes longer
than all the rest of it.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from kubectl_portcheck.commands.roles import RoleFor
    from kubectl_portcheck.parser import Given


class Style(NamedTuple):
    """How text looks on the terminal, in every mode."""

    color: Literal["auto", "always", "never"] = "auto"
    plain: bool = False
    """Words instead of pictures."""


class ReferenceRequest(NamedTuple):
    """Print what needs neither a cluster nor evidence."""

    topic: Literal["demos", "explain", "list-rules", "rbac", "completion", "history"]
    word: str = ""
    """The rule, the shell, the form of the list of demos, or what becomes of the history."""
    style: Style = Style()
    role: "RoleFor | None" = None


def style_from(given: "Given") -> Style:
    """Take the flags that say how text looks."""
    color: Literal["auto", "always", "never"] = "auto"
    match given.text("color"):
        case "always":
            color = "always"
        case "never":
            color = "never"
    return Style(color, given.switch("plain"))
