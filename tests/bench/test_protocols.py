import re
from pathlib import Path

import numpy as np
import pytest

from llars import degrade
from llars.bench.cases import degrade_scene
from llars.bench.protocols import Protocol, Target, Trial, read_protocol
from llars.bench.rivals import RIVALS, rivals_of
from llars.bench.scenes import read_scenes
from llars.errors import ConfigError, DataError

SHIPPED = Path(__file__).parents[2] / "configs" / "eval" / "shared.yaml"
NOISE = Trial("noise", "denoise", "reduce the noise", 0.5, "gaussian_noise")
COARSER = Trial("finer", "sr", "double the resolution", 1 / 3, scale=2)


@pytest.fixture
def scenes(folder, config):
    return {scene.name: scene for scene in read_scenes(folder, read_protocol(config))}


def test_only_held_out_clean_scenes_of_some_size_are_read(scenes):
    assert list(scenes) == ["grey", "veg", "soft"]
    assert [scene.sharp for scene in scenes.values()] == [True, True, False]
    assert scenes["veg"].data_set == "sentinel2-l2a / veg"


def test_scenes_are_cut_to_their_centre_in_unit_values_with_gaps_marked(folder, scenes):
    veg = scenes["veg"]
    assert veg.values.shape == (4, 60, 60)
    # Rows 2 to 61 and columns 10 to 69 of the file, so that the gap at 20:30 starts at row 18, column 10.
    expected = np.zeros((60, 60), bool)
    expected[18:28, 10:20] = True
    np.testing.assert_array_equal(~veg.valid, expected)
    import rasterio

    with rasterio.open(folder / "veg.tif") as source:
        stored = source.read(2)[2:62, 10:70]
    np.testing.assert_allclose(veg.values[1][veg.valid], stored[veg.valid] * 0.001 - 0.1, atol=1e-6)
    assert np.isfinite(veg.values).all()
    assert veg.values.min() > 0.1  # what fills the gap comes from around it, not from the number for no data


def test_a_case_is_the_same_every_time_and_for_its_seed_alone(scenes):
    first, again, other = (degrade_scene(scenes["grey"], NOISE, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.degraded, again.degraded)
    assert np.abs(first.degraded - other.degraded).max() > 0.01
    twin = degrade_scene(scenes["soft"], NOISE, 5)
    noise, another = (case.degraded - case.truth for case in (first, twin))
    assert abs(np.corrcoef(noise.ravel(), another.ravel())[0, 1]) < 0.05
    assert noise.std() == pytest.approx(0.05, rel=0.03)  # 10,800 samples: standard error 0.7 %


def test_gaps_are_not_part_of_the_truth(scenes):
    case = degrade_scene(scenes["veg"], NOISE, 5)
    np.testing.assert_array_equal(np.isnan(case.truth).all(axis=0), ~scenes["veg"].valid)
    assert np.isfinite(case.degraded).all()


def test_a_coarser_grid_holds_area_means_and_bands_say_so(scenes):
    case = degrade_scene(scenes["grey"], COARSER, 5)
    clean = scenes["grey"].values
    assert case.degraded[1, 3, 4] == pytest.approx(clean[1, 6:8, 8:10].mean(), abs=1e-6)
    assert case.degraded.shape == (3, 30, 30)
    assert case.baseline.shape == case.truth.shape == (3, 60, 60)
    assert [band.gsd_m for band in case.bands] == [20, 20, 20]


def test_a_kernel_is_what_the_blur_makes_of_a_point(scenes):
    for degradation, severity in (("gaussian_blur", 0.5), ("motion_blur", 0.5)):
        trial = Trial("blur", "deblur", "sharpen", severity, degradation)
        case = degrade_scene(scenes["grey"], trial, 5)
        kernel = case.side_info.kernel
        assert kernel.sum() == pytest.approx(1)
        reach = len(kernel) // 2
        inside = scenes["grey"].values[0, 30 - reach : 31 + reach, 25 - reach : 26 + reach]
        assert case.degraded[0, 30, 25] == pytest.approx((inside * kernel[::-1, ::-1]).sum(), abs=1e-5)


def test_tone_curves_are_the_truth_and_the_image_is_what_is_given(scenes):
    case = degrade_scene(scenes["veg"], Trial("equal", "equalize", "equalise", 1.0, "equalize"), 5)
    np.testing.assert_array_equal(case.degraded, scenes["veg"].values)
    valid = scenes["veg"].valid
    assert np.isnan(case.truth[:, ~valid]).all()
    # Ranks of the valid pixels alone: spread evenly over 0 to 1.
    assert np.quantile(case.truth[0][valid], [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.01)


def test_a_fault_beneath_is_in_the_truth_too(scenes):
    trial = Trial("only", "brightness", "brighten", 0.5, "brightness", beneath="gaussian_noise")
    case = degrade_scene(scenes["grey"], trial, 5)
    assert (case.truth - scenes["grey"].values).std() == pytest.approx(0.05, rel=0.03)
    np.testing.assert_allclose(case.degraded, case.truth / np.sqrt(2), atol=1e-6)
    assert rivals_of(trial) == ()


def test_where_nothing_is_wrong_the_image_is_the_truth(scenes):
    trial = Trial("untouched", "deblur", "sharpen", 0.0, "gaussian_blur")
    case = degrade_scene(scenes["grey"], trial, 5)
    np.testing.assert_array_equal(case.degraded, case.truth)
    assert trial.untouched and rivals_of(trial) == ()


def test_clouds_are_told_to_rivals_as_they_are(scenes):
    case = degrade_scene(scenes["veg"], Trial("clouds", "cloud", "remove the clouds", 0.3, "thick_cloud"), 5)
    changed = np.abs(case.degraded - scenes["veg"].values).max(axis=0)
    assert 0.05 < case.under.mean() < 0.9
    assert changed[~case.under].max() <= 0.02 < changed[case.under].min()
    np.testing.assert_array_equal(case.side_info.clouds, case.under)


def test_walds_protocol_gives_a_pan_on_the_fine_grid(scenes):
    case = degrade_scene(scenes["veg"], Trial("pan", "pansharpen", "sharpen", 1.0, scale=4), 5)
    assert case.degraded.shape == (4, 15, 15)
    assert case.baseline.shape == case.truth.shape == (4, 60, 60)
    pan = case.guides["pan"]
    assert pan.values.shape == (1, 60, 60) and pan.bands[0].role == "pan"
    low, high = scenes["veg"].values.min(axis=0), scenes["veg"].values.max(axis=0)
    assert ((pan.values[0] >= low - 1e-6) & (pan.values[0] <= high + 1e-6)).all()


def test_the_shipped_protocol_breaks_what_its_instructions_mend():
    protocol = read_protocol(SHIPPED)
    tasks = {trial.task for trial in protocol.trials}
    assert tasks >= {"denoise", "destripe", "deblur", "haze", "sr", "pansharpen", "stf", "cloud", "cloud_sar"}
    assert tasks >= {"equalize", "stretch", "brightness"}
    for trial in protocol.trials:
        if trial.degradation:
            assert degrade.get(trial.degradation).task == trial.task.removesuffix("_sar")
        if trial.scale > 1:
            assert trial.scale == round(1 + 3 * trial.severity)


def test_the_shipped_targets_name_what_is_measured():
    protocol = read_protocol(SHIPPED)
    by_name = {trial.name: trial for trial in protocol.trials}
    for target in protocol.targets:
        for name in target.trials:
            known = {"degraded", "llars", *(rival.name for rival in rivals_of(by_name[name]))}
            assert known >= set(target.than), target
    named = {name for rivals in RIVALS.values() for name in [rival.name for rival in rivals]}
    assert len(named) == len({id(r) for rivals in RIVALS.values() for r in rivals})  # no two go by one name


def test_a_target_for_what_no_trial_measures_is_refused():
    with pytest.raises(ConfigError, match="sharpness"):
        Protocol((NOISE,), 5, 60, 48, targets=(Target(("sharpness",), "psnr", least=1.0),))
    with pytest.raises(ConfigError, match="either"):
        Target(("noise",), "psnr")
    with pytest.raises(ConfigError, match="two trials"):
        Protocol((NOISE, NOISE), 5, 60, 48)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity: 0.5", "severity: 1.5", "expected 0 to 1"),
        ("task: denoise", "task: dance", "unknown task"),
        ("scale: 2", "scale: 2, degradation: haze", "not both"),
        ("seed: 5", "sed: 5", "sed"),
        ("seed: 5", "seed: [", "not YAML"),
        ("trials:\n", "trails:\n", "trials"),
        ("severity: 0.5, instruction: reduce", "severity: 0.5, source: moon, instruction: reduce", "clean"),
        ("least: 0.5", "lest: 0.5", "lest"),
    ],
)
def test_a_broken_protocol_is_refused(config, old, new, message):
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        read_protocol(config)
    assert "\n" not in str(caught.value)


def test_missing_files_are_told(tmp_path, folder, config):
    with pytest.raises(ConfigError, match=re.escape("shared.yaml")):
        read_protocol(tmp_path / "none.yaml")
    with pytest.raises(DataError, match=re.escape("scenes.json")):
        read_scenes(tmp_path, read_protocol(config))
    config.write_text(config.read_text().replace("smallest: 48", "smallest: 480"))
    with pytest.raises(DataError, match="480 pixels"):
        read_scenes(folder, read_protocol(config))
