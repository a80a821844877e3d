"""Evidence that was gathered before: --replay."""

import argparse
from typing import TYPE_CHECKING

from kubectl_portcheck.commands.output import conclude
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode

if TYPE_CHECKING:
    from kubectl_portcheck.model.evidence import Evidence


def run(args: argparse.Namespace, env: Environment) -> ExitCode:
    """Diagnoses what --replay names. Raises UsageError where it cannot be read."""
    return conclude(_evidence(args), args, env)


def _evidence(args: argparse.Namespace) -> "Evidence":
    from pathlib import Path

    from kubectl_portcheck.collect.snapshots import snapshot

    path = Path(args.replay)
    if snapshot.is_foreign(path):
        from kubectl_portcheck.collect.snapshots import kubectl_output

        return kubectl_output.load(path)
    return snapshot.load(path)
