"""What a proxy speaks to the pods: decided by an annotation, a field, or the Service port.

Sources: ingress-nginx, annotation ``backend-protocol``; Traefik, ``getProtocol`` of the Ingress
provider and ``parseServiceProtocol`` of its CRD provider; AWS Load Balancer Controller, annotation
``backend-protocol``; Contour, ``protocol`` of a service and ``upstream-protocol.tls``; OpenShift,
``termination`` of a Route. Other controllers and values are not judged.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.ingress import AWS, NGINX, TRAEFIK
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.references import Ingress, Reference, Referrer
from kubectl_portcheck.semantics.annotations import (
    ALB_PROTOCOL,
    CONTOUR_TLS,
    NGINX_PASSTHROUGH,
    NGINX_PROTOCOL,
    TRAEFIK_SCHEME,
)
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.ingress_classes import likely_controller
from kubectl_portcheck.semantics.references import uses_of_ingress, uses_of_route

Language = Literal["plain", "tls"]
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
    of = kinds.BY_NAME[referrer.kind]
    space = (referrer.metadata.namespace or case.namespace) if of.namespaced else ""
    subject = Subject(kind=referrer.kind, namespace=space, name=referrer.metadata.name)
    if of in (kinds.INGRESS_ROUTE, kinds.TRAEFIK_SERVICE):
        return _by_field(
            reference,
            _SCHEMES,
            {"plain": "http", "tls": "https"},
            _traefik_default(case.port, subject),
        )
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
