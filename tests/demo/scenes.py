"""The incidents of ``--demo`` on a cluster: what is deployed, when it is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from tests.e2e import incidents
from tests.e2e.conftest import Cluster
from tests.e2e.workloads import Document


class Scene(NamedTuple):
    """How one incident comes about."""

    target: str
    namespace: str
    """Its own: several are recorded side by side."""
    verdict: str
    cause: str
    """The code of the cause that leads; '' where there is none."""
    documents: list[Document]
    before: list[Document] = []
    """What is rolled out first, for an incident that is a change."""
    ready: str = ""
    """The workload that is waited for after ``documents``."""
    settled: Callable[[Cluster, str], bool] = lambda cluster, namespace: True
    """Whether what the recording must show is there. Asked again and again."""
    flags: tuple[str, ...] = ()


def _restarts(least: int) -> Callable[[Cluster, str], bool]:
    def settled(cluster: Cluster, namespace: str) -> bool:
        statuses = _statuses(cluster, namespace)
        return len(statuses) == 1 and int(statuses[0]["restartCount"]) >= least

    return settled


def _waiting(reason: str) -> Callable[[Cluster, str], bool]:
    def settled(cluster: Cluster, namespace: str) -> bool:
        statuses = _statuses(cluster, namespace)
        return any(s["state"].get("waiting", {}).get("reason") == reason for s in statuses)

    return settled


def _looping(cluster: Cluster, namespace: str) -> bool:
    return _restarts(2)(cluster, namespace) and _waiting("CrashLoopBackOff")(cluster, namespace)


def _restarted_and_running(cluster: Cluster, namespace: str) -> bool:
    return _restarts(1)(cluster, namespace) and _running(1)(cluster, namespace)


def _running(count: int) -> Callable[[Cluster, str], bool]:
    def settled(cluster: Cluster, namespace: str) -> bool:
        return sum("running" in s["state"] for s in _statuses(cluster, namespace)) == count

    return settled


def _without_pods(name: str) -> Callable[[Cluster, str], bool]:
    def settled(cluster: Cluster, namespace: str) -> bool:
        status = cluster.get(f"deployment/{name}", namespace=namespace).get("status", {})
        kinds = {c["type"] for c in status.get("conditions", ())}
        return "ReplicaFailure" in kinds

    return settled


def _scaled_down(cluster: Cluster, namespace: str) -> bool:
    return not cluster.get("pods", namespace=namespace)["items"]


def _statuses(cluster: Cluster, namespace: str) -> list[Document]:
    pods = cluster.get("pods", namespace=namespace)["items"]
    return [s for p in pods for s in p["status"].get("containerStatuses", ())]


def _role() -> list[Document]:
    """A person on call who may read objects, but not look into pods."""
    group = "rbac.authorization.k8s.io"
    reads = [
        {"apiGroups": [""], "resources": ["services", "pods", "endpoints"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"]},
        {"apiGroups": ["apps"], "resources": ["replicasets", "deployments"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"]},
        {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["*"]},
    ]
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": "on-call"},
            "rules": [{**r, "verbs": ["get", "list"]} for r in reads],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "on-call"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "on-call"},
            "subjects": [{"kind": "User", "name": "on-call", "apiGroup": group}],
        },
    ]


def _policy() -> Document:
    """What admits clients to the port that the program left."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-checkout"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "checkout"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 8080}, {"port": 9100}]}],
        },
    }


SCENES: dict[str, Scene] = {
    "checkout": Scene(
        *("svc/checkout", "production", "broken", "PC401"),
        documents=[*incidents.checkout(), _policy()],
        before=incidents.checkout(8080),
        ready="deployment/checkout",
    ),
    "named-port": Scene(
        *("svc/checkout", "shop", "broken", "PC402"),
        documents=incidents.named_port(),
        ready="deployment/checkout",
    ),
    "selector": Scene(
        *("svc/checkout", "staging", "broken", "PC301"),
        documents=incidents.selector(),
        ready="deployment/checkout",
    ),
    "loopback": Scene(
        *("svc/checkout", "preview", "broken", "PC202"),
        documents=incidents.loopback(),
        ready="deployment/checkout",
    ),
    "nothing-listens": Scene(
        *("svc/checkout", "migration", "broken", "PC201"),
        documents=incidents.nothing_listens(),
        ready="deployment/checkout",
    ),
    "rollout": Scene(
        *("svc/checkout", "release", "degraded", "PC407"),
        documents=incidents.rollout(9000),
        before=incidents.rollout(8080),
    ),
    "crash-loop": Scene(
        *("svc/checkout", "checkout", "broken", "PC102"),
        documents=incidents.crash_loop(broken=True),
        before=incidents.crash_loop(broken=False),
        settled=_looping,
    ),
    "readiness": Scene(
        *("svc/cart", "cart", "broken", "PC411"),
        documents=incidents.readiness(),
        settled=_running(2),
    ),
    "liveness": Scene(
        *("svc/cart", "baskets", "broken", "PC411"),
        documents=incidents.liveness(),
        settled=_restarted_and_running,
    ),
    "headless": Scene(
        *("svc/orders-db", "orders", "broken", "PC406"),
        documents=incidents.headless(),
        ready="deployment/orders-db",
    ),
    "udp": Scene(
        *("svc/statsd", "monitoring", "broken", "PC206"),
        documents=incidents.udp(),
        ready="deployment/statsd",
    ),
    "two-apps": Scene(
        *("svc/web", "web", "degraded", "PC309"),
        documents=incidents.two_apps(),
        ready="deployment/web",
        settled=_running(3),
    ),
    "scaled-to-zero": Scene(
        *("svc/search", "search", "broken", "PC301"),
        documents=incidents.scaled_to_zero(),
        settled=_scaled_down,
    ),
    "image-pull": Scene(
        *("svc/search", "index", "broken", "PC103"),
        documents=incidents.image_pull(),
        settled=_waiting("ImagePullBackOff"),
    ),
    "config-missing": Scene(
        *("svc/orders", "orders-test", "broken", "PC108"),
        documents=incidents.config_missing(),
        settled=_waiting("CreateContainerConfigError"),
    ),
    "slow-start": Scene(
        *("svc/billing", "billing", "broken", "PC114"),
        documents=incidents.slow_start(),
        settled=_restarts(2),
    ),
    "init-waits": Scene(
        *("svc/invoices", "invoices", "broken", "PC110"),
        documents=incidents.init_waits(),
        settled=_waiting("PodInitializing"),
    ),
    "quota": Scene(
        *("svc/mail", "mail", "broken", "PC111"),
        documents=incidents.quota()[2:],
        before=incidents.quota()[:2],
        settled=_without_pods("mail"),
    ),
    "ip-family": Scene(
        *("svc/search", "ipv6", "broken", "PC204"),
        documents=incidents.address_family(),
        ready="deployment/search",
    ),
    "by-hand": Scene(
        *("svc/legacy-db", "legacy", "broken", "PC305"),
        documents=incidents.by_hand(),
    ),
    "external-name": Scene(
        *("svc/payments", "payments", "inconclusive", "PC409"),
        documents=incidents.external_name(),
    ),
    "healthy": Scene(
        *("svc/catalog", "catalog", "healthy", ""),
        documents=incidents.healthy(),
        ready="deployment/catalog",
    ),
    "no-rights": Scene(
        *("svc/checkout", "finance", "inconclusive", ""),
        documents=[*incidents.checkout(), *_role()],
        ready="deployment/checkout",
        flags=("--as=on-call",),
    ),
}
"""By the name under which ``--demo`` shows them."""


def wait(done: Callable[[], bool], what: str, seconds: float) -> None:
    """Asks again and again until something is so. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.3)
