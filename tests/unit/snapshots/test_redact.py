"""A redacted snapshot: none of the names, all of the findings."""

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.collect.snapshots import snapshot
from kubectl_portcheck.collect.snapshots.redact import kept_words, redact
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.evidence import Evidence
from tests.situations import SITUATIONS

NAMED = ("name", "namespace", "nodeName", "uid", "cluster", "pod")
NEARLY = "PC402-3"
"""The situation in which one of two names is meant, since it is nearly the one that is wrong."""
DEMO = Path(snapshot.__file__).parents[2] / "demo" / "checkout.json.gz"


def outcome(evidence: Evidence) -> list[object]:
    report = diagnose(evidence)
    return [report.verdict] + [
        (f.code, f.severity, f.impact, f.cause, len(f.pods), [x.safety for x in f.fixes])
        for s in report.services
        for f in s.findings
    ]


@pytest.mark.parametrize(("name", "evidence"), SITUATIONS.items(), ids=SITUATIONS)
def test_the_diagnosis_is_the_same(name: str, evidence: Evidence) -> None:
    if name == NEARLY:
        return  # See the next test.
    assert outcome(redact(evidence)) == outcome(evidence)


def test_which_of_two_names_is_nearly_another_is_lost_and_no_fix_is_safe_then() -> None:
    found = diagnose(redact(SITUATIONS[NEARLY])).services[0].findings
    before = diagnose(SITUATIONS[NEARLY]).services[0].findings
    assert [(f.code, f.severity, f.impact) for f in found] == [
        (f.code, f.severity, f.impact) for f in before
    ]
    assert "safe" in {x.safety for f in before for x in f.fixes}
    assert "safe" not in {x.safety for f in found for x in f.fixes}


def test_a_recorded_incident_keeps_none_of_its_names() -> None:
    evidence = snapshot.load(DEMO)
    text = msgspec.json.encode(redact(evidence)).decode()
    names = {n for n in _names(json.loads(msgspec.json.encode(evidence))) if n not in ("", "http")}
    assert {"checkout", "production", "portcheck-control-plane"} <= names
    assert not [n for n in names if n in text]
    assert not [n for n in ("10.244.", "10.96.", "fd00:", "portcheck.test") if n in text]
    assert outcome(redact(evidence)) == outcome(evidence)


def _names(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _names(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from _names(value, key)
    elif isinstance(data, str) and key in NAMED:
        yield data


HARD = """
kind: Service
metadata: {name: web, namespace: acme-prod}
spec:
  selector: {app: web, acme.com/team: payments}
  ports: [{name: http, port: 80, targetPort: http}]
---
kind: Pod
metadata: {name: web-0, namespace: acme-prod, labels: {app: web, acme.com/team: payments}}
spec:
  nodeName: ip-10-1-2-3.acme.internal
  containers:
  - {name: istio-proxy}
  - {name: web, image: "registry.acme.com/pay:1", ports: [{name: http, containerPort: 80}]}
status:
  phase: Running
  podIP: 10.1.2.3
  conditions:
  - type: Ready
    status: "False"
    reason: ContainersNotReady
    message: 'Back-off pulling image "registry.acme.com/pay:1" for jane@acme.com, token s3cr3t-AbC'
"""


def test_free_text_and_names_of_common_words() -> None:
    evidence = evidence_of(HARD)
    text = msgspec.json.encode(redact(evidence)).decode()
    for gone in (
        "acme",
        "payments",
        '"web',
        "jane",
        "s3cr3t",
        "AbC",
        "10-1-2-3",
        "10.1.2.3",
        "pay:",
    ):
        assert gone not in text
    for kept in ('"http"', "istio-proxy", "pulling image", "Back-off", "ContainersNotReady"):
        assert kept in text


SLIP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: chekout}, ports: [{port: 80}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: main}]}
"""


def test_a_misspelt_word_stays_misspelt() -> None:
    redacted = redact(evidence_of(SLIP)).services[0]
    assert isinstance(redacted.namespace_pods, Observed)
    wanted = redacted.service.spec.selector["app"]
    found = redacted.namespace_pods.value[0].metadata.labels["app"]
    assert wanted != found
    assert len(found) - len(wanted) == 1


def test_it_is_the_same_each_time_and_can_be_saved() -> None:
    evidence = redact(snapshot.load(DEMO))
    tool = snapshot.Tool(name="t", version="1")
    again = snapshot.decode(snapshot.encode(evidence, tool), "x")
    assert again == redact(snapshot.load(DEMO))
    # Not their bytes: under Python 3.10 not every () is the default's, which is left out.
    assert diagnose(again) == diagnose(evidence)


@pytest.mark.parametrize("reason", Reason)
def test_what_is_missing_stays_missing(reason: Reason) -> None:
    evidence = evidence_of(SLIP)
    gone = Missing(reason=reason, detail='list pods is forbidden for "jane"')
    service = msgspec.structs.replace(evidence.services[0], pods=gone)
    redacted = redact(msgspec.structs.replace(evidence, services=(service,)))
    assert isinstance(redacted.services[0].pods, Missing)
    assert redacted.services[0].pods.reason == reason
    assert redacted.services[0].pods.detail.startswith("list pods is forbidden for ")
    assert "jane" not in redacted.services[0].pods.detail


def _types(annotation: Any, seen: set[Any]) -> set[Any]:
    """Every struct of the model that can be in evidence."""
    known = not isinstance(annotation, type) or annotation in seen
    if not known and issubclass(annotation, Record):
        seen.add(annotation)
        for field in msgspec.structs.fields(annotation):
            _types(field.type, seen)
    for part in get_args(annotation):
        _types(part, seen)
    origin = get_origin(annotation)
    return _types(origin, seen) if isinstance(origin, type) else seen


@pytest.mark.parametrize(
    ("name", "words"), [("kind", {"Service", "Pod"}), ("group", {"apps"}), ("protocol", {"TCP"})]
)
def test_a_field_keeps_the_words_that_its_type_names(name: str, words: set[str]) -> None:
    types = _types(Evidence, set())
    assert len(types) > 50
    fields = [(t, f) for t in types for f in msgspec.structs.fields(t) if f.name == name]
    assert fields
    for type_, field in fields:
        assert words <= kept_words(field.type), f"{type_.__name__}.{field.name}"


def test_every_word_of_a_closed_set_is_kept() -> None:
    """Whatever a later version adds to a Literal, or to an enumeration, is kept without more."""
    for type_ in _types(Evidence, set()):
        for field in msgspec.structs.fields(type_):
            for word in _literals(field.type):
                kept = word if isinstance(word, Enum) else word in kept_words(field.type)
                assert kept, f"{type_.__name__}.{field.name}: {word}"


def _literals(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from annotation
    else:
        for part in get_args(annotation):
            yield from _literals(part)
