"""The table of limits, made from the constants: *input, limit, what happens*."""

from typing import NamedTuple

from kubectl_portcheck.inputs import limits, size


class Row(NamedTuple):
    """One limit."""

    what: str
    constant: str
    """Its name in ``inputs/limits.py``."""
    unit: str
    """What is counted: ``bytes``, ``seconds``, or a noun."""
    then: str


LEFT_OUT = "the object is left out and named, all others are judged"
NOT_KNOWN = "that part of the evidence is missing, and the report says why"
ERROR = "the run ends with a line that names the file"

ROWS = (
    Row("a kubeconfig", "CONFIGURATION_BYTES", "bytes", ERROR),
    Row("values in a kubeconfig", "CONFIGURATION_VALUES", "values", ERROR),
    Row("a token, certificate, key or CA file", "CREDENTIAL_BYTES", "bytes", ERROR),
    Row("the output of a credential plugin", "PLUGIN_BYTES", "bytes", "it is ended; an error"),
    Row("a manifest of `-f`", "MANIFEST_BYTES", "bytes", "the file is left out and named"),
    Row("a recording of `--replay`, unpacked", "EVIDENCE_BYTES", "bytes", ERROR),
    Row(
        "values in a report of `--merge`", "REPORT_VALUES", "values", "the report counts as missing"
    ),
    Row("reports of `--merge`", "REPORT_FILES", "reports", "the run ends with a line that says so"),
    Row(
        "clusters of `--contexts`", "CONTEXTS", "clusters", "the run ends with a line that says so"
    ),
    Row("nesting of YAML", "YAML_DEPTH", "levels", "the document is left out and named"),
    Row(
        "what aliases of YAML add to a document",
        "ALIAS_VALUES",
        "values",
        "the document is left out and named",
    ),
    Row("the headers of an answer", "HEAD_BYTES", "bytes", NOT_KNOWN),
    Row(
        "an answer of the API server, unpacked",
        "ANSWER_BYTES",
        "bytes",
        f"a list is asked for in smaller pages; else {NOT_KNOWN}",
    ),
    Row("values in an answer", "ANSWER_VALUES", "values", "as above"),
    Row(
        "an answer or an output that is read beside others",
        "SMALL_BYTES",
        "bytes",
        "larger ones wait for their turn: one at a time",
    ),
    Row("an object that is nested too deep: the search for its name", "JSON_DEPTH", "levels", ""),
    Row("the same: brackets and quotes looked at", "JSON_BRACKETS", "characters", NOT_KNOWN),
    Row("objects of a list that cannot be read", "ODD_OBJECTS", "objects", NOT_KNOWN),
    Row("ports of a Service", "SERVICE_PORTS", "ports", LEFT_OUT),
    Row("what is kept of one Service and around it", "SERVICE_VALUES", "values", NOT_KNOWN),
    Row("objects of a list", "LIST_OBJECTS", "objects", NOT_KNOWN),
    Row(
        "objects of a kind in all namespaces, for one Service",
        "FOREIGN_OBJECTS",
        "objects",
        "those of the Service's namespace are read, and the report says so",
    ),
    Row("a message, such as an event's", "MESSAGE_CHARACTERS", "characters", "the rest is cut off"),
    Row("a message of a stream, all fragments", "MESSAGE_BYTES", "bytes", NOT_KNOWN),
    Row("the output of a command in a container", "OUTPUT_BYTES", "bytes", NOT_KNOWN),
    Row("its lines", "OUTPUT_LINES", "lines", "the report says that it was cut short"),
    Row("the log of a container (`--logs`)", "LOG_LINES", "lines", "earlier lines are not read"),
    Row("these lines", "LOG_BYTES", "bytes", "the rest is not read"),
    Row("logs in a run", "LOGS", "logs", "no other is read"),
    Row("a pod's own HTTP answer", "PROXIED_BYTES", "bytes", "the rest is not read"),
    Row("`--timeout`", "WAIT_SECONDS", "seconds", "a longer time counts as this"),
)
BEGIN, END = "<!-- begin: written by make docs -->\n", "<!-- end -->\n"


def table() -> str:
    """The table in Markdown."""
    rows = [f"| {r.what} | {_amount(r)} | {r.then or LEFT_OUT} |" for r in ROWS]
    return "\n".join(["| input | limit | beyond it |", "|---|---|---|", *rows, ""])


def _amount(row: Row) -> str:
    value = getattr(limits, row.constant)
    if row.unit == "bytes":
        return str(size(value))
    if row.unit == "seconds":
        return f"{value / 86400:.0f} days"
    return f"{value:,} {row.unit}"


def page(before: str) -> str:
    """The page of limits with the table as it is now."""
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    return f"{head}{begin}{table()}{end}{tail}"
