"""Shares of the network's change that are applied, kept by weights and task."""

from types import SimpleNamespace

from llars.weights.trust import keep_trust, trust_of


def info(letter, *tuned):
    """Metadata of weights, with adapters for some tasks."""
    return SimpleNamespace(sha256=letter * 64, training={"adapters": [{"tasks": [task]} for task in tuned]})


def test_shares_are_kept_for_the_weights_they_were_fitted_for(tmp_path) -> None:
    path = tmp_path / "trust.json"
    keep_trust("a" * 64, {"sr": 0.25}, path)
    keep_trust("b" * 64, {"sr": 0.5, "denoise": 0.0}, path)
    keep_trust("a" * 64, {"sr": 0.75}, path)
    assert trust_of(info("a"), path) == {"sr": 0.75}
    assert trust_of(info("b"), path) == {"sr": 0.5, "denoise": 0.0}
    assert trust_of(info("c"), path) == {}


def test_an_adapter_is_trusted_in_its_own_tasks_and_changes_no_other(tmp_path) -> None:
    path = tmp_path / "trust.json"
    keep_trust("a" * 64, {"sr": 0.5, "denoise": 0.25}, path)
    assert trust_of(info("a", "haze"), path) == {"sr": 0.5, "denoise": 0.25}
    assert trust_of(info("a", "haze", "sr"), path) == {"denoise": 0.25}
