"""Messages that are too long to be read, searched and shown are cut."""

import msgspec

from kubectl_portcheck.collect.decode import ListOf, decode
from kubectl_portcheck.collect.long_texts import shortened
from kubectl_portcheck.inputs.limits import MESSAGE_CHARACTERS
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import Context, Evidence, ServiceEvidence
from kubectl_portcheck.model.objects import Event, ObjectMeta, Pod, Service
from kubectl_portcheck.model.probes import Attempt

LONG = "a: " * MESSAGE_CHARACTERS


def test_the_messages_of_objects_are_cut_and_nothing_else() -> None:
    raw = msgspec.json.encode(
        {
            "items": [
                {
                    "metadata": {"name": LONG},
                    "status": {
                        "conditions": [{"type": "Ready", "status": "False", "message": LONG}],
                        "containerStatuses": [
                            {"name": "app", "state": {"waiting": {"reason": "x", "message": LONG}}}
                        ],
                    },
                }
            ]
        }
    )
    (pod,) = decode(raw, ListOf[Pod]).items
    waiting = pod.status.container_statuses[0].state.waiting
    assert waiting
    for message in (pod.status.conditions[0].message, waiting.message):
        assert message == f"{LONG[: MESSAGE_CHARACTERS - 1]}…"
    assert pod.metadata.name == LONG
    event = decode(msgspec.json.encode({"metadata": {}, "message": LONG}), Event)
    assert len(event.message) == MESSAGE_CHARACTERS


def test_those_of_evidence_too() -> None:
    service = ServiceEvidence(
        service=Service(metadata=ObjectMeta(name="a")),
        pods=Missing(reason=Reason.FAILED, detail=LONG),
        sockets={"a": Missing(reason=Reason.FAILED, detail=LONG)},
        attempts=(Attempt(pod="a", port=1, path="pod-proxy", outcome="refused", detail=LONG),),
    )
    evidence = Evidence(context=Context(source="snapshot"), services=(service,))
    found = shortened(evidence)
    assert LONG not in str(msgspec.to_builtins(found))
    assert shortened(found) is found
