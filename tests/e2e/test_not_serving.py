"""Why a pod does not serve: what a person would look at next, named, fixed, healthy again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .fixing import Incident, broken_named_fixed
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

HTTP = "http://0.0.0.0:8080"
RECREATE = {"type": "Recreate"}
SERVICE = service((80, 8080))
NOT_ROOT = {"runAsNonRoot": True}


def _app(*more: Document, **changes: Any) -> list[Document]:
    return [deployment(container(HTTP), strategy=RECREATE, **changes), SERVICE, *more]


def _settings(name: str, **data: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }


def _secret(name: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"password": "never-shown"},
    }


def _reads(**source: Any) -> list[Document]:
    variable = [{"name": "MODE", "valueFrom": source}]
    return [deployment(container(HTTP, env=variable), strategy=RECREATE), SERVICE]


def _mounts(**source: Any) -> list[Document]:
    # The kubelet mounts only what a container names.
    mounted = container(HTTP, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    volumes = {"volumes": [{"name": "data", **source}]}
    return [deployment(mounted, strategy=RECREATE, pod=volumes), SERVICE]


def _waits(host: str) -> list[Document]:
    words = f"until nc -w 1 {host} 5432 </dev/null; do sleep 0.2; done"
    init = container(name="wait-for-database", image="busybox")
    return _app(pod={"initContainers": [{**init, "command": ["sh", "-c", words]}]})


def _database(name: str = "postgres") -> list[Document]:
    return [
        deployment(container("tcp://0.0.0.0:5432"), name=name),
        service((5432, 5432), name=name),
    ]


def _quota(**hard: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team"},
        "spec": {"hard": hard},
    }


def _as(kind: str, made: Document, **spec: Any) -> Document:
    """The Deployment as a workload of another kind."""
    plain = {k: v for k, v in made["spec"].items() if k not in ("strategy", "replicas")}
    return {**made, "kind": kind, "spec": {**plain, **spec}}


def _stateful(memory: str = "", replicas: int = 2) -> Document:
    limits = {"limits": {"memory": memory}} if memory else None
    made = deployment(container(HTTP, ports=[8080], resources=limits))
    return _as("StatefulSet", made, serviceName="checkout", replicas=replicas)


def _claim(storage_class: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }


LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
}


def _sized(memory: str) -> list[Document]:
    resources = {"requests": {"memory": memory}, "limits": {"memory": memory}}
    return [deployment(container(HTTP, resources=resources)), SERVICE]


def _slow(seconds: int) -> list[Document]:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 3}
    app = container(f"{HTTP}?after={seconds}s", ports=[8080], livenessProbe=probe)
    return [deployment(app, strategy=RECREATE), SERVICE]


def _answers(status: int) -> list[Document]:
    probe = {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1, "failureThreshold": 2}
    app = container(f"{HTTP}?status={status}", ports=[8080], livenessProbe=probe)
    return [deployment(app, strategy=RECREATE), SERVICE]


def _on_host() -> Document:
    ports = [{"containerPort": 8080, "hostPort": 18080}]
    return {**container(HTTP), "ports": ports}


ROWS = [
    Incident(
        "a ConfigMap that an environment variable needs does not exist",
        "PC108",
        [*_reads(configMapKeyRef={"name": "app-config", "key": "mode"}), _settings("app-conf")],
        by_hand=[_settings("app-config", mode="fast")],
    ),
    Incident(
        "a ConfigMap lacks the key that the pod template names",
        "PC108",
        [
            *_reads(configMapKeyRef={"name": "app-config", "key": "mod"}),
            _settings("app-config", mode="fast"),
        ],
        by_hand=[_settings("app-config", mode="fast", mod="fast")],
    ),
    Incident(
        "a Secret that an environment variable needs does not exist",
        "PC108",
        _reads(secretKeyRef={"name": "database", "key": "password"}),
        by_hand=[_secret("database")],
    ),
    Incident(
        "a ConfigMap that is mounted does not exist",
        "PC108",
        _mounts(configMap={"name": "app-config"}),
        by_hand=_mounts(emptyDir={}),
    ),
    Incident(
        "a Secret that is mounted does not exist",
        "PC108",
        _mounts(secret={"secretName": "certificate"}),
        by_hand=_mounts(emptyDir={}),
    ),
    Incident(
        "the container must not run as root, and its image does",
        "PC109",
        [deployment(container(HTTP, securityContext=NOT_ROOT), strategy=RECREATE), SERVICE],
        by_hand=[
            deployment(
                container(HTTP, securityContext={**NOT_ROOT, "runAsUser": 1000}), strategy=RECREATE
            )
        ],
    ),
    Incident(
        "an init container ends with an error",
        "PC110",
        _app(pod={"initContainers": [container("exit://?code=3", name="migrate")]}),
        by_hand=_app(pod={"initContainers": [container("exit://?code=0", name="migrate")]}),
    ),
    Incident(
        "an init container waits for a Service that does not exist",
        "PC110",
        _waits("postgres"),
        by_hand=_database(),
    ),
    Incident(
        "an init container waits for a Service that has no ready pod",
        "PC110",
        [
            *_waits("postgres"),
            deployment(container("tcp://0.0.0.0:5432"), name="postgres", replicas=0),
            service((5432, 5432), name="postgres"),
        ],
        by_hand=_database(),
    ),
    Incident(
        "a ResourceQuota is used up",
        "PC111",
        [_quota(pods="0"), *_app()],
        by_hand=[_quota(pods="5"), *_app(replicas=2)],
    ),
    Incident(
        "a ResourceQuota asks for requests that the pod template lacks",
        "PC111",
        [_quota(**{"requests.cpu": "1"}), *_app()],
        by_hand=[
            deployment(container(HTTP, resources={"requests": {"cpu": "10m"}}), strategy=RECREATE)
        ],
    ),
    Incident(
        "a LimitRange refuses the memory that the pod template asks for",
        "PC111",
        [LIMITS, *_sized("128Mi")],
        by_hand=_sized("32Mi"),
    ),
    Incident(
        "the ServiceAccount of the pod template does not exist",
        "PC111",
        _app(pod={"serviceAccountName": "checkout"}),
    ),
    Incident(
        "a ResourceQuota refuses every pod of a StatefulSet",
        "PC111",
        [_quota(pods="0"), _stateful(), SERVICE],
        by_hand=[_quota(pods="5")],
    ),
    Incident(
        "a LimitRange refuses the pods of a StatefulSet",
        "PC111",
        [LIMITS, _stateful("128Mi"), SERVICE],
        by_hand=[_stateful("32Mi")],
    ),
    Incident(
        "the ServiceAccount of a DaemonSet does not exist",
        "PC111",
        [
            _as("DaemonSet", deployment(container(HTTP), pod={"serviceAccountName": "checkout"})),
            SERVICE,
        ],
    ),
    Incident(
        "the ServiceAccount of a ReplicaSet without a Deployment does not exist",
        "PC111",
        [
            _as(
                "ReplicaSet",
                deployment(container(HTTP), pod={"serviceAccountName": "checkout"}),
                replicas=1,
            )
            | {"metadata": {"name": "checkout", "labels": {"app": "checkout"}}},
            SERVICE,
        ],
    ),
    Incident(
        "a PersistentVolumeClaim that is mounted does not exist",
        "PC112",
        _mounts(persistentVolumeClaim={"claimName": "data"}),
        by_hand=_mounts(emptyDir={}),
    ),
    Incident(
        "a PersistentVolumeClaim asks for a StorageClass that does not exist",
        "PC112",
        [*_mounts(persistentVolumeClaim={"claimName": "data"}), _claim("fast-ssd")],
        by_hand=_mounts(emptyDir={}),
    ),
    Incident(
        "another pod has the hostPort that the pod asks for",
        "PC101",
        [deployment(_on_host(), name="proxy"), deployment(_on_host(), strategy=RECREATE), SERVICE],
    ),
    Incident(
        "no node has the label that the pod template asks for",
        "PC101",
        _app(pod={"nodeSelector": {"disk": "ssd"}}),
        by_hand=_app(pod={"nodeSelector": None}),
    ),
    Incident(
        "no node has as much CPU as the pod template asks for",
        "PC101",
        [
            deployment(container(HTTP, resources={"requests": {"cpu": "900"}}), strategy=RECREATE),
            SERVICE,
        ],
        by_hand=[
            deployment(container(HTTP, resources={"requests": {"cpu": "10m"}}), strategy=RECREATE)
        ],
    ),
    Incident(
        "two containers of a pod want one port",
        "PC102",
        [
            deployment(
                container(HTTP, ports=[8080]),
                container(HTTP, name="metrics", ports=[8080]),
                strategy=RECREATE,
            ),
            SERVICE,
        ],
        by_hand=[
            deployment(
                container(HTTP, ports=[8080]),
                container("http://0.0.0.0:9100", name="metrics", ports=[9100]),
                strategy=RECREATE,
            )
        ],
    ),
    Incident(
        "the command of the container does not exist",
        "PC102",
        [
            deployment(
                {**container(HTTP), "command": ["sh", "-c", "gunicorn shop"]}, strategy=RECREATE
            ),
            SERVICE,
        ],
        by_hand=_app(),
    ),
    Incident(
        "the container uses more memory than its limit",
        "PC102",
        [
            deployment(
                {
                    **container(HTTP, resources={"limits": {"memory": "24Mi"}}),
                    "command": ["python3", "-c", "b = bytearray(200 << 20)"],
                },
                strategy=RECREATE,
            ),
            SERVICE,
        ],
        by_hand=[deployment(container(HTTP, resources=None), strategy=RECREATE)],
    ),
    Incident(
        "a liveness probe is answered with 500, and kills the container again and again",
        "PC114",
        _answers(500),
        by_hand=_answers(200),
    ),
    Incident(
        "a liveness probe kills the container before it has started",
        "PC114",
        _slow(8),
    ),
]


@pytest.mark.parametrize("incident", ROWS, ids=[f"{i.cause}-{i.title}" for i in ROWS])
def test_broken_named_fixed(cluster: Cluster, namespace: str, incident: Incident) -> None:
    broken_named_fixed(cluster, namespace, incident)
