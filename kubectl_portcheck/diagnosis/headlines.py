"""The one line that a report on a Service begins with."""

from collections.abc import Collection, Sequence

from kubectl_portcheck.model.report import (
    FAULTY,
    Finding,
    Headline,
    NotEvaluated,
    Suppressed,
    Verdict,
)
from kubectl_portcheck.model.share import share_of
from kubectl_portcheck.rules.doubts import said
from kubectl_portcheck.rules.wording import headline_of, listing, names, verb
from kubectl_portcheck.semantics.answers import PROBED, shown
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.resting import rests


def headline(
    whole: ServiceCase,
    cases: Sequence[Case],
    findings: Sequence[Finding],
    undecided: Sequence[NotEvaluated],
    verdict: Verdict,
    suppressed: Sequence[Suppressed],
) -> Headline:
    """The line: the leading finding, what is not known, or what the pods do."""
    lead = next((f for f in findings if f.cause), None) or next(iter(findings), None)
    if verdict in FAULTY and lead:
        return headline_of(lead, whole)
    if verdict == "inconclusive":
        if not undecided:
            return Headline(text="no pod gets traffic from this Service", untold=True)
        return Headline(text=undecided[0].missing, share=undecided[0].share, untold=True)
    if any(s.finding.severity == "error" for s in suppressed):
        codes = listing(dict.fromkeys(f"{s.finding.code} {s.finding.name}" for s in suppressed))
        return Headline(text=f"no problem but what is ignored: {codes}")
    if whole.in_files:
        return _headline_of_files(whole, cases, findings)
    if lead and rests(whole):
        return Headline(text=lead.summary, finding=lead.code)
    pods = {s.name for c in cases for s in c.backends}
    share = share_of(pods, pods)
    return Headline(
        text=f"{share} {_what_they_do(cases, pods)}",
        ports=tuple(c.port.port for c in cases),
        share=share,
    )


def _what_they_do(cases: Sequence[Case], pods: Collection[str]) -> str:
    """``answer``; never more than what was seen of every pod and port."""
    seen = {shown(c.measured(s.pod), s.target) for c in cases for s in c.backends if s.target}
    probed = f" {PROBED}" if any(s.answer.why == PROBED for c in cases for s in c.backends) else ""
    if "listens" in seen:
        return verb(pods, "listens", "listen")
    if "accepts" in seen:
        of = f" of{probed}" if probed else ""
        return f"{verb(pods, 'accepts', 'accept')} connections{of}"
    return f"{verb(pods, 'answers', 'answer')}{probed}"


def _headline_of_files(
    whole: ServiceCase, cases: Sequence[Case], findings: Sequence[Finding]
) -> Headline:
    """What is right in the files, and never more: no pod was asked for an answer."""
    warning = next((f for f in findings if f.severity == "warning"), None)
    if warning is not None:
        return Headline(text=warning.summary, finding=warning.code)
    led = [c for c in cases if c.backends and len(c.in_state("serves")) == len(c.backends)]
    if cases and len(led) == len(cases):
        return Headline(
            text=f"leads to a declared port of {listing(names(cases[0].backends))}",
            ports=tuple(c.port.port for c in cases),
        )
    doubt = next((d for d in whole.evidence.doubts if d.kind == "Pod"), None)
    if doubt is not None:
        return Headline(text=f"no mistake found; {doubt.name}: {said(doubt)}")
    return Headline(text="no mistake found in the files")
