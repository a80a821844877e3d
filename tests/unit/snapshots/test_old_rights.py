"""Snapshots of earlier versions say only in words which rights were missing."""

from kubectl_portcheck.collect.snapshots.old_rights import with_rights
from kubectl_portcheck.model.base import Missing, Reason, Right
from kubectl_portcheck.model.evidence import Context, Evidence, ServiceEvidence, ServiceForward
from kubectl_portcheck.model.objects import ObjectMeta, Service
from kubectl_portcheck.model.probes import Attempt

SHOP = Service(metadata=ObjectMeta(name="checkout", namespace="shop"))


def gone(detail: str) -> Missing:
    return Missing(reason=Reason.FORBIDDEN, detail=detail)


def test_each_is_found_where_it_stands() -> None:
    tried = Attempt(
        pod="a",
        port=80,
        path="pod-port-forward",
        outcome="skipped",
        detail="create pods/portforward is forbidden",
    )
    old = ServiceEvidence(
        service=SHOP,
        replica_sets=gone("list replicasets.apps is forbidden"),
        nodes=gone("list nodes is forbidden"),
        in_cluster=gone("from pod/client in tools: get pods/exec is forbidden"),
        sockets={"a": gone("get pods/exec is forbidden")},
        attempts=(tried,),
        service_forwards=(ServiceForward(port=80, attempt=tried),),
    )
    evidence = Evidence(
        context=Context(source="snapshot"),
        services=(old,),
        missing=("namespace one, two: list services is forbidden",),
    )
    found = with_rights(evidence)
    new = found.services[0]
    parts = (new.replica_sets, new.nodes, new.in_cluster, new.sockets["a"])
    assert [p.right for p in parts if isinstance(p, Missing)] == [
        Right(verb="list", resource="replicasets", group="apps", namespace="shop"),
        Right(verb="list", resource="nodes"),
        Right(verb="get", resource="pods", subresource="exec", namespace="tools"),
        Right(verb="get", resource="pods", subresource="exec", namespace="shop"),
    ]
    forward = Right(verb="create", resource="pods", subresource="portforward", namespace="shop")
    assert new.attempts[0].right == forward
    assert new.service_forwards[0].attempt
    assert new.service_forwards[0].attempt.right == forward
    assert [r.namespace for r in found.rights] == ["one", "two"]


def test_what_is_known_as_data_stays() -> None:
    right = Right(verb="list", resource="pods", namespace="other")
    part = Missing(reason=Reason.FORBIDDEN, detail="list nodes is forbidden", right=right)
    evidence = Evidence(
        context=Context(source="snapshot"), services=(ServiceEvidence(service=SHOP, pods=part),)
    )
    assert with_rights(evidence) == evidence


def test_a_megabyte_of_one_letter_is_read_in_no_time() -> None:
    """Without bounds in the pattern this would take hours."""
    words = gone(f"{'a' * 1_000_000} is forbidden")
    evidence = Evidence(
        context=Context(source="snapshot"), services=(ServiceEvidence(service=SHOP, pods=words),)
    )
    assert with_rights(evidence).services[0].pods == words
