"""What pods need that may be missing: claims, storage classes, ConfigMaps and Secrets.

The contents of a ConfigMap or Secret have no field.
"""

from typing import Annotated

from kubectl_portcheck.model.base import Known, Record
from kubectl_portcheck.model.objects import ObjectMeta


class ClaimSpec(Record, frozen=True):
    """What was asked of a PersistentVolumeClaim."""

    storage_class_name: str | None = None
    """None: the default class; '' means no class at all."""
    volume_name: str = ""


class ClaimStatus(Record, frozen=True):
    """What became of a PersistentVolumeClaim."""

    phase: Annotated[str, Known({"Pending", "Bound", "Lost"})] = ""


class PersistentVolumeClaim(Record, frozen=True):
    """A request for storage."""

    metadata: ObjectMeta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class StorageClass(Record, frozen=True):
    """A kind of storage that can be asked for."""

    metadata: ObjectMeta
    provisioner: str = ""
    volume_binding_mode: Annotated[str, Known({"Immediate", "WaitForFirstConsumer"})] = ""


class ConfigMap(Record, frozen=True):
    """A ConfigMap, by its name and the names of its keys."""

    metadata: ObjectMeta
    keys: tuple[str, ...] = ()
    """Filled in by the reader; the values are not kept."""


class Secret(Record, frozen=True):
    """A Secret, only by its name: it is listed without its contents."""

    metadata: ObjectMeta
