"""Cases of real pairs: radar means and dates, clear and cloudy dates, fine and coarse sensors."""

import json

import numpy as np
import pytest

from llars import metrics
from llars.bench.cases import Scene
from llars.bench.fusion import matched
from llars.bench.measure import measured
from llars.bench.protocols import Protocol, Trial
from llars.bench.radar import flat_windows, multilooked
from llars.bench.scenes import Folder
from llars.bench.series import read_series, to_power
from llars.bench.sources import cases_of
from llars.errors import DataError

RADAR = (-35.0, 5.0)


def opened(root, *trials):
    return Folder(root, Protocol(trials, 5, 256, 16))


def write_series(path, texture, dates=6):
    """A series of which date 2 is half under a cloud; radar comes from two orbits in turn."""
    rng = np.random.default_rng(0)
    ground = 1000 + 500 * texture(4, 32, 32)
    optical = np.repeat(ground[None], dates, 0) + 10 * np.arange(dates)[:, None, None, None]
    classes = np.full((dates, 16, 16), 4, np.uint8)
    optical[2, :, :16] = 8000
    classes[2, :8] = 9
    power = 0.05 * (1 + texture(2, 16, 16, 1)) * rng.gamma(4.4, 1 / 4.4, (2 * dates, 2, 16, 16))
    power[1::2] *= 2  # seen from the other side
    arrays = {
        "s2_10m": optical.astype(np.uint16),
        "s2_10m_bands": np.array(["B02", "B03", "B04", "B08"]),
        "s2_10m_days": np.arange(dates) * 5 * 86400,
        "s2_10m_days_unit": np.array("seconds since 2020-01-01 10:00:00"),
        "s2_20m_scl": classes,
        "s1_20m": np.round(1000 * np.log10(power)).astype(np.int16),
        "s1_20m_bands": np.array(["VH", "VV"]),
        "s1_20m_days": np.arange(2 * dates) * 3 * 86400 + np.tile([0, 484], dates),
        "s1_20m_days_unit": np.array("seconds since 2019-12-31 17:00:00"),
    }
    np.savez(path, **arrays)
    return arrays


@pytest.fixture
def series_folder(tmp_path, texture):
    root = tmp_path / "data"
    root.mkdir()
    arrays = write_series(root / "site.npz", texture)
    facts = {"id": "site", "file": "site.npz", "role": "series", "split": "test", "tasks": ["cloud"], "group": "site"}
    (root / "scenes.json").write_text(json.dumps([facts]))
    return root, arrays


def test_radar_means_are_those_of_one_orbit_in_power(series_folder):
    root, arrays = series_folder
    trial = Trial("s", "denoise", "go", 1.0, "speckle", source="radar_mean")
    cases = list(cases_of(trial, opened(root, trial)))
    assert len(cases) == 2
    for orbit, case in enumerate(cases):
        expected = (10 ** (arrays["s1_20m"][orbit::2] / 1000)).mean(axis=0)
        np.testing.assert_allclose(to_power(case.truth, RADAR), expected, rtol=1e-4)
        ratio = to_power(case.degraded, RADAR) / expected
        assert ratio.mean() == pytest.approx(1, abs=0.15)  # one look: 512 samples, standard error 4.4 %
        assert ratio.std() == pytest.approx(1, abs=0.2)
        assert case.side_info.looks == 1


def test_real_dates_are_judged_by_the_mean_of_their_orbit(series_folder):
    root, arrays = series_folder
    trial = Trial("s", "denoise", "go", source="radar_dates")
    cases = list(cases_of(trial, opened(root, trial)))
    dates = [int(case.scene.name[-3:]) for case in cases]
    assert len(set(dates)) == 8
    for date, case in zip(dates, cases, strict=True):
        expected = (10 ** (arrays["s1_20m"][date % 2 :: 2] / 1000)).mean(axis=0)
        np.testing.assert_allclose(to_power(case.truth, RADAR), expected, rtol=1e-4)
        np.testing.assert_allclose(to_power(case.degraded, RADAR), 10 ** (arrays["s1_20m"][date] / 1000), rtol=1e-4)
        # Drawn with 4.4; the median over pixels of five noisy differences each lies somewhat above.
        assert 3.5 < case.side_info.looks < 7


def test_real_clouds_lie_over_the_nearest_clear_date(series_folder):
    root, arrays = series_folder
    trial = Trial("c", "cloud_sar", "go", source="cloudy_dates")
    (case,) = cases_of(trial, opened(root, trial))
    assert case.scene.name == "site_s2_002"
    np.testing.assert_allclose(case.truth, arrays["s2_10m"][1] * 1e-4, atol=1e-6)
    assert case.under[:16].all() and not case.under[16:].any()
    assert case.side_info.others.shape[0] == 4  # six dates less the clouded and the one that is the truth
    # Optical date 2 is day 10, 10:00; radar date 3 is day 9 - 7 hours + 484 s, date 4 day 12 - 17 hours.
    np.testing.assert_allclose(
        to_power(case.guides["sar"].values, RADAR), 10 ** (arrays["s1_20m"][4] / 1000), rtol=1e-4
    )
    assert {band.role for band in case.guides["sar"].bands} == {"sar"}
    left_out = Trial("c", "cloud_sar", "go", source="cloudy_dates", leave_out=("site_s2_002",))
    assert not list(cases_of(left_out, opened(root, left_out)))


def test_simulated_clouds_are_the_same_with_radar_and_without(series_folder):
    root, _ = series_folder
    trials = [Trial(task, task, "go", 0.3, "thick_cloud", source="radar_pairs") for task in ("cloud", "cloud_sar")]
    without, guided = (list(cases_of(trial, opened(root, trial))) for trial in trials)
    assert len(without) == len(guided) == 4
    assert all(not case.guides for case in without) and all("sar" in case.guides for case in guided)
    np.testing.assert_array_equal(without[0].degraded, guided[0].degraded)
    assert "site_s2_002" not in {case.scene.name for case in guided}


def test_a_damaged_series_is_told(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="fetch"):
        read_series(tmp_path / "bad.npz", "bad")


@pytest.fixture
def radar_scene() -> Scene:
    """Speckle of one look over a flat half and a rough one."""
    rng = np.random.default_rng(1)
    ground = np.full((1, 80, 80), 0.1)
    ground[:, :, 40:] *= np.exp(rng.normal(0, 1, (10, 5)).repeat(8, 0).repeat(8, 1))
    decibels = 10 * np.log10(ground * rng.exponential(1, ground.shape))
    values = ((decibels - RADAR[0]) / 40).astype(np.float32)
    return Scene("r", "sentinel1-grd-db / r", (), values, np.ones((80, 80), bool), RADAR, True)


def test_flat_windows_avoid_what_is_rough(radar_scene):
    windows = flat_windows(radar_scene)
    assert len(windows) == 3
    assert all(columns.stop <= 40 for _, columns in windows)


def test_means_of_blocks_have_the_mean_power(radar_scene):
    coarse = multilooked(radar_scene)
    assert coarse.values.shape == (1, 20, 20)
    assert to_power(coarse.values, RADAR).mean() == pytest.approx(to_power(radar_scene.values, RADAR).mean(), rel=1e-4)


def test_looks_and_the_mean_are_measured_where_it_is_flat(radar_scene):
    from llars.bench.cases import Case

    trial = Trial("r", "denoise", "go", source="radar_dates")
    unknown = np.full_like(radar_scene.values, np.nan)
    case = Case(radar_scene, trial, radar_scene.values, radar_scene.values, unknown, (), flat=flat_windows(radar_scene))
    before = measured(case, radar_scene.values)
    assert set(before) == {"enl", "mean_shift"}
    assert before["enl"] == pytest.approx(1, abs=0.3) and before["mean_shift"] == 0
    brighter = measured(case, radar_scene.values + np.float32(10 * np.log10(1.1) / 40))
    assert brighter["mean_shift"] == pytest.approx(0.1, rel=1e-3)
    assert brighter["enl"] == pytest.approx(before["enl"], rel=1e-3)


def test_errors_under_clouds_are_counted_by_themselves(series_folder):
    root, _ = series_folder
    trial = Trial("c", "cloud_sar", "go", source="cloudy_dates")
    (case,) = cases_of(trial, opened(root, trial))
    image = case.truth.copy()
    image[:, case.under] += np.float32(0.1)
    found = measured(case, image)
    assert found["mae_under"] == pytest.approx(0.1, rel=1e-4)
    assert found["mae"] == pytest.approx(0.05, rel=1e-4)


@pytest.fixture
def fusion_folder(tmp_path, entry, texture, write_tif):
    """What makes a folder of two dates of both sensors and one of the coarse sensor alone, whose gain is its own."""

    def make(gain):
        root = tmp_path / f"gain{gain}"
        root.mkdir()
        entries = []
        for date, change in (("d1", 0.0), ("d2", 0.1), ("d3", 0.3)):
            fine = 0.2 + 0.3 * texture(2, 64, 64, 7) + change
            coarse = gain * fine.reshape(2, 4, 16, 4, 16).mean(axis=(2, 4)).repeat(16, 1).repeat(16, 2)
            for role, values in {"fine": fine, "coarse": coarse}.items():
                if (role, date) != ("fine", "d3"):
                    facts = {"role": role, "group": "place", "tasks": ["stf"], "scale": 1.0}
                    facts["units"] = "reflectance"
                    entries.append(entry(f"{role}_{date}", "landsat8-oli-l1", ["b1", "b2"], **facts))
                    write_tif(root / entries[-1]["file"], values.astype(np.float32))
        (root / "scenes.json").write_text(json.dumps(entries))
        return root

    return make


def test_every_date_with_both_sensors_is_predicted_from_the_other(fusion_folder):
    root = fusion_folder(1.0)
    trial = Trial("later", "stf", "go", source="fusion_dates")
    cases = list(cases_of(trial, opened(root, trial)))
    assert [case.scene.name for case in cases] == ["fine_d1_from_d2", "fine_d2_from_d1"]
    later = cases[1]
    assert (later.truth - later.guides["fine_before"].values).mean() == pytest.approx(0.1, abs=1e-3)
    assert [b.role for b in later.guides["coarse_before"].bands] == ["coarse_before"] * 2
    without = Trial("later", "stf", "go", source="fusion_dates", leave_out=("fine_d2",))
    assert not list(cases_of(without, opened(root, without)))


def test_sensors_are_matched_by_the_date_that_both_saw(fusion_folder):
    plain, off = fusion_folder(1.0), fusion_folder(1.3)
    trial = Trial("later", "stf", "go", source="fusion_dates")
    one, other = (list(cases_of(trial, opened(root, trial)))[1] for root in (plain, off))
    np.testing.assert_allclose(one.degraded, other.degraded, atol=1e-4)
    scenes = [Folder(off, Protocol((), 5, 256, 16)).scene(e) for e in json.loads((off / "scenes.json").read_text())[:2]]
    gain, offset = matched(*scenes)
    seen = scenes[1].values * gain + offset
    assert metrics.rmse(seen.mean(axis=(1, 2))[:, None, None], scenes[0].values.mean(axis=(1, 2))[:, None, None]) < 0.01


def test_grids_that_would_be_too_coarse_and_soft_truths_are_left_out(folder):
    for scale, expected in ((2, ["grey", "veg"]), (4, [])):
        trial = Trial("sr", "sr", "go", (scale - 1) / 3, scale=scale)
        cases = cases_of(trial, Folder(folder, Protocol((trial,), 5, 60, 48)))
        assert [case.scene.name for case in cases] == expected
    trial = Trial("pan", "pansharpen", "go", 1 / 3, scale=2)
    assert [case.scene.name for case in cases_of(trial, Folder(folder, Protocol((trial,), 5, 60, 48)))] == ["veg"]


def test_images_of_one_size_are_paired_whatever_the_catalogue_says_of_it(tmp_path, entry, texture, write_tif):
    bands, facts = ["B02", "B03", "B04"], {"scale": 0.001, "units": "reflectance"}
    ground = {"clear": 0.3 * texture(3, 40, 40), "cloudy": 0.3 * texture(3, 40, 40)}
    ground["cloudy"][:, :20] += 0.3
    entries = []
    for role, values in ground.items():
        entries.append(entry(role, "sentinel2-l2a", bands, role=role, group="place", tasks=["cloud"], **facts))
        write_tif(tmp_path / f"{role}.tif", np.round(1000 * values).astype(np.uint16))
    for name, side in (("same", 40), ("other", 50)):
        group = {"group": name, "tasks": ["cloud_sar"]}
        entries.append(entry(f"optical_{name}", "sentinel2-l2a", bands, **facts, **group))
        write_tif(tmp_path / f"optical_{name}.tif", np.round(300 * texture(3, 40, 40)).astype(np.uint16))
        radar = {"role": "sar", "scale": 1.0, "offset": 0.0, "units": "dB", **group}
        entries.append(entry(f"radar_{name}", "sentinel1-grd-db", ["VV", "VH"], **radar))
        write_tif(tmp_path / f"radar_{name}.tif", -20 * texture(2, side, side).astype(np.float32))
    (tmp_path / "scenes.json").write_text(json.dumps(entries))
    dates = Trial("dates", "cloud", "go", source="cloudy_dates")
    assert [case.scene.name for case in cases_of(dates, opened(tmp_path, dates))] == ["cloudy"]
    pairs = Trial("pairs", "cloud_sar", "go", 0.3, "thick_cloud", source="radar_pairs")
    assert [case.scene.name for case in cases_of(pairs, opened(tmp_path, pairs))] == ["optical_same"]
    (tmp_path / "radar_same.tif").unlink()
    with pytest.raises(DataError, match=r"radar_same\.tif cannot be read"):
        list(cases_of(pairs, opened(tmp_path, pairs)))
