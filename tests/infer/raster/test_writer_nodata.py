"""Sources whose bands have nodata numbers of their own, while a GeoTIFF has one for all."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from tests.infer.rasters import BANDS, make

from llars.infer.raster import read_profile, write_like
from llars.scene import open_scene

SENSOR = "sentinel2-l1c"


def per_band(folder: Path, numbers, dtype: str) -> Path:
    """A VRT of three bands, each with its own nodata number (or none), which also occurs in the other bands."""
    source = make(folder / "in.tif", dtype, 3, nodata=None)
    present = [number for number in numbers if number is not None]
    with rasterio.open(source, "r+") as file:
        values = file.read()
        for row, number in enumerate(present):
            values[:, row, 10 * row : 10 * row + 20] = number
        file.write(values)
    bands = "".join(
        f'<VRTRasterBand dataType="{dtype.replace("uint", "UInt").replace("float", "Float")}" band="{i}">'
        + f"<Description>{BANDS[3][i - 1]}</Description>"
        + ("" if number is None else f"<NoDataValue>{number}</NoDataValue>")
        + f'<SimpleSource><SourceFilename relativeToVRT="1">in.tif</SourceFilename><SourceBand>{i}</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
        for i, number in enumerate(numbers, 1)
    )
    text = f'<VRTDataset rasterXSize="70" rasterYSize="60"><SRS>EPSG:32633</SRS>{bands}</VRTDataset>'
    (folder / "in.vrt").write_text(text.replace("</SRS>", "</SRS><GeoTransform>0,10,0,0,0,-10</GeoTransform>"))
    return folder / "in.vrt"


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [((0, 65535, 1500), "uint16"), ((None, 65535, 1500), "uint16"), (("nan", -9999, 0.5), "float32")],
)
def test_gaps_of_every_band_stay_gaps_and_nothing_else_becomes_one(tmp_path, numbers, dtype, scale):
    source = per_band(tmp_path, numbers, dtype)
    stored = {} if dtype == "float32" else {"scale": 1e-4}
    scene, profile = open_scene(source, SENSOR, **stored), read_profile(source, SENSOR, **stored)
    values = scene.values.repeat(scale, 1).repeat(scale, 2)
    missing = np.isnan(values)
    assert missing.any(axis=(1, 2)).sum() == sum(number is not None for number in numbers)
    write_like(tmp_path / "out.tif", values, profile, scale=scale)
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.read_masks() == 0, missing)
        if dtype == "uint16":
            with rasterio.open(source) as before:
                stored = before.read().repeat(scale, 1).repeat(scale, 2).astype(int)
            assert np.abs(file.read().astype(int) - stored)[~missing].max() <= 1


def test_the_limits_leave_out_the_number_of_the_output(tmp_path):
    profile = read_profile(per_band(tmp_path, (0, 65535, 1500), "uint16"), SENSOR, scale=1e-4)
    assert profile.nodata == 0
    assert profile.storable == ((pytest.approx(1e-4), pytest.approx(6.5535)),) * 3
