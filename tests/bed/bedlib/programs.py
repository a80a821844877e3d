"""The programs of a cluster: their command lines, settings and health checks.

The paths are those inside the node, where RUN is bound to the cluster's state directory
and everything else under /run and /var/lib is the node's own.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import cgroups, images
from .paths import BED
from .plan import Node, Plan

RUN = "/run/bed"
PKI = f"{RUN}/pki"
CONF = f"{RUN}/conf"
BIN = "/run/bed-bin"
POLICIES = "/run/bed-policies"
SOCKET = "/run/containerd/containerd.sock"
CTR = ("ctr", "--address", SOCKET, "--namespace", "k8s.io")


GRACE = 20
"""Seconds until a node that no longer reports is NotReady, where there are several."""

_RUNTIME_FLAGS = ("--container-runtime=remote", f"--container-runtime-endpoint=unix://{SOCKET}")
"""What is a setting in the kubelet's file since 1.27."""


@dataclass(frozen=True)
class Program:
    """One program of the node."""

    name: str
    command: Sequence[str]
    health: str = ""  # a URL that answers 200; empty: a containerd that answers
    needs: Sequence[str] = field(default_factory=tuple)  # what must be healthy before it starts
    repeated: bool = False  # it ends where it started too early, and is then started again


def programs(node: Node) -> list[Program]:
    """Give the node's programs in the order of their start."""
    runtime = Program("containerd", ["containerd", "--config", f"{CONF}/containerd.toml"])
    if node.index:
        return [runtime, *_of_each_node(node, [])]
    return [runtime, *_of_the_cluster(node.plan), *_of_each_node(node, ["kube-apiserver"])]


def _of_the_cluster(plan: Plan) -> list[Program]:
    return [
        Program("etcd", _etcd(), "http://127.0.0.1:2381/health"),
        Program("kube-apiserver", _apiserver(plan), "https://127.0.0.1:6443/readyz", ["etcd"]),
        Program(
            "kube-controller-manager",
            _controller_manager(plan),
            "https://127.0.0.1:10257/healthz",
            ["kube-apiserver"],
        ),
        Program(
            "kube-scheduler",
            _scheduler(plan),
            "https://127.0.0.1:10259/healthz",
            ["kube-apiserver"],
        ),
    ]


def _of_each_node(node: Node, server: list[str]) -> list[Program]:
    """The programs of a worker, and of the control plane behind its ``server``."""
    return [
        Program(
            "kubelet",
            [
                f"{BIN}/kubelet",
                *(_RUNTIME_FLAGS if node.plan.features.oldest else ()),
                f"--config={CONF}/kubelet.yaml",
                f"--kubeconfig={CONF}/kubelet.kubeconfig",
                f"--root-dir={RUN}/kubelet",
                f"--hostname-override={node.name}",
                f"--node-ip={','.join(node.addresses)}",
            ],
            "http://127.0.0.1:10248/healthz",
            [*server, "containerd"],
        ),
        Program(
            "kube-proxy",
            [f"{BIN}/kube-proxy", f"--config={CONF}/kube-proxy.yaml"],
            "http://127.0.0.1:10256/healthz",
            server,
        ),
        *([_policies(node)] if node.plan.features.policies else []),
    ]


def _policies(node: Node) -> Program:
    """Enforces NetworkPolicies, and does nothing else of what kube-router can."""
    plan = node.plan
    command = [
        f"{POLICIES}/kube-router",
        f"--kubeconfig={CONF}/router.kubeconfig",
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        f"--hostname-override={node.name}",
        f"--service-cluster-ip-range={','.join(plan.services)}",
        f"--enable-ipv6={str(plan.dual).lower()}",
        "--health-port=20244",
    ]
    # It ends where the Node is not there yet, which a healthy kubelet may still have to register.
    # Its own word that it is healthy waits for the first heartbeat of its controller.
    health = "http://127.0.0.1:20244/healthz"
    return Program("kube-router", command, health, ["kubelet"], repeated=True)


def _etcd() -> list[str]:
    return [
        "etcd",
        "--name=bed",
        "--data-dir=/run/etcd",
        "--listen-client-urls=https://127.0.0.1:2379",
        "--advertise-client-urls=https://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=bed=http://127.0.0.1:2380",
        "--listen-metrics-urls=http://127.0.0.1:2381",
        f"--cert-file={PKI}/etcd.crt",
        f"--key-file={PKI}/etcd.key",
        f"--trusted-ca-file={PKI}/ca.crt",
        "--client-cert-auth",
    ]


def _apiserver(plan: Plan) -> list[str]:
    return [
        f"{BIN}/kube-apiserver",
        f"--advertise-address={plan.control_plane.addresses[0]}",
        "--secure-port=6443",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={PKI}/ca.crt",
        f"--tls-cert-file={PKI}/apiserver.crt",
        f"--tls-private-key-file={PKI}/apiserver.key",
        "--etcd-servers=https://127.0.0.1:2379",
        f"--etcd-cafile={PKI}/ca.crt",
        f"--etcd-certfile={PKI}/apiserver-etcd.crt",
        f"--etcd-keyfile={PKI}/apiserver-etcd.key",
        f"--kubelet-certificate-authority={PKI}/ca.crt",
        f"--kubelet-client-certificate={PKI}/apiserver-kubelet.crt",
        f"--kubelet-client-key={PKI}/apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--proxy-client-cert-file={PKI}/front-proxy-client.crt",
        f"--proxy-client-key-file={PKI}/front-proxy-client.key",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={PKI}/service-accounts.pub",
        f"--service-account-signing-key-file={PKI}/service-accounts.key",
        f"--service-cluster-ip-range={','.join(plan.services)}",
    ]


def _controller_manager(plan: Plan) -> list[str]:
    kubeconfig = f"{CONF}/controller-manager.kubeconfig"
    command = [
        f"{BIN}/kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--tls-cert-file={PKI}/controller-manager-server.crt",
        f"--tls-private-key-file={PKI}/controller-manager-server.key",
        f"--client-ca-file={PKI}/ca.crt",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={','.join(plan.pods)}",
        f"--service-cluster-ip-range={','.join(plan.services)}",
        f"--root-ca-file={PKI}/ca.crt",
        f"--cluster-signing-cert-file={PKI}/ca.crt",
        f"--cluster-signing-key-file={PKI}/ca.key",
        f"--service-account-private-key-file={PKI}/service-accounts.key",
    ]
    if plan.features.oldest:
        command.append("--port=0")
    if plan.features.nodes > 1:
        command += [f"--node-monitor-grace-period={GRACE}s", "--node-monitor-period=2s"]
    size = "--node-cidr-mask-size-ipv4" if plan.dual else "--node-cidr-mask-size"
    return [*command, f"{size}=24"]


def _scheduler(plan: Plan) -> list[str]:
    kubeconfig = f"{CONF}/scheduler.kubeconfig"
    return [
        f"{BIN}/kube-scheduler",
        *(["--port=0"] if plan.features.oldest else []),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--tls-cert-file={PKI}/scheduler-server.crt",
        f"--tls-private-key-file={PKI}/scheduler-server.key",
        f"--client-ca-file={PKI}/ca.crt",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]


_CONTAINERD = f"""\
version = 2
root = "{RUN}/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  # Without CAP_SYS_RESOURCE the score cannot be lowered, and no sandbox would start.
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  enable_unprivileged_ports = true
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{RUN}/cni"
    conf_dir = "{CONF}/cni"
"""


def _cni(node: Node) -> dict[str, Any]:
    # ptp, not bridge: pods that share a bridge need br_netfilter to reach each other's Services.
    return {
        "cniVersion": "0.4.0",
        "name": "bed",
        "plugins": [
            {
                "type": "ptp-without-dad",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-ipam",
                    "ranges": [[{"subnet": network}] for network in node.pods],
                    "routes": [
                        {"dst": "::/0" if ":" in network else "0.0.0.0/0"} for network in node.pods
                    ],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


_LIMITS = (
    *("memory.available", "nodefs.available", "nodefs.inodesFree"),
    *("imagefs.available", "imagefs.inodesFree"),
)


_SINCE: dict[str, Any] = {
    "containerRuntimeEndpoint": f"unix://{SOCKET}",
    "failCgroupV1": False,
    "podLogsDir": "/var/log/pods",
}
"""Settings that the oldest kubelet does not know, and would refuse."""


def _kubelet(node: Node) -> dict[str, Any]:
    plan = node.plan
    return {
        **({} if plan.features.oldest else _SINCE),
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{PKI}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{PKI}/kubelet.crt",
        "tlsPrivateKeyFile": f"{PKI}/kubelet.key",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups.root(node.group),
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [plan.dns],
        "resolvConf": "",
        "volumePluginDir": f"{RUN}/kubelet-plugins",
        # The images came by hand and cannot be pulled again; the disk is the machine's business.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": dict.fromkeys(_LIMITS, "0%"),
        "serializeImagePulls": False,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        **({"nodeLeaseDurationSeconds": GRACE} if plan.features.nodes > 1 else {}),
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    }


def _kube_proxy(node: Node) -> dict[str, Any]:
    plan = node.plan
    nothing = {
        "maxPerCore": 0,
        "min": 0,
        "tcpEstablishedTimeout": "0s",
        "tcpCloseWaitTimeout": "0s",
    }
    udp = {"udpTimeout": "0s", "udpStreamTimeout": "0s"}
    return {
        "kind": "KubeProxyConfiguration",
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "mode": plan.features.proxy_mode,
        "clientConnection": {"kubeconfig": f"{CONF}/kube-proxy.kubeconfig"},
        "clusterCIDR": ",".join(plan.pods),
        "hostnameOverride": node.name,
        # These would be settings of the whole machine.
        "conntrack": {**nothing, **({} if plan.features.oldest else udp)},
        "iptables": {"minSyncPeriod": "0s"},
    }


def kubeconfig(node: Node, certificate: str, server: str = "") -> str:
    """Give a kubeconfig with everything in it, as JSON, which is YAML too."""

    def data(name: str) -> str:
        return base64.b64encode((node.state / "pki" / name).read_bytes()).decode()

    name = node.plan.context
    cluster = {"server": server or node.server, "certificate-authority-data": data("ca.crt")}
    user = {
        "client-certificate-data": data(f"{certificate}.crt"),
        "client-key-data": data(f"{certificate}.key"),
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
            "preferences": {},
        },
        indent=1,
    )


def write(node: Node) -> None:
    """Write all settings of a node into its state directory."""
    conf = node.state / "conf"
    (conf / "cni").mkdir(parents=True)
    plugins = node.state / "cni"
    plugins.mkdir()
    for plugin in Path("/usr/lib/cni").iterdir():
        (plugins / plugin.name).symlink_to(plugin)
    shutil.copy(BED / "ptp-without-dad", plugins)
    files = {
        "containerd.toml": _CONTAINERD,
        "cni/bed.conflist": json.dumps(_cni(node), indent=1),
        "kubelet.yaml": json.dumps(_kubelet(node), indent=1),
        "kube-proxy.yaml": json.dumps(_kube_proxy(node), indent=1),
        "kubelet.kubeconfig": kubeconfig(node, "kubelet-client"),
        "kube-proxy.kubeconfig": kubeconfig(node, "proxy"),
        "router.kubeconfig": kubeconfig(node, "admin"),
    }
    if not node.index:
        for name in ("controller-manager", "scheduler"):
            files[f"{name}.kubeconfig"] = kubeconfig(node, name)
    for name, content in files.items():
        secret(conf / name, content)


def secret(path: Path, content: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(content)
