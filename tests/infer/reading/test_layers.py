"""Windows of layers are windows of the whole, whatever lies in them."""

import numpy as np
import pytest

from llars.bands import plain_bands
from llars.infer.reading.layers import BlockSurvey, Enlarged, Filled
from llars.infer.reading.pixels import enlarge_scene, fill_gaps, repeat
from llars.infer.reading.sources import ImageSource, Repeated, Scratch, Shifted
from llars.infer.tiles import Window

SIZE = (203, 331)
WINDOWS = (Window(0, 0, 64, 64), Window(37, 11, 90, 331), Window(150, 300, 203, 331), Window(96, 100, 97, 101))


@pytest.fixture(scope="module")
def scene():
    """Two bands with scattered gaps, a hole larger than any block, and a wide strip of nothing."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(2, *SIZE)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[0, 40:140, 60:200] = np.nan
    values[:, :, 290:] = np.nan
    return values


@pytest.fixture(scope="module")
def filled(scene):
    whole = scene.copy()
    for band in whole:
        fill_gaps(band, np.isfinite(band))
    return whole


@pytest.mark.parametrize("window", WINDOWS)
def test_gaps_of_a_window_are_filled_as_in_the_whole(scene, filled, window):
    values, valid = Filled.of(ImageSource(scene), plain_bands(2)).read(window)
    part = (slice(None), *window.slices)
    np.testing.assert_array_equal(valid, np.isfinite(scene[part]))
    # The same sums in the same order.
    np.testing.assert_array_equal(values, filled[part])


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("exact", [True, False])
def test_an_enlarged_window_is_a_window_of_the_enlarged(scene, filled, factor, exact):
    layers = Enlarged(Filled.of(ImageSource(scene), plain_bands(2)), factor, exact)
    assert layers.size == (SIZE[0] * factor, SIZE[1] * factor)
    whole = enlarge_scene(filled, np.isfinite(scene), factor, exact)
    for coarse in WINDOWS:
        window = Window(coarse.top * factor + 1, coarse.left * factor, coarse.bottom * factor, coarse.right * factor)
        values, valid = layers.read(window)
        part = (slice(None), *window.slices)
        np.testing.assert_array_equal(valid, repeat(np.isfinite(scene), factor)[part])
        # Positions of interpolation are rounded to float32 on the way.
        np.testing.assert_allclose(values, whole[part], atol=2e-4)


def test_a_survey_counts_what_is_valid(scene):
    survey, layers = BlockSurvey.of(ImageSource(scene)), Filled.of(ImageSource(scene), plain_bands(2))
    assert survey.valid == tuple(np.isfinite(scene).sum((1, 2)))
    for window in (Window(0, 0, *SIZE), Window(32, 64, 96, 128)):
        part = (slice(None), *window.slices)
        assert layers.valid_count(window) == pytest.approx(np.isfinite(scene[part]).sum())
        assert Enlarged(layers, 2).valid_count(window.finer(2)) == pytest.approx(4 * np.isfinite(scene[part]).sum())
    # A window that cuts blocks is counted in proportion: exact where they are alike.
    assert layers.valid_count(Window(50, 70, 60, 75)) == pytest.approx(
        np.isfinite(scene[1, 48:64, 64:80]).sum() * 50 / 256
    )


def test_a_shifted_source_has_no_data_beyond_its_own():
    source = ImageSource(np.arange(24, dtype=np.float32).reshape(1, 4, 6))
    shifted = Shifted(source, rows=-1, columns=2, height=6, width=6)
    whole = shifted.read(Window(0, 0, 6, 6))
    assert whole.shape == shifted.shape == (1, 6, 6)
    np.testing.assert_array_equal(whole[0, 1:5, :4], np.arange(24).reshape(4, 6)[:, 2:])
    assert np.isnan(whole).sum() == 36 - 16
    np.testing.assert_array_equal(shifted.read(Window(2, 3, 5, 6)), whole[:, 2:5, 3:6])
    assert np.isnan(shifted.read(Window(5, 0, 6, 6))).all()


@pytest.mark.parametrize("in_file", [False, True])
def test_scratch_gives_back_what_was_written_and_leaves_nothing(tmp_path, in_file):
    scratch = Scratch((2, 30, 40), tmp_path if in_file else None)
    values = np.random.default_rng(0).random((2, 30, 40), dtype=np.float32)
    values[0, 3] = np.nan
    for window in (Window(0, 0, 16, 40), Window(16, 0, 30, 25), Window(16, 25, 30, 40)):
        scratch.write(window, values[(slice(None), *window.slices)])
    np.testing.assert_array_equal(scratch.read(Window(3, 5, 29, 31)), values[:, 3:29, 5:31])
    np.testing.assert_array_equal(Repeated(scratch, 3).read(Window(10, 20, 50, 90)), repeat(values, 3)[:, 10:50, 20:90])
    assert not list(tmp_path.iterdir()), "a file with a name would outlive a killed process"
