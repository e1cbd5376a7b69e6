"""Products stay open between reads, each thread for itself."""

from concurrent.futures import ThreadPoolExecutor

from llars.scene.keeping import MOST, forget, kept_open
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
