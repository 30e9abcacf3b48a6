"""The review page in a browser, by keyboard. The fixture ``browser`` fails a test whose page wrote to the console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spacy_convner.datagen.pattern_files import read_patterns
from spacy_convner.datagen.review.examples import ExampleMaker
from spacy_convner.datagen.review.session import ReviewSession
from spacy_convner.datagen.review.web import make_app, make_server

from ...browser import open_page
from .conftest import HOSTILE, PATTERNS

pytestmark = pytest.mark.browser


class Page:
    """Presses keys and reads what is there."""

    def __init__(self, driver: Any, address: str) -> None:
        from selenium.webdriver.common.by import By
        from selenium.webdriver.common.keys import Keys

        self.driver, self.address, self.by, self.keys = driver, address, By, Keys
        self.open()

    def open(self) -> None:
        open_page(self.driver, self.address)
        self.until(lambda: self.text("#views") != "")

    def find(self, selector: str) -> Any:
        return self.driver.find_element(self.by.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[str]:
        """Texts as people see them; in one go, since the page draws itself anew at any time."""
        nodes = "[...document.querySelectorAll(arguments[0])]"
        script = f"return {nodes}.map(node => node.checkVisibility() ? node.innerText : '')"
        return [" ".join(text.split()) for text in self.driver.execute_script(script, selector)]

    def text(self, selector: str) -> str:
        return self.all(selector)[0]

    def click(self, selector: str) -> None:
        self.find(selector).click()
        self.until(lambda: not self.driver.execute_script("return ui.busy"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for ``condition``; what isn't drawn yet (``text`` finds nothing) is waited for too."""
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, 10, poll_frequency=0.02, ignored_exceptions=[IndexError])
        wait.until(lambda _: condition())

    def shows(self, selector: str, text: str) -> None:
        try:
            self.until(lambda: self.text(selector) == text)
        except Exception:
            assert self.text(selector) == text
            raise

    def decide(self, key: str, then: str) -> None:
        self.press(key)
        self.shows("#pattern", then)


@pytest.fixture
def serve(session: ReviewSession, examples: ExampleMaker) -> Iterator[str]:
    session.labels = {**session.labels, "Album": "The title of a record."}
    server = make_server(make_app(session, "t", examples))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/?token=t"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Any, serve: str) -> Page:
    return Page(browser, serve)


FIRST, SECOND, THIRD = "play Song by Artist", "put on some Artist will you", HOSTILE


def test_accept_reject_undo_and_reload(page: Page, patterns_path: Path) -> None:
    page.shows("#pattern", FIRST)
    page.decide("a", SECOND)
    page.shows("#said", "Accepted play Song by Artist Undo U")
    page.decide(page.keys.ARROW_LEFT, THIRD)
    assert [p.status for p in read_patterns(patterns_path)][:3] == ["accepted", "rejected", "proposed"]
    assert page.text("#views") == "To do 3 Accepted 1 Edited 0 Rejected 1 Invalid 1 All 6"
    page.open()  # continues where it was
    page.shows("#pattern", THIRD)
    page.decide("u", SECOND)
    page.decide("u", FIRST)
    page.press("u")
    page.until(lambda: "nothing to undo" in page.text("#problem"))
    assert {p.status for p in read_patterns(patterns_path)[:5]} == {"proposed"}
    page.decide("2", SECOND)
    assert read_patterns(patterns_path)[0].reason == "wrong label"
    page.press("R", "odd", page.keys.ENTER)
    page.shows("#pattern", THIRD)
    assert read_patterns(patterns_path)[1].reason == "odd"


def test_edit_in_place(page: Page, patterns_path: Path) -> None:
    page.press("e")
    assert page.find("#editor").get_attribute("value") == "play <Song> by <Artist>"
    page.press(" off <Al")
    page.until(lambda: page.all("#complete li") == ["Album The title of a record."])
    page.press(page.keys.TAB, "!")
    assert page.find("#editor").get_attribute("value") == "play <Song> by <Artist> off <Album>!"
    page.shows("#preview", "play Song by Artist off Album!")
    page.press(page.keys.ENTER)
    page.shows("#pattern", SECOND)
    page.shows("#said", "Edited play Song by Artist off Album! Undo U")
    found = read_patterns(patterns_path)[0]
    assert (found.status, found.text) == ("edited", "play <Song> by <Artist> off <Album>!")
    assert found.original == PATTERNS[0]["text"]


def test_an_edit_is_checked_at_once(page: Page, patterns_path: Path) -> None:
    page.press("e", page.keys.CONTROL + "a", "play <Sogn>")
    page.until(lambda: "did you mean <Song>?" in page.text("#fault"))
    page.press(page.keys.ENTER)
    page.until(lambda: page.find("#editor").is_displayed())
    page.press(page.keys.ESCAPE)
    page.shows("#pattern", FIRST)
    assert not page.find("#fault").is_displayed()
    assert not page.find("#editor").is_displayed()
    assert {p.status for p in read_patterns(patterns_path)[:5]} == {"proposed"}
    page.press("e", "s", page.keys.ENTER)  # keys belong to the editor
    page.shows("#pattern", SECOND)
    assert read_patterns(patterns_path)[0].text.endswith("<Artist>s")


def test_markup_stays_text(page: Page) -> None:
    page.press("s")
    page.shows("#pattern", SECOND)
    page.press(" ")
    page.shows("#pattern", HOSTILE)
    assert page.all("#seeds li") == ["play <img src=x onerror=alert(2)> by adele"]
    assert not page.driver.find_elements(page.by.CSS_SELECTOR, "#card script, #card img")
    assert "no placeholder" in page.text("#fault")
    assert not page.find("#accept").is_enabled()
    page.press("a")
    page.until(lambda: "no placeholder" in page.text("#problem"))
    page.press("e")
    page.until(lambda: page.text("#preview") == HOSTILE)
    page.press(page.keys.ESCAPE, "r")
    page.shows("#pattern", "¿quién canta Song?")
    page.shows("#said", f"Rejected {HOSTILE} Undo U")
    assert page.driver.execute_script("return document.scripts.length") == 2


def test_examples_and_seeds_show_their_names(page: Page) -> None:
    assert page.all("#seeds .tag") == ["hello", "adele"]
    before = page.all("#examples li")
    assert len(before) == 3
    page.press("m")
    page.until(lambda: page.all("#examples li") != before)
    assert page.text("#pattern") == FIRST


def test_filters(page: Page) -> None:
    page.press("/", "dune", page.keys.ENTER)
    page.shows("#pattern", "is Movie any good")
    page.press("/", page.keys.CONTROL + "a", page.keys.BACKSPACE, page.keys.ESCAPE)
    page.until(lambda: page.text("#rank") == "5 of 5")
    page.click("#lang [value=es]")
    page.shows("#pattern", "¿quién canta Song?")
    page.shows("#rank", "1 of 1")
    page.decide("a", "")
    assert page.text("#empty h2") == "Nothing matches"
    page.click("#clear")
    page.until(lambda: page.text("#rank").endswith("of 4"))
    page.click("#cluster [value='-1']")
    page.shows("#pattern", HOSTILE)
    page.click("#cluster [value='']")
    page.click("#labels [data-label=Movie]")
    page.shows("#pattern", "is Movie any good")
    page.click("#views [data-view=accepted]")
    page.until(lambda: page.text("#empty h2") == "Nothing matches")
    page.click("#labels [data-label=Movie]")
    page.shows("#pattern", "¿quién canta Song?")
    assert page.text("#before") == "accepted by ana"
    page.click("#views [data-view=invalid]")
    page.shows("#pattern", "play")
    assert "no placeholder" in page.text("#before")


def test_to_the_end(page: Page) -> None:
    page.decide("a", SECOND)
    page.decide(page.keys.ARROW_RIGHT, THIRD)
    page.decide("r", "¿quién canta Song?")
    page.decide("a", "is Movie any good")
    page.press("a")
    page.shows("#empty h2", "Everything is decided")
    assert "5 of 6 decided" in page.text("#pace")
    assert "a minute" in page.text("#pace")
    page.decide("u", "is Movie any good")


def test_a_click_leaves_the_keys_to_the_page(page: Page) -> None:
    page.click("#accept")
    page.shows("#pattern", SECOND)
    page.press(" ")  # skips, and doesn't press the button again
    page.shows("#pattern", THIRD)
    page.press("?")
    assert page.find("#help").is_displayed()
    page.press(page.keys.ESCAPE)
    assert not page.find("#help").is_displayed()


def test_somebody_else_changed_the_file(page: Page, patterns_path: Path) -> None:
    patterns_path.write_text(patterns_path.read_text(encoding="utf8") + "\n", encoding="utf8")
    page.press("a")
    page.until(lambda: "changed by somebody else" in page.text("#problem"))
    page.click("#reload")
    page.until(lambda: not page.find("#problem").is_displayed())
    page.decide("a", SECOND)


def test_a_file_that_cannot_be_read_again(page: Page, patterns_path: Path) -> None:
    text = patterns_path.read_text(encoding="utf8")
    patterns_path.write_text(text + "{", encoding="utf8")
    page.press("a")
    page.until(lambda: "changed by somebody else" in page.text("#problem"))
    page.click("#reload")
    page.until(lambda: "not valid JSON" in page.text("#problem"))
    patterns_path.unlink()
    page.click("#reload")
    page.until(lambda: "isn't there any more" in page.text("#problem"))
    page.press("s")
    page.shows("#pattern", SECOND)
    assert page.find("#reload").is_displayed()
    patterns_path.write_text(text, encoding="utf8")
    page.click("#reload")
    page.until(lambda: not page.find("#problem").is_displayed())
    page.decide("a", SECOND)


def test_a_hint_blocks_nothing(page: Page) -> None:
    assert not page.find("#hint").is_displayed()
    page.press("e", page.keys.CONTROL + "a", "play the <Song>")
    page.shows("#hint", "an article before <Song>: most names must fit")
    page.press(page.keys.ESCAPE)
    page.until(lambda: not page.find("#hint").is_displayed())
    page.press("e", page.keys.CONTROL + "a", "play the <Song>", page.keys.ENTER)
    page.shows("#pattern", SECOND)
    assert not page.find("#hint").is_displayed()
    page.click("#views [data-view=edited]")
    page.shows("#hint", "an article before <Song>: most names must fit")


def test_narrow_and_dark(page: Page) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    phone = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        page.open()
        page.shows("#pattern", FIRST)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 375
        beyond = """return [...document.querySelectorAll("#views *, #reasons *, #actions button")]
            .filter(node => node.getBoundingClientRect().right > 375).map(node => node.innerText)"""
        assert page.driver.execute_script(beyond) == []
        page.click("#accept")
        page.shows("#pattern", SECOND)
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_names_for_those_who_do_not_see(page: Page) -> None:
    nameless = """return [...document.querySelectorAll("button, input, select, textarea")]
        .filter(node => !(node.tagName === "BUTTON" && node.textContent.trim()) && !node.ariaLabel)
        .filter(node => !node.labels?.length).map(node => node.id)"""
    assert page.driver.execute_script(nameless) == []
    assert page.find("#bar").get_attribute("aria-valuenow") == "0"
    assert page.find("#said").get_attribute("aria-live") == "polite"
