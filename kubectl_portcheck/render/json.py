"""``-o json``: the public form of a report, apart from the internal one, field by field.

Schema version 1 (``schema/report-v1.json``): fields are added, never renamed or removed. The
output is ASCII, so nothing in it can steer a terminal. Its texts are neutralised besides, for
those who print one with ``jq -r``: a control, bidirectional or invisible character is written out
as ``\\x1b`` or ``\\u202e``, a line break becomes a blank, and what is longer than 4,096 characters
is cut in the middle. Names that Kubernetes allows are never changed by that. Only ``command`` is
exact, since programs run it; ``shell`` is the same in a form that is safe to show and to paste.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from kubectl_portcheck.model.evidence import ContainerLog
from kubectl_portcheck.model.fixes import Fix, Prediction, Subject
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, ListeningSocket
from kubectl_portcheck.model.report import (
    Called,
    Chain,
    Change,
    ClusterReport,
    Finding,
    Headline,
    NextStep,
    NotEvaluated,
    PodReport,
    PortReport,
    Report,
    ServiceReport,
    Step,
    Suppressed,
)
from kubectl_portcheck.model.share import Share
from kubectl_portcheck.render import facts
from kubectl_portcheck.render.rights import MissingRight, missing_rights, needed_for
from kubectl_portcheck.render.seat import seat_json
from kubectl_portcheck.render.shell import shell_form
from kubectl_portcheck.render.text import clean, clean_block

SCHEMA_VERSION: Final = 1
TOOL: Final = "kubectl-portcheck"

Json = dict[str, object]


def render_json(report: Report, version: str) -> str:
    """The report as one JSON document."""
    return json.dumps(report_json(report, version), indent=2) + "\n"


def report_json(report: Report, version: str) -> Json:
    """The same, as what :func:`json.dumps` takes."""
    context = report.context
    return {
        "schemaVersion": SCHEMA_VERSION,
        "tool": {"name": TOOL, "version": version},
        "context": {
            "source": context.source,
            "cluster": clean(context.cluster),
            "namespace": clean(context.namespace),
            "collectedAt": clean(context.collected_at) or None,
            "seconds": context.seconds or None,
            "shard": clean(context.shard) or None,
        },
        "verdict": report.verdict,
        "interrupted": report.interrupted,
        "missing": [clean(m) for m in report.missing],
        "missingRights": [_right(r) for r in missing_rights(report)],
        "services": [_service(s) for s in report.services],
        "clusters": [_cluster(c) for c in report.clusters],
        "counts": _counts(report.services),
    }


def _cluster(cluster: ClusterReport) -> Json:
    return {
        "name": clean(cluster.name),
        "verdict": cluster.verdict,
        "collectedAt": clean(cluster.collected_at) or None,
        "seconds": cluster.seconds or None,
        "missing": [clean(m) for m in cluster.missing],
        "counts": _counts(cluster.services),
    }


def _counts(services: Sequence[ServiceReport]) -> Json:
    counts = Counter(s.verdict for s in services)
    return {
        "services": len(services),
        "healthy": counts["healthy"],
        "degraded": counts["degraded"],
        "broken": counts["broken"],
        "inconclusive": counts["inconclusive"],
        "suppressed": sum(len(s.suppressed) for s in services),
    }


def _service(service: ServiceReport) -> Json:
    return {
        "cluster": clean(service.cluster) or None,
        "kind": clean(service.kind),
        "namespace": clean(service.namespace),
        "name": clean(service.name),
        "verdict": service.verdict,
        "headline": clean(str(service.headline)),
        "lead": _lead(service.headline),
        "pods": [_pod(p) for p in service.pods],
        "ports": [_port(p) for p in service.ports],
        "findings": [_finding(f) for f in service.findings],
        "notEvaluated": [_not_evaluated(n) for n in service.not_evaluated],
        "missing": [clean(m) for m in service.missing],
        "suppressed": [_suppressed(s) for s in service.suppressed],
        "notes": [clean(n) for n in service.notes],
        "changes": [_change(c) for c in service.changes],
        "oldPort": {
            "port": service.old_port.port,
            "places": [clean(p) for p in service.old_port.places],
        }
        if service.old_port
        else None,
        "next": _next(service.next) if service.next else None,
        "logs": [_log(log) for log in service.logs],
        "lookup": {"text": clean(service.lookup.text), "how": service.lookup.how}
        if service.lookup
        else None,
        "ingresses": [
            {
                "name": clean(way.ingress),
                "places": [clean(p) for p in way.places],
                "port": _number_or_name(way.port),
            }
            for way in service.ingresses
        ],
        "calls": [_called(c) for c in service.calls],
        "from": seat_json(service.seat) if service.seat else None,
    }


def _called(called: Called) -> Json:
    call = called.call
    return {
        "workload": {
            "kind": clean(call.kind),
            "namespace": clean(call.namespace),
            "name": clean(call.name),
        },
        "container": clean(call.named.container),
        "init": call.named.init,
        "setting": call.named.setting,
        "variable": clean(call.named.variable) or None,
        "portVariable": clean(call.named.port_variable) or None,
        "host": clean(call.named.host),
        "port": call.named.port,
        "service": {
            "namespace": clean(call.service_namespace),
            "name": clean(call.service),
        }
        if call.service
        else None,
        "exists": call.exists,
        "finding": called.finding or None,
    }


def _log(log: ContainerLog) -> Json:
    return {
        "pod": clean(log.pod),
        "container": clean(log.container),
        "previous": log.previous,
        "lines": [clean(line) for line in log.lines],
        "withheld": log.withheld,
    }


def _next(step: NextStep) -> Json:
    shell = shell_form(step.command)
    return {
        "text": clean(step.text),
        "command": list(step.command) if shell is not None else None,
        "shell": shell,
    }


def _lead(headline: Headline) -> Json:
    return {
        "code": headline.finding or None,
        "ports": list(headline.ports),
        "share": _share(headline.share),
        "untold": headline.untold,
        "text": clean(headline.text),
    }


def _share(share: Share | None) -> Json | None:
    return {"part": share.part, "of": share.whole} if share else None


def _pod(report: PodReport) -> Json:
    pod: Pod = report.pod
    return {
        "name": clean(pod.metadata.name),
        "node": clean(pod.spec.node_name) or None,
        "phase": clean(pod.status.phase) or None,
        "ready": report.ready,
        "listeners": None if report.listeners is None else [_socket(s) for s in report.listeners],
    }


def _socket(socket: ListeningSocket) -> Json:
    return {
        "protocol": socket.protocol,
        "family": socket.family if socket.address else None,
        "familyCertain": socket.family_certain,
        "address": clean(socket.address) or None,
        "port": socket.port,
        "device": _text(socket.device),
        "container": _text(socket.container),
        "program": _text(socket.program),
        "programInferred": socket.program_inferred,
        "source": socket.source,
    }


def _port(port: PortReport) -> Json:
    return {
        "port": port.port,
        "name": clean(port.name) or None,
        "protocol": port.protocol,
        "targetPort": _number_or_name(port.target_port),
        "nodePort": port.node_port or None,
        "verdict": port.verdict,
        "chain": _chain(port.chain),
        "steps": [_step(s) for s in port.steps],
        "attempts": [_attempt(a) for a in port.attempts],
    }


def _chain(chain: Chain) -> Json:
    return {
        "servicePort": chain.service_port,
        "targetPort": _number_or_name(chain.target_port),
        "resolved": list(chain.resolved),
        "containerPort": chain.container_port,
        "declared": list(chain.declared),
        "listening": None if chain.listening is None else list(chain.listening),
        "programs": {str(port): clean(name) for port, name in sorted(chain.programs.items())},
        "readiness": list(chain.readiness),
    }


def _step(step: Step) -> Json:
    return {
        "step": step.step,
        "name": step.name,
        "status": step.status,
        "summary": clean(step.summary),
        "reason": _text(step.reason),
        "command": "; ".join(filter(None, map(shell_form, step.commands))) or None,
        "commands": [list(c) for c in step.commands if shell_form(c) is not None],
    }


def _attempt(attempt: Attempt) -> Json:
    return {
        "pod": clean(attempt.pod),
        "port": attempt.port,
        "path": attempt.path,
        "outcome": attempt.outcome,
        "detail": clean(attempt.detail),
        "address": clean(attempt.address) or None,
    }


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "impact": finding.impact,
        "cause": finding.cause,
        "causedBy": finding.caused_by,
        "port": finding.port,
        "protocol": finding.protocol,
        "subject": _subject(finding.subject),
        "pods": [clean(p) for p in finding.pods],
        "summary": clean(finding.summary),
        "evidence": [clean(e) for e in facts.lines(finding.evidence)],
        "facts": [_cleaned(f) for f in facts.as_data(finding.evidence)],
        "fixes": [_fix(f) for f in finding.fixes],
        "origin": {"file": clean(finding.origin.file), "line": finding.origin.line}
        if finding.origin
        else None,
    }


def _cleaned(value: object) -> Any:
    """Data whose texts are harmless."""
    if isinstance(value, dict):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return clean(value) if isinstance(value, str) else value


def _fix(fix: Fix) -> Json:
    shell = shell_form(fix.command)
    # What cannot be typed cannot be run either: NUL, a surrogate for no byte, a megabyte.
    command = list(fix.command) if fix.command and shell is not None else None
    return {
        "title": clean(fix.title),
        "command": command,
        "shell": shell,
        "patch": clean_block(fix.patch) if fix.patch is not None else None,
        "safety": fix.safety,
        "target": fix.target,
        "owner": _text(fix.owner),
        "cautions": [clean(c) for c in fix.cautions],
        "predicted": _predicted(fix.predicted),
        "unpredicted": clean(fix.unpredicted) or None,
        "missingRight": _right(needed_for(fix)),
        "look": list(fix.look) if shell_form(fix.look) is not None and fix.look else None,
    }


def _right(right: MissingRight | None) -> Json | None:
    if right is None:
        return None
    return {
        "namespace": clean(right.namespace) or None,
        "apiGroup": clean(right.group),
        "resource": clean(right.resource),
        "verbs": list(right.verbs),
    }


def _predicted(predicted: Prediction | None) -> Json | None:
    if predicted is None:
        return None
    return {
        "verdict": predicted.verdict,
        "served": predicted.served,
        "of": predicted.of,
        "together": list(predicted.together),
    }


def _not_evaluated(rule: NotEvaluated) -> Json:
    return {
        "code": rule.code,
        "port": rule.port,
        "missing": clean(f"{rule.share}: {rule.missing}" if rule.share else rule.missing),
        "share": _share(rule.share),
        "unserved": rule.unserved,
    }


def _suppressed(suppressed: Suppressed) -> Json:
    finding = suppressed.finding
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "port": finding.port,
        "summary": clean(finding.summary),
        "by": suppressed.by,
    }


def _change(change: Change) -> Json:
    return {
        "subject": _subject(change.subject),
        "summary": clean(change.summary),
        "time": clean(change.time) or None,
        "by": clean(change.by) or None,
    }


def _subject(subject: Subject) -> Json:
    return {
        "kind": clean(subject.kind),
        "namespace": clean(subject.namespace),
        "name": clean(subject.name),
    }


def _text(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _number_or_name(port: int | str) -> int | str:
    return port if isinstance(port, int) else clean(port)
