"""Facts about the training of the estimator of clouds, on a corpus of waves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.packing import pack

from llars.bands import Band
from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.model.opacity import Cover
from llars.sample import Sample
from llars.train.cloud_examples import CLEAN, draw
from llars.train.opacity import figures, ground_loss, loss, train

BANDS = tuple(Band(name, wavelength_nm=nm, gsd_m=10.0) for name, nm in (("B", 490.0), ("R", 665.0), ("S", 1610.0)))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PatchSource:
    rng = np.random.default_rng(0)
    samples = []
    for index in range(3):
        y, x = np.mgrid[:96, :96] / rng.uniform(4, 12)
        waves = 0.2 + 0.1 * np.sin(y) * np.cos(x) + 0.01 * rng.standard_normal((3, 96, 96))
        samples.append(
            Sample(
                scene=f"waves_{index}",
                sensor="sentinel2-l2a",
                split="train",
                bands=BANDS,
                values=(10_000 * waves).astype(np.uint16),
                scale=1e-4,
                offset=0.0,
                valid=np.ones((96, 96), dtype=bool),
            )
        )
    path: Path = tmp_path_factory.mktemp("corpus") / "train"
    pack(samples, path)
    return PatchSource(Corpus.open(path))


def test_examples_are_clean_or_under_clouds_and_repeat(source: PatchSource) -> None:
    first, again = (draw(source, 64, 64, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.image, again.image) and torch.equal(first.target, again.target)
    assert first.target.shape == (64, 3, 64, 64)
    clean = (first.target == 0).all(-1).all(-1).all(-1).float().mean()
    # Three standard deviations of 64 draws; a cloud so faint that nothing is opaque or touched is rare.
    assert abs(float(clean) - CLEAN) < 0.2
    opacity, touched, shadow = first.target.unbind(1)
    # What is opaque is touched, but on ground as bright as the cloud.
    assert touched[opacity > 0.5].mean() > 0.9
    # So are shadows where nothing is opaque, but on dark ground.
    assert touched[(shadow > 0.5) & (opacity == 0)].mean() > 0.7


def test_training_learns_and_repeats(source: PatchSource) -> None:
    one, two = (train(source, batches=3, size=4, side=64, seed=1) for _ in range(2))
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name
    held_out = [draw(source, 8, 64, np.random.default_rng((9, number))) for number in range(4)]
    with torch.inference_mode():
        before = sum(float(loss(one, each)) for each in held_out)
    taught = train(source, batches=60, size=4, side=64, seed=1, network=one)
    with torch.inference_mode():
        after = sum(float(loss(taught, each)) for each in held_out)
    # A few seconds of training, from where it says nothing of the place.
    assert after < 0.95 * before


def test_uncertain_pixels_do_not_count(source: PatchSource) -> None:
    examples = replace(draw(source, 4, 64, np.random.default_rng(7)), ground=None)
    weight = torch.zeros_like(examples.target[:, :1])
    weight[..., :32] = 1.0
    network = train(source, batches=1, size=4, side=64, seed=1)
    wrong = examples.target.clone()
    wrong[..., 32:] = 1.0 - wrong[..., 32:]
    with torch.inference_mode():
        losses = [
            float(loss(network, replace(examples, target=target, weight=given), turned))
            for target, given, turned in (
                (examples.target, weight, False),
                (wrong, weight, False),
                (wrong, None, False),
                (wrong, weight, True),
                (examples.target, weight, True),
            )
        ]
    assert losses[0] == losses[1] != losses[2]
    assert losses[3] == losses[4]


def test_the_ground_is_worse_the_less_is_known_of_its_clouds(source: PatchSource) -> None:
    examples = draw(source, 8, 64, np.random.default_rng(7))
    assert examples.ground is not None
    blind, shifted = torch.zeros_like(examples.target), examples.target.roll(12, -1)
    losses = [
        float(ground_loss(torch.logit(cover, 1e-7), examples, examples.ground))
        for cover in (examples.target, shifted, blind)
    ]
    assert losses[0] < losses[1] - 0.1 and losses[1] < losses[2] - 0.1


def test_the_ground_teaches_beside_estimates_that_are_certain(source: PatchSource) -> None:
    examples = draw(source, 8, 64, np.random.default_rng(7))
    logits = 60.0 * (examples.target.roll(5, -1) - 0.5)
    logits[0] = torch.randn_like(logits[0])
    logits.requires_grad_()
    assert examples.ground is not None
    ground_loss(logits, examples, examples.ground).backward()
    assert logits.grad is not None and logits.grad.isfinite().all() and logits.grad[0].any()


def test_figures_of_an_estimator_that_is_right_and_of_one_that_sees_clouds_everywhere(source: PatchSource) -> None:
    held_out = [draw(source, 8, 64, np.random.default_rng((9, number))) for number in range(4)]
    truths = iter(held_out)

    class Right:
        def cover(self, *_: object) -> Cover:
            return Cover(*next(truths).target.split(1, 1))

    class Overcast:
        def cover(self, image: torch.Tensor, *_: object) -> Cover:
            everything = torch.ones_like(image[:, :1])
            return Cover(everything, everything, everything)

    right = figures(Right(), iter(held_out))  # type: ignore[arg-type]
    assert (right.found, right.false, right.false_clean, right.touched_found, right.touched_false) == (1, 0, 0, 1, 0)
    overcast = figures(Overcast(), iter(held_out))  # type: ignore[arg-type]
    assert (overcast.found, overcast.false, overcast.false_clean, overcast.touched_false) == (1, 1, 1, 1)
