"""Reports that were written before with ``-o json``, read again (``--merge``).

Each part of a document is put into the shape of the model, and msgspec checks it as it does every
input. Fields of a newer version are left out.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kubectl_portcheck.collect.shards import parse_shard
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import (
    Unreadable,
    as_utf_8,
    is_packed,
    json_value,
    read_file,
    reason,
    understood,
    unpacked,
)
from kubectl_portcheck.inputs.limits import EVIDENCE_BYTES, REPORT_FILES, REPORT_VALUES
from kubectl_portcheck.model.report import Report

VERSION = 1
"""Of the schema."""

Json = Mapping[str, Any]


def files(words: Sequence[str]) -> list[tuple[str, str]]:
    """Give cluster and path of each report: FILE, CLUSTER=FILE, or a folder of ``*.json``.

    The cluster is '' where none is given. Raises UsageError.
    """
    found = [pair for word in words for pair in _files(word)]
    if len(found) > REPORT_FILES:
        raise UsageError(f"cannot merge more than {REPORT_FILES} reports")
    return found


def _files(word: str) -> list[tuple[str, str]]:
    cluster, equals, path = word.partition("=")
    if not equals or "/" in cluster or os.path.exists(word):
        cluster, path = "", word
    if not os.path.isdir(path):
        return [(cluster, path)]
    try:
        inside = sorted(p for p in Path(path).iterdir() if p.name.endswith((".json", ".json.gz")))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    if not inside:
        raise UsageError(f"no report in {path}: no file in it ends in .json")
    return [(cluster, str(p)) for p in inside]


def load(path: str) -> list[Report]:
    """Read a report; one for each cluster that it is on.

    Raises UsageError where the file holds no report that this version understands.
    """
    try:
        raw = read_file(path, EVIDENCE_BYTES)
        raw = unpacked(raw, EVIDENCE_BYTES) if is_packed(raw) else raw
        document = json_value(as_utf_8(raw), REPORT_VALUES)
    except (OSError, Unreadable) as error:
        raise UsageError(f"cannot read {path}: {reason(error)}") from None
    version = document.get("schemaVersion") if isinstance(document, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"{path} was written by a newer version (schema version {version}, this program reads "
            f"up to {VERSION})",
            "Update kubectl-portcheck and merge again.",
        )
    if version != VERSION:
        raise UsageError(f"{path} is not a report of kubectl-portcheck", "Write one with -o json.")
    try:
        return understood(lambda: [_converted(d) for d in _by_cluster(_bare(document))])
    except Unreadable as error:
        raise UsageError(f"{path} is not a report of kubectl-portcheck: {error}") from None


def report_of(document: Json) -> Report:
    """Make the report of a whole document, as one. Raises what ``understood`` expects."""
    return _converted(_bare(document))


def _converted(document: Json) -> Report:
    report = msgspec.convert(_report(document), Report, str_keys=True)
    if report.context.shard:
        try:
            parse_shard(report.context.shard)
        except UsageError:
            raise msgspec.ValidationError("shard is not N/OF - at `$.context.shard`") from None
    return report


def _bare(value: Any) -> Any:
    """The value without nulls: what is absent has its default in the model."""
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items() if inner is not None}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def _by_cluster(document: Json) -> Iterator[Json]:
    """The document as one for each of its clusters."""
    clusters = document.get("clusters", ())
    if len(clusters) < 2:
        yield document
        return
    for cluster in clusters:
        context = {**document["context"], "cluster": cluster["name"], "collectedAt": ""}
        context |= {key: cluster[key] for key in ("collectedAt", "seconds") if key in cluster}
        services = [s for s in document["services"] if s.get("cluster") == cluster["name"]]
        yield {
            **document,
            "context": context,
            "verdict": cluster["verdict"],
            "missing": cluster.get("missing", ()),
            "services": [{**s, "cluster": ""} for s in services],
        }


def _report(document: Json) -> Json:
    return {
        "context": document["context"],
        "verdict": document["verdict"],
        "services": [_service(s) for s in document["services"]],
        "missing": document.get("missing", ()),
        "rights": [_right(r) for r in document.get("missingRights", ())],
        "interrupted": document.get("interrupted", False),
    }


def _service(service: Json) -> Json:
    taken = ("namespace", "name", "verdict", "kind", "cluster", "missing", "notes", "changes")
    found = {key: service[key] for key in (*taken, "oldPort", "lookup", "logs") if key in service}
    found |= {
        "headline": _headline(service),
        "pods": [_pod(p, service) for p in service.get("pods", ())],
        "ports": [_port(p) for p in service.get("ports", ())],
        "findings": [_finding(f) for f in service.get("findings", ())],
        "notEvaluated": [_not_evaluated(n) for n in service.get("notEvaluated", ())],
        "suppressed": [_suppressed(s, service) for s in service.get("suppressed", ())],
        "ingresses": [{**w, "ingress": w["name"]} for w in service.get("ingresses", ())],
        "calls": [_called(c) for c in service.get("calls", ())],
    }
    if "next" in service:
        found["next"] = {"command": (), **service["next"]}
    if "from" in service:
        found["seat"] = _seat(service["from"])
    return found


def _headline(service: Json) -> Json:
    lead = service.get("lead")
    if lead is None:
        return {"text": service["headline"]}
    found = {"text": lead["text"], "ports": lead["ports"], "untold": lead["untold"]}
    if "code" in lead:
        found["finding"] = lead["code"]
    return {**found, **_share(lead)}


def _share(value: Json) -> Json:
    share = value.get("share")
    return {"share": {"part": share["part"], "whole": share["of"]}} if share else {}


def _pod(pod: Json, service: Json) -> Json:
    found = {
        "pod": {
            "metadata": {"name": pod["name"], "namespace": service["namespace"]},
            "spec": {"nodeName": pod.get("node", "")},
            "status": {"phase": pod.get("phase", "")},
        },
        "ready": pod["ready"],
    }
    if "listeners" in pod:
        found["listeners"] = [{"family": "dual", "address": "", **s} for s in pod["listeners"]]
    return found


def _port(port: Json) -> Json:
    return {"name": "", **port}


def _finding(finding: Json) -> Json:
    return {
        **finding,
        "evidence": finding.get("facts", ()),
        "fixes": [_fix(f) for f in finding.get("fixes", ())],
    }


def _fix(fix: Json) -> Json:
    change: Json = {"kind": "by-hand", "look": fix.get("look", ())}
    if "command" in fix:
        change = {"kind": "command", "words": fix["command"]}
    # The words of the command begin with kubectl and its flags already.
    found = {**fix, "change": change, "kubectl": ()}
    if "missingRight" in fix:
        found["lacks"] = _right(fix["missingRight"])
    return found


def _right(right: Json) -> Json:
    resource, _, part = right["resource"].partition("/")
    return {
        "verb": right["verbs"][0],
        "resource": resource,
        "group": right.get("apiGroup", ""),
        "subresource": part,
        "namespace": right.get("namespace", ""),
    }


def _not_evaluated(rule: Json) -> Json:
    words = rule["missing"]
    if "share" in rule:  # It begins the words as well.
        words = words.partition(": ")[2] or words
    return {**rule, "missing": words, **_share(rule)}


def _suppressed(suppressed: Json, service: Json) -> Json:
    subject = {"kind": service.get("kind", "Service")}
    subject |= {key: service[key] for key in ("namespace", "name")}
    return {"finding": {**suppressed, "subject": subject}, "by": suppressed["by"]}


def _called(called: Json) -> Json:
    named = {
        key: called[key]
        for key in ("container", "setting", "host", "port", "init", "variable", "portVariable")
        if key in called
    }
    call = {**called["workload"], "named": named}
    if "service" in called:
        call |= {
            "service": called["service"]["name"],
            "serviceNamespace": called["service"]["namespace"],
        }
    if "exists" in called:
        call["exists"] = called["exists"]
    return {"call": call, "finding": called.get("finding", "")}


def _seat(seat: Json) -> Json:
    found = {**seat, "steps": seat.get("steps", ())}
    if "lookup" in seat and "resolver" in seat:
        tool = seat["lookup"]["tool"]
        answers = [{"tool": tool, **server} for server in seat.get("servers", ())]
        found["dns"] = {"resolver": seat["resolver"], "lookup": seat["lookup"], "answers": answers}
    return found
