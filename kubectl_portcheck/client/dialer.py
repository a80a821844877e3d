"""Connecting: address, proxy, TLS."""

import contextlib
import errno
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from typing import cast

from kubectl_portcheck.client.connection import Connection
from kubectl_portcheck.client.credentials import Identity
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import (
    ConfigurationError,
    ProxyError,
    TimedOut,
    TlsError,
    Unreachable,
)
from kubectl_portcheck.client.proxies import bracketed
from kubectl_portcheck.client.wire import Endpoint, Wire, reason_of

ONE_ADDRESS_SECONDS = 2.0
"""How long one of several addresses of a name may take to accept before the next is tried."""
LOOK_SECONDS = 0.1
"""How often a waiting thread looks whether the run was ended."""
MOST_PROXY_HEAD = 65536
"""How many bytes of a proxy's answer are read at most."""

Address = tuple[int, tuple[str, int]]


class _Attempt:
    """A connection on its way, as far as it has come."""

    __slots__ = ("_sock",)

    def __init__(self) -> None:
        self._sock: socket.socket | None = None

    @property
    def sock(self) -> socket.socket:
        """The socket at this stage."""
        assert self._sock is not None
        return self._sock

    @sock.setter
    def sock(self, sock: socket.socket) -> None:
        self._sock = sock

    def abort(self) -> None:
        """Ends a wait on it in another thread."""
        if self._sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives it up."""
        if self._sock is not None:
            self._sock.close()


class _Lookup(threading.Thread):
    """One question to the system's resolver, which may take for as long as it likes."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True, name="portcheck-resolver")
        self._host, self._port = host, port
        self.done = threading.Event()
        self.found: list[Address] | None = None

    def run(self) -> None:
        """Ask; None stays where there is no such host."""
        with contextlib.suppress(OSError, UnicodeError):
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self.found = [(family, (str(a[0]), self._port)) for family, _, _, _, a in found]
        self.done.set()


class Dialer:
    """Opens connections to the API server of one :class:`Connection`. Safe for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._addresses: list[Address] | None = None
        self._context: ssl.SSLContext | None = None
        self._context_for: Identity | None = None
        self._session: ssl.SSLSession | None = None
        """One with the server in this context, which later connections resume."""
        self._looked_for_session = False
        self._attempts: set[_Attempt] = set()
        self._aborted = False

    def connect(self, identity: Identity, deadline: Deadline, *, tunnel: bool) -> Wire:
        """A new connection.

        ``tunnel`` asks for a tunnel through a proxy even in the clear, as a stream needs it. Raises
        :class:`Unreachable` and its children, :class:`TimedOut`, :class:`ConfigurationError`.
        """
        connection = self._connection
        context = self._ssl_context(identity) if connection.tls else None
        attempt = _Attempt()
        with self._lock:
            self._attempts.add(attempt)
        try:
            self._open(attempt, deadline)
            attempt.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            proxy = connection.proxy
            if proxy and proxy.scheme == "https":
                # Go's transport uses one TLS configuration for the proxy and for the server.
                outer = context or self._ssl_context(identity)
                self._handshake(outer, attempt, proxy.host, deadline)
            if proxy and (connection.tls or tunnel):
                self._connect_through(attempt.sock, deadline)
            end: Endpoint = attempt.sock
            if context is not None:
                name = connection.tls_server_name or connection.host
                if proxy and proxy.scheme == "https":
                    end = self._handshake_within(context, attempt.sock, name, deadline)
                else:
                    session = self._resumable(context)
                    self._handshake(context, attempt, name, deadline, session)
                    end = attempt.sock
                    taken = isinstance(end, ssl.SSLSocket) and end.session_reused
                    if session is not None and not taken:
                        self._forget()  # The server has forgotten it too.
            return Wire(attempt.sock, end, deadline)
        except BaseException:
            attempt.close()
            self._forget()  # The next connection makes a whole handshake.
            raise
        finally:
            with self._lock:
                self._attempts.discard(attempt)

    def remember(self, wire: Wire) -> None:
        """Let further connections resume the TLS session of this one, if the server allows it.

        That takes about half of the processor time of a whole handshake. A server of TLS 1.3 says
        how to resume only after the handshake, so the connection must have been read from.
        """
        end = wire.endpoint
        if self._looked_for_session or not isinstance(end, ssl.SSLSocket):
            return
        with self._lock:
            if end.context is not self._context:
                return
            # Once: each look takes some kB of memory, which Python does not give back.
            self._looked_for_session = True
            session = end.session
            if session is not None and session.has_ticket:
                self._session = session

    def _forget(self) -> None:
        """Look for another session to resume, where there was one."""
        with self._lock:
            if self._session is not None:
                self._session, self._looked_for_session = None, False

    def _resumable(self, context: ssl.SSLContext) -> ssl.SSLSession | None:
        """The session of this context that can be resumed."""
        with self._lock:
            return self._session if context is self._context else None

    def abort(self) -> None:
        """Ends the waits of other threads that are connecting."""
        with self._lock:
            self._aborted = True
            attempts = list(self._attempts)
        for attempt in attempts:
            attempt.abort()

    def _ssl_context(self, identity: Identity) -> ssl.SSLContext:
        """The TLS context, made once for each client certificate."""
        with self._lock:
            wanted = identity._replace(authorization="")
            if self._context is None or self._context_for != wanted:
                self._context = _make_context(self._connection, wanted)
                self._context_for = wanted
                self._session, self._looked_for_session = None, False
            return self._context

    # Addresses and sockets

    def _open(self, attempt: "_Attempt", deadline: Deadline) -> None:
        """Connects a socket to the server, or to the proxy before it."""
        proxy = self._connection.proxy
        host, port = (
            (proxy.host, proxy.port) if proxy else (self._connection.host, self._connection.port)
        )
        with self._lock:
            known = self._addresses
        if known and self._try(attempt, known, deadline.earlier(ONE_ADDRESS_SECONDS)) is None:
            return
        # The address that answered before answers no more: the name may lead elsewhere by now.
        failure = self._try(attempt, self._resolve(host, port, deadline), deadline)
        if failure is not None:
            raise self._cannot_connect(failure, host, port)

    def _try(
        self, attempt: "_Attempt", addresses: Sequence[Address], deadline: Deadline
    ) -> Exception | None:
        """Connect to the first address that accepts; else say why the last one did not."""
        failure: Exception = OSError(errno.EADDRNOTAVAIL, "no address")
        for number, (family, address) in enumerate(addresses, 1):
            patience = (
                deadline if number == len(addresses) else deadline.earlier(ONE_ADDRESS_SECONDS)
            )
            attempt.sock = sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(patience.check(f"connecting to {self._goal}"))
                if self._aborted:
                    raise Unreachable("the connection was closed")
                sock.connect(address)
            except (OSError, TimedOut) as error:
                sock.close()
                failure = error
                continue
            with self._lock:
                # The address that answered is the first for the other connections of this run.
                self._addresses = [(family, address)]
            return None
        return failure

    def _resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """The addresses of a host. The system's resolver knows no deadline, so it runs aside."""
        if numeric := [*_numeric(host, port)]:
            return numeric
        lookup = _Lookup(host, port)
        lookup.start()
        start = f"Unable to connect to the server: dial tcp: lookup {host}"
        while not lookup.done.wait(min(deadline.remaining(), LOOK_SECONDS)):
            if deadline.passed or self._aborted:
                raise TimedOut(f"{start}: i/o timeout")
        if lookup.found is None:
            raise Unreachable(f"{start}: no such host")
        return lookup.found

    @property
    def _goal(self) -> str:
        proxy = self._connection.proxy
        return f"the proxy {proxy.name}" if proxy else f"the server {self._connection.authority}"

    def _cannot_connect(self, error: Exception, host: str, port: int) -> Exception:
        where = f"dial tcp {bracketed(host)}:{port}"
        if isinstance(error, TimeoutError | TimedOut):
            return TimedOut(f"Unable to connect to the server: {where}: i/o timeout")
        if self._connection.proxy:
            said = reason_of(error) if isinstance(error, OSError) else "no address"
            return ProxyError(f"Unable to connect to the server: proxyconnect tcp: {where}: {said}")
        if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
            hint = (
                ""
                if self._connection.configured
                else "No kubeconfig was found: set KUBECONFIG or --kubeconfig. "
                "To try it without a cluster: kubectl portcheck --demo"
            )
            return Unreachable(
                f"The connection to the server {self._connection.authority} was refused - "
                "did you specify the right host or port?",
                hint,
            )
        said = reason_of(error) if isinstance(error, OSError) else "no address"
        return Unreachable(f"Unable to connect to the server: {where}: {said}")

    # Proxy

    def _connect_through(self, end: Endpoint, deadline: Deadline) -> None:
        """Asks the proxy for a tunnel to the server."""
        proxy = self._connection.proxy
        assert proxy is not None
        goal = f"{bracketed(self._connection.host)}:{self._connection.port}"
        request = [f"CONNECT {goal} HTTP/1.1", f"Host: {goal}", "User-Agent: kubectl-portcheck"]
        if proxy.authorization:
            request.append(f"Proxy-Authorization: {proxy.authorization}")
        request += [f"{name}: {value}" for name, value in proxy.headers]
        head = bytearray()
        chunk = bytearray(4096)
        try:
            end.settimeout(deadline.check(f"asking {self._goal} for a tunnel"))
            end.send("\r\n".join([*request, "", ""]).encode("ascii"))
            while b"\r\n\r\n" not in head:
                end.settimeout(deadline.check(f"waiting for {self._goal}"))
                count = end.recv_into(chunk)
                if not count or len(head) > MOST_PROXY_HEAD:
                    raise ProxyError(f"{self._goal} closed the connection")
                head += chunk[:count]
        except TimeoutError:
            raise TimedOut(f"timed out waiting for {self._goal}") from None
        except OSError as error:
            raise ProxyError(f"{self._goal}: {reason_of(error)}") from None
        status_line = bytes(head).split(b"\r\n", 1)[0].decode("ascii", "replace")
        parts = status_line.split(" ", 2)
        if not parts[0].startswith("HTTP/1.") or len(parts) < 2:
            raise ProxyError(f"{self._goal} did not answer as an HTTP proxy does")
        if parts[1] != "200":
            said = " ".join(parts[1:]).strip()
            hint = (
                "Put a name and password into the proxy's URL: http://NAME:PASSWORD@HOST:PORT"
                if parts[1] == "407"
                else ""
            )
            raise ProxyError(f"Unable to connect to the server: {self._goal} said {said}", hint)

    # TLS

    def _handshake(
        self,
        context: ssl.SSLContext,
        attempt: "_Attempt",
        name: str,
        deadline: Deadline,
        session: ssl.SSLSession | None = None,
    ) -> None:
        try:
            attempt.sock.settimeout(deadline.check("in the TLS handshake"))
            _require_peer(attempt.sock)
            secured = context.wrap_socket(
                attempt.sock,
                server_hostname=name,
                do_handshake_on_connect=False,
                session=session,
            )
            # From here on the old socket is an empty shell.
            attempt.sock = secured
            secured.do_handshake()
        except TimeoutError:
            raise TimedOut(
                "Unable to connect to the server: net/http: TLS handshake timeout"
            ) from None
        except (OSError, ValueError) as error:
            raise self._tls_error(error, name) from None

    def _handshake_within(
        self, context: ssl.SSLContext, sock: socket.socket, name: str, deadline: Deadline
    ) -> Endpoint:
        """TLS within the TLS of an https proxy, which the ssl module's sockets cannot do."""
        from urllib3.util.ssltransport import SSLTransport

        try:
            sock.settimeout(deadline.check("in the TLS handshake"))
            return cast(Endpoint, SSLTransport(sock, context, server_hostname=name))
        except TimeoutError:
            raise TimedOut(
                "Unable to connect to the server: net/http: TLS handshake timeout"
            ) from None
        except (OSError, ValueError) as error:
            raise self._tls_error(error, name) from None

    def _tls_error(self, error: Exception, name: str) -> Unreachable:
        start = "Unable to connect to the server: "
        if isinstance(error, ssl.SSLCertVerificationError):
            said = _certificate_problem(error, name)
            return TlsError(f"{start}tls: failed to verify certificate: x509: {said}")
        if isinstance(error, ssl.SSLError):
            if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE"):
                return TlsError(f"{start}the server does not speak TLS on this port")
            return TlsError(f"{start}tls: {reason_of(error)}")
        if isinstance(error, ConnectionResetError):
            return Unreachable(f"{start}connection reset by peer in the TLS handshake")
        return TlsError(f"{start}tls: {reason_of(error)}")


def _require_peer(sock: socket.socket) -> None:
    """Raise where the peer is gone already: ssl would take the socket over and not close it."""
    try:
        sock.getpeername()
    except OSError:
        raise ConnectionResetError from None


def _numeric(host: str, port: int) -> Iterator[Address]:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            yield family, (host, port)


_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
"""OpenSSL's codes for a chain that ends in no trusted authority."""


def _certificate_problem(error: ssl.SSLCertVerificationError, name: str) -> str:
    """Why a certificate was refused, in the words that kubectl uses."""
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return "certificate signed by unknown authority"
    if code == 10:
        return "certificate has expired or is not yet valid: it has expired"
    if code == 9:
        return "certificate has expired or is not yet valid: it is not valid yet"
    if code in (62, 64):
        return f"certificate is not valid for {name}"
    return error.verify_message or "certificate verify failed"


def _make_context(connection: Connection, identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if connection.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif connection.ca:
        # Go trusts every certificate in the file, also an intermediate or the server's own.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cadata=connection.ca.decode("ascii"))
        except (ssl.SSLError, UnicodeDecodeError, ValueError):
            raise ConfigurationError(
                "unable to load root certificates: unable to parse bytes as PEM block"
            ) from None
    else:
        context.load_default_certs()
    if not connection.check_host:
        context.check_hostname = False
    if identity.certificate:
        _load_certificate(context, identity)
    return context


def _load_certificate(context: ssl.SSLContext, identity: Identity) -> None:
    """Loads certificate and key, which the ssl module takes only from a file.

    On Linux the file is one of memory; elsewhere it is one that only its owner can read, and it is
    gone at once.
    """
    content = identity.certificate.rstrip() + b"\n" + identity.key
    try:
        if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
            with os.fdopen(os.memfd_create("portcheck", os.MFD_CLOEXEC), "wb") as file:
                file.write(content)
                file.flush()
                context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=_no_password)
        else:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "pair.pem")
                with open(path, "wb", opener=_owner_only) as file:
                    file.write(content)
                context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        raise ConfigurationError(
            "tls: the client certificate and its key cannot be used: not PEM, encrypted, "
            "or not a pair"
        ) from None


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _no_password() -> str:
    """Replaces OpenSSL's own question on the terminal."""
    return ""
