"""The running playground, spoken to as browsers do: by HTTP and Gradio's own client."""

import http.client
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
import rasterio
from tests.app.conftest import LIMITS, running
from tests.commands import plain, write

from llars.app.bundled import BUNDLED
from llars.app.service import PlaygroundService
from llars.app.session import STRETCHES

pytest.importorskip("gradio", reason="needs the extra app")

STRETCH = next(iter(STRETCHES))
SENSOR = "as the file says"


def client(address):
    from gradio_client import Client

    return Client(address, verbose=False, analytics_enabled=False)


def get(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read()


def left(service, monkeypatch):
    """Uploads that nobody opens, when their time is over."""
    monkeypatch.setattr("llars.app.service.UPLOAD_SECONDS", -1.0)
    service.sweep()
    return [path for path in service.uploads.rglob("*") if path.is_file()]


def test_a_bundled_scene_is_opened_restored_and_downloaded(served, tmp_path):
    _, address = served
    visitor = client(address)
    view, bands, _, prompt = visitor.predict(next(iter(BUNDLED)), SENSOR, STRETCH, api_name="/open")
    assert [image["name"] for image in view["images"]] == ["Scene"]
    assert bands["value"] == "Natural colour"
    view, _ = visitor.predict(f"{prompt}\nreduce the noise", "Natural colour", STRETCH, False, api_name="/restore")
    assert [image["letter"] for image in view["images"]] == ["A", "B", "C"]
    assert view["aspect"] == pytest.approx(448 / 320, rel=0.01)
    result = tmp_path / "result.tif"
    result.write_bytes(get(address + view["images"][1]["file"]))
    with rasterio.open(result) as file:
        assert (file.width, file.height, file.count) == (448, 320, 4)
        assert file.tags()["LLARS_PROMPT"] == prompt
    shown = get(address + view["images"][2]["url"].replace(" ", "%20"))
    assert shown.startswith((b"\x89PNG", b"\xff\xd8"))


def test_other_bands_and_stretches_are_other_pictures(served):
    _, address = served
    visitor = client(address)
    visitor.predict(next(iter(BUNDLED)), SENSOR, STRETCH, api_name="/open")
    views = [
        visitor.predict(bands, stretch, api_name="/show")
        for bands, stretch in (("Natural colour", STRETCH), ("N alone", STRETCH), ("N alone", "Full range, all alike"))
    ]
    pictures = {get(address + view["images"][0]["url"]) for view in views}
    assert len(pictures) == 3


def test_what_cannot_be_opened_or_done_is_told_and_leaves_nothing(served, garbage, bomb, monkeypatch):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    service, address = served
    visitor = client(address)
    for bad, says in ((garbage, "no GeoTIFF"), (bomb, "3600 Mpx")):
        begun = time.perf_counter()
        with pytest.raises(AppError, match=says):
            visitor.predict(handle_file(str(bad)), SENSOR, STRETCH, api_name="/upload")
        assert time.perf_counter() - begun < 5.0
    visitor.predict(next(iter(BUNDLED)), SENSOR, STRETCH, api_name="/open")
    with pytest.raises(AppError, match="nothing that llars does"):
        visitor.predict("sing me a song", "Natural colour", STRETCH, False, api_name="/restore")
    assert not left(service, monkeypatch)


def test_500_mb_are_refused_before_they_are_sent(served, monkeypatch):
    service, address = served
    begun = time.perf_counter()
    wire = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    wire.putrequest("POST", "/gradio_api/upload")
    wire.putheader("Content-Length", "500000000")
    wire.putheader("Content-Type", "multipart/form-data; boundary=x")
    wire.endheaders()
    answer = wire.getresponse()
    assert (answer.status, b"up to 2 MB" in answer.read()) == (413, True)
    assert time.perf_counter() - begun < 2.0
    assert not left(service, monkeypatch)


def test_ten_visitors_at_once_lose_nothing(served, picture, monkeypatch):
    from gradio_client import handle_file

    service, address = served
    results, failed = {}, []

    def visit(number):
        try:
            visitor = client(address)
            visitor.predict(handle_file(str(picture)), SENSOR, STRETCH, api_name="/upload")
            prompt = "brighten the image" if number % 2 else "darken the image"
            view, _ = visitor.predict(prompt, "Natural colour", STRETCH, False, api_name="/restore")
            results[number] = (view, get(address + view["images"][1]["file"]))
        except Exception as fault:
            failed.append(fault)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    assert len({view["images"][0]["key"] for view, _ in results.values()}) == 10
    with rasterio.open(picture) as file:
        usual = file.read().mean()
    for number, (_, content) in results.items():
        with rasterio.MemoryFile(content) as memory, memory.open() as file:
            assert (file.read().mean() > usual) == bool(number % 2)
    assert not left(service, monkeypatch)


def test_an_image_that_helps_is_told_and_asked_for(served, picture, tmp_path):
    from gradio_client import handle_file

    _, address = served
    visitor = client(address)
    visitor.predict(handle_file(str(picture)), SENSOR, STRETCH, api_name="/upload")
    pan = write(tmp_path / "pan.tif", plain(96, 80, 1))
    facts, prompt = visitor.predict(handle_file(str(pan)), api_name="/guide")
    assert "pan: pan.tif" in facts
    assert prompt == "sharpen with the panchromatic band"


def test_addresses_of_others_cannot_be_guessed(served):
    _, address = served
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{address}/llars/guess/guess/file")


def test_the_page_asks_nobody_else_for_fonts_or_scripts(served):
    _, address = served
    page, theme = get(address + "/").decode(), get(address + "/theme.css").decode()
    assert "fonts.g" not in page + theme
    assert '<script src="http' not in page
    assert "url(http" not in theme


def test_a_playground_that_others_reach_asks_for_its_token(small_restorer):
    service = PlaygroundService(small_restorer, LIMITS)
    with running(service, "sesame", local=False) as address:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(address + "/config")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(address + "/config?token=wrong")
        keeping = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with keeping.open(address + "/config?token=sesame", timeout=20) as answer:
            assert b"llars playground" in answer.read()
    service.close()
    assert not service.root.exists()
