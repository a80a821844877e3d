"""The scenes: a name, the command line, and the cluster where there is one."""

import argparse
from typing import NamedTuple

from kubectl_portcheck import arguments
from kubectl_portcheck.parser import OneOf


class Scene(NamedTuple):
    """One run of the program."""

    line: str
    """The words after ``kubectl portcheck``, run in a folder with the scenes' files."""
    cluster: str = ""
    """One of ``clusters.CLUSTERS``; none where it is empty."""
    happens: str = ""
    """What happens to the run: Ctrl-C before anything was found, Ctrl-C at the end of the walk, the
    time of a watch is up after one round, or the disk behind stdout is full."""


ONE_ROUND = "the time is up after the first round"
HERE = "-n production"

ENDS = {
    "exit-0-healthy": Scene(f"svc/checkout {HERE}", "healthy"),
    "exit-0-exit-zero": Scene(f"svc/checkout {HERE} -q --exit-zero", "broken"),
    "exit-0-below-the-line": Scene(f"svc/checkout {HERE} -q --fail-on broken", "degraded"),
    "exit-1-broken": Scene(f"svc/checkout {HERE}", "broken"),
    "exit-1-degraded": Scene(f"svc/checkout {HERE}", "degraded"),
    "exit-2-unknown-target": Scene(f"svc/chekout {HERE}", "broken"),
    "exit-3-inconclusive": Scene(f"svc/checkout {HERE}", "unready"),
    "exit-3-no-report": Scene(HERE, "forbidden"),
    "exit-4-no-cluster": Scene("svc/checkout"),
    "exit-4-credentials-refused": Scene(f"svc/checkout {HERE}", "refusing"),
    "exit-5-not-written": Scene("--demo -q", happens="the disk behind stdout is full"),
    "exit-130-before-anything": Scene(f"svc/checkout {HERE}", "broken", "Ctrl-C at once"),
    "exit-130-partial": Scene(f"svc/checkout {HERE} -q", "broken", "Ctrl-C at the end of the walk"),
}

MODES = {
    "walk-type-name": Scene(f"svc checkout {HERE} -q", "broken"),
    "walk-several": Scene(f"svc/checkout checkout:80 {HERE} -q", "broken"),
    "walk-pod": Scene(f"pod/checkout-1:9000 {HERE}", "broken"),
    "walk-workload": Scene(f"deployments checkout {HERE} --summary", "broken"),
    "walk-show-commands": Scene(f"svc/checkout {HERE} --show-commands", "healthy"),
    "walk-older-kubernetes": Scene(f"svc/checkout {HERE}", "older"),
    "walk-wide": Scene(f"svc/checkout {HERE} -o wide", "healthy"),
    "walk-plain": Scene(f"svc/checkout {HERE} --plain", "broken"),
    "walk-quiet": Scene(f"svc/checkout {HERE} -q", "broken"),
    "walk-json": Scene(f"svc/checkout {HERE} -o json", "healthy"),
    "walk-name": Scene(f"svc/checkout {HERE} -o name", "broken"),
    "walk-ignore": Scene(f"svc/checkout {HERE} -q --ignore PC401", "broken"),
    "walk-redact": Scene(f"svc/checkout {HERE} -q --redact", "broken"),
    "walk-without-contact": Scene(f"svc/checkout {HERE} --no-exec --no-port-forward", "healthy"),
    "walk-wait": Scene(f"svc/checkout {HERE} -q --wait", "healthy"),
    "walk-watch": Scene(f"svc/checkout {HERE} -q --watch --timeout 2m", "broken", ONE_ROUND),
    "walk-watch-redact": Scene(
        f"svc/checkout {HERE} -q --watch --redact --timeout 2m", "broken", ONE_ROUND
    ),
    "walk-from": Scene(f"svc/checkout {HERE} --from deploy/web", "with_clients"),
    "walk-from-auto": Scene(f"svc/checkout {HERE} --from auto --show-commands", "with_clients"),
    "walk-from-plain": Scene(f"svc/checkout {HERE} --from app=web --plain", "with_clients"),
    "walk-from-json": Scene(f"svc/checkout {HERE} --from pod/web-1 -o json", "with_clients"),
    "walk-from-without-a-tool": Scene(f"svc/checkout {HERE} --from app=bare", "with_clients"),
    "walk-from-nameserver-fails": Scene(
        f"svc/checkout {HERE} --from pod/web-1", "nameserver_fails"
    ),
    "walk-from-each-node": Scene(
        f"svc/checkout {HERE} --from app=web --from-each-node", "several_nodes"
    ),
    "walk-from-nobody": Scene(f"svc/checkout {HERE} --from deploy/nobody", "with_clients"),
    "anywhere-in-explain": Scene("--explain PC401 -n x --context y -v 6 --color never --plain"),
    "anywhere-in-a-demo": Scene("--demo -q -n x --context y -v 6 --color never --plain"),
    "anywhere-in-files": Scene("-f shop.yaml -q -n x --context y -v 6 --color never --plain"),
    "sweep": Scene(HERE, "town"),
    "sweep-all-namespaces": Scene("-A --summary", "town"),
    "sweep-selector": Scene(f"{HERE} -l tier=b -q", "town"),
    "sweep-selector-without-match": Scene(f"{HERE} -l tier=z", "town"),
    "sweep-selector-refused": Scene(f"{HERE} -l app=(", "odd_selector"),
    "files": Scene("-f shop.yaml"),
    "files-healthy": Scene("-f fixed.yaml"),
    "files-without-a-service": Scene("-f none.yaml"),
    "files-diff": Scene("-f shop.yaml --diff"),
    "files-write": Scene("-f shop.yaml --write"),
    "files-complete": Scene("-f shop.yaml --complete -o name"),
    "files-not-there": Scene("-f /nowhere/shop.yaml"),
    "files-odd": Scene("-f odd.yaml"),
    "replay": Scene("--replay kept.json.gz -q"),
    "replay-not-there": Scene("--replay /nowhere/kept.json"),
    "replay-odd": Scene("--replay odd.json"),
    "merge": Scene("--merge eu=broken.json us=healthy.json"),
    "merge-openmetrics": Scene("--merge eu=broken.json us=healthy.json -o openmetrics"),
    "merge-quiet": Scene("--merge eu=broken.json us=healthy.json -q"),
    "merge-without-a-shard": Scene("--merge eu=shard.json --summary"),
    "merge-not-there": Scene("--merge /nowhere/report.json"),
    "merge-odd": Scene("--merge shop.yaml"),
    "merge-no-report": Scene("--merge odd.json"),
    "fleet": Scene(f"--contexts fake {HERE} --summary", "town"),
    "fleet-unreachable": Scene("--all-contexts -A", "refusing"),
    "demo": Scene("--demo --no-animation"),
    "demo-list": Scene("--demo list"),
    "demo-list-name": Scene("--demo list -o name"),
    "demo-list-json": Scene("--demo list -o json"),
    "demo-unknown": Scene("--demo chekout"),
    "explain": Scene("--explain PC401"),
    "explain-word": Scene("--explain loopback"),
    "explain-unknown": Scene("--explain target-port-not-lisening"),
    "list-rules": Scene("--list-rules"),
    "rbac": Scene("--rbac"),
    "rbac-of-a-client": Scene(f"svc/checkout {HERE} --from web/deploy/front --rbac"),
    "rbac-of-a-walk": Scene(f"svc/checkout {HERE} --debug-image busybox --from pod/x --rbac"),
    "completion": Scene("--completion kubectl"),
    "version": Scene("--version"),
    "help": Scene("--help"),
}

REFUSED = {
    "target-of-a-kind-without-services": "node/x",
    "target-after-a-separate-kind": "svc svc/x",
    "target-name": "svc/UPPER",
    "target-port": "svc/x:99999",
    "target-with-all-namespaces": "svc/x -A",
    "target-with-selector": "svc/x -l app=x",
    "target-with-deep": "svc/x --deep",
    "target-with-explain": "--explain PC401 svc/x",
    "target-with-demo": "--demo checkout svc/x",
    "flag-unknown": "--namespce x",
    "shorthand-unknown": "-Z",
    "target-with-contexts": "svc/x --contexts a",
    "target-with-shard": "svc/x --shard 1/2",
    "contexts-and-context": "--contexts a --context b",
    "contexts-and-all-contexts": "--contexts a --all-contexts",
    "contexts-and-save": "--contexts a --save x",
    "contexts-unknown": "--contexts nothing",
    "contexts-empty": "--contexts a,,b",
    "shard-odd": "-A --shard 5/4",
    "shard-of-a-namespace": "-n x --shard 1/4",
    "mcp-and-target": "--mcp svc/x",
    "mcp-and-output": "--mcp -o json",
    "merge-and-ignore": "--merge x --ignore PC401",
    "merge-and-replay": "--merge x --replay y",
    "two-modes": "--demo --replay x",
    "wait-and-watch": "svc/x --wait --watch",
    "diff-and-write": "-f x --diff --write",
    "watch-junit": "svc/x --watch -o junit",
    "debug-image-and-wait": "svc/x --debug-image x --wait",
    "debug-image-and-no-exec": "svc/x --debug-image x --no-exec",
    "debug-image-without-target": "--debug-image x",
    "from-without-target": "--from pod/x",
    "from-namespace-without-from": "svc/x --from-namespace y",
    "from-each-node-without-from": "svc/x --from-each-node",
    "from-two-namespaces": "svc/x --from web/auto --from-namespace shop",
    "from-odd": "svc/x --from svc/y",
    "from-odd-container": "svc/x --from pod/y/UPPER",
    "complete-without-files": "svc/x --complete",
    "no-animation-without-demo": "svc/x --no-animation",
    "theme-without-picture": "svc/x --theme dark",
    "fail-on-and-exit-zero": "svc/x --fail-on broken --exit-zero",
    "quiet-and-output": "svc/x -q -o json",
    "quiet-and-summary": "svc/x -q --summary",
    "summary-and-json": "svc/x --summary -o json",
    "show-commands-and-summary": "svc/x --show-commands --summary",
    "explain-and-output": "--explain PC401 -o json",
    "list-rules-and-quiet": "--list-rules -q",
    "completion-and-save": "--completion bash --save x",
    "files-and-wait": "-f x --wait",
    "files-and-redact": "-f x --redact",
    "diff-and-output": "-f x --diff -o json",
    "demo-and-no-exec": "--demo --no-exec",
    "demo-list-and-save": "--demo list --save x",
    "ignore-unknown": "svc/x --ignore nothing",
    "request-timeout-odd": "svc/x --request-timeout 5x",
    "timeout-0": "svc/x --timeout 0",
    "match-server-version": "svc/x --match-server-version",
    "warnings-as-errors": "svc/x --warnings-as-errors",
    "context-unknown": "svc/x --context nothing",
    "cluster-unknown": "svc/x --cluster nothing",
    "user-unknown": "svc/x --user nothing",
    "kubeconfig-not-there": "svc/x --kubeconfig /nowhere/config",
    "server-odd": "svc/x --server http://",
    "certificate-authority-not-there": "svc/x -s https://x --certificate-authority /nowhere/ca",
    "client-certificate-without-key": "svc/x -s https://x --client-certificate shop.yaml",
    "as-uid-without-as": "svc/x -s https://x --as-uid 1",
    "token-and-password": "svc/x -s https://x --token a --username b --password c",
    "output-file-not-written": "--demo -q --output-file json=/nowhere/x",
    "save-svg-not-written": "--demo -q --save-svg /nowhere/x",
}
"""What ends without a report, by what is wrong."""


def _flags() -> dict[str, Scene]:
    """Each flag without its value, and with a wrong one where there are wrong ones."""
    found = {}
    for action in arguments.parser()._actions:
        if not action.option_strings or action.help == argparse.SUPPRESS:
            continue
        flag = action.option_strings[-1]
        name = f"flag-{flag.lstrip('-')}"
        if action.nargs is None:
            found[f"{name}-without-value"] = Scene(f"svc/x {flag}")
        if isinstance(action.type, OneOf) or action.type is not None:
            wrong = "=" if action.type is arguments.path else " wrong"
            found[f"{name}-wrong-value"] = Scene(f"svc/x {flag}{wrong}")
        if isinstance(action, argparse._StoreTrueAction):
            found[f"{name}-wrong-value"] = Scene(f"svc/x {flag}=maybe")
    return found


SCENES: dict[str, Scene] = {
    **ENDS,
    **MODES,
    **{f"refused-{name}": Scene(line) for name, line in REFUSED.items()},
    **_flags(),
}
