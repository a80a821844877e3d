"""The connection to a cluster: kubeconfig and credentials by kubectl's rules, reads over HTTP,
commands and port-forwards over WebSockets, each of them bounded by a deadline."""

from kubectl_portcheck.client.api import Api
from kubectl_portcheck.client.connection import Connection, load_connection
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import (
    ApiStatusError,
    BadAnswer,
    BadRequest,
    ClusterError,
    ConfigurationError,
    CredentialsError,
    Forbidden,
    NotFound,
    ProxyError,
    Throttled,
    TimedOut,
    TlsError,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from kubectl_portcheck.client.exec import ExecResult
from kubectl_portcheck.client.flags import ConnectionFlags
from kubectl_portcheck.client.pod_proxy import ProxyAnswer
from kubectl_portcheck.client.port_forward import PortAnswer

__all__ = [
    "Api",
    "ApiStatusError",
    "BadAnswer",
    "BadRequest",
    "ClusterError",
    "ConfigurationError",
    "Connection",
    "ConnectionFlags",
    "CredentialsError",
    "Deadline",
    "ExecResult",
    "Forbidden",
    "NotFound",
    "PortAnswer",
    "ProxyAnswer",
    "ProxyError",
    "Throttled",
    "TimedOut",
    "TlsError",
    "TooLarge",
    "Unauthorized",
    "Unreachable",
    "load_connection",
]
