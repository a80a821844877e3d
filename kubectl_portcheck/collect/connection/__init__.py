"""The connection to a cluster: kubeconfig and credentials by kubectl's rules, reads over HTTP,
commands and port knocks over WebSockets, each of them bounded by a deadline."""

from kubectl_portcheck.collect.connection.api import Api
from kubectl_portcheck.collect.connection.connection import Connection, load_connection
from kubectl_portcheck.collect.connection.deadline import Deadline
from kubectl_portcheck.collect.connection.errors import (
    ApiStatusError,
    BadAnswer,
    ClusterError,
    ConfigurationError,
    CredentialsError,
    Forbidden,
    NotFound,
    ProxyError,
    Throttled,
    TimedOut,
    TlsError,
    Unauthorized,
    Unreachable,
)
from kubectl_portcheck.collect.connection.exec import ExecResult
from kubectl_portcheck.collect.connection.flags import ConnectionFlags
from kubectl_portcheck.collect.connection.knock import Knock
from kubectl_portcheck.collect.connection.proxied import ProxyAnswer

__all__ = [
    "Api",
    "ApiStatusError",
    "BadAnswer",
    "ClusterError",
    "ConfigurationError",
    "Connection",
    "ConnectionFlags",
    "CredentialsError",
    "Deadline",
    "ExecResult",
    "Forbidden",
    "Knock",
    "NotFound",
    "ProxyAnswer",
    "ProxyError",
    "Throttled",
    "TimedOut",
    "TlsError",
    "Unauthorized",
    "Unreachable",
    "load_connection",
]
