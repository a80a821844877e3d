"""The evidence without names: the same incident, fit to leave the company.

Safe by default: every text is replaced word by word, unless all that it can be is known (a phase,
a protocol, a time). Kubernetes' own words stay, so that messages can still be read. One word
becomes the same word everywhere, a word that nearly equals another becomes one that nearly equals
the other's, and an address one of its family: the rules find what they found before.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, get_args

import msgspec

from kubectl_portcheck.collect.decode import KEPT_ANNOTATIONS
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Reason
from kubectl_portcheck.model.evidence import Evidence, Source
from kubectl_portcheck.model.probes import Family, ListenerSource, Outcome, Path, Protocol
from kubectl_portcheck.semantics import mesh
from kubectl_portcheck.semantics.annotations import IGNORE

_WORD = re.compile(r"[^\W_]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:[.-]\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}"
    r"(?:\.\d{1,3}){0,3})(?!\w)"
)

_CLOSED: dict[str, frozenset[str]] = {
    "state": frozenset({"observed", "missing"}),
    "reason": frozenset(reason.value for reason in Reason),
    "tool": frozenset({"bash", "nc", "curl", "wget", "python3", "perl"}),
    "protocol": frozenset(get_args(Protocol)),
    "speaks": frozenset({"plain", "tls"}),
    "policyTypes": frozenset({"Ingress", "Egress"}),
    "family": frozenset(get_args(Family)),
    "addressType": frozenset({"IPv4", "IPv6", "FQDN"}),
    "ipFamilies": frozenset({"IPv4", "IPv6"}),
    "source": frozenset({*get_args(ListenerSource), *get_args(Source)}),
    "path": frozenset({*get_args(Path), "/"}),
    "outcome": frozenset(get_args(Outcome)),
    "type": frozenset({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}),
    "clusterIP": frozenset({"None"}),
    "clusterIPs": frozenset({"None"}),
    "scheme": frozenset({"HTTP", "HTTPS"}),
    "operator": frozenset({"In", "NotIn", "Exists", "DoesNotExist"}),
    "status": frozenset({"True", "False", "Unknown"}),
    "phase": frozenset({"Pending", "Running", "Succeeded", "Failed", "Unknown"}),
    "kind": frozenset(kinds.BY_NAME),
    "verb": frozenset({"get", "list", "watch", "create", "patch", "update", "delete"}),
    "subresource": frozenset({"exec", "portforward", "proxy", "ephemeralcontainers"}),
    "resource": frozenset(k.plural for k in kinds.ALL),
    "group": frozenset({k.group for k in kinds.ALL} | {"events.k8s.io"}),
    "effect": frozenset({"NoSchedule", "NoExecute", "PreferNoSchedule"}),
    "restartPolicy": frozenset({"Always", "OnFailure", "Never"}),
    "sessionAffinity": frozenset({"None", "ClientIP"}),
    "internalTrafficPolicy": frozenset({"Cluster", "Local"}),
    "externalTrafficPolicy": frozenset({"Cluster", "Local"}),
    "files": frozenset({"some", "all"}),
}
"""Fields that hold one of few words. The names of a company are none of them, wherever they are."""

_NAMED = ("name", "nodeName", "cluster", "namespace", "pod", "container")
"""Fields that hold a name that somebody gave to an object."""
_STANDARD = frozenset(
    {
        *("default", "kube-system", "kube-public", "kubernetes", "kube-dns"),
        *mesh.CONTAINERS,
        *mesh.PROGRAMS,
        *("use-annotation", kinds.GATEWAY),
    }
)
"""Names that every cluster has, or every mesh: the rules know them."""

_KNOWN = frozenset(
    re.findall(
        r"\S+",
        """
    a about accept accepted access active address addresses admission affinity after all allocate
    allowed already always an and any api apiserver app application apps are argument as assigned
    at available b back backoff bad batch be because been before being bind bound but by bytes c
    canary cannot capability certificate check cidr client clients closed cluster cni code command
    common completed component config configmap connect connected connection container
    containercreating containerd containers containersnotready containersready
    containerstatusunknown controller could cpu crashloopbackoff crd create created creating cri
    cronjob daemonset dead deadline deleted denied deployment dial did didn directory disk dns do
    does doesn down dual due endpoint endpoints endpointslice endpointslicemirroring
    endpointslices env envoy errimageneverpull errimagepull error evicted exceeded exec executable
    exhausted exist exists exit exited expired external failed failing failure field file
    filesystem for forbidden forward found from get got grace group grpc h2c had handshake has
    hash have headless health healthz heap here host hostname http http2 https i id if image
    imageinspecterror imagepullbackoff in incorrect info init initialize initialized input
    insufficient internal invalid invalidimagename io ip ipv4 ipv6 is it its java job k8s kernel
    kill killed kind kube kubectl kubelet kubernetes last latest left limit linux list listen
    listener listening live liveness livez load local localhost lookup lost main managed manager
    manifest match matched max memory message metadata metrics minutes missing mode more most
    mount multiple must name named names namespace netstat network networkpolicy never nginx no
    node nodename nodes none not of off offline on one only oomkilled open or order other out
    output over owner part path pending permission persistent phase pid pod podcompleted
    podinitializing podreadytostartcontainers pods podscheduled policy port ports preemption
    prefix probe proc process program progress protocol proxy pull pulling python python3 quota
    rbac reached read readiness readinessgatesnotready ready readyz reason refused registry reject
    rejected replica replicas replicaset reset resolve resource resources response restart
    restarted restarting retry returned revision role rollout root route rpc rule run
    runcontainererror running runtime s sandbox schedule scheduled scheduler schedulinggated sctp
    seconds secret selector self send server service serviceaccount services set shell sidecar
    since size slice so socat socket some source ss ssl started starterror starting startup state
    stateful statefulset status still stop stopped storage stream such supported system t tag
    taint taints tcp template temporary terminated terminating test that the there they this tier
    time timed timeout tls to token tolerate toleration tolerations too total track truncated type
    udp unable unauthorized unavailable unbound unexpected unhealthy unknown unreachable unready
    unschedulable up update upgrade use used user using v1 v1beta1 v2 value version volume volumes
    wait waiting warning was watch web webhook were when where which while will with without write
    x509 yaml yet you zero true false prometheus resolvedrefs backendnotfound refnotpermitted
    unsupportedprotocol invalidkind failedscheduling syncloadbalancerfailed ensuringloadbalancer
    nottriggerscaleup inspectfailed killing normal
    """,
    )
)
"""Words that say nothing about who runs the cluster."""

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def redact(evidence: Evidence) -> Evidence:
    """The same evidence under other names. The result is the same for the same evidence."""
    data = msgspec.to_builtins(evidence)
    return msgspec.convert(_Redactor(_given(data)).of(data, ""), Evidence)


def _given(data: Any, key: str = "") -> set[str]:
    """The words of names that consist of known words alone: those words are known no more."""
    if isinstance(data, dict):
        # A port's name says what is spoken there; it is no name of a thing.
        found = {w for k, v in data.items() if k != "ports" for w in _given(v, k)}
        return found | {w for k in data if key == "sockets" for w in _given(k, "name")}
    if isinstance(data, (list, tuple)):
        return {w for v in data for w in _given(v, key)}
    if isinstance(data, str) and key in _NAMED and data not in _STANDARD:
        words = {w.lower() for w in _WORD.findall(data)}
        if all(w in _KNOWN or w.isdigit() for w in words):
            return {w for w in words if not w.isdigit()} or words
    return set()


class _Redactor:
    def __init__(self, given: set[str]) -> None:
        self.given = given
        self.words: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.made = _pseudonyms(_KNOWN)

    def of(self, data: Any, key: str) -> Any:
        """The data without names; ``key`` is the field that it stands in."""
        if isinstance(data, dict):
            # In a map of labels the keys are data too; in a struct they are the model's own.
            free = key in _MAPS
            if key == "annotations" and IGNORE in data:
                others = {k: v for k, v in data.items() if k != IGNORE}
                return {IGNORE: self._ignored(data[IGNORE]), **self.of(others, key)}
            public = KEPT_ANNOTATIONS if key == "annotations" else ()
            return {
                (self.text(k) if free and k not in public else k): self.of(
                    v, "" if free and key != "sockets" else k
                )
                for k, v in data.items()
            }
        if isinstance(data, (list, tuple)):
            return [self.of(value, key) for value in data]
        if not isinstance(data, str) or data in _CLOSED.get(key, ()):
            return data
        if _TIME.fullmatch(data) or data in _STANDARD:
            return data
        return self.text(data)

    def _ignored(self, text: str) -> str:
        """What somebody chose to ignore: codes and names of rules stay, all else is a name."""
        from kubectl_portcheck.rules import CATALOGUE
        from kubectl_portcheck.rules.suppressions import named, words

        return ",".join(w if named(w, CATALOGUE) else self.text(w) for w in words(text))

    def text(self, text: str) -> str:
        """The text with every address and every word replaced that is not known."""
        pieces, at = [], 0
        for found in _ADDRESS.finditer(text):
            replaced = self._address(found[0])
            if replaced is not None:
                pieces += [_WORD.sub(self._word, text[at : found.start()]), replaced]
                at = found.end()
        return "".join((*pieces, _WORD.sub(self._word, text[at:])))

    def _word(self, found: "re.Match[str]") -> str:
        word = found[0]
        plain = word.lower()
        known = plain in _KNOWN or (word.isdigit() and len(word) <= 5)
        if known and plain not in self.given:
            return word
        if plain not in self.words:
            self.words[plain] = self._like_another(plain) or next(self.made)
        made = self.words[plain]
        return made if word == plain else made.upper() if word.isupper() else made.capitalize()

    def _like_another(self, word: str) -> str | None:
        """For a slip of the pen: the other word's replacement, with a slip too."""
        if len(word) < 4:
            return None
        for other, made in self.words.items():
            if abs(len(other) - len(word)) <= 2 and len(other) >= 4:
                alike = SequenceMatcher(None, word, other, autojunk=False)
                if alike.real_quick_ratio() > 0.8 and alike.ratio() > 0.8:
                    return next(
                        (
                            slip
                            for i in range(1, len(made))
                            if (slip := made[:i] + made[i + 1 :]) not in self.words.values()
                        ),
                        None,
                    )
        return None

    def _address(self, text: str) -> str | None:
        dashed = "-" in text
        try:
            address = ip_address(text.replace("-", "."))
        except ValueError:
            return None
        if address.is_unspecified or address.is_loopback:
            return text
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            return f"::ffff:{self._address(str(address.ipv4_mapped))}"
        number = len(self.addresses) + 1
        made = (
            # 100.64.0.0/10 is shared address space: large enough, and nobody's own.
            str(IPv4Address("100.64.0.0") + number)
            if isinstance(address, IPv4Address)
            else str(IPv6Address("2001:db8::") + number)
        )
        made = self.addresses.setdefault(str(address), made)
        return made.replace(".", "-") if dashed else made


_MAPS = ("labels", "annotations", "selector", "matchLabels", "sockets")
"""Fields that are maps, not structs: their keys are data."""


def _pseudonyms(taken: frozenset[str]) -> Iterator[str]:
    """Words that can be spoken and mean nothing: ``babelo``, ``babelu``..."""
    count = 0
    while True:
        number, word = count * 7919 % (14 * 5) ** 3, ""
        for _ in range(3):
            number, letter = divmod(number, len(_CONSONANTS))
            number, vowel = divmod(number, len(_VOWELS))
            word += _CONSONANTS[letter] + _VOWELS[vowel]
        if count >= (14 * 5) ** 3:
            word += str(count)
        count += 1
        if word not in taken:
            yield word
