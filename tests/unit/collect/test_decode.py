"""Kubernetes JSON into the model."""

import json
import subprocess
import sys
import textwrap

import pytest

from kubectl_portcheck.collect.decode import ListOf, decode, trimmed
from kubectl_portcheck.model.objects import EndpointSlice, ObjectMeta, Pod


def test_null_is_absent_in_every_field() -> None:
    raw = json.dumps(
        {
            "metadata": {"name": "p", "labels": None, "annotations": None},
            "spec": {"containers": [{"name": "app", "ports": None, "env": None}]},
            "status": None,
        }
    ).encode()
    pod = decode(raw, Pod)
    assert (pod.metadata.labels, pod.spec.containers[0].ports, pod.status.phase) == ({}, (), "")


def test_null_ports_of_a_slice_are_kept_apart_from_none_at_all() -> None:
    assert decode(b'{"metadata": {}, "ports": null}', EndpointSlice).ports is None
    assert decode(b'{"metadata": {}, "ports": []}', EndpointSlice).ports == ()


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"metadata": {"name": 5}}', b"\xff"])
def test_what_is_no_pod_names_what_is_wrong(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        decode(raw, Pod)


def test_annotations_are_cut_down_to_what_a_rule_reads() -> None:
    kept = {"deployment.kubernetes.io/revision": "7"}
    meta = ObjectMeta(name="x", annotations={"secret": "token", **kept})
    assert trimmed(meta).annotations == kept


def test_values_of_environment_variables_and_arguments_are_never_held() -> None:
    canary = "canary-51c0"
    container = {
        "name": "app",
        "args": [canary],
        "command": [canary],
        "env": [{"name": "PASSWORD", "value": canary}],
    }
    found = decode(json.dumps({"metadata": {}, "spec": {"containers": [container]}}).encode(), Pod)
    assert canary not in repr(found)


def test_several_threads_may_begin_at_once() -> None:
    """Each in a process of its own: only the first use of a type is in danger."""
    assert ListOf.__name__ in CROWD
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", CROWD], timeout=60, check=False)
        assert done.returncode == 0


CROWD = textwrap.dedent(
    """
    import sys, threading
    sys.setswitchinterval(1e-6)
    from kubectl_portcheck.collect.decode import ListOf, decode
    from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload

    together = threading.Barrier(8)

    def work(type_):
        together.wait()
        decode(b'{"items": [{"metadata": {"name": "x"}}]}', ListOf[type_])

    kinds = [EndpointSlice, Pod, Service, Workload] * 2
    threads = [threading.Thread(target=work, args=(kind,)) for kind in kinds]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """
)
