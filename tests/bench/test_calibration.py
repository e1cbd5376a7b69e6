"""How predicted errors and named faults are held against the truth."""

import numpy as np
import pytest

from llars.bench.calibration.cases import FAULTS, haze_depth, put
from llars.bench.calibration.page import put_section, sureness_lines
from llars.bench.calibration.sureness import LEVELS, calibrated, coverage, expected_error, fitted
from llars.bench.cases import Scene
from llars.errors import ConfigError
from llars.sensors import get_sensor

RNG = np.random.default_rng(9)


def laplace(scale: float, count: int = 40_000) -> np.ndarray:
    """Absolute errors over their scale, for a head that says 1 where ``scale`` is right."""
    return np.sort(RNG.exponential(scale, count))


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_is_what_the_head_is_off(scale):
    ratios = laplace(scale)
    assert fitted([ratios]) == pytest.approx(scale, rel=0.03)
    assert coverage(ratios, scale) == pytest.approx(LEVELS, abs=0.01)
    assert expected_error(ratios, scale) < 0.01


def test_a_head_that_is_twice_too_sure_covers_too_little():
    # Of errors of scale 2, 1 - 0.5 ** 0.5 lie inside the interval that holds half of those of scale 1.
    shares = coverage(laplace(2.0), 1.0)
    assert shares[np.argmin(np.abs(LEVELS - 0.5))] == pytest.approx(1 - 0.5**0.5, abs=0.01)


def test_a_temperature_is_judged_where_it_was_not_fitted():
    fit = {"haze": [laplace(1.9), laplace(2.0), laplace(9.0)], "sr": [laplace(1.0)]}
    (told,) = calibrated(fit, {"haze": [laplace(2.2), laplace(2.2)]})
    assert (told.task, told.images) == ("haze", 2)
    assert told.temperature == pytest.approx(2.0, rel=0.03)
    assert told.after < 0.04 < 0.15 < told.before
    assert f"| `haze` | {told.temperature:.2f} |" in sureness_lines([told])[-1]


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
    assert put(made, fault).truth == pytest.approx(EXPECTED[fault.name], rel=0.2)
    assert (put(made, fault).values == put(made, fault).values).all()


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
