"""The command line of the bed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import build, cluster, containerfile, nodes, plan
from .paths import OLDEST_VERSION, RELEASES
from .shell import BedError, say

DEFAULT_NAME = "portcheck"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors that the user can act on are printed without a traceback."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except BedError as error:
        say(f"bed: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bed", description="a real Kubernetes without Docker")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str, *, named: bool = True
    ) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        if named:
            one.add_argument("--name", default=DEFAULT_NAME, help=f"default: {DEFAULT_NAME}")
        return one

    command("check", _check, "say why the bed cannot run here; exit code 0 if it can", named=False)
    make = command("build", _build, "build and fetch whatever is missing", named=False)
    make.add_argument("--release", choices=RELEASES, default="", help="of Kubernetes")
    command("kubectl", _kubectl, "print the path of a kubectl that fits", named=False)
    up = command("up", _up, "bring a cluster up unless it is, and print its kubeconfig's path")
    up.add_argument(
        "--oldest", action="store_true", help=f"Kubernetes {OLDEST_VERSION} instead of the newest"
    )
    up.add_argument(
        "--release",
        choices=RELEASES,
        default="",
        help=f"of Kubernetes; default: {next(iter(RELEASES))}",
    )
    up.add_argument(
        "--policies", action="store_true", help="with kube-router, which enforces NetworkPolicies"
    )
    up.add_argument(
        "--nodes", type=int, choices=range(1, plan.NODES + 1), default=1, help="default: 1"
    )
    up.add_argument(
        "--proxy-mode", choices=["iptables", "nftables"], default="iptables", help="of kube-proxy"
    )
    command("down", _down, "remove all of a cluster")
    command("status", _status, "say how a cluster is; exit code 0 if it can be used")
    command("kubeconfig", _kubeconfig, "print the path of the kubeconfig")
    command("list", _list, "list the clusters", named=False)
    enter = command("enter", _enter, "run a shell or a command inside a node")
    enter.add_argument("--node", default="control-plane", help="default: control-plane")
    enter.add_argument("command", nargs=argparse.REMAINDER)
    image = command("image", _image, "make an image by a Containerfile's steps, and load it")
    image.add_argument("-f", "--file", type=Path, required=True)
    image.add_argument("-t", "--tag", required=True)
    image.add_argument("context", type=Path)
    logs = command("logs", _logs, "print the path of a program's log, or of all logs")
    logs.add_argument("--node", default="control-plane", help="default: control-plane")
    logs.add_argument("program", nargs="?")
    change = command("node", _node, "stop or start a worker, or cut a node off")
    change.add_argument("what", choices=["stop", "start", "partition", "deafen", "heal"])
    change.add_argument("node", help="such as worker or worker2")
    change.add_argument("other", nargs="?", help="partition: from this node alone, not from all")
    return parser


def _build(options: argparse.Namespace) -> None:
    cluster.require()
    parts = build.build(plan.Features(release=options.release))
    print(parts.programs, parts.kubectl, *parts.images, sep="\n")


def _check(_: argparse.Namespace) -> int:
    reason = cluster.why_not()
    if reason:
        print(reason)
    return 1 if reason else 0


def _kubectl(_: argparse.Namespace) -> None:
    print(build.kubectl())


def _up(options: argparse.Namespace) -> None:
    features = plan.Features(
        options.oldest, options.policies, options.nodes, options.proxy_mode, options.release
    )
    print(cluster.up(options.name, features).kubeconfig)


def _down(options: argparse.Namespace) -> None:
    cluster.delete(options.name)


def _status(options: argparse.Namespace) -> int:
    if not cluster.exists(options.name):
        print(f"{options.name}: down")
        return 1
    its = plan.load(options.name)
    problem = "its creation did not begin" if its is None else cluster.problem_of(its)
    print(f"{options.name}: {problem or 'up'}")
    if its is not None:
        for node in its.nodes:
            _print_programs(node)
        print(f"  server {its.server}")
        print(f"  pods {' '.join(its.pods)}, services {' '.join(its.services)}")
        print(f"  kubeconfig {its.kubeconfig}")
    return 1 if problem else 0


def _print_programs(node: plan.Node) -> None:
    now = nodes.status(node)
    if node.index:
        print(f"  {node.name}:{'' if nodes.is_running(node) else ' stopped'}")
    for program, state in now["programs"].items() if nodes.is_running(node) else ():
        seconds = now["seconds"].get(program)
        after = f" (after {seconds} s)" if seconds else ""
        print(f"  {'  ' * bool(node.index)}{program}: {state}{after}")


def _kubeconfig(options: argparse.Namespace) -> None:
    print(cluster.find(options.name).kubeconfig)


def _list(_: argparse.Namespace) -> None:
    for name in plan.names():
        print(name)


def _enter(options: argparse.Namespace) -> None:
    given = options.command[1:] if options.command[:1] == ["--"] else options.command
    words = given or [os.environ.get("SHELL", "/bin/sh")]
    inside = nodes.inside(nodes.find(cluster.find(options.name), options.node), *words)
    sys.stdout.flush()
    os.execvp(inside[0], inside)


def _image(options: argparse.Namespace) -> None:
    cluster.require()
    archive = containerfile.make(options.file, options.context, options.tag)
    cluster.load_archive(cluster.find(options.name), archive.read_bytes())
    print(archive)


def _logs(options: argparse.Namespace) -> None:
    logs = nodes.find(cluster.find(options.name), options.node).state / "logs"
    print(logs / f"{options.program}.log" if options.program else logs)


def _node(options: argparse.Namespace) -> None:
    if options.other and options.what != "partition":
        raise BedError(f"{options.what} takes one node")
    cluster.change_node(options.name, options.what, options.node, options.other)
