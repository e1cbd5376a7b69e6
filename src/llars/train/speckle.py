"""Trains the despeckling network on simulated speckle and on pairs of radar dates: some 80 minutes on one core.

``python -m llars.train.speckle DATA --series FILE...`` writes the bundled weights; DATA is the folder that ``llars data
build`` wrote, each FILE a radar series of the training split. With ``--run FOLDER`` an interrupted run is resumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llars.data.corpus import Corpus
from llars.initial.despeckling import corrected, held
from llars.model.despeckling import DespecklingNetwork
from llars.train.options import parser_of, settings_of
from llars.train.speckle_examples import DECIBEL, Dates, Examples, Grounds, draw, draw_pairs, read_dates
from llars.train.trainer import Trainer

__all__ = ["loss", "mean_squares", "train"]

BATCHES, RATE, WARM_UP, STEPS_PER_BATCH = 5000, 1.5e-3, 300, 2
"""``STEPS_PER_BATCH`` is the number of steps on each batch, every second one with x and y swapped: simulating a batch
takes as long as a step."""

DECAY = 0.998
"""Decay per step of the moving average of the weights."""

PIXELS = 12 * 64**2
"""Pixels per batch: the larger its images, the fewer they are."""

SIDES = {24: 0.1, 32: 0.3, 48: 0.2, 64: 0.2, 96: 0.1, 160: 0.1}
"""Probability of each side of an image: in small ones, speckle cannot be told from texture so well."""

SINGLE_BAND = 0.25
"""Share of batches with one band; the others have two."""

PAIRS_SHARE = {24: 0.4, 32: 0.5}
"""Share of batches by side with real speckle, where there are series."""

UNHELD_WEIGHT = 0.2
"""Weight of the error before the power correction relative to that after it."""

FLOOR = 0.3 * DECIBEL
"""Added to the error of the classical estimate, which the loss is relative to, in unit values."""

HELD_OUT = ("ben_69_24", "worldcereal_c")
"""Places left out of training, to select the network."""


def restored(network: DespecklingNetwork, examples: Examples) -> Tensor:
    """The estimate with the correction of the network."""
    image, noise = examples.image, examples.noise
    return held(corrected(image, examples.first, examples.second, noise, network), image, noise)


def loss(network: DespecklingNetwork, examples: Examples) -> Tensor:
    """Mean square error in decibels of each image, relative to that of the classical estimate; mean over images.

    The error before the power correction counts too: that correction would hide a wrong level, but is limited.
    """
    image, noise = examples.image, examples.noise
    plain = corrected(image, examples.first, examples.second, noise, network)
    before, after, unheld = (
        (estimate - examples.truth).square().mean((1, 2, 3))
        for estimate in (held(examples.second, image, noise), held(plain, image, noise), plain)
    )
    return ((after + UNHELD_WEIGHT * unheld) / (before + FLOOR**2)).mean() / (1.0 + UNHELD_WEIGHT)


def batch_of(grounds: Grounds, dates: Sequence[Dates], rng: np.random.Generator, side: int | None = None) -> Examples:
    """A batch of simulated or real speckle; ``side`` in pixels is drawn from ``SIDES`` if None."""
    side = side or int(rng.choice(list(SIDES), p=list(SIDES.values())))
    count, size = 1 if rng.random() < SINGLE_BAND else 2, max(1, PIXELS // side**2)
    if dates and rng.random() < PAIRS_SHARE.get(side, 0.0):
        return draw_pairs(grounds, dates, count, side, size, rng)
    return draw(grounds, count, side, size, rng)


def train(
    grounds: Grounds,
    dates: Sequence[Dates] = (),
    batches: int = BATCHES,
    side: int | None = None,
    seed: int = 0,
    run: Path | None = None,
    network: DespecklingNetwork | None = None,
    rate: float = RATE,
) -> DespecklingNetwork:
    """A network trained on that many batches; the same for the same seed on the same machine.

    Args:
        grounds: source of ground for simulated speckle.
        dates: source of real pairs.
        batches: number of batches.
        side: side of the images in pixels; None: drawn from ``SIDES``.
        seed: seed of all random numbers.
        run: folder of the checkpoint, to resume from and to write to.
        network: network to train further; None: from scratch.
        rate: peak learning rate.
    """
    torch.manual_seed(seed)
    trainer = Trainer(network or DespecklingNetwork(), STEPS_PER_BATCH * batches, rate, WARM_UP, DECAY)

    def losses(batch: int) -> Iterator[Tensor]:
        examples = batch_of(grounds, dates, np.random.default_rng((seed, batch)), side)
        for each in (examples, examples.turned()):
            yield loss(trainer.network, each)

    return trainer.run(batches, losses, run)


@torch.inference_mode()
def mean_squares(network: DespecklingNetwork | None, examples: Examples) -> Tensor:
    """Mean square error of each image in square decibels: of the network, or of the classical estimate if None."""
    estimate = held(examples.second, examples.image, examples.noise) if network is None else restored(network, examples)
    return (estimate - examples.truth).square().mean((1, 2, 3)) / DECIBEL**2


def part(corpus: Corpus, left_out: bool) -> Corpus:
    """The scenes of the places in ``HELD_OUT`` if ``left_out``, otherwise all others."""
    chosen = (scene for scene in corpus.scenes if (scene.group in HELD_OUT) == left_out)
    return Corpus(corpus.path, corpus.split, tuple(chosen))


def main() -> None:
    """Trains the bundled network and prints its gain over the classical estimate on held-out places."""
    from llars.weights.estimators import SPECKLE, load_speckle
    from llars.weights.helpers import bundle_helper

    parser = parser_of(__doc__, BATCHES, RATE)
    parser.add_argument("--series", type=Path, nargs="*", default=[], help="radar series to draw real pairs from")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus.open(arguments.data / "train")
    dates = [orbit for path in arguments.series for orbit in read_dates(path)]
    grounds = Grounds(part(corpus, left_out=False))
    network = train(
        grounds,
        dates,
        arguments.batches,
        seed=arguments.seed,
        run=arguments.run,
        network=load_speckle() if arguments.further else None,
        rate=arguments.rate,
    )
    gains = gain_on(network, Grounds(Corpus.open(arguments.data / "val")))
    print(f"over the classical estimate, on optical scenes of the validation split as radar: {gains} dB")
    path = bundle_helper(SPECKLE, network, {**settings_of(arguments), "gains": gains})
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def gain_on(
    network: DespecklingNetwork, grounds: Grounds, batches: int = 20, sides: Sequence[int] = (32, 64, 160)
) -> dict[int, float]:
    """Gain in PSNR over the classical estimate by side of the image, in dB, on simulated speckle of two bands."""
    gains = {}
    for side in sides:
        size = max(1, PIXELS // side**2)
        drawn = [draw(grounds, 2, side, size, np.random.default_rng((1, side, n))) for n in range(batches)]
        before, after = (torch.cat([mean_squares(one, each) for each in drawn]) for one in (None, network))
        gains[side] = round(float(10.0 * (before / after).log10().mean()), 2)
    return gains


if __name__ == "__main__":
    main()
