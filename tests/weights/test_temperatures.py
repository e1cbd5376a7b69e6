"""What is kept of errors on held-out scenes, by weights and task."""

import pytest

from llars.weights.files import FOLDER
from llars.weights.registry import models
from llars.weights.temperatures import (
    LAPLACE,
    SHARES,
    Calibration,
    calibrations_of,
    keep_calibrations,
    temperatures_of,
)

ONE, TWO = "ab" * 32, "cd" * 32


def test_what_is_kept_is_found_by_the_weights_alone(tmp_path):
    path = tmp_path / "temperatures.json"
    assert calibrations_of(ONE, path) == temperatures_of(ONE, path) == {}
    widths = tuple(2 * width for width in LAPLACE)
    keep_calibrations(ONE, {"haze": Calibration(1.25), "denoise": Calibration(0.8)}, path)
    keep_calibrations(TWO, {"haze": Calibration(3.0, widths)}, path)
    keep_calibrations(ONE, {"haze": Calibration(1.5)}, path)
    assert temperatures_of(ONE, path) == {"haze": 1.5}
    found = calibrations_of(TWO, path)["haze"]
    assert found.temperature == 3.0
    assert found.half_widths == pytest.approx(widths, abs=1e-4)


def test_without_a_calibration_errors_follow_a_laplace_distribution():
    # Of scale b = sigma / sqrt(2), half of the errors are smaller than b ln 2.
    assert Calibration().half_width(0.5) == pytest.approx(0.4901, abs=1e-4)
    assert Calibration().half_width(0.9) == pytest.approx(1.6282, abs=1e-4)
    assert SHARES[0] == 0.05
    assert SHARES[-1] == 0.95


def test_between_two_shares_widths_are_interpolated():
    one = Calibration(1.0, tuple(10 * share for share in SHARES))
    assert one.half_width(0.68) == pytest.approx(6.8)


@pytest.mark.parametrize("entry", models(), ids=lambda entry: entry.name)
def test_bundled_weights_are_calibrated_and_have_a_card_of_their_own(entry):
    assert calibrations_of(entry.sha256).keys() >= {"cloud", "denoise", "haze", "sr"}
    card = (FOLDER / f"{entry.name}.md").read_text(encoding="utf-8")
    assert entry.sha256 in card
    assert f"{entry.parameters:,}" in card
