"""What may be written next: from the program itself, from the kubeconfig, from the cluster."""

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_portcheck.commands.completion import cache
from kubectl_portcheck.commands.completion.cache import Named
from kubectl_portcheck.commands.completion.words import Question
from kubectl_portcheck.model.kinds import NAMESPACE, SERVICE, Kind
from kubectl_portcheck.target import KINDS, kind_named

if TYPE_CHECKING:
    from kubectl_portcheck.client import Api, Connection, ConnectionFlags, Deadline

SECONDS = 1.0
"""How long the cluster may take; who waits at a prompt waits no longer."""
SPECIAL = frozenset("$`;|&<>()\"'\\*?!#{}")
"""What is more than a character in some shell, which may insert a word as it is."""
MOST_ABOUT = 100
"""How many characters are said about a word."""
MOST = "500"
"""How many objects are asked for."""


class Answer(NamedTuple):
    """What may be written next."""

    words: Named = []
    files: bool = False
    """Whether the shell is to offer its files."""
    open: bool = False
    """Whether a word goes on after what is offered: no blank follows it."""


def answer(question: Question, environ: Mapping[str, str]) -> Answer:
    """The words that fit the question. Raises nothing that the network or a file may cause."""
    if question.kind == "files":
        return Answer(files=True)
    if question.kind == "targets":
        found = _targets(question, environ)
    elif question.kind in ("words", "flags"):
        found = [(w, "") for w in question.words]
    else:
        found = _KNOWN.get(question.kind, _nothing)(question, environ)
    fitting = [
        (question.lead + word, _line(about))
        for word, about in found
        if word.startswith(question.prefix) and word not in question.taken and _is_word(word)
    ]
    return Answer(fitting, open=bool(fitting) and all(w[-1] in "/:=" for w, _ in fitting))


def _is_word(word: str) -> bool:
    """Whether the word is one word in a shell, and nothing but a word.

    A line that begins with a colon is a directive of cobra's, and ``_activeHelp_`` begins a remark.
    """
    plain = bool(word) and word.isprintable() and not any(c.isspace() for c in word)
    return plain and not (set(word) & SPECIAL) and not word.startswith((":", "_activeHelp_"))


def _line(about: str) -> str:
    """A word about an answer as one line that steers no terminal."""
    return "".join(c if c.isprintable() else " " for c in about[:MOST_ABOUT]).strip()


def _nothing(question: Question, environ: Mapping[str, str]) -> Named:
    return []


def _rules(question: Question, environ: Mapping[str, str]) -> Named:
    from kubectl_portcheck.rules.table import CATALOGUE

    # Names only where one is being written: each rule would be there twice.
    if question.prefix[:1].islower() and not question.prefix.startswith("pc"):
        return [(r.name, r.code) for r in CATALOGUE]
    upper = question.prefix == question.prefix.upper()
    return [(r.code if upper else r.code.lower(), r.name) for r in CATALOGUE]


def _scenarios(question: Question, environ: Mapping[str, str]) -> Named:
    from importlib.resources import files

    found = (files("kubectl_portcheck") / "demo").iterdir()
    names = sorted(f.name for f in found if f.name.endswith(".json.gz"))
    return [("list", ""), *((name.removesuffix(".json.gz"), "") for name in names)]


def _configured(part: str) -> Callable[[Question, Mapping[str, str]], Named]:
    def read(question: Question, environ: Mapping[str, str]) -> Named:
        from kubectl_portcheck.client import ClusterError
        from kubectl_portcheck.client.kubeconfig import load_kubeconfig

        try:
            config = load_kubeconfig(question.flags.get("kubeconfig"), environ)
        except ClusterError:
            return []
        return [(name, "") for name in sorted(getattr(config, part))]

    return read


def _namespaces(question: Question, environ: Mapping[str, str]) -> Named:
    found = _asked(question, environ, "namespaces", _names_of(NAMESPACE.collection("")))
    if found:
        return found
    # Who may not list them has named some in the contexts.
    from kubectl_portcheck.client import ClusterError
    from kubectl_portcheck.client.kubeconfig import load_kubeconfig

    with contextlib.suppress(ClusterError):
        config = load_kubeconfig(question.flags.get("kubeconfig"), environ)
        return [(n, "") for n in sorted({c.namespace for c in config.contexts.values()})]
    return []


def _targets(question: Question, environ: Mapping[str, str]) -> Named:
    """Names of Services, and what else may be given for one; after a colon its ports."""
    word, slash, rest = question.prefix.rpartition("/")
    kind = kind_named(word) if slash else kind_named(question.kind_word) or SERVICE
    if kind is None:
        return []
    lead = word + slash
    name, colon, _ = rest.partition(":")
    if colon:
        found = _asked(question, environ, f"ports {kind.short} {name}", _ports_of(kind, name))
        return [(f"{lead}{name}:{port}", about) for port, about in found]
    found = _asked(question, environ, kind.short, _objects_of(kind))
    named = [(lead + name, about) for name, about in found]
    if slash or question.kind_word:
        return named
    kinds = [(f"{k.short}/", k.name) for k in KINDS]
    return named + kinds


_KNOWN: dict[str, Callable[[Question, Mapping[str, str]], Named]] = {
    "rules": _rules,
    "scenarios": _scenarios,
    "contexts": _configured("contexts"),
    "clusters": _configured("clusters"),
    "users": _configured("users"),
    "namespaces": _namespaces,
}


# From the cluster

Item = dict[str, Any]
"""An object as the API server sends it."""
_Read = Callable[["Api", "Connection"], Named]
_SECRET = ("token", "password", "client_key")
"""Flags after which nothing is kept: what they show is only for their user."""


def _asked(question: Question, environ: Mapping[str, str], what: str, read: _Read) -> Named:
    """What the cluster says, or what it said a few seconds ago; nothing where it does not say."""
    flags = question.flags
    secret = any(flags.get(f) for f in _SECRET)
    place = None if secret else cache.folder(flags.get("cache_dir"), environ)
    from kubectl_portcheck.client.kubeconfig import paths_to_try
    from kubectl_portcheck.inputs import full_path

    files = [full_path(p) for p in paths_to_try(flags.get("kubeconfig"), environ)]
    given = [f"{name}={value}" for name, value in sorted(flags.items())]
    name = cache.key([what, *given], files)
    found = cache.load(place, name)
    if found is None:
        found = _fresh(flags, environ, read)
        if found is None:  # Not kept: the next try may come in time.
            return []
        cache.keep(place, name, found)
    return found


def _fresh(flags: Mapping[str, str], environ: Mapping[str, str], read: _Read) -> Named | None:
    from kubectl_portcheck.client import Api, ClusterError, load_connection
    from kubectl_portcheck.inputs import understood

    try:
        connection = load_connection(_connection_flags(flags), environ)
        with Api(connection) as api:
            return understood(lambda: read(api, connection))
    except (ClusterError, ValueError):
        return None


def _connection_flags(flags: Mapping[str, str]) -> "ConnectionFlags":
    from kubectl_portcheck.client import ConnectionFlags

    texts: dict[str, Any] = {name: flags[name] for name in _TEXTS if name in flags}
    return ConnectionFlags(
        **texts,
        as_user=flags.get("as"),
        as_groups=tuple(filter(None, flags.get("as_group", "").split("\n"))),
        insecure_skip_tls_verify="insecure_skip_tls_verify" in flags,
    )


_TEXTS = (
    *("kubeconfig", "context", "cluster", "user", "namespace", "server", "tls_server_name"),
    *("certificate_authority", "client_certificate", "client_key", "token"),
    *("username", "password", "as_uid"),
)


def _names_of(path: str) -> _Read:
    def read(api: "Api", connection: "Connection") -> Named:
        return sorted((o["metadata"]["name"], "") for o in _list(api, path))

    return read


def _objects_of(kind: Kind) -> _Read:
    def read(api: "Api", connection: "Connection") -> Named:
        found = _list(api, kind.collection(connection.namespace))
        about = _service_ports if kind is SERVICE else _kind_of(kind)
        return sorted((o["metadata"]["name"], about(o)) for o in found)

    return read


def _ports_of(kind: Kind, name: str) -> _Read:
    def read(api: "Api", connection: "Connection") -> Named:
        import json

        path = f"{kind.collection(connection.namespace)}/{name}"
        found = json.loads(api.get(path, deadline=_deadline()))
        spec = found.get("spec") or {}
        if kind is SERVICE:
            ports = [(p["port"], p) for p in spec.get("ports") or ()]
        else:
            pod = (spec.get("template") or {}).get("spec") or spec
            declared = (p for c in pod.get("containers") or () for p in c.get("ports") or ())
            ports = [(p["containerPort"], p) for p in declared]
        numbers = [(str(n), _about(p, "name")) for n, p in ports]
        return numbers + [(p["name"], str(n)) for n, p in ports if p.get("name")]

    return read


def _service_ports(item: "Item") -> str:
    ports = item.get("spec", {}).get("ports") or []
    return " ".join(f"{p.get('port')}/{p.get('protocol', 'TCP')}" for p in ports)


def _kind_of(kind: Kind) -> Callable[[object], str]:
    return lambda _: kind.name


def _about(port: Mapping[str, object], field: str) -> str:
    target = port.get("targetPort")
    name = str(port.get(field) or "")
    return f"{name} to {target}".strip() if target is not None else name


def _list(api: "Api", path: str) -> "list[Item]":
    import json

    found = json.loads(api.get(path, {"limit": MOST}, deadline=_deadline()))
    items: list[Item] = found.get("items") or []
    return items


def _deadline() -> "Deadline":
    from kubectl_portcheck.client import Deadline

    return Deadline.after(SECONDS)
