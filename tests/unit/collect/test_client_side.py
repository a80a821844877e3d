"""What is read of the pod of --from: no more than its policies ask for."""

from typing import Any

import msgspec

from kubectl_portcheck.collect.cluster.client_side import client_side
from kubectl_portcheck.collect.cluster.cluster import Read
from kubectl_portcheck.collect.cluster.from_pod import Seat
from kubectl_portcheck.collect.cluster.work import Questions
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED, Client
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.model.seat import Dns

REFUSED = Missing(reason=Reason.FORBIDDEN, detail="forbidden")
POD = msgspec.convert(
    {"metadata": {"name": "web", "namespace": "front", "labels": {"app": "web"}}}, Pod
)


def policy(name: str, labels: dict[str, str], **spec: Any) -> NetworkPolicy:
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "front"},
            "spec": {"podSelector": {"matchLabels": labels}, **spec},
        },
        NetworkPolicy,
    )


BY_LABEL = {"egress": [{"to": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}]}
BY_NAME = {
    "egress": [
        {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}]}
    ]
}


class Cluster:
    """A namespace with these policies, in which some reads are refused."""

    def __init__(self, *policies: NetworkPolicy, pod: Any = POD, labels: bool = True) -> None:
        self.policies = policies
        self.pod, self.labels = pod, labels
        self.asked: list[str] = []

    def namespace_labels(self, name: str) -> Any:
        self.asked.append(name)
        return Observed(value={"team": name}) if self.labels else REFUSED

    def objects(self, kind: Any, served: Any, **query: str) -> Any:
        self.asked.append(kind.name)
        return Observed(value=self.policies)


def read(cluster: Cluster, space: str = "front", guarding: Any = None) -> Client | None:
    questions = Questions(4)
    asked = None if guarding is None else questions.ask(lambda: guarding)
    try:
        seat = Seat(space, "web", client=cluster.pod)
        dns: Read[Dns] = NOT_ASKED
        chosen = questions.ask(lambda: (seat, dns))
        return client_side(cluster, questions, chosen, "shop", asked)
    finally:
        questions.close()


def test_only_policies_that_select_the_pod_are_kept() -> None:
    cluster = Cluster(policy("own", {"app": "web"}), policy("other", {"app": "x"}))
    found = read(cluster)
    assert found is not None
    assert isinstance(found.policies, Observed)
    assert [p.metadata.name for p in found.policies.value] == ["own"]
    assert cluster.asked == ["NetworkPolicy"], "no policy asks for labels of namespaces"


def test_labels_of_namespaces_are_read_where_a_policy_selects_by_them() -> None:
    cluster = Cluster(policy("own", {}, **BY_LABEL))
    found = read(cluster)
    assert found is not None
    assert found.namespaces == {"front": {"team": "front"}, "shop": {"team": "shop"}}
    assert sorted(cluster.asked) == ["NetworkPolicy", "front", "shop"]

    by_name = Cluster(policy("own", {}, **BY_NAME))
    read(by_name)
    assert by_name.asked == ["NetworkPolicy"], "every namespace has its name as a label"

    of_the_service = Cluster()
    read(of_the_service, guarding=Observed(value=(policy("guard", {}, **BY_LABEL),)))
    assert sorted(of_the_service.asked) == ["NetworkPolicy", "front", "shop"]


def test_labels_that_may_not_be_read_are_absent() -> None:
    found = read(Cluster(policy("own", {}, **BY_LABEL), labels=False))
    assert found is not None
    assert found.namespaces == {}


def test_the_policies_of_the_same_namespace_are_not_read_twice() -> None:
    cluster = Cluster()
    found = read(cluster, "shop", Observed(value=(policy("own", {}),)))
    assert found is not None
    assert isinstance(found.policies, Observed)
    assert [p.metadata.name for p in found.policies.value] == ["own"]
    assert cluster.asked == []


def test_a_pod_that_may_not_be_read() -> None:
    assert read(Cluster(pod=None)) is None
