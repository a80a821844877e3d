"""Missing rights in snapshots of earlier versions, which have them only in words.

They are read once, here, so that nothing else has to read a sentence.
"""

import re
from typing import TypeVar

import msgspec

from kubectl_portcheck.model.base import Missing, Reason, Right
from kubectl_portcheck.model.evidence import Evidence, ServiceEvidence, ServiceForward
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.regex import regex

T = TypeVar("T")

# Each part has a bound: the text is the cluster's, and may be a megabyte of one letter.
_WORDS = regex(
    r"(?:\bin (?P<inside>[a-z0-9-]{1,63}): )?\b(?P<verb>[a-z]{1,20}) (?P<resource>[a-z]{1,63})"
    r"(?:/(?P<subresource>[a-z]{1,63}))?(?:\.(?P<group>[a-z0-9.-]{1,253}))? is forbidden"
)
_SPACES = regex(r"namespace (?P<spaces>[a-z0-9-]{1,63}(?:, [a-z0-9-]{1,63}){0,200}): ")
_OF_THE_CLUSTER = ("nodes", "namespaces")


def with_rights(evidence: Evidence) -> Evidence:
    """The same evidence, with each missing right as data too."""
    services = tuple(_service(s) for s in evidence.services)
    rights = evidence.rights or tuple(r for text in evidence.missing for r in _unlisted(text))
    return msgspec.structs.replace(evidence, services=services, rights=rights)


def _service(evidence: ServiceEvidence) -> ServiceEvidence:
    space = evidence.service.metadata.namespace

    def part(value: T) -> T:
        if not isinstance(value, Missing) or value.right or value.reason != Reason.FORBIDDEN:
            return value
        return msgspec.structs.replace(value, right=_right(value.detail, space))

    changed = {
        name: now
        for name in evidence.__struct_fields__
        if (now := part(value := getattr(evidence, name))) is not value
    }
    return msgspec.structs.replace(
        evidence,
        **changed,
        sockets={name: part(found) for name, found in evidence.sockets.items()},
        attempts=tuple(_attempt(a, space) for a in evidence.attempts),
        service_forwards=tuple(_forward(f, space) for f in evidence.service_forwards),
    )


def _attempt(attempt: Attempt, space: str) -> Attempt:
    if attempt.outcome != "skipped" or attempt.right:
        return attempt
    return msgspec.structs.replace(attempt, right=_right(attempt.detail, space))


def _forward(forward: ServiceForward, space: str) -> ServiceForward:
    if forward.attempt is None:
        return forward
    return msgspec.structs.replace(forward, attempt=_attempt(forward.attempt, space))


def _right(text: str, space: str) -> Right | None:
    found = _WORDS.search(text)
    if found is None:
        return None
    where = "" if found["resource"] in _OF_THE_CLUSTER else found["inside"] or space
    return _made(found, where)


def _made(found: "re.Match[str]", space: str) -> Right:
    return Right(
        verb=found["verb"],
        resource=found["resource"],
        subresource=found["subresource"] or "",
        group=found["group"] or "",
        namespace=space,
    )


def _unlisted(text: str) -> list[Right]:
    """Of ``namespace a, b: list services is forbidden`` the rights in both namespaces."""
    found, where = _WORDS.search(text), _SPACES.match(text)
    if found is None:
        return []
    return [_made(found, space) for space in (where["spaces"].split(", ") if where else [""])]
