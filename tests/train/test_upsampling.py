"""A network is trained that brings enlarged images nearer to the truth."""

import torch
from tests.shapes import discs

from llars.data.patches import Patches
from llars.train import upsampling


class Discs:
    """Patches of discs, in place of a corpus."""

    def draw(self, count, side, size, rng, **_):
        first = int(rng.integers(10**6))
        return Patches(torch.cat([discs(first + n, side) for n in range(size)]).expand(-1, count, -1, -1), [], [])


def test_edges_of_one_kind_of_image_are_learned_from_others_like_it(monkeypatch) -> None:
    monkeypatch.setattr(upsampling, "CROP", 48)
    monkeypatch.setattr(upsampling, "COUNT", 1)
    monkeypatch.setattr(upsampling, "WARM_UP", 10)
    monkeypatch.setattr(upsampling, "DECAY", 0.9)
    network = upsampling.train(Discs(), batches=100)
    for factor, (exact, ours) in upsampling.gains(network, Discs(), batches=4).items():
        assert ours > exact + 0.2, f"x{factor}"
