"""The one place that changes an object of the cluster: a fix that the user confirmed (--fix)."""

from typing import Any

from kubectl_portcheck import timeouts
from kubectl_portcheck.client import Api, Deadline
from kubectl_portcheck.inputs import json_value
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.fixes import JsonPatch, Subject


class Changes:
    """Reads and patches objects over an open connection.

    Every method raises ClusterError where the API server refuses or does not answer, and ValueError
    where its answer is no object.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, subject: Subject) -> Any:
        """Return the object as it is now."""
        deadline = Deadline.after(timeouts.READ)
        return self._api.read(_path(subject), as_=json_value, deadline=deadline)

    def patch(self, subject: Subject, change: JsonPatch, *, dry_run: bool) -> Any:
        """Return the object as it is after the change, which a dry run does not keep."""
        return self._api.json_patch(
            _path(subject),
            change.body.encode(),
            dry_run=dry_run,
            as_=json_value,
            deadline=Deadline.after(timeouts.READ),
        )


def _path(subject: Subject) -> str:
    return f"{kinds.BY_NAME[subject.kind].collection(subject.namespace)}/{subject.name}"
