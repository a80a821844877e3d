"""No offered fix serves fewer pods than before, nor sends clients to a pod that refuses.

Services, pods, listeners and probes are drawn at random. What a patch brings is worked out here by
a small simulation of its own, on plain dictionaries: it shares no code with the program.
``PORTCHECK_FIX_CASES=10000`` draws more.
"""

import copy
import json
import os
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.evidence import Context, Evidence, ServiceEvidence
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload
from kubectl_portcheck.model.probes import ListeningSocket, PodSockets

CASES = int(os.environ.get("PORTCHECK_FIX_CASES", "300"))
NUMBERS = [80, 443, 5432, 8080, 9000, 9100]
NAMES = ["http", "https", "metrics", "pg", "admin"]
NOW = "2026-06-01T12:00:00Z"
Data = dict[str, Any]

declared = st.lists(
    st.builds(
        lambda number, name: {"containerPort": number, "name": name},
        st.sampled_from(NUMBERS),
        st.sampled_from(["", *NAMES]),
    ),
    max_size=2,
    unique_by=lambda p: p["name"],
)
probe = st.one_of(
    st.none(),
    st.builds(lambda port: {"tcpSocket": {"port": port}}, st.sampled_from([*NUMBERS, "http"])),
)


@st.composite
def situations(draw: st.DrawFn) -> Data:
    templates = {
        name: {"ports": draw(declared), "readinessProbe": draw(probe)} for name in ("web", "job")
    }
    pods = []
    main = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=2, unique=True))
    for i in range(draw(st.integers(1, 4))):
        owner = draw(st.sampled_from(["web", "web", "web", "job"]))
        # Mostly the pods of one application open the same ports, and one of them lacks one.
        usual = draw(st.sampled_from([main, main, [*main, 9100], main[:1], main[1:]]))
        other = draw(st.lists(st.sampled_from(NUMBERS), max_size=3, unique=True))
        listening = draw(st.sampled_from([usual, usual, other]))
        pods.append({"name": f"{owner}-{i}", "owner": owner, "listening": listening})
    ports = draw(
        st.lists(
            st.builds(
                lambda port, target, name: {"port": port, "targetPort": target, "name": name},
                st.sampled_from(NUMBERS),
                st.sampled_from([*main, *main, *NUMBERS, *NAMES]),
                st.sampled_from(NAMES),
            ),
            min_size=1,
            max_size=2,
            unique_by=(lambda p: p["port"], lambda p: p["name"]),
        )
    )
    selector = draw(st.sampled_from([{"app": "shop"}, {"app": "shop", "role": "web"}]))
    return {"templates": templates, "pods": pods, "service": {"selector": selector, "ports": ports}}


def number_of(port: int | str, ports: list[Data]) -> int | None:
    if isinstance(port, int):
        return port
    return next((p["containerPort"] for p in ports if p["name"] == port), None)


def is_ready(pod: Data, template: Data) -> bool:
    asked = template["readinessProbe"]
    if asked is None:
        return True
    return number_of(asked["tcpSocket"]["port"], template["ports"]) in pod["listening"]


def labels(pod: Data) -> Data:
    return {"app": "shop", "role": pod["owner"]}


def outcome(world: Data) -> list[tuple[set[str], set[str]]]:
    """For each Service port, the pods that serve its clients, and those that refuse them."""
    spec = world["service"]
    found = []
    for port in spec["ports"]:
        serving: set[str] = set()
        refusing: set[str] = set()
        for pod in world["pods"]:
            template = world["templates"][pod["owner"]]
            if not spec["selector"].items() <= labels(pod).items():
                continue
            if not is_ready(pod, template):
                continue
            target = number_of(port["targetPort"], template["ports"])
            if target is not None:
                (serving if target in pod["listening"] else refusing).add(pod["name"])
        found.append((serving, refusing))
    return found


def evidence_of(world: Data) -> Evidence:
    pods = []
    endpoints: dict[str, Data] = {}
    sockets: dict[str, Observed[PodSockets] | Missing] = {}
    for i, pod in enumerate(world["pods"], 1):
        template = world["templates"][pod["owner"]]
        ready = is_ready(pod, template)
        container = {"name": "app", **{k: v for k, v in template.items() if v}}
        owner = {"kind": "StatefulSet", "name": pod["owner"], "uid": "u", "controller": True}
        data = {
            "metadata": {
                "name": pod["name"],
                "namespace": "shop",
                "labels": labels(pod),
                "ownerReferences": [owner],
            },
            "spec": {"containers": [container]},
            "status": {
                "phase": "Running",
                "podIP": f"10.0.0.{i}",
                "podIPs": [{"ip": f"10.0.0.{i}"}],
                "conditions": [
                    {"type": "Ready", "status": str(ready)},
                    {"type": "ContainersReady", "status": str(ready)},
                ],
                "containerStatuses": [
                    {
                        "name": "app",
                        "ready": ready,
                        "started": True,
                        "state": {"running": {"startedAt": "2026-06-01T00:00:00Z"}},
                    }
                ],
            },
        }
        if not world["service"]["selector"].items() <= labels(pod).items():
            continue
        pods.append(msgspec.convert(data, Pod))
        listeners = tuple(
            ListeningSocket(protocol="TCP", family="IPv4", address="0.0.0.0", port=n, source="proc")
            for n in pod["listening"]
        )
        sockets[pod["name"]] = Observed(value=PodSockets(listeners=listeners, source="proc"))
        resolved = [
            {"name": p["name"], "port": n}
            for p in world["service"]["ports"]
            if (n := number_of(p["targetPort"], template["ports"])) is not None
        ]
        endpoint = {
            "addresses": [f"10.0.0.{i}"],
            "conditions": {"ready": ready},
            "targetRef": {"kind": "Pod", "name": pod["name"]},
        }
        endpoints[pod["name"]] = {
            "metadata": {"name": pod["name"]},
            "endpoints": [endpoint],
            "ports": resolved or None,
        }
    spec = {**world["service"], "clusterIP": "10.96.0.1", "ipFamilies": ["IPv4"]}
    meta = {"name": "shop", "namespace": "shop"}
    service = ServiceEvidence(
        service=msgspec.convert({"metadata": meta, "spec": spec}, Service),
        pods=Observed(value=tuple(pods)),
        endpoint_slices=Observed(
            value=tuple(msgspec.convert(e, EndpointSlice) for e in endpoints.values())
        ),
        workloads=Observed(
            value=tuple(
                msgspec.convert({"kind": "StatefulSet", "metadata": {"name": n}}, Workload)
                for n in world["templates"]
            )
        ),
        sockets=sockets,
    )
    return Evidence(context=Context(source="cluster", collected_at=NOW), services=(service,))


def pasted(world: Data, command: tuple[str, ...]) -> Data | None:
    """The world after the pasted command; None where it is not a patch."""
    if "patch" not in command:
        return None
    kind, name = command[command.index("patch") + 1 :][:2]
    after = copy.deepcopy(world)
    for operation in json.loads(command[-1]):
        steps = [s.replace("~1", "/") for s in operation["path"].split("/")[1:]]
        place: Any = {"spec": after["service"]}
        if kind != "service":
            inner = after["templates"][name]
            place = {"spec": {"template": {"spec": {"containers": [{"name": "app", **inner}]}}}}
            place["spec"]["template"]["spec"]["containers"][0] = inner
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key: Any = int(steps[-1]) if isinstance(place, list) else steps[-1]
        if operation["op"] == "remove":
            del place[key]
        elif operation["op"] != "test":
            place[key] = operation["value"]
    return after


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=CASES <= 300,
    suppress_health_check=list(HealthCheck),
)
@given(situations())
def test_no_offered_fix_serves_fewer_pods_than_before(world: Data) -> None:
    before = outcome(world)
    report = diagnose(evidence_of(world)).services[0]
    for finding in report.findings:
        for fix in finding.fixes:
            after_world = pasted(world, fix.command) if fix.command else None
            if after_world is None or (fix.predicted and fix.predicted.together):
                continue
            after = outcome(after_world)
            which = (finding.code, fix.title, fix.predicted)
            for (served, refusing), (then, failing) in zip(before, after, strict=True):
                assert served <= then, which
                if served:
                    assert failing <= refusing, which
            if fix.safety == "safe":
                place = next(
                    i
                    for i, p in enumerate(world["service"]["ports"])
                    if finding.port in (None, p["port"])
                )
                assert after[place][0], which
                assert not after[place][1], which
            if fix.predicted and finding.port is not None and fix.predicted.verdict == "healthy":
                place = [p["port"] for p in world["service"]["ports"]].index(finding.port)
                assert len(after[place][0]) == fix.predicted.served, which
