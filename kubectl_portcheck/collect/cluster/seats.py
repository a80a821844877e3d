"""From what ``--from`` names to the pods from which connections are made."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster.addresses import Spaces
from kubectl_portcheck.collect.cluster.from_pod import Seat, Source
from kubectl_portcheck.collect.cluster.likely_clients import callers_of
from kubectl_portcheck.collect.cluster.reads import LiveReads, label_query
from kubectl_portcheck.errors import NoAnswerError, UnknownTargetError
from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.kinds import POD, short_name
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.seat import Chosen
from kubectl_portcheck.semantics import mesh, selectors
from kubectl_portcheck.semantics.ownership import maker_of
from kubectl_portcheck.semantics.pods import (
    has_running_main,
    is_finished,
    is_passing,
    is_ready,
    is_terminating,
    running_containers,
)
from kubectl_portcheck.target import Target

MOST_TRIED = 4
"""Of how many workloads a pod is tried where any pod will do."""


def seats_for(source: Source, target: Target, spaces: Spaces, here: str = "") -> tuple[Seat, ...]:
    """Give the pods that may be taken, the best first; the first that has a tool is.

    A client is looked for in the namespace in use (``here``), then in that of the target, which a
    DNS name may set: a client that calls ``checkout.shop`` is rarely in namespace ``shop``. Any pod
    that stands in for clients is one of the target's namespace where it can be.

    Raises UnknownTargetError where there is no such pod or workload or none of its pods runs, and
    NoAnswerError where that is not known.
    """
    if source.namespace:
        return _seats_in(source.namespace, source, target, spaces)
    wanted = (target.namespace, here) if source.auto else (here, target.namespace)
    first, *others = dict.fromkeys(filter(None, wanted))
    if not others:
        return _seats_in(first, source, target, spaces)
    try:
        found = _seats_in(first, source, target, spaces)
    except (UnknownTargetError, NoAnswerError) as error:
        with contextlib.suppress(UnknownTargetError, NoAnswerError):
            return _seats_in(others[0], source, target, spaces)
        raise error from None
    if found[0].client is None:  # Whether there is such a pod is not known.
        with contextlib.suppress(UnknownTargetError, NoAnswerError):
            return _seats_in(others[0], source, target, spaces)
    return found


def _seats_in(space: str, source: Source, target: Target, spaces: Spaces) -> tuple[Seat, ...]:
    reads = spaces(space).reads
    if source.kind is POD:
        return (_named(source, space, reads),)
    found = _pods(source, space, reads)
    if source.auto:
        seats = tuple(_stand_ins(found, target, space, spaces))
        if not seats:
            raise UnknownTargetError(
                f"--from auto: no pod in namespace {space} can be the client", HINT
            )
        return seats[:MOST_TRIED]
    return (_of_several(source, space, found),)


HINT = "Name one of another namespace: --from NAMESPACE/pod/NAME, or NAMESPACE/auto."


def _named(source: Source, space: str, reads: LiveReads) -> Seat:
    """The pod itself. Where pods may not be listed, the API server is left to choose."""
    found = reads.pod(source.name)
    if isinstance(found, Missing):
        return Seat(space, source.name, source.container)
    if found.value is None:
        raise UnknownTargetError(f'--from: pods "{source.name}" not found in {space}', "")
    pod = found.value
    if not has_running_main(pod):
        raise UnknownTargetError(f"--from: pod/{source.name} in {space} {_why_not(pod)}", "")
    return _seat(source, space, pod)


def _pods(source: Source, space: str, reads: LiveReads) -> tuple[Pod, ...]:
    """The pods of the workload, those with the labels, or all of the namespace."""
    selector = source.selector
    if source.kind is not None:
        kind = source.kind
        try:
            made = reads.named(kind, source.name, lambda raw: decode.workload(raw, kind.name))
        except UnknownTargetError as error:
            raise UnknownTargetError(f"--from: {error.line}", error.hint) from None
        if isinstance(made, Missing):
            raise _untold(source, made)
        selector = label_query(made.value.spec.selector)
    found = reads.pods_matching(selector)
    if isinstance(found, Missing):
        raise _untold(source, found)
    return tuple(p for p in found.value if not is_finished(p))


def _untold(source: Source, why: Missing) -> NoAnswerError:
    detail = why.detail or why.reason
    return NoAnswerError(f"cannot tell which pod --from {source.title} means: {detail}")


def _of_several(source: Source, space: str, found: Sequence[Pod]) -> Seat:
    """A Ready pod; where none is, one that runs: it may wait for this very Service."""
    if not found:
        raise UnknownTargetError(f"--from: {source.title} has no pod in {space}", "")
    running = [p for p in found if has_running_main(p) and not is_terminating(p)]
    if not running:
        first = min(found, key=_name)
        detail = f"pod/{_name(first)} {_why_not(first)}"
        raise UnknownTargetError(f"--from: no pod of {source.title} in {space} runs: {detail}", "")
    best = min(running, key=lambda p: (not is_ready(p), _name(p)))
    how: Chosen = "selector" if source.kind is None else "workload"
    seat = _seat(source, space, best)
    ready = sum(map(is_ready, running))
    by = source.selector or source.title
    return seat._replace(chosen=how, by=by, ready=ready, of=len(found))


def _stand_ins(found: Sequence[Pod], target: Target, space: str, spaces: Spaces) -> Iterator[Seat]:
    """One pod of each workload that may stand in: first those that are known to call the Service,
    and those of the Service itself only where there is no other."""
    fit = [p for p in found if may_stand_in(p)]
    own = _own(fit, target, space, spaces)
    others = _one_of_each(p for p in fit if not own(p))
    known = callers_of(spaces(space).reads, target, space) if others else {}
    seats = [_seat(Source(kind=None), space, p) for p in others or _one_of_each(fit)]
    for seat in sorted((_calling(s, known) for s in seats), key=lambda s: not s.setting):
        yield seat._replace(
            chosen="auto" if others else "own", ready=sum(map(is_ready, fit)), of=len(found)
        )


def _calling(seat: Seat, known: Mapping[tuple[str, str], str]) -> Seat:
    """The seat, with its workload and the setting by which that calls the Service, if it does."""
    owner = maker_of(seat.client.metadata, seat.namespace) if seat.client else None
    setting = known.get((owner.kind, owner.name), "") if owner else ""
    if owner is None or not setting:
        return seat
    return seat._replace(by=f"{short_name(owner.kind)}/{owner.name}", setting=setting)


def may_stand_in(pod: Pod) -> bool:
    """Whether an ordinary client looks like this pod: Ready, on the pod network, without a mesh."""
    return (
        is_ready(pod)
        and has_running_main(pod)
        and not is_terminating(pod)
        and not is_passing(pod)
        and not pod.spec.host_network
        and not mesh.is_meshed(pod)
    )


def _own(fit: Sequence[Pod], target: Target, space: str, spaces: Spaces) -> Callable[[Pod], bool]:
    """Whether a pod is one of the Service's own."""
    if space != target.namespace or not fit:
        return lambda pod: False
    service = spaces(space).reads.other_service(space, target.name)
    selector = {} if isinstance(service, Missing) else service.value.spec.selector
    if not selector:
        return lambda pod: False
    return lambda pod: selectors.matches(selector, pod.metadata.labels)


def _one_of_each(pods: Iterable[Pod]) -> list[Pod]:
    """The first pod of each workload, by name."""
    kinds: dict[str, Pod] = {}
    for pod in sorted(pods, key=_name):
        owner = next((o for o in pod.metadata.owner_references if o.controller), None)
        kinds.setdefault(f"{owner.kind}/{owner.name}" if owner else _name(pod), pod)
    return list(kinds.values())


def seat_of(pod: Pod, space: str) -> Seat:
    """Any pod as one from which connections are made."""
    return _seat(Source(kind=None), space, pod)


def _seat(source: Source, space: str, pod: Pod) -> Seat:
    container = source.container or _default(pod)
    others = () if source.container else running_containers(pod)
    return Seat(
        *(space, _name(pod), container),
        others=tuple(c for c in others if c != container),
        client=decode.cut_down(pod),
    )


def _default(pod: Pod) -> str:
    """Give the container that kubectl exec takes: the annotated one, else the first that runs."""
    named = pod.metadata.annotations.get(decode.DEFAULT_CONTAINER, "")
    running = running_containers(pod)
    return named if named in running else next(iter(running), "")


def _name(pod: Pod) -> str:
    return pod.metadata.name


def _why_not(pod: Pod) -> str:
    """``is Pending``, ``has no running container (CrashLoopBackOff)``."""
    if pod.status.phase != "Running":
        return f"is {pod.status.phase or 'in no known phase'}"
    waiting = (s.state.waiting for s in pod.status.container_statuses)
    reason = next((w.reason for w in waiting if w is not None and w.reason), "")
    return f"has no running container{f' ({reason})' if reason else ''}"
