"""Calico's selector language, as label selectors of which one must hold.

By the reference of Calico's NetworkPolicy (docs.tigera.io, "Selectors"): ``k == 'v'``, ``k != 'v'``
and ``k not in {...}`` (true where the label is absent), ``k in {...}``, ``has(k)``, ``all()``,
``global()``, ``!``, ``&&`` before ``||``, and parentheses. ``contains``, ``starts with`` and ``ends
with`` are not compared.
"""

import re
from typing import NamedTuple

from kubectl_portcheck.model.guards import GuardSelector
from kubectl_portcheck.model.objects import LabelSelector, LabelSelectorRequirement
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME

MOST_TOKENS, MOST_DEPTH, MOST_WAYS = 500, 30, 64
POD_NAMESPACE = "projectcalico.org/namespace"
"""A label that every pod has, with the name of its namespace."""
SPACE_NAME = "projectcalico.org/name"
"""A label that every namespace has, with its name."""
ORCHESTRATOR = "projectcalico.org/orchestrator"
"""A label that every pod of Kubernetes has, with the value ``k8s``."""
NAMESPACE_LABEL = "pcns."
"""What begins a label of the pod's namespace among those of a pod."""
NOT_COMPARED = ("pcsa.", "projectcalico.org/serviceaccount")

_TOKEN = regex(
    r"""\s*(?:(?P<sign>&&|\|\||==|!=|[!(){},])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
    r"""|(?P<word>[-\w./]+))""",
    re.ASCII,
)


class NotCompared(ValueError):
    """A selector that this program does not understand."""


class _Token(NamedTuple):
    kind: str
    text: str


Way = tuple[LabelSelectorRequirement, ...]
"""Terms of which all must hold."""
_NEVER: Way = (LabelSelectorRequirement(key=NAMESPACE_NAME, operator="In", values=()),)
_IN_A_NAMESPACE = LabelSelectorRequirement(key=NAMESPACE_NAME, operator="Exists")
_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist"}


def ways(text: str, *, spaces: bool = False) -> tuple[Way, ...]:
    """The selector as alternatives; every one where the text is empty. Raises NotCompared.

    ``spaces``: it is one of namespaces. There ``all()`` means what is in a namespace, and
    ``global()`` what is in none. (``projectcalico/calico``, ``getEndpointSelector``)
    """
    if not text.strip():
        return ((),)
    parser = _Parser(_tokens(text), spaces=spaces)
    found = parser.either(positive=True, depth=0)
    if parser.at < len(parser.tokens):
        raise NotCompared(text)
    return found


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, text = 0, text.strip()
    while at < len(text):
        part = _TOKEN.match(text, at)
        if part is None or len(found) >= MOST_TOKENS:
            raise NotCompared(text)
        kind = str(part.lastgroup)
        found.append(_Token("value" if kind in ("double", "single") else kind, part[kind]))
        at = part.end()
    return found


class _Parser:
    """Reads an expression, and turns negations over as it goes."""

    def __init__(self, tokens: list[_Token], *, spaces: bool = False) -> None:
        self.tokens = tokens
        self.spaces = spaces
        self.at = 0

    def either(self, *, positive: bool, depth: int) -> tuple[Way, ...]:
        """Terms with ``||``."""
        if depth > MOST_DEPTH:
            raise NotCompared("too deep")
        found = self._both(positive=positive, depth=depth)
        while self._takes("||"):
            more = self._both(positive=positive, depth=depth)
            found = _or(found, more) if positive else _and(found, more)
        return found

    def _both(self, *, positive: bool, depth: int) -> tuple[Way, ...]:
        found = self._one(positive=positive, depth=depth)
        while self._takes("&&"):
            more = self._one(positive=positive, depth=depth)
            found = _and(found, more) if positive else _or(found, more)
        return found

    def _one(self, *, positive: bool, depth: int) -> tuple[Way, ...]:
        while self._takes("!"):
            positive = not positive
        if self._takes("("):
            found = self.either(positive=positive, depth=depth + 1)
            self._expects(")")
            return found
        word = self._text("word")
        if word in ("all", "global") and self._takes("("):
            self._expects(")")
            inside = (word == "all") == positive
            if self.spaces:
                return ((_IN_A_NAMESPACE if inside else _negated(_IN_A_NAMESPACE),),)
            return ((),) if inside else (_NEVER,)
        if word == "has" and self._takes("("):
            term = LabelSelectorRequirement(key=self._text("word"), operator="Exists")
            self._expects(")")
        else:
            term = self._comparison(word)
        return ((term if positive else _negated(term),),)

    def _comparison(self, key: str) -> LabelSelectorRequirement:
        for sign, operator in (("==", "In"), ("!=", "NotIn")):
            if self._takes(sign):
                values = (self._text("value"),)
                return LabelSelectorRequirement(key=key, operator=operator, values=values)
        operator = "In"
        word = self._text("word")
        if word == "not":
            operator, word = "NotIn", self._text("word")
        if word != "in":
            raise NotCompared(word)
        return LabelSelectorRequirement(key=key, operator=operator, values=self._set())

    def _set(self) -> tuple[str, ...]:
        self._expects("{")
        values: list[str] = []
        while not self._takes("}"):
            values.append(self._text("value"))
            if not self._takes(","):
                self._expects("}")
                break
        return tuple(values)

    def _takes(self, sign: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == ("sign", sign):
            self.at += 1
            return True
        return False

    def _expects(self, sign: str) -> None:
        if not self._takes(sign):
            raise NotCompared(sign)

    def _text(self, kind: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at].kind == kind:
            self.at += 1
            return self.tokens[self.at - 1].text
        raise NotCompared(kind)


def _negated(term: LabelSelectorRequirement) -> LabelSelectorRequirement:
    return LabelSelectorRequirement(
        key=term.key, operator=_OPPOSITE[term.operator], values=term.values
    )


def _or(one: tuple[Way, ...], other: tuple[Way, ...]) -> tuple[Way, ...]:
    found = (*one, *other)
    if len(found) > MOST_WAYS:
        raise NotCompared("too many alternatives")
    return found


def _and(one: tuple[Way, ...], other: tuple[Way, ...]) -> tuple[Way, ...]:
    if len(one) * len(other) > MOST_WAYS:
        raise NotCompared("too many alternatives")
    return tuple((*a, *b) for a in one for b in other)


def selectors(pods: str, namespaces: str, home: str, *, others: bool) -> tuple[GuardSelector, ...]:
    """A selector of pods and one of namespaces, in the common form. Raises NotCompared.

    Without one of namespaces, those of ``home`` are meant, or all where it is empty.
    """
    chosen, spaces = ways(pods), ways(namespaces, spaces=True)
    if len(chosen) * len(spaces) > MOST_WAYS:
        raise NotCompared("too many alternatives")
    own: Way = ()
    if not namespaces and home:
        own = (LabelSelectorRequirement(key=SPACE_NAME, operator="In", values=(home,)),)
    found = (_selector(p, (*own, *s), others) for p in chosen for s in spaces)
    return tuple(f for f in found if f is not None)


def _selector(pods: Way, spaces: Way, others: bool) -> GuardSelector | None:
    """The terms with the labels of Kubernetes; None where they cannot hold."""
    own: list[LabelSelectorRequirement] = []
    of_space: list[LabelSelectorRequirement] = []
    for term in pods:
        if term.key.startswith(NOT_COMPARED):
            raise NotCompared(term.key)
        if term.key == ORCHESTRATOR:
            is_k8s = term.values is None or "k8s" in term.values
            if is_k8s != (term.operator in ("In", "Exists")):
                if others:
                    raise NotCompared(term.key)
                return None
            others = False
        elif term.key == POD_NAMESPACE:
            of_space.append(_keyed(term, NAMESPACE_NAME))
        elif term.key.startswith(NAMESPACE_LABEL):
            of_space.append(_of_namespace(_keyed(term, term.key.removeprefix(NAMESPACE_LABEL))))
        else:
            own.append(term)
    return GuardSelector(
        pods=LabelSelector(match_expressions=tuple(own)),
        namespaces=LabelSelector(match_expressions=(*of_space, *map(_of_namespace, spaces))),
        others=others,
    )


def _of_namespace(term: LabelSelectorRequirement) -> LabelSelectorRequirement:
    return _keyed(term, NAMESPACE_NAME) if term.key == SPACE_NAME else term


def _keyed(term: LabelSelectorRequirement, key: str) -> LabelSelectorRequirement:
    return LabelSelectorRequirement(key=key, operator=term.operator, values=term.values)
