"""What the volumes of a pod are made from."""

from kubectl_portcheck.model.base import Record


class ConfigMapVolume(Record, frozen=True):
    """A ConfigMap that is mounted."""

    name: str = ""
    optional: bool = False


class SecretVolume(Record, frozen=True):
    """A Secret that is mounted."""

    secret_name: str = ""
    optional: bool = False


class ClaimVolume(Record, frozen=True):
    """A PersistentVolumeClaim that is mounted."""

    claim_name: str = ""


class Volume(Record, frozen=True):
    """A volume of a pod."""

    name: str = ""
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
