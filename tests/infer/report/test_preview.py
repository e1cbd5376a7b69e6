"""The picture for eyes."""

import numpy as np
import rasterio
import xarray as xr

from llars.bands import plain_bands
from llars.infer.report.preview import Thumbnail, before_after, write_png
from llars.infer.tiles import Window


def test_both_halves_share_one_stretch():
    before = np.linspace(0.0, 1.0, 3 * 40 * 40, dtype=np.float32).reshape(3, 40, 40)
    picture = before_after(before, before / 2)
    assert picture.dtype == np.uint8
    assert picture.shape == (3, 40, 40 + 8 + 40)
    left, right = picture[..., :40].astype(float), picture[..., 48:].astype(float)
    assert left.min() == 0
    assert left.max() == 255
    assert (right <= left).all()
    assert right.mean() < 0.7 * left.mean()


def test_removing_haze_leaves_neither_half_black():
    clear = np.random.default_rng(0).uniform(0.02, 0.2, (3, 40, 40)).astype(np.float32)
    hazy = (0.4 * clear + 0.5).astype(np.float32)
    picture = before_after(hazy, clear)
    left, right = picture[..., :40].astype(float), picture[..., 48:].astype(float)
    assert left.mean() > 150
    assert 30 < right.mean() < 100


def test_clouds_leave_the_ground_bright_enough_to_see():
    clear = np.random.default_rng(0).uniform(0.02, 0.1, (3, 40, 40)).astype(np.float32)
    cloudy = clear.copy()
    cloudy[:, :, :20] = 0.7
    picture = before_after(cloudy, clear)
    left, right = picture[..., :40], picture[..., 48:]
    assert (left[..., :20] == 255).all()
    assert np.array_equal(left[..., 20:], right[..., 20:])
    assert right.mean() > 50


def test_finer_output_sets_the_size_and_gaps_are_black():
    before = np.random.default_rng(0).random((1, 20, 30), dtype=np.float32)
    before[:, 4:8, 5:9] = np.nan
    seen = Thumbnail((40, 60), plain_bands(1))
    seen.add(Window(0, 0, 40, 60), before.repeat(2, axis=1).repeat(2, axis=2))
    scene = xr.DataArray(before, dims=("band", "y", "x"))
    picture = before_after(seen.of(scene), seen.image)
    assert picture.shape == (3, 40, 60 + 8 + 60)
    assert np.array_equal(picture[..., :60], picture[..., 68:])
    assert not picture[:, 8:16, 10:18].any()


def test_large_scenes_are_thinned_out_the_same_whatever_the_windows():
    scene = np.random.default_rng(0).random((3, 3300, 40), dtype=np.float32)
    whole, parts = (Thumbnail((3300, 40), plain_bands(3)) for _ in range(2))
    whole.add(Window(0, 0, 3300, 40), scene)
    for top in range(0, 3300, 500):
        bottom = min(top + 500, 3300)
        parts.add(Window(top, 0, bottom, 40), scene[:, top:bottom])
    assert whole.image.shape[1] <= 1600
    np.testing.assert_array_equal(whole.image, scene[:, ::3, ::3])
    np.testing.assert_array_equal(parts.image, whole.image)
    np.testing.assert_array_equal(whole.of(xr.DataArray(scene, dims=("band", "y", "x"))), whole.image)


def test_png_holds_the_picture(tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (3, 20, 31), dtype=np.uint8)
    write_png(tmp_path / "preview.png", picture)
    with rasterio.open(tmp_path / "preview.png") as stored:
        assert stored.driver == "PNG"
        assert np.array_equal(stored.read(), picture)
    assert [path.name for path in tmp_path.iterdir()] == ["preview.png"]
