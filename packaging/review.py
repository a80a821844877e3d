"""The GitHub Action's check: runs the program on manifests, and annotates the lines in a review.

The inputs come as variables (action.yml). The report goes to the log and to the job's summary,
each finding to its line, the verdict to the outputs; the exit code is the program's.
"""

import json
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
_PROBLEM = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): (?P<reason>.+)")
"""What the program says on stderr about a place in a file."""


def main() -> int:
    """Runs the check; gives the exit code."""
    folder = Path(os.environ["RUNNER_TEMP"]) / "portcheck-report"
    folder.mkdir(exist_ok=True)
    found, summary = folder / "report.json", folder / "report.md"
    for path in (found, summary):
        path.unlink(missing_ok=True)
    forms = [f"json={found}", f"markdown={summary}"]
    done = subprocess.run(
        [sys.executable, "-m", "kubectl_portcheck", *arguments(os.environ, forms)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    sys.stderr.write(done.stderr)
    report = json.loads(found.read_text(encoding="utf-8")) if found.exists() else {}
    # With any other exit code they are notes.
    level = "error" if done.returncode == 2 else "warning"
    for line in (*annotations(report), *problems(done.stderr, level)):
        print(line)
    if summary.exists():
        _append("GITHUB_STEP_SUMMARY", summary.read_text(encoding="utf-8"))
    _append("GITHUB_OUTPUT", f"verdict={report.get('verdict', '')}\n")
    _append("GITHUB_OUTPUT", f"exit-code={done.returncode}\n")
    return done.returncode


def arguments(inputs: Mapping[str, str], forms: list[str]) -> list[str]:
    """The program's command line; no input can become a flag of its own."""
    files = [line.strip() for line in inputs.get("FILES", "").splitlines() if line.strip()]
    for form, variable in (("sarif", "SARIF_FILE"), ("junit", "JUNIT_FILE")):
        if inputs.get(variable):
            forms = [*forms, f"{form}={inputs[variable]}"]
    return [
        *(f"--filename={file}" for file in files or ["."]),
        *(["--complete"] if inputs.get("COMPLETE") == "true" else []),
        f"--fail-on={inputs.get('FAIL_ON') or 'degraded'}",
        *(f"--output-file={form}" for form in forms),
    ]


def annotations(report: Mapping[str, Any]) -> Iterator[str]:
    """A workflow command for each finding, on the line where it stands.

    The form: docs.github.com, "Workflow commands for GitHub Actions".
    """
    for service in report.get("services", ()):
        for finding in service["findings"]:
            origin = finding.get("origin") or {}
            fixes = "".join(f"\nFix: {fix['title']}" for fix in finding["fixes"][:1])
            yield _command(
                LEVELS[finding["severity"]],
                f"{finding['summary']}{fixes}",
                title=f"{finding['code']} {finding['name']}",
                **{key: str(origin[key]) for key in ("file", "line") if key in origin},
            )


def problems(stderr: str, level: str) -> Iterator[str]:
    """A workflow command for each line that stderr says something about."""
    for line in stderr.splitlines():
        told = _PROBLEM.fullmatch(line)
        if told:
            yield _command(level, told["reason"], file=told["file"], line=told["line"])


def _command(level: str, message: str, **properties: str) -> str:
    if "file" in properties:
        properties["file"] = posixpath.normpath(properties["file"])
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level} {shown}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main())
