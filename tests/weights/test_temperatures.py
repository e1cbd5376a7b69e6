"""Factors on predicted errors, by weights and task."""

from llars.weights.temperatures import keep_temperatures, temperatures_of

ONE, TWO = "ab" * 32, "cd" * 32


def test_what_is_kept_is_found_by_the_weights_alone(tmp_path):
    path = tmp_path / "temperatures.json"
    assert temperatures_of(ONE, path) == {}
    keep_temperatures(ONE, {"haze": 1.25, "denoise": 0.8}, path)
    keep_temperatures(TWO, {"haze": 3.0}, path)
    keep_temperatures(ONE, {"haze": 1.5}, path)
    assert temperatures_of(ONE, path) == {"haze": 1.5}
    assert temperatures_of(TWO, path) == {"haze": 3.0}
