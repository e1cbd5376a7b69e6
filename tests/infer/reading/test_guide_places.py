"""Guides and scenes whose place is told in unusual ways: turned, thinned out, partly, or without a CRS."""

import numpy as np
import pytest
import xarray as xr
from tests.infer.reading.places import LEFT, PAN, RED_NIR, TOP, at

from llars.errors import RasterError
from llars.infer.reading.picture import picture_of
from llars.tasks import Step

FLIPS = {
    "rows": lambda image: image.sortby("y"),
    "columns": lambda image: image.isel(x=slice(None, None, -1)),
    "both": lambda image: image[:, ::-1, ::-1],
}


@pytest.fixture
def with_centres():
    """A function that adds the coordinates of the pixel centres, as ``open_scene`` does."""

    def make(image):
        transform = image.rio.transform()
        return image.assign_coords(
            x=transform.c + transform.a * (np.arange(image.sizes["x"]) + 0.5),
            y=transform.f + transform.e * (np.arange(image.sizes["y"]) + 0.5),
        )

    return make


@pytest.mark.parametrize("flip", FLIPS.values(), ids=FLIPS)
def test_a_flipped_image_with_a_guide_gives_the_flipped_result(fuser, scene, pan, with_centres, flip):
    scene, pan = with_centres(scene), with_centres(pan)
    expected = fuser(flip(scene), "panchromatic", guides={"pan": flip(pan)})
    straight = fuser(scene, "panchromatic", guides={"pan": pan})
    result = fuser(flip(scene), "panchromatic", guides={"pan": pan})
    xr.testing.assert_identical(result.drop_vars("spatial_ref"), expected.drop_vars("spatial_ref"))
    assert result.rio.transform() == result.rio.transform(recalc=True)
    assert np.array_equal(np.sort(result.y), np.sort(straight.y))
    assert result.y[0] == flip(straight).y[0]
    np.testing.assert_allclose(result.coarsen(y=2, x=2).mean(), flip(scene), atol=1e-6)
    same = fuser(scene, "panchromatic", guides={"pan": flip(pan)})
    np.testing.assert_array_equal(same, straight)
    np.testing.assert_array_equal(same.y, straight.y)


def test_a_strided_image_keeps_its_place(scene, with_centres):
    scene = with_centres(scene)
    assert picture_of(scene).grid.transform == at(20.0)
    for thinned in (scene[:, ::2, ::2], scene.isel(y=slice(None, None, 3)), scene.coarsen(y=2, x=2).mean()):
        grid = picture_of(thinned.assign_attrs(scene.attrs)).grid
        assert grid.transform == thinned.rio.transform(recalc=True)
        assert grid.transform.e == float(thinned.y[1] - thinned.y[0])


def test_a_finer_grid_of_a_flipped_image_keeps_its_bounds(make_restorer, scene, with_centres):
    flipped = with_centres(scene).sortby("y")
    result = make_restorer()(flipped, [Step("sr", 1 / 3, "double it", 2)])
    assert result.rio.transform() == result.rio.transform(recalc=True)
    assert result.rio.bounds() == scene.rio.bounds()
    assert result.y[0] < result.y[-1]


def heard(fuser, scene, pan):
    said = []
    stream = fuser.stream(scene, "panchromatic", guides={"pan": pan}, say=said.append)
    return stream, said


def test_a_guide_without_a_crs_lies_where_its_coordinates_say(fuser, scene, textured, placed):
    values = textured(1, 120, 140, seed=2)
    stream, said = heard(fuser, scene, placed(values, (PAN,), at(10.0), crs=None))
    assert said == ["the guide pan has no CRS: its coordinates are taken to be in that of the input (EPSG:32633)"]
    assert stream.grid == picture_of(scene).grid.finer(2)
    _, said = heard(fuser, scene, placed(values, (PAN,), at(10.0, LEFT + 200), crs=None))
    assert "the guide pan covers 86.2% of the input" in said[1]
    message = r"pan has no CRS: .*\(EPSG:32633\); there the guide covers 0\.0% of the input; .*with a CRS"
    with pytest.raises(RasterError, match=message):
        heard(fuser, scene, placed(values, (PAN,), at(10.0, LEFT + 1e5), crs=None))


def test_an_input_without_a_crs_lies_where_its_coordinates_say(fuser, textured, placed, pan):
    scene = placed(textured(2, 60, 70), RED_NIR, at(20.0), crs=None)
    _, said = heard(fuser, scene, pan)
    assert said == ["the input has no CRS: its coordinates are taken to be in that of the guide pan (EPSG:32633)"]
    with pytest.raises(RasterError, match=r"the input has no CRS.*covers 0\.0%"):
        heard(fuser, placed(textured(2, 60, 70), RED_NIR, at(20.0, LEFT + 1e5), crs=None), pan)


def test_what_lies_beyond_a_guide_is_said_as_it_happens(fuser, scene, textured, placed):
    values = textured(1, 120, 70, seed=2)
    nested, said = heard(fuser, scene, placed(values, (PAN,), at(10.0)))
    (note,) = said
    assert note == "the guide pan covers 50.8% of the input; beyond it its values are filled from its border"
    assert nested.shape == (2, 120, 140)
    cut, said = heard(fuser, scene, placed(values, (PAN,), at(10.0, LEFT + 5, TOP - 5)))
    (note,) = (note for note in said if "covers" in note)
    assert note.endswith("of the input; the result ends with it")
    assert cut.shape == (2, 120, 70)
