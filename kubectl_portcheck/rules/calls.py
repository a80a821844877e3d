"""What the rules on callers share: where a host is written, whose it is, and how to change it."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.report import Impact, Severity
from kubectl_portcheck.regex import regex
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import NotApplicable, Outcome, Rule
from kubectl_portcheck.semantics import calls
from kubectl_portcheck.semantics.case import ServiceCase

_NAME = regex(r"[A-Za-z_][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)*")
"""Variables that kubectl cannot take for an option, or for one to be removed (``NAME-``)."""
SETTABLE = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
"""Workloads of which kubectl set env changes the template."""


def unread(rule: Rule, case: ServiceCase) -> Outcome | None:
    """Why the rule says nothing: the settings of workloads were not read."""
    missing = case.missing("calls")
    if missing is None:
        return None
    if missing.reason in (Reason.NOT_ASKED, Reason.NOT_RECORDED):
        return NotApplicable("the settings of workloads were not read")
    return rule.lacks(missing)


def lacking(rule: Rule, case: ServiceCase) -> Outcome | None:
    """What could not be read beside what was, where nothing was found in it."""
    missing: Sequence[Missing] = case.lacking("calls")
    return rule.lacks(missing[0]) if missing else None


def by_workload(found: Iterable[Call]) -> list[tuple[Subject, list[Call]]]:
    """The calls of each workload."""
    groups: dict[Subject, list[Call]] = {}
    for call in found:
        groups.setdefault(whose(call), []).append(call)
    return list(groups.items())


def whose(call: Call) -> Subject:
    """The workload, as the subject of a finding."""
    return Subject(kind=call.kind, namespace=call.namespace, name=call.name)


def place(call: Call) -> str:
    """``variable CHECKOUT_URL of container app``: where the host is written."""
    named = call.named
    container = f"{'init container' if named.init else 'container'} {named.container}"
    if named.setting == "env":
        and_port = f" and {named.port_variable}" if named.port_variable else ""
        return f"variable {named.variable}{and_port} of {container}"
    if named.setting == "config-map":
        return f"ConfigMap {named.variable}, which {container} uses"
    return f"{'the arguments' if named.setting == 'args' else 'the command'} of {container}"


def facts(found: Iterable[Call], note: str = "") -> list[State]:
    """Where the hosts are written."""
    more = f"; {note}" if note else ""
    return [State(subject=whose(c), state=f"{calls.text(c)} in {place(c)}{more}") for c in found]


def weight(case: ServiceCase, found: Sequence[Call]) -> tuple[Severity, Impact]:
    """An error where the workload itself is asked about, and the host is surely called.

    Whether a program uses a setting is not known: of the Service it is a warning.
    """
    if case.of_workload and any(c.named.sure for c in found):
        return "error", Impact.PATH
    return "warning", Impact.NONE


def set_to(
    case: ServiceCase, call: Call, host: str, port: int | None, *, known: bool = True
) -> Fix:
    """The change of the setting to that host and port; ``known`` says whether it is that one.

    A command is made only where the value is nothing but host and port: any other value may hold
    what must not be lost.
    """
    subject = whose(call)
    target = f"{host}:{port}" if port else host
    named = call.named
    variables = _variables(call, host, port) if known and not case.in_files else []
    if not (variables and named.setting == "env" and subject.kind in SETTABLE):
        if case.in_files:
            return fixes.by_hand(f"Set {_what(call)} in {subject.kind} {subject.name} to {target}")
        if named.setting == "config-map":
            return _in_config_map(case, call, target)
        words = ("get", subject.kind.lower(), subject.name, "-o", "yaml")
        title = f"Set {_what(call)} in {subject.kind} {subject.name} to {target}"
        return fixes.look(case, *words, title=title, namespace=subject.namespace)
    title = f"Set {' and '.join(variables)} in {subject.kind} {subject.name}; its pods are replaced"
    return fixes.run(
        case,
        *("set", "env", f"{subject.kind.lower()}/{subject.name}", "-c", named.container),
        *variables,
        title=title,
        subject=subject,
    )


def _in_config_map(case: ServiceCase, call: Call, target: str) -> Fix:
    """The change of a ConfigMap: pods read variables from it only as they start."""
    name, _, key = call.named.variable.partition("/")
    title = f"Set the host and port of {key} in ConfigMap {name} to {target}, then restart the pods"
    words = ("get", "configmap", name, "-o", "yaml")
    return fixes.look(
        case, *words, title=f"{title} of {call.kind} {call.name}", namespace=call.namespace
    )


def _what(call: Call) -> str:
    if call.named.setting == "env" and not call.named.init:
        return f"the host and port in {call.named.variable}"
    return f"the host and port in {place(call)}"


def _variables(call: Call, host: str, port: int | None) -> list[str]:
    """The variables to set, as kubectl set env takes them."""
    named = call.named
    names = filter(None, (named.variable, named.port_variable))
    if not named.whole or named.init or not all(map(_NAME.fullmatch, names)):
        return []
    host = f"[{host}]" if ":" in host else host
    if not named.port_variable:
        with_port = port and named.port
        return [f"{named.variable}={host}:{port}" if with_port else f"{named.variable}={host}"]
    found = [] if host == named.host else [f"{named.variable}={host}"]
    return found + ([] if port == named.port or not port else [f"{named.port_variable}={port}"])
