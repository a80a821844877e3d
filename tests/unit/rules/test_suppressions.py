"""Findings that a user chose to live with: counted and named, and deciding nothing."""

import io
import json
from pathlib import Path

import msgspec
import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.collect.snapshots import snapshot
from kubectl_portcheck.collect.snapshots.redact import redact
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import exit_code_for
from kubectl_portcheck.model.evidence import Evidence
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.report import ServiceReport, begun
from kubectl_portcheck.render.facts import lines
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.semantics.annotations import IGNORE
from tests.situations import SITUATIONS

DEMO = Path(snapshot.__file__).parents[2] / "demo" / "checkout.json.gz"
SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: shop
  annotations: {portcheck.dev/ignore: "%s"}
spec:
  selector: {app: shop}
  ports: [{port: 80, targetPort: web}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: app, image: a, ports: [{name: wbe, containerPort: 80}]}]}
"""


def demo() -> Evidence:
    return snapshot.load(DEMO)


def annotated(evidence: Evidence, text: str) -> Evidence:
    def of(metadata: ObjectMeta) -> ObjectMeta:
        return msgspec.structs.replace(metadata, annotations={IGNORE: text})

    services = tuple(
        msgspec.structs.replace(
            s, service=msgspec.structs.replace(s.service, metadata=of(s.service.metadata))
        )
        for s in evidence.services
    )
    return msgspec.structs.replace(evidence, services=services)


def only(evidence: Evidence, *ignore: str) -> ServiceReport:
    return diagnose(evidence, ignore=ignore).services[0]


def run(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, Environment(out, err, {"HOME": "/nowhere"}))
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("evidence", SITUATIONS.values(), ids=SITUATIONS)
def test_what_is_ignored_decides_nothing_and_is_all_named(evidence: Evidence) -> None:
    everything = [r.code for r in CATALOGUE]
    before = only(evidence)
    after = only(evidence, *everything)
    assert after.findings == ()
    assert {s.finding.code for s in after.suppressed} == {f.code for f in before.findings}
    assert len(after.suppressed) == len(before.findings)
    assert after.verdict in ("healthy", "inconclusive")
    assert exit_code_for(diagnose(evidence, ignore=everything), fail_on="warning") in (0, 3)


def test_by_annotation_in_code_or_name_and_any_case() -> None:
    report = only(annotated(demo(), "pc401, pod-refuses,,PC601"))
    assert {s.finding.code for s in report.suppressed} == {"PC401", "PC501", "PC601"}
    assert {s.by for s in report.suppressed} == {"annotation"}
    assert report.verdict == "healthy"


def test_a_healthy_headline_never_claims_that_pods_answer() -> None:
    report = only(demo(), "PC401", "PC501", "PC601")
    assert "answer" not in str(report.headline)
    assert str(report.headline).startswith("no problem but what is ignored: PC401")


def test_a_consequence_of_what_is_ignored_is_shown_by_itself_and_is_no_cause() -> None:
    before, after = only(demo()), only(demo(), "PC401")
    assert [f.code for f in before.findings if f.cause] == ["PC401"]
    assert after.verdict == "broken"
    assert [f.code for f in after.findings if f.cause] == []
    head = after.heads[0]
    assert (head.code, head.cause, head.caused_by) == ("PC501", False, "PC401")
    ignored = "follows from PC401 target-port-not-listening, which is ignored"
    assert lines(head.evidence)[-1] == ignored
    assert str(after.headline) == f"port 80: {begun(head.summary)}"


def test_an_unknown_word_in_an_annotation_is_a_note_and_never_an_error() -> None:
    report = only(annotated(demo(), "PC401,probe-look-elsewhere,<b>"))
    assert [s.finding.code for s in report.suppressed] == ["PC401"]
    assert len(report.notes) == 2
    assert (
        "probe-look-elsewhere, which is no rule; did it mean probe-looks-elsewhere?"
        in (report.notes[0])
    )


def test_an_ignored_rule_that_lacks_evidence_keeps_no_verdict_open() -> None:
    for evidence in SITUATIONS.values():
        lacking = {n.code for n in only(evidence).not_evaluated}
        assert not {n.code for n in only(evidence, *lacking).not_evaluated}


def test_the_flag_takes_lists_and_refuses_what_is_no_rule() -> None:
    code, out, _ = run("--demo", "--ignore", "PC401,pod-refuses", "--ignore=pc601", "-o", "json")
    report = json.loads(out)
    assert (code, report["verdict"], report["counts"]["suppressed"]) == (0, "healthy", 3)
    assert {s["by"] for s in report["services"][0]["suppressed"]} == {"flag"}
    code, out, err = run("svc/x", "--ignore", "pod-refused")
    assert (code, out) == (2, "")
    assert err.startswith("error: no rule 'pod-refused'\nDid you mean pod-refuses?")


@pytest.mark.parametrize("form", ["table", "wide", "markdown", "junit", "sarif", "yaml"])
def test_every_form_names_it(form: str) -> None:
    _, out, _ = run("--demo", "--ignore", "PC412", "-o", form)
    assert "PC412" in out
    assert "ignore" in out or '"suppressions"' in out or "suppressed" in out


def test_in_files_too(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(SERVICE % "nothing-of-ours")
    code, out, _ = run("-f", str(path))
    assert (code, "nothing-of-ours, which is no rule" in out) == (1, True)
    path.write_text(SERVICE % "PC402")
    code, out, _ = run("-f", str(path), "-o", "json")
    service = json.loads(out)["services"][0]
    assert (code, service["verdict"]) == (0, "healthy")
    assert [(s["code"], s["by"]) for s in service["suppressed"]] == [("PC402", "annotation")]
    path.write_text(SERVICE % "")
    assert run("-f", str(path), "--ignore", "PC402")[0] == 0


def test_a_redacted_snapshot_keeps_the_codes_and_no_names() -> None:
    evidence = annotated(demo(), "PC401,checkout-secret-thing,pod-refuses")
    kept = redact(evidence).services[0].service.metadata.annotations[IGNORE]
    words = kept.split(",")
    assert (words[0], words[2]) == ("PC401", "pod-refuses")
    assert "checkout" not in kept
    assert diagnose(redact(evidence)).verdict == diagnose(evidence).verdict
