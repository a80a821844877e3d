"""Ctrl-C, a closed pipe, and secrets: what must hold for the process as a whole."""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.stopwatch import patiently, stopwatch
from tests.walk.shop import NAMESPACE, PODS, await_quiet, shop, sockets, walk

CANARY = "canary-0d61e2"


def start(server: FakeApiServer, folder: Path, *flags: str) -> "subprocess.Popen[str]":
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig({"token": CANARY})))
    return subprocess.Popen(
        [sys.executable, "-m", "kubectl_portcheck", "svc/checkout", "-n", NAMESPACE, *flags],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The test's own process may have been started with the signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )


def await_request(server: FakeApiServer, part: str) -> None:
    deadline = time.monotonic() + 120
    while not any(part in r.line for r in list(server.requests)):
        assert time.monotonic() < deadline, f"no request for {part}"
        time.sleep(0.02)


@pytest.mark.parametrize("call", ["/services/", "/pods?", "/exec?", "/portforward?"])
def test_an_interrupt_ends_it_with_what_is_known(tmp_path: Path, call: str) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        server.on(call.replace("?", r"\?"), faults.hang)
        process = start(server, tmp_path, "-o", "json")
        await_request(server, call)
        await_quiet(server)
        with stopwatch() as spent:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
    assert spent.seconds < 5  # Ten, if it waited for the call.
    assert process.returncode == 130
    assert "Traceback" not in err
    if call == "/services/":
        assert (out, len(err.splitlines())) == ("", 1)
        return
    report: dict[str, Any] = json.loads(out)
    assert report["interrupted"] is True
    assert report["verdict"] in ("broken", "inconclusive")


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        process = start(server, tmp_path)
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        process.wait(120)
    assert (process.returncode, err) == (1, "")


@pytest.mark.parametrize("form", ["wide", "json", "yaml", "markdown", "junit", "sarif"])
def test_no_secret_reaches_any_output(tmp_path: Path, form: str) -> None:
    """Planted wherever a cluster keeps them: the token, the environment, arguments, annotations."""
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        for item in server.store.objects:
            item["metadata"]["annotations"] = {"note": CANARY}
            for container in item.get("spec", {}).get("containers", ()):
                container["env"] = [{"name": "PASSWORD", "value": CANARY}]
                container["args"] = container["command"] = [CANARY]
        kept = tmp_path / "kept.json"
        process = start(server, tmp_path, "-o", form, "-v", "9", "--save", str(kept))
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert CANARY not in out + err + kept.read_text()


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Names of processes and messages with escape sequences, markup and bidirectional controls."""
    hostile = "\x1b]0;owned\x07[red]\u202e"
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        answer = Command(sockets(9000, 9100).replace(b"python3", hostile.encode()))
        for name in PODS:
            server.commands[NAMESPACE, name] = lambda _, __: answer
        process = start(server, tmp_path, "-o", "wide", "--color", "always")
        out, err = process.communicate(timeout=120)
        assert walk(server, tmp_path).verdict == "broken"
    assert process.returncode == 1
    for sign in ("\x1b]", "\x07", "\u202e"):
        assert sign not in out + err


LOST = """
import weakref
from kubectl_portcheck import __main__, cli

class Thing:
    pass

def interrupted(_):
    raise KeyboardInterrupt

def main(argv, env):
    thing = Thing()
    kept = weakref.ref(thing, interrupted)
    del thing
    return 0

cli.main = main
__main__.run()
"""


def test_an_interrupt_that_nothing_can_catch_is_heeded() -> None:
    """As one in the callback at the end of each import, after which Python goes on."""
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_another_failure_that_nothing_can_catch_is_shown_by_python() -> None:
    code = LOST.replace("KeyboardInterrupt", "ValueError")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Exception ignored in: <function interrupted" in done.stderr


IMPORTING = """
from kubectl_portcheck import __main__, cli

def main(argv, env):
    import deaf
    return 0

cli.main = main
__main__.run()
"""
DEAF = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass
except KeyboardInterrupt:
    pass
"""


def test_an_interrupt_that_comes_within_an_import_is_heeded_at_once(tmp_path: Path) -> None:
    """What is loaded may lose it: msgspec does, and crashed afterwards."""
    (tmp_path / "deaf.py").write_text(DEAF)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


HANGING = """
import _imp, sys
from kubectl_portcheck.__main__ import run
from kubectl_portcheck.collect.cluster import work

work.GRACE = 0.5
sys.argv[1:1] = ["--timeout=1"]
_imp.acquire_lock()  # As a signal leaves it that came in the wrong moment: no thread can import.
run()
"""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["svc/a"], "not looked into: the time was up (--timeout)"),
        (["svc/a", "svc/b"], "not looked into: the time was up (--timeout)"),
        ([], "timed out: what was asked did not end"),
    ],
    ids=["one", "several", "sweep"],
)
def test_threads_that_hang_forever_do_not_outlast_the_time_limit(
    asked: list[str], said: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9000)
        done = subprocess.run(
            [sys.executable, "-c", HANGING, *asked, "-n", NAMESPACE, "--server", server.url],
            env={**os.environ, "KUBECONFIG": os.devnull},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stdout) == (ExitCode.NO_CLUSTER, "")
    assert done.stderr.splitlines()[0] == said
    assert "Traceback" not in done.stderr


STUCK = """
import sys, threading
from kubectl_portcheck.__main__ import run
from kubectl_portcheck.collect.cluster import work
from kubectl_portcheck.collect.cluster.reads import LiveReads

work.GRACE = 0.5
LiveReads.endpoint_slices = lambda *_: threading.Event().wait()
run()
"""


@pytest.mark.parametrize("more", [[], ["svc/nope"]], ids=["one", "several"])
def test_what_was_found_before_a_thread_hung_is_reported(tmp_path: Path, more: list[str]) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with FakeApiServer() as server:
        shop(server, 9000)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))

        def checked(seconds: float) -> "subprocess.CompletedProcess[str]":
            line = ["svc/checkout", *more, "-n", NAMESPACE, "-o", "json", f"--timeout={seconds}s"]
            return subprocess.run(
                [sys.executable, "-c", STUCK, *line],
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                capture_output=True,
                text=True,
                timeout=240,
            )

        done = patiently(checked, lambda found: found.returncode == ExitCode.PROBLEM, 2)
    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, report["interrupted"]) == (ExitCode.PROBLEM, False)
    (checkout,) = (s for s in report["services"] if s["name"] == "checkout")
    assert checkout["findings"][0]["code"] == "PC401"
    assert "not looked into: the time was up (--timeout)" in done.stdout


class Plugin:
    """A credential plugin that never ends by itself; a test sees from a pipe whether it runs."""

    def __init__(self, folder: Path, does: str = "") -> None:
        self.pipe, self.command = folder / "pipe", folder / "plugin"
        os.mkfifo(self.pipe)
        self.command.write_text(
            f"#!/bin/sh\ntrap '' INT HUP\nexec 3>{self.pipe}\n{does}\necho runs >&3\nsleep 120\n"
        )
        self.command.chmod(0o755)
        self._reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)

    def kubeconfig(self, server: FakeApiServer, folder: Path) -> str:
        """A file by which the server is reached, once the plugin has answered."""
        user = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": str(self.command),
                "interactiveMode": "IfAvailable",
            }
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(server.kubeconfig(user)))
        return str(path)

    def await_start(self) -> None:
        deadline = time.monotonic() + 60
        while not select.select([self._reader], [], [], 0.05)[0] or not self._read():
            assert time.monotonic() < deadline, "the plugin did not start"
            time.sleep(0.02)

    def has_ended(self) -> bool:
        """Whether it and all that it started ended within seconds: no one holds the pipe."""
        ready, _, _ = select.select([self._reader], [], [], 20)
        return bool(ready) and self._read() == b""

    def _read(self) -> bytes:
        return os.read(self._reader, 100)

    def close(self) -> None:
        os.close(self._reader)


@pytest.mark.parametrize("asked", [["svc/checkout"], ["--all-contexts"]], ids=["one", "fleet"])
def test_an_interrupt_ends_a_credential_plugin_too(tmp_path: Path, asked: list[str]) -> None:
    """It has a session of its own, so that the Ctrl-C of a terminal does not reach it."""
    plugin = Plugin(tmp_path)
    with FakeApiServer() as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "kubectl_portcheck", *asked],
            env={**os.environ, "KUBECONFIG": plugin.kubeconfig(server, tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )
        plugin.await_start()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert plugin.has_ended()
    plugin.close()


@pytest.mark.parametrize("way", ["the time is up", "Ctrl-C"])
def test_a_plugin_that_is_ended_leaves_the_terminal_with_its_echo(tmp_path: Path, way: str) -> None:
    """As one that asks for a password, and is not answered."""
    plugin = Plugin(tmp_path, "stty -echo")
    ours, theirs = pty.openpty()

    def with_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with FakeApiServer() as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "kubectl_portcheck", "svc/checkout", "--timeout=5s"],
            env={**os.environ, "KUBECONFIG": plugin.kubeconfig(server, tmp_path)},
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=with_terminal,
        )
        plugin.await_start()
        asking = termios.tcgetattr(theirs)
        if way == "Ctrl-C":
            os.write(ours, b"\x03")
        process.wait(120)
    assert not asking[3] & termios.ECHO
    assert termios.tcgetattr(theirs)[3] & termios.ECHO
    for descriptor in (ours, theirs):
        os.close(descriptor)
    plugin.close()
