"""What `degrade` writes, beyond the pixels."""

import numpy as np
import pytest
import rasterio
from rasterio.rpc import RPC
from tests.commands import plain, write

from llars.errors import DataError
from llars.infer import job

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_bytes_without_a_nodata_number_become_coarser(tmp_path):
    source = write(tmp_path / "in.tif", plain())
    job.degrade_file(source, tmp_path / "out.tif", "sr", 1 / 3, sensor="rgb")
    with rasterio.open(tmp_path / "out.tif") as file:
        pixels = file.read()
        assert (file.dtypes[0], file.nodata) == ("uint8", None)
    means = plain().reshape(3, 24, 2, 20, 2).mean(axis=(2, 4))
    # Rounded to whole numbers, from means in float32 of values in [0, 1].
    np.testing.assert_allclose(pixels, means, atol=0.5 + 1e-4)


def test_rpcs_count_in_coarser_pixels(tmp_path):
    source = write(tmp_path / "in.tif", plain(), crs=None, transform=None)
    zeros = [0.0] * 20
    rpcs = RPC(
        height_off=100.0, height_scale=500.0, lat_off=45.0, lat_scale=0.1, long_off=10.0, long_scale=0.1,
        line_off=23.5, line_scale=24.0, samp_off=19.5, samp_scale=20.0,
        line_num_coeff=[0.0, 0.0, -1.0, *zeros[3:]], line_den_coeff=[1.0, *zeros[1:]],
        samp_num_coeff=[0.0, 1.0, *zeros[2:]], samp_den_coeff=[1.0, *zeros[1:]],
    )  # fmt: skip
    with rasterio.open(source, "r+") as file:
        file.rpcs = rpcs
    job.degrade_file(source, tmp_path / "out.tif", "sr", 1 / 3, sensor="rgb")
    with rasterio.open(tmp_path / "out.tif") as file:
        # The centre of the image stays its centre: between the 12th and 13th line, the 10th and 11th sample.
        assert (file.rpcs.line_off, file.rpcs.samp_off) == (11.5, 9.5)
        assert (file.rpcs.line_scale, file.rpcs.samp_scale) == (12.0, 10.0)
        assert file.rpcs.lat_off == rpcs.lat_off


@pytest.mark.parametrize("task", ["cloud", "haze", "thin_cloud"])
def test_heat_is_neither_clouded_nor_hazed(tmp_path, task):
    source = write(tmp_path / "in.tif", np.random.default_rng(0).normal(300, 5, (1, 48, 40)).astype(np.float32))
    with pytest.raises(DataError, match="all bands are thermal"):
        job.degrade_file(source, tmp_path / "out.tif", task, sensor="thermal")


@pytest.mark.parametrize("task", ["cloud", "haze"])
def test_what_does_nothing_to_radar_is_refused(tmp_path, task):
    backscatter = np.random.default_rng(0).normal(-12, 2, (2, 48, 40)).astype(np.float32)
    source = write(tmp_path / "in.tif", backscatter)
    with rasterio.open(source, "r+") as file:
        file.descriptions = ("VV", "VH")
    with pytest.raises(DataError, match="does nothing to radar; choose another task, such as speckle"):
        job.degrade_file(source, tmp_path / "out.tif", task, sensor="sentinel1-grd-db")
    assert not (tmp_path / "out.tif").exists()
    job.degrade_file(source, tmp_path / "out.tif", "speckle", sensor="sentinel1-grd-db")
