"""Which rules are about a word: for those who know a symptom and no code."""

from collections.abc import Sequence

from kubectl_portcheck.rules.names import named
from kubectl_portcheck.rules.texts import Texts


def about(text: str, rules: Sequence[Texts]) -> list[Texts]:
    """Return the rules that all words of the text occur in, the most fitting ones first.

    Where the text is the code or the name of a rule, it is this rule only.
    """
    rule = named(text, rules)
    if rule is not None:
        return [rule]
    words = text.lower().split()
    scores = [(rule, [_score(word, rule) for word in words]) for rule in rules]
    found = [(sum(each), rule) for rule, each in scores if words and all(each)]
    return [rule for _, rule in sorted(found, key=lambda pair: (-pair[0], pair[1].code))]


def _score(word: str, rule: Texts) -> int:
    """How well one word fits, most in the name and least in the explanation; 0 where it is not."""
    texts = (
        *((9, rule.name), (9, rule.code), (3, rule.summary)),
        *((1, rule.meaning), (1, rule.why)),
    )
    return max((weight for weight, text in texts if _begins(word, text.lower())), default=0)


def _begins(word: str, text: str) -> bool:
    """Whether a word of the text begins with this one."""
    at = text.find(word)
    while at > 0 and text[at - 1].isalnum():
        at = text.find(word, at + 1)
    return at >= 0
