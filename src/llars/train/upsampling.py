"""Trains the network of super-resolution: ``python -m llars.train.upsampling CORPUS``; half an hour on one core.

Sharp patches are averaged to coarser pixels; the network learns the detail that the enlargement lacks. With
``--run FOLDER`` an interrupted run is resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.degrade.resolution import enlarge, enlarge_exactly, reduce
from llars.initial.superresolution import superresolved
from llars.model.upsampling import FACTORS, UpsamplingNetwork
from llars.train.accuracy import log_error, mean_gain
from llars.train.options import parser_of, settings_of
from llars.train.trainer import Trainer
from llars.weights.estimators import UPSAMPLING, load_upsampling
from llars.weights.helpers import bundle_helper

__all__ = ["gains", "loss", "patches", "train"]

BATCHES, RATE, WARM_UP, DECAY = 9000, 2e-3, 200, 0.998
"""Number of batches, peak learning rate, steps of the warm-up, and decay per step of the averaged weights."""

CROP, COUNT, SIZE = 96, 3, 4
"""Side of a patch in pixels, its number of bands, and patches per batch."""


def patches(source: PatchSource, batch: int, seed: int) -> Tensor:
    """Single bands of sharp patches ``(batch, 1, y, x)``, randomly rotated and flipped."""
    rng = np.random.default_rng((seed, batch))
    return source.draw(COUNT, CROP, SIZE, rng, averaged=0.2, sharp=True).clean.flatten(0, 1)[:, None]


def loss(network: UpsamplingNetwork, fine: Tensor, factor: int) -> Tensor:
    """See ``log_error``, of sharp images ``fine`` that are made coarser by ``factor`` and enlarged again."""
    return log_error(superresolved(reduce(fine, factor), factor, network), fine)


def train(
    source: PatchSource,
    batches: int = BATCHES,
    seed: int = 0,
    run: Path | None = None,
    network: UpsamplingNetwork | None = None,
    rate: float = RATE,
) -> UpsamplingNetwork:
    """A network trained on that many batches, a step for every factor on each.

    Args:
        source: source of sharp patches.
        batches: number of batches.
        seed: seed of all random numbers.
        run: folder of the checkpoint, to resume from and to write to.
        network: network to train further; None: from scratch.
        rate: peak learning rate.
    """
    torch.manual_seed(seed)
    trainer = Trainer(network or UpsamplingNetwork(), len(FACTORS) * batches, rate, WARM_UP, DECAY)

    def losses(batch: int) -> Iterator[Tensor]:
        fine = patches(source, batch, seed)
        for factor in FACTORS:
            yield loss(trainer.network, fine, factor)

    return trainer.run(batches, losses, run)


@torch.inference_mode()
def gains(network: UpsamplingNetwork, source: PatchSource, batches: int = 80) -> dict[int, tuple[float, float]]:
    """PSNR gain over bicubic in dB, by factor: of the enlargement that keeps area means, and with the detail."""
    found: dict[int, list[tuple[float, float]]] = {factor: [] for factor in FACTORS}
    for batch in range(batches):
        fine = patches(source, batch, seed=1)
        for factor, values in found.items():
            coarse = reduce(fine, factor)
            plain = enlarge(coarse, factor)
            images = enlarge_exactly(coarse, factor), superresolved(coarse, factor, network)
            exact, ours = (mean_gain(plain, image, fine) for image in images)
            values.append((exact, ours))
    return {factor: tuple(np.mean(values, 0).round(3).tolist()) for factor, values in found.items()}


def main() -> None:
    """Trains the bundled network and prints its gain on the validation split."""
    options = parser_of(__doc__, BATCHES, RATE).parse_args()
    torch.set_num_threads(1)
    source = PatchSource(Corpus.open(options.data / "train"))
    start = load_upsampling() if options.further else None
    network = train(source, options.batches, options.seed, options.run, start, options.rate)
    found = gains(network, PatchSource(Corpus.open(options.data / "val")))
    for factor, (exact, ours) in found.items():
        print(f"x{factor}: {exact:+.2f} dB over bicubic by area means, {ours:+.2f} dB with the network")
    print(bundle_helper(UPSAMPLING, network, {**settings_of(options), "gains": found}))


if __name__ == "__main__":
    main()
