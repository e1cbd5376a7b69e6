"""Products stay open between reads, each thread for itself; plain files while a piece of work lasts."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio
from rasterio.transform import from_origin

from llars.scene.decode import open_raster
from llars.scene.keeping import MOST, files_kept_open, forget, kept_open
from llars.scene.products import part_of, virtual_raster


def test_a_product_is_opened_once_in_each_thread(miniatures, tmp_path) -> None:
    text = virtual_raster(miniatures.landsat(tmp_path))
    first = kept_open(text)
    assert kept_open(text) is first
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(kept_open, text).result()
    assert other is not first
    forget()
    assert kept_open(text) is not first


def test_few_stay_open_and_what_is_in_use_can_still_be_read(miniatures, tmp_path) -> None:
    product = miniatures.landsat(tmp_path)
    used = kept_open(virtual_raster(part_of(product, "B1")))
    for band in range(2, 3 + MOST):
        kept_open(virtual_raster(part_of(product, f"B{band}")))
    assert used.read(1).shape == (96, 96)
    assert kept_open(virtual_raster(part_of(product, "B1"))) is not used


def test_a_raster_that_was_written_anew_is_opened_anew(miniatures, tmp_path) -> None:
    product = miniatures.landsat(tmp_path)
    path = tmp_path / "bands.vrt"
    for band in ("B2", "B3"):
        path.write_text(virtual_raster(part_of(product, band)))
        assert kept_open(str(path)).descriptions == (band,)


def write(path, value) -> None:
    profile = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, transform=from_origin(0, 0, 1, 1)) as file:
        file.write(np.full((1, 16, 16), value, dtype="uint8"))


def opened(path):
    with open_raster(path) as file:
        return file


def test_a_plain_file_stays_open_while_work_lasts_and_no_longer(tmp_path) -> None:
    path = tmp_path / "plain.tif"
    write(path, 1)
    assert opened(path).closed
    with files_kept_open():
        first = opened(path)
        with files_kept_open():
            assert opened(path) is first
        assert not first.closed
        assert not opened(path).closed
    assert opened(path).closed


def test_a_plain_file_that_was_written_anew_is_read_anew(tmp_path) -> None:
    path = tmp_path / "plain.tif"
    with files_kept_open():
        for value in (1, 2):
            write(path, value)
            assert (opened(path).read() == value).all()
