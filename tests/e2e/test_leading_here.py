"""What leads to a Service, and what should: Ingresses, StatefulSets, Services that do not exist."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .leading import APP, OLD_CLASS, REGEX, REWRITE, SERVICE, ingress, ingress_classes, stateful_set
from .portcheck import Diagnosis, diagnose, paste
from .table import keep
from .workloads import Document, container, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Cluster

DB = container("tcp://0.0.0.0:5432", ports=[5432])
CLIENT = service((5432, 5432), name="db-client", selector={"app": "db"})


def _headless(selected: str) -> Document:
    return service((5432, 5432), name="db", clusterIP="None", selector={"app": selected})


class Found(NamedTuple):
    """Something that is wrong before a Service, and what it is called."""

    title: str
    code: str
    broken: list[Document]
    severity: str = "warning"
    verdict: str = "healthy"
    by_hand: list[Document] = []
    """What a person would apply; empty where the first command of the finding is pasted."""
    target: str = "svc/checkout"


INGRESSES = [
    Found(
        "the class of an Ingress is misspelt",
        "PC716",
        [ingress(class_="ngnix")],
        "error",
        "degraded",
    ),
    Found(
        "the class of an Ingress does not exist",
        "PC716",
        [ingress(class_="internal")],
        "error",
        "degraded",
    ),
    Found(
        "the class of an Ingress is misspelt in the annotation",
        "PC716",
        [ingress(class_="", annotations={OLD_CLASS: "ngnix"})],
    ),
    Found("an Ingress has no class, which ingress-nginx needs", "PC716", [ingress(class_="")]),
    Found(
        "a rewrite refers to a group that the path of the Ingress lacks",
        "PC717",
        [ingress("/checkout", annotations={REWRITE: "/$2"})],
        "error",
        "degraded",
    ),
    Found(
        "a path of type Prefix is a regular expression",
        "PC719",
        [ingress("/checkout/.*", annotations={REGEX: "true"})],
    ),
    Found(
        "a path is a regular expression without the annotation",
        "PC719",
        [ingress("/checkout(/|$)(.*)", "ImplementationSpecific")],
    ),
    Found("a path of type Prefix ends with a wildcard", "PC719", [ingress("/*")]),
    Found(
        "only the front page is led to the Service",
        "PC719",
        [ingress("/", "Exact")],
        "info",
    ),
]


@pytest.fixture(scope="module")
def classes(cluster: Cluster) -> Iterator[None]:
    yield from ingress_classes(cluster)


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("row", INGRESSES, ids=[f"{r.code}-{r.title}" for r in INGRESSES])
def test_an_ingress(cluster: Cluster, namespace: str, row: Found) -> None:
    cluster.apply([APP, SERVICE, *row.broken], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    found_named_fixed(cluster, namespace, row)


@pytest.mark.usefixtures("classes")
def test_an_older_ingress_claims_the_path(cluster: Cluster, namespace: str) -> None:
    old = ingress("/checkout", name="old", backend="monolith")
    cluster.apply([APP, SERVICE, old], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    time.sleep(1.1)  # Which of two is older is known to the second.
    cluster.apply([ingress("/checkout")], namespace)
    moved = ingress("/other", name="old", backend="monolith")
    title = "an older Ingress leads the same host and path to another Service"
    found_named_fixed(cluster, namespace, Found(title, "PC718", [], by_hand=[moved]))


SETS = [
    Found(
        "the Service that a StatefulSet names does not exist",
        "PC310",
        [stateful_set(DB, names="db"), CLIENT],
        "info",
        target="sts/db",
    ),
    Found(
        "the Service that a StatefulSet names selects other pods",
        "PC310",
        [stateful_set(DB, names="db"), CLIENT, _headless("other")],
        target="sts/db",
        by_hand=[_headless("db")],
    ),
    Found(
        "a Service selects a StatefulSet that is scaled to 0",
        "PC301",
        [stateful_set(DB, names="db", replicas=0), _headless("db")],
        "error",
        "broken",
        target="svc/db",
    ),
    Found(
        "a Service and the StatefulSet behind it have labels that differ in a letter",
        "PC301",
        [stateful_set(DB, names="db"), _headless("dbb")],
        "error",
        "broken",
        target="svc/db",
    ),
    Found(
        "the workload behind a Service was deleted",
        "PC301",
        [SERVICE],
        "error",
        "broken",
        by_hand=[APP],
    ),
    Found(
        "no Service leads to a Deployment that declares a port",
        "PC311",
        [APP],
        "info",
        "inconclusive",
        target="deploy/checkout",
    ),
]


@pytest.mark.parametrize("row", SETS, ids=[f"{r.code}-{r.title}" for r in SETS])
def test_a_service_that_is_missing_or_selects_nothing(
    cluster: Cluster, namespace: str, row: Found
) -> None:
    cluster.apply(row.broken, namespace)
    found_named_fixed(cluster, namespace, row)


def pasteable(found: Diagnosis) -> list[str]:
    """The commands of the first finding."""
    return [f["shell"] for x in found.findings[:1] for f in x["fixes"] if f["shell"]]


def found_named_fixed(cluster: Cluster, namespace: str, row: Found) -> None:
    """Fails where the finding is not the first, or where its fix does not end it."""
    found: list[Diagnosis] = []

    def shows(code: str, verdict: str) -> bool:
        found.append(diagnose(cluster, namespace, row.target))
        first = [(f["code"], f["severity"]) for f in found[-1].findings][:1]
        if code and not row.by_hand and not pasteable(found[-1]):
            return False  # Before the pods are there, it is not known whether a fix would help.
        return (found[-1].verdict, first) == (verdict, [(code, row.severity)] if code else [])

    cluster.until(lambda: shows(row.code, row.verdict), f"{row.title}: {row.code}", 90)
    before = found[-1]
    if row.by_hand:
        cluster.apply(row.by_hand, namespace)
    else:
        paste(cluster, pasteable(before)[0])
    cluster.until(lambda: shows("", "healthy"), f"{row.title}: fixed", 90)
    keep(row.title, before, found[-1], by_hand=bool(row.by_hand))
