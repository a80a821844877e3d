"""A workload's pod template as the pod that it would make, without a failure.

The pod runs, is Ready and has an address of either family: what only a live pod can tell is for
rules that do not run on files. Its name is what kubectl takes for 'a pod of this workload'.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from kubectl_portcheck.collect.decode import trimmed
from kubectl_portcheck.collect.manifests.objects import Object, typed
from kubectl_portcheck.model.objects import (
    Condition,
    ContainerState,
    ContainerStatus,
    ObjectMeta,
    OwnerReference,
    Pod,
    PodIP,
    PodSpec,
    PodStatus,
    StateRunning,
)
from kubectl_portcheck.semantics import injection
from kubectl_portcheck.semantics.annotations import (
    AMBIENT,
    ISTIO_DATAPLANE,
    ISTIO_STATUS,
    OF_LINKERD,
)

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "DeploymentConfig": ("spec", "template"),
    "Rollout": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""Where the pod template is in each kind of workload."""
ADDRESSES = (PodIP(ip="192.0.2.1"), PodIP(ip="2001:db8::1"))
"""From the ranges for documentation: no pod has them."""
_POD_NAME = "statefulset.kubernetes.io/pod-name"
_GENERATED = ("apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "job-name")


class Template(msgspec.Struct, frozen=True):
    """The pod of a workload, with the template that it is from."""

    pod: Pod
    workload: Object
    data: dict[str, Any]
    """The template as it is written: it may speak of ports elsewhere than under ``ports``."""

    def has_labels(self, selector: Mapping[str, str]) -> bool:
        """Whether its pods have these labels, with those that controllers add."""
        labels = self.pod.metadata.labels
        return bool(selector) and all(
            labels.get(key) == value or self._is_given(key, value)
            for key, value in selector.items()
        )

    def _is_given(self, key: str, value: str) -> bool:
        kind, name = self.workload.kind, self.workload.name
        if kind == "StatefulSet":
            return (
                key == _POD_NAME and re.fullmatch(rf"{re.escape(name)}-\d+", value) is not None
            ) or (key == _GENERATED[0] and value.isdecimal())
        return kind == "Job" and key in _GENERATED[1:] and value == name


def template_of(item: Object) -> Template | None:
    """The pod that the object makes; None where it makes none. Raises Unfit."""
    steps = TEMPLATES.get(item.kind)
    if steps is None:
        return None
    data: Any = item.data
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        return None
    metadata = trimmed(typed(item, data.get("metadata", {}), ObjectMeta, (*steps, "metadata")))
    spec = typed(item, data.get("spec", {}), PodSpec, (*steps, "spec"))
    if not spec.containers:
        return None
    return Template(_pod(item, metadata, spec), item, data)


def with_sidecars(
    template: Template, pod: Mapping[str, str], namespace: Mapping[str, str]
) -> Template:
    """The same with what the injectors of meshes add to the annotations of its pods.

    ``pod`` and ``namespace`` hold labels and annotations as they are written.
    """
    given = {key: namespace[key] for key in OF_LINKERD if key in namespace}
    if injection.asks("istio", pod, namespace):
        given[ISTIO_STATUS] = ""
    elif pod.get(ISTIO_DATAPLANE, namespace.get(ISTIO_DATAPLANE)) == "ambient":
        given[AMBIENT] = "enabled"
    if not given:
        return template
    metadata = template.pod.metadata
    metadata = msgspec.structs.replace(metadata, annotations=given | metadata.annotations)
    asking = msgspec.structs.replace(template.pod, metadata=metadata)
    return msgspec.structs.replace(template, pod=asking)


def _pod(item: Object, metadata: ObjectMeta, spec: PodSpec) -> Pod:
    bare = item.kind == "Pod"
    owner = OwnerReference(kind=item.kind, name=item.name, controller=True)
    return Pod(
        metadata=msgspec.structs.replace(
            metadata,
            name=item.name if bare else f"{item.kind.lower()}/{item.name}",
            namespace=item.namespace,
            owner_references=() if bare else (owner,),
        ),
        spec=spec,
        status=PodStatus(
            phase="Running",
            pod_ip=ADDRESSES[0].ip,
            pod_ips=ADDRESSES,
            conditions=(Condition(type="Ready", status="True"),),
            container_statuses=tuple(_running(c.name) for c in spec.containers),
            init_container_statuses=tuple(
                _running(c.name) for c in spec.init_containers if c.restart_policy == "Always"
            ),
        ),
    )


def _running(name: str) -> ContainerStatus:
    return ContainerStatus(
        name=name, ready=True, started=True, state=ContainerState(running=StateRunning())
    )


def not_owned(objects: Iterable[Object]) -> list[Object]:
    """The workloads that no other one among the objects owns.

    In what kubectl printed, a Deployment comes with its ReplicaSets and pods.
    """
    workloads = [o for o in objects if o.kind in TEMPLATES]
    known = {(o.kind, o.namespace, o.name) for o in workloads}
    return [o for o in workloads if not any(o in known for o in _owners(o))]


def _owners(item: Object) -> list[tuple[str, str, str]]:
    metadata = item.data.get("metadata")
    owners = metadata.get("ownerReferences") if isinstance(metadata, dict) else None
    return [
        (str(o.get("kind")), item.namespace, str(o.get("name")))
        for o in (owners if isinstance(owners, list) else [])
        if isinstance(o, dict)
    ]
