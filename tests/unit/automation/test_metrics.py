"""The recipes of docs/metrics as they are written: the text file, the push, the alert rules.

Prometheus' own programs are used where they are: promtool and the Pushgateway.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from kubectl_portcheck.demo import SCENARIOS
from kubectl_portcheck.render.openmetrics import render_openmetrics
from tests.unit.render import builders

FOLDER = Path(__file__).parents[3] / "docs" / "metrics"
README = (FOLDER / "README.md").read_text()
PATH = os.pathsep.join((os.environ.get("PATH", ""), str(Path.home() / "go" / "bin")))
Series = Mapping[frozenset[tuple[str, str]], float]


def program(*names: str, package: str) -> str:
    """The path of one of these programs; without any, the test is skipped."""
    for name in names:
        if found := shutil.which(name, path=PATH):
            return found
    pytest.skip(f"there is no {names[0]} on the PATH or in ~/go/bin (Debian: {package})")


def series(text: str) -> Series:
    """The samples of the program's metrics."""
    return {
        frozenset({("__name__", s.name), *s.labels.items()}): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if s.name.startswith("portcheck_")
    }


def written(folder: Path, scenario: str) -> Path:
    """The file of the recipe for the textfile collector, by its own command on a demo."""
    (command,) = re.findall(r"replaced whole:\n\n    (kubectl .*)\n", README)
    plugin, *words = shlex.split(command.replace(" -A ", f" --demo {scenario} "))[1:]
    assert plugin == "portcheck"
    done = subprocess.run(
        [sys.executable, "-m", "kubectl_portcheck", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "portcheck.prom"


def test_the_text_file_is_replaced_whole(tmp_path: Path) -> None:
    """A collector that has the old file open reads it to its end, and finds no other one."""
    first, second = (s.name for s in SCENARIOS[:2])
    with written(tmp_path, first).open() as old:
        file = written(tmp_path, second)
        assert series(old.read()) != series(file.read_text())
        assert os.fstat(old.fileno()).st_nlink == 0
    assert [f.name for f in tmp_path.iterdir()] == ["portcheck.prom"]


def test_what_is_half_written_is_not_for_the_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads *.prom in its folder, so the file has another name until it is whole."""
    from kubectl_portcheck import writing

    seen: list[str] = []
    rename = os.replace

    def renamed(name: str, path: str) -> None:
        seen.append(name)
        rename(name, path)

    monkeypatch.setattr(os, "replace", renamed)
    writing.replace(str(tmp_path / "portcheck.prom"), b"", 0o644)
    (name,) = seen
    assert Path(name).parent == tmp_path
    assert not name.endswith(".prom")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """The address of a Pushgateway of this test, on the loopback."""
    names = ("pushgateway", "prometheus-pushgateway")
    found = program(*names, package="prometheus-pushgateway")
    log = tmp_path / "gateway.log"
    with log.open("w") as out:
        words = [found, "--web.listen-address=127.0.0.1:0"]
        running = subprocess.Popen(words, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 60
        while not (addresses := re.findall(r"address=(127\.0\.0\.1:\d+)", log.read_text())):
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield f"http://{addresses[-1]}"
    finally:
        running.terminate()
        running.wait(30)


def push(file: Path, address: str) -> None:
    """What the second container of cronjob.yaml does."""
    cron = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    code, _, *group = container["args"]
    assert group == ["eu", "production"]
    assert container["command"] == ["python3", "-c"]
    assert code.count("/metrics/portcheck.prom") == 1
    code = code.replace("/metrics/portcheck.prom", str(file))
    subprocess.run([sys.executable, "-c", code, address, *group], timeout=60, check=True)


def pushed(address: str, source: str) -> Series:
    """What a scrape of the Pushgateway returns of a source."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
        found = series(answer.read().decode())
    return {labels: value for labels, value in found.items() if ("source", source) in labels}


def in_group(file: Path, **group: str) -> Series:
    """The samples of the file with the labels of a group, which replace its own."""
    labels = {"job": "portcheck", "instance": "", **group}
    return {
        frozenset({**dict(own), **labels}.items()): value
        for own, value in series(file.read_text()).items()
    }


def test_a_pushgateway_has_what_was_pushed_and_nothing_of_before(
    gateway: str, tmp_path: Path
) -> None:
    for scenario in (s.name for s in SCENARIOS[:2]):
        file = written(tmp_path, scenario)
        push(file, gateway)
        expected = in_group(file, cluster="eu", source="production")
        assert pushed(gateway, "production") == expected


def test_the_push_by_hand_is_the_same(gateway: str, tmp_path: Path) -> None:
    program("curl", package="curl")
    file = written(tmp_path, SCENARIOS[0].name)
    (command,) = re.findall(r"^    (curl .*)$", README, re.M)
    words = shlex.split(command.replace("http://pushgateway.monitoring:9091", gateway))
    subprocess.run(words, cwd=tmp_path, timeout=60, check=True)
    assert pushed(gateway, "all") == in_group(file, source="all")


@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts-test.yaml")]
)
def test_promtool_accepts_the_alert_rules(words: tuple[str, ...]) -> None:
    found = program("promtool", package="prometheus")
    done = subprocess.run(
        [found, *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.parametrize("name", ["debrief", "several_services", "hostile"])
def test_promtool_accepts_the_metrics(name: str) -> None:
    found = program("promtool", package="prometheus")
    text = render_openmetrics(getattr(builders, name)(), "1.2.3")
    done = subprocess.run(
        [found, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
