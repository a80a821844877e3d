"""What surrounds a run: streams and variables, handed in and never looked up."""

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple, TextIO


class Environment(NamedTuple):
    """The world as one run sees it."""

    stdout: TextIO
    """Within a run, a stream on which writing never raises: see ``streams``."""
    stderr: TextIO
    environ: Mapping[str, str]
    stdin: BinaryIO | None = None
    """As bytes: whether they are text is for the reader of ``-f -`` to say."""
