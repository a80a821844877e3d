"""``--from``: which pod is taken, what is asked of it, and how much that costs."""

from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import NO_SHELL, Command, FakeApiServer
from tests.walk.clients import RIGHT, client, name_server, seat, workload
from tests.walk.shop import NAMESPACE, Run, program, shop, walk
from tests.walk.test_callers import caller
from tests.walk.test_requests import READS, asked


def met(done: Run) -> dict[str, Any]:
    found: dict[str, Any] = done.report["services"][0]["from"]
    return found


def statuses(done: Run) -> dict[str, str]:
    return {s["name"]: s["status"] for s in met(done)["steps"]}


ALL_PASS = dict.fromkeys(("resolver", "name", "service", "pods"), "pass")


@pytest.mark.parametrize(
    ("words", "chosen", "by"),
    [
        ("pod/web-1", "named", None),
        ("pod/web-1/app", "named", None),
        ("deploy/web", "workload", "deploy/web"),
        ("deployments/web", "workload", "deploy/web"),
        ("sts/web", "workload", "sts/web"),
        ("ds/web", "workload", "ds/web"),
        ("job/web", "workload", "job/web"),
        ("app=web", "selector", "app=web"),
        ("-l app=web", "selector", "app=web"),
        (f"{NAMESPACE}/pod/web-1", "named", None),
        (f"{NAMESPACE}/deploy/web", "workload", "deploy/web"),
        ("auto", "auto", None),
        (f"{NAMESPACE}/auto", "auto", None),
    ],
)
def test_every_form_leads_to_a_pod(tmp_path: Path, words: str, chosen: str, by: str | None) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("web-1"))
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            server.add(workload("web", kind=kind))
        done = walk(server, tmp_path, f"--from={words}")
    found = met(done)
    assert (found["namespace"], found["pod"], found["container"]) == (NAMESPACE, "web-1", "app")
    assert (found["chosen"], found["by"], found["node"]) == (chosen, by, "node-2")
    assert (done.verdict, statuses(done)) == ("healthy", ALL_PASS)
    assert found["lookup"]["name"] == "checkout"
    assert found["resolver"]["ndots"] == 5


def test_another_namespace_uses_the_longer_name(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("front-1", "web"))
        done = walk(server, tmp_path, "--from=web/pod/front-1")
        same = walk(server, tmp_path, "--from=pod/front-1", "--from-namespace=web")
    assert met(done)["lookup"]["name"] == f"checkout.{NAMESPACE}"
    assert met(done) == met(same)


def test_a_ready_pod_is_preferred_and_one_that_runs_is_taken(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(workload("web"))
        seat(server, client("web-1", ready=False))
        first = walk(server, tmp_path, "--from=deploy/web")
        seat(server, client("web-2"))
        second = walk(server, tmp_path, "--from=deploy/web")
        text = walk(server, tmp_path, "--from=deploy/web", "-o", "table").stdout
    assert (met(first)["pod"], met(first)["ready"], met(first)["of"]) == ("web-1", 0, 1)
    assert (met(second)["pod"], met(second)["ready"], met(second)["of"]) == ("web-2", 1, 2)
    assert "From pod/web-2 in namespace production on node-2: the Ready pod of" in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("pod/nobody", '--from: pods "nobody" not found in production'),
        ("deploy/nobody", '"nobody" not found'),
        ("app=nobody", "--from: -l app=nobody has no pod in production"),
        ("pod/pending", "--from: pod/pending in production is Pending"),
        ("app=pending", "no pod of -l app=pending in production runs: pod/pending is Pending"),
        ("empty/auto", "--from auto: no pod in namespace empty can be the client"),
        ("svc/checkout", "--from takes pod/NAME"),
        ("pod/UPPER", "--from takes pod/NAME"),
        ("pod/web/UPPER", "invalid container name"),
        ("-l", "needs a label selector"),
    ],
)
def test_what_cannot_be_taken_is_said_exactly(tmp_path: Path, words: str, line: str) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(client("pending", running=False, ready=False, labels={"app": "pending"}))
        done = walk(server, tmp_path, f"--from={words}")
    assert (done.code, done.stdout) == (2, "")
    assert line in done.stderr


def test_auto_takes_another_workload_with_a_tool(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("a-bare", owner="a"), tool=False)
        seat(server, client("b-host", owner="b", hostNetwork=True))
        meshed = [{"name": "app"}, {"name": "istio-proxy"}]
        seat(server, client("c-mesh", owner="c", containers=meshed))
        seat(server, client("d-unready", owner="d", ready=False))
        seat(server, client("e-right", owner="e"))
        done = walk(server, tmp_path, "--from=auto")
    assert (met(done)["pod"], met(done)["chosen"]) == ("e-right", "auto")
    assert statuses(done) == ALL_PASS


def test_auto_prefers_a_workload_that_calls_the_service(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("a-first", owner="a"))
        server.add(caller("front", CHECKOUT_URL=f"http://u:s3cret@checkout.{NAMESPACE}.svc/pay"))
        pod = client("z-front-7c-x", owner="front-7c")
        pod["metadata"]["labels"]["pod-template-hash"] = "7c"
        seat(server, pod)
        done = walk(server, tmp_path, "--from=auto")
        text = walk(server, tmp_path, "--from=auto", "-o", "table").stdout
        server.on(r"/deployments\?", faults.status(403, "Forbidden", "no"))
        refused = walk(server, tmp_path, "--from=auto")
    found = met(done)
    assert (found["pod"], found["chosen"]) == ("z-front-7c-x", "auto")
    assert (found["by"], found["setting"]) == ("deploy/front", "CHECKOUT_URL")
    assert "a Ready pod of deploy/front, which calls the Service (CHECKOUT_URL)" in " ".join(
        text.split()
    )
    assert "s3cret" not in str(done) + text
    assert (met(refused)["pod"], met(refused)["setting"]) == ("a-first", None)


def test_auto_takes_the_services_own_pods_only_where_nothing_else_is(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = walk(server, tmp_path, "--from=auto")
    assert "pod/checkout-0 has nothing to" in str(done.report)
    assert done.verdict == "inconclusive"


def test_a_pod_without_a_tool_says_what_was_tried(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("bare"), tool=False)
        done = walk(server, tmp_path, "--from=pod/bare")
    words = "pod/bare has nothing to connect with: no shell with bash, nc, python3, perl or curl"
    assert done.verdict == "inconclusive"
    assert words in str(done.report["services"][0]["notEvaluated"])


def test_another_container_of_the_pod_answers_for_one_without_a_tool(tmp_path: Path) -> None:
    two = [{"name": "app"}, {"name": "log"}]
    with FakeApiServer() as server:
        shop(server, 8080)
        pod = client("two", containers=two)
        running = {"name": "log", "ready": True, "state": {"running": {}}}
        pod["status"]["containerStatuses"].append(running)
        seat(server, pod)
        run = server.commands[NAMESPACE, "two"]
        asked_in: list[str] = []

        def only_log(container: str, argv: list[str]) -> Command:
            asked_in.append(container)
            return run(container, argv) if container == "log" else NO_SHELL

        server.commands[NAMESPACE, "two"] = only_log
        done = walk(server, tmp_path, "--from=pod/two")
        named = walk(server, tmp_path, "--from=pod/two/app")
    assert (done.verdict, statuses(done), met(done)["container"]) == ("healthy", ALL_PASS, "log")
    assert (named.verdict, met(named)["container"]) == ("inconclusive", "app")


def test_a_pod_without_a_tool_gets_the_command_for_a_debug_container(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("bare", "web"), tool=False)
        done = walk(server, tmp_path, "--from=web/pod/bare")
    report = done.report["services"][0]
    assert report["next"]["shell"] == (
        "kubectl portcheck svc/checkout -n production --from web/pod/bare --debug-image busybox"
    )
    assert statuses(done) == {"resolver": "skipped", "service": "skipped"}
    reasons = str([s["reason"] for s in met(done)["steps"]])
    assert "no shell with python3, perl, node, getent, bash or nslookup" in reasons
    assert "no shell with bash, nc, python3, perl or curl" in reasons


WAYS = {
    "PC606": "look python3 -2 Name or service not known\nask 10.96.0.2 udp python3 rcode 3\nend\n",
    "PC607": "look python3 -3 Temporary failure\nask 10.96.0.2 udp python3 timeout\nend\n",
    "PC608": "look python3 0 192.0.2.7\nask 10.96.0.2 udp python3 rcode 0 192.0.2.7\nend\n",
}


@pytest.mark.parametrize("code", WAYS)
def test_a_name_that_does_not_lead_there_is_the_cause(tmp_path: Path, code: str) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("web-1"), WAYS[code])
        done = walk(server, tmp_path, "--from=pod/web-1")
    assert (done.verdict, done.causes) == ("degraded", [code])
    expected = {**ALL_PASS, "name": "fail"}
    assert {k: v for k, v in statuses(done).items() if k in expected} == expected


@pytest.mark.parametrize("spec", [{"dnsPolicy": "Default"}, {"hostNetwork": True}])
def test_a_policy_that_skips_the_clusters_dns_is_the_cause(
    tmp_path: Path, spec: dict[str, Any]
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        pod = client("web-7c-1", owner="web-7c", **spec)
        pod["metadata"]["labels"]["pod-template-hash"] = "7c"
        seat(server, pod, WAYS["PC606"])
        done = walk(server, tmp_path, "--from=pod/web-7c-1")
    fix = done.report["services"][0]["findings"][0]["fixes"][0]
    wanted = "ClusterFirstWithHostNet" if "hostNetwork" in spec else "ClusterFirst"
    assert done.causes == ["PC609"]
    assert "patch deployment web" in fix["shell"]
    assert f'"value":"{wanted}"' in fix["shell"]
    assert fix["safety"] == "review"


def test_the_name_is_the_one_that_was_given(tmp_path: Path) -> None:
    given = f"checkout.{NAMESPACE}.svc.cluster.lan"
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("web-1"), WAYS["PC606"].replace("rcode 3", "rcode 0 10.96.0.10"))
        done = program(server, tmp_path, f"http://{given}:80/x", "--from=pod/web-1")
    assert met(done)["lookup"]["name"] == given
    assert "the cluster's domain is cluster.local, not cluster.lan" in str(done.report)


def test_one_list_and_two_commands_more_than_without(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("web-1"))
        before = asked(server)
        assert walk(server, tmp_path, "--from=pod/web-1").verdict == "healthy"
        found = asked(server) - before
    more = {k: v - READS[k] for k, v in found.items() if v > READS[k]}
    pods = "/api/v1/namespaces/production/pods"
    own = {k: v for k, v in more.items() if "checkout" not in k}
    assert own == {f"GET {pods}": 1, f"GET {pods}/web-1/exec": 2}


def test_auto_is_bounded(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        for i in range(30):
            seat(server, client(f"web-{i:02}", owner=f"web-{i}"), tool=False)
        walk(server, tmp_path, "--from=auto")
        found = asked(server)
    tried = {k for k in found if k.endswith("/exec") and "/web-" in k}
    assert len(tried) == 4


def test_a_hostile_answer_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    odd = "conf search \x1b[31m evil\nlook python3 0 999.1.1.1 ::zz 10.96.0.10\nask x udp y z\n"
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("web-1"), odd + RIGHT)
        done = walk(server, tmp_path, "--from=pod/web-1")
    assert met(done)["lookup"]["addresses"] == ["10.96.0.10"]
    assert "\x1b" not in done.stdout


def egress(*ports: dict[str, Any]) -> dict[str, Any]:
    """A policy that lets the client send to these ports and nothing else."""
    rules = [{"ports": list(ports)}] if ports else []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "only", "namespace": NAMESPACE},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Egress"],
            "egress": rules,
        },
    }


def test_where_dns_fails_its_service_is_walked_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        name_server(server, pods=0)
        seat(server, client("web-1"), WAYS["PC607"])
        done = walk(server, tmp_path, "--from=pod/web-1")
        found = asked(server)
    finding = done.report["services"][0]["findings"][0]
    assert done.causes == ["PC607"]
    assert "Service kube-dns in kube-system is broken" in finding["summary"]
    assert "scale deployment/coredns --replicas=1 -n kube-system" in finding["fixes"][0]["shell"]
    assert (met(done)["dnsServer"]["verdict"], statuses(done)["dns-server"]) == ("broken", "fail")
    beside = {k: v for k, v in found.items() if "/kube-system/" in k}
    assert found["GET /api/v1/namespaces/kube-system/services/kube-dns"] == 2
    assert sum(beside.values()) <= 16
    assert "GET /api/v1/services" not in found


def test_a_nameserver_of_no_service_is_said(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, client("web-1"), WAYS["PC607"])
        done = walk(server, tmp_path, "--from=pod/web-1")
    assert "no Service of this cluster has the address 10.96.0.2" in str(done.report)
    assert statuses(done)["dns-server"] == "fail"


@pytest.mark.parametrize(
    ("ports", "cause", "status"),
    [
        ([], "PC610", "fail"),
        ([{"port": 8080}], "PC610", "fail"),
        ([{"port": 53}], "PC610", "fail"),
        ([{"port": 53, "protocol": "UDP"}], "PC607", "warn"),
        ([{"port": 53, "protocol": p} for p in ("UDP", "TCP")], "PC607", "pass"),
    ],
)
def test_policies_between_the_client_and_its_dns(
    tmp_path: Path, ports: list[dict[str, Any]], cause: str, status: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        name_server(server)
        server.add(egress(*ports))
        seat(server, client("web-1"), WAYS["PC607"].replace("timeout", "error refused"))
        done = walk(server, tmp_path, "--from=pod/web-1")
    assert statuses(done)["dns-policies"] == status
    assert done.causes[0] == cause
    fix = done.report["services"][0]["findings"][0]["fixes"][0]
    if cause == "PC610":
        assert "patch networkpolicy only" in fix["shell"]
        assert "PC607" not in done.causes


def test_policies_that_nothing_enforces_are_no_cause(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        name_server(server)
        server.add(egress())
        seat(server, client("web-1"))
        done = walk(server, tmp_path, "--from=pod/web-1")
    assert (done.verdict, done.causes) == ("healthy", [])


def on(node: str, name: str, **more: Any) -> dict[str, Any]:
    return client(name, nodeName=node, **more)


def test_where_only_one_client_fails_it_is_said(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, on("node-2", "web-1", owner="web"), WAYS["PC606"])
        seat(server, on("node-2", "api-1", owner="api"))
        seat(server, on("node-3", "job-1", owner="job"))
        done = walk(server, tmp_path, "--from=pod/web-1")
    (last,) = [s for s in met(done)["steps"] if s["name"] == "others"]
    assert last["status"] == "pass"
    assert "pod/api-1 on node-2 and pod/job-1 on node-3 are served" in last["summary"]
    assert "only this client fails" in last["summary"]


def test_where_all_clients_of_a_node_fail_the_node_is_the_cause(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        seat(server, on("node-2", "web-1", owner="web"), dial="143")
        seat(server, on("node-2", "api-1", owner="api"), dial="143")
        seat(server, on("node-3", "job-1", owner="job"))
        done = walk(server, tmp_path, "--from=pod/web-1")
    assert (done.verdict, done.causes) == ("degraded", ["PC611"])
    finding = done.report["services"][0]["findings"][0]
    assert "Clients on node node-2 do not reach the Service" in finding["summary"]
    assert [f["code"] for f in done.report["services"][0]["findings"]] == ["PC611", "PC604"]


def test_one_pod_on_each_node_takes_the_same_way(tmp_path: Path) -> None:
    labels = {"app": "agent"}
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(workload("agent", kind="DaemonSet"))
        for i in range(30):
            pod = on(f"node-{i:02}", f"agent-{i:02}", owner="agent", labels=labels)
            seat(server, pod, dial="143" if i == 7 else "0")
            seat(server, on(f"node-{i:02}", f"a-{i:02}", owner=f"a-{i}"))
        done = walk(server, tmp_path, "--from=ds/agent", "--from-each-node")
        found = asked(server)
        shown = walk(server, tmp_path, "--from=ds/agent", "--from-each-node", "-o", "table")
    others = met(done)["others"]
    assert met(done)["eachNode"]
    assert [o["pod"] for o in others] == [f"agent-{i:02}" for i in range(1, 20)]
    assert [o["node"] for o in others if o["status"] == "fail"] == ["node-07"]
    assert done.causes == ["PC611"]
    assert sum(v for k, v in found.items() if k.endswith("/exec") and "agent" in k) == 40
    assert "✗ node-07  name right; Service no answer; pods: 3 no answer" in shown.stdout


def test_what_a_client_met_is_saved_and_replayed(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    with FakeApiServer() as server:
        shop(server, 8080)
        name_server(server, pods=0)
        seat(server, on("node-2", "web-1", owner="web"), WAYS["PC607"])
        seat(server, on("node-3", "api-1", owner="api"))
        first = walk(server, tmp_path, "--from=pod/web-1", f"--save={kept}")
        again = program(server, tmp_path, f"--replay={kept}", namespace="")
        hidden = program(server, tmp_path, f"--replay={kept}", "--redact", namespace="")
    assert (again.causes, met(again)["steps"]) == (first.causes, met(first)["steps"])
    assert met(again)["others"] == met(first)["others"]
    assert hidden.causes == first.causes
    assert "web-1" not in hidden.stdout
