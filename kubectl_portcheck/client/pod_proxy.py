"""A pod's port as the API server reaches it: by the pod proxy, at the pod's address."""

import re
from typing import Literal, NamedTuple
from urllib.parse import quote

from kubectl_portcheck.client.http import Response
from kubectl_portcheck.client.paths import pod_path
from kubectl_portcheck.client.status import parse_status, refusal
from kubectl_portcheck.regex import regex

Outcome = Literal["accepted", "refused", "reset", "timeout", "unknown"]
Speaks = Literal["", "plain", "tls"]

PASSED_ON = "audit-id"
"""A header that the API server gives to every answer of its own and to those that it passes on;
what runs before it gives none. (k8s.io/apiserver, filters/audit_init.go; seen on 1.36)"""
WANTS_TLS = regex(
    rb"http request to an https server|plain http request was sent to https port"
    rb"|speaking plain http to an ssl|combination of host and port requires tls",
    re.IGNORECASE,
)
"""What Go, nginx, Apache httpd and Tomcat answer to plain HTTP on a port for TLS."""


class ProxyAnswer(NamedTuple):
    """What the API server met at the port."""

    outcome: Outcome
    status: int | None
    """The HTTP status that the pod answered, or None where it did not answer with HTTP."""
    detail: str
    speaks: Speaks = ""
    """What the answer proves of the language that is spoken there."""


ENDED = regex(r"reset by peer|: eof\b|server closed|broken pipe")
"""What Go says where the connection was made and ended before a byte came back. (net/http)"""


def proxy_path(namespace: str, pod: str, port: int, path: str, scheme: str) -> str:
    """The request path of a GET through the pod proxy."""
    name = f"{pod}:{port}" if scheme == "http" else f"{scheme}:{pod}:{port}"
    if not path.startswith("/"):
        path = "/" + path
    safe = quote(path, safe="/?&=:@!$'()*+,;~-._%")
    return f"{pod_path(namespace, name)}/proxy{safe}"


def read_proxy_answer(response: Response, scheme: str = "http") -> ProxyAnswer:
    """Tells the API server's own failures from the pod's answers.

    Raises :class:`ApiStatusError` where the API server refused to try at all.
    """
    status = parse_status(response.body) if response.status >= 400 else None
    message = (status or {}).get("message")
    if status is None or not isinstance(message, str):
        if response.status in (502, 503, 504) and PASSED_ON not in response.headers:
            # A proxy before the API server says this as well as one in the pod.
            return ProxyAnswer("unknown", response.status, f"HTTP {response.status}, from whomever")
        return _answered(response, scheme)
    if "error trying to reach service" in message:
        return ProxyAnswer(_classify(message), None, message, _language(message, scheme))
    if status.get("apiVersion") == "v1":
        raise refusal(response)
    return _answered(response, scheme)


def _answered(response: Response, scheme: str) -> ProxyAnswer:
    """An answer of the pod's own."""
    refused = response.status == 400 and WANTS_TLS.search(response.body)
    speaks: Speaks = "tls" if scheme == "https" or refused else "plain"
    return ProxyAnswer("accepted", response.status, "", speaks)


def _language(message: str, scheme: str) -> Speaks:
    """What is spoken where the API server could make nothing of it. (Go, net/http, crypto/tls)"""
    lowered = message.lower()
    if "first record does not look like" in lowered or "http response to https" in lowered:
        return "plain"
    if r"\x15\x03" in lowered or r"\x16\x03" in lowered:
        return "tls"
    if "malformed http" in lowered:
        return "tls" if scheme == "https" else "plain"
    return "tls" if "tls: " in lowered or "x509: " in lowered else ""


def _classify(message: str) -> Outcome:
    lowered = message.lower()
    if "connection refused" in lowered:
        return "refused"
    if re.search(
        r"malformed http|http response to https|tls: |x509: |transport connection|unexpected eof",
        lowered,
    ):
        # Bytes came back, even if they are no HTTP.
        return "accepted"
    if ENDED.search(lowered):
        return "reset"
    if re.search(r"timeout|deadline exceeded|no route to host|timed out", lowered):
        return "timeout"
    return "unknown"
