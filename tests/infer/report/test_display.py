"""Scenes for eyes."""

import numpy as np
import rasterio

from llars.bands import plain_bands
from llars.infer.report.display import composites, data_uri, jpeg, png
from llars.infer.report.stretch import limits, to_bytes
from llars.sensors import get_sensor


def decoded(content: bytes) -> np.ndarray:
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        return file.read()


def test_combinations_are_named_by_what_they_show():
    names = composites(get_sensor("sentinel2-l2a").bands)
    bands = {name: [get_sensor("sentinel2-l2a").bands[i].name for i in channels] for name, channels in names.items()}
    assert next(iter(bands.values())) == ["B04", "B03", "B02"]
    assert ["B08", "B04", "B03"] in bands.values()
    assert any("B11" in one for one in bands.values())
    assert bands["B12 alone"] == ["B12"] * 3


def test_bands_of_which_nothing_is_known_are_shown_too():
    assert list(composites(plain_bands(2))) == ["band_1 alone", "band_2 alone"]
    assert composites(plain_bands(4))["First bands"] == (0, 1, 2)


def test_a_stretch_spans_all_images_and_gaps_are_black():
    dark, bright = (np.full((3, 8, 8), value, dtype=np.float32) for value in (0.1, 0.5))
    dark[:, 0, 0] = np.nan
    low, high = limits([dark, bright], (2.0, 98.0))
    assert (low.ravel() == np.float32(0.1)).all()
    assert (high.ravel() == np.float32(0.5)).all()
    assert to_bytes(bright, low, high).min() == 255
    shown = to_bytes(dark, low, high, gap=9)
    assert shown[0, 0, 0] == 9
    assert shown[0, 1, 1] == 0


def test_a_jpeg_gets_worse_before_it_gets_too_large():
    noise = np.random.default_rng(0).integers(0, 256, (3, 200, 200)).astype(np.uint8)
    best = jpeg(noise, 10**9)
    small = jpeg(noise, len(best) // 2)
    assert len(small) <= len(best) // 2
    assert decoded(small).shape == (3, 200, 200)


def test_a_png_keeps_every_number_and_an_address_holds_it():
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 7)).astype(np.uint8)
    assert np.array_equal(decoded(png(picture)), picture)
    assert data_uri(png(picture)).startswith("data:image/png;base64,")
    assert data_uri(jpeg(picture[:3], 10**6)).startswith("data:image/jpeg;base64,")
