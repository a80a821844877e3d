import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.unmet import Unmet, needs_another_user, reference, waiting


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('configmap "app-config" not found', Unmet("ConfigMap", "app-config")),
        ('Error: configmaps "app-config" not found', Unmet("ConfigMap", "app-config")),
        ('secret "db-creds" not found', Unmet("Secret", "db-creds")),
        (
            "couldn't find key mod in ConfigMap shop/app-config",
            Unmet("ConfigMap", "app-config", "mod"),
        ),
        (
            "couldn't find key password in Secret shop/db-creds",
            Unmet("Secret", "db-creds", "password"),
        ),
        (
            'MountVolume.SetUp failed for volume "settings" : configmap "app-config" not found',
            Unmet("ConfigMap", "app-config", "", "settings"),
        ),
        (
            'MountVolume.SetUp failed for volume "v" : references non-existent secret key: ca.crt',
            Unmet("Secret", "", "ca.crt", "v"),
        ),
        ('MountVolume.SetUp failed for volume "v" : object "shop"/"x" not registered', None),
        ("Back-off restarting failed container", None),
        ("", None),
    ],
)
def test_what_is_missing_is_named_by_kind_name_and_key(
    message: str, expected: Unmet | None
) -> None:
    assert reference(message) == expected


def test_a_message_without_end_is_read_as_far_as_it_may_be() -> None:
    assert reference("x" * 10_000_000 + 'configmap "late" not found') is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("container has runAsNonRoot and image will run as root (pod: a, container: b)", True),
        ("container has runAsNonRoot and image has non-numeric user (node), cannot verify", True),
        ('secret "runAsNonRoot" not found', False),
    ],
)
def test_a_container_that_may_not_run_as_root(message: str, expected: bool) -> None:
    assert needs_another_user(message) is expected


def test_a_missing_key_of_a_volume_is_named_with_the_object_behind_that_volume() -> None:
    case = ServiceCase(
        evidence_of("""
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers: [{name: app}]
  volumes:
  - {name: other, secret: {secretName: not-this}}
  - {name: tls, secret: {secretName: certificate}}
status: {phase: Pending}
---
kind: Event
metadata: {name: one}
involvedObject: {kind: Pod, name: checkout-1}
type: Warning
reason: FailedMount
message: 'MountVolume.SetUp failed for volume "tls" : references non-existent secret key: ca.crt'
""").services[0]
    )
    [found] = waiting(case, case.pods[0])
    assert found.unmet == Unmet("Secret", "certificate", "ca.crt", "tls")


def waits(status: str, *events: str, volumes: str = "[]") -> list[tuple[str, str, str]]:
    """Container, name and key of what is waited for."""
    made = "".join(
        f"""
---
kind: Event
metadata: {{name: e{n}}}
involvedObject: {{kind: Pod, name: checkout-1}}
type: Warning
{event}
"""
        for n, event in enumerate(events)
    )
    case = ServiceCase(
        evidence_of(f"""
kind: Service
metadata: {{name: checkout}}
spec: {{selector: {{app: checkout}}, ports: [{{port: 80}}]}}
---
kind: Pod
metadata: {{name: checkout-1, labels: {{app: checkout}}}}
spec: {{containers: [{{name: app}}], volumes: {volumes}}}
status: {{phase: Pending, {status}}}
{made}""").services[0]
    )
    return [(w.container, w.unmet.name, w.unmet.key) for w in waiting(case, case.pods[0])]


MISSING = "{waiting: {reason: x, message: 'secret \"db\" not found'}}"


def mount(words: str, reason: str = "FailedMount") -> str:
    return f"""reason: {reason}
message: 'MountVolume.SetUp failed for volume "v" : {words}'"""


MOUNT = mount('secret "late" not found')
KEY = mount("references non-existent config key: k")
OTHER = mount('secret "late" not found', "FailedScheduling")


@pytest.mark.parametrize(
    ("status", "events", "expected"),
    [
        (f"containerStatuses: [{{name: app, state: {MISSING}}}]", [], [("app", "db", "")]),
        (f"initContainerStatuses: [{{name: init, state: {MISSING}}}]", [], [("init", "db", "")]),
        (
            f"containerStatuses: [{{name: app, state: {MISSING}}}, {{name: b, state: {MISSING}}}]",
            [],
            [("app", "db", "")],
        ),
        (f"containerStatuses: [{{name: app, state: {MISSING}}}]", [MOUNT], [("app", "db", "")]),
        ("containerStatuses: []", [MOUNT], [("", "late", "")]),
        ("containerStatuses: [{name: app, state: {waiting: {}}}]", [MOUNT], [("", "late", "")]),
        ("containerStatuses: [{name: app, state: {running: {}}}]", [MOUNT], []),
        ("containerStatuses: [{name: app, started: true}]", [MOUNT], []),
        ("containerStatuses: []", [OTHER], []),
        ("containerStatuses: []", [KEY], [("", "", "k")]),
    ],
)
def test_what_a_pod_waits_for(
    status: str, events: list[str], expected: list[tuple[str, str, str]]
) -> None:
    assert waits(status, *events) == expected


@pytest.mark.parametrize(
    ("volumes", "name"),
    [
        ("[{name: v, configMap: {name: settings}}]", "settings"),
        ("[{name: v, secret: {secretName: certificate}}]", "certificate"),
        ("[{name: other, configMap: {name: settings}}]", ""),
        ("[{name: v}]", ""),
    ],
)
def test_the_object_behind_a_volume(volumes: str, name: str) -> None:
    assert waits("containerStatuses: []", KEY, volumes=volumes) == [("", name, "k")]
