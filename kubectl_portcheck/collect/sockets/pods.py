"""From what single containers saw to what a pod has."""

from collections.abc import Iterator, Sequence

from kubectl_portcheck.model.probes import AcceptQueue, ListeningSocket, PodSockets


def restrict_to_pod(sockets: PodSockets, *, host_pid: bool = False) -> PodSockets:
    """Keep the sockets that belong to the pod, where it runs in the node's network namespace.

    With hostNetwork the tables list the whole node. A socket is surely the pod's own where one of
    the container's processes was seen to hold it; a conclusion from the uid is none here, since
    root's sockets are everywhere. With hostPID too, every process of the node is in view, so
    nothing tells the pod's from the others.

    The result is never ``complete``: sockets of the pod's other containers, and of processes that
    the exec may not look into, are missing. Restrict each container's answer, then :func:`merge`.
    """
    own = tuple(
        listener
        for listener in sockets.listeners
        if (listener.container or listener.program)
        and not listener.program_inferred
        and not host_pid
    )
    ports = {listener.port for listener in own}
    return PodSockets(
        listeners=own,
        queues=tuple(q for q in sockets.queues if q.port in ports),
        source=sockets.source,
        container=sockets.container,
        complete=False,
        notes=(
            *sockets.notes,
            "hostNetwork and hostPID: the pod's sockets cannot be separated from the node's"
            if host_pid
            else "hostNetwork: only sockets that a process of the pod was seen to hold",
        ),
    )


def merge(answers: Sequence[PodSockets]) -> PodSockets:
    """Join the answers of several containers of one pod, which share its sockets.

    Each container can name only its own processes: a listener that one of them names is taken
    from there, and a name read from a process outweighs one concluded from a uid. Raises
    ValueError where there is no answer.
    """
    if not answers:
        raise ValueError("no answer to merge")
    places: dict[tuple[object, ...], list[ListeningSocket]] = {}
    for answer in answers:
        for listener in answer.listeners:
            places.setdefault(_place(listener), []).append(listener)
    merged = {taken: None for seen in places.values() for taken in _join(seen)}
    return PodSockets(
        listeners=tuple(merged),
        source=answers[0].source,
        container=answers[0].container,
        complete=any(answer.complete for answer in answers),
        queues=_longest(answers),
        notes=tuple(dict.fromkeys(note for answer in answers for note in answer.notes)),
    )


def _longest(answers: Sequence[PodSockets]) -> tuple[AcceptQueue, ...]:
    """The queues of the pod's ports, the longest of those that the containers saw."""
    found: dict[int, AcceptQueue] = {}
    for queue in sorted(
        (q for answer in answers for q in answer.queues), key=lambda q: (q.port, q.waiting)
    ):
        known = found.get(queue.port)
        limit = queue.limit if queue.limit is not None else known.limit if known else None
        found[queue.port] = AcceptQueue(port=queue.port, waiting=queue.waiting, limit=limit)
    return tuple(found.values())


def _place(listener: ListeningSocket) -> tuple[object, ...]:
    # Neither family nor device: a container that has no ss does not tell them.
    return (listener.protocol, listener.address, listener.port, listener.uid)


def _join(seen: list[ListeningSocket]) -> Iterator[ListeningSocket]:
    """Yield what is known of the sockets of one place, which several containers saw."""
    named = [one for one in seen if one.program or one.container]
    read = [one for one in named if not one.program_inferred]
    best = max(seen, key=lambda one: (one.family_certain, one.device is not None))
    for one in read or named or seen:
        yield ListeningSocket(
            protocol=one.protocol,
            family=best.family,
            family_certain=best.family_certain,
            address=one.address,
            port=one.port,
            device=one.device or best.device,
            container=one.container,
            program=one.program,
            program_inferred=one.program_inferred,
            uid=one.uid,
            source=one.source,
        )
