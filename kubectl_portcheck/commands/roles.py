"""What the Role of ``--rbac`` is for."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from kubectl_portcheck.target import Target


class RoleFor(msgspec.Struct, frozen=True):
    """What the Role of ``--rbac`` has to allow."""

    targets: "tuple[Target, ...]" = ()
    namespace: str = ""
    everywhere: bool = False
    exec: bool = True
    port_forward: bool = True
    debug: bool = False
    fix: bool = False
    callers: bool = False
    """Whether the settings of workloads are read: by --callers, by --calls, or for an address."""
    logs: bool = False
    source_kind: str = ""
    """The kind that ``--from`` names."""
    source_namespace: str | None = None
    """The namespace of the pod of ``--from``, '' for the same one; None without ``--from``."""
