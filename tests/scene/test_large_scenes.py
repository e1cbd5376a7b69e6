"""Large files are read when they are used."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.scene.files import S2, write

from llars.errors import LlarsError
from llars.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, np.ndarray]:
    values = np.random.default_rng(1).integers(1, 9000, (2, 1100, 1300)).astype("uint16")
    return write(tmp_path / "large.tif", values, ("B04", "B08"), tiled=True, blockxsize=256, blockysize=256), values


def test_a_large_scene_is_read_when_used(large, monkeypatch: pytest.MonkeyPatch) -> None:
    path, numbers = large
    scene = open_scene(path)
    assert not scene.variable._in_memory
    part = scene[1, 200:300, 5:10]
    np.testing.assert_allclose(part.values, numbers[1, 200:300, 5:10] * 1e-4, rtol=1e-6)
    assert not scene.variable._in_memory
    np.testing.assert_allclose(scene[:, ::-300, [7, 3]].values, numbers[:, ::-300, [7, 3]] * 1e-4, rtol=1e-6)
    np.testing.assert_allclose(scene.isel(y=4, x=9).values, numbers[:, 4, 9] * 1e-4, rtol=1e-6)
    assert scene[:, 5:5].shape == (2, 0, 1300)
    np.testing.assert_allclose(scene.values, numbers * 1e-4, rtol=1e-6)


def test_a_large_scene_goes_to_other_processes(large) -> None:
    path, numbers = large
    scene: xr.DataArray = pickle.loads(pickle.dumps(open_scene(path)))
    np.testing.assert_allclose(scene[0, :4, :4].values, numbers[0, :4, :4] * 1e-4, rtol=1e-6)


def test_a_large_scene_broken_behind_the_sample_is_refused_when_read(large) -> None:
    path, _ = large
    scene = open_scene(path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(LlarsError, match="damaged"):
        scene.values  # noqa: B018


def test_a_large_scene_with_one_valid_pixel_opens(path: Path) -> None:
    values = np.zeros((4, 2001, 2001), dtype="uint16")
    # The corner falls between the pixels that a thinned read takes.
    values[:, 2000, 2000] = 3000
    scene = open_scene(write(path, values, S2, nodata=0, compress="deflate"))
    np.testing.assert_allclose(scene[:, 2000, 2000], 0.3, rtol=1e-6)
    assert int(scene.notnull().sum()) == 4


def test_the_range_of_a_sparse_band_of_a_large_scene_is_its_own(path: Path) -> None:
    values = np.full((2, 2001, 2001), 500, dtype="uint16")
    values[1] = 0
    values[1, 2000, 2000] = 3000
    scene = open_scene(write(path, values, nodata=0, compress="deflate"))
    assert scene.attrs["sensor"] == "unknown"
    low, high = scene.attrs["band_ranges"][1]
    assert low < 3000 < high


def test_a_long_strip_opens(path: Path) -> None:
    values = np.full((4, 16, 20_000), 3000, dtype="uint16")
    scene = open_scene(write(path, values, S2))
    assert scene.shape == (4, 16, 20_000)
    assert float(scene[0, 3, 19_999]) == pytest.approx(0.3)
