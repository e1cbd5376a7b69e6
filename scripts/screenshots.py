"""Takes screenshots of the playground for the documentation: a real server, a real browser, the bundled weights.

    python scripts/screenshots.py docs/pictures

It needs the extras app and dev, chromium and chromedriver.
"""

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from llars.app.server import build, listening, uvicorn_of
from llars.app.service import PlaygroundService
from llars.infer.restorer import load

WIDTH, HEIGHT = 1400, 960
PATIENCE = 180.0


def browser() -> Any:
    """Headless Chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    quiet = ("background-networking", "component-update", "sync", "gpu", "quic")
    for switch in ("headless", "no-sandbox", "no-first-run", "hide-scrollbars", *(f"disable-{name}" for name in quiet)):
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={tempfile.mkdtemp()}")
    options.add_argument(f"--window-size={WIDTH},{HEIGHT}")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def until(fact: Callable[[], object]) -> None:
    """Wait until ``fact`` is true; exit if it does not become true in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if fact():
                return
        except Exception as fault:  # elements come and go while the page is drawn
            del fault
        time.sleep(0.2)
    sys.exit("the page did not get as far as expected")


class Visit:
    """A visitor who takes pictures."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def find(self, selector: str) -> Any:
        """The first element that matches the selector."""
        return self.driver.find_element("css selector", selector)

    def shows(self, count: int) -> None:
        """Wait until the viewer shows ``count`` images, and they have arrived."""
        images = "return [...document.querySelectorAll('.viewer img')].every(image => image.naturalWidth)"
        shown = f".viewer[data-images='{count}']"
        until(lambda: self.find(shown) and self.driver.execute_script(images))
        time.sleep(1.0)

    def type(self, prompt: str) -> None:
        """Write an instruction and press the button."""
        box = self.find("#prompt textarea")
        box.clear()
        box.send_keys(prompt)
        self.find("#run").click()

    def picture(self, name: str) -> None:
        """Save a screenshot in 256 colours: a third of the size, with no visible difference."""
        from PIL import Image

        self.driver.execute_script("window.scrollTo(0, 0)")
        with Image.open(BytesIO(self.driver.get_screenshot_as_png())) as shot:
            few = shot.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
            few.save(self.folder / f"playground-{name}.png", optimize=True)
        print(f"{self.folder / f'playground-{name}.png'}")


def tour(visit: Visit, address: str) -> None:
    """Walk through the playground: first view, comparison, report."""
    visit.driver.get(address)
    visit.shows(1)
    until(lambda: "noise" in visit.find(".chips.seen").text)
    visit.find("#report input").click()
    visit.type("reduce the noise")
    visit.shows(2)
    visit.picture("slider")
    visit.type("reduce the noise slightly\nreduce the noise, then sharpen it")
    visit.shows(4)
    visit.find("[data-mode='grid']").click()
    for _ in range(2):
        visit.find("[aria-label='zoom in']").click()
    visit.shows(4)
    visit.picture("compare")
    visit.driver.get(visit.find(".card .get.quiet").get_attribute("href"))
    time.sleep(1.0)
    visit.picture("report")


def main(folder: Path) -> None:
    """Take the screenshots."""
    folder.mkdir(parents=True, exist_ok=True)
    with listening("127.0.0.1", 0) as listener, closing(PlaygroundService(load("llars-small", "cpu"))) as service:
        server = uvicorn_of(build(service, None))
        threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
        driver = browser()
        try:
            tour(Visit(driver, folder), f"http://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            driver.quit()
            server.should_exit = True


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
