"""What a person must find in the report, and where."""

import re
import subprocess

import msgspec
import pytest

from kubectl_portcheck.model.report import NotEvaluated, Report
from kubectl_portcheck.render.layout import plain
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import render_table, table_lines
from tests.unit.render import builders as b
from tests.unit.render.builders import SCENARIOS


def shown(report: Report, width: int | None = 80, **other: bool) -> list[str]:
    commands = other.pop("show_commands", False)
    return render_table(report, Look(width=width, **other), show_commands=commands).splitlines()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_first_line_is_the_verdict(scenario: str) -> None:
    report = SCENARIOS[scenario]()
    assert shown(report)[0][2:].startswith(report.verdict.upper())
    assert shown(report, plain=True)[0].startswith(report.verdict.upper())


def test_the_second_line_is_the_cause_in_words() -> None:
    report = b.debrief()
    assert shown(report)[1].strip() == str(report.services[0].headline)


def test_a_healthy_service_takes_three_lines() -> None:
    assert len(shown(b.healthy())) == 3


def test_six_steps_in_order_with_their_signs() -> None:
    rows = [r for r in shown(b.debrief()) if re.match(r"  [✓!✗–] \d ", r)]
    assert [r[2:5] for r in rows] == ["✓ 1", "! 2", "✓ 3", "✗ 4", "✗ 5", "✗ 6"]


def test_a_skipped_step_says_why() -> None:
    text = "\n".join(shown(b.inconclusive()))
    assert "– 5 Pod port-forward      not tried: create pods/portforward is forbidden" in text


def test_the_picture_breaks_where_the_chain_breaks() -> None:
    rows = shown(b.debrief())
    assert "Service :80 ──▶ targetPort 8080 ──✗   9000 ◀── python3 listens" in rows[3]
    assert rows[4].strip() == "9100 ◀── readiness probe"
    typo = "\n".join(shown(b.selector_typo()))
    assert "Service :80 ──✗   no pod ◀── selector-matches-no-pods" in typo
    assert "targetPort htpp ──✗" in "\n".join(shown(b.unresolved_name()))
    assert "9000 ◀── python3 on 127.0.0.1" in "\n".join(shown(b.loopback()))


def test_a_part_of_the_pods_makes_a_fork() -> None:
    rows = "\n".join(shown(b.degraded()))
    assert "─┬─✓ 1 of 3 pods: listen on 9000" in rows
    assert "└─✗ 2 of 3 pods: listen on 8080" in rows


def test_forty_listeners_do_not_flood_the_picture() -> None:
    rows = shown(b.many_listeners())
    assert any("and 37 more" in r for r in rows)


def test_consequences_are_folded_under_their_cause() -> None:
    rows = shown(b.debrief(), wide=True)
    after = next(i for i, r in enumerate(rows) if r == "  Consequences")
    assert "PC501 3 of 3 pods refuse connections to 8080" in rows[after + 1]
    assert "PC601" in rows[after + 2]
    assert "Consequences" not in "\n".join(shown(b.debrief()))


def test_the_first_screen_has_verdict_cause_and_fix_and_nothing_below() -> None:
    rows = shown(b.debrief())
    assert len(rows) < 24
    assert "BROKEN" in rows[0]
    assert rows[-1].endswith('"value":9000}]\'')


def test_what_is_true_of_each_pod_is_said_once() -> None:
    text = "\n".join(shown(b.debrief(), wide=True))
    assert text.count("listen on 9000 and 9100, not on 8080") == 1
    assert "all 3 pods: listen on 9000 and 9100, not on 8080" in text


@pytest.mark.parametrize("width", [80, 100, 140, None])
def test_the_copied_fix_is_one_working_command(width: int | None) -> None:
    report = b.debrief()
    command = report.services[0].findings[0].fixes[0].command
    assert command is not None
    rows = shown(report, width)
    start = next(i for i, r in enumerate(rows) if r.startswith("kubectl patch"))
    end = next((i for i in range(start, len(rows)) if not rows[i]), len(rows))
    pasted = "\n".join(rows[start:end])
    assert (end - start == 1) == (width is None)
    script = f"kubectl() {{ printf '%s\\0' kubectl \"$@\"; }}\n{pasted}\n"
    done = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == list(command)


def test_the_second_safe_fix_leaves_no_choice_to_make() -> None:
    rows = shown(b.debrief())
    assert sum(r.startswith("kubectl patch") for r in rows) == 1
    assert sum(r.startswith("kubectl patch") for r in shown(b.debrief(), wide=True)) == 2


def test_every_choice_is_shown_where_none_is_safe() -> None:
    choices = (b.retarget(9000, safety="review"), b.retarget(9001, safety="review"))
    service = b.debrief_service()
    finding = msgspec.structs.replace(service.findings[0], fixes=choices)
    rows = shown(b.report(msgspec.structs.replace(service, findings=(finding,))))
    assert sum(r.startswith("kubectl patch") for r in rows) == 2
    assert sum("review before you paste" in r for r in rows) == 2


def test_healthy_ports_are_folded_behind_the_broken_one() -> None:
    rows = shown(b.several_ports())
    assert sum("port-forward" in r and re.match(r"  [✓!✗–] 5", r) is not None for r in rows) == 1
    assert "  ✓ port 443 → https (9443): 6 of 6 steps pass" in rows


def test_a_sweep_lists_the_worst_first_and_folds_the_healthy() -> None:
    rows = shown(b.several_services())
    verdicts = [r.split()[1] for r in rows[2:6]]
    assert verdicts == ["BROKEN", "BROKEN", "DEGRADED", "INCONCLUSIVE"]
    assert rows[0] == "✗ BROKEN  2 of 14 Services broken, 1 degraded, 1 inconclusive, 10 healthy"
    assert rows[6].startswith("  ✓ 10 HEALTHY  auth, billing")
    assert rows[-1] == rows[0]


def test_a_summary_has_no_details() -> None:
    rows = render_table(b.sweep(), Look(width=80), summary=True).splitlines()
    assert rows[0] == "✗ BROKEN  7 of 60 Services broken, 53 healthy"
    assert len(rows) < 20
    assert not any("kubectl patch" in r for r in rows)


def test_no_service_at_all_is_said() -> None:
    report = b.report()
    none = msgspec.structs.replace(report, services=(), verdict="inconclusive")
    assert shown(none) == ["– INCONCLUSIVE  no Service was found"]


def test_an_interrupted_report_says_so() -> None:
    partial = msgspec.structs.replace(b.inconclusive(), interrupted=True)
    several = msgspec.structs.replace(b.several_services(), interrupted=True)
    assert "interrupted: partial report" in shown(partial, 140)[0]
    assert "interrupted: partial report" in " ".join(shown(several)[:2])


def test_show_commands_puts_a_command_under_each_step() -> None:
    rows = shown(b.debrief(), show_commands=True)
    assert rows.count("      kubectl get pods -l app=checkout -n production") == 6


def test_a_commands_unsafe_characters_are_quoted_again() -> None:
    bad = b.step(1, commands=(("kubectl", "get", "pods", "-l", "a=\x1b[2J"),))
    service = b.service(ports=(b.port(steps=(bad, *b.WELL[1:])),))
    text = "\n".join(shown(b.report(service), show_commands=True))
    assert """kubectl get pods -l 'a='"$(printf '\\033')"'[2J'""" in text


def test_what_was_missing_is_named_when_it_is_not_known() -> None:
    text = " ".join(" ".join(shown(b.inconclusive(), wide=True)).split())
    assert "Could not tell pods" in text
    assert "(PC401, PC201 not evaluated)" in text
    assert "create pods/portforward is forbidden (PC501 not evaluated)" in text


def test_what_the_headline_and_the_steps_say_is_not_said_again() -> None:
    text = " ".join(" ".join(shown(b.inconclusive())).split())
    assert "could not tell: pods" in text
    assert "not tried: create pods/portforward is forbidden" in text
    assert "Could not tell" not in text


def test_beside_a_cause_the_rules_that_are_open_are_only_named() -> None:
    lacking = tuple(NotEvaluated(code=f"PC60{i}", missing=f"right {i}") for i in range(5))
    broken = msgspec.structs.replace(b.debrief().services[0], not_evaluated=lacking)
    rows = shown(b.report(broken))
    assert rows[-1] == "  Note      5 rules were not evaluated (-o wide says why)"
    whole = " ".join(" ".join(shown(b.report(broken), wide=True)).split())
    assert "right 4 (PC604 not evaluated)" in whole


def test_what_was_missing_is_short_beside_a_verdict() -> None:
    lacking = tuple(NotEvaluated(code=f"PC60{i}", missing=f"right {i}") for i in range(5))
    text = "\n".join(shown(b.report(b.service(not_evaluated=lacking))))
    assert "Note      right 0 (PC600 not evaluated); right 1 (PC601 not evaluated); and 3" in text


def test_long_names_are_cut_at_80_columns_and_whole_in_wide() -> None:
    report = b.long_names()
    name = report.services[0].name
    assert name not in "\n".join(shown(report, 80))
    assert "…" in shown(report, 80)[0]
    assert shown(report, 80)[0].startswith("✗ BROKEN  svc/checkout-service")
    assert name in shown(report, 140)[0]
    wide = shown(report, 80, wide=True)
    assert name in wide[0]
    assert report.services[0].namespace in wide[0]
    assert "…" not in "".join(wide)


def test_plain_has_no_pictures() -> None:
    text = "\n".join(shown(b.several_services(), plain=True))
    assert not set("✓✗→▶◀─│└┬–…") & set(text)
    assert "The way of a request: client, then Service port 80, then targetPort 8080." in text
    assert "Step 4, Target port: fail. 8080; the containers declare 9000" in text


def test_no_line_ends_in_blanks() -> None:
    for scenario in SCENARIOS.values():
        for look in (Look(), Look(wide=True), Look(plain=True)):
            rows = plain(table_lines(scenario(), look)).splitlines()
            assert not [r for r in rows if r != r.rstrip()]
