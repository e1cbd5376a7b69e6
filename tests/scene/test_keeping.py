"""Products stay open between reads, each thread for itself; plain files while a piece of work lasts."""

import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from llars.errors import RasterError
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


def test_after_a_fault_all_threads_open_anew(miniatures, tmp_path) -> None:
    text = virtual_raster(miniatures.landsat(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(kept_open, text).result()
        assert pool.submit(kept_open, text).result() is before
        forget()
        assert pool.submit(kept_open, text).result() is not before


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


def read(path):
    with open_raster(path) as file:
        return file.read()


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


def virtual(path, source) -> None:
    """A VRT of a raster, or of another VRT; GDAL's own copy would look through that."""
    path.write_text(
        '<VRTDataset rasterXSize="16" rasterYSize="16"><GeoTransform>0, 1, 0, 0, 0, -1</GeoTransform>'
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )


def later(*paths) -> None:
    """As if the files had been written a second later: within one tick of the clock nobody can tell."""
    for path in paths:
        state = path.stat()
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 10**9))


@pytest.mark.parametrize("working", [False, True])
def test_a_vrt_whose_source_was_written_anew_is_read_anew(tmp_path, working) -> None:
    source, inner, outer = (tmp_path / name for name in ("source.tif", "inner.vrt", "outer.vrt"))
    write(source, 1)
    virtual(inner, source)
    virtual(outer, inner)
    with files_kept_open() if working else nullcontext():
        assert [int(read(path).max()) for path in (inner, outer)] == [1, 1]
        assert opened(outer) is opened(outer)
        write(source, 2)
        later(source)
        assert [int(read(path).max()) for path in (inner, outer)] == [2, 2]


def test_a_vrt_whose_archive_was_written_anew_is_read_anew(tmp_path) -> None:
    source, archive, path = (tmp_path / name for name in ("source.tif", "day.zip", "day.vrt"))
    virtual(path, f"/vsizip/{archive}/in/source.tif")
    for value in (1, 2):
        write(source, value)
        with zipfile.ZipFile(archive, "w") as target:
            target.write(source, "in/source.tif")
        os.utime(archive, (value, value))
        assert read(path).max() == value


def test_a_product_of_which_a_band_was_written_anew_is_read_anew(miniatures, tmp_path) -> None:
    product = miniatures.landsat(tmp_path)
    part, band = part_of(product, "B1"), next(product.glob("*_B1.TIF"))
    assert read(part).max() != 777
    with rasterio.open(band, "r+") as file:
        file.write(np.full((1, *file.shape), 777, dtype="uint16"))
    later(band)
    assert (read(part) == 777).all()


def test_a_vrt_that_is_not_there_is_refused_like_any_raster() -> None:
    with pytest.raises(RasterError, match=r"nope:x\.vrt is not a raster"), open_raster("nope:x.vrt"):
        pass
