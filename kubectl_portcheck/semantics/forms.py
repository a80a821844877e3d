"""How objects of kinds are read that few clusters have.

Each of these kinds is read in a file of its own. It is loaded where a cluster serves the kind, or
where files have an object of it.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.kinds import Kind


class Form(msgspec.Struct, frozen=True):
    """How the objects of a kind are read."""

    shape: type[Record]
    """The fields that are read."""
    read: Callable[[Any], Any]
    """What the evidence has of an object."""


@cache
def form_in(module: str, kind: Kind) -> Form:
    """The form of a kind, by the module of this package that has it."""
    forms: dict[Kind, Form] = import_module(f"{__package__}.{module}").FORMS
    return forms[kind]
