"""Every rule is registered, described, and true to its own examples."""

import re
from typing import Any, cast

import msgspec
import pytest

from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.rules.base import Example, Need, NotApplicable, Passed, Rule, When, Worth
from kubectl_portcheck.rules.run import OF_PORT, OF_SERVICE, run
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.rules.texts import texts as read_texts
from kubectl_portcheck.semantics.case import Case, ServiceCase
from tests.examples import diagnosed
from tests.rule_table import IN_THE_FILE, TEXTS, in_files, texts
from tests.situations import SITUATIONS

EXAMPLES = [(rule, example) for rule in CATALOGUE for example in rule.in_full.examples]


@pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{r.code}-{e.title[:40]}" for r, e in EXAMPLES]
)
def test_an_example_does_what_it_says(rule: Rule, example: Example) -> None:
    """Where the change is meant, ``python -m tests.examples`` writes it into the examples."""
    assert diagnosed(rule, example) == example.expects


def test_the_catalogue_lists_what_the_files_declare() -> None:
    """Where a file was changed, ``python -m tests.rule_table`` writes the list."""
    files = in_files()
    declared = [name for name in Rule.__struct_fields__ if name not in IN_THE_FILE]
    assert [[getattr(r, name) for name in declared] for r in CATALOGUE] == [
        [getattr(r, name) for name in declared] for r in files
    ]
    assert len({r.code for r in CATALOGUE}) == len({r.name for r in CATALOGUE}) == len(CATALOGUE)
    for rule, own in zip(CATALOGUE, files, strict=True):
        assert rule.in_full is own
        assert (rule.check is None, rule.check_service is None) == (
            own.check is None,
            own.check_service is None,
        )


def test_what_is_explained_is_what_the_files_say() -> None:
    """Where a file was changed, ``python -m tests.rule_table`` writes the texts."""
    assert TEXTS.read_text(encoding="utf-8") == texts(in_files())
    assert list(read_texts()) == [rule.texts for rule in in_files()]


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_a_rule_is_described(rule: Rule) -> None:
    assert all(len(text) > 30 for text in msgspec.structs.astuple(rule.in_full.explanation))
    assert {e.fires for e in rule.in_full.examples} == {True, False}
    assert (rule.check is None) != (rule.check_service is None)
    known = re.compile(r"PC[1-7]\d\d")
    assert all(known.fullmatch(code) for code in rule.follows_from)
    assert rule.code not in rule.follows_from


def test_an_example_says_whether_its_rule_finds_something() -> None:
    assert Example("", "", expects="broken\nPC401 error").fires
    assert not Example("", "", expects="healthy").fires


EVIDENCE = frozenset(need.value for need in Need)


class Recorder:
    """Stands before the evidence and notes what is read."""

    def __init__(self, evidence: ServiceEvidence) -> None:
        self.evidence = evidence
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in EVIDENCE:
            self.read.add(name)
        return getattr(self.evidence, name)


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_a_rule_declares_the_evidence_that_it_reads(rule: Rule) -> None:
    read: set[str] = set()
    rule = msgspec.structs.replace(
        rule, clues=()
    )  # What the runner looks at is no evidence of the check.
    for example, _ in enumerate(rule.in_full.examples):
        recorder = Recorder(SITUATIONS[f"{rule.code}-{example}"].services[0])
        evidence = cast("ServiceEvidence", recorder)
        if rule.check_service:
            run(rule, ServiceCase(evidence))
        for port in recorder.service.spec.ports if rule.check else ():
            run(rule, Case(evidence, port))
        read |= recorder.read
    assert sorted({*rule.needs, *rule.uses}) == sorted(read)
    assert not set(rule.needs) & set(rule.uses)


def test_each_condition_is_of_a_service_or_of_a_port() -> None:
    assert {*OF_SERVICE, *OF_PORT} == set(When)
    assert not set(OF_SERVICE) & set(OF_PORT)


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_a_rule_asks_what_can_be_known_where_it_runs(rule: Rule) -> None:
    assert rule.check or not set(rule.applies) & set(OF_PORT)
    # What has no place in a Service's specification, or nothing to say of files, needs no field.
    assert not rule.field or rule.in_files != Worth.NOTHING


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Every port of every Service in the examples of all rules."""
    found = [evidence.services[0] for evidence in SITUATIONS.values()]
    return [Case(evidence, port) for evidence in found for port in evidence.service.spec.ports]


@pytest.mark.parametrize("when", When)
def test_a_rule_does_not_run_where_a_condition_does_not_hold(when: When, cases: list[Case]) -> None:
    rule = msgspec.structs.replace(
        CATALOGUE[0], applies=(when,), needs=(), check=lambda _: Passed(), check_service=None
    )
    ends = {type(outcome) for case in cases for outcome in run(rule, case)}
    assert ends == {Passed, NotApplicable}


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_the_conditions_of_a_rule_are_asked_before_its_evidence(
    rule: Rule, cases: list[Case]
) -> None:
    for case in cases:
        asked = {w: OF_PORT[w](case) if w in OF_PORT else OF_SERVICE[w](case) for w in rule.applies}
        outcomes = run(rule, case)
        if not all(asked.values()):
            assert all(isinstance(o, NotApplicable) for o in outcomes)
