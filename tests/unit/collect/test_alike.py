"""Neighbours of a list hold once what they have in common, and nothing else changes."""

import msgspec

from kubectl_portcheck.collect.alike import Alike
from kubectl_portcheck.collect.decode import ListOf, decode
from kubectl_portcheck.model.objects import EndpointSlice, Pod


def _pod(number: int, image: str = "app:1") -> dict[str, object]:
    return {
        "metadata": {"name": f"shop-{number}", "namespace": "team", "labels": {"app": "shop"}},
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "app", "image": image, "ports": [{"containerPort": 8080}]}],
        },
        "status": {
            "podIP": f"10.0.0.{number}",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "app", "ready": True}],
        },
    }


def test_the_pods_of_one_template_hold_their_containers_once() -> None:
    raw = msgspec.json.encode({"items": [_pod(1), _pod(2), _pod(3, "app:2"), _pod(4, "app:2")]})
    pods, untouched = decode(raw, ListOf[Pod]).items, decode(raw, ListOf[Pod]).items
    Alike().hold_once(pods)
    assert pods == untouched
    assert pods[0].spec.containers is pods[1].spec.containers
    assert pods[2].spec.containers is pods[3].spec.containers
    assert pods[0].metadata.labels is pods[3].metadata.labels
    assert pods[0].status.conditions is pods[3].status.conditions
    assert [p.status.pod_ip for p in pods] == [f"10.0.0.{n}" for n in range(1, 5)]


def test_the_endpoints_of_a_slice_hold_their_conditions_once() -> None:
    endpoints = [
        {
            "addresses": [f"10.0.0.{n}"],
            "conditions": {"ready": n != 2},
            "targetRef": {"kind": "Pod", "namespace": "team", "name": f"shop-{n}"},
        }
        for n in range(4)
    ]
    raw = msgspec.json.encode({"items": [{"metadata": {}, "endpoints": endpoints}]})
    (piece,), untouched = (
        decode(raw, ListOf[EndpointSlice]).items,
        decode(raw, ListOf[EndpointSlice]),
    )
    Alike().hold_once([piece])
    assert (piece,) == untouched.items
    assert piece.endpoints is not None
    assert piece.endpoints[0].conditions is piece.endpoints[1].conditions
    assert [e.ready for e in piece.endpoints] == [True, True, False, True]
