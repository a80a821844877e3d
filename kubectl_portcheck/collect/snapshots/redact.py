"""The evidence without names: the same incident, fit to leave the company.

Safe by default: every text is replaced word by word, unless its type names it (a ``Literal``, the
words of :class:`Known`) or it is a time. Kubernetes' own words stay, so that messages can still be
read. One word becomes the same word everywhere, a word that nearly equals another becomes one that
nearly equals the other's, and an address one of its family: the rules find what they found before.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal, get_args, get_origin

import msgspec

from kubectl_portcheck.collect.decode import KEPT_ANNOTATIONS
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Known, Record
from kubectl_portcheck.model.evidence import Evidence
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import mesh, server_first
from kubectl_portcheck.semantics.annotations import IGNORE, ISTIO_WAYPOINT

_WORD = regex(r"[^\W_]+")
_TIME = regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ADDRESS = regex(
    r"(?<![\w.:])(?:\d{1,3}(?:[.-]\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}"
    r"(?:\.\d{1,3}){0,3})(?!\w)"
)

_NAMED = ("name", "nodeName", "cluster", "namespace", "pod", "container")
"""Fields that hold a name that a user gave to an object."""
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
    nottriggerscaleup inspectfailed killing normal createcontainerconfigerror createcontainererror
    log logged login
    failedmount failedattachvolume failedmapvolume failedcreatepodsandbox failedcreate
    replicafailure mountvolume setup attach multi couldn key runasnonroot runasuser breaks numeric
    violates podsecurity restricted baseline privileged requested limited looking post calling call
    svc usage per ratio than maximum persistentvolumeclaim persistentvolumeclaims immediate
    webhooks clientconfig destination mirror mirrors routes weighted mirroring targetport serviceref
    tcpproxy subset faileddiscoverycheck missingendpoints serviceporterror serviceaccesserror
    servicenotfound passed rollouts traefik alb mesh
    pressure memorypressure diskpressure pidpressure networkunavailable untolerated blue green
    preview stable primary active old new prev next
    deny authenticated unauthenticated audit opaque enabled linkerd admin ns sa default
    clusterip exclude balancers networking knative serving servicetype private public dev kong gce
    haproxy grpcs h1 h2
    existent references bound lost waitforfirstconsumer no longer specify requests limits free
    untolerated pressure blue green stable primary preview old new prev next
    """,
    )
) | {w for n in (*server_first.NAMES, *server_first.IMAGES) for w in n.split("-")}
"""Words that say nothing about who runs the cluster."""

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def redact(evidence: Evidence) -> Evidence:
    """The same evidence under other names. The result is the same for the same evidence."""
    return Redactor().redact(evidence)


def _given(data: Any, key: str = "") -> set[str]:
    """The words of names that consist only of known words: those words are known no more."""
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


@cache
def _fields(type_: type[Record]) -> tuple[tuple[str, frozenset[str]], ...]:
    """The fields of a type, with the words that each of them may keep."""
    return tuple((f.name, kept_words(f.type)) for f in msgspec.structs.fields(type_))


def kept_words(annotation: Any) -> frozenset[str]:
    """The words that an annotation names: they are Kubernetes' or this program's own."""
    return frozenset(_words(annotation))


def _words(annotation: Any) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Literal:
        yield from (a for a in get_args(annotation) if isinstance(a, str))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    else:
        for part in get_args(annotation):
            yield from part if isinstance(part, Known) else _words(part)


class Redactor:
    """Other names for the names in evidence; the same in all that one redactor is given."""

    def __init__(self) -> None:
        self.given: set[str] = set()
        self.words: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.made = _pseudonyms(_KNOWN)

    def redact(self, evidence: Evidence) -> Evidence:
        """The evidence under other names."""
        self.given |= _given(msgspec.to_builtins(evidence))
        redacted: Evidence = self._record(evidence)
        return redacted

    def _record(self, record: Any) -> Any:
        type_: type[Record] = type(record)
        values = {n: self._value(getattr(record, n), words, n) for n, words in _fields(type_)}
        return type_(**values)

    def _value(self, value: Any, words: frozenset[str], field: str) -> Any:
        """A value of a field without names."""
        if isinstance(value, Record):
            return self._record(value)
        if isinstance(value, dict):
            return self._map(value, words, field)
        if isinstance(value, tuple):
            return tuple(self._value(part, words, field) for part in value)
        if not isinstance(value, str) or isinstance(value, Enum) or value in words:
            return value
        if _TIME.fullmatch(value) or value in _STANDARD:
            return value
        return self.text(value)

    def _map(self, data: dict[Any, Any], words: frozenset[str], field: str) -> dict[Any, Any]:
        """A map, whose keys are data too: labels, pods."""
        kept: dict[Any, Any] = {}
        for key, value in data.items():
            if field == "annotations" and key == IGNORE:
                kept[key] = self._ignored(value)
            else:
                public = not isinstance(key, str) or key == ISTIO_WAYPOINT
                public = public or (field == "annotations" and key in KEPT_ANNOTATIONS)
                kept[key if public else self.text(key)] = self._value(value, words, "")
        return kept

    def _ignored(self, text: str) -> str:
        """What a user chose to ignore: codes and names of rules stay, all else is a name."""
        from kubectl_portcheck.rules.names import named, words
        from kubectl_portcheck.rules.table import CATALOGUE

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
        """For a misspelt word: the other word's replacement, misspelt too."""
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
            # 100.64.0.0/10 is shared address space: large enough, and owned by none.
            str(IPv4Address("100.64.0.0") + number)
            if isinstance(address, IPv4Address)
            else str(IPv6Address("2001:db8::") + number)
        )
        made = self.addresses.setdefault(str(address), made)
        return made.replace(".", "-") if dashed else made


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
