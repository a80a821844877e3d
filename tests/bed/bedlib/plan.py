"""Names and addresses of one cluster. Every cluster has a slot, and its networks follow from it."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from .paths import STATE
from .shell import BedError, run, succeeds

SLOTS = 8

NODES = 5
"""The most that one cluster may have."""

BRIDGE = "nodes"
"""The control plane's device that joins the nodes, where there are several."""

_NAME = re.compile(r"[a-z0-9.-]{1,40}")


@dataclass(frozen=True)
class Features:
    """What a cluster is asked to be."""

    oldest: bool = False  # the oldest Kubernetes, else the newest
    policies: bool = False  # kube-router enforces NetworkPolicies
    nodes: int = 1
    proxy_mode: str = "iptables"
    release: str = ""  # such as 1.34, else the default


@dataclass(frozen=True)
class Plan:
    """Where things are, in the machine and on the network."""

    name: str
    slot: int
    dual: bool  # IPv4 and IPv6, else only IPv4
    features: Features = Features()

    @property
    def state(self) -> Path:
        return STATE / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The control plane, which runs pods too, then the workers."""
        return tuple(Node(self, index) for index in range(self.features.nodes))

    @property
    def control_plane(self) -> Node:
        return self.nodes[0]

    @property
    def context(self) -> str:
        return f"kind-{self.name}"

    @property
    def link(self) -> str:
        """The machine's end of the veth pair; the node's end is eth0."""
        return f"bed{self.slot}"

    @property
    def server(self) -> str:
        return f"https://{self.control_plane.addresses[0]}:6443"

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks of the machine and the nodes."""
        size = 30 if self.features.nodes == 1 else 24
        return self._families(f"198.18.{self.slot}.0/{size}", f"fd00:bed:{self.slot}::/64")

    @property
    def machine_addresses(self) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(n)[1]) for n in self.networks)

    @property
    def pods(self) -> tuple[str, ...]:
        second = 244 + self.slot
        return self._families(f"10.{second}.0.0/16", f"fd00:10:{second}::/56")

    @property
    def services(self) -> tuple[str, ...]:
        second = 96 + self.slot
        return self._families(f"10.{second}.0.0/16", f"fd00:10:{second}::/112")

    @property
    def api_service(self) -> str:
        return str(ipaddress.ip_network(self.services[0])[1])

    @property
    def dns(self) -> str:
        """The address that pods ask for names; nothing answers there on the oldest Kubernetes."""
        return str(ipaddress.ip_network(self.services[0])[10])

    def _families(self, four: str, six: str) -> tuple[str, ...]:
        return (four, six) if self.dual else (four,)

    def save(self) -> None:
        saved = {"name": self.name, "slot": self.slot, "dual": self.dual, **asdict(self.features)}
        (self.state / "plan.json").write_text(json.dumps(saved))


@dataclass(frozen=True)
class Node:
    """One node of a cluster, and what is its own."""

    plan: Plan
    index: int  # 0: the control plane

    @property
    def role(self) -> str:
        """The last part of its name, as kind calls it."""
        return ("control-plane", "worker")[self.index] if self.index < 2 else f"worker{self.index}"

    @property
    def name(self) -> str:
        return f"{self.plan.name}-{self.role}"

    @property
    def state(self) -> Path:
        """Its keys, settings and logs: the control plane's are the cluster's."""
        return self.plan.state / self.role if self.index else self.plan.state

    @property
    def group(self) -> str:
        """Its control group, below that of all clusters."""
        return f"{self.plan.name}/{self.role}" if self.index else self.plan.name

    @property
    def link(self) -> str:
        """The device by which it reaches the machine and the other nodes."""
        return "eth0" if self.index or self.plan.features.nodes == 1 else BRIDGE

    @property
    def server(self) -> str:
        """The API server, as its programs reach it."""
        return self.plan.server if self.index else "https://127.0.0.1:6443"

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(n)[2 + self.index]) for n in self.plan.networks)

    @property
    def pods(self) -> tuple[str, ...]:
        """Its part of the pod networks."""
        sizes = ({4: 24, 6: 64}[ipaddress.ip_network(n).version] for n in self.plan.pods)
        return tuple(
            str([*ipaddress.ip_network(n).subnets(new_prefix=size)][self.index])
            for n, size in zip(self.plan.pods, sizes, strict=True)
        )


def check_name(name: str) -> str:
    """Refuse what could not be a path component or a Kubernetes name."""
    if not _NAME.fullmatch(name) or name.startswith((".", "-")):
        raise BedError(f"'{name}' is not a valid cluster name: use lower case letters, digits, - .")
    return name


def load(name: str) -> Plan | None:
    """Give the plan of a cluster that exists, running or not."""
    try:
        saved = json.loads((STATE / check_name(name) / "plan.json").read_text())
        place = {key: saved.pop(key) for key in ("name", "slot", "dual")}
        return Plan(**place, features=Features(**saved))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def names() -> list[str]:
    """Give the names of all clusters that left something behind, running or not."""
    return sorted(path.name for path in STATE.glob("*") if path.is_dir())


def choose(name: str, features: Features) -> Plan:
    """Plan a new cluster in a slot of which nothing is in use."""
    # Two families at once were an experiment when it was new.
    dual = (
        not features.oldest
        and Path("/proc/net/if_inet6").exists()
        and succeeds(["unshare", "--net", "ip6tables", "-t", "nat", "-S"])
    )
    used = {plan.slot for plan in map(load, names()) if plan}
    routed = _routed()
    for slot in range(SLOTS):
        plan = Plan(check_name(name), slot, dual, features)
        wanted = [ipaddress.ip_network(n) for n in plan.networks + plan.pods + plan.services]
        if slot not in used and not any(
            one.version == other.version and one.overlaps(other)
            for one in wanted
            for other in routed
        ):
            return plan
    raise BedError(
        f"no room for another cluster: each of {SLOTS} sets of networks is in use by a cluster"
        " (bed list) or has a route on this machine already (ip route)"
    )


def _routed() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for family in ("-4", "-6"):
        for route in json.loads(run(["ip", family, "-j", "route"], check=False) or "[]"):
            if route.get("dst", "default") != "default":
                networks.append(ipaddress.ip_network(route["dst"], strict=False))
    return networks
