"""How predicted errors and named faults are held against the truth."""

import json

import numpy as np
import pytest
import torch

from llars.bench.calibration.cases import FAULTS, FULL_SPREAD_PX, clean_scenes, haze_depth, simulate
from llars.bench.calibration.cloud_dates import compare_dates, dates_of
from llars.bench.calibration.page import cloud_lines, put_section, uncertainty_lines
from llars.bench.calibration.uncertainty import LEVELS, Errors, calibrated, coverage, expected_error, fitted
from llars.bench.cases import Scene
from llars.degrade.blur import FULL_MOTION_PX, FULL_RADIUS_PX, disc_kernels, motion_kernels
from llars.errors import ConfigError, DataError
from llars.sensors import get_sensor
from llars.weights.temperatures import LAPLACE, Calibration

RNG = np.random.default_rng(9)


def laplace(scale: float, count: int = 40_000) -> np.ndarray:
    """Absolute errors over their scale, for a head that says 1 where ``scale`` is right."""
    return np.sort(RNG.exponential(scale, count))


def of(*scales: float) -> list[Errors]:
    """An image of each of some data sets."""
    return [Errors(f"place {number}", laplace(scale)) for number, scale in enumerate(scales)]


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_is_what_the_head_is_off(scale):
    (one,) = of(scale)
    found = fitted([one])
    assert found.temperature == pytest.approx(scale, rel=0.03)
    assert found.half_widths == pytest.approx(LAPLACE, rel=0.05, abs=0.01)
    assert coverage([one], Calibration(scale)) == pytest.approx(LEVELS, abs=0.01)
    assert expected_error([one], found) < 0.002


def test_a_head_that_is_twice_too_sure_covers_too_little():
    # Of errors of scale 2, 1 - 0.5 ** 0.5 lie inside the interval that holds half of those of scale 1.
    shares = coverage(of(2.0), Calibration())
    assert shares[np.argmin(np.abs(LEVELS - 0.5))] == pytest.approx(1 - 0.5**0.5, abs=0.01)


def test_half_widths_hold_a_mixture_that_no_temperature_can():
    # Clear ground and ground that was filled in: small errors and large ones, of the same predicted scale.
    mixed = [Errors("place", np.sort(np.concatenate([laplace(0.05), laplace(3.0)]))) for _ in range(2)]
    (told,) = calibrated({"cloud": mixed[:1]}, {"cloud": mixed[1:]})
    assert told.scaled > 0.1
    assert told.after < 0.01


def test_many_images_of_one_place_count_as_one():
    crowd = [Errors("place", laplace(9.0)) for _ in range(20)]
    other = [Errors("other place", laplace(1.0))]
    found = fitted([*crowd, *other])
    assert found.temperature == pytest.approx(fitted([crowd[0], *other]).temperature, rel=0.1)
    assert expected_error([*crowd, *other], found) < 0.01 < expected_error([*crowd, *other], found, by_image=True)


def test_what_chance_brings_about_is_how_places_differ():
    alike, unlike = (calibrated({"haze": of(1.0)}, {"haze": of(*scales)})[0] for scales in ((1, 1, 1), (0.5, 1, 2)))
    assert alike.chance < 0.005 < 0.08 < unlike.chance < 0.16
    (alone,) = calibrated({"haze": of(1.0)}, {"haze": of(1.0)})
    assert np.isnan(alone.chance)
    assert " | - | " in uncertainty_lines([alone])[-1]


def test_a_calibration_is_judged_where_it_was_not_fitted():
    fit = {"haze": of(1.9, 2.0, 2.1), "sr": of(1.0)}
    (told,) = calibrated(fit, {"haze": of(2.2, 2.2)})
    assert (told.task, told.images) == ("haze", 2)
    assert told.calibration.temperature == pytest.approx(2.0, rel=0.04)
    assert told.after < 0.04 < 0.15 < told.before
    assert told.single == pytest.approx(told.after, abs=0.01)
    assert f"| `haze` | 2 | {told.calibration.temperature:.2f} |" in uncertainty_lines([told])[-1]


def scene() -> Scene:
    bands = get_sensor("sentinel2-l2a").bands[1:4]
    y, x = np.mgrid[:128, :128] / 128
    values = np.stack([0.2 + 0.1 * np.sin(9 * x + band) * np.cos(7 * y) for band in range(3)]).astype(np.float32)
    values += RNG.normal(0, 0.01, values.shape).astype(np.float32)
    return Scene("made", "sentinel2-l2a / made", bands, values, np.ones((128, 128), bool), (0.0, 1.0), True)


EXPECTED = {
    "noise, sigma 0.03": 0.03,
    "stripes, deviations of 0.03": 0.03,
    "blur, sigma 1.6 px": 1.6,
    "defocus, radius 2.4 px": 1.2,
    "motion, path 7.4 px": 6.4 / 24**0.5,
}


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.name in EXPECTED], ids=lambda one: one.name)
def test_the_truth_of_a_fault_is_known(fault):
    made = scene()
    assert simulate(made, fault).truth == pytest.approx(EXPECTED[fault.name], rel=0.2)
    assert (simulate(made, fault).values == simulate(made, fault).values).all()


def test_the_depth_of_haze_follows_from_black_and_white():
    made = scene()
    thin, thick = (haze_depth(made, severity, 3) for severity in (0.2, 0.8))
    # 1.5 times the severity in the thickest place, and a tenth of that at least in the thinnest.
    assert 0.03 < thin.truth <= 0.32
    assert thick.truth == pytest.approx(4 * thin.truth, rel=0.02)


def test_sections_of_a_page_are_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- a -->\nold\n<!-- /a -->\nAfter.\n")
    put_section(page, "a", ["new", "lines"])
    put_section(page, "a", ["newer"])
    assert page.read_text() == "Before.\n<!-- a -->\n\nnewer\n\n<!-- /a -->\nAfter.\n"
    with pytest.raises(ConfigError, match="section b"):
        put_section(page, "b", [])


@pytest.fixture
def series(tmp_path):
    """Five dates of 8 x 8 pixels whose brightness is the share of clouds in their classes; the last is in shadow."""
    shares = np.array([0.0, 0.25, 0.5, 1.0, 0.0])
    classes = np.full((5, 4, 4), 4, np.uint8)
    for date, share in enumerate(shares):
        classes[date].flat[: round(16 * share)] = 9
    classes[4] = 3
    stored = np.broadcast_to((10_000 * shares)[:, None, None, None], (5, 2, 8, 8)).astype(np.uint16)
    np.savez(tmp_path / "place.npz", s2_10m=stored, s2_10m_bands=np.array(["B02", "B03"]), s2_20m_scl=classes)
    entry = {"id": "place", "group": "place", "file": "place.npz", "split": "test", "role": "series", "tasks": []}
    (tmp_path / "scenes.json").write_text(json.dumps([entry]))
    return tmp_path


def test_real_dates_are_held_against_their_classes(series):
    judged = compare_dates(dates_of(series), lambda scene: float(scene.values.mean() > 0.4))
    assert [one.shares for one in judged] == [(0.0, 0.0), (0.1, 0.4), (0.4, 0.8), (0.8, 1.0)]
    assert [one.estimates for one in judged] == [(0.0,), (0.0,), (1.0,), (1.0,)]
    assert [one.errors for one in judged] == [(0.0,), (0.25,), (0.5,), (0.0,)]
    assert cloud_lines(judged)[-2] == "| `place` | test | 2 | 40 to 80 % | 1 | 1 | 100 % | 50 points |"


def test_dates_of_both_resolutions_are_judged_apart(series):
    with np.load(series / "place.npz") as file:
        coarse = np.repeat(file["s2_10m"][:, :1, ::2, ::2], 3, axis=1)
        np.savez(series / "place.npz", **file, s2_20m=coarse, s2_20m_bands=np.array(["B05", "B11", "B8A"]))
    judged = compare_dates(dates_of(series), lambda scene: float(len(scene.bands) == 3))
    assert [(one.bands, one.estimates) for one in judged] == [
        (bands, (bands - 2.0,)) for bands in (2, 3) for _ in range(4)
    ]


def test_a_series_without_classes_is_told(series):
    np.savez(series / "place.npz", s2_10m=np.zeros((1, 2, 8, 8), np.uint16), s2_10m_bands=np.array(["B02", "B03"]))
    with pytest.raises(DataError, match="scl"):
        list(dates_of(series))


def test_clean_scenes_are_chosen_by_the_size_of_their_files(folder, monkeypatch):
    monkeypatch.setattr("llars.bench.calibration.cases.SMALLEST", 48)
    assert [scene.name for scene in clean_scenes(folder, ("test",), 60)] == ["grey", "veg", "soft"]
    with pytest.raises(DataError, match="no clean scene of val"):
        list(clean_scenes(folder, ("val",), 60))


def test_known_spreads_of_blurs_are_those_of_their_kernels():
    disc = disc_kernels(torch.tensor([FULL_RADIUS_PX]))[0]
    path = motion_kernels(torch.tensor([FULL_MOTION_PX]), torch.zeros(1))[0]
    for name, kernel in (("defocus_blur", disc), ("motion_blur", path)):
        away = torch.arange(len(kernel)) - len(kernel) // 2
        square = (kernel * (away[:, None] ** 2 + away**2)).sum() / kernel.sum()
        # Kernels of pixels are a little wider than the disc and the path.
        assert float((square / 2).sqrt()) == pytest.approx(FULL_SPREAD_PX[name], rel=0.1)
