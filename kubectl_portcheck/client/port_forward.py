"""Ports tried by port-forward, without a byte sent to them.

Over v4.channel.k8s.io several ports share one WebSocket: channel 2i carries the data of the i-th
port, 2i+1 its error; the first message on each is the port, 16 bits, little-endian. A refusal is a
text on the error channel, success is silence. Source: ``cri-streaming/portforward/websocket.go``.

One port more than asked for, surely closed, serves as a fence: its refusal shows that the whole
path works and how long it takes. Refusals may overtake each other, so a short grace follows it.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import BadAnswer, TimedOut
from kubectl_portcheck.client.paths import pod_path
from kubectl_portcheck.client.websocket import WebSocket
from kubectl_portcheck.client.wire import Disconnected
from kubectl_portcheck.inputs.limits import MESSAGE_CHARACTERS

FENCES = (1, 2, 4, 6)
"""Ports on which nothing listens; the first that is not itself asked about becomes the fence."""
LEAST_GRACE, USUAL_GRACE, MOST_GRACE = 0.075, 0.15, 0.4
"""Bounds, in seconds, of the grace after the fence. Measured on Kubernetes 1.36 with containerd:
a refusal came after the fence's by 0 to 18 ms on an idle node (median 2), by up to 104 ms with nine
streams at a time on two busy cores (97 of 100 by up to 25). An exec in the same pod takes longer
than opening, fence and least grace together."""
FENCE_SECONDS = 3.0
"""How long the fence is waited for; a path that takes longer is called unknown."""

Outcome = Literal["accepted", "refused", "reset", "timeout", "unknown"]


class PortAnswer(NamedTuple):
    """What became of a connection attempt to one port of a pod's loopback."""

    outcome: Outcome
    detail: str


def fence_for(ports: Iterable[int]) -> int:
    """A port that is surely closed and not among these."""
    taken = set(ports)
    return next(port for port in FENCES if port not in taken)


def port_forward_path(namespace: str, pod: str, ports: Sequence[int]) -> str:
    """The request path of a port-forward to these ports."""
    query = "&".join(f"ports={port}" for port in ports)
    return f"{pod_path(namespace, pod)}/portforward?{query}"


def classify(text: str) -> Outcome:
    """The outcome that the runtime's error text means. Source: the corpus of failures."""
    lowered = text.lower()
    if "connection refused" in lowered:
        return "refused"
    if "reset by peer" in lowered or "broken pipe" in lowered:
        return "reset"
    if re.search(r"i/o timeout|timed out|deadline exceeded", lowered):
        return "timeout"
    return "unknown"


def grace_after(opening: float, fence: float) -> float:
    """How long other refusals are waited for after the fence's, in seconds.

    Three times as long as the fence took once the stream was open, which grows with the node's
    load; and, up to the usual grace, as long as the opening took, of which the network is a part.
    """
    wanted = max(LEAST_GRACE, min(opening + fence, USUAL_GRACE), 3 * fence)
    return min(wanted, MOST_GRACE)


def read_answers(
    stream: WebSocket,
    ports: Sequence[int],
    deadline: Deadline,
    opening: float,
    done: Callable[[], object] = bool,
) -> dict[int, PortAnswer]:
    """The outcome for each of the ports but the last, which is the fence.

    ``opening`` is how many seconds the opening of the stream took. ``done`` is called when the
    fence is answered: then the server has nothing left to do but to pass on what a pod may say.
    """
    fence = len(ports) - 1
    began = time.monotonic()
    texts: dict[int, str] = {}
    started: set[int] = set()
    waited_out = False
    broken = ""
    grace = deadline.earlier(FENCE_SECONDS)
    stream.wait_until(grace)
    try:
        for message in stream.messages():
            if not message:
                continue
            number, is_error = divmod(message[0], 2)
            if number > fence:
                continue
            if message[0] not in started:
                # The first message on each channel is only the port.
                started.add(message[0])
                continue
            if not is_error:
                # The server behind the port spoke first: it accepted.
                texts.setdefault(number, "")
                continue
            said = message[1:].decode("utf-8", "replace").strip()
            is_news = number not in texts
            texts[number] = said[:MESSAGE_CHARACTERS]
            if is_news and number == fence:
                done()
                grace = deadline.earlier(grace_after(opening, time.monotonic() - began))
            if is_news and fence in texts:
                stream.wait_until(grace)  # Once more per port, for what has arrived meanwhile.
            if len(texts) == len(ports):
                break
        else:
            broken = "" if fence in texts else "the stream ended before an answer came"
    except TimedOut:
        waited_out = True
    except Disconnected as error:
        broken = f"the stream broke off: {error}"
    except BadAnswer as error:
        broken = error.message
    fence_text = texts.get(fence, "")
    path_works = classify(fence_text) == "refused"
    if fence_text and not path_works:
        broken = fence_text
    return {
        port: _outcome(texts.get(i), path_works, waited_out, broken)
        for i, port in enumerate(ports[:fence])
    }


def _outcome(text: str | None, path_works: bool, waited_out: bool, broken: str) -> PortAnswer:
    if text:
        return PortAnswer(classify(text), text)
    if text is not None:
        return PortAnswer("accepted", "the server spoke first")
    if broken:
        return PortAnswer("unknown", broken)
    if path_works:
        return PortAnswer("accepted", "")
    if waited_out:
        # The path failed, not the port: nothing is known about it.
        return PortAnswer("unknown", "no answer, not even for a port that is surely closed")
    return PortAnswer("unknown", "the forward gave no usable answer")
