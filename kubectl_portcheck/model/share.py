"""How many of how many: never 'some', never the first one for all."""

from collections.abc import Sized

from kubectl_portcheck.model.base import Record


class Share(Record, frozen=True):
    """A part of a whole."""

    part: int
    whole: int
    noun: str = "pod"

    def __str__(self) -> str:
        """``all 3 pods``, ``both pods``, ``the pod``, ``2 of 3 pods``, ``no pod``."""
        if not self.part:
            return f"no {self.noun}"
        if self.part == self.whole:
            several = "both" if self.whole == 2 else f"all {self.whole}"
            return f"the {self.noun}" if self.whole == 1 else f"{several} {self.noun}s"
        return f"{self.part} of {self.whole} {self.noun}{'' if self.whole == 1 else 's'}"


def share_of(part: Sized, whole: Sized, noun: str = "pod") -> Share:
    """The share of the things in ``part`` among those in ``whole``."""
    return Share(part=len(part), whole=len(whole), noun=noun)
