"""The report in headless Chromium. The fixture ``browser`` fails a test whose page wrote to the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spacy_convner.evaluation.report import render_report
from spacy_convner.ty import LabelledSpan

from ..browser import open_page
from .report_data import BOOK, HOSTILE, SONG, benchmark, judged, system_of, write

pytestmark = pytest.mark.browser
EMOJI = "🎧🎧 hello there"  # two characters, four UTF-16 units


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Any:
    """Two systems whose names, labels and utterances are hostile, and a benchmark of another test set."""
    tag = LabelledSpan(5, 10, HOSTILE)
    emoji = LabelledSpan(3, 8, "Song")
    nested = (LabelledSpan(5, 16, "Song"), LabelledSpan(11, 16, "<b>"))
    cases = [
        ("play hello one", [SONG], [SONG], [BOOK]),
        ("play hello two", [SONG], [], [SONG]),
        (f"play hello {HOSTILE}", [tag], [SONG], []),
        (EMOJI, [emoji], [emoji], []),
        ("play hello adele", [SONG], nested, [SONG]),
    ]
    for side, name in enumerate((f"a {HOSTILE}", "b")):
        items = [judged(case[0], case[1], case[2 + side], {*case[1], *case[2], *case[3]}) for case in cases]  # type: ignore[arg-type, misc]
        write(tmp_path, f"{side}", system_of({"one": items, "<i>two</i>": items[:2]}, name))
    write(tmp_path, "bench", benchmark("z", {0: 0.5, 10: 0.6, 1000: 0.7}))
    (tmp_path / "r.html").write_text(render_report(tmp_path), encoding="utf8")
    open_page(browser, (tmp_path / "r.html").as_uri())
    return browser


def choose(page: Any, selector: str, text: str) -> None:
    """Pick an option by how its text begins, as a person would."""
    script = """
      const select = document.querySelector(arguments[0]);
      const option = [...select.options].find((each) => each.textContent.startsWith(arguments[1]));
      select.value = option.value;
      for (const name of ["input", "change"]) select.dispatchEvent(new Event(name, { bubbles: true }));
    """
    page.execute_script(script, selector, text)


def texts(page: Any, selector: str) -> list[str]:
    """Texts of what is seen."""
    script = "return [...document.querySelectorAll(arguments[0])].map((n) => n.checkVisibility() ? n.innerText : '')"
    return [" ".join(text.split()) for text in page.execute_script(script, selector) if text]


def test_errors_by_kind(page: Any) -> None:
    choose(page, "#error-filters [name=y]", "b")
    choose(page, "#error-filters [name=s]", "one")
    script = "return [...document.querySelectorAll('#error-filters [name=kind] option')].map((n) => n.textContent)"
    options = page.execute_script(script)
    assert "any (3)" in options
    choose(page, "#error-filters [name=kind]", "label (1)")
    assert texts(page, "#error-status") == ["1 of 1 utterances"]
    (error,) = texts(page, "#error-list li")
    assert error == "gold play helloSong one predicted play helloBook one b one label"
    choose(page, "#error-filters [name=kind]", "any")
    choose(page, "#error-filters [name=label]", "Song")
    choose(page, "#error-filters [name=side]", "missed")
    assert len(texts(page, "#error-list li")) == 2  # label, and the emoji's
    page.execute_script("document.querySelector('#error-filters [name=q]').value = 'THERE'")
    choose(page, "#error-filters [name=side]", "any")
    (error,) = texts(page, "#error-list li")
    assert error.startswith(f"gold {EMOJI.replace('hello', 'helloSong')} predicted {EMOJI}")


def test_two_systems(page: Any) -> None:
    choose(page, "#pair-filters [name=s]", "one")
    assert len(texts(page, "#pair-list li")) == 5
    choose(page, "#pair-filters [name=w]", "only A")
    right = texts(page, "#pair-list li")
    assert any(item.startswith("gold play helloSong one A play helloSong one B play helloBook one") for item in right)
    assert all(f"right: a {HOSTILE}" in item for item in right)
    choose(page, "#pair-a", "b")
    choose(page, "#pair-b", "a ")
    assert all("right: b" in item for item in texts(page, "#pair-list li"))
    (heading,) = texts(page, "#comparison figcaption")
    assert heading.endswith(f"A = b, B = a {HOSTILE}")
    choose(page, "#pair-b", "z")
    assert texts(page, "#pair-list li") == []
    assert "no test set in common" in " ".join(texts(page, "#comparison .status"))
    choose(page, "#pair-b", "b")
    assert "The same system twice" in " ".join(texts(page, "#comparison .status"))


def test_hostile_text_stays_text_and_phones_have_room(page: Any) -> None:
    assert page.execute_script("return document.querySelectorAll('script').length") == 2
    assert page.execute_script("return document.querySelectorAll('main b b, main i:not([class])').length") == 0
    choose(page, "#error-filters [name=y]", "a ")
    assert any(f"play hello{HOSTILE} {HOSTILE}" in error for error in texts(page, "#error-list li"))
    for width in (360, 400, 1400):
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_keyboard(page: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    select = page.find_element(By.CSS_SELECTOR, "#labels-set")
    before = texts(page, "#labels figcaption")
    select.send_keys(Keys.ARROW_DOWN)
    after = texts(page, "#labels figcaption")
    assert len(before) == len(after) == 1
    assert before != after
