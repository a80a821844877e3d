"""The incidents of ``--demo``: recorded on a real cluster, each with its story.

The recordings lie beside this file; ``make demo-record`` makes them again.
"""

import os
from typing import Final, NamedTuple


class Scenario(NamedTuple):
    """An incident, before its diagnosis."""

    name: str
    happened: str
    """What users noticed."""
    hard: str
    """What made it hard to see."""


SCENARIOS: Final = (
    Scenario(
        "checkout",
        "Since the last release every checkout fails with connection refused.",
        "All pods are Ready, with endpoints, and the Service was not changed.",
    ),
    Scenario(
        "named-port",
        "A new Service for the checkout was applied, and no client can connect.",
        "Selector and port numbers are right, and kubectl apply said nothing.",
    ),
    Scenario(
        "selector",
        "The checkout answers no client in staging; in production it works.",
        "The pods are Ready, and the Service looks like all the others.",
    ),
    Scenario(
        "loopback",
        "A port-forward to the checkout works; every other client is refused.",
        "The tool that everybody tries first is the one client that is served.",
    ),
    Scenario(
        "nothing-listens",
        "After a change of its settings the checkout runs and refuses everyone.",
        "No readiness probe: a container that merely runs counts as Ready.",
    ),
    Scenario(
        "rollout",
        "During a release one request in three fails, and the next one works.",
        "All pods are Ready: the new port differs, and the probe asks another.",
    ),
    Scenario(
        "crash-loop",
        "The checkout is down since its last release.",
        "The pod is Running if you look at the right second.",
    ),
    Scenario(
        "readiness",
        "The cart was deployed and never gets traffic.",
        "Its pods run, their log is clean, and a port-forward to them works.",
    ),
    Scenario(
        "liveness",
        "The cart drops its connections every few seconds, and comes back.",
        "Its log shows a good start and no error: it is killed from outside.",
    ),
    Scenario(
        "headless",
        "The database was made headless, and now refuses clients on port 80.",
        "port and targetPort are there as before, right for other Services.",
    ),
    Scenario(
        "udp",
        "No metrics arrive at statsd, and nothing reports an error.",
        "The port is right, the pod listens on it, and UDP is lost in silence.",
    ),
    Scenario(
        "two-apps",
        "Since a worker was deployed, the web shop refuses one request in three.",
        "The web shop was not changed: its Service selects more than it says.",
    ),
    Scenario(
        "scaled-to-zero",
        "The search is gone since the weekend.",
        "Service and Deployment are there, nothing crashes, there is no event.",
    ),
    Scenario(
        "image-pull",
        "The search does not come up in the new cluster.",
        "The manifests are the very ones that work elsewhere.",
    ),
    Scenario(
        "config-missing",
        "The orders Service was set up in a new namespace and refuses everyone.",
        "The image is there and nothing crashes: no container was ever started.",
    ),
    Scenario(
        "slow-start",
        "Since its database has grown, the billing Service never comes up.",
        "It looks like a crash; the log ends in the middle of a normal start.",
    ),
    Scenario(
        "init-waits",
        "The invoices were deployed an hour ago, and their pod is not Ready.",
        "The pod shows Init:0/1 and no error; it does not say what it waits for.",
    ),
    Scenario(
        "quota",
        "The mail Service was deployed and refuses connections.",
        "There is no pod to look at, and kubectl apply reported success.",
    ),
    Scenario(
        "ip-family",
        "The search's IPv6 Service refuses; inside the pod it answers.",
        "Pod and Service both have an address, and the port is the right one.",
    ),
    Scenario(
        "by-hand",
        "No client can connect to the old database through its Service.",
        "There are endpoints, with the right address and the right port.",
    ),
    Scenario(
        "external-name",
        "A client of the payments alias calls port 80 and is refused.",
        "The Service lists port 80 with a targetPort, and was accepted so.",
    ),
    Scenario(
        "healthy",
        "A healthy Service, to compare with.",
        "Its probe asks a port of its own here too, which is no mistake.",
    ),
    Scenario(
        "no-rights",
        "The checkout's incident, seen by someone who may not look into pods.",
        "What cannot be seen is not guessed: the missing right is named.",
    ),
)


def recording(scenario: Scenario) -> bytes:
    """The evidence of an incident, as ``--save`` packed it."""
    # importlib.resources says the same, and imports tempfile and zipfile.
    path = os.path.join(os.path.dirname(__file__), f"{scenario.name}.json.gz")
    with open(path, "rb") as file:
        return file.read()
