"""Which version of Kubernetes the API server has, asked for beside all else."""

import threading
from typing import TYPE_CHECKING

from kubectl_portcheck import timeouts
from kubectl_portcheck.client.errors import ClusterError
from kubectl_portcheck.collect import decode

if TYPE_CHECKING:
    from kubectl_portcheck.client import Api, Deadline

PATIENCE = 0.5
"""How many seconds the end of a run waits for an answer that has not come by then."""


class ServerVersion:
    """The question, asked at once in a thread of its own. Nothing waits for it but its reader."""

    def __init__(self, api: "Api", deadline: "Deadline") -> None:
        self._api = api
        self._deadline = deadline
        self._found = ""
        # The process does not wait for it: an answer that never comes delays nothing.
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def found(self) -> str:
        """Give the version, such as ``v1.36.3``; '' where the server does not tell it in time."""
        self._thread.join(PATIENCE)
        return self._found

    def _ask(self) -> None:
        try:
            self._found = self._api.read(
                "/version",
                as_=lambda raw: decode.decode(raw, decode.VersionInfo).git_version,
                deadline=self._deadline.earlier(timeouts.READ),
            )
        except (ClusterError, ValueError):
            # No answer, or one that cannot be read. No one needs it: a run without it is whole.
            return
