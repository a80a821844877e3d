"""What a shell gets for the next word; by the process itself, as kubectl and argcomplete run it."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kubectl_portcheck.arguments import COMPLETIONS, FORMATS
from kubectl_portcheck.commands.completion import answers, cache, shells
from kubectl_portcheck.commands.completion.words import question
from kubectl_portcheck.rules.table import CATALOGUE
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, shop

PATIENT = """
import sys
from kubectl_portcheck.__main__ import run
from kubectl_portcheck.commands.completion import answers, cache, shells
answers.SECONDS = shells.SECONDS = cache.SECONDS = 60
run()
"""
"""The program, which gives up after a second, and gets nothing done in one on a busy machine."""


class Asked:
    """One question, asked as kubectl does."""

    def __init__(self, folder: Path, *words: str, **environ: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", PATIENT, "__complete", *words],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        *self.lines, directive = done.stdout.splitlines()
        self.directive = int(directive.removeprefix(":"))
        self.words = [line.partition("\t")[0] for line in self.lines]
        self.code, self.stderr = done.returncode, done.stderr


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within this process the machine may be as slow as it likes."""
    monkeypatch.setattr(answers, "SECONDS", 30.0)
    monkeypatch.setattr(shells, "SECONDS", 30.0)
    monkeypatch.setattr(cache, "SECONDS", 300.0)


def completions(folder: Path, *words: str, **environ: str) -> list[str]:
    """The same answer within this process, however long it takes."""
    text = shells.for_kubectl(words, {"HOME": str(folder), **environ})
    return [line.partition("\t")[0] for line in text.splitlines()[:-1]]


def configured(server: FakeApiServer, folder: Path) -> dict[str, str]:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig()))
    return {"KUBECONFIG": str(kubeconfig)}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--ou"], ["--output", "--output-file"]),
        (["-o", ""], list(FORMATS)),
        (["-o", "ju"], ["junit"]),
        (["-o=ju"], ["-o=junit"]),
        (["--output=ju"], ["--output=junit"]),
        (["--color", "al"], ["always"]),
        (["--completion", ""], list(COMPLETIONS)),
        (["--explain", "PC41"], [r.code for r in CATALOGUE if r.code.startswith("PC41")]),
        (["--explain", "pc412"], ["pc412"]),
        (["--ignore", "PC401,probe-looks"], ["PC401,probe-looks-elsewhere"]),
        (["--ignore=PC401,PC412"], ["--ignore=PC401,PC412"]),
        (["--nonsense", "--wai"], ["--wait"]),
        (["--wait", "--wai"], []),  # It is given already.
        (["--", "--wai"], []),
        (["--token", "--wai"], []),  # It is the token.
        (["node/x"], []),
        (["--demo", "check"], ["checkout"]),
        (["--demo", "--wai"], ["--wait"]),
    ],
)
def test_what_needs_no_cluster(tmp_path: Path, line: list[str], words: list[str]) -> None:
    # A busy machine may have no answer within the second that a shell waits for it.
    for _ in range(20):
        asked = Asked(tmp_path, *line)
        if asked.words == words:
            break
    assert (asked.code, asked.stderr) == (0, "")
    assert asked.words == words


@pytest.mark.parametrize(
    ("line", "directive"),
    [(["--save", ""], 0), (["-f", "x"], 0), (["--output-file", "js"], 6), (["-o", "js"], 4)],
)
def test_files_are_the_shells_own(tmp_path: Path, line: list[str], directive: int) -> None:
    assert Asked(tmp_path, *line).directive == directive


def test_what_the_cluster_and_the_kubeconfig_know(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        environ = configured(server, tmp_path)

        def words(*line: str) -> list[str]:
            return completions(tmp_path, *line, **environ)

        here = ("-n", NAMESPACE)
        assert words(*here, "svc/ch") == ["svc/checkout"]
        assert words(*here, "che") == ["checkout"]
        assert words(*here, "svc", "che") == words(*here, "services", "") == ["checkout"]
        assert words(*here, "deployments", "") == ["checkout"]
        assert words(*here, "checkout:") == ["checkout:80"]
        assert words(*here, "pod/") == [f"pod/checkout-{i}" for i in range(3)]
        assert words(*here, "pod/checkout-1:") == ["pod/checkout-1:8080"]
        assert words(*here, "svc/checkout", "svc/") == []  # It is there already.
        assert words("-n", "prod") == words("--namespace", "prod") == [NAMESPACE]
        assert words("--context", "f") == words("--cluster", "") == words("--user", "") == ["fake"]


def test_an_answer_is_kept_for_seconds_and_for_no_other_user(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        environ = configured(server, tmp_path)
        line = ("-n", NAMESPACE, "svc/")
        first = completions(tmp_path, *line, **environ)
        # The clock of the file decides; here no time passes.
        (kept,) = (tmp_path / ".cache" / "kubectl-portcheck" / "completion").iterdir()
        os.utime(kept)
        again = completions(tmp_path, *line[:-1], "svc/ch", **environ)
        asked = len(server.requests)
        elsewhere = completions(tmp_path, "-n", "other", "svc/", **environ)
        os.utime(kept, (0, 0))
        completions(tmp_path, *line, **environ)
        later = len(server.requests)
    assert first == again == ["svc/checkout"]
    assert (asked, elsewhere, later) == (1, [], 3)
    files = list(kept.parent.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "t0ken" not in "".join(p.read_text() + p.name for p in files)


def test_a_token_of_the_command_line_leaves_nothing_behind(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        line = ("--token", "x", "-n", NAMESPACE, "svc/")
        assert completions(tmp_path, *line, **configured(server, tmp_path)) == ["svc/checkout"]
    assert not (tmp_path / ".cache").exists()


@pytest.mark.parametrize("place", ["a-file", "missing/and/read-only"])
def test_a_home_that_cannot_be_written_is_no_matter(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "missing").mkdir(mode=0o500)
    with FakeApiServer() as server:
        shop(server, 8080)
        environ = configured(server, tmp_path) | {"XDG_CACHE_HOME": str(tmp_path / place)}
        assert completions(tmp_path, "-n", NAMESPACE, "svc/", **environ) == ["svc/checkout"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[["a"]]', "\x00"])
def test_what_is_odd_in_the_cache_is_not_used(tmp_path: Path, content: str) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        environ = configured(server, tmp_path)
        completions(tmp_path, "-n", NAMESPACE, "svc/", **environ)
        (kept,) = (tmp_path / ".cache" / "kubectl-portcheck" / "completion").iterdir()
        kept.write_text(content)
        assert completions(tmp_path, "-n", NAMESPACE, "svc/", **environ) in (["svc/checkout"], [])


def test_a_server_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        server.on("", faults.hang)
        asked = Asked(tmp_path, "-n", NAMESPACE, "svc/ch", **configured(server, tmp_path))
        assert (asked.code, asked.words, asked.directive, asked.stderr) == (0, [], 4, "")
        # Nor is its silence taken for an answer.
        assert not (tmp_path / ".cache").exists()


@pytest.mark.parametrize(
    "kubeconfig", ["", "{", "/nowhere", "users: [{name: a, user: {exec: {command: sh}}}]"]
)
def test_no_error_reaches_the_line(tmp_path: Path, kubeconfig: str) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig)
    for line in (["svc/ch"], ["-n", "a"], ["--context", ""], ["--cluster", "x", "svc/"]):
        asked = Asked(tmp_path, *line, KUBECONFIG=str(path))
        assert (asked.code, asked.stderr) == (0, "")


def test_names_that_a_shell_would_take_for_more_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "config"
    contexts: list[dict[str, object]] = [
        {"name": n, "context": {}} for n in ("a b", "a\nb", "arn:aws:eks:x/y", "\x1b[31m")
    ]
    path.write_text(json.dumps({"contexts": contexts}))
    assert Asked(tmp_path, "--context", "", KUBECONFIG=str(path)).words == ["arn:aws:eks:x/y"]


@pytest.mark.parametrize(
    "name",
    [
        ":4",
        ":0",
        "_activeHelp_ hello",
        "_activeHelp_hello",
        "$(touch x)",
        "$(id)",
        "`id`",
        "a;id",
        "a|b",
        "a&b",
        "a>b",
        "\u202egnp",
        "a\tb",
        "a\u2028b",
        "'",
        '"',
    ],
)
def test_a_name_that_would_do_something_is_left_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config"
    path.write_text(json.dumps({"contexts": [{"name": n, "context": {}} for n in ("well", name)]}))
    asked = Asked(tmp_path, "--context", "", KUBECONFIG=str(path))
    assert (asked.lines, asked.directive) == (["well"], 4)


def test_what_is_said_about_a_name_is_one_harmless_line(tmp_path: Path) -> None:
    """A hostile cluster's protocol, or a cache that someone else wrote."""
    hostile = "TCP\n:0\nsvc/evil\t\x1b[2J\u202e" + "x" * 500
    with FakeApiServer() as server:
        shop(server, 8080)
        service = next(o for o in server.store.objects if o["kind"] == "Service")
        service["spec"]["ports"][0]["protocol"] = hostile
        asked = Asked(tmp_path, "-n", NAMESPACE, "svc/", **configured(server, tmp_path))
        again = Asked(tmp_path, "-n", NAMESPACE, "svc/", **configured(server, tmp_path))
    for answer in (asked, again):
        (line,) = answer.lines
        assert line.startswith("svc/checkout\t80/TCP")
        assert all(c.isprintable() for c in line.replace("\t", ""))
        assert len(line) < 150


def cache_of(folder: Path) -> Path:
    return folder / ".cache" / "kubectl-portcheck" / "completion"


def test_only_files_of_the_cache_are_removed(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    cache.mkdir(parents=True)
    own = ["0" * 64, f"{'a' * 64}.123"]
    others = ["notes.txt", "a" * 63, f"{'A' * 64}", f"{'a' * 64}.x", ".hidden", "id_rsa"]
    for name in (*own, *others):
        (cache / name).write_text("")
        os.utime(cache / name, (0, 0))
    (cache / "folder").mkdir()
    os.utime(cache / "folder", (0, 0))
    with FakeApiServer() as server:
        shop(server, 8080)
        assert completions(tmp_path, "-n", NAMESPACE, "svc/", **configured(server, tmp_path))
    left = {p.name for p in cache.iterdir()}
    assert left >= {*others, "folder"}
    assert not left & set(own)
    assert len(left) == len(others) + 2  # The answer.


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / ("0" * 64)).write_text("mine")
    os.utime(precious / ("0" * 64), (0, 0))
    cache_of(tmp_path).parent.mkdir(parents=True)
    cache_of(tmp_path).symlink_to(precious)
    with FakeApiServer() as server:
        shop(server, 8080)
        assert completions(tmp_path, "-n", NAMESPACE, "svc/", **configured(server, tmp_path))
    assert [p.name for p in precious.iterdir()] == ["0" * 64]


def test_a_link_in_place_of_an_answer_is_not_read(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        environ = configured(server, tmp_path)
        completions(tmp_path, "-n", NAMESPACE, "svc/", **environ)
        (kept,) = cache_of(tmp_path).iterdir()
        (tmp_path / "other").write_text('[["svc/evil", ""]]')
        kept.unlink()
        kept.symlink_to(tmp_path / "other")
        assert completions(tmp_path, "-n", NAMESPACE, "svc/", **environ) == ["svc/checkout"]
    assert (tmp_path / "other").read_text() == '[["svc/evil", ""]]'


def test_an_open_folder_is_closed_and_another_users_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(tmp_path)
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    with FakeApiServer() as server:
        shop(server, 8080)
        environ = configured(server, tmp_path)
        completions(tmp_path, "-n", NAMESPACE, "svc/", **environ)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700
        (kept,) = cache.iterdir()
        kept.unlink()
        mine = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: mine + 1)
        assert completions(tmp_path, "-n", NAMESPACE, "svc/", **environ) == ["svc/checkout"]
    assert list(cache.iterdir()) == []


def test_by_the_name_that_kubectl_looks_for(tmp_path: Path) -> None:
    link = tmp_path / "kubectl_complete-portcheck"
    link.write_text(PATIENT)
    done = subprocess.run(
        [sys.executable, str(link), "-o", "ju"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr) == ("junit\n:4\n", "")


def argcomplete(line: str, shell: str, folder: Path) -> list[str]:
    """What argcomplete's script gets for a line in a shell."""
    answer = folder / "answer"
    environ = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n\"'><=;|&(:",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    command = [sys.executable, "-c", PATIENT]
    subprocess.run(command, env=environ, timeout=120, check=True, capture_output=True)
    return answer.read_text().split("\n")


def test_the_same_through_argcomplete(tmp_path: Path) -> None:
    assert argcomplete("kubectl-portcheck -o ju", "bash", tmp_path) == ["junit"]
    assert argcomplete("kubectl-portcheck --explain PC412", "zsh", tmp_path) == [
        "PC412:probe-looks-elsewhere"
    ]
    # bash has split the word at its equals sign.
    assert argcomplete("kubectl-portcheck --output=ju", "bash", tmp_path) == ["junit"]
    (tmp_path / "incident.json").write_text("")
    line = f"kubectl-portcheck --replay {tmp_path}/inc"
    assert argcomplete(line, "fish", tmp_path) == [f"{tmp_path}/incident.json"]


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_each_script_is_one_that_its_shell_can_read(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kubectl_portcheck", "--completion", shell],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "kubectl-portcheck" in done.stdout
    if shell == "kubectl":
        assert 'exec kubectl-portcheck __complete "$@"' in done.stdout
    reader = {"kubectl": "sh", "bash": "bash", "zsh": "zsh", "fish": "fish"}[shell]
    check = [reader, "-n"]
    try:
        read = subprocess.run(
            check, input=done.stdout, capture_output=True, text=True, timeout=120, check=False
        )
    except FileNotFoundError:
        pytest.skip(f"there is no {reader} here")
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize(
    "words", [["-"], ["="], ["--="], ["-n"], ["-"] * 5, ["--namespace="], ["--", "--"], ["\x00"]]
)
@pytest.mark.parametrize("current", ["", "-", "--", "=", ":", "/", "svc/", "--x=", "a:b:c", "//"])
def test_any_line_is_a_question(words: Sequence[str], current: str) -> None:
    assert question(words, current).kind
