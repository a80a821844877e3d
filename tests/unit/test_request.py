"""The command line as a request: what each mode takes, and what it refuses."""

import argparse
import itertools
from pathlib import Path
from typing import NamedTuple

import pytest

import kubectl_portcheck
from kubectl_portcheck import arguments
from kubectl_portcheck.commands import modes
from kubectl_portcheck.commands.request import parse
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.parser import OptionalValue
from kubectl_portcheck.target import KINDS, TASKS, Target

VALUES = {
    "--as-user-extra": "a=b",
    "--color": "never",
    "--dry-run": "server",
    "--completion": "bash",
    "--explain": "PC401",
    "--fail-on": "broken",
    "--from": "pod/client",
    "--from-namespace": "other",
    "--ignore": "PC412",
    "--output": "json",
    "--output-file": "json=file",
    "--shard": "1/2",
    "--theme": "dark",
    "--timeout": "3s",
    "--v": "6",
}


class Flag(NamedTuple):
    """A flag with a value, as it is written."""

    name: str
    words: tuple[str, ...]
    section: str


def flags() -> list[Flag]:
    """Every flag of the help."""
    found = []
    for group in arguments.parser()._action_groups:
        for action in group._group_actions:
            if not action.option_strings or action.help == argparse.SUPPRESS:
                continue
            name = action.option_strings[-1]
            bare = action.nargs in (0, "?") or isinstance(action, OptionalValue)
            value = () if bare else (VALUES.get(name, "5"),)
            found.append(Flag(name, (name, *value), group.title or ""))
    return [f for f in found if f.name not in ("--help", "--version")]


def accepted(*words: str) -> bool:
    try:
        parse(words)
    except UsageError:
        return False
    return True


ANYWHERE = {"--color", "--plain", "--v"} | {
    f.name for f in flags() if f.section == arguments.CONNECTION
}
SAVING = {"--save-svg", "--output-file", "--save", "--ignore"}
REPORT = {
    *SAVING,
    *("--output", "--show-commands", "--summary", "--quiet"),
    *("--fail-on", "--exit-zero", "--redact"),
}
WALK = {f.name for f in flags() if f.section == arguments.WALK}
WALK -= {"--calls", "--configmaps", "--yes", "--dry-run"}
"""The last two need --fix, and --configmaps needs --callers or --calls."""
FROM_ONLY = {"--from-namespace", "--from-each-node"}
"""These need --from."""
OTHERS = {"--filename", "--rbac"}
"""Modes of their own, which take targets."""
TAKEN: dict[tuple[str, ...], set[str]] = {
    ("svc/checkout",): REPORT | WALK - FROM_ONLY | OTHERS,
    ("svc", "checkout"): REPORT | WALK - FROM_ONLY | OTHERS,
    ("deploy/checkout",): REPORT | WALK - FROM_ONLY | {"--calls"} | OTHERS,
    ("svc/checkout", "--callers"): REPORT | WALK - FROM_ONLY | {"--configmaps", "--rbac"},
    ("--from", "pod/client", "svc/checkout"): REPORT | WALK | {"--rbac"},
    (): REPORT
    | WALK - {"--from", *FROM_ONLY, "--debug-image", "--fix"}
    | {"--all-namespaces", "--selector", "--field-selector", "--deep"}
    | {"--contexts", "--all-contexts", "--merge", "--mcp"}
    | {"--demo", "--replay", "--explain", "--history", "--list-rules", "--completion"}
    | OTHERS,
    ("-A",): REPORT
    | WALK - {"--from", *FROM_ONLY, "--debug-image", "--fix"}
    | {"--all-namespaces", "--selector", "--field-selector", "--deep", "--shard", "--filename"}
    | {"--contexts", "--all-contexts", "--rbac"},
    ("--contexts", "a,b"): REPORT - {"--save", "--redact"}
    | WALK
    - {"--from", *FROM_ONLY, "--debug-image", "--fix", "--wait", "--watch"}
    - {"--since-last"}
    | {"--all-namespaces", "--selector", "--field-selector", "--deep", "--contexts", "--rbac"},
    ("--mcp",): {"--mcp"},
    ("--merge", "x.json"): REPORT - {"--save", "--ignore", "--redact"} | {"--merge"},
    ("svc/checkout", "--fix"): REPORT - {"--redact", "--save-svg"}
    | WALK - FROM_ONLY - {"--wait", "--watch", "--debug-image", "--since-last"}
    | {"--yes", "--dry-run", "--rbac"},
    ("-f", "x.yaml"): REPORT - {"--redact"}
    | {"--filename", "--complete", "--diff", "--write", "--all-namespaces", "--selector"},
    ("-f", "x.yaml", "--diff"): {
        *("--save", "--ignore", "--fail-on", "--exit-zero"),
        *("--filename", "--complete", "--all-namespaces", "--selector", "--diff"),
    },
    ("--demo",): REPORT | {"--demo", "--no-animation"},
    ("--demo", "list"): {"--output", "--demo"},
    ("--replay", "x.json"): REPORT | {"--replay"},
    ("--explain", "PC401"): {"--explain"},
    ("--list-rules",): {"--list-rules"},
    ("--history", "off"): {"--history"},
    ("--completion", "bash"): {"--completion"},
    ("--rbac",): REPORT
    | WALK - FROM_ONLY
    | {"--calls", "--configmaps", "--yes", "--dry-run"}
    | {"--theme", "--no-animation", "--contexts", "--all-contexts", "--shard"}
    | {"--all-namespaces", "--selector", "--field-selector", "--deep", "--rbac"},
}
"""What each mode takes besides the flags that are accepted anywhere."""


@pytest.mark.parametrize("mode", TAKEN, ids=" ".join)
def test_a_mode_takes_the_flags_that_it_uses_and_refuses_every_other(mode: tuple[str, ...]) -> None:
    found = {f.name for f in flags() if accepted(*mode, *f.words)}
    assert found - ANYWHERE == TAKEN[mode]
    several = {"--context", "--cluster", "--server"} if "--contexts" in mode else set[str]()
    assert found & ANYWHERE == ANYWHERE - several


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--explain PC401 -o json", "--output does nothing with --explain"),
        ("--list-rules -q", "--quiet does nothing with --list-rules"),
        ("--explain PC401 svc/x", "--explain takes no TARGET"),
        ("--demo checkout svc/x", "--demo takes no TARGET"),
        ("--demo list --save x", "--save does nothing with --demo"),
        ("--demo --no-exec", "--no-exec does nothing with --demo: no cluster is asked"),
        ("-f x.yaml --wait", "--wait does nothing with -f: no cluster is asked"),
        ("-f x.yaml --fix", "--fix does nothing with -f: no cluster is asked"),
        ("-f x.yaml --contexts a", "--contexts does nothing with -f: no cluster is asked"),
        ("--contexts a,b --wait", "--contexts and --wait exclude each other"),
        ("--contexts a,b --watch", "--contexts and --watch exclude each other"),
        ("--all-contexts --save x", "--all-contexts and --save exclude each other"),
        ("--mcp --wait", "--wait does nothing with --mcp"),
        ("--demo --shard 1/2", "--shard does nothing with --demo: no cluster is asked"),
        ("-f x.yaml --yes", "--yes needs --fix"),
        ("-f x.yaml --redact", "--redact does nothing with -f"),
        ("-f x.yaml --diff -o json", "--output does nothing with --diff: no report is printed"),
        ("-f x.yaml --write -q", "--quiet does nothing with --write: no report is printed"),
        ("--replay x --diff", "--diff needs -f: it is about files"),
        ("svc/x --theme dark", "--theme needs --save-svg"),
        ("svc/x --from-namespace y", "--from-namespace needs --from"),
        ("svc/x --no-animation", "--no-animation needs --demo: nothing else is animated"),
        ("--from pod/x", "--from needs a TARGET: it is not for a sweep"),
        ("--debug-image x", "--debug-image needs a TARGET: it is not for a sweep"),
        ("svc/x -q -o json", "-q and -o json exclude each other: -q prints one line"),
        ("svc/x -q --summary", "--summary does nothing with -q: it prints one line"),
        ("svc/x -o json --summary", "--summary does nothing with -o json: it is for a table"),
        ("svc/x -o name --show-commands", "--show-commands does nothing with -o name"),
        ("svc/x --summary --show-commands", "--show-commands does nothing with --summary"),
        ("svc/x --exit-zero --fail-on broken", "--fail-on does nothing with --exit-zero"),
        ("svc/x --wait --watch", "--wait and --watch exclude each other"),
        ("--demo --explain PC401", "--demo and --explain exclude each other"),
        ("-f x.yaml --diff --write", "--diff and --write exclude each other"),
        ("svc/x --deep", "--deep does nothing with a TARGET"),
        ("svc/x -A", "a resource cannot be retrieved by name across all namespaces"),
        ("svc/x -l app=y", "name cannot be provided when a selector is specified"),
        ("svc/x --watch -o junit", "--watch cannot print junit"),
        ("svc/x --debug-image y --wait", "--debug-image changes a pod"),
        ("svc/x --debug-image y --no-exec", "--debug-image and --no-exec exclude each other"),
        ("svc/x --ignore nothing", "no rule 'nothing'"),
        ("svc svc/x", "cannot check 'svc/x': its kind is given twice"),
    ],
)
def test_what_would_do_nothing_is_refused_in_plain_words(words: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(words.split())
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    "words",
    [
        *(("--filename", ""), ("--replay", ""), ("--merge", "a.json", "")),
        *(("svc/x", "--save", ""), ("svc/x", "--save-svg=")),
    ],
)
def test_an_empty_name_of_a_file_is_refused(words: tuple[str, ...]) -> None:
    """That of a variable that is not set: nothing would be saved, or the working folder be read."""
    with pytest.raises(UsageError, match="must name a file"):
        parse(words)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no possible name of a file"):
        parse(["--filename", name])


@pytest.mark.parametrize("words", ["--ignore=--", "--timeout=--", "--output-file=--"])
def test_two_dashes_behind_an_equals_sign_are_a_value(words: str) -> None:
    """argparse takes them for the end of the flags."""
    assert not accepted(*words.split())


def test_the_names_of_files_may_be_two_dashes() -> None:
    request = parse(["--filename=--", "--save-svg=a.svg"])
    assert isinstance(request, modes.FilesRequest)
    assert request.paths == ("--",)


def test_fail_on_says_when_a_wait_ends_also_where_the_exit_code_is_0() -> None:
    assert accepted("svc/x", "--exit-zero", "--fail-on", "warning", "--wait")


def test_a_request_is_frozen_data() -> None:
    request = parse(["svc/x", "-n", "shop", "--no-exec", "-o", "wide", "--ignore", "pc412,PC205"])
    assert isinstance(request, modes.WalkRequest)
    assert request.access.flags.namespace == "shop"
    assert (request.access.exec, request.access.port_forward) == (False, True)
    assert (request.output.form, request.output.ignore) == ("wide", ("PC412", "PC205"))
    for struct in (request, request.access, request.output):
        assert struct.__struct_config__.frozen


def titles(*words: str) -> list[str]:
    request = parse(words)
    assert isinstance(request, modes.WalkRequest)
    return [t.title for t in request.targets]


def asked(*words: str) -> list[str]:
    """The titles of what a workload calls."""
    request = parse((*words, "--calls"))
    assert isinstance(request, modes.WalkRequest)
    assert request.calls
    return [t.title for t in request.targets]


def test_targets_stand_among_the_flags_as_with_kubectl() -> None:
    words = ["svc/a", "-n", "x", "svc/b", "--no-exec", "--", "svc/c"]
    assert titles(*words) == ["svc/a", "svc/b", "svc/c"]


ALIASES = {
    "svc": "svc service services Service Services services.v1.",
    "pod": "po pod pods Pod",
    "deploy": "deploy deployment deployments Deployment deployments.apps deployment.v1.apps",
    "sts": "sts statefulset statefulsets statefulsets.apps",
    "ds": "ds daemonset daemonsets daemonsets.apps",
    "rs": "rs replicaset replicasets replicasets.apps",
    "ing": "ing ingress ingresses ingresses.networking.k8s.io ingress.v1.networking.k8s.io",
    "httproute": "httproute httproutes httproutes.gateway.networking.k8s.io",
    "job": "job jobs Job jobs.batch jobs.v1.batch",
    "cronjob": "cronjob cronjobs cj CronJob cronjobs.batch",
}


@pytest.mark.parametrize(
    ("kind", "alias"),
    [(kind, alias) for kind, aliases in ALIASES.items() for alias in aliases.split()],
)
def test_kind_and_name_stand_apart_as_kubectl_takes_them(kind: str, alias: str) -> None:
    read = asked if kind in {k.short for k in TASKS} else titles
    assert read(alias, "checkout", "cart") == [f"{kind}/checkout", f"{kind}/cart"]
    assert read(f"{alias}/checkout") == [f"{kind}/checkout"]


def test_every_kind_has_its_aliases_tested() -> None:
    assert [*ALIASES] == [k.short for k in KINDS]


def test_a_port_follows_a_name_that_stands_apart_from_its_kind() -> None:
    request = parse(["svc", "checkout:http", "cart:80"])
    assert isinstance(request, modes.WalkRequest)
    named = [(t.name, t.port) for t in request.targets if isinstance(t, Target)]
    assert named == [("checkout", "http"), ("cart", 80)]


@pytest.mark.parametrize("words", [["checkout"], ["svc"], ["po"], ["checkout", "svc"]])
def test_names_without_a_kind_before_them_are_services(words: list[str]) -> None:
    assert titles(*words) == [f"svc/{word}" for word in words]


def test_a_switch_takes_a_value_and_never_the_next_word() -> None:
    words = ["--insecure-skip-tls-verify", "svc/a", "--no-exec=1", "-q", "--quiet=false"]
    request = parse(words)
    assert isinstance(request, modes.WalkRequest)
    assert titles(*words) == ["svc/a"]
    assert request.access.flags.insecure_skip_tls_verify
    assert (request.access.exec, request.output.quiet) == (False, False)


def test_behind_it_nothing_takes_what_argparse_made() -> None:
    package = Path(kubectl_portcheck.__file__).parent
    takers = [p.name for p in package.rglob("*.py") if "argparse.Namespace" in p.read_text()]
    assert takers == []


def test_no_two_modes_go_together() -> None:
    each = (["--demo"], ["-f", "x"], ["--replay", "x"], ["--explain", "x"], ["--list-rules"])
    for one, other in itertools.combinations((*each, ["--rbac"], ["--completion", "zsh"]), 2):
        assert not accepted(*one, *other)
