"""Names of GDAL's virtual file systems, also after ``Path`` has taken a slash off."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio._err import CPLE_AppDefinedError
from tests.scene.files import S2, write

from llars.cli import run
from llars.errors import RasterError
from llars.scene import open_scene
from llars.scene.decode import open_raster
from llars.scene.names import gdal_name


@pytest.fixture
def packed(tmp_path: Path, numbers: np.ndarray) -> Path:
    write(tmp_path / "in.tif", numbers, S2)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "in.tif", "b/in.tif")
    return tmp_path / "a.zip"


def test_a_raster_in_an_archive_opens_by_any_of_its_names(packed, monkeypatch):
    expected = open_scene(packed.parent / "in.tif").values
    for name in (f"/vsizip/{packed}/b/in.tif", Path(f"/vsizip/{packed}/b/in.tif"), f"/vsizip/{{{packed}}}/b/in.tif"):
        np.testing.assert_array_equal(open_scene(name).values, expected)
    monkeypatch.chdir(packed.parent)
    np.testing.assert_array_equal(open_scene(Path("/vsizip/a.zip/b/in.tif")).values, expected)


def test_commands_open_a_raster_in_an_archive(packed, capsys):
    assert run(["compare", f"/vsizip/{packed}/b/in.tif", str(packed.parent / "in.tif")]) == 0, capsys.readouterr()
    assert run(["compare", f"/vsizip/{packed}/b/none.tif", str(packed.parent / "in.tif")]) == 2


@pytest.mark.parametrize(
    "name",
    [
        "https://a.org/b.tif",
        "/vsicurl/https://a.org/b.tif",
        "/vsizip/vsicurl/https://a.org/b.zip/c.tif",
        "s3://a/b.tif",
    ],
)
def test_addresses_keep_their_slashes(name):
    assert gdal_name(Path(name)) == gdal_name(name) == name


def test_any_error_of_gdal_is_told_in_one_line(packed, monkeypatch):
    def fails(*_, **__):
        raise CPLE_AppDefinedError(3, 1, "something inside GDAL")

    monkeypatch.setattr(rasterio, "open", fails)
    with pytest.raises(RasterError, match=r"in\.tif is not a raster"), open_raster(packed.parent / "in.tif"):
        pass
