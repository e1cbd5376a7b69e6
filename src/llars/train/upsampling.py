"""Trains the network of super-resolution: ``python -m llars.train.upsampling CORPUS``; half an hour on one core.

Sharp patches are averaged to coarser pixels; the network learns the detail that the enlargement lacks. With
``--run FOLDER`` an interrupted run is resumed.
"""

from __future__ import annotations

import argparse
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
from llars.train.trainer import Trainer
from llars.weights.estimators import UPSAMPLING, load_upsampling
from llars.weights.helpers import bundle_helper

__all__ = ["gains", "loss", "patches", "train"]

BATCHES, RATE, WARM_UP, DECAY = 9000, 2e-3, 200, 0.998
"""Number of batches, peak learning rate, steps of the warm-up, and decay per step of the averaged weights."""

CROP, COUNT, SIZE = 96, 3, 4
"""Side of a patch in pixels, its number of bands, and patches per batch."""

EDGE = 4
"""Pixels along the edges where errors are not counted."""

FLOOR = 1e-3
"""Error in unit values below which less is no gain: that of 10-bit numbers."""


def patches(source: PatchSource, batch: int, seed: int) -> Tensor:
    """Single bands of sharp patches ``(batch, 1, y, x)``, randomly rotated and flipped."""
    rng = np.random.default_rng((seed, batch))
    return source.draw(COUNT, CROP, SIZE, rng, averaged=0.2, sharp=True).clean.flatten(0, 1)[:, None]


def mean_squares(image: Tensor, truth: Tensor) -> Tensor:
    """Mean square error of each image, not counting its edges."""
    inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    return (image - truth)[inner].square().mean((1, 2, 3))


def loss(network: UpsamplingNetwork, fine: Tensor, factor: int) -> Tensor:
    """Logarithm of the mean square error of each image, which PSNR measures; mean over images."""
    restored = superresolved(reduce(fine, factor), factor, network)
    return (mean_squares(restored, fine) + FLOOR**2).log().mean()


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
            images = enlarge(coarse, factor), enlarge_exactly(coarse, factor), superresolved(coarse, factor, network)
            plain, exact, ours = (-10 * float(mean_squares(one, fine).clamp(min=1e-8).log10().mean()) for one in images)
            values.append((exact - plain, ours - plain))
    return {factor: tuple(np.mean(values, 0).round(3).tolist()) for factor, values in found.items()}


def main() -> None:
    """Trains the bundled network and prints its gain on the validation split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder that `llars data build` wrote")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--run", type=Path, help="folder to keep a checkpoint in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument("--further", action="store_true", help="set out from the bundled weights")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = PatchSource(Corpus.open(options.corpus / "train"))
    start = load_upsampling() if options.further else None
    network = train(source, options.batches, options.seed, options.run, start, options.rate)
    found = gains(network, PatchSource(Corpus.open(options.corpus / "val")))
    for factor, (exact, ours) in found.items():
        print(f"x{factor}: {exact:+.2f} dB over bicubic by area means, {ours:+.2f} dB with the network")
    settings = {name: getattr(options, name) for name in ("batches", "seed", "rate", "further")}
    print(bundle_helper(UPSAMPLING, network, {**settings, "gains": found}))


if __name__ == "__main__":
    main()
