"""Which proxy, if any, is between this program and the API server.

``proxy-url`` of the kubeconfig comes first and knows no exceptions; else the environment decides
by the rules of Go's ``golang.org/x/net/http/httpproxy``, which kubectl follows.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from kubectl_portcheck.client.errors import ConfigurationError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080}


class Proxy(NamedTuple):
    """A proxy to connect through."""

    scheme: str
    """``http``, or ``https`` where the proxy itself is spoken to over TLS."""
    host: str
    port: int
    authorization: str = ""
    """The value of Proxy-Authorization; empty for a proxy without credentials."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers for the proxy."""
    url: str = ""
    """The URL as it was given, for a credential plugin that asks for it; it may hold a password."""

    @property
    def name(self) -> str:
        """The proxy's address, without credentials."""
        return f"{self.scheme}://{bracketed(self.host)}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({self.name})"


def bracketed(host: str) -> str:
    """A host as it is written in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def choose_proxy(
    proxy_url: str, scheme: str, host: str, port: int, environ: Mapping[str, str]
) -> Proxy | None:
    """The proxy for a server.

    Raises :class:`ConfigurationError` for a proxy that cannot be used, such as a SOCKS proxy.
    """
    if proxy_url:
        return parse_proxy(proxy_url, "proxy-url")
    name = "HTTPS_PROXY" if scheme == "https" else "HTTP_PROXY"
    from_environment = environ.get(name) or environ.get(name.lower()) or ""
    if not from_environment:
        return None
    if scheme == "http" and environ.get("REQUEST_METHOD"):
        # In a CGI program HTTP_PROXY may come from a request's header.
        raise ConfigurationError("refusing to use HTTP_PROXY value in CGI environment")
    excluded = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if not _wants_proxy(host, port, excluded):
        return None
    if "://" not in from_environment:
        from_environment = "http://" + from_environment
    return parse_proxy(from_environment, name)


def parse_proxy(url: str, source: str) -> Proxy:
    """Reads a proxy's URL; ``source`` names where it was found, for the error message.

    Raises :class:`ConfigurationError`; the URL is not quoted in it, since it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"{source}: not a URL") from None
    if parts.scheme in ("socks5", "socks5h"):
        raise ConfigurationError(
            f"{source}: SOCKS proxies are not supported",
            "Use an HTTP proxy, or `kubectl proxy` and --server.",
        )
    if parts.scheme not in ("http", "https"):
        raise ConfigurationError(
            f'{source}: unsupported scheme "{parts.scheme}", must be http or https'
        )
    if not parts.hostname:
        raise ConfigurationError(f"{source}: no host in it")
    authorization = ""
    if parts.username is not None:
        import base64

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Proxy(
        parts.scheme,
        parts.hostname,
        port or DEFAULT_PORTS[parts.scheme],
        authorization,
        url=url,
    )


def _address(text: str) -> "IPv4Address | IPv6Address | None":
    # Late, since most runs know no proxy.
    from ipaddress import ip_address

    try:
        return ip_address(text)
    except ValueError:
        return None


def _wants_proxy(host: str, port: int, excluded: str) -> bool:
    """Whether NO_PROXY leaves this host to the proxy. The machine itself never goes through one."""
    host = host.lower()
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    return not any(
        _matches(item.strip().lower(), host, port, address) for item in excluded.split(",")
    )


def excluded(server: str, unless: str) -> bool:
    """Whether a list as of NO_PROXY covers the host of a server's URL."""
    try:
        parts = urlsplit(server)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    port = port or DEFAULT_PORTS.get(parts.scheme, 0)
    items = (item.strip().lower() for item in unless.split(","))
    return any(_matches(item, host, port, _address(host)) for item in items)


def _matches(item: str, host: str, port: int, address: "IPv4Address | IPv6Address | None") -> bool:
    """Whether one item of NO_PROXY (``*``, a network, an address or a domain) covers the host."""
    if not item:
        return False
    if item == "*":
        return True
    if "/" in item:
        from ipaddress import ip_network

        try:
            network = ip_network(item, strict=False)
        except ValueError:
            pass
        else:
            return address is not None and address in network
    name, separator, item_port = item.rpartition(":")
    if not separator or (":" in name and not name.startswith("[")):
        name, item_port = item, ""
    name = name.removeprefix("[").removesuffix("]")
    if item_port and item_port != str(port):
        return False
    if (item_address := _address(name)) is not None:
        return item_address == address
    if not name or address is not None:
        return False
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)
