"""What a proxy speaks to the pods: decided by an annotation, a field, or the Service port.

Sources: ingress-nginx, annotation ``backend-protocol``; Traefik, ``getProtocol`` of the Ingress
provider and ``parseServiceProtocol`` of its CRD provider; AWS Load Balancer Controller, annotation
``backend-protocol``; Contour, ``protocol`` of a service and ``upstream-protocol.tls``; Traefik and
Contour, ``tls.passthrough``; OpenShift,
``termination`` of a Route; Kong, ``overrideByAnnotation`` of a Service; ingress-gce,
``ApplicationProtocols`` and its translator, by the port's name; HAProxy Technologies,
``server-ssl``; haproxy-ingress, ``buildBackendProtocol``. Other controllers and values are not
judged, and neither is a default that a ConfigMap of the controller may change.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.ingress import (
    AWS,
    GCE,
    HAPROXY,
    HAPROXY_INGRESS,
    KONG,
    NGINX,
    TRAEFIK,
)
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.references import Ingress, Reference, Referrer
from kubectl_portcheck.semantics.annotations import (
    ALB_PROTOCOL,
    CONTOUR_TLS,
    GCE_PROTOCOLS,
    HAPROXY_INGRESS_PROTOCOL,
    HAPROXY_INGRESS_SECURE,
    HAPROXY_SSL,
    KONG_OVERRIDE,
    KONG_PROTOCOL,
    NGINX_PASSTHROUGH,
    NGINX_PROTOCOL,
    TRAEFIK_SCHEME,
)
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.ingress_classes import likely_controller
from kubectl_portcheck.semantics.references import uses_of_ingress, uses_of_route

Language = Literal["plain", "tls"]
_MOST: Final = 16
"""Entries of an annotation up to which a new one is proposed."""
Words = dict[Language, str]
"""What to write for each language."""

_NGINX: Final[dict[str, Language]] = {
    "HTTP": "plain",
    "GRPC": "plain",
    "HTTPS": "tls",
    "GRPCS": "tls",
}
_NGINX_OTHERS: Final = frozenset({"AUTO_HTTP", "FCGI"})
_SCHEMES: Final[dict[str, Language]] = {"http": "plain", "h2c": "plain", "https": "tls"}
_ALB: Final[dict[str, Language]] = {"HTTP": "plain", "HTTPS": "tls"}
_KONG: Final[dict[str, Language]] = {
    "http": "plain",
    "grpc": "plain",
    "https": "tls",
    "grpcs": "tls",
}
_KONG_OTHERS: Final = frozenset({"tcp", "tls", "tls_passthrough", "udp"})
_GCE: Final[dict[str, Language]] = {"HTTP": "plain", "HTTPS": "tls", "HTTP2": "tls"}
_BOOLEANS: Final[dict[str, Language]] = {"true": "tls", "false": "plain"}
_HAPROXY_INGRESS: Final[dict[str, Language]] = {
    **dict.fromkeys(("h1", "http", "h2", "grpc"), "plain"),
    **dict.fromkeys(("h1-ssl", "https", "h2-ssl", "grpcs"), "tls"),
}


class Proxied(NamedTuple):
    """What an object makes its proxy speak to the pods of the Service."""

    subject: Subject
    """The object by which the requests come."""
    language: Language
    why: str
    """What decides it, in words."""
    annotation: str = ""
    """The annotation by which to change it; empty where it is no annotation."""
    holder: Subject | None = None
    """The object that has the annotation or the field."""
    field: str = ""
    """The JSON pointer of the field by which to change it."""
    written: str = ""
    """What the field says now."""
    words: Words = {}
    shared: bool = False
    """Whether the annotation holds for other Services and ports as well."""


def proxied(case: Case) -> Iterator[Proxied]:
    """What the proxies that lead to this port of the Service speak, where that is known."""
    for ingress in case.ingresses:
        uses = uses_of_ingress(ingress)
        if any(
            u.service == case.name and _is(u.port.name or u.port.number, case.port) for u in uses
        ):
            found = _of_ingress(case, ingress)
            if found is not None:
                others = any((u.service, u.port) != (uses[0].service, uses[0].port) for u in uses)
                yield found._replace(shared=others and found.holder == found.subject)
    yield from _of_routes(case)
    for referrer in case.referrers:
        for reference in referrer.references:
            here = case.is_meant(reference.service, reference.namespace)
            if here and _leads_here(case, reference):
                found = _of_referrer(case, referrer, reference)
                if found is not None:
                    yield found


def _of_routes(case: Case) -> Iterator[Proxied]:
    """What Gateways speak, where a BackendTLSPolicy decides it."""
    policies = [
        p
        for p in case.referrers
        if p.kind == kinds.BACKEND_TLS_POLICY.name
        for r in p.references
        if case.is_meant(r.service, r.namespace) and r.port in (None, case.port.name)
    ]
    for route in case.routes if policies else ():
        if any(
            case.is_meant(u.service, u.namespace) and u.port == case.port.port
            for u in uses_of_route(route)
        ):
            space = route.metadata.namespace or case.namespace
            subject = Subject(kind=route.kind, namespace=space, name=route.metadata.name)
            why = f"BackendTLSPolicy {policies[0].metadata.name} is for the Service"
            yield Proxied(subject, "tls", why)


def _is(named: int | str, port: ServicePort) -> bool:
    return named in (port.port, port.name) and bool(named)


def _leads_here(case: Case, reference: Reference) -> bool:
    if reference.by == "endpoint-port":
        known = [str(s.target) for s in case.states] + [case.port.name]
        return reference.port is None or str(reference.port) in known
    return reference.meant is not None and _is(reference.meant, case.port)


def _of_ingress(case: Case, ingress: Ingress) -> Proxied | None:
    subject = Subject(kind="Ingress", namespace=case.namespace, name=ingress.metadata.name)
    notes = ingress.metadata.annotations
    controller = likely_controller(ingress, case.ingress_classes)
    if controller == NGINX:
        if notes.get(NGINX_PASSTHROUGH) == "true":
            return None
        return _by_annotation(
            subject,
            subject,
            NGINX_PROTOCOL,
            notes.get(NGINX_PROTOCOL, "").strip().upper(),
            "HTTP",
            _NGINX,
            {"plain": "HTTP", "tls": "HTTPS"},
            _NGINX_OTHERS,
        )
    if controller == AWS:
        own = case.service.metadata.annotations.get(ALB_PROTOCOL)
        holder = case.subject if own is not None else subject
        said = notes.get(ALB_PROTOCOL, "") if own is None else own
        return _by_annotation(
            subject, holder, ALB_PROTOCOL, said, "HTTP", _ALB, {"plain": "HTTP", "tls": "HTTPS"}
        )
    if controller == TRAEFIK:
        said = case.service.metadata.annotations.get(TRAEFIK_SCHEME, "").lower()
        if said:
            return _by_annotation(
                subject,
                case.subject,
                TRAEFIK_SCHEME,
                said,
                "",
                _SCHEMES,
                {"plain": "http", "tls": "https"},
            )
        return _traefik_default(case.port, subject)._replace(
            annotation=TRAEFIK_SCHEME, holder=case.subject, words={"plain": "http", "tls": "https"}
        )
    if controller == KONG:
        return _of_kong(case, ingress, subject)
    if controller == GCE:
        return _of_gce(case, subject)
    if controller == HAPROXY or controller.startswith(f"{HAPROXY}/"):
        return _of_haproxy(case, ingress, subject)
    if controller == HAPROXY_INGRESS:
        return _of_haproxy_ingress(case, ingress, subject)
    return None


def _of_kong(case: Case, ingress: Ingress, subject: Subject) -> Proxied | None:
    """By the annotation of the Service; a KongIngress may say otherwise and is not read."""
    own = case.service.metadata.annotations
    said = own.get(KONG_PROTOCOL, "")
    overridden = KONG_OVERRIDE in own or KONG_OVERRIDE in ingress.metadata.annotations
    if said not in _KONG and (overridden or case.port.app_protocol):
        return None
    words: Words = {"plain": "http", "tls": "https"}
    return _by_annotation(
        subject, case.subject, KONG_PROTOCOL, said, "http", _KONG, words, _KONG_OTHERS
    )


def _of_gce(case: Case, subject: Subject) -> Proxied | None:
    """By the name of the port in the annotation of the Service; HTTP where it is not there."""
    import json

    own = case.service.metadata.annotations
    annotation = next((a for a in GCE_PROTOCOLS if a in own), GCE_PROTOCOLS[-1])
    try:
        by_name = json.loads(own.get(annotation, "{}"))
    except (ValueError, RecursionError):
        return None
    known = isinstance(by_name, dict) and all(
        isinstance(v, str) and v in _GCE for v in by_name.values()
    )
    if not known:
        return None  # The controller takes none of them, and reports it on the Ingress.
    said = by_name.get(case.port.name, "")
    if not said and case.port.app_protocol:
        return None
    found = _by_annotation(subject, case.subject, annotation, said, "HTTP", _GCE, {})
    if found is None or not case.port.name or len(by_name) > _MOST:
        return found
    plain, tls = ({**by_name, case.port.name: w} for w in ("HTTP", "HTTPS"))
    return found._replace(words={"plain": json.dumps(plain), "tls": json.dumps(tls)})


def _of_haproxy(case: Case, ingress: Ingress, subject: Subject) -> Proxied | None:
    """By an annotation; else a ConfigMap of the controller decides, which is not read."""
    return _written(
        case, ingress, subject, HAPROXY_SSL, _BOOLEANS, {"plain": "false", "tls": "true"}
    )


def _of_haproxy_ingress(case: Case, ingress: Ingress, subject: Subject) -> Proxied | None:
    """The same; secure-backends makes it TLS, whatever the protocol is."""
    secure = _written(case, ingress, subject, HAPROXY_INGRESS_SECURE, _BOOLEANS, {"plain": "false"})
    if secure is not None and secure.language == "tls":
        return secure
    words: Words = {"plain": "h1", "tls": "h1-ssl"}
    return _written(case, ingress, subject, HAPROXY_INGRESS_PROTOCOL, _HAPROXY_INGRESS, words)


def _written(
    case: Case,
    ingress: Ingress,
    subject: Subject,
    annotations: Iterable[str],
    languages: dict[str, Language],
    words: Words,
) -> Proxied | None:
    """What the first of these annotations makes of it: the Service's before the Ingress's."""
    holders = ((case.subject, case.service.metadata), (subject, ingress.metadata))
    for holder, metadata in holders:
        for annotation in annotations:
            said = metadata.annotations.get(annotation, "").strip().lower()
            if said:
                return _by_annotation(subject, holder, annotation, said, "", languages, words)
    return None


def _by_annotation(
    subject: Subject,
    holder: Subject,
    annotation: str,
    said: str,
    default: str,
    languages: dict[str, Language],
    words: Words,
    others: Iterable[str] = (),
) -> Proxied | None:
    """What an annotation makes of it; the default where it is absent or not understood."""
    if said in others:
        return None
    known = said in languages
    language = languages.get(said) or languages.get(default)
    if language is None:
        return None
    why = (
        f"its annotation {annotation} is {said}"
        if known
        else (f"{annotation} is not set, and the default is {default}")
    )
    if known and holder != subject:
        why = f"the annotation {annotation} of the {holder.kind} is {said}"
    return Proxied(subject, language, why, annotation, holder, words=words)


def _traefik_default(port: ServicePort, subject: Subject) -> Proxied:
    """By the Service port: TLS for 443 and for names that begin with https, else plain HTTP."""
    if port.port == 443:
        return Proxied(subject, "tls", "Traefik speaks TLS to a Service port 443")
    if port.name.startswith("https"):
        why = f"Traefik speaks TLS to a Service port named {port.name}"
        return Proxied(subject, "tls", why)
    return Proxied(subject, "plain", "Traefik speaks plain HTTP where no scheme is set")


def _of_referrer(case: Case, referrer: Referrer, reference: Reference) -> Proxied | None:
    of = kinds.BY_NAME.get(referrer.kind)
    namespaced = kinds.is_namespaced(referrer.kind)
    space = (referrer.metadata.namespace or case.namespace) if namespaced else ""
    subject = Subject(kind=referrer.kind, namespace=space, name=referrer.metadata.name)
    if of == kinds.INGRESS_ROUTE_TCP:
        passes = reference.scheme == "passthrough"
        return Proxied(subject, "tls", "its tls.passthrough is true") if passes else None
    if of in (kinds.INGRESS_ROUTE, kinds.TRAEFIK_SERVICE):
        return _by_field(
            reference,
            _SCHEMES,
            {"plain": "http", "tls": "https"},
            _traefik_default(case.port, subject),
        )
    if of == kinds.HTTP_PROXY and reference.scheme == "passthrough":
        return Proxied(subject, "tls", "its virtualhost.tls.passthrough is true")
    if of == kinds.HTTP_PROXY:
        noted = case.service.metadata.annotations.get(CONTOUR_TLS, "").replace(" ", "").split(",")
        if not reference.scheme and {str(case.port.port), case.port.name} & {*noted} - {""}:
            why = f"the annotation {CONTOUR_TLS} of the Service lists the port"
            return Proxied(subject, "tls", why)
        languages: dict[str, Language] = {"tls": "tls", "h2": "tls", "h2c": "plain"}
        default = Proxied(subject, "plain", "its protocol is not set: Contour speaks plain HTTP")
        return _by_field(reference, languages, {"tls": "tls"}, default)
    if of == kinds.OPENSHIFT_ROUTE and not reference.scheme:
        return Proxied(subject, "plain", "it has no tls, so the router passes on what it gets")
    if of == kinds.OPENSHIFT_ROUTE:
        terminations: dict[str, Language] = {
            "edge": "plain",
            "reencrypt": "tls",
            "passthrough": "tls",
        }
        language = terminations.get(reference.scheme)
        why = f"its tls.termination is {reference.scheme}"
        return Proxied(subject, language, why) if language else None
    return None


def _by_field(
    reference: Reference, languages: dict[str, Language], words: Words, default: Proxied
) -> Proxied | None:
    """What a field of the reference makes of it."""
    found = default._replace(
        field=reference.scheme_pointer,
        written=reference.scheme,
        holder=default.subject,
        words=words,
    )
    if not reference.scheme:
        return found
    language = languages.get(reference.scheme)
    if language is None:
        return None
    said = f"its {reference.scheme_field} is {reference.scheme}"
    return found._replace(language=language, why=said)
