"""What strangers may send."""

import time

import numpy as np
import pytest
from tests.commands import plain, write

from llars.app.uploads import BusyError, Limits, check_result_size, check_upload
from llars.errors import RasterError
from llars.infer.tiling.memory import in_words

LIMITS = Limits(upload=1_000_000, pixels=10_000, bands=5, unpacked=60_000)


def refused(path, limits=LIMITS):
    begun = time.perf_counter()
    with pytest.raises(RasterError) as caught:
        check_upload(path, limits)
    assert time.perf_counter() - begun < 1.0, "refusing takes no reading"
    return str(caught.value)


def test_a_picture_within_the_limits_comes_in(tmp_path):
    check_upload(write(tmp_path / "good.tif", plain(90, 90, 3)), LIMITS)


def test_what_is_no_tiff_does_not(garbage):
    assert "no GeoTIFF" in refused(garbage)


def test_a_text_that_names_other_files_does_not(tmp_path):
    """GDAL would open it, and whatever it names."""
    path = tmp_path / "secret.tif"
    source = "<SourceFilename>/etc/passwd</SourceFilename>"
    path.write_text(
        f'<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>{source}'
        "</SimpleSource></VRTRasterBand></VRTDataset>",
        encoding="utf-8",
    )
    assert "no GeoTIFF" in refused(path)


def test_a_tiff_that_breaks_off_does_not(tmp_path):
    path = tmp_path / "cut.tif"
    path.write_bytes(b"II*\0\x10\x27\0\0" + bytes(50))
    assert "damaged" in refused(path)


def test_500_mb_do_not(tmp_path):
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        file.truncate(500_000_000)
    assert "500 MB" in refused(path)


def test_a_small_file_of_a_huge_image_does_not(bomb):
    assert "3600 Mpx" in refused(bomb)


@pytest.mark.parametrize(
    ("shape", "dtype", "says"),
    [((3, 101, 100), np.uint8, "0 Mpx"), ((6, 30, 30), np.uint8, "6 bands"), ((4, 90, 90), np.float32, "unpacked")],
)
def test_each_limit_holds(tmp_path, shape, dtype, says):
    assert says in refused(write(tmp_path / "much.tif", np.ones(shape, dtype=dtype)))


def test_a_finer_grid_counts_its_own_pixels():
    check_result_size((3, 50, 50), 2, LIMITS)
    with pytest.raises(BusyError, match="4 times finer"):
        check_result_size((3, 50, 50), 4, LIMITS)


def test_sizes_are_told_in_round_numbers():
    assert [in_words(size) for size in (2_000, 100_000_000, 3_600_000_000)] == ["2 kB", "100 MB", "3.6 GB"]
