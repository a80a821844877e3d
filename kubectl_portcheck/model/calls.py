"""What workloads call: the hosts that their settings name, and what is known of these.

Of a setting's value the host and the port are kept, and nothing else; of a Secret's nothing.
"""

from typing import Literal

from kubectl_portcheck.model.base import KindName, Record, WholeNumber
from kubectl_portcheck.model.objects import ServicePort

OWN_ADDRESS = "status.podip"
"""The pod's own address in a setting: the field that it is taken from, as a host."""
Setting = Literal["env", "args", "command", "config-map"]
"""Where in a workload an address was found."""


class Named(Record, frozen=True):
    """A host in one setting of a container."""

    container: str
    setting: Setting
    host: str
    port: WholeNumber | None = None
    variable: str = ""
    """The name of the environment variable, or NAME/KEY of a ConfigMap."""
    port_variable: str = ""
    """The variable that has the port, where that is another one."""
    init: bool = False
    """Whether the container is an init container."""
    whole: bool = False
    """Whether the value is the host and the port, or one of them, and nothing else."""
    sure: bool = False
    """Whether it can be nothing but an address that is called."""


class Call(Record, frozen=True):
    """A host that a workload names, and what is known of the Service that it means."""

    kind: KindName
    namespace: str
    name: str
    """The workload."""
    named: Named
    service: str = ""
    """The Service that the host is; '' where it is an address or a host without one."""
    service_namespace: str = ""
    exists: bool | None = None
    """Whether there is such a Service; None where that is not known."""
    ports: tuple[ServicePort, ...] = ()
    """Those of the Service."""
    any_port: bool = False
    """Whether clients may use other ports than the Service's: it is headless, or an alias."""
    elsewhere: tuple[str, ...] = ()
    """The other namespaces that have a Service of the name."""
    near: str = ""
    """The Service of the namespace that may be meant instead: by its name, or by that of the
    variable."""
    near_ports: tuple[ServicePort, ...] = ()
    """Those of that Service."""
    address: Literal["", "own", "service", "unknown"] = ""
    """Where the host is an IP or localhost: the pod itself, a Service, or nothing that has it."""
    declared: bool = False
    """Whether a container of the pod declares the port that is called in the pod itself."""
    listens: bool | None = None
    """Whether something listens on that port in a pod of the workload; None where that is not
    known."""
    seen_in: str = ""
    """That pod."""
