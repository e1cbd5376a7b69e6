"""Training of the estimator of blur: pairs are what they say they are, and a few steps learn something."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.packing import pack

from llars.bands import plain_bands
from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.initial.deconvolution import kernels
from llars.sample import Sample
from llars.train import optics


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PatchSource:
    """Blobs of all sizes, in small batches."""
    monkeypatch.setattr(optics, "BATCH", 4)
    rng = np.random.default_rng(0)
    fine = rng.random((3, 160, 160)) + np.kron(rng.random((3, 20, 20)), np.ones((1, 8, 8)))
    values = (4000 * fine).astype(np.uint16)
    sample = Sample("blobs", "train", "made-up", plain_bands(3), values, 1e-4, 0.0, np.ones((160, 160), bool))
    pack([sample], tmp_path / "train")
    return PatchSource(Corpus.open(tmp_path / "train"))


def test_batches_repeat_and_name_their_kernel(source: PatchSource) -> None:
    first, again = optics.blurred(source, 3), optics.blurred(source, 3)
    assert torch.equal(first.image, again.image)
    torch.testing.assert_close(first.target.sum(-1), torch.ones(len(first.target)))
    assert (first.image - first.clean).abs().mean() > 0


def test_every_kind_of_blur_comes_up(source: PatchSource) -> None:
    named = {kernels()[int(optics.blurred(source, seed).target[0].argmax())].kind for seed in range(30)}
    assert named == {"none", "gaussian", "motion", "defocus"}


def test_some_steps_make_the_true_kernels_likelier(source: PatchSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optics, "RATE", 5e-4)
    torch.manual_seed(0)
    untrained, held = optics.OpticsEstimator(len(kernels())), [optics.blurred(source, 10**6 + n) for n in range(8)]
    trained = optics.train(source, 40)
    before, after = (
        torch.cat([optics.losses(network, batch, 4)[1] for batch in held]).mean() for network in (untrained, trained)
    )
    assert after < before
