"""The one command that settles what a report could not tell."""

from collections.abc import Sequence

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.model.report import NextStep
from kubectl_portcheck.semantics.answers import silent
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.enforcement import blocked
from kubectl_portcheck.semantics.seat import known_client

IMAGE = "busybox"
"""An image with a shell; any other one will do."""


def next_step(cases: Sequence[Case]) -> NextStep | None:
    """The command that would tell most of what is not known; None where there is none."""
    if not cases or cases[0].in_files:
        return None
    ways = (
        _ask_in_the_clients_pod,
        _ask_the_pods,
        _read_the_sockets,
        _past_the_kubelet,
        _wait_for_the_answer,
        _connect_from_a_pod,
        _connect_to_the_alias,
        _connect_past_policies,
    )
    return next((step for way in ways if (step := way(cases))), None)


def _unknown(cases: Sequence[Case]) -> list[PodState]:
    return [s for c in cases for s in c.backends if s.answer.kind == "unknown"]


def _unread(cases: Sequence[Case], reason: Reason) -> bool:
    """Whether the sockets of a pod of which too little is known are missing for that reason."""
    found = (cases[0].measured(s.pod).sockets for s in _unknown(cases))
    return any(isinstance(f, Missing) and f.reason == reason for f in found)


def _ask_in_the_clients_pod(cases: Sequence[Case]) -> NextStep | None:
    """An ephemeral container shares the network and the resolver of the pod of ``--from``."""
    client = known_client(cases[0])
    if client is None or not any(
        isinstance(m, Missing) and m.reason == Reason.NO_SHELL
        for m in (client.dns, client.undialled)
    ):
        return None
    pod = f"{client.namespace}/pod/{client.pod}"
    return NextStep(
        text="Look up the name and connect from a debug container, which stays in the client's pod "
        "until the pod is deleted",
        command=_portcheck(cases[0], "--from", pod, "--debug-image", IMAGE),
    )


def _ask_the_pods(cases: Sequence[Case]) -> NextStep | None:
    """Those that a sweep has not contacted, or that a flag has left out."""
    if not any(_unread(cases, why) for why in (Reason.NOT_CONTACTED, Reason.NOT_ASKED)):
        return None
    return NextStep(text="Look into the pods of this Service", command=_portcheck(cases[0]))


def _read_the_sockets(cases: Sequence[Case]) -> NextStep | None:
    """An ephemeral container shares the pod's network, so it sees every socket."""
    if not _unread(cases, Reason.NO_SHELL):
        return None
    return NextStep(
        text="Read the sockets from a debug container, which stays in the pod until the pod is "
        "deleted",
        command=_portcheck(cases[0], "--debug-image", IMAGE),
    )


def _past_the_kubelet(cases: Sequence[Case]) -> NextStep | None:
    """Another pod reaches these pods without their node's kubelet, by which nothing was learnt."""
    read = {s.name: cases[0].measured(s.pod).sockets for s in _unknown(cases)}
    silent = [s for s in _unknown(cases) if _unanswered(read[s.name]) and s.pod.spec.node_name]
    if not silent:
        return None
    node = silent[0].pod.spec.node_name
    if known_client(cases[0]) is None:
        return NextStep(
            text=f"Connect from another pod, without the kubelet of node {node}",
            command=_portcheck(cases[0], "--from", "auto"),
        )
    return NextStep(
        text=f"See whether node {node} is healthy",
        command=(*cases[0].kubectl, "describe", "node", node),
    )


def _unanswered(sockets: Observed[PodSockets] | Missing) -> bool:
    return isinstance(sockets, Missing) and sockets.reason in (Reason.TIMED_OUT, Reason.FAILED)


def _wait_for_the_answer(cases: Sequence[Case]) -> NextStep | None:
    """The same request once more, with a minute's patience."""
    for case in cases:
        for state in case.backends:
            asked = silent(case.measured(state.pod), state.target) if state.target else None
            if asked is None:
                continue
            name = f"{state.name}:{state.target}"
            name = f"{asked.scheme}:{name}" if asked.scheme == "https" else name
            raw = f"/api/v1/namespaces/{case.namespace}/pods/{name}/proxy{asked.asked_path}"
            return NextStep(
                text="Wait longer for the same answer",
                command=(*case.kubectl, "get", "--raw", raw, "--request-timeout=60s"),
            )
    return None


def _connect_from_a_pod(cases: Sequence[Case]) -> NextStep | None:
    """What is outside of the namespace can only be reached from where its clients are."""
    if not any(c.outside for c in cases):
        return None
    pod = next((s.name for c in cases for s in c.states), "POD")
    return NextStep(
        text="Connect from a pod that has a shell"
        + ("; put its name in place of POD" if pod == "POD" else ""),
        command=_portcheck(cases[0], "--from", f"pod/{pod}"),
    )


def _connect_to_the_alias(cases: Sequence[Case]) -> NextStep | None:
    """What an ExternalName leads to is outside: only a client of the network can reach it."""
    if not cases[0].external_name:
        return None
    host, port = cases[0].service.spec.external_name, str(cases[0].port.port)
    return NextStep(
        text="Connect from a pod that has nc; put its name in place of POD",
        command=(
            *(*cases[0].kubectl, "exec", "POD", "-n", cases[0].namespace),
            *("--", "nc", "-vz", "-w", "5", host, port),
        ),
    )


def _connect_past_policies(cases: Sequence[Case]) -> NextStep | None:
    """Whether policies are enforced shows where a client is that they deny."""
    found = [blocked(case, of_other_kinds=kinds) for case in cases for kinds in (False, True)]
    if not any(b.states and not b.shown for b in found):
        return None
    return NextStep(
        text="Connect from another pod of the namespace, or name a client's pod (--from pod/NAME)",
        command=_portcheck(cases[0], "--from", "auto"),
    )


def _portcheck(case: Case, *flags: str) -> tuple[str, ...]:
    """The program itself; kubectl wants its own flags behind a plugin's name."""
    program, *connection = case.kubectl
    where = (f"svc/{case.name}", "-n", case.namespace)
    return (program, "portcheck", *where, *connection, *flags)
