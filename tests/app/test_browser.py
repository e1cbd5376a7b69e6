"""The playground as people meet it: in a real Chromium without a window."""

import json
import shutil
import time
from urllib.request import urlopen

import numpy as np
import pytest
import rasterio

pytest.importorskip("gradio", reason="needs the extra app")
webdriver = pytest.importorskip("selenium.webdriver", reason="needs the extra dev")
CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver")

PATIENCE = 60.0


class Page:
    """What a visitor does and sees; everything is waited for."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self):
        self.driver.get(self.address)
        self.until(lambda: self.shown() == 1)
        return self

    def until(self, fact):
        end, last = time.monotonic() + PATIENCE, None
        while time.monotonic() < end:
            try:
                if found := fact():
                    return found
            except Exception as fault:  # elements come and go while the page is drawn
                last = fault
            time.sleep(0.1)
        raise AssertionError(f"waited {PATIENCE:.0f} s in vain ({last})")

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def shown(self):
        """Number of images that the viewer has; 0 while one of them has not arrived."""
        ready = all(image.get_property("naturalWidth") for image in self.all(".viewer img"))
        return int(self.find(".viewer").get_attribute("data-images") or 0) if ready else 0

    def upload(self, path):
        self.find("input[type='file']").send_keys(str(path))

    def restore(self, prompt):
        box = self.find("#prompt textarea")
        box.clear()
        box.send_keys(prompt)
        self.find("#run").click()

    def toast(self):
        return self.until(lambda: self.find("[data-testid='toast-body']").text)

    def facts(self):
        return self.find("#facts").text


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile, loads = tmp_path_factory.mktemp("profile"), tmp_path_factory.mktemp("downloads")
    quiet = ("background-networking", "component-update", "sync", "gpu", "quic")
    for switch in ("headless", "no-sandbox", "no-first-run", *(f"disable-{name}" for name in quiet)):
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={profile}")
    options.add_argument("--window-size=1400,1000")
    options.add_experimental_option("prefs", {"download.default_directory": str(loads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    browser.downloads = loads
    yield browser
    browser.quit()


@pytest.fixture
def page(driver, served):
    return Page(driver, served[1]).open()


def test_a_visit_from_the_upload_to_the_download(page, picture, driver):
    page.upload(picture)
    page.until(lambda: "field.tif" in page.facts())
    assert "90 × 60 px" in page.facts()
    page.restore("reduce the noise")
    page.until(lambda: page.shown() == 2)
    assert "denoise" in page.find(".card").text

    stage = page.find(".stage")
    ratio = stage.size["width"] / stage.size["height"]
    assert ratio == pytest.approx(90 / 60, rel=0.02), "pixels are square on the ground and on the screen"

    page.find(".card .get").click()
    path = driver.downloads / "field_denoise.tif"
    page.until(path.exists)
    with rasterio.open(path) as result, rasterio.open(picture) as source:
        assert result.transform == source.transform
        assert result.tags()["LLARS_PROMPT"] == "reduce the noise"


def test_radar_is_shown_in_grey_and_its_speckle_reduced(page, radar):
    page.upload(radar)
    page.until(lambda: "radar.tif" in page.facts())
    assert "sentinel1-grd-db, dB" in page.facts()
    page.until(lambda: "reduce the speckle" in page.find(".chips.seen").text)
    page.until(lambda: page.find("#bands input").get_property("value") == "VV alone" and page.shown() == 1)
    with urlopen(page.find(".viewer img").get_attribute("src")) as answer:
        content = answer.read()
    with rasterio.MemoryFile(content) as memory, memory.open() as picture:
        red, green, blue = picture.read()[:3]
    assert red.shape == (96, 120)
    assert (red == green).all()
    assert (red == blue).all()
    # What was seen is what is stored: brighter where more comes back.
    with rasterio.open(radar) as source:
        assert np.corrcoef(red.ravel(), source.read(1).ravel())[0, 1] > 0.95
    page.restore("reduce the speckle")
    page.until(lambda: page.shown() == 2)
    assert "denoise" in page.find(".card").text


def test_the_slider_follows_the_mouse_and_the_arrow_keys(page, driver):
    page.restore("reduce the noise")
    page.until(lambda: page.shown() == 2)
    stage, handle = page.find(".stage"), page.find(".stage .handle")
    half = int(handle.get_attribute("aria-valuenow"))
    assert half == 50
    chain = webdriver.ActionChains(driver)
    chain.drag_and_drop_by_offset(handle, -stage.size["width"] // 4, 0).perform()
    assert int(handle.get_attribute("aria-valuenow")) == pytest.approx(25, abs=2)
    handle.send_keys("\ue014")  # arrow to the right
    assert int(handle.get_attribute("aria-valuenow")) == pytest.approx(27, abs=2)


def test_several_instructions_are_compared_side_by_side_and_zoomed_together(page):
    page.restore("reduce the noise\ndarken the image")
    page.until(lambda: page.shown() == 3)
    page.find("[data-mode='grid']").click()
    assert len(page.all(".stage")) == 3
    assert [card.text.split("\n")[0] for card in page.all(".card")] == ["B", "C"]
    page.find("[aria-label='zoom in']").click()
    assert page.find(".level").text == "150 %"
    assert len({image.get_attribute("style") for image in page.all(".stage img")}) == 1
    page.find("#clear").click()
    page.until(lambda: page.shown() == 1)


def test_bands_and_stretch_change_the_picture(page):
    before = page.find(".viewer img").get_attribute("src")
    page.find("#bands input").click()
    page.until(lambda: [one for one in page.all("[role='option']") if "vegetation" in one.text])[0].click()
    page.until(lambda: page.find(".viewer img").get_attribute("src") != before)
    page.until(lambda: page.shown() == 1)
    assert "vegetation" in page.find(".viewer img").get_attribute("src")


def test_a_suggestion_becomes_the_instruction(page):
    chip = page.find("#say button")
    chip.click()
    page.until(lambda: page.find("#prompt textarea").get_property("value") == chip.text)


def test_what_cannot_be_read_is_told_and_the_scene_stays(page, garbage):
    facts = page.facts()
    page.upload(garbage)
    assert "no GeoTIFF" in page.toast()
    assert page.facts() == facts


def test_a_bomb_and_a_file_of_500_mb_are_told_in_time(page, bomb, tmp_path):
    begun = time.monotonic()
    page.upload(bomb)
    assert "3600 Mpx" in page.toast()
    assert time.monotonic() - begun < 10.0
    large = tmp_path / "large.tif"
    with large.open("wb") as file:
        file.truncate(500_000_000)
    page.open()
    begun = time.monotonic()
    page.upload(large)
    assert "size" in page.toast().lower()
    assert time.monotonic() - begun < 10.0


def test_words_that_ask_for_nothing_are_told(page):
    page.restore("sing me a song")
    assert "nothing that llars does" in page.toast()
    assert page.shown() == 1


def test_the_page_asks_nobody_else(page, driver):
    asked = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    places = [one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"]
    own = [place for place in places if place.startswith(page.address)]
    assert own
    assert not [place for place in places if place.startswith("http") and not place.startswith(page.address)]


def test_the_report_opens_by_itself(page, driver, served):
    page.find("#report input").click()
    page.restore("reduce the noise")
    page.until(lambda: page.shown() == 2)
    driver.get(page.find(".card .get.quiet").get_attribute("href"))
    driver.get_log("browser")  # the page before may grumble about its end
    driver.refresh()
    assert "reduce the noise" in page.find("h1").text
    bar = page.find(".slider input")
    driver.execute_script("arguments[0].value = 20; arguments[0].dispatchEvent(new Event('input'))", bar)
    assert "20%" in page.find(".slider").get_attribute("style")
    assert not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
