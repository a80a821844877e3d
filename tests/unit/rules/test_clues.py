"""Where a rule's clues are absent its check finds nothing: the runner does not run it then."""

from collections.abc import Iterator

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED, ServiceEvidence
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.run import UNFOUND, checked, foregone
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.semantics.case import Case, ServiceCase

NOW = "2026-01-02T03:04:05Z"
WITH_CLUES = [rule for rule in CATALOGUE if rule.clues]
EXAMPLES = [example for rule in CATALOGUE for example in rule.in_full.examples]


def _as_swept(evidence: ServiceEvidence) -> ServiceEvidence:
    """The same, with no word from its pods: what the static part of a sweep has."""
    not_contacted = Missing(reason=Reason.NOT_CONTACTED, detail="not contacted")
    return msgspec.structs.replace(
        evidence,
        sockets=dict.fromkeys(evidence.sockets, not_contacted),
        attempts=(),
        service_forwards=(),
        in_cluster=NOT_ASKED,
        events=NOT_ASKED,
    )


def _seen() -> Iterator[ServiceEvidence]:
    for example in EXAMPLES:
        for evidence in evidence_of(example.manifest).services:
            yield evidence
            yield _as_swept(evidence)


def _cases(rule: Rule, evidence: ServiceEvidence) -> Iterator[ServiceCase]:
    whole = ServiceCase(evidence, NOW)
    if rule.check_service is not None:
        yield whole
    else:
        yield from (Case.of(whole, port) for port in whole.asked_ports)


@pytest.fixture(scope="module")
def seen() -> list[ServiceEvidence]:
    return list(_seen())


@pytest.mark.parametrize("rule", WITH_CLUES, ids=lambda r: r.code)
def test_without_its_clues_a_rule_finds_nothing(rule: Rule, seen: list[ServiceEvidence]) -> None:
    bare = msgspec.structs.replace(rule, clues=())
    left_out = 0
    for evidence in seen:
        for case in _cases(rule, evidence):
            if foregone(bare, case) is not None or foregone(rule, case) is None:
                continue
            left_out += 1
            for outcome in checked(bare, case):
                known = foregone(rule, case)
                assert outcome == known or isinstance(outcome, UNFOUND), (case.name, outcome)
    assert left_out, "the clues never spare a run"


def test_most_rules_have_clues() -> None:
    assert len(WITH_CLUES) > len(CATALOGUE) / 2
