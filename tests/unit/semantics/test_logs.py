"""Which log is read: of the container that fails, and of the instance that failed."""

import pytest
import yaml

from kubectl_portcheck.collect import decode
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics.logs import Wanted, wanted

NOW = "2026-06-01T12:00:00Z"
FAILED = "{terminated: {exitCode: 1, startedAt: '2026-06-01T11:59:00Z'}}"
UP = "{running: {startedAt: '2026-06-01T11:59:50Z'}}"


def pod(statuses: str, *, init: str = "[]", ready: bool = False, ports: str = "[]") -> Pod:
    text = f"""
metadata: {{name: checkout-1}}
spec:
  initContainers: [{{name: wait}}]
  containers: [{{name: istio-proxy}}, {{name: log}}, {{name: app, ports: {ports}}}]
status:
  phase: Running
  conditions: [{{type: Ready, status: "{ready}"}}]
  initContainerStatuses: {init}
  containerStatuses: {statuses}
"""
    return decode.convert(yaml.safe_load(text), Pod)


@pytest.mark.parametrize(
    ("found", "log"),
    [
        (
            pod(f"[{{name: app, restartCount: 1, state: {{waiting: {{reason: CrashLoopBackOff}}}}, "
                f"lastState: {FAILED}}}]"),
            Wanted("app", previous=True),
        ),
        (pod(f"[{{name: app, state: {FAILED}}}]"), Wanted("app", previous=False)),
        (
            pod(f"[{{name: app, restartCount: 1, state: {UP}, lastState: {FAILED}}}]", ready=True),
            Wanted("app", previous=True),
        ),
        (pod(f"[{{name: app, state: {UP}}}]"), Wanted("app", previous=False)),
        (pod(f"[{{name: app, ready: true, state: {UP}}}]", ready=True), None),
        (
            pod("[]", init=f"[{{name: wait, restartCount: 2, state: {UP}, lastState: {FAILED}}}]"),
            Wanted("wait", previous=True),
        ),
        (pod("[]", init=f"[{{name: wait, state: {UP}}}]"), Wanted("wait", previous=False)),
        (pod("[{name: app, state: {waiting: {reason: ImagePullBackOff}}}]"), None),
    ],
)  # fmt: skip
def test_the_log_of_the_instance_that_failed(found: Pod, log: Wanted | None) -> None:
    assert wanted(found, NOW) == log


def test_of_a_pod_that_accepts_no_client_it_is_the_container_that_was_to_listen() -> None:
    well = f"[{{name: app, ready: true, state: {UP}}}]"
    declaring = pod(well, ready=True, ports="[{containerPort: 8080}]")
    assert wanted(declaring, NOW, silent=True, port=8080) == Wanted("app", previous=False)
    # None says so: the first that is no mesh's.
    assert wanted(pod(well, ready=True), NOW, silent=True, port=8080) == Wanted(
        "log", previous=False
    )
