"""Certificates for the stand-ins, made once for a test run."""

import datetime
import ssl
from functools import cache

import trustme


@cache
def authority() -> trustme.CA:
    """The authority of the fake clusters."""
    return trustme.CA()


@cache
def other_authority() -> trustme.CA:
    """An authority that no fake cluster knows."""
    return trustme.CA()


def authority_pem() -> str:
    """The authority's certificate, as it stands in a kubeconfig."""
    return authority().cert_pem.bytes().decode()


def server_context(*names: str, expired: bool = False) -> ssl.SSLContext:
    """A server's TLS context; a client's certificate is asked for, and not checked here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certificate(names or ("127.0.0.1", "localhost", "::1"), expired).configure_cert(context)
    authority().configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@cache
def _certificate(names: tuple[str, ...], expired: bool) -> trustme.LeafCert:
    ends = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    return authority().issue_cert(*names, not_after=ends if expired else None)


@cache
def client_pair(name: str) -> tuple[str, str]:
    """A client's certificate and key, PEM."""
    issued = authority().issue_cert(f"{name}@example.test", common_name=name)
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
