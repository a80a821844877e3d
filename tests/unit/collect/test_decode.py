"""Kubernetes JSON into the model."""

import json
import subprocess
import sys
import textwrap

import pytest

from kubectl_portcheck.collect import decode as decoding
from kubectl_portcheck.collect.decode import ListOf, decode, page, trimmed
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


def _named(*names: str) -> str:
    return ",".join(f'{{"metadata":{{"name":"{name}"}}}}' for name in names)


BETWEEN = decoding.BETWEEN.decode()
DEEP = 5000 * "[" + 5000 * "]"
WRITTEN = {
    "as a server writes it": f'{{"metadata":{{"continue":"x"}},"items":[{_named(*"abc")}]}}\n',
    "with a kind": f'{{"kind":"PodList","apiVersion":"v1","items":[{_named(*"abc")}]}}',
    "with spaces": json.dumps(json.loads(f'{{"items":[{_named(*"abc")}]}}'), indent=1),
    "the metadata last": f'{{"items":[{_named(*"abc")}],"metadata":{{"continue":"x"}}}}',
    "another list before it": f'{{"others":[{_named(*"xy")}],"items":[{_named(*"abc")}]}}',
    "another list only": f'{{"items":[],"others":[{_named(*"xy")}]}}',
    "two lists": f'{{"items":[{_named(*"xy")}],"items":[{_named(*"abc")}]}}',
    "a name of a list in a name": f'{{"\\"items":[{_named(*"xy")}],"items":[{_named(*"abc")}]}}',
    "a list in an object": f'{{"items":[{{"spec":{{"x":[{_named(*"xy")}]}},"metadata":{{}}}}]}}',
    "its text in a text": json.dumps(
        {"items": [{"metadata": {"name": n, "labels": {"x": BETWEEN}}} for n in "abc"]},
        separators=(",", ":"),
    ),
    "nulls": f'{{"metadata":null,"items":[{_named("a")},{{"metadata":{{"name":null}}}},null]}}',
    "an object that cannot be read": f'{{"items":[{_named("a")},{{"metadata":{{"name":5}}}},'
    f"{_named('b')}]}}",
    "an object too deep": f'{{"items":[{_named("a")},{{"metadata":{{"x":{DEEP}}}}},'
    f"{_named('b')}]}}",
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_list_is_the_same_in_parts_and_as_a_whole(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = WRITTEN[how].encode()
    monkeypatch.setattr(decoding, "PART", len(raw))
    whole = page(raw, ListOf[Pod])
    monkeypatch.setattr(decoding, "PART", 0)
    assert page(raw, ListOf[Pod]) == whole
    assert whole[0].items or how == "another list only"


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_list_that_is_cut_off_is_not_read_in_parts_either(
    cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PART", 0)
    with pytest.raises(ValueError, match=r"\w+"):
        page(f'{{"items":[{_named(*"abc")}]}}'[:-cut].encode(), ListOf[Pod])


def test_what_is_kept_is_made_of_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def keep(pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
        seen.append("".join(p.metadata.name for p in pods))
        return pods

    monkeypatch.setattr(decoding, "PART", len(_named("a")) + 1)
    found, _ = page(f'{{"items":[{_named(*"abcde")}]}}'.encode(), ListOf[Pod], keep)
    assert (seen, len(found.items)) == (["a", "bc", "de"], 5)


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
