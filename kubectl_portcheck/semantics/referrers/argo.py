"""Argo Rollouts: the Services between which a Rollout moves the clients.

The controller refuses a Rollout whose Service does not exist or selects a label that its pods do
not have, and makes no progress then. (Argo Rollouts, ``ValidateService``)
"""

from collections.abc import Iterator

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics.referrers.base import form


class PingPong(Record, frozen=True):
    """Two Services that take turns."""

    ping_service: str = ""
    pong_service: str = ""


class Canary(Record, frozen=True):
    """The Services of a canary."""

    stable_service: str = ""
    canary_service: str = ""
    ping_pong: PingPong = PingPong()


class BlueGreen(Record, frozen=True):
    """The Services of blue and green."""

    active_service: str = ""
    preview_service: str = ""


class Strategy(Record, frozen=True):
    """How a Rollout moves from one version to the next."""

    canary: Canary = Canary()
    blue_green: BlueGreen = BlueGreen()


class Template(Record, frozen=True):
    """The labels of the pods."""

    metadata: ObjectMeta = ObjectMeta()


class RolloutSpec(Record, frozen=True):
    """What is read of a Rollout's specification."""

    strategy: Strategy = Strategy()
    template: Template | None = None


class Rollout(Record, frozen=True):
    """A Rollout."""

    metadata: ObjectMeta = ObjectMeta()
    spec: RolloutSpec = RolloutSpec()


def _of_rollout(found: Rollout) -> Iterator[Reference]:
    canary, blue_green = found.spec.strategy.canary, found.spec.strategy.blue_green
    pair = canary.ping_pong
    for field, name in (
        ("canary/stableService", canary.stable_service),
        ("canary/canaryService", canary.canary_service),
        ("canary/pingPong/pingService", pair.ping_service),
        ("canary/pingPong/pongService", pair.pong_service),
        ("blueGreen/activeService", blue_green.active_service),
        ("blueGreen/previewService", blue_green.preview_service),
    ):
        if name:
            yield Reference(
                where=field.rpartition("/")[2],
                service=name,
                namespace=found.metadata.namespace,
                pointer=f"/spec/strategy/{field}",
            )


def _labels(found: Rollout) -> dict[str, str]:
    # By workloadRef the pods are those of a Deployment, which is not read here.
    return found.spec.template.metadata.labels if found.spec.template else {}


FORMS = {kinds.ROLLOUT: form(kinds.ROLLOUT, Rollout, _of_rollout, labels=_labels)}
