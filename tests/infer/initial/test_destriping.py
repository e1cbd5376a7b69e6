"""Destriped layers are the same in every window, with the network and without it."""

import numpy as np
import pytest
import torch
from tests.infer.initial.test_denoising import random_network
from tests.infer.initial.test_estimates import faulty

from llars.infer.initial.destriping import Destriped
from llars.infer.tiles import Window
from llars.model.correction import CorrectionNetwork


@pytest.mark.parametrize("side", [48, 512])
@pytest.mark.parametrize("network", [None, random_network()], ids=["lines", "network"])
def test_windows_of_a_scene_show_nowhere(
    network: CorrectionNetwork | None, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, _ = faulty("destripe")
    monkeypatch.setattr("llars.infer.initial.destriping.BLOCK_SIDE", side)
    held = Destriped.of(layers, network)
    whole, _ = held.compute(Window(0, 0, *held.size))
    for window in (Window(0, 0, 50, 160), Window(33, 70, 97, 131), Window(150, 150, 160, 160)):
        part, valid = held.compute(window)
        # Where the network computes in bfloat16, values that differ in the last digit may be rounded apart.
        np.testing.assert_allclose(part, whole[(slice(None), *window.slices)], atol=3e-4 if network else 1e-6)
        assert valid.shape == part.shape


def test_the_correction_is_as_strong_as_the_stripes() -> None:
    layers, _ = faulty("destripe")
    plain, corrected = (Destriped.of(layers, network) for network in (None, random_network()))
    window = Window(0, 0, *plain.size)
    taken = layers.read(window)[0] - plain.compute(window)[0]
    np.testing.assert_allclose(plain.scale[:, 0, 0], np.sqrt((taken**2).mean((1, 2))), rtol=0.2, atol=6e-3)
    assert not np.allclose(corrected.compute(window)[0], plain.compute(window)[0], atol=1e-4)
    assert torch.from_numpy(corrected.scale).isfinite().all()
