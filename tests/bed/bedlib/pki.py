"""Keys and certificates of a cluster, made with openssl."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .plan import Node, Plan
from .shell import run


@dataclass(frozen=True)
class _Certificate:
    name: str
    common_name: str
    organization: str = ""
    ca: str = "ca"
    hosts: Sequence[str] = ()  # none: a client's certificate

    def subject(self) -> str:
        return (f"/O={self.organization}" if self.organization else "") + f"/CN={self.common_name}"

    def extensions(self) -> str:
        lines = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
        usage = "serverAuth,clientAuth" if self.hosts else "clientAuth"
        lines.append(f"extendedKeyUsage={usage}")
        if self.hosts:
            kinds = (("IP" if h[0].isdigit() or ":" in h else "DNS", h) for h in self.hosts)
            lines.append("subjectAltName=" + ",".join(f"{kind}:{host}" for kind, host in kinds))
        return "\n".join(lines)


def _certificates(plan: Plan) -> list[_Certificate]:
    local = ["localhost", "127.0.0.1"]
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    service += ["kubernetes.default.svc.cluster.local", plan.api_service]
    node = [plan.control_plane.name, *plan.control_plane.addresses, *local]
    return [
        _Certificate("etcd", "etcd", hosts=local),
        _Certificate("apiserver", "kube-apiserver", hosts=[*node, *service]),
        _Certificate("apiserver-etcd", "kube-apiserver"),
        _Certificate("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        _Certificate("front-proxy-client", "front-proxy-client", ca="front-proxy-ca"),
        _Certificate("controller-manager", "system:kube-controller-manager"),
        _Certificate("controller-manager-server", "kube-controller-manager", hosts=local),
        _Certificate("scheduler", "system:kube-scheduler"),
        _Certificate("scheduler-server", "kube-scheduler", hosts=local),
        _Certificate("proxy", "system:kube-proxy"),
        _Certificate("admin", "kubernetes-admin", "system:masters"),
    ]


def _kubelet(node: Node) -> list[_Certificate]:
    hosts = [node.name, *node.addresses, "localhost", "127.0.0.1"]
    user = f"system:node:{node.name}"
    return [
        _Certificate("kubelet", user, hosts=hosts),
        _Certificate("kubelet-client", user, "system:nodes"),
    ]


def make(plan: Plan) -> None:
    """Write all keys and certificates: the cluster's own, and those of each node's kubelet."""
    place = plan.state / "pki"
    place.mkdir(mode=0o700)
    for ca in ("ca", "front-proxy-ca"):
        _authority(place, ca)
    _key(place / "service-accounts.key")
    key, public = place / "service-accounts.key", place / "service-accounts.pub"
    run(["openssl", "pkey", "-in", key, "-pubout", "-out", public])
    for certificate in _certificates(plan):
        _sign(place, place, certificate)
    for node in plan.nodes:
        (node.state / "pki").mkdir(mode=0o700, parents=True, exist_ok=True)
        for certificate in _kubelet(node):
            _sign(place, node.state / "pki", certificate)
        if node.index:
            for name in ("ca.crt", "proxy.crt", "proxy.key", "admin.crt", "admin.key"):
                shutil.copy(place / name, node.state / "pki")


def _key(path: Path) -> None:
    curve = "ec_paramgen_curve:P-256"
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", path])


def _authority(place: Path, name: str) -> None:
    _key(place / f"{name}.key")
    subject = f"/CN={'kubernetes' if name == 'ca' else name}"
    usage = "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"
    command = ["openssl", "req", "-x509", "-new", "-days", "365", "-subj", subject]
    command += ["-key", str(place / f"{name}.key"), "-addext", usage]
    run([*command, "-out", place / f"{name}.crt"])


def _sign(authorities: Path, place: Path, certificate: _Certificate) -> None:
    key = place / f"{certificate.name}.key"
    request = place / f"{certificate.name}.csr"
    extensions = place / f"{certificate.name}.ext"
    _key(key)
    extensions.write_text(certificate.extensions())
    run(["openssl", "req", "-new", "-key", key, "-subj", certificate.subject(), "-out", request])
    ca, ca_key = (authorities / f"{certificate.ca}.{kind}" for kind in ("crt", "key"))
    signed = place / f"{certificate.name}.crt"
    sign = ["openssl", "x509", "-req", "-days", "365", "-CAcreateserial"]
    files: list[str | Path] = [
        "-in",
        request,
        "-CA",
        ca,
        "-CAkey",
        ca_key,
        "-extfile",
        extensions,
        "-out",
        signed,
    ]
    run([*sign, *files])
    request.unlink()
    extensions.unlink()
