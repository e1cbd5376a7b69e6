import inspect
from dataclasses import replace

import numpy as np
import pytest

from llars.bands import Band, Modality, Role
from llars.bench import rivals
from llars.bench.cases import Case, Guide, Scene, SideInformation
from llars.bench.classical import denoise, haze, pansharpen, speckle
from llars.bench.protocols import Trial
from llars.bench.rivals import RIVALS, Rival, cached_result, rivals_of

BANDS = (Band("B02", 490.0), Band("B04", 665.0))


def case_of(trial: Trial, **changes) -> Case:
    rng = np.random.default_rng(0)
    height, width = 32, 40
    image = (0.3 + 0.1 * rng.random((2, height, width))).astype(np.float32)
    scene = Scene("s", "d / s", BANDS, image, np.ones((height, width), bool), (0.0, 1.0), True)
    clouds = np.zeros((height, width), bool)
    clouds[8:14, 8:14] = True
    kernel = np.full((3, 3), 1 / 9)
    side_info = SideInformation(kernel=kernel, looks=4.0, clouds=clouds, others=np.stack([image, image]))
    fine = image.repeat(trial.scale, 1).repeat(trial.scale, 2)
    pan = Guide(fine[:1], (Band("PAN", role=Role.PAN),), (0.0, 1.0))
    guides = {
        "pan": pan,
        "fine_before": Guide(image, BANDS, (0.0, 1.0)),
        "coarse_before": Guide(image, BANDS, (0.0, 1.0)),
    }
    return Case(scene, trial, image, fine, fine, BANDS, guides, **{"side_info": side_info, **changes})


TRIALS = [
    Trial("noise", "denoise", "go", 0.5, "gaussian_noise"),
    Trial("speckle", "denoise", "go", 0.5, "speckle", source="radar_mean"),
    Trial("blur", "deblur", "go", 0.5, "gaussian_blur"),
    Trial("impulses", "denoise", "go", 0.3, "impulse_noise"),
    Trial("stripes", "destripe", "go", 0.5, "detector_stripes"),
    Trial("haze", "haze", "go", 0.5, "haze"),
    Trial("finer", "sr", "go", 1 / 3, scale=2),
    Trial("pan", "pansharpen", "go", 1 / 3, scale=2),
    Trial("later", "stf", "go", source="fusion_dates"),
    Trial("clouds", "cloud", "go", 0.3, "thick_cloud"),
    Trial("radar", "cloud_sar", "go", source="cloudy_dates"),
]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_every_rival_answers_on_the_grid_of_the_truth(trial, monkeypatch):
    monkeypatch.setattr("bm3d.bm3d", lambda image, sigma: image - sigma)  # tested with its callers; seconds a band
    case = case_of(trial)
    assert rivals_of(trial)
    for rival in rivals_of(trial):
        image = rival.run(case)
        assert image.shape == case.truth.shape, rival.name
        assert image.dtype == np.float32, rival.name
        assert np.isfinite(image).all(), rival.name


def test_radar_has_rivals_of_its_own():
    names = {rival.name for rival in rivals_of(TRIALS[1])}
    assert "refined Lee" in names and "BM3D" not in names
    real = Trial("real", "denoise", "go", source="radar_dates")
    assert rivals_of(real) == rivals_of(TRIALS[1])


def test_a_composite_needs_other_dates():
    composite = next(rival for rival in RIVALS["cloud"] if rival.name == "median composite")
    assert composite.arguments(case_of(TRIALS[8], side_info=SideInformation(clouds=np.ones((32, 40), bool)))) is None


def test_speckle_is_filtered_in_power():
    lee = next(rival for rival in RIVALS["speckle"] if rival.name == "Lee")
    case = case_of(TRIALS[1])
    # A scene whose units nobody tells holds numbers that are filtered as they are.
    np.testing.assert_array_equal(lee.run(case), speckle.lee(case.degraded, 4.0))
    decibels = replace(case.scene, data_set="sentinel1-grd-db / s", value_range=(-30.0, 10.0))
    expected = speckle.in_power(case.degraded, speckle.lee, 4.0, (-30.0, 10.0))
    np.testing.assert_array_equal(lee.run(replace(case, scene=decibels)), expected)
    assert case.scene.bands[0].modality is Modality.OPTICAL  # it filters what it is given


def test_results_are_kept_until_arguments_or_source_change(tmp_path, monkeypatch):
    case = case_of(TRIALS[0])
    rival = Rival("median", denoise.nl_means, lambda case: (case.degraded, 0.05))
    first, cached = cached_result(rival, case, tmp_path)
    again, cached_again = cached_result(rival, case, tmp_path)
    assert (cached, cached_again) == (False, True)
    np.testing.assert_array_equal(first, again)
    assert (
        cached_result(Rival("median", denoise.nl_means, lambda case: (case.degraded, 0.06)), case, tmp_path)[1] is False
    )
    # The code of another method's module does not matter, nor do comments and docstrings; its own code does.
    source, changed = inspect.getsource, "\nCHANGED = 1\n"
    for module, added, kept in (
        (pansharpen, changed, True),
        (denoise, "\n# remark\n'text'\n", True),
        (denoise, changed, False),
    ):
        monkeypatch.setattr(
            rivals.inspect, "getsource", lambda one, own=module, more=added: source(one) + more * (one is own)
        )
        assert cached_result(rival, case, tmp_path)[1] is kept


def test_the_source_of_what_a_module_uses_counts_too():
    of_gsa, of_haze = ({text.split("\n")[0] for text in rivals._sources(module)} for module in (pansharpen, haze))
    assert any("Enlargement" in title for title in of_gsa)
    assert any("Shared by several methods" in title for title in of_haze)
    assert not any("additive noise" in title for title in of_gsa | of_haze)
