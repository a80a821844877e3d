"""Messages that are too long to be read, searched and shown are cut."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from kubectl_portcheck.collect.decode import ListOf, decode
from kubectl_portcheck.inputs.limits import MESSAGE_CHARACTERS
from kubectl_portcheck.model.base import Missing, Record, WithMessage
from kubectl_portcheck.model.evidence import Evidence, ServiceForward
from kubectl_portcheck.model.objects import Condition, Event, Pod
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.seat import NameLookup

LONG = "a: " * MESSAGE_CHARACTERS
CUT = f"{LONG[: MESSAGE_CHARACTERS - 1]}…"
FIELDS = {"message", "detail", "reason"}
"""Fields of the model that hold sentences of others."""
DOCUMENTS: dict[type[Record], dict[str, Any]] = {
    Missing: {"state": "missing", "reason": "failed"},
    ServiceForward: {"port": 80},
    Attempt: {"pod": "a", "port": 1, "path": "pod-proxy", "outcome": "refused"},
    NameLookup: {"name": "a", "tool": "getent", "outcome": "no-answer"},
}
"""The structs of the evidence that have such a field of their own, and the least of each."""
OF_THE_API: dict[type[WithMessage], dict[str, Any]] = {
    Condition: {"type": "Ready"},
    Event: {"metadata": {"name": "a"}},
}


def test_the_messages_of_objects_are_cut_and_nothing_else() -> None:
    raw = msgspec.json.encode(
        {
            "items": [
                {
                    "metadata": {"name": LONG},
                    "status": {
                        "conditions": [{"type": "Ready", "status": "False", "message": LONG}],
                        "containerStatuses": [
                            {"name": "app", "state": {"waiting": {"reason": "x", "message": LONG}}}
                        ],
                    },
                }
            ]
        }
    )
    (pod,) = decode(raw, ListOf[Pod]).items
    waiting = pod.status.container_statuses[0].state.waiting
    assert waiting
    assert (pod.status.conditions[0].message, waiting.message) == (CUT, CUT)
    assert pod.metadata.name == LONG


def _reached(hint: Any, known: set[type[Record]]) -> Iterator[type[Record]]:
    """The structs that a value of this type may hold."""
    for argument in get_args(hint):
        yield from _reached(argument, known)
    if isinstance(hint, type) and issubclass(hint, Record) and hint not in known:
        known.add(hint)
        yield hint
        for inner in get_type_hints(hint).values():
            yield from _reached(inner, known)


def test_every_struct_with_a_sentence_of_others_is_known() -> None:
    found = {t for t in _reached(Evidence, set()) if FIELDS & {*t.__struct_fields__}}
    assert {t for t in found if not issubclass(t, WithMessage)} == DOCUMENTS.keys()
    assert OF_THE_API.keys() < found


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (made, field)
        for made in (*DOCUMENTS, *OF_THE_API)
        for field in sorted(FIELDS & {*made.__struct_fields__})
        if (made, field) != (Missing, "reason")  # It is one of our own words.
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_each_of_them_cuts_it(made: type[Record], field: str) -> None:
    whole: dict[type[Any], dict[str, Any]] = {**DOCUMENTS, **OF_THE_API}
    assert getattr(msgspec.convert({**whole[made], field: LONG}, made), field) == CUT
