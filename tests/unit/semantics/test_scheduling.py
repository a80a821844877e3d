import pytest

from kubectl_portcheck.semantics.scheduling import Reason, read


def test_the_reasons_are_counted_by_node_and_preemption_is_left_out() -> None:
    verdict = read(
        "0/5 nodes are available: 1 Insufficient memory, 3 Insufficient cpu, 1 node(s) had "
        "untolerated taint {node-role.kubernetes.io/control-plane: }. no new claims to deallocate, "
        "preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling."
    )
    assert verdict is not None
    assert verdict.nodes == 5
    assert verdict.reasons == (
        Reason(3, "Insufficient cpu"),
        Reason(1, "Insufficient memory"),
        Reason(1, "node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"),
    )


def test_a_reason_may_have_a_comma_of_its_own() -> None:
    verdict = read(
        "0/2 nodes are available: 2 node(s) were full, or so it seemed, 1 Too many pods."
    )
    assert verdict is not None
    assert verdict.reasons[0] == Reason(2, "node(s) were full, or so it seemed")


def test_what_the_pod_itself_lacks_has_no_number_of_nodes() -> None:
    verdict = read('0/1 nodes are available: persistentvolumeclaim "data" not found. not found')
    assert verdict is not None
    assert verdict.reasons[0].nodes == 0


def test_the_questions_that_lead_on() -> None:
    taken = read(
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    )
    waits = read(
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    )
    assert taken is not None
    assert waits is not None
    assert (taken.ports_taken, waits.ports_taken) == (True, False)


def test_another_form_is_not_understood() -> None:
    assert read("running PreBind plugin failed") is None
    assert read("") is None


@pytest.mark.parametrize(
    ("reason", "kept_out"),
    [
        ("1 node(s) were unschedulable", True),
        ("1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }", True),
        ("1 node(s) had untolerated taint {team: data}", False),
        ("1 Insufficient cpu", False),
    ],
)
def test_a_node_is_kept_out_by_its_own_state(reason: str, kept_out: bool) -> None:
    found = read(f"0/1 nodes are available: {reason}.")
    assert found is not None
    assert found.node_kept_out is kept_out
