"""Files that are refused, and those that are not."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.scene.files import S2, write

from llars.errors import RasterError, ValueRangeError
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.mark.parametrize(
    ("values", "options", "sensor", "hint"),
    [
        (np.full((1, 20, 20), 3000, "float32"), {"descriptions": ("B04",)}, None, "not scaled"),
        (np.full((1, 20, 20), 3000, "uint16"), {"descriptions": ("B04",), "scale": 1e-8}, None, "scaled twice"),
        (np.full((1, 20, 20), -9999, "int16"), {"descriptions": ("B04",)}, None, "nodata"),
        (np.full((1, 20, 20), 0.03, "float32"), {"descriptions": ("VV",)}, "sentinel1-grd-db", "linear"),
        (np.full((1, 20, 20), -12, "float32"), {"descriptions": ("VV",)}, "sentinel1-grd-linear", "outside"),
        (np.full((1, 20, 20), 21.5, "float32"), {"descriptions": ("LST",)}, None, "outside"),
        (np.full((3, 20, 20), 9000, "uint16"), {"descriptions": ("R", "G", "B")}, "rgb", "outside"),
        (np.full((1, 20, 20), 1500, "int16"), {"descriptions": ("SR_B4",)}, "landsat8-oli-sr", "negative"),
    ],
)
def test_a_suspicious_range_is_refused(path: Path, values, options, sensor, hint) -> None:
    with pytest.raises(ValueRangeError, match=hint) as caught:
        open_scene(write(path, values, **options), sensor=sensor)
    assert "gdal_edit" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_few_bright_pixels_are_not_suspicious(path: Path, numbers: np.ndarray) -> None:
    numbers[0, 0, :20] = 40_000
    assert float(open_scene(write(path, numbers, S2)).max()) == pytest.approx(4.0)


def refused(path: Path) -> str:
    with pytest.raises(RasterError) as caught:
        open_scene(path).values  # noqa: B018  (pixels may be read only now)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", [None, 3])
def test_what_is_no_path_is_refused(path) -> None:
    with pytest.raises(RasterError, match="expected the path of an image"):
        open_scene(path)


def test_bad_files_are_refused_in_one_line(tmp_path: Path, numbers: np.ndarray) -> None:
    assert "does not exist" in refused(tmp_path / "missing.tif")
    assert "folder" in refused(tmp_path)
    text = tmp_path / "text.tif"
    text.write_text("not an image\n" * 100)
    assert "not a raster" in refused(text)
    empty = tmp_path / "empty.tif"
    empty.touch()
    assert "empty" in refused(empty)
    assert "5 x 5" in refused(write(tmp_path / "small.tif", numbers[:, :5, :5], S2))
    assert "no data" in refused(write(tmp_path / "void.tif", numbers * 0, S2, nodata=0))
    assert "complex" in refused(write(tmp_path / "slc.tif", np.ones((1, 20, 20), "complex64")))
    assert "indices" in refused(write(tmp_path / "map.tif", np.ones((1, 20, 20), "uint8"), photometric="palette"))


@pytest.mark.parametrize("size", [300, 1500])
@pytest.mark.parametrize("compress", ["none", "deflate"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_is_refused(path: Path, size: int, compress: str, share: float) -> None:
    values = np.random.default_rng(0).integers(1, 9000, (1, size, size)).astype("uint16")
    write(path, values, ("B04",), compress=compress, tiled=True)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert re.search("damaged", refused(path))


@pytest.mark.parametrize(
    ("types", "found", "remedy"),
    [
        (("UInt16", "Float32", "UInt16"), "uint16, float32", "-ot Float32"),
        (("Byte", "UInt16", "Byte"), "uint8, uint16", "-ot UInt16"),
        (("Int16", "UInt16", "Int16"), "int16, uint16", "-ot Int32"),
    ],
)
def test_bands_of_different_types_are_refused_with_the_types(tmp_path, types, found, remedy):
    bands = "".join(f'<VRTRasterBand dataType="{name}" band="{i}"/>' for i, name in enumerate(types, 1))
    path = tmp_path / "mixed.vrt"
    path.write_text(f'<VRTDataset rasterXSize="64" rasterYSize="64">{bands}</VRTDataset>')
    with pytest.raises(RasterError, match=rf"mixed\.vrt has bands of different types \({found}\).*{remedy} IN OUT"):
        open_scene(path)
