"""The command line of kind, as far as tests use it, over the bed's clusters."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from . import build, cluster, images, plan
from .paths import KUBERNETES_VERSION
from .shell import BedError, environment, run, say

VERSION = "v0.30.0"
"""The release of kind whose command line this follows."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command with kind's words and exit codes."""
    options = _parser().parse_args(arguments)
    if not hasattr(options, "run"):
        _parser().print_help()
        return 1
    try:
        options.run(options)
    except BedError as error:
        say(f"ERROR: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kind", description="the test bed, behind kind's words")
    parser.add_argument("-q", "--quiet", action="store_true", help="accepted and ignored")
    parser.add_argument("-v", "--verbosity", type=int, help="accepted and ignored")
    top = parser.add_subparsers(metavar="COMMAND")

    def group(name: str, text: str) -> Callable[..., argparse.ArgumentParser]:
        one = top.add_parser(name, help=text, description=text)
        below = one.add_subparsers(metavar="COMMAND", required=True)

        def command(
            name: str, run: Callable[[argparse.Namespace], None], *, named: bool = True
        ) -> argparse.ArgumentParser:
            leaf = below.add_parser(name)
            leaf.set_defaults(run=run)
            if named:
                default = os.environ.get("KIND_CLUSTER_NAME", "kind")
                leaf.add_argument("--name", "-n", default=default)
            return leaf

        return command

    create = group("create", "create a cluster")("cluster", _create)
    create.add_argument("--config", help="only the name is taken from it: one node, always")
    create.add_argument("--image", help="accepted and ignored: the bed has one version")
    create.add_argument("--kubeconfig")
    create.add_argument("--wait", help="accepted and ignored: the cluster is ready at the end")
    create.add_argument("--retain", action="store_true", help="accepted and ignored")
    delete = group("delete", "delete a cluster")
    delete("cluster", _delete).add_argument("--kubeconfig")
    every = delete("clusters", _delete_clusters, named=False)
    every.add_argument("names", nargs="*")
    every.add_argument("--all", "-A", action="store_true")
    every.add_argument("--kubeconfig")
    get = group("get", "get clusters, nodes or a kubeconfig")
    get("clusters", _get_clusters, named=False)
    get("nodes", _get_nodes)
    get("kubeconfig", _get_kubeconfig).add_argument("--internal", action="store_true")
    export = group("export", "export a kubeconfig or logs")
    export("kubeconfig", _export_kubeconfig).add_argument("--kubeconfig")
    export("logs", _export_logs).add_argument("directory", nargs="?", default="kind-logs")
    load = group("load", "load images into the node")
    load("docker-image", _load_docker_image).add_argument("images", nargs="+")
    load("image-archive", _load_archive).add_argument("archives", nargs="+")
    top.add_parser("version").set_defaults(run=_version)
    return parser


def _create(options: argparse.Namespace) -> None:
    name = options.name
    if options.config:
        say("the test bed has one node and no ports of its own: --config is not looked at")
    say(f'Creating cluster "{name}" ...')
    its = cluster.create(name)
    _merge(its, options.kubeconfig)
    say(f'Set kubectl context to "{its.context}"')


def _delete(options: argparse.Namespace) -> None:
    say(f'Deleting cluster "{options.name}" ...')
    cluster.delete(options.name)
    _forget(options.name, options.kubeconfig)


def _delete_clusters(options: argparse.Namespace) -> None:
    for name in plan.names() if options.all else options.names:
        cluster.delete(name)
        _forget(name, options.kubeconfig)
        say(f'Deleted clusters: ["{name}"]')


def _get_clusters(_: argparse.Namespace) -> None:
    names = plan.names()
    if not names:
        say("No kind clusters found.")
    for name in names:
        print(name)


def _existing(name: str) -> plan.Plan:
    its = plan.load(name)
    if its is None or not its.kubeconfig.exists():
        raise BedError(f'could not locate any control plane nodes for cluster named "{name}"')
    return its


def _get_nodes(options: argparse.Namespace) -> None:
    its = plan.load(options.name)
    if its is None:
        say(f'No kind nodes found for cluster "{options.name}".')
    else:
        print(*(node.name for node in its.nodes), sep="\n")


def _get_kubeconfig(options: argparse.Namespace) -> None:
    print(_existing(options.name).kubeconfig.read_text())


def _export_kubeconfig(options: argparse.Namespace) -> None:
    its = _existing(options.name)
    _merge(its, options.kubeconfig)
    say(f'Set kubectl context to "{its.context}"')


def _export_logs(options: argparse.Namespace) -> None:
    logs = cluster.find(options.name).state / "logs"
    target = Path(options.directory)
    target.mkdir(parents=True, exist_ok=True)
    for log in logs.glob("*.log"):
        (target / log.name).write_bytes(log.read_bytes())
    print(target)


def _load_docker_image(options: argparse.Namespace) -> None:
    its = _existing(options.name)
    for image in options.images:
        if image in images.ALL:
            say(f'Image: "{image}" is on every node of the test bed already')
        elif cluster.docker_works():
            saved = subprocess.run(["docker", "save", image], capture_output=True, check=False)
            if saved.returncode:
                raise BedError(f'image: "{image}" not present locally')
            cluster.load_archive(its, saved.stdout)
        else:
            raise BedError(f'image: "{image}" not present locally (there is no Docker engine)')


def _load_archive(options: argparse.Namespace) -> None:
    its = _existing(options.name)
    for archive in options.archives:
        try:
            content = Path(archive).read_bytes()
        except OSError as error:
            raise BedError(f"{archive}: {error.strerror}") from error
        cluster.load_archive(its, content)


def _version(_: argparse.Namespace) -> None:
    print(f"kind {VERSION} (the test bed's stand-in, Kubernetes {KUBERNETES_VERSION})")


def _target(chosen: str | None) -> Path:
    """Find the kubeconfig to change as kind does: the option, $KUBECONFIG, the home directory's."""
    listed = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if chosen:
        return Path(chosen)
    for part in listed:
        if Path(part).exists():
            return Path(part)
    return Path(listed[-1]) if listed else Path.home() / ".kube" / "config"


def _merge(its: plan.Plan, chosen: str | None) -> None:
    """Add the cluster to a kubeconfig that may hold others, and make it the current one."""
    target = _target(chosen)
    target.parent.mkdir(parents=True, exist_ok=True)
    content = its.kubeconfig.read_text()
    if target.exists() and target.read_text().strip():
        both = {"KUBECONFIG": f"{its.kubeconfig}{os.pathsep}{target}"}
        view = ("config", "view", "--raw", "--flatten")
        content = run([build.kubectl(), *view], env=environment(both))
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.rename(target)


def _forget(name: str, chosen: str | None) -> None:
    """Take the cluster out of a kubeconfig."""
    target = _target(chosen)
    context = f"kind-{name}"
    if not target.exists() or context not in target.read_text():
        return
    config = [str(build.kubectl()), "config", f"--kubeconfig={target}"]
    for kind in ("delete-context", "delete-cluster", "delete-user"):
        run([*config, kind, context], check=False)
    if run([*config, "view", "-o", "jsonpath={.current-context}"], check=False) == context:
        run([*config, "unset", "current-context"], check=False)
