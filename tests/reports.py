"""What is right for the rebuilt public reports in corpus/reports, read and held against runs."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "corpus" / "reports"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that must be there."""

    code: str
    subject: str
    severity: str = ""
    says: tuple[str, ...] = ()

    def is_(self, finding: dict[str, Any]) -> bool:
        """Whether a finding of the JSON report is this one."""
        subject = finding["subject"]
        return (
            finding["code"] == self.code
            and f"{subject['kind']}/{subject['name']}" == self.subject
            and self.severity in ("", finding["severity"])
            and all(words in said(finding) for words in self.says)
        )


class Never(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report must not hold."""

    severity: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    safe: bool = False


class Right(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is right for one run, whatever its evidence."""

    exit: int | tuple[int, ...] | None = None
    verdict: str | tuple[str, ...] = ()
    services: dict[str, str] = {}
    findings: tuple[Wanted, ...] = ()
    never: Never = Never()
    steps: dict[str, tuple[str, ...]] = {}
    pending: str = ""


class FileRun(Right, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of ``-f``."""

    read: tuple[str, ...]
    flags: tuple[str, ...] = ()
    refused: tuple[tuple[str, ...], ...] = ()
    """For each thing that the API server would refuse, the words that one line holds."""


class LiveRun(Right, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run against a cluster."""

    apply: tuple[str, ...]
    """Manifests, in the order in which they are applied."""
    namespaces: tuple[str, ...] = ()
    """The namespaces that the manifests name; the first one is asked."""
    kinds: tuple[str, ...] = ()
    """Custom kinds that the cluster has to serve."""
    ready: tuple[str, ...] = ()
    """What is waited for: ``deployment/NAME``, ``pod/NAME``, or a selector; ``NAMESPACE:`` before
    it where that is not the one which is asked."""
    address: dict[str, str] = {}
    """Addresses in the manifests, each to become that of the pod with these labels; the manifests
    are applied again with it."""
    ask: tuple[str, ...] = ()
    """The targets; none for every Service of the namespace."""
    flags: tuple[str, ...] = ()
    serves: str = ""
    """``SERVICE:PORT``, which must serve every connection, and still does after any pasted fix."""
    cured: str = ""
    """``SERVICE:PORT``, which serves every connection once the first fix is pasted."""


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rebuilt report."""

    what: str
    source: str
    files: tuple[FileRun, ...] = ()
    live: tuple[LiveRun, ...] = ()


def reports() -> dict[str, Report]:
    """All of them, by name."""
    return {
        path.stem: msgspec.yaml.decode(path.read_bytes(), type=Report)
        for path in sorted(FOLDER.glob("*.yaml"))
    }


def faults(right: Right, code: int, report: dict[str, Any]) -> list[str]:
    """What a run with ``-o json`` got wrong, a line each."""
    return list(_faults(right, code, report))


def _faults(right: Right, code: int, report: dict[str, Any]) -> Iterator[str]:
    codes = right.exit if isinstance(right.exit, tuple) else (right.exit,)
    if right.exit is not None and code not in codes:
        yield f"exit code {code}, not {right.exit}"
    verdicts = right.verdict if isinstance(right.verdict, tuple) else (right.verdict,)
    if verdicts and report["verdict"] not in verdicts:
        yield f"verdict {report['verdict']}, not {right.verdict}"
    found = {s["name"]: s["verdict"] for s in report["services"]}
    for name, verdict in right.services.items():
        if found.get(name) != verdict:
            yield f"{name} is {found.get(name)}, not {verdict}"
    findings = [f for s in report["services"] for f in s["findings"]]
    for wanted in right.findings:
        if not any(wanted.is_(f) for f in findings):
            yield f"no finding is {wanted}"
    texts = [*map(said, findings), *(s["headline"] for s in report["services"])]
    yield from _forbidden(right.never, findings, texts)
    for step in (t for s in report["services"] for p in s["ports"] for t in p["steps"]):
        if step["status"] not in right.steps.get(step["name"], (step["status"],)):
            yield f"step {step['name']}: {step['status']}: {step['summary']}"


def _forbidden(never: Never, findings: list[dict[str, Any]], texts: list[str]) -> Iterator[str]:
    for finding in findings:
        shown = f"{finding['code']} {finding['severity']}: {finding['summary']}"
        if finding["severity"] in never.severity or finding["code"] in never.codes:
            yield f"must not be there: {shown}"
        for fix in finding["fixes"]:
            if never.safe and fix["safety"] == "safe":
                yield f"must not be safe: {fix['title']}"
            text = _text((fix["title"], fix["shell"], fix["patch"]))
            yield from (f"must not be a fix: {fix['title']}" for w in never.fixes if w in text)
    yield from (f"must not be said: {t}" for t in texts for words in never.says if words in t)


def said(finding: dict[str, Any]) -> str:
    """All that a finding of the JSON report says, in one text."""
    fixes = (part for f in finding["fixes"] for part in (f["title"], f["patch"]))
    return _text((finding["summary"], *finding["evidence"], *fixes))


def _text(parts: Iterable[str | None]) -> str:
    return "\n".join(p for p in parts if p)


def shown(code: int, report: dict[str, Any], wrong: Iterable[str]) -> str:
    """The faults, and what the run said."""
    lines = [
        f"  {f['code']} {f['severity']} {said(f)}"
        for s in report["services"]
        for f in s["findings"]
    ]
    head = f"exit code {code}, {report['verdict']}; {json.dumps(report['context'])}"
    return "\n".join([*wrong, head, *lines])
