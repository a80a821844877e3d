"""The command line: every flag, its help, and what it means. Parsing reads nothing else."""

import argparse
import re
from collections.abc import Sequence

from kubectl_portcheck import __version__, timeouts
from kubectl_portcheck.exit_codes import FAIL_ON
from kubectl_portcheck.parser import PROGRAM, Given, Help, OneOf, Parser

COMPLETIONS = ("kubectl", "bash", "zsh", "fish")
COLORS = ("auto", "always", "never")
FORMATS = ("table", "wide", "json", "yaml", "markdown", "junit", "sarif", "name")

SEVERAL = "several Services; with no TARGET, all of the namespace"
WALK = "the walk"
CONNECTION = "connection, as kubectl's own flags"
OUTPUT = "output"
"""The sections of flags, by their titles in the help."""
CLUSTER_ONLY = (SEVERAL, WALK, CONNECTION)
"""Those that mean something only where a cluster is asked."""

DESCRIPTION = """\
Names the cause when a Service refuses connections, proves it, and hands over
the fix.

Walks the six steps from pod to Service: pod status, listening ports, endpoints,
target port, port-forward to the pod, port-forward to the Service. It reads and
connects; it changes nothing, opens no local port and sends no data to an
unknown port.
"""

EXAMPLES = """\
Examples:
  # Why does the checkout refuse connections?
  kubectl portcheck svc/checkout -n production

  # One port of it alone, by number or name
  kubectl portcheck svc/checkout:http -n production

  # For a runbook: JSON on stdout, the verdict in the exit code
  kubectl portcheck svc/checkout -o json

  # After the fix: wait until it is healthy, for two minutes at most
  kubectl portcheck svc/checkout --wait --timeout 2m

  # Live with a finding: once, and for good
  kubectl portcheck svc/checkout --ignore PC412,container-port-stale
  kubectl annotate service checkout portcheck.dev/ignore=PC412

  # Keep the evidence, and look at it again later, without the cluster
  kubectl portcheck svc/checkout --save incident.json.gz
  kubectl portcheck --replay incident.json.gz

  # See it work without a cluster; what a finding means
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
        "that select its pods; ing/ or httproute/NAME for those to which it leads; each may end "
        "in :PORT",
    )
    _other_sources(made.add_argument_group("instead of a cluster"))
    _several_flags(made.add_argument_group(SEVERAL))
    _walk_flags(made.add_argument_group(WALK))
    _output_flags(made.add_argument_group(OUTPUT))
    _connection_flags(made.add_argument_group(CONNECTION))
    return made


def read(argv: Sequence[str]) -> Given:
    """Read the flags. Raises UsageError, and Answered for ``--help`` and ``--version``."""
    return parser().read(argv)


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
        help="show an incident that ships with the program (default checkout), or list them all",
    )
    group.add_argument(
        "-f",
        "--filename",
        action="append",
        default=[],
        metavar="FILE",
        help="check manifests: a file, a folder with all below it, or - for standard input",
    )
    group.add_argument(
        "--complete", action="store_true", help="the files of -f are all that exists"
    )
    group.add_argument(
        "--diff", action="store_true", help="print what mends the files of -f, for git apply"
    )
    group.add_argument("--write", action="store_true", help="mend the files of -f")
    group.add_argument(
        "--replay",
        metavar="FILE",
        help="diagnose evidence that was saved before, what kubectl get svc,pods,endpointslices "
        "-o yaml printed, or a folder of kubectl cluster-info dump",
    )
    group.add_argument(
        "--explain", metavar="CODE", help="say what a finding means, by code or name"
    )
    group.add_argument("--list-rules", action="store_true", help="list every problem it can name")
    group.add_argument(
        "--rbac", action="store_true", help="print the Role that the other flags need, as YAML"
    )
    group.add_argument(
        "--completion",
        type=OneOf(*COMPLETIONS),
        metavar="SHELL",
        help="print what completes this command in a shell: kubectl, bash, zsh or fish",
    )
    group.add_argument("--version", action="version", version=f"kubectl-portcheck {__version__}")
    group.add_argument("-h", "--help", action="help", help="show this help")


def _several_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-A", "--all-namespaces", action="store_true", help="those of every namespace"
    )
    group.add_argument(
        "-l",
        "--selector",
        metavar="SELECTOR",
        help="those with these labels, such as app=checkout,tier!=cache",
    )
    group.add_argument(
        "--field-selector", metavar="SELECTOR", help="those with these fields, as in kubectl get"
    )
    group.add_argument(
        "--deep",
        action="store_true",
        help="look into every pod, also where a readiness probe settles the Service",
    )


def _walk_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--no-exec", action="store_true", help="run nothing in the pods (step 2)")
    group.add_argument("--no-port-forward", action="store_true", help="leave out steps 5 and 6")
    group.add_argument(
        "--debug-image",
        metavar="IMAGE",
        help="add an ephemeral container of this image to a pod that has nothing to ask with; it "
        "cannot be removed again and stays until the pod is deleted",
    )
    group.add_argument(
        "--from",
        metavar="POD",
        help="besides, connect to the Service and its pods from inside this pod: pod/NAME or "
        "pod/NAME/CONTAINER; nothing is sent",
    )
    group.add_argument(
        "--from-namespace", metavar="NAMESPACE", help="the namespace of that pod, if it is another"
    )
    group.add_argument(
        "--timeout",
        type=some_time,
        metavar="DURATION",
        help="end the whole run after this time, with what is known by then (default: "
        f"{timeouts.shown(timeouts.WALK)}; {timeouts.shown(timeouts.SWEEP)} for a sweep; "
        f"{timeouts.shown(timeouts.WAIT)} with --wait; none with --watch)",
    )
    group.add_argument(
        "--wait", action="store_true", help="look again until it is healthy, or until --timeout"
    )
    group.add_argument(
        "-w", "--watch", action="store_true", help="look again and report each change"
    )


def _output_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-o",
        "--output",
        type=OneOf(*FORMATS),
        metavar="FORMAT",
        help="the form of the report: " + ", ".join(FORMATS),
    )
    group.add_argument(
        "--output-file",
        action="append",
        default=[],
        type=format_and_file,
        metavar="FORMAT=FILE",
        help="keep the report in this form as well; may be repeated",
    )
    group.add_argument(
        "--show-commands", action="store_true", help="print each step's kubectl command as well"
    )
    group.add_argument("--summary", action="store_true", help="print one line a Service alone")
    group.add_argument("-q", "--quiet", action="store_true", help="print the verdict line alone")
    group.add_argument(
        "--color",
        type=OneOf(*COLORS),
        metavar="WHEN",
        help="auto, always or never (default: auto)",
    )
    group.add_argument(
        "--plain", action="store_true", help="words instead of pictures, for screen readers"
    )
    group.add_argument("--save", metavar="FILE", help="keep the evidence; .gz packs it")
    group.add_argument(
        "--redact", action="store_true", help="replace every name in the evidence, alike everywhere"
    )
    group.add_argument("--no-animation", action="store_true", help="show a demo's report at once")
    group.add_argument("--save-svg", metavar="FILE", help="keep the report as a picture")
    group.add_argument("--save-html", metavar="FILE", help="keep the report as a page")
    group.add_argument(
        "--theme",
        type=OneOf("light", "dark"),
        metavar="THEME",
        help="light or dark: the background of --save-svg and --save-html (default: light)",
    )
    group.add_argument(
        "--fail-on",
        type=OneOf(*FAIL_ON),
        metavar="WHAT",
        help="what ends with exit code 1: warning, degraded (the default) or broken",
    )
    group.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="CODE",
        help="do not let this finding decide, by code or name; PC412,PC205 or repeated; for good: "
        "the annotation portcheck.dev/ignore on the Service",
    )
    group.add_argument("--exit-zero", action="store_true", help="0 instead of 1 and 3")
    group.add_argument("-v", "--v", type=number, metavar="LEVEL", help="6: each request, on stderr")


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
        (("--certificate-authority",), "FILE", "the server's authority"),
        (("--client-certificate",), "FILE", "the client's certificate"),
        (("--client-key",), "FILE", "the client's key"),
        (("--tls-server-name",), "NAME", "the name to expect in the server's certificate"),
        (("--request-timeout",), "DURATION", "the longest wait for one answer: 5, 5s, 1m30s"),
        (("--cache-dir",), "DIR", "where completion keeps what it was told for a few seconds"),
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
        help="act with this extra; may be repeated",
    )
    for name, text in (
        ("--insecure-skip-tls-verify", "do not check the server's certificate"),
        ("--disable-compression", "ask for answers that are not compressed"),
        # Taken so that they can be answered: see commands/usage.py.
        ("--match-server-version", argparse.SUPPRESS),
        ("--warnings-as-errors", argparse.SUPPRESS),
    ):
        group.add_argument(name, action="store_true", help=text)
