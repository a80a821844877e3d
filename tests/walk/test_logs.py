"""--logs: read only when asked for, bounded, without secrets, and saved nowhere."""

import io
import json
import re
from pathlib import Path

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, program, shop, walk
from tests.walk.town import add_service

CANARY = "c4n4ry"
LINES = [
    "starting",
    f"DB_PASSWORD={CANARY}",
    "\x1b[31mERROR\x1b[0m no such table: orders\x1b]0;owned\x07",
]


def crashing(server: FakeApiServer, *names: str, namespace: str = NAMESPACE) -> None:
    """Lets these pods crash."""
    for name in names:
        pod = server.store.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        assert pod is not None
        pod["status"] |= {
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [
                {
                    "name": "app",
                    "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
                }
            ],
        }


def writes(server: FakeApiServer, *lines: str) -> None:
    """Lets every container write these lines."""
    server.on(r"/log\?", faults.plain(200, "\n".join(lines) + "\n"))


def asked(server: FakeApiServer) -> list[str]:
    return [r.line for r in server.requests if re.search(r"/log(\?|$| )", r.line)]


def logs(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = run.report["services"][0]["logs"]
    return found


def test_without_the_flag_none_is_read(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0")
        assert logs(walk(server, tmp_path)) == []
        assert asked(server) == []


def test_of_a_healthy_service_none_is_read(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        assert walk(server, tmp_path, "--logs").verdict == "healthy"
        assert asked(server) == []


def test_the_last_lines_of_the_instance_that_failed(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0", "checkout-1")
        writes(server, *LINES)
        done = walk(server, tmp_path, "--logs")
        # Both are of one ReplicaSet: one log is enough.
        (line,) = asked(server)
    assert {"previous=true", "container=app", "tailLines=20"} <= set(re.split(r"[?& ]", line))
    assert "limitBytes=" in line
    assert logs(done) == [
        {
            "pod": "checkout-0",
            "container": "app",
            "previous": True,
            "lines": ["starting", "ERROR no such table: orders\\x1b]0;owned\\x07"],
            "withheld": 1,
        }
    ]


def test_no_secret_and_no_control_character_is_in_any_form(tmp_path: Path) -> None:
    saved, page = tmp_path / "saved.json", tmp_path / "page.html"
    texts = []
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0")
        writes(server, *LINES)
        for form in ("table", "wide", "yaml", "markdown"):
            more = ("--save", str(saved), "--output-file", f"html={page}")
            texts.append(walk(server, tmp_path, "--logs", "-o", form, *more).stdout)
    texts.append(page.read_text())
    for text in texts:
        assert "no such table" in text
        assert CANARY not in text
        assert "\x1b]" not in text
    # A file of evidence is passed on: it has no line of a log, secret or not.
    assert "no such table" not in saved.read_text()


def test_of_a_pod_that_listens_nowhere_the_log_is_read_too(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        writes(server, "listening on 9000")
        done = walk(server, tmp_path, "--logs")
    assert [log["lines"] for log in logs(done)] == [["listening on 9000"]]


def test_a_missing_right_is_named_and_the_role_has_it(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0", "checkout-1", "checkout-2")
        server.on(
            r"/log\?",
            faults.status(
                403,
                "Forbidden",
                'pods "checkout-0" is forbidden: User "u" cannot get resource "pods/log" in API '
                f'group "" in the namespace "{NAMESPACE}"',
            ),
        )
        done = walk(server, tmp_path, "--logs")
    assert done.verdict == "broken"
    assert "get pods/log is forbidden" in done.report["services"][0]["missing"]
    rights = [(r["resource"], r["verbs"]) for r in done.report["missingRights"]]
    assert rights == [("pods/log", ["get"])]
    out = io.StringIO()
    assert main(["--rbac", "--logs"], Environment(out, io.StringIO(), {})) == 0
    assert "pods/log" in out.getvalue()


@pytest.mark.parametrize(
    ("status", "words"), [(400, "previous terminated container"), (500, "connection refused")]
)
def test_a_log_that_cannot_be_had_changes_nothing_else(
    tmp_path: Path, status: int, words: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0", "checkout-1", "checkout-2")
        server.on(r"/log\?", faults.status(status, "BadRequest", words))
        done = walk(server, tmp_path, "--logs")
    assert (done.verdict, logs(done)) == ("broken", [])
    assert any(words in m for m in done.report["services"][0]["missing"])


def test_a_long_line_is_cut_and_a_log_that_was_cut_loses_its_last_line(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0")
        writes(server, "x y" * 10_000, *(["z z" * 50] * 300))
        (found,) = logs(walk(server, tmp_path, "--logs"))
    assert isinstance(found["lines"], list)
    assert len(found["lines"]) == 20
    assert max(map(len, found["lines"])) <= 400


def test_a_sweep_reads_no_more_than_ten(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        for number in range(16):
            add_service(server, f"s{number}", ready=False)
            crashing(server, f"s{number}-0", f"s{number}-1", namespace="town")
        writes(server, "boom")
        done = program(server, tmp_path, "--logs", namespace="town")
        assert len(asked(server)) == 10
    assert sum(len(s["logs"]) for s in done.report["services"]) == 10


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--redact", "--logs and --redact exclude each other"),
        ("-q", "--logs does nothing with -q"),
        ("--summary", "--logs does nothing with --summary"),
        ("-o name", "--logs does nothing with -o name"),
        ("-o sarif", "--logs does nothing with -o sarif"),
        ("-o junit", "--logs does nothing with -o junit"),
    ],
)
def test_where_no_one_would_see_it_the_flag_is_refused(flags: str, message: str) -> None:
    err = io.StringIO()
    argv = ["svc/checkout", "--logs", *flags.split()]
    assert main(argv, Environment(io.StringIO(), err, {})) == 2
    assert message in err.getvalue()


def test_beside_another_format_in_a_file_it_is_no_mistake(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0")
        writes(server, "boom")
        walk(server, tmp_path, "--logs", "-q", "--output-file", f"json={report}")
    assert json.loads(report.read_text())["services"][0]["logs"][0]["lines"] == ["boom"]
