"""The command line: every flag, its help, and what it means. Parsing reads nothing else."""

import argparse
import os
import re
from collections.abc import Sequence

from kubectl_portcheck import __version__, timeouts
from kubectl_portcheck.exit_codes import FAIL_ON
from kubectl_portcheck.parser import PROGRAM, Given, Help, OneOf, OptionalValue, Parser

COMPLETIONS = ("kubectl", "bash", "zsh", "fish")
COLORS = ("auto", "always", "never")
FORMATS = (
    "table",
    "wide",
    "json",
    "yaml",
    "markdown",
    "junit",
    "sarif",
    "name",
    "html",
    "openmetrics",
)

SEVERAL = "several Services; with no TARGET, all of the namespace"
WALK = "check"
CONNECTION = "connection, as kubectl's own flags"
OUTPUT = "output"
"""The sections of flags, by their titles in the help."""
CLUSTER_ONLY = (SEVERAL, WALK, CONNECTION)
"""Those that mean something only where a cluster is asked."""

DESCRIPTION = """\
Finds the cause when a Service refuses connections, shows the evidence, and
prints the fix.

Checks six steps: pod status, listening ports, endpoints, target port,
port-forward to the pod, port-forward to the Service. It is read-only unless
you add --fix: it opens no local port and sends no data to an unknown port.
"""

EXAMPLES = """\
Examples:
  # Why does the checkout refuse connections?
  kubectl portcheck svc/checkout -n production

  # Only one port, by number or name
  kubectl portcheck svc/checkout:http -n production

  # For a runbook: JSON on stdout, the verdict in the exit code
  kubectl portcheck svc/checkout -o json

  # After the fix: wait until it is healthy, at most two minutes
  kubectl portcheck svc/checkout --wait --timeout 2m

  # Fix it: shows the change, asks, and waits until clients are served
  kubectl portcheck svc/checkout -n production --fix

  # Ignore a finding: once, and permanently
  kubectl portcheck svc/checkout --ignore PC412,container-port-stale
  kubectl annotate service checkout portcheck.dev/ignore=PC412

  # Save the evidence, and diagnose it again later, without the cluster
  kubectl portcheck svc/checkout --save incident.json.gz
  kubectl portcheck --replay incident.json.gz

  # Try it without a cluster; explain a finding
  kubectl portcheck --demo
  kubectl portcheck --demo list
  kubectl portcheck --explain PC401

Exit codes:
  0  healthy        1  broken or degraded    2  usage error, or no such Service
  3  inconclusive   4  no cluster reached    5  the report could not be written
  130  interrupted
"""


def parser() -> Parser:
    """The parser of the whole command line."""
    made = Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        usage=f"{PROGRAM} [TARGET...] [flags]",
        formatter_class=Help,
        allow_abbrev=False,
        add_help=False,
    )
    made.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="svc/NAME, svc NAME or NAME; pod/, deploy/, sts/, ds/ or rs/NAME for the Services "
        "that select its pods; ing/ or httproute/NAME for the Services that are its backends; "
        "each may end in :PORT. Or what a client reports: a DNS name, an IP, a URL, HOST:PORT, or "
        "the whole error line in quotes",
    )
    instead = made.add_argument_group("instead of a cluster")
    _other_sources(instead)
    _references(instead)
    _several_flags(made.add_argument_group(SEVERAL))
    check = made.add_argument_group(WALK)
    _pod_flags(check)
    _client_flags(check)
    _fix_flags(check)
    _time_flags(check)
    _output_flags(made.add_argument_group(OUTPUT))
    _connection_flags(made.add_argument_group(CONNECTION))
    return made


def read(argv: Sequence[str]) -> Given:
    """Read the flags. Raises UsageError, and Answered for ``--help`` and ``--version``."""
    return parser().read(argv)


def path(text: str) -> str:
    """The path of a file: an empty one, as of a variable that is not set, would do nothing."""
    if not text:
        raise argparse.ArgumentTypeError("must name a file")
    try:
        possible = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise argparse.ArgumentTypeError("is no possible name of a file")
    return text


def duration(text: str) -> float:
    """Seconds, from kubectl's forms: ``30``, ``30s``, ``1m30s``, ``500ms``."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return float(text)
    if not re.fullmatch(r"(\d{1,9}(\.\d{1,9})?(ms|h|m|s))+", text, re.ASCII):
        raise argparse.ArgumentTypeError("write a duration, such as 30s or 2m")
    parts = re.findall(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)", text)
    return sum(float(number) * units[unit] for number, unit in parts)


def number(text: str) -> int:
    """A whole number."""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def some_time(text: str) -> float:
    """A duration that is not 0: no wait is without an end."""
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError("must be more than 0: every wait has an end")
    return seconds


def key_and_value(text: str) -> tuple[str, str]:
    """The two parts of ``reason=incident``."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError("write KEY=VALUE")
    return key, value


def format_and_file(text: str) -> tuple[str, str]:
    """The two parts of ``junit=report.xml``."""
    form, _, file = text.partition("=")
    if form not in FORMATS or not file:
        raise argparse.ArgumentTypeError("write FORMAT=FILE, such as junit=report.xml")
    return form, file


def _other_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--demo",
        nargs="?",
        const="checkout",
        metavar="SCENARIO",
        help="diagnose a recorded incident (default: checkout), or list them",
    )
    group.add_argument(
        "-f",
        "--filename",
        action="append",
        default=[],
        type=path,
        metavar="FILE",
        help="check manifests: a file, a folder with its subfolders, or - for standard input",
    )
    group.add_argument(
        "--complete",
        action="store_true",
        help="the files of -f are complete: what they do not have does not exist",
    )
    group.add_argument(
        "--diff",
        action="store_true",
        help="print the changes that fix the files of -f, for git apply",
    )
    group.add_argument("--write", action="store_true", help="fix the files of -f")
    group.add_argument(
        "--replay",
        type=path,
        metavar="FILE",
        help="diagnose saved evidence: a file of --save, the output of kubectl get "
        "svc,pods,endpointslices -o yaml, or a folder of kubectl cluster-info dump",
    )
    group.add_argument(
        "--merge",
        nargs="+",
        type=path,
        metavar="FILE",
        help="make one report of several -o json reports: files, folders of *.json, or "
        "CLUSTER=FILE to name the cluster of a report",
    )
    group.add_argument(
        "--mcp",
        action="store_true",
        help="serve read-only tools to an agent on standard input and output, with the Model "
        "Context Protocol; needs the extra kubectl-portcheck[mcp]",
    )


def _references(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--explain",
        metavar="CODE",
        help="explain a finding, by its code or name; or list the findings that mention a word",
    )
    group.add_argument(
        "--history",
        nargs="?",
        const="list",
        type=OneOf("list", "on", "off"),
        metavar="on|off",
        help="list the last runs; none is kept until --history on, and --history off removes them",
    )
    group.add_argument(
        "--list-rules", action="store_true", help="list every problem that it can find"
    )
    group.add_argument(
        "--rbac", action="store_true", help="print the Role that the other flags need, as YAML"
    )
    group.add_argument(
        "--completion",
        type=OneOf(*COMPLETIONS),
        metavar="SHELL",
        help="print the completion script for kubectl, bash, zsh or fish",
    )
    group.add_argument("--version", action="version", version=f"kubectl-portcheck {__version__}")
    group.add_argument("-h", "--help", action="help", help="show this help")


def _several_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-A", "--all-namespaces", action="store_true", help="the Services of every namespace"
    )
    group.add_argument(
        "-l",
        "--selector",
        metavar="SELECTOR",
        help="the Services with these labels, such as app=checkout,tier!=cache",
    )
    group.add_argument(
        "--field-selector",
        metavar="SELECTOR",
        help="the Services with these fields, as in kubectl get",
    )
    group.add_argument(
        "--deep",
        action="store_true",
        help="contact every pod, even if its readiness probe shows that it serves",
    )
    group.add_argument(
        "--contexts",
        action="append",
        default=[],
        metavar="NAMES",
        help="sweep the clusters of these contexts side by side, in one report: a,b,c or repeated",
    )
    group.add_argument(
        "--all-contexts", action="store_true", help="the same for every context of the kubeconfig"
    )
    group.add_argument(
        "--shard",
        metavar="N/OF",
        help="with -A: only the namespaces whose names hash to part N out of OF, such as 3/10",
    )


def _pod_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--no-exec", action="store_true", help="do not run a command in the pods (step 2)"
    )
    group.add_argument("--no-port-forward", action="store_true", help="skip steps 5 and 6")
    group.add_argument(
        "--debug-image",
        metavar="IMAGE",
        help="add an ephemeral container with this image to a pod without a shell, or to the pod "
        "of --from if it has no tool; it cannot be removed and stays until the pod is deleted",
    )


def _client_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--callers",
        action="store_true",
        help="also read which workloads call the Service, of every namespace that may be listed: "
        "the hosts and ports in their variables, arguments and commands, and nothing else",
    )
    group.add_argument(
        "--calls",
        action="store_true",
        help="check what a workload calls: each Service that its settings name; TARGET is deploy/, "
        "sts/, ds/, rs/, job/, cronjob/ or pod/NAME",
    )
    group.add_argument(
        "--configmaps",
        action="store_true",
        help="with --callers and --calls: also read the hosts and ports in ConfigMaps that the "
        "workloads use",
    )
    group.add_argument(
        "--from",
        metavar="CLIENT",
        help="also test as a client does: look up the name and connect to the Service and its "
        "pods from inside a pod. pod/NAME, deploy/NAME (or sts, ds, job), a label selector such as "
        "app=web, or auto for any pod that can be the client; each may begin with NAMESPACE/. It "
        "asks the nameservers, and sends no data to the Service",
    )
    group.add_argument(
        "--from-each-node",
        action="store_true",
        help="with --from: test the same from one existing pod on each node",
    )
    group.add_argument(
        "--from-namespace", metavar="NAMESPACE", help="the namespace of CLIENT, if it differs"
    )


def _fix_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fix",
        action=OptionalValue,
        type=number,
        metavar="N",
        help="apply the proved fix of the cause, or fix number N: shows the change, asks, waits "
        "until clients are served, and prints the command that undoes it",
    )
    group.add_argument("-y", "--yes", action="store_true", help="do not ask before --fix")
    group.add_argument(
        "--dry-run",
        type=OneOf("server"),
        metavar="server",
        help="only show what --fix would change, by a dry run of the API server",
    )


def _time_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--logs",
        action="store_true",
        help="also show the last lines of the log of a container that fails; lines that look like "
        "secrets are left out",
    )
    group.add_argument(
        "--timeout",
        type=some_time,
        metavar="DURATION",
        help="end the run after this time, with what is known by then (default: "
        f"{timeouts.shown(timeouts.WALK)}; {timeouts.shown(timeouts.SWEEP)} for a sweep; "
        f"{timeouts.shown(timeouts.WAIT)} with --wait; none with --watch)",
    )
    group.add_argument(
        "--since-last",
        action="store_true",
        help="also say what changed since the last run of the same check (see --history)",
    )
    group.add_argument(
        "--wait", action="store_true", help="check again until it is healthy, or until --timeout"
    )
    group.add_argument(
        "-w", "--watch", action="store_true", help="check again and report each change"
    )


def _output_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-o",
        "--output",
        type=OneOf(*FORMATS),
        metavar="FORMAT",
        help="the format of the report: " + ", ".join(FORMATS),
    )
    group.add_argument(
        "--output-file",
        action="append",
        default=[],
        type=format_and_file,
        metavar="FORMAT=FILE",
        help="also write the report to a file in this format; may be repeated",
    )
    group.add_argument(
        "--show-commands", action="store_true", help="also print the kubectl command of each step"
    )
    group.add_argument("--summary", action="store_true", help="print only one line per Service")
    group.add_argument("-q", "--quiet", action="store_true", help="print only the verdict line")
    group.add_argument(
        "--color",
        type=OneOf(*COLORS),
        metavar="WHEN",
        help="auto, always or never (default: auto)",
    )
    group.add_argument(
        "--plain", action="store_true", help="words instead of symbols, for screen readers"
    )
    _file_flags(group)
    _verdict_flags(group)


def _file_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--save", type=path, metavar="FILE", help="save the evidence; .gz compresses it"
    )
    group.add_argument(
        "--redact",
        action="store_true",
        help="replace every name in the evidence, each by the same word everywhere",
    )
    group.add_argument("--no-animation", action="store_true", help="show a demo's report at once")
    group.add_argument("--save-svg", type=path, metavar="FILE", help="save the report as a picture")
    group.add_argument(
        "--theme",
        type=OneOf("light", "dark"),
        metavar="THEME",
        help="light or dark: the background of --save-svg (default: light)",
    )


def _verdict_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fail-on",
        type=OneOf(*FAIL_ON),
        metavar="WHAT",
        help="exit with code 1 on: warning, degraded (the default) or broken",
    )
    group.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="CODE",
        help="ignore this finding in the verdict, by code or name: PC412,PC205 or repeated; to "
        "ignore it permanently, annotate the Service with portcheck.dev/ignore",
    )
    group.add_argument("--exit-zero", action="store_true", help="exit with 0 instead of 1 and 3")
    group.add_argument(
        "-v", "--v", type=number, metavar="LEVEL", help="6 prints each request on stderr"
    )


def _connection_flags(group: argparse._ArgumentGroup) -> None:
    for names, value, text in (
        (("-n", "--namespace"), "NAME", "the namespace"),
        (("--context",), "NAME", "the kubeconfig's context"),
        (("--cluster",), "NAME", "the kubeconfig's cluster"),
        (("--user",), "NAME", "the kubeconfig's user"),
        (("--kubeconfig",), "FILE", "the kubeconfig file"),
        (("--as",), "USER", "act as this user"),
        (("--as-uid",), "UID", "act as this uid"),
        (("--token",), "TOKEN", "a bearer token"),
        (("--username",), "NAME", "for basic authentication"),
        (("--password",), "WORD", "for basic authentication"),
        (("-s", "--server"), "URL", "the API server's address"),
        (("--certificate-authority",), "FILE", "the certificate authority of the server"),
        (("--client-certificate",), "FILE", "the client's certificate"),
        (("--client-key",), "FILE", "the client's key"),
        (("--tls-server-name",), "NAME", "the name to expect in the server's certificate"),
        (("--request-timeout",), "DURATION", "the longest wait for one request: 5, 5s, 1m30s"),
        (("--cache-dir",), "DIR", "the folder where completion keeps answers for a few seconds"),
    ):
        group.add_argument(*names, help=text, metavar=value)
    group.add_argument(
        "--as-group",
        action="append",
        default=[],
        metavar="GROUP",
        help="act as this group; may be repeated",
    )
    group.add_argument(
        "--as-user-extra",
        action="append",
        default=[],
        type=key_and_value,
        metavar="KEY=VALUE",
        help="act with this extra field; may be repeated",
    )
    for name, text in (
        ("--insecure-skip-tls-verify", "do not check the server's certificate"),
        ("--disable-compression", "request responses without compression"),
        # Taken so that they can be answered: see commands/refusals.py.
        ("--match-server-version", argparse.SUPPRESS),
        ("--warnings-as-errors", argparse.SUPPRESS),
    ):
        group.add_argument(name, action="store_true", help=text)
