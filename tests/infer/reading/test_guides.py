"""Guides: each on its own grid, checked against its role, and felt in the result."""

import numpy as np
import pytest
from rasterio.transform import Affine
from tests.infer.reading.places import LEFT, PAN, RED_NIR, TOP, at

from llars.bands import Band, Modality, Polarisation, Role
from llars.errors import BandError, ConfigError, InstructionError, RasterError, ValueRangeError
from llars.infer.reading.guides import read_guides
from llars.infer.reading.picture import picture_of
from llars.infer.tiles import Window
from llars.tasks import Step

RADAR = tuple(
    Band(name, modality=Modality.SAR, polarisation=Polarisation(name.lower()), gsd_m=10.0) for name in ("VV", "VH")
)


@pytest.fixture
def radar(textured, placed):
    """Twice as fine as the scene, in decibel."""
    return placed(textured(2, 120, 140, seed=1) * 20 - 25, RADAR, at(10.0), value_range=(-35.0, 5.0), units="dB")


def notes_of(guides, scene):
    said = []
    found = read_guides(guides, picture_of(scene), said.append)
    return found, said


def test_radar_is_averaged_in_power_and_converted_once(scene, radar):
    (guide,) = notes_of({"sar": radar}, scene)[0].values()
    picture = picture_of(scene)
    layers = guide.on(picture.grid, 20.0)
    values, valid = layers.read(Window(0, 0, 60, 70))
    power = (10 ** (radar.values.astype(np.float64) / 10)).reshape(2, 60, 2, 70, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(values * 40 - 35, 10 * np.log10(power), atol=1e-3)
    assert valid.all()
    assert [(band.role, band.polarisation, band.gsd_m) for band in layers.bands] == [
        (Role.SAR, Polarisation.VV, 10.0),
        (Role.SAR, Polarisation.VH, 10.0),
    ]


def test_linear_radar_gives_the_same_and_says_so(scene, radar, placed):
    power = placed(10 ** (radar.values / 10), RADAR, at(10.0), units="unknown")
    (expected,) = notes_of({"sar": radar}, scene)[0].values()
    guides, said = notes_of({"sar": power}, scene)
    grid, window = picture_of(scene).grid, Window(0, 0, 60, 70)
    np.testing.assert_allclose(
        guides[Role.SAR].on(grid, 20.0).read(window)[0], expected.on(grid, 20.0).read(window)[0], atol=1e-4
    )
    assert len(said) == 1
    assert "linear power" in said[0]


def test_uncalibrated_radar_is_refused_with_its_values(scene, radar, placed):
    amplitude = placed(10 ** (radar.values / 20) * 500, RADAR, at(10.0), units="unknown")
    with pytest.raises(ValueRangeError, match=r"from [\d.]+ to [\d.]+.*amplitude"):
        notes_of({"sar": amplitude}, scene)


def test_a_guide_on_another_map_is_brought_to_the_scene(scene, textured, placed):
    geographic = Affine(1.4e-4, 0, 16.46, 0, -9e-5, 52.345)
    guide = placed(textured(2, 400, 400) * 20 - 25, RADAR, geographic, crs="EPSG:4326", units="dB")
    found, said = notes_of({"sar": guide}, scene)
    values, valid = found[Role.SAR].on(picture_of(scene).grid, 20.0).read(Window(0, 0, 60, 70))
    assert valid.all()
    assert values.std() > 0.01
    assert said == []


@pytest.mark.parametrize("missing", [False, True])
def test_what_a_guide_shows_changes_the_result_and_gaps_stay(fuser, scene, radar, missing):
    scene = scene.copy()
    scene[:, 10:20, 30:40] = np.nan
    if missing:
        radar = radar.copy()
        radar[:, :50, :60] = np.nan
    found = fuser(scene, "remove the clouds", guides={"sar": radar})
    other = fuser(scene, "remove the clouds", guides={"sar": radar.copy(data=radar.values[:, ::-1])})
    assert found.shape == scene.shape
    assert np.array_equal(np.isnan(found.values), np.isnan(scene.values))
    assert np.nanmax(np.abs(found - other)) > 1e-3


def test_tiles_do_not_show_with_guides(fuser, textured, placed, monkeypatch):
    """Radar on a shifted grid of another map, PAN on the lattice: the two ways on which guides come in."""
    monkeypatch.setattr("llars.infer.reading.warping.CHUNK", 64)
    scene = placed(textured(2, 60, 100), RED_NIR, at(20.0))
    geographic = Affine(1.4e-4, 0, 16.46, 0, -9e-5, 52.345)
    radar = placed(textured(2, 400, 400) * 20 - 25, RADAR, geographic, crs="EPSG:4326", units="dB")
    pan = placed(textured(1, 122, 202, seed=4), (PAN,), at(10.0, LEFT - 5, TOP + 5))
    nested = placed(textured(1, 120, 200, seed=4), (PAN,), at(10.0))
    for words, guides in (
        ("radar", {"sar": radar}),
        ("panchromatic", {"pan": pan}),
        ("panchromatic", {"pan": nested}),
    ):
        whole = fuser(scene, words, guides=guides, tile=2000)
        # 1e-3 of the data range, the contract of the design.
        np.testing.assert_allclose(fuser(scene, words, guides=guides, tile=96), whole, atol=1e-3)


def test_pansharpening_lies_on_the_guides_grid_and_keeps_means(fuser, scene, pan):
    result = fuser(scene, "panchromatic", guides={"pan": pan})
    assert result.shape == (2, 120, 140)
    assert result.rio.transform() == at(10.0)
    assert result.rio.bounds() == scene.rio.bounds()
    assert [band.gsd_m for band in result.attrs["bands"]] == [10.0, 10.0]
    np.testing.assert_allclose(result.values.reshape(2, 60, 2, 70, 2).mean(axis=(2, 4)), scene.values, atol=1e-6)
    free = fuser(scene, "panchromatic", guides={"pan": pan}, project=False)
    assert np.abs(free.values.reshape(2, 60, 2, 70, 2).mean(axis=(2, 4)) - scene.values).max() > 1e-3


def test_a_shifted_panchromatic_band_keeps_its_lattice(fuser, scene, textured, placed):
    pan = placed(textured(1, 200, 200), (PAN,), at(10.0, LEFT - 5, TOP + 5))
    result, sigma = fuser(scene, "panchromatic", guides={"pan": pan}, uncertainty=True)
    assert result.rio.transform() == pan.rio.transform()
    assert result.rio.crs == scene.rio.crs
    # The scene's 120 x 140 fine pixels begin and end in the middle of the guide's.
    assert result.shape == sigma.shape == (2, 121, 141)
    assert float(result.x[0]) == LEFT
    assert np.isfinite(result.values[:, 1:-1, 1:-1]).all()
    assert np.array_equal(np.isnan(sigma.values), np.isnan(result.values))


def test_the_later_date_lies_on_the_fine_grid(fuser, textured, placed):
    coarse_now, coarse_before = (placed(textured(2, 20, 24, seed), RED_NIR, at(80.0)) for seed in (1, 2))
    fine = placed(textured(2, 80, 96, 3), RED_NIR, at(20.0))
    guides = {"fine_before": fine, "coarse_before": coarse_before}
    result = fuser(coarse_now, "later", guides=guides)
    assert result.shape == (2, 80, 96)
    assert result.rio.transform() == fine.rio.transform()
    plain = fuser(
        coarse_now.values, "later", guides={role: image.values for role, image in guides.items()}, bands=RED_NIR
    )
    # Arrays say nothing of pixel sizes, which the network feels a little; the grid is the same.
    assert plain.shape == result.shape


def test_arrays_that_nest_need_no_place(fuser, scene, pan):
    placed_result = fuser(scene, "panchromatic", guides={"pan": pan})
    assert np.allclose(fuser(scene, "panchromatic", guides={"pan": pan.values}), placed_result, atol=0.05)
    with pytest.raises(RasterError, match=r"guide has no georeference.*pan \(139 x 120 px\).*70 x 60 px\) do not nest"):
        fuser(scene, "panchromatic", guides={"pan": pan.values[:, :, :-1]})


@pytest.mark.parametrize(
    ("left", "message"), [(LEFT + 1e5, r"covers 0\.0% of the input"), (LEFT + 1350, r"covers 3\.\d% of the input")]
)
def test_little_overlap_is_refused_with_the_share(scene, radar, placed, left, message):
    elsewhere = placed(radar.values, RADAR, at(10.0, left), units="dB")
    with pytest.raises(RasterError, match=message):
        notes_of({"sar": elsewhere}, scene)


def test_some_overlap_and_shifts_are_said(fuser, scene, placed, textured):
    radar = placed(textured(2, 60, 70) * 20 - 25, RADAR, at(20.0, LEFT + 700 - 5, TOP + 5), units="dB")
    said = []
    fuser.stream(scene, "radar", guides={"sar": radar}, say=said.append)
    assert any("covers 50.8% of the input" in note or "covers 49.2% of the input" in note for note in said)
    assert any("-0.25 pixels down and -0.25 across" in note or "+0.25" in note for note in said)


def test_wrong_roles_and_bands_are_refused(scene, radar, pan):
    for guides, message in (
        ({"sar": pan}, r"guide sar holds B8 \(optical\), expected radar"),
        ({"pan": radar}, r"guide pan holds VV, VH \(radar\)"),
        ({"pan": scene}, "has 2 bands, expected one panchromatic band"),
        ({"fine_before": pan}, r"has 1 bands, expected those of the input, one by one \(2\)"),
    ):
        with pytest.raises(BandError, match=message):
            notes_of(guides, scene)
    with pytest.raises(ConfigError, match="roles are sar, pan, fine_before, coarse_before"):
        notes_of({"radar": radar}, scene)


def test_a_guide_that_is_not_finer_is_refused(fuser, scene, textured, placed):
    coarse = placed(textured(1, 30, 35), (PAN,), at(40.0))
    with pytest.raises(RasterError, match=r"0\.50 pixels along one of the input's"):
        fuser(scene, "panchromatic", guides={"pan": coarse})


def test_plans_ask_for_guides_and_use_them(fuser):
    with pytest.raises(InstructionError, match=r"needs a guide \(pan\); give it: --guide pan=FILE"):
        fuser.plan("panchromatic")
    with pytest.raises(InstructionError, match=r"needs a guide \(coarse_before\)"):
        fuser.plan("later", guides=["fine_before"])
    with pytest.raises(InstructionError, match=r"guide sar helps none of the steps \(denoise\)"):
        fuser.plan("noise", guides=["sar"])
    with pytest.raises(ConfigError, match="leave out the scale 2"):
        fuser.plan("panchromatic", 2, ["pan"])
    assert [step.task for step in fuser.plan("remove the clouds", guides=["sar"])] == ["cloud_sar"]
    assert [step.task for step in fuser.plan("remove the clouds")] == ["cloud"]
    finer = Step("sr", 1 / 3, "double it", 2)
    (taken,) = fuser.plan([finer], guides=["pan"])
    assert (taken.task, taken.scale) == ("pansharpen", 1)
    assert [step.task for step in fuser.plan("noise and blur", guides=["pan"])] == ["denoise", "pansharpen"]


def test_steps_with_and_without_guides_follow_each_other(fuser, scene, radar, pan):
    """What lies between the steps keeps its gaps, its grid and its variance."""
    scene = scene.copy()
    scene[:, 10:20, 30:40] = np.nan
    see, sharpen = Step("cloud_sar", 0.5, "the radar"), Step("pansharpen", 0.5, "the panchromatic band")
    result, sigma = fuser(scene, [see, sharpen], guides={"sar": radar, "pan": pan}, uncertainty=True)
    assert result.shape == (2, 120, 140)
    assert np.array_equal(np.isnan(result.values), np.isnan(scene.values).repeat(2, 1).repeat(2, 2))
    first = fuser(scene, [see], guides={"sar": radar})
    again, alone = fuser(first, [sharpen], guides={"pan": pan}, uncertainty=True)
    np.testing.assert_allclose(again.values, result.values, atol=1e-5)
    assert np.nanmin(sigma.values - alone.values) > 0


@pytest.mark.parametrize("wrap", [lambda radar: radar.values, lambda radar: radar.drop_attrs()])
def test_radar_needs_no_names(fuser, scene, textured, placed, wrap):
    """An array, and a DataArray without ``bands``, is taken for VV and VH."""
    radar = placed(textured(2, 60, 70, seed=1) * 20 - 25, RADAR, at(20.0), value_range=(-35.0, 5.0), units="dB")
    (guide,) = notes_of({"sar": wrap(radar)}, scene)[0].values()
    assert [(band.name, band.modality, band.polarisation) for band in guide.bands] == [
        ("VV", Modality.SAR, Polarisation.VV),
        ("VH", Modality.SAR, Polarisation.VH),
    ]
    same = radar.assign_attrs(bands=[band.with_gsd(None) for band in RADAR])
    result, expected = (fuser(scene, "radar", guides={"sar": image}).values for image in (wrap(radar), same))
    np.testing.assert_array_equal(result, expected)
    with pytest.raises(BandError, match="sar has 5 bands"):
        notes_of({"sar": np.zeros((5, 60, 70), np.float32)}, scene)


@pytest.mark.parametrize(
    ("guides", "fault", "message"),
    [
        (["pan"], ConfigError, "found guides of type list, expected a dict"),
        (np.zeros((1, 120, 140)), ConfigError, "found guides of type ndarray"),
        ({1: None}, ConfigError, "found a int in place of a guide's role"),
        ({"pan": None}, BandError, "the guide pan: found an image of type NoneType"),
        ({"pan": np.zeros((120, 140))}, BandError, "the guide pan: found an array of shape"),
        ({"pan": np.zeros((1, 120, 140), complex)}, BandError, "the guide pan: found values of type complex128"),
    ],
)
def test_what_is_no_guide_is_told_in_one_line(fuser, scene, guides, fault, message):
    with pytest.raises(fault, match=message) as told:
        fuser(scene, "panchromatic", guides=guides)
    assert "\n" not in str(told.value)
    with pytest.raises(ConfigError, match="found a DataArray in place of a guide's role"):
        fuser.plan("panchromatic", guides=[scene])
