"""A browser for the tests of pages: headless Chromium, nothing but loopback, no Selenium Manager."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-crash-reporter",
    "--force-color-profile=srgb",
    # A page that asks for anything from elsewhere fails here as it would on a machine without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def browser_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One Chromium for the tests of a process; use ``browser``."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium isn't installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or chromedriver isn't installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (*_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    process = webdriver.Chrome(options=options, service=service)
    yield process
    process.quit()


@pytest.fixture
def browser(browser_process: Any) -> Iterator[Any]:
    """A Selenium driver with an empty page of 1200 x 800; a test fails if its page wrote to the console."""
    browser_process.get("about:blank")
    metrics = {"width": 1200, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser_process.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser_process.get_log("browser")
    yield browser_process
    said = [entry["message"] for entry in browser_process.get_log("browser")]
    assert not said, said


def open_page(driver: Any, address: str) -> None:
    """Open ``address`` and wait for its document: ``get`` may end with the load of the one before it."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.execute_script("window.isBefore = true")
    driver.get(address)
    there = "return !window.isBefore && document.readyState === 'complete'"
    WebDriverWait(driver, 10, poll_frequency=0.02).until(lambda _: driver.execute_script(there))
