"""Chromium, by Selenium and Debian's driver: opens a page and says what a reader meets."""

import base64
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

FLAGS = ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage")
SECONDS = 60
"""How long one answer of the browser may take on a busy machine."""
DESK, PHONE = (1200, 900), (360, 740)


class Browser:
    """One window."""

    def __init__(self, folder: Path) -> None:
        browser, driver = _programs()
        options = Options()
        options.binary_location = browser
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium wants it so.
        for flag in (*FLAGS, *root, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self._driver = webdriver.Chrome(options=options, service=Service(driver))
        self._driver.set_page_load_timeout(SECONDS)
        self._driver.set_script_timeout(SECONDS)

    def open(
        self, page: Path, size: tuple[int, int] = DESK, *, dark: bool = False, script: bool = True
    ) -> None:
        """Open a page in a window of this size."""
        width, height = size
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.media("screen", dark=dark)
        self._driver.get(page.as_uri())

    def media(self, media: str, *, dark: bool = False) -> None:
        """Let the page take itself for printed, or for shown by a dark system."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def send(self, command: str, **words: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._driver.execute_cdp_cmd(command, words)

    def run(self, script: str, *words: Any) -> Any:
        """Run a script in the page and return what it returns, awaited."""
        return self._driver.execute_script(f"return (async () => {{ {script} }})()", *words)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that a CSS selector finds."""
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self, selector: str) -> list[WebElement]:
        """Return those of them that a reader sees."""
        return [e for e in self.all(selector) if self.sees(e)]

    def sees(self, element: WebElement) -> bool:
        """Whether a reader sees this element."""
        found: bool = self._driver.execute_script(
            "return arguments[0].checkVisibility({contentVisibilityAuto: true})", element
        )
        return found

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self._driver).send_keys(*keys).perform()

    def tab(self) -> WebElement:
        """Go on by the tab key, and return what has the focus then."""
        self.press(Keys.TAB)
        return self._driver.switch_to.active_element

    def title(self) -> str:
        """Return the title of the window."""
        return self._driver.title

    def complaints(self) -> list[str]:
        """Return what the console got since it was asked last."""
        entries = self._driver.execute("getLog", {"type": "browser"})["value"]
        return [entry["message"] for entry in entries]

    def tree(self) -> list[dict[str, Any]]:
        """Return what a screen reader is given: role and name of each part."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [
            {"role": n["role"]["value"], "name": n.get("name", {}).get("value", "")}
            for n in nodes
            if not n["ignored"]
        ]

    def picture(self, file: Path, height: int | None = None) -> None:
        """Save what is shown, from the top of the page, as PNG."""
        size = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": height or size[1], "scale": 1}
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._driver.quit()


def awaited(condition: Callable[[], bool]) -> None:
    """Wait until the browser has done what it was asked; fail where it does not."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _programs() -> tuple[str, str]:
    """Return Chromium and its driver; skip the test where one is missing."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        missing = "Chromium" if not browser else "chromedriver"
        pytest.skip(f"there is no {missing} here (Debian: chromium and chromium-driver)")
    return browser, driver
