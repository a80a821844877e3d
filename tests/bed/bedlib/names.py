"""DNS of a cluster: CoreDNS, as kubeadm and kind install it, only for the cluster's own names."""

from __future__ import annotations

from typing import Any

from . import images
from .plan import Plan

SPACE = "kube-system"
NAME = "coredns"
SERVICE = "kube-dns"
LABELS = {"k8s-app": SERVICE}

# No forward: nothing is asked outside the machine, so a foreign name does not exist.
_COREFILE = """\
.:53 {
    errors
    health {
        lameduck 1s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }
    template ANY ANY . {
        rcode NXDOMAIN
    }
    cache 5
}
"""


def documents(plan: Plan) -> dict[str, dict[str, Any]]:
    """Give the objects of the add-on, by the path that each is posted to."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    inside = f"/api/v1/namespaces/{SPACE}"
    return {
        f"{inside}/serviceaccounts": {"metadata": {"name": NAME}},
        f"{rbac}/clusterroles": {"metadata": {"name": "system:coredns"}, "rules": _RULES},
        f"{rbac}/clusterrolebindings": {
            "metadata": {"name": "system:coredns"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:coredns",
            },
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": SPACE}],
        },
        f"{inside}/configmaps": {"metadata": {"name": NAME}, "data": {"Corefile": _COREFILE}},
        f"/apis/apps/v1/namespaces/{SPACE}/deployments": _deployment(plan),
        f"{inside}/services": _service(plan),
    }


_RULES = [
    {
        "apiGroups": [""],
        "resources": ["endpoints", "services", "pods", "namespaces"],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    },
]


def _deployment(plan: Plan) -> dict[str, Any]:
    container = {
        "name": NAME,
        "image": images.DNS,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"containerPort": 53, "name": "dns", "protocol": "UDP"},
            {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "40Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
    }
    return {
        "metadata": {"name": NAME, "labels": LABELS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "serviceAccountName": NAME,
                    "dnsPolicy": "Default",
                    # Names are known whatever happens to a worker.
                    "nodeSelector": {"kubernetes.io/hostname": plan.control_plane.name},
                    "terminationGracePeriodSeconds": 1,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [container],
                    "volumes": [{"name": "config", "configMap": {"name": NAME}}],
                },
            },
        },
    }


def _service(plan: Plan) -> dict[str, Any]:
    return {
        "metadata": {"name": SERVICE, "labels": LABELS},
        "spec": {
            "selector": LABELS,
            "clusterIP": plan.dns,
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
            ],
        },
    }
