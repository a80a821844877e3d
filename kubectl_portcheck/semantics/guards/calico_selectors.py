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
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME

MOST_TOKENS, MOST_DEPTH, MOST_WAYS = 500, 30, 64
OF_NAMESPACE = ("projectcalico.org/namespace", "projectcalico.org/name")
"""Labels with the namespace's name: that of a pod, and that of a namespace itself."""
ORCHESTRATOR = "projectcalico.org/orchestrator"
"""A label that every pod of Kubernetes has, with the value ``k8s``."""
NAMESPACE_LABEL = "pcns."
"""What begins a label of the pod's namespace among those of a pod."""
NOT_COMPARED = ("pcsa.", "projectcalico.org/serviceaccount")

_TOKEN = re.compile(
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
_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


def ways(text: str) -> tuple[Way, ...]:
    """The selector as alternatives; every one where the text is empty. Raises NotCompared."""
    if not text.strip():
        return ((),)
    parser = _Parser(_tokens(text))
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

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
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
            return ((),) if (word == "all") == positive else (_NEVER,)
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
                return _term(key, operator, values)
        operator = "In"
        word = self._text("word")
        if word == "not":
            operator, word = "NotIn", self._text("word")
        if word != "in":
            raise NotCompared(word)
        return _term(key, operator, self._set())

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


def _term(key: str, operator: str, values: tuple[str, ...]) -> LabelSelectorRequirement:
    if operator == "In":
        return LabelSelectorRequirement(key=key, operator="In", values=values)
    return LabelSelectorRequirement(key=key, operator="NotIn", values=values)


def _negated(term: LabelSelectorRequirement) -> LabelSelectorRequirement:
    if term.values is not None:
        return _term(term.key, _OPPOSITE[term.operator], term.values)
    return LabelSelectorRequirement(key=term.key, operator="DoesNotExist")


def _or(one: tuple[Way, ...], other: tuple[Way, ...]) -> tuple[Way, ...]:
    found = (*one, *other)
    if len(found) > MOST_WAYS:
        raise NotCompared("too many alternatives")
    return found


def _and(one: tuple[Way, ...], other: tuple[Way, ...]) -> tuple[Way, ...]:
    if len(one) * len(other) > MOST_WAYS:
        raise NotCompared("too many alternatives")
    return tuple((*a, *b) for a in one for b in other)


def selectors(
    pods: str, namespaces: str | None, home: str, *, others: bool
) -> tuple[GuardSelector, ...]:
    """A selector of pods and one of namespaces, in the common form. Raises NotCompared.

    Without one of namespaces, those of ``home`` are meant, or all where it is empty.
    """
    spaces = ways(namespaces) if namespaces else ((),)
    only = namespaces and re.fullmatch(r"\s*global\(\)\s*", namespaces)
    if only:
        spaces = (_NEVER,)
    own: Way = ()
    if not namespaces and home:
        own = (LabelSelectorRequirement(key=NAMESPACE_NAME, operator="In", values=(home,)),)
    both = _and(ways(pods), spaces)
    if len(both) > MOST_WAYS:
        raise NotCompared("too many alternatives")
    found = (
        _selector(_cut(p, of_namespace=False), (*own, *_cut(s, of_namespace=True)), others)
        for p in ways(pods)
        for s in spaces
    )
    return tuple(f for f in found if f is not None)


def _cut(way: Way, *, of_namespace: bool) -> Way:
    """The terms with the keys that the labels of pods and namespaces have in Kubernetes."""
    found = []
    for term in way:
        if term.key.startswith(NOT_COMPARED):
            raise NotCompared(term.key)
        if of_namespace or term.key in OF_NAMESPACE:
            key = NAMESPACE_NAME if term.key in OF_NAMESPACE else term.key
            found.append(_keyed(term, f"{NAMESPACE_LABEL}{key}"))
        else:
            found.append(term)
    return tuple(found)


def _keyed(term: LabelSelectorRequirement, key: str) -> LabelSelectorRequirement:
    return LabelSelectorRequirement(key=key, operator=term.operator, values=term.values)


def _selector(pods: Way, spaces: Way, others: bool) -> GuardSelector | None:
    """Sorts the terms into those of the pod and of its namespace; None where they cannot hold."""
    own: list[LabelSelectorRequirement] = []
    of_space: list[LabelSelectorRequirement] = []
    for term in (*pods, *spaces):
        if term.key == ORCHESTRATOR:
            is_k8s = "k8s" in (term.values or ("k8s",))
            if is_k8s != (term.operator in ("In", "Exists")):
                return None
        elif term.key.startswith(NAMESPACE_LABEL):
            of_space.append(_keyed(term, term.key.removeprefix(NAMESPACE_LABEL)))
        elif term.key == NAMESPACE_NAME:
            of_space.append(term)
        else:
            own.append(term)
    return GuardSelector(
        pods=LabelSelector(match_expressions=tuple(own)),
        namespaces=LabelSelector(match_expressions=tuple(of_space)),
        others=others,
    )
