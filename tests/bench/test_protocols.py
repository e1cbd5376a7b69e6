import re
from pathlib import Path

import numpy as np
import pytest

from llars import degrade
from llars.bench.protocols import Trial, degrade_scene, read_protocol, read_scenes
from llars.errors import ConfigError, DataError

SHIPPED = Path(__file__).parents[2] / "configs" / "eval" / "shared.yaml"
NOISE = Trial("denoise", 0.5, "reduce the noise", "gaussian_noise")
COARSER = Trial("sr", 1 / 3, "double the resolution", scale=2)


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


def test_the_shipped_protocol_breaks_what_its_instructions_mend():
    protocol = read_protocol(SHIPPED)
    assert [trial.task for trial in protocol.trials] == ["denoise", "destripe", "deblur", "haze", "sr", "brightness"]
    for trial in protocol.trials:
        if trial.degradation:
            assert degrade.get(trial.degradation).task == trial.task
        else:
            assert trial.scale == round(1 + 3 * trial.severity) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity: 0.5", "severity: 1.5", "expected 0 to 1"),
        ("task: denoise", "task: dance", "unknown task"),
        ("scale: 2", "scale: 2, degradation: haze", "not both"),
        ("seed: 5", "sed: 5", "sed"),
        ("seed: 5", "seed: [", "not YAML"),
        ("trials", "trails", "trials"),
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
