"""What can be asked of the program: one frozen type per mode.

``request.parse`` makes them. A mode has the fields that it uses and no others, so a flag for which
it has no field is refused there.
"""

from typing import TYPE_CHECKING, Literal

import msgspec

from kubectl_portcheck.commands.lookups import ReferenceRequest, Style

if TYPE_CHECKING:
    from kubectl_portcheck.address import Address
    from kubectl_portcheck.client import ConnectionFlags
    from kubectl_portcheck.collect.cluster.collect import Selection
    from kubectl_portcheck.collect.cluster.from_pod import Source
    from kubectl_portcheck.target import Target

Again = Literal["", "wait", "watch"]
"""Whether to look once, until the Service is healthy, or until Ctrl-C."""


class Output(msgspec.Struct, frozen=True):
    """Where a report goes, how it looks, and with which exit code it ends."""

    form: str = "table"
    """One of ``arguments.FORMATS``."""
    style: Style = Style()
    quiet: bool = False
    """The verdict line only."""
    summary: bool = False
    show_commands: bool = False
    files: tuple[tuple[str, str], ...] = ()
    """Format and path of each further report."""
    svg: str | None = None
    dark: bool = False
    """The background of the picture."""
    save: str | None = None
    """Where the evidence is saved."""
    redact: bool = False
    fail_on: str = "degraded"
    exit_zero: bool = False
    ignore: tuple[str, ...] = ()
    """Codes of rules."""


class Access(msgspec.Struct, frozen=True):
    """How a cluster is asked, by a walk as by a sweep."""

    flags: "ConnectionFlags"
    verbosity: int = 0
    """kubectl's log level."""
    timeout: float | None = None
    """Seconds; None means the default of the mode."""
    again: Again = ""
    exec: bool = True
    port_forward: bool = True
    callers: bool = False
    """Whether to read who calls a Service."""
    configured: bool = False
    """Whether the ConfigMaps are read for it, too."""
    logs: bool = False
    since_last: bool = False
    """Whether to say what changed since the last run that asked the same."""


class WalkRequest(msgspec.Struct, frozen=True):
    """Check what is named, in a cluster."""

    targets: "tuple[Target | Address, ...]"
    access: Access
    output: Output
    source: "Source | None" = None
    """The pod of ``--from``."""
    debug_image: str | None = None
    calls: bool = False
    """Whether to check what the workloads call, instead of their own ports."""


class FixRequest(msgspec.Struct, frozen=True):
    """Check one target, and make a fix that is confirmed."""

    walk: WalkRequest
    number: int = 0
    """Which of the fixes; 0 is the one that is proved."""
    yes: bool = False
    """Whether it is confirmed beforehand."""
    dry_run: bool = False
    """Whether to stop after the API server's dry run."""


class SweepRequest(msgspec.Struct, frozen=True):
    """Check every Service of a namespace, or of the cluster."""

    selection: "Selection"
    access: Access
    output: Output
    deep: bool = False


class FleetRequest(msgspec.Struct, frozen=True):
    """Sweep several clusters side by side."""

    sweep: SweepRequest
    """What is done in each."""
    contexts: tuple[str, ...] = ()
    """Those of the kubeconfig; none means all of them."""


class MergeRequest(msgspec.Struct, frozen=True):
    """Make one report of several that were written before."""

    words: tuple[str, ...]
    """Files and folders, each with the name of its cluster before it or not."""
    output: Output


class McpRequest(msgspec.Struct, frozen=True):
    """Serve tools to an agent."""

    flags: tuple[str, ...] = ()
    """The connection flags of every check."""


class FilesRequest(msgspec.Struct, frozen=True):
    """Check manifests."""

    paths: tuple[str, ...]
    targets: "tuple[Target, ...]"
    output: Output
    namespace: str = ""
    """Of objects whose file names none."""
    selector: str = ""
    complete: bool = False
    """Whether nothing exists besides the files."""
    change: Literal["", "diff", "write"] = ""
    """Whether to print a patch or to write the files instead of a report."""


class DemoRequest(msgspec.Struct, frozen=True):
    """Show an incident that ships with the program."""

    scenario: str
    output: Output
    animated: bool = True


class ReplayRequest(msgspec.Struct, frozen=True):
    """Diagnose saved evidence."""

    path: str
    output: Output


Request = (
    WalkRequest
    | FixRequest
    | SweepRequest
    | FleetRequest
    | MergeRequest
    | McpRequest
    | FilesRequest
    | DemoRequest
    | ReplayRequest
    | ReferenceRequest
)
