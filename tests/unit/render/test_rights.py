"""The rights that were missing, together, and how to ask for them."""

import msgspec

from kubectl_portcheck.model.base import Right
from kubectl_portcheck.model.report import Headline, Report, ServiceReport
from kubectl_portcheck.render.json import report_json
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.rights import MissingRight, missing_rights, role_commands
from kubectl_portcheck.render.table import render_table
from tests.unit.render.builders import SCENARIOS, right


def report(*rights: Right) -> Report:
    service = ServiceReport(
        namespace="production",
        name="checkout",
        verdict="inconclusive",
        headline=Headline(text="nothing", untold=True),
        rights=rights,
    )
    return msgspec.structs.replace(SCENARIOS["inconclusive"](), services=(service,))


REPLICA_SETS = right("list", resource="replicasets", group="apps")


def test_each_is_asked_for_once_with_all_its_verbs() -> None:
    found = missing_rights(report(right("get", "exec"), right("create", "exec"), REPLICA_SETS))
    assert found == (
        MissingRight("production", "", "pods/exec", ("get", "create")),
        MissingRight("production", "apps", "replicasets", ("list",)),
    )


def test_the_pod_of_from_is_asked_for_in_its_own_namespace() -> None:
    found = missing_rights(report(right("get", "exec", namespace="tools")))
    assert found == (MissingRight("tools", "", "pods/exec", ("get", "create")),)


def test_what_could_not_be_looked_at_at_all_is_asked_for_too() -> None:
    closed = right("list", resource="services", namespace="closed")
    whole = msgspec.structs.replace(report(), rights=(closed,))
    assert missing_rights(whole) == (MissingRight("closed", "", "services", ("get", "list")),)


def test_one_role_for_each_set_of_verbs() -> None:
    rights = missing_rights(
        report(
            right("get", "exec"),
            right("get", "portforward"),
            REPLICA_SETS,
            right("list", resource="nodes", namespace=""),
        )
    )
    shown = [" ".join(c) for c in role_commands(rights)]
    assert shown == [
        "kubectl create clusterrole portcheck-list --verb=list --resource=nodes",
        "kubectl create role portcheck-get-create -n production --verb=get,create"
        " --resource=pods/exec,pods/portforward",
        "kubectl create role portcheck-list -n production --verb=list --resource=replicasets.apps",
    ]


def test_the_table_ends_with_them_and_the_json_has_them() -> None:
    forbidden = report(right("get", "exec"))
    assert render_table(forbidden, Look(width=None)).endswith(
        "\n  Missing permissions; an administrator can grant them:\n\n"
        "kubectl create role portcheck-get-create"
        " -n production --verb=get,create --resource=pods/exec\n"
    )
    assert report_json(forbidden, "1")["missingRights"] == [
        {
            "namespace": "production",
            "apiGroup": "",
            "resource": "pods/exec",
            "verbs": ["get", "create"],
        }
    ]


def test_nothing_is_said_where_none_was_missing() -> None:
    assert "Missing permissions" not in render_table(report(), Look(width=80))
    assert missing_rights(SCENARIOS["hostile"]()) == ()
