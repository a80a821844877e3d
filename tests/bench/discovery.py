"""What the stand-in serves besides lists: what other programs ask before they list anything.

Programs in Go discover the kinds that are served, ask what they may do, list each kind, and then
watch it.
"""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]

KINDS: dict[str, dict[str, str]] = {
    "v1": {
        "pods": "Pod",
        "services": "Service",
        "endpoints": "Endpoints",
        "configmaps": "ConfigMap",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "persistentvolumeclaims": "PersistentVolumeClaim",
        "events": "Event",
        "replicationcontrollers": "ReplicationController",
        "namespaces": "Namespace",
        "nodes": "Node",
        "persistentvolumes": "PersistentVolume",
    },
    "apps/v1": {
        "deployments": "Deployment",
        "replicasets": "ReplicaSet",
        "statefulsets": "StatefulSet",
        "daemonsets": "DaemonSet",
    },
    "batch/v1": {"jobs": "Job", "cronjobs": "CronJob"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "discovery.k8s.io/v1": {"endpointslices": "EndpointSlice"},
    "networking.k8s.io/v1": {
        "ingresses": "Ingress",
        "networkpolicies": "NetworkPolicy",
        "ingressclasses": "IngressClass",
    },
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "rbac.authorization.k8s.io/v1": {
        "roles": "Role",
        "rolebindings": "RoleBinding",
        "clusterroles": "ClusterRole",
        "clusterrolebindings": "ClusterRoleBinding",
    },
    "storage.k8s.io/v1": {"storageclasses": "StorageClass"},
    "authorization.k8s.io/v1": {"selfsubjectaccessreviews": "SelfSubjectAccessReview"},
}
"""By group and version: what is served, and as which kind."""
OF_THE_CLUSTER = {
    *("namespaces", "nodes", "persistentvolumes", "ingressclasses", "storageclasses"),
    *("clusterroles", "clusterrolebindings", "selfsubjectaccessreviews"),
}
"""What is in no namespace."""
LISTS = {
    plural: (at, f"{kind}List") for at, kinds in KINDS.items() for plural, kind in kinds.items()
}
"""By the last part of its path: the version and the kind of a list."""


def discovered(path: str) -> Document | None:
    """The answer to a question of discovery; None where it is none."""
    if path == "/version":
        return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [*map(_group, _GROUPS)]}
    at = path.removeprefix("/apis/").removeprefix("/api/")
    if at in KINDS:
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": at,
            "resources": [
                {
                    "name": plural,
                    "singularName": kind.lower(),
                    "kind": kind,
                    "namespaced": plural not in OF_THE_CLUSTER,
                    "verbs": ["create", "get", "list", "watch"],
                }
                for plural, kind in KINDS[at].items()
            ],
        }
    if path.endswith("/selfsubjectaccessreviews"):
        return {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": {},
            "status": {"allowed": True},
        }
    return None


_GROUPS = [at for at in KINDS if "/" in at]


def _group(at: str) -> Document:
    name, version = at.split("/")
    preferred = {"groupVersion": at, "version": version}
    return {"name": name, "versions": [preferred], "preferredVersion": preferred}


def list_head(plural: str, metadata: Document) -> str:
    """The beginning of a list, up to its objects."""
    at, kind = LISTS.get(plural, ("v1", "List"))
    text = json.dumps({"kind": kind, "apiVersion": at, "metadata": metadata}, separators=(",", ":"))
    return f'{text[:-1]},"items":['
