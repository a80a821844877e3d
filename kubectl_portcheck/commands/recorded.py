"""Evidence that was gathered before: --replay."""

from typing import TYPE_CHECKING

from kubectl_portcheck.commands.modes import ReplayRequest
from kubectl_portcheck.commands.output import conclude
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode

if TYPE_CHECKING:
    from kubectl_portcheck.model.evidence import Evidence


def run(request: ReplayRequest, env: Environment) -> ExitCode:
    """Diagnose what --replay names. Raises UsageError where it cannot be read."""
    return conclude(_evidence(request.path), request.output, env)


def _evidence(name: str) -> "Evidence":
    from pathlib import Path

    from kubectl_portcheck.collect.snapshots import snapshot

    path = Path(name)
    if snapshot.is_foreign(path):
        from kubectl_portcheck.collect.snapshots import kubectl_output

        return kubectl_output.load(path)
    return snapshot.load(path)
