"""From measures to words: which faults are named, how strong, in which order, and what is done about them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch

import llars
from llars import cli, degrade
from llars.bands import Band, Modality
from llars.degrade.clouds import cloudy
from llars.infer.diagnosis.blur import Blur
from llars.infer.diagnosis.findings import Finding, corrective_steps, diagnosed, findings
from llars.infer.diagnosis.limits import MEASUREMENTS, PICTURES, Limits, bundled_limits, keep_limits
from llars.infer.diagnosis.lines import Stripes
from llars.infer.diagnosis.survey import Survey
from llars.infer.reading.picture import picture_of
from llars.tasks import TASK_KEYS

NOTHING = Survey(
    sigma=np.full(3, 0.001),
    impulses=0.0,
    looks=None,
    blur=Blur(0.05, "none", 0.0, 0.0, 1.0),
    stripes=Stripes(False, 0.3, 0.0002, 0.0, np.zeros((3, 64))),
    air=None,
    cover=np.zeros((2, 16, 16), dtype=np.uint8),
    ends=(0.1, 0.4, 0.8),
)
LIMITS = Limits(
    noise=0.006,
    blur=0.5,
    stripes=1.2,
    dead=0.01,
    haze=0.2,
    hidden=0.02,
    roofs=0.1,
    dark=0.2,
    bright=0.4,
    flat=0.15,
    air=(1.0,),
)
BLURRED = Blur(1.3, "gaussian", 1.3, 0.0, 0.95)


def told(survey: Survey, units: str = "reflectance", width: float = 1.0, tasks=TASK_KEYS) -> list[Finding]:
    return findings(survey, tasks, units, width, {MEASUREMENTS: LIMITS, PICTURES: LIMITS})


def clouds(share: float) -> np.ndarray:
    cover = np.zeros((2, 16, 16), dtype=np.uint8)
    cover[:, : round(16 * share)] = 255
    return cover


def test_nothing_wrong_is_no_finding():
    assert told(NOTHING) == []
    assert corrective_steps([]) == []


def test_faults_come_in_the_order_in_which_they_are_mended():
    every = replace(
        NOTHING,
        sigma=np.full(3, 0.03),
        blur=BLURRED,
        stripes=replace(NOTHING.stripes, evidence=9.0, amplitude=0.02),
        air=np.array([0.7]),
        cover=clouds(0.25),
    )
    found = told(every)
    assert [one.task for one in found] == ["cloud", "haze", "destripe", "denoise", "deblur"]
    assert [step.task for step in corrective_steps(found)] == [one.task for one in found]
    assert [one.prompt for one in found][:2] == ["slightly remove the clouds", "remove the haze"]
    assert [one.severity for one in found] == pytest.approx([0.25, 0.49 / 1.15, 0.2, 0.3, 0.65], abs=0.01)


def test_what_the_weights_cannot_do_is_no_finding():
    assert told(replace(NOTHING, sigma=np.full(3, 0.03)), tasks=("haze",)) == []


def test_strength_is_told_in_the_units_of_the_scene():
    (finding,) = told(replace(NOTHING, sigma=np.array([0.02, 0.03, 0.02])), "kelvin", 140.0)
    assert finding.strength.startswith("standard deviation 2.8 kelvin")
    assert finding.measures["sigma_unit"] == 0.02
    assert finding.measures["sigma_unit_of_bands"] == [0.02, 0.03, 0.02]


def test_one_bad_band_of_three_is_not_the_noise_of_the_scene():
    assert told(replace(NOTHING, sigma=np.array([0.001, 0.001, 0.05]))) == []


@pytest.mark.parametrize(("gsd_m", "share", "found"), [(10.0, 0.05, True), (0.1, 0.05, False), (0.1, 0.25, True)])
def test_what_looks_hidden_must_be_larger_where_it_may_be_roofs(gsd_m, share, found):
    measured = replace(NOTHING, cover=clouds(share), gsd_m=gsd_m)
    assert bool(told(measured)) == found


def test_noise_is_not_taken_for_blur():
    blur = replace(BLURRED, kind="motion", confidence=0.6)
    assert [one.task for one in told(replace(NOTHING, blur=blur))] == ["deblur"]
    assert [one.task for one in told(replace(NOTHING, blur=blur, sigma=np.full(3, 0.04)))] == ["denoise"]


def test_defective_pixels_and_noise_are_one_step():
    both = told(replace(NOTHING, impulses=0.02, sigma=np.full(3, 0.04)))
    assert both[0].strength == "2.0 % of the samples"
    assert [one.fault for one in both] == ["defective pixels", "noise"]
    assert [step.task for step in corrective_steps(both)] == ["denoise"]


def test_speckle_counts_in_looks():
    (finding,) = told(replace(NOTHING, looks=4.0))
    assert (finding.fault, finding.severity, finding.strength) == ("speckle", 0.5, "4.0 looks")
    assert finding.prompt == "reduce the speckle"
    assert told(replace(NOTHING, looks=40.0)) == []


def test_dead_lines_are_told_where_the_others_agree():
    (finding,) = told(replace(NOTHING, stripes=replace(NOTHING.stripes, dead=0.03)))
    assert (finding.task, finding.fault, finding.strength) == ("destripe", "dead lines", "3.0 % of the lines of a band")


@pytest.mark.parametrize(
    ("units", "gsd_m", "applied"),
    [
        ("reflectance", None, True),
        ("reflectance", 10.0, True),
        ("reflectance", 0.5, False),
        ("display 0-1", None, False),
        ("display 0-1", 10.0, True),
        ("display 0-1", 0.1, False),
    ],
)
def test_what_may_be_roofs_is_not_filled_unasked(units, gsd_m, applied):
    survey = replace(NOTHING, cover=clouds(0.25), gsd_m=gsd_m)
    (finding,) = told(survey, units)
    assert (finding.task, finding.applied) == ("cloud", applied)
    assert len(corrective_steps([finding])) == applied


@pytest.mark.parametrize(("rows", "direction"), [(False, 90.4), (True, 179.2), (True, 1.0)])
def test_stripes_are_not_taken_for_motion_along_them(rows, direction):
    striped = replace(NOTHING.stripes, rows=rows, evidence=9.0, amplitude=0.02)
    path = Blur(5.5, "motion", 19.0, direction, 1.0)
    assert [one.task for one in told(replace(NOTHING, stripes=striped, blur=path))] == ["destripe"]
    across = replace(path, direction=direction + 90.0)
    assert [one.task for one in told(replace(NOTHING, stripes=striped, blur=across))] == ["destripe", "deblur"]
    assert [one.task for one in told(replace(NOTHING, blur=path))] == ["deblur"]


@pytest.mark.parametrize(
    ("ends", "task", "sign"),
    [((0.0, 0.08, 0.15), "brightness", 1), ((0.6, 0.8, 1.0), "brightness", -1), ((0.3, 0.35, 0.4), "stretch", 1)],
)
def test_exposure_is_told_of_pictures_and_left_to_taste(ends, task, sign):
    survey = replace(NOTHING, ends=ends)
    (finding,) = told(survey, "display 0-1")
    assert (finding.task, finding.applied) == (task, False)
    assert finding.severity * sign > 0
    assert corrective_steps([finding]) == []
    assert told(survey, "reflectance") == []


def test_a_flat_picture_is_called_too_bright_only_if_darkening_helps():
    flat = {PICTURES: replace(LIMITS, bright=0.35)}
    (finding,) = findings(replace(NOTHING, ends=(0.38, 0.42, 0.47)), TASK_KEYS, "display 0-1", 1.0, flat)
    assert (finding.task, finding.fault) == ("stretch", "low contrast")
    assert findings(replace(NOTHING, ends=(0.42, 0.42, 0.42)), TASK_KEYS, "display 0-1", 1.0, flat) == []


def test_limits_come_back_as_they_were_kept(tmp_path):
    keep_limits({PICTURES: replace(LIMITS, air=(0.25, -1.5))}, tmp_path / "limits.json")
    kept = json.loads((tmp_path / "limits.json").read_text())[PICTURES]
    assert Limits(**{**kept, "air": tuple(kept["air"])}) == replace(LIMITS, air=(0.25, -1.5))
    assert bundled_limits().keys() == {MEASUREMENTS, PICTURES}


@pytest.fixture(scope="module")
def scene(example):
    return llars.open_scene(example).isel(y=slice(0, 256), x=slice(0, 192))


def test_a_real_clean_scene_has_no_fault(scene):
    assert diagnosed(picture_of(scene), TASK_KEYS).findings == ()


@pytest.mark.parametrize("value", [0.1, 0.3, 0.7])
def test_a_constant_scene_has_no_fault(scene, value):
    constant = scene.copy(data=np.full_like(scene.values, value))
    found = diagnosed(picture_of(constant), TASK_KEYS)
    assert found.findings == ()
    assert (found.survey.blur, found.survey.air) == (None, None)


@pytest.mark.parametrize(
    ("task", "severity", "measure", "expected"),
    [
        ("denoise", 0.4, "sigma_unit", 0.04),
        ("destripe", 0.3, "amplitude_unit", 0.03),
        ("deblur", 0.7, "spread_px", 1.4),
    ],
)
def test_a_fault_put_into_a_real_scene_is_found_and_measured(scene, task, severity, measure, expected):
    generator = torch.Generator().manual_seed(4)
    spoiled = scene.copy(data=degrade.get(task)(scene.values, severity, generator, scene.attrs["bands"]))
    found = diagnosed(picture_of(spoiled), TASK_KEYS).findings
    assert len(found) == 1
    assert found[0].measures[measure] == pytest.approx(expected, rel=0.4)


def test_the_share_under_clouds_is_measured(scene):
    clouded, opacity = cloudy(
        torch.from_numpy(scene.values), 0.5, torch.Generator().manual_seed(4), scene.attrs["bands"]
    )
    (finding,) = diagnosed(picture_of(scene.copy(data=clouded.numpy())), TASK_KEYS).findings
    assert finding.fault == "clouds"
    assert finding.measures["hidden_share"] == pytest.approx(float((opacity > 0.4).float().mean()), rel=0.3)


@pytest.mark.parametrize("modality", [Modality.UNKNOWN, Modality.THERMAL])
def test_clouds_are_looked_for_in_optical_bands_alone(scene, modality):
    # Radar that does not say so, maps of classes and elevations look cloudy, and would be overwritten.
    clouded, _ = cloudy(torch.from_numpy(scene.values), 0.5, torch.Generator().manual_seed(4), scene.attrs["bands"])
    unknown = scene.copy(data=clouded.numpy())
    unknown.attrs["bands"] = tuple(Band(band.name, modality=modality) for band in scene.attrs["bands"])
    assert "cloud" not in {finding.task for finding in diagnosed(picture_of(unknown), TASK_KEYS).findings}


def test_commands_tell_draw_and_mend(llars, small_scene, tiny_weights, tmp_path):
    noisy, output, picture = (tmp_path / name for name in ("noisy.tif", "out.tif", "picture.png"))
    assert llars("degrade", small_scene, noisy, "--task", "denoise", "--severity", "0.6").code == cli.OK
    words = llars("diagnose", noisy, "--model", tiny_weights, "--picture", picture)
    assert (words.code, words.err) == (cli.OK, "")
    assert "standard deviation" in words.out
    assert "reflectance" in words.out
    with rasterio.open(picture) as drawn:
        assert (drawn.width, drawn.height) == (1320, 770)
    assert "--overwrite" in llars("diagnose", noisy, "--model", tiny_weights, "--picture", picture).err
    result = llars("restore", noisy, output, "--model", tiny_weights)
    assert result.code == cli.OK
    assert any(line.startswith("llars: noise, standard deviation") for line in result.err.splitlines())
    with rasterio.open(output) as restored:
        assert [step["task"] for step in json.loads(restored.tags()["LLARS_STEPS"])] == ["denoise"]


def test_restore_without_words_copies_what_is_well(llars, small_scene, tiny_weights, tmp_path):
    output, mask = tmp_path / "out.tif", tmp_path / "mask.tif"
    result = llars("restore", small_scene, output, "--model", tiny_weights, "--invented", mask)
    assert result.code == cli.OK
    assert result.err == "llars: nothing to mend was found: the pixels are copied as they are\n"
    with rasterio.open(small_scene) as before, rasterio.open(output) as after:
        assert (before.read() == after.read()).all()
        assert before.profile["dtype"] == after.profile["dtype"]
    with rasterio.open(mask) as flags:
        assert flags.read(1).max() == 0
