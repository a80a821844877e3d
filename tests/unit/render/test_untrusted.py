"""No text of a report steers a terminal, hides, or breaks the format it stands in."""

import json
import unicodedata
from xml.etree import ElementTree as ET

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_portcheck.render.console import to_rich
from kubectl_portcheck.render.layout import plain
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import table_lines
from kubectl_portcheck.render.text import LIMIT, ascii_only, cells, clean, clean_block, cut, cut_end
from tests.unit.render.builders import HOSTILE, SCENARIOS, hostile
from tests.unit.render.formats import FORMATS

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x9b\x07\r\n\t\0\u202e\u2066\u200b\ufeff\ud800\U000e0041\u2028[]|`<&'\""
        ),
    ),
    max_size=40,
)
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def dangerous(text: str) -> set[str]:
    """What must not occur. A warning sign in Markdown has the one variation selector."""
    allowed = "\n"
    return {
        c
        for c in text.replace("\N{WARNING SIGN}\ufe0f", "")
        if c not in allowed and (unicodedata.category(c) in FORBIDDEN or 0xFE00 <= ord(c) < 0xFE10)
    }


@settings(max_examples=60)
@given(NASTY)
def test_every_format_is_harmless_whatever_a_text_holds(text: str) -> None:
    report = hostile(text)
    for name, render in FORMATS.items():
        if not name.endswith(".svg"):
            for shown_report in (
                report,
                msgspec.structs.replace(report, services=report.services[:1]),
            ):
                assert dangerous(render(shown_report)) == set(), name


@pytest.mark.parametrize("name", FORMATS)
def test_the_worst_name_is_harmless_in(name: str) -> None:
    report = hostile()
    # With several Services the one line of -q names none of them.
    one = msgspec.structs.replace(report, services=report.services[:1])
    shown = FORMATS[name](one)
    assert not dangerous(shown) - {"\N{NO-BREAK SPACE}"}
    assert "\\x1b[2J" in shown.replace("\\\\", "\\").replace("\\[", "[").replace("&#91;", "[")


@settings(max_examples=60)
@given(NASTY)
def test_the_machine_formats_stay_valid(text: str) -> None:
    report = hostile(text)
    document = json.loads(FORMATS["report.json"](report))
    assert yaml.safe_load(FORMATS["report.yaml"](report)) == document
    json.loads(FORMATS["report.sarif"](report))
    ET.fromstring(FORMATS["junit.xml"](report))
    unhealthy = [s for s in report.services if s.verdict != "healthy"]
    assert len(FORMATS["name.txt"](report).splitlines()) == len(unhealthy) > 0
    assert len(FORMATS["line.txt"](report).splitlines()) == 1


EXACT = ("command", "commands", "look")
"""Fields of the JSON that hold argument vectors."""


@given(NASTY)
def test_decoded_json_texts_are_harmless_as_well(text: str) -> None:
    """For those who print a field with ``jq -r``. Only an argument vector is exact."""

    def walk(value: object, key: str = "") -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                walk(item, name)
        elif isinstance(value, list) and key not in EXACT:
            for item in value:
                walk(item, key)
        elif isinstance(value, str):
            assert not dangerous(value), key
            if key not in ("shell", "patch", *EXACT):
                assert "\n" not in value

    walk(json.loads(FORMATS["report.json"](hostile(text))))


def test_a_command_is_exact_in_json() -> None:
    text = "a\x1b'b\nc"
    fixes = json.loads(FORMATS["report.json"](hostile(text)))["services"][0]["findings"][0]["fixes"]
    assert fixes[1]["command"] == ["kubectl", text]
    assert "\x1b" not in fixes[1]["shell"]


def test_markup_is_never_interpreted() -> None:
    lines = table_lines(hostile("[red]x[/red] :smile: [link=http://e]y[/link]"), Look(width=None))
    assert to_rich(lines).plain.rstrip() == plain(lines).rstrip()
    assert "[red]x[/red] :smile: [link=http://e]y[/link]" in plain(lines)


def test_a_megabyte_is_cut_in_the_middle() -> None:
    name = "a" * 600_000 + "b" * 600_000
    for format_name, render in FORMATS.items():
        if not format_name.endswith(".svg"):
            shown = render(hostile(name))
            assert len(shown) < 4_000_000 or "command" in shown, format_name
    assert len(clean(name)) == LIMIT
    assert clean(name).startswith("aaa")
    assert clean(name).endswith("bbb")
    assert "1195904 characters left out" in clean(name)


@given(NASTY)
def test_clean_is_one_line_and_idempotent(text: str) -> None:
    cleaned = clean(text)
    assert not dangerous(cleaned)
    assert "\n" not in cleaned
    assert clean(cleaned) == cleaned
    assert ascii_only(cleaned).isascii()


def test_kubernetes_names_are_never_changed() -> None:
    name = "checkout-v2.example-eu-1"
    assert clean(name) == name


def test_a_block_keeps_its_lines_and_indentation() -> None:
    assert clean_block("spec:\n  ports:\r\n  - port: 80\n") == "spec:\n  ports:\n  - port: 80"
    assert clean_block("a: \x1b[2J\n  b: \u202e") == "a: \\x1b[2J\n  b: \\u202e"


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])), st.integers(1, 60))
def test_cuts_fit(text: str, width: int) -> None:
    text = clean(text)
    assert cells(cut(text, width)) <= width
    assert cells(cut_end(text, max(width, 3))) <= max(width, 3)


def test_a_name_is_cut_in_the_middle() -> None:
    assert cut("checkout-6987bf456-kkmhn", 15) == "checkou…6-kkmhn"
    assert cut("checkout", 8) == "checkout"
    assert cut("結帳服務系統", 9) == "結帳…系統"


@pytest.mark.parametrize("look", [Look(width=80), Look(width=140), Look(width=80, unicode=False)])
@pytest.mark.parametrize("scenario", sorted({*SCENARIOS} - {"hostile"}))
def test_no_line_is_wider_than_the_terminal(scenario: str, look: Look) -> None:
    lines = plain(table_lines(SCENARIOS[scenario](), look)).splitlines()
    assert not [row for row in lines if cells(row) > (look.width or 0)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_ascii_is_ascii(scenario: str) -> None:
    look = Look(width=80, unicode=False)
    assert plain(table_lines(SCENARIOS[scenario](), look)).isascii()


def test_the_hostile_text_holds_what_it_should() -> None:
    assert {unicodedata.category(c) for c in HOSTILE} >= {"Cc", "Cf", "Cs", "Zl"}
