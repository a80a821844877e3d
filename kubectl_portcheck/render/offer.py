"""What ``--fix`` says: which fixes there are, what one changes, and how it is undone."""

from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.render.shell import shell_form
from kubectl_portcheck.render.text import clean, cut_end
from kubectl_portcheck.render.wording import care
from kubectl_portcheck.semantics.patches import ABSENT, MOST, Difference

LONGEST = 160
"""How much of a value is shown."""


def choices(fixes: Sequence[Fix]) -> Iterator[str]:
    """Each fix with its number."""
    for number, fix in enumerate(fixes, 1):
        yield f"  --fix={number}  {clean(fix.title)} ({clean(care(fix))})"


def change(fix: Fix, found: Sequence[Difference]) -> Iterator[str]:
    """What the API server would change, as a diff of fields."""
    subject = fix.subject
    assert subject is not None
    yield f"{clean(fix.title)} ({clean(care(fix))})"
    yield f"{subject.kind} {clean(subject.name)} in namespace {clean(subject.namespace)}:"
    for difference in found[:MOST]:
        path = clean(difference.path)
        if difference.private:
            yield f"  ~ {path} (its values are not shown)"
            continue
        if difference.old is not ABSENT:
            yield f"  - {path}: {_value(difference.old)}"
        if difference.new is not ABSENT:
            yield f"  + {path}: {_value(difference.new)}"
    if len(found) > MOST:
        yield f"  and {len(found) - MOST} more fields"
    if fix.owner:
        yield f"{clean(fix.owner)} owns this object and takes the change back: make it there too"


def _value(value: Any) -> str:
    import msgspec

    return cut_end(clean(msgspec.json.encode(value).decode()), LONGEST, "...")


def undo(fix: Fix) -> str:
    """The command that undoes the change, to be pasted."""
    return shell_form(fix.command) or "(it cannot be typed)"
