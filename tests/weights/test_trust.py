"""Shares of the network's change that are applied, kept by weights and task."""

from llars.weights.trust import keep_trust, trust_of


def test_shares_are_kept_for_the_weights_they_were_fitted_for(tmp_path) -> None:
    path = tmp_path / "trust.json"
    keep_trust("a" * 64, {"sr": 0.25}, path)
    keep_trust("b" * 64, {"sr": 0.5, "denoise": 0.0}, path)
    keep_trust("a" * 64, {"sr": 0.75}, path)
    assert trust_of("a" * 64, path) == {"sr": 0.75}
    assert trust_of("b" * 64, path) == {"sr": 0.5, "denoise": 0.0}
    assert trust_of("c" * 64, path) == {}
