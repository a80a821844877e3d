"""The page in a real Chromium: what a reader sees, presses, copies and prints."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from selenium.webdriver.common.keys import Keys

from kubectl_portcheck.diagnosis.merging import Part, merged
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.shell import shell_quote
from tests.page.browser import DESK, PHONE, Browser, awaited
from tests.unit.render import builders as b
from tests.unit.render.builders import SCENARIOS

Written = Callable[[Report], Path]

BEYOND = """
return [...document.querySelectorAll("body *")]
  .filter((e) => e.checkVisibility() && !e.closest(".ear"))
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => e.outerHTML.slice(0, 200));
"""
CONTRAST = """
const parts = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (c) => c.slice(0, 3).map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const found = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || !e.checkVisibility() || e.closest("svg")) continue;
  const [x, y] = [light(parts(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  if (ratio < 4.5) found.push(`${e.tagName} ${e.className} ${e.textContent} ${ratio}`);
}
return found;
"""


def names(browser: Browser) -> list[str]:
    """The Services that are listed."""
    return [e.text for e in browser.shown(".services > li > details > summary b")]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_phone_scrolls_in_one_direction_only_and_the_console_is_silent(
    browser: Browser, page: Written, scenario: str
) -> None:
    browser.open(page(SCENARIOS[scenario]()), PHONE)
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
    browser.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
    assert browser.run(BEYOND) == []
    assert browser.complaints() == []


def test_the_services_are_filtered_by_words_and_by_verdicts(
    browser: Browser, page: Written
) -> None:
    browser.open(page(b.sweep()))
    everything = names(browser)
    assert len(everything) == 60
    assert [e.text for e in browser.shown(".chip")] == ["✗ broken 7", "✓ healthy 53"]
    browser.press("/")
    browser.press("SERVICE-1")
    assert names(browser) == [n for n in everything if n.startswith("svc/service-1")]
    broken, healthy = browser.shown(".chip")
    broken.click()
    assert broken.get_attribute("aria-pressed") == "true"
    assert names(browser) == ["svc/service-13"]
    assert browser.all("#shown")[0].text == "1 of 60 Services"
    browser.all("#filter")[0].send_keys(" nowhere")
    assert names(browser) == []
    assert browser.shown("#none")[0].text == "No Service matches the filter."
    browser.press(Keys.ESCAPE)
    assert len(names(browser)) == 7
    browser.all("#filter")[0].send_keys("pc401 ice-4")
    assert names(browser) == ["svc/service-40", "svc/service-49"]
    healthy.click()
    assert "53" not in browser.all("#shown")[0].text
    broken.click()
    healthy.click()
    browser.press(Keys.ESCAPE)
    assert browser.complaints() == []


def test_of_several_clusters_each_has_its_verdict_and_each_service_its_cluster(
    browser: Browser, page: Written
) -> None:
    parts = [
        Part("kind-north", b.report(b.debrief_service())),
        Part("kind-south", b.report(b.service())),
    ]
    browser.open(page(merged(parts)), PHONE)
    rows = [" ".join(e.text.split()) for e in browser.shown(".clusters li")]
    assert "BROKEN kind-north 1 of 1 Service broken" in rows[0]
    assert "HEALTHY kind-south 1 of 1 Service healthy" in rows[1]
    found = [e.text for e in browser.shown(".services .name .ns")]
    assert found == ["kind-north/production", "kind-south/production"]
    browser.press("/")
    browser.press("south")
    assert len(browser.shown(".services > li")) == 1
    assert browser.complaints() == []


def test_a_command_is_copied_exactly(browser: Browser, page: Written) -> None:
    report = b.debrief()
    command = report.services[0].findings[0].fixes[0].command
    assert command is not None
    browser.open(page(report))
    browser.send("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    button = browser.shown(".problem .copy")[0]
    button.click()
    assert browser.run("return navigator.clipboard.readText()") == shell_quote(command)
    assert button.text == "Copied"
    assert browser.all("#said")[0].get_attribute("textContent") == "The command is copied."
    assert browser.complaints() == []


def test_a_command_is_copied_where_the_clipboard_is_not_to_be_had(
    browser: Browser, page: Written
) -> None:
    """A page from a server without TLS has no ``navigator.clipboard``."""
    browser.open(page(b.debrief()))
    browser.run("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    browser.run("document.addEventListener('copy', () => window.copied = String(getSelection()))")
    browser.shown(".problem .copy")[0].click()
    assert browser.run("return window.copied").startswith("kubectl patch service checkout")
    assert browser.complaints() == []


def test_what_is_folded_opens_by_a_click_and_by_the_keyboard(
    browser: Browser, page: Written
) -> None:
    browser.open(page(b.debrief()))
    evidence = next(e for e in browser.all(".fold") if "Evidence" in e.text)
    first = evidence.find_elements("css selector", "li")[0]
    assert not browser.sees(first)
    evidence.find_element("css selector", "summary").click()
    awaited(lambda: browser.sees(first))
    browser.press(Keys.ENTER)  # It has the focus.
    awaited(lambda: not browser.sees(first))
    browser.press(Keys.SPACE)
    awaited(lambda: browser.sees(first))


def test_every_service_is_reached_and_opened_by_the_keyboard(
    browser: Browser, page: Written
) -> None:
    browser.open(page(b.sweep()))
    reached = [browser.tab().get_attribute("id") or "" for _ in range(4)]
    assert reached == ["filter", "", "", "all"]
    row = browser.tab()
    assert row.tag_name == "summary"
    assert "service-04" in row.text
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert not browser.shown(".picture")
    browser.press(Keys.ENTER)
    awaited(lambda: len(browser.shown(".picture")) == 1)


def test_few_broken_services_are_open_at_once_and_many_are_not(
    browser: Browser, page: Written
) -> None:
    browser.open(page(b.several_services()))
    assert len(browser.all("details.service[open]")) == 3
    browser.open(page(b.sweep()))
    assert not browser.all("details.service[open]")
    browser.all("#all")[0].click()
    assert len(browser.all("details.service[open]")) == 60
    browser.all("#all")[0].click()
    assert not browser.all("details.service[open]")


def test_an_address_with_a_service_opens_it(browser: Browser, page: Written) -> None:
    file = page(b.sweep())
    browser.open(file)
    browser.run("location.hash = '#s9'; await new Promise((r) => setTimeout(r, 100))")
    assert [e.get_attribute("id") for e in browser.all("details.service[open]")] == ["s9"]


@pytest.mark.parametrize("scenario", ["debrief", "several-services", "inconclusive"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_light_or_dark_as_the_system_is_and_its_text_has_contrast(
    browser: Browser, page: Written, scenario: str, dark: bool
) -> None:
    browser.open(page(SCENARIOS[scenario]()), dark=dark)
    browser.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(14, 17, 22)" if dark else "rgb(245, 246, 248)")
    assert browser.run(CONTRAST) == []


def test_it_is_complete_without_its_script(browser: Browser, page: Written) -> None:
    file = page(b.several_services())
    browser.open(file, script=False)
    try:
        assert not browser.shown(".filter")
        assert not browser.shown(".copy")
        assert len(browser.shown(".services > li")) == 14
        row = browser.all("details.service:not([open]) > summary")[0]
        row.click()
        assert browser.complaints() == []
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
    assert len(browser.all("details.service[open]")) == 4


def test_on_paper_the_errors_are_open_and_nothing_is_to_be_pressed(
    browser: Browser, page: Written
) -> None:
    browser.open(page(b.sweep()), (700, 900), dark=True)
    browser.media("print", dark=True)
    assert not browser.shown(".filter")
    assert not browser.shown(".copy")
    assert len(browser.shown(".services > li")) == 60
    assert len(browser.shown("details.broken .problem")) == 7
    assert len(browser.shown("details.broken .problem li")) > 7
    assert not browser.shown("details.healthy .port")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert browser.run("return document.documentElement.scrollWidth") <= 700


def test_a_screen_reader_reads_everything(browser: Browser, page: Written) -> None:
    browser.open(page(b.debrief()))
    tree = browser.tree()
    for role in ("button", "image", "heading", "link", "searchbox"):
        assert all(part["name"] for part in tree if part["role"] == role), role
    pictures = [p["name"] for p in tree if p["role"] == "image"]
    assert pictures == [
        "The way of a request: client, then Service port 80, then targetPort 8080. It breaks there."
        " On the other side: 9000, python3 listens; 9100, readiness probe."
    ]
    said = " ".join(p["name"] for p in tree if p["role"] == "StaticText")
    assert "Target port (fail): 8080; the containers declare 9000" in said
    headings = [p["name"] for p in tree if p["role"] == "heading"]
    assert headings == ["svc/checkout production", "CAUSE PC401 target-port-not-listening"]
    assert {"banner", "main", "contentinfo"} <= {p["role"] for p in tree}
    assert browser.title() == "BROKEN: svc/checkout in production"
    browser.open(page(b.sweep()))
    roles = {(p["role"], p["name"].strip()) for p in browser.tree()}
    assert ("searchbox", "Filter by name, namespace, cause or code") in roles
    assert {role for role, name in roles if name == "broken 7"} <= {"button", "ToggleButton"}
    assert "broken 7" in {name for _, name in roles}
    assert ("status", "") in roles


EVIL = (
    "</script><script>owned=1</script><img src=x onerror=owned=1><svg onload=owned=1>"
    "\"'><iframe src=javascript:owned=1></iframe><style>*{display:none}</style>{{ 7*7 }}{% x %}"
)


@pytest.mark.parametrize("text", [EVIL, b.HOSTILE], ids=["markup", "characters"])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_hostile_names_are_text(
    browser: Browser, page: Written, text: str, size: tuple[int, int]
) -> None:
    browser.open(page(b.hostile(text)), size)
    browser.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
    assert browser.run("return typeof owned") == "undefined"
    assert browser.run("return document.scripts.length") == 1
    assert browser.all("img, iframe, object, embed, a, base") == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    assert browser.complaints() == []
    if text == EVIL:
        assert EVIL in browser.run("return document.body.textContent")


def test_the_page_runs_no_script_and_no_style_but_its_own(browser: Browser, page: Written) -> None:
    """What gets into the page in spite of the escaping finds no way to run or to call home."""
    file = page(b.debrief())
    evil = (
        "<script>window.owned = 1</script><style>body{opacity:0}</style>"
        "<img src='http://127.0.0.1:9/x'><p onclick='1' style='color:red'>x</p>"
        "<form action='http://127.0.0.1:9/'><input type=submit id=send></form>"
    )
    file.write_text(file.read_text().replace("<main", f"{evil}<main"))
    browser.open(file)
    assert browser.run("return typeof owned") == "undefined"
    assert browser.run("return getComputedStyle(document.body).opacity") == "1"
    refused = "\n".join(browser.complaints())
    for directive in ("script-src", "style-src", "img-src"):
        assert directive in refused


def test_a_thousand_services_are_quick(browser: Browser, page: Written) -> None:
    services = tuple(
        msgspec.structs.replace(s, name=f"service-{i}")
        for i, s in enumerate(b.sweep().services * 17)
    )
    browser.open(page(msgspec.structs.replace(b.sweep(), services=services)))
    took = browser.run(
        "const began = performance.now(); const f = document.querySelector('#filter');"
        "f.value = 'service-77'; f.dispatchEvent(new Event('input'));"
        "document.body.offsetHeight; return performance.now() - began"
    )
    assert len(names(browser)) == 11
    assert took < 5000  # A twentieth of a second on a quiet machine; hiding them took seconds.
