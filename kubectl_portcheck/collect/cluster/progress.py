"""What the collecting of evidence reports about itself, to be shown."""

from typing import Protocol

from kubectl_portcheck.model.report import StepName


class Progress(Protocol):
    """Receives what the walk does; called from several threads."""

    def target(self, title: str, number: int, total: int) -> None:
        """Another Service's turn."""

    def started(self, step: StepName, detail: str = "") -> None:
        """A step began, or went on."""

    def done(self, step: StepName) -> None:
        """A step is complete."""

    def sweep(self, title: str) -> None:
        """A sweep over several Services begins."""

    def counted(self, what: str, number: int, total: int, detail: str = "") -> None:
        """So many of so many are done; the total is 0 where it is not known."""


class Silent:
    """Progress that is not shown: of the library, of repeated walks, of the walks of a sweep."""

    def target(self, title: str, number: int, total: int) -> None:
        """Show nothing."""

    def started(self, step: StepName, detail: str = "") -> None:
        """Show nothing."""

    def done(self, step: StepName) -> None:
        """Show nothing."""

    def sweep(self, title: str) -> None:
        """Show nothing."""

    def counted(self, what: str, number: int, total: int, detail: str = "") -> None:
        """Show nothing."""
