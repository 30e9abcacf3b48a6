from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spacy.util import registry

from spacy_convner.datagen.clustering import map_data
from spacy_convner.datagen.clustering.cluster_file import ClusteredTraffic, cluster_traffic, read_traffic
from spacy_convner.datagen.clustering.hdbscan_clusterer import make_hdbscan_clusterer
from spacy_convner.datagen.clustering.map_data import make_map_data
from spacy_convner.datagen.clustering.map_page import render_map
from spacy_convner.datagen.clustering.map_picture import draw_map

from ...browser import open_page
from ...conftest import write_jsonl
from .conftest import NAMES, said

HOSTILE = "<script>alert(1)</script> </script><img src=x onerror=alert(2)> & $x^2$ {{ 7 * 7 }} 播放 \u2028"


@pytest.fixture
def clustered(tmp_path: Path) -> ClusteredTraffic:
    records = [
        *said(),
        *({"text": f"play the new song by {name} {HOSTILE}", "lang": "en"} for name in NAMES),
        *({"text": f"pon la canción nueva de {name}", "lang": "es"} for name in NAMES),
    ]
    traffic = read_traffic(write_jsonl(tmp_path / "t.jsonl", records))
    embedder = registry.misc.get("spacy_convner.HashedNgramEmbedder.v1")()
    return cluster_traffic(traffic, embedder, make_hdbscan_clusterer(), 3)


def test_what_is_shown(clustered: ClusteredTraffic) -> None:
    data = make_map_data(clustered, 0)
    assert [one["lang"] for one in data["maps"]] == ["en", "es"]
    assert data["drawn"] == data["texts"] == len(clustered.traffic.texts)
    for one in data["maps"]:
        assert len({len(one[name]) for name in ("x", "y", "cluster", "rank", "count", "text")}) == 1
        assert all(data["clusters"][cluster]["lang"] == one["lang"] for cluster in one["cluster"] if cluster >= 0)


def test_of_many_points_a_sample_is_drawn(clustered: ClusteredTraffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_data, "DRAWN", 20)
    data = make_map_data(clustered, 0)
    assert 0 < data["drawn"] <= 20
    assert any(rank for one in data["maps"] for rank in one["rank"])
    assert "A sample of" in render_map(data, "x")


def test_page_is_one_file_and_texts_are_inert(clustered: ClusteredTraffic) -> None:
    html = render_map(make_map_data(clustered, 0), "<b>traffic</b>.jsonl")
    assert html.count("<script") == html.count("</script>") == 2
    assert "<img" not in html
    assert "<b>traffic" not in html
    page = re.sub(r'(<script type="application/json".*?>).*?</script>', r"\1</script>", html, flags=re.S)
    assert not re.search(r"""(src|href)\s*=|url\(|https?:|@import""", page)
    assert "default-src 'none'" in html


def test_picture_takes_any_text(clustered: ClusteredTraffic) -> None:
    data = make_map_data(clustered, 0)
    png = draw_map(data, HOSTILE)
    assert png.startswith(b"\x89PNG")
    assert png == draw_map(data, HOSTILE)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    chrome, service = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not chrome or not service:
        pytest.skip("needs chromium and chromedriver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chrome
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1300,900",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    yield driver
    driver.quit()


@pytest.mark.browser
def test_the_page_in_a_browser(clustered: ClusteredTraffic, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    page = tmp_path / "map.html"
    page.write_text(render_map(make_map_data(clustered, 0), "traffic.jsonl"), encoding="utf8")
    open_page(browser, page.as_uri())
    canvas, tip = browser.find_element(By.ID, "map"), browser.find_element(By.ID, "tip")
    texts = set(clustered.traffic.texts)

    # over a dot: its text, as text
    row = clustered.traffic.texts.index(" ".join(f"play the new song by adele {HOSTILE}".split()))
    x, y = browser.execute_script(f"return [screenX({row}) - width / 2, screenY({row}) - height / 2]")
    ActionChains(browser).move_to_element_with_offset(canvas, round(x), round(y)).perform()
    assert tip.is_displayed()
    assert browser.execute_script("return document.getElementById('tip').firstChild.data") in texts
    browser.execute_script(f"point({row})")
    assert "<script>alert(1)</script>" in tip.text
    assert not browser.find_elements(By.CSS_SELECTOR, "#tip script, #tip img")

    # keyboard
    canvas.send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script("return document.getElementById('tip').firstChild.data") in texts
    assert browser.find_element(By.ID, "said").text

    # a cluster of the legend, its representatives
    browser.find_element(By.CSS_SELECTOR, "#legend button").click()
    shown = [item.text for item in browser.find_elements(By.CSS_SELECTOR, "#texts li")]
    assert [" ".join(text.split()) for text in shown] == [
        " ".join(text.split()) for text in clustered.clusters[0].representatives
    ]
    browser.find_element(By.ID, "clear").click()
    assert not browser.find_element(By.ID, "card").is_displayed()

    # search, and the other language
    browser.find_element(By.ID, "search").send_keys("rain boston")
    assert browser.find_element(By.ID, "hits").text == "1 found"
    browser.find_element(By.CSS_SELECTOR, "#lang option[value='1']").click()
    assert browser.find_element(By.ID, "hits").text == "0 found"

    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.querySelectorAll('script').length") == 2
