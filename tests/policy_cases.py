"""Compare what this program says of NetworkPolicies with what a real engine lets through.

    python -m tests.policy_cases [--sets 40] [--seed 1] [--kubeconfig FILE]

Policies are made at random from all that the API has: both directions, pod and namespace
selectors with expressions, ranges of both families with exceptions, port numbers, names and ranges,
left-out types, empty and missing peers and ports. Each set of them is applied to a few fixed pods;
then every pod dials every other one, on each port and over each family, and each result is compared
with ``semantics.admission.admits``. A case is a policy set, a client, a pod, a
port and a family. It ends with 1 where one of them differs.

The engine is kube-router 2.1.0 of the test bed. Left out is what it does against the API: where no
selected pod has the name of a rule's only port, it opens every port; and where one policy of both
directions selects both ends, what it lets in counts as let out too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.admission import admits, isolating, types_of
from kubectl_portcheck.semantics.listening import family_of
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.sides import Policies

ROOT = Path(__file__).resolve().parents[1]
BED = ROOT / "tests" / "bed" / "bed"
NAME = "cases"

SPACES: dict[str, dict[str, str]] = {
    "cases-shop": {"team": "shop", "stage": "live"},
    "cases-front": {"team": "front", "stage": "live"},
    "cases-lab": {"team": "lab"},
}
PODS: tuple[tuple[str, str, dict[str, str], dict[str, int]], ...] = (
    ("cases-shop", "checkout", {"app": "checkout", "tier": "back"}, {"http": 8080}),
    ("cases-shop", "stock", {"app": "stock", "tier": "back"}, {"http": 9000, "admin": 8080}),
    ("cases-shop", "till", {"app": "till", "tier": "edge"}, {}),
    ("cases-front", "web", {"app": "web", "tier": "edge"}, {"http": 8080, "admin": 9100}),
    ("cases-front", "api", {"app": "api", "tier": "back"}, {"http": 9100}),
    ("cases-lab", "probe", {"app": "probe"}, {"admin": 9000}),
)
"""Namespace, name, labels and named ports; each of them listens on all of PORTS."""
PORTS = (8080, 9000, 9100)
WATCH = "cases-watch"
"""The namespace of two pods that no made policy selects: they tell when the engine has followed."""
SENTINEL, WATCHER = (WATCH, "sentinel"), (WATCH, "watcher")
FLIPS = (7001, 7002)
"""The sentinel's ports: one of them is open, and the other one after the next set."""

Document = dict[str, Any]


class Case(NamedTuple):
    """One connection under one set of policies."""

    number: int
    client: str
    server: str
    address: str
    port: int


class Cluster:
    """The cluster with the fixed pods."""

    def __init__(self, kubeconfig: str) -> None:
        printed = subprocess.run([BED, "kubectl"], capture_output=True, text=True, check=True)
        self._kubectl = (printed.stdout.strip(), f"--kubeconfig={kubeconfig}")
        self.pods: dict[str, Pod] = {}

    def kubectl(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            [*self._kubectl, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, documents: Sequence[Document]) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        self.kubectl("apply", "-f", "-", stdin=text)

    def prepare(self) -> None:
        """Make the namespaces and the pods, and wait until each of them answers every other."""
        self.apply(
            [
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": v}}
                for n, v in {**SPACES, WATCH: {}}.items()
            ]
        )
        self._await(self._has_accounts, "the ServiceAccounts")
        watching: list[Any] = [(*place, {"app": place[1]}, {}) for place in (SENTINEL, WATCHER)]
        self.apply([_pod(*pod) for pod in (*PODS, *watching)])
        for space in (*SPACES, WATCH):
            self.kubectl(
                "wait", "-n", space, "--for=condition=Ready", "pod", "--all", "--timeout=120s"
            )
        for space in (*SPACES, WATCH):
            listed = self.kubectl("get", "pods", "-n", space, "-o", "json")
            for pod in msgspec.json.decode(listed)["items"]:
                self.pods[pod["metadata"]["name"]] = msgspec.convert(pod, Pod)

    def _has_accounts(self) -> bool:
        found = self.kubectl("get", "serviceaccounts", "-A", "-o", "name", "--field-selector",
                             "metadata.name=default", "--no-headers")  # fmt: skip
        return len(found.splitlines()) > len(SPACES)

    @staticmethod
    def _await(done: Any, what: str) -> None:
        deadline = time.monotonic() + 120
        while not done():
            if time.monotonic() > deadline:
                raise SystemExit(f"waited 120 s for {what}")
            time.sleep(0.2)

    def addresses(self, name: str) -> list[str]:
        return [a.ip for a in self.pods[name].status.pod_ips]

    def enforce(self, policies: Sequence[Document], number: int) -> None:
        """Put these policies in the place of all others, and wait until the engine has them.

        The engine takes all policies at a time, in the order of the API's events. The policy of the
        sentinel is written last, so what it says now is said by the others too.
        """
        for space in SPACES:
            self.kubectl("delete", "netpol", "-n", space, "--all", "--wait=true")
        if policies:
            self.apply(policies)
        opened, closed = FLIPS[number % 2], FLIPS[1 - number % 2]
        self.apply([_sentinel(opened)])

        def followed() -> bool:
            answers = self.dial(
                WATCHER[1], [(a, p) for a in self.addresses("sentinel") for p in (opened, closed)]
            )
            return all(answers[a, opened] and not answers[a, closed] for a, _ in answers)

        self._await(followed, "the engine")

    def dial(self, client: str, dials: Sequence[tuple[str, int]]) -> dict[tuple[str, int], bool]:
        """Which of these connections the client gets."""
        script = 'for t do echo "$t $(/listen probe $t 3s)"; done'
        targets = [f"[{a}]:{p}" if ":" in a else f"{a}:{p}" for a, p in dials]
        space = self.pods[client].metadata.namespace
        words = ("exec", "-n", space, client, "--", "sh", "-c", script, "sh", *targets)
        lines = [line.split() for line in self.kubectl(*words).splitlines()]
        answers = {words[0]: words[1] for words in lines}
        return {d: answers[t] == "accepted" for d, t in zip(dials, targets, strict=True)}


def _pod(space: str, name: str, labels: dict[str, str], named: dict[str, int]) -> Document:
    numbers = FLIPS if name == SENTINEL[1] else PORTS
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "app",
                    "image": "portcheck.test/busybox:1",
                    "imagePullPolicy": "Never",
                    "command": ["/listen", *(f"tcp://[::]:{n}" for n in numbers)],
                    "ports": [{"name": k, "containerPort": v} for k, v in named.items()],
                }
            ],
        },
    }


def _policy(space: str, name: str, spec: Document, **labels: str) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": space, "labels": labels},
        "spec": spec,
    }


def _sentinel(opened: int) -> Document:
    spec = {
        "podSelector": {"matchLabels": {"app": "sentinel"}},
        "ingress": [{"ports": [{"port": opened}]}],
    }
    return _policy(SENTINEL[0], "sentinel", spec, sentinel="yes")


class Maker:
    """Makes policies at random."""

    def __init__(self, seed: int, cluster: Cluster) -> None:
        self.random = random.Random(seed)
        self.cluster = cluster

    def policies(self, number: int) -> list[Document]:
        """A set: one to five policies in any of the namespaces."""
        return [
            self._policy(f"made-{number}-{i}") for i in range(self.random.choice((1, 2, 3, 3, 5)))
        ]

    def _policy(self, name: str) -> Document:
        while True:
            space = self.random.choice(list(SPACES))
            made = _policy(space, name, self._spec())
            if not opens_everything(typed(made), [self.cluster.pods[n] for _, n, _, _ in PODS]):
                return made

    def _spec(self) -> Document:
        pick = self.random.choice
        types = pick((["Ingress"], ["Ingress"], ["Egress"], ["Ingress", "Egress"], None))
        spec: Document = {"podSelector": self._pods()}
        if types is not None:
            spec["policyTypes"] = types
        if types is None or "Ingress" in types:
            spec["ingress"] = [self._rule("from") for _ in range(pick((0, 1, 1, 2)))]
        if pick((True, False)) if types is None else "Egress" in types:
            spec["egress"] = [self._rule("to") for _ in range(pick((0, 1, 1, 2)))]
        return spec

    def _rule(self, side: str) -> Document:
        rule: Document = {}
        if self.random.random() < 0.8:
            rule[side] = [self._peer() for _ in range(self.random.choice((1, 1, 2)))]
        if self.random.random() < 0.7:
            rule["ports"] = [self._port() for _ in range(self.random.choice((1, 1, 2)))]
        return rule

    def _peer(self) -> Document:
        kind = self.random.choice(("pods", "spaces", "both", "block", "block"))
        if kind == "pods":
            return {"podSelector": self._pods()}
        if kind == "spaces":
            return {"namespaceSelector": self._spaces()}
        if kind == "both":
            return {"namespaceSelector": self._spaces(), "podSelector": self._pods()}
        return {"ipBlock": self._block()}

    def _block(self) -> Document:
        address = self.random.choice(self.cluster.addresses(self.random.choice(PODS)[1]))
        wide, one = ("::/0", 128) if ":" in address else ("0.0.0.0/0", 32)
        if self.random.random() < 0.4:
            return {"cidr": f"{address}/{one}"}
        if self.random.random() < 0.7:
            return {"cidr": wide, "except": [f"{address}/{one}"]}
        return {"cidr": wide}

    def _port(self) -> Document:
        kind = self.random.choice(("number", "number", "range", "name", "protocol"))
        if kind == "number":
            return {"port": self.random.choice(PORTS), "protocol": "TCP"}
        if kind == "range":
            return {"port": self.random.choice((8000, 8080, 8081)), "endPort": 9050}
        if kind == "name":
            return {"port": self.random.choice(("http", "admin"))}
        return {"protocol": self.random.choice(("TCP", "UDP"))}

    def _pods(self) -> Document:
        return self.random.choice(
            (
                {},
                {"matchLabels": {"tier": "back"}},
                {"matchLabels": {"app": self.random.choice(PODS)[1]}},
                {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
                {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
                {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["edge"]}]},
                {
                    "matchLabels": {"tier": "edge"},
                    "matchExpressions": [
                        {"key": "app", "operator": "In", "values": ["web", "till", "stock"]}
                    ],
                },
            )
        )

    def _spaces(self) -> Document:
        space = self.random.choice(list(SPACES))
        return self.random.choice(
            (
                {},
                {"matchLabels": {"kubernetes.io/metadata.name": space}},
                {"matchLabels": {"stage": "live"}},
                {"matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]},
                {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["lab"]}]},
            )
        )


def typed(document: Document) -> NetworkPolicy:
    """The policy as the program has it."""
    return msgspec.convert(document, NetworkPolicy)


def opens_everything(policy: NetworkPolicy, pods: Sequence[Pod] | Any) -> bool:
    """Whether the engine opens every port, against the API: only names, which no pod has."""
    everyone = list(pods)
    for direction in types_of(policy):
        inward = direction == "Ingress"
        rules = policy.spec.ingress if inward else policy.spec.egress
        for rule in rules:
            if not rule.ports or not all(isinstance(e.port, str) for e in rule.ports):
                continue
            peers = rule.from_ if hasattr(rule, "from_") else rule.to
            meant = (
                [p for p in everyone if policy in isolating([policy], p)]
                if inward
                else [p for p in everyone if _selected(policy, peers, p)]
            )
            names = {(d.name, d.protocol) for p in meant for _, d in ports.declared_ports(p)}
            if not any((e.port, e.protocol) in names for e in rule.ports):
                return True
    return False


def mixes_directions(policies: Sequence[NetworkPolicy], client: Peer, server: Peer) -> bool:
    """Whether one policy of both directions selects both ends, against which the engine errs."""
    ends = [p.pod for p in (client, server) if p.pod is not None]
    return any(len(types_of(p)) > 1 and all(isolating([p], end) for end in ends) for p in policies)


def _selected(policy: NetworkPolicy, peers: Any, pod: Pod) -> bool:
    """Whether a rule of the policy selects the pod; without peers all of its namespace."""
    rule = msgspec.structs.replace(
        policy,
        spec=msgspec.convert(
            {"podSelector": {}, "ingress": [{"from": msgspec.to_builtins(peers)}]},
            type(policy.spec),
        ),
    )
    if not peers:
        return pod.metadata.namespace == policy.metadata.namespace
    home = msgspec.convert(
        {"metadata": {"name": "home", "namespace": policy.metadata.namespace}}, Pod
    )
    client = Peer(pod, SPACES[pod.metadata.namespace])
    return admits(client, Peer(home, {}), 1, "TCP", Policies([rule])).ingress.allowed is True


def compared(
    cluster: Cluster, policies: Sequence[Document], number: int
) -> Iterator[tuple[Case, bool | None, bool]]:
    """Each case of a set, with what is said of it and what the engine let through."""
    known = Policies([typed(p) for p in policies])
    peers = {n: Peer(cluster.pods[n], SPACES[space]) for space, n, _, _ in PODS}
    names = [name for _, name, _, _ in PODS]
    dials = {
        client: [
            (a, port)
            for server in names
            if server != client
            for a in cluster.addresses(server)
            for port in PORTS
        ]
        for client in names
    }
    with ThreadPoolExecutor(4) as pool:
        met = dict(zip(names, pool.map(lambda n: cluster.dial(n, dials[n]), names), strict=True))
    owner = {a: name for name in names for a in cluster.addresses(name)}
    for client in names:
        for (address, port), accepted in met[client].items():
            case = Case(number, client, owner[address], address, port)
            if mixes_directions(known.network, peers[client], peers[case.server]):
                continue
            said = admits(peers[client], peers[case.server], port, "TCP", known, family_of(address))
            yield case, said.allowed, accepted


def main() -> int:
    """Run the sets and say how many cases agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kubeconfig", default=os.environ.get("PORTCHECK_E2E_KUBECONFIG", ""))
    asked = parser.parse_args()
    own = not asked.kubeconfig
    if own:
        subprocess.run([BED, "up", "--name", NAME, "--policies"], check=True)
        found = subprocess.run(
            [BED, "kubeconfig", "--name", NAME], capture_output=True, text=True, check=True
        )
        asked.kubeconfig = found.stdout.strip()
    cluster = Cluster(asked.kubeconfig)
    try:
        cluster.prepare()
        return _run(cluster, asked.sets, asked.seed)
    finally:
        for space in (*SPACES, WATCH):
            cluster.kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=false")
        if own:
            subprocess.run([BED, "down", "--name", NAME], check=True)


def _run(cluster: Cluster, sets: int, seed: int) -> int:
    maker = Maker(seed, cluster)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(sets):
        policies = maker.policies(number)
        cluster.enforce(policies, number)
        for case, said, accepted in compared(cluster, policies, number):
            counts["cases"] += 1
            counts[{True: "allowed", False: "denied", None: "not known"}[said]] += 1
            if said is not None and said != accepted:
                counts["wrong"] += 1
                print(f"WRONG: {case}: said {said}, the engine {accepted}")
                print(json.dumps(policies))
        print(f"{number + 1} of {sets} sets: {dict(counts)}", file=sys.stderr)
    spent = time.monotonic() - began
    print(
        f"{counts['cases']} cases in {sets} sets of policies (seed {seed}): {counts['allowed']} "
        f"allowed, {counts['denied']} denied, {counts['not known']} not known; "
        f"{counts['wrong']} wrong ({spent:.0f} s)"
    )
    return 1 if counts["wrong"] or not counts["cases"] else 0


if __name__ == "__main__":
    sys.exit(main())
