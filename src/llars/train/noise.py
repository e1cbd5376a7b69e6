"""Trains the network that corrects the classical estimate of noisy optical images: half an hour on one core.

``python -m llars.train.noise DATA`` writes the bundled weights; DATA is the folder that ``llars data build`` wrote.
With ``--run FOLDER`` an interrupted run is resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.degrade import get
from llars.initial.denoising import corrected, find_noise
from llars.initial.shrinkage import Noise, shrunk
from llars.model.denoising import DenoisingNetwork
from llars.train.accuracy import log_error, mean_gain
from llars.train.options import parser_of, settings_of
from llars.train.trainer import Trainer
from llars.weights.estimators import NOISE, load_noise
from llars.weights.helpers import bundle_helper

__all__ = ["Examples", "draw", "gains", "loss", "train"]

Name = TypeVar("Name")

BATCHES, RATE, WARM_UP, STEPS_PER_BATCH, DECAY = 9000, 1.5e-3, 300, 2, 0.998
"""``STEPS_PER_BATCH`` is the number of steps on each batch, every second one with x and y swapped: the classical
estimates of a batch take as long as a step."""

SIDES = {64: 0.4, 96: 0.4, 160: 0.2}
"""Probability of each side of an image in pixels."""

COUNTS = {1: 0.25, 3: 0.3, 4: 0.25, 6: 0.1, 10: 0.1}
"""Probability of each number of bands."""

VALUES = 2**17
"""Values per batch: the larger its images, and the more bands they have, the fewer they are."""

KINDS = {"gaussian_noise": 0.6, "poisson_noise": 0.25, "uniform_noise": 0.15}
"""Probability of each degradation."""

SEVERITY = (0.04, 1.2)
"""Range of the severities, whose logarithm is uniform."""


@dataclass(frozen=True)
class Examples:
    """Noisy images, ``(batch, band, y, x)`` unit values, with their classical estimates."""

    image: Tensor
    estimate: Tensor
    """The image after shrinkage."""
    noise: Noise
    truth: Tensor

    def turned(self) -> Examples:
        """With x and y swapped."""
        return Examples(self.image.mT, self.estimate.mT, self.noise, self.truth.mT)


def draw(source: PatchSource, rng: np.random.Generator) -> Examples:
    """A batch of simulated noise with the estimates that are found from it, as in use."""
    side, count = _drawn(SIDES, rng), _drawn(COUNTS, rng)
    size = max(1, VALUES // (count * side**2))
    drawn = source.draw(count, side, size, rng, averaged=0.3, optical=True)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    weakest, strongest = SEVERITY
    severity = torch.from_numpy(weakest * (strongest / weakest) ** rng.random(size)).float().clamp(max=1.0)
    image = get(_drawn(KINDS, rng))(drawn.clean, severity, generator=generator)
    valid = np.ones(image.shape[1:], dtype=bool)[None]
    found = zip(image, drawn.bands, strict=True)
    noise = Noise.stacked([find_noise(part[None].numpy(), valid, bands) for part, bands in found])
    with torch.no_grad():
        return Examples(image, shrunk(image, noise), noise, drawn.clean)


def loss(network: DenoisingNetwork, examples: Examples) -> Tensor:
    """See ``log_error``."""
    return log_error(corrected(examples.image, examples.estimate, examples.noise, network), examples.truth)


def train(
    source: PatchSource,
    batches: int = BATCHES,
    seed: int = 0,
    run: Path | None = None,
    network: DenoisingNetwork | None = None,
    rate: float = RATE,
) -> DenoisingNetwork:
    """A network trained on that many batches; the same for the same seed on the same machine.

    Args:
        source: source of clean patches.
        batches: number of batches.
        seed: seed of all random numbers.
        run: folder of the checkpoint, to resume from and to write to.
        network: network to train further; None: from scratch.
        rate: peak learning rate.
    """
    torch.manual_seed(seed)
    trainer = Trainer(network or DenoisingNetwork(), STEPS_PER_BATCH * batches, rate, WARM_UP, DECAY)

    def losses(batch: int) -> Iterator[Tensor]:
        examples = draw(source, np.random.default_rng((seed, batch)))
        for each in (examples, examples.turned()):
            yield loss(trainer.network, each)

    return trainer.run(batches, losses, run)


@torch.inference_mode()
def gains(network: DenoisingNetwork, source: PatchSource, batches: int = 60) -> float:
    """Mean gain in PSNR over the best classical estimate, that of a second shrinkage guided by the first, in dB."""
    found = []
    for batch in range(batches):
        examples = draw(source, np.random.default_rng((1, batch)))
        image, noise = examples.image, examples.noise
        images = shrunk(image, noise, examples.estimate), corrected(image, examples.estimate, noise, network)
        found.append(mean_gain(*images, examples.truth))
    return round(float(np.mean(found)), 2)


def _drawn(odds: dict[Name, float], rng: np.random.Generator) -> Name:
    return [*odds][int(rng.choice(len(odds), p=[*odds.values()]))]


def main() -> None:
    """Trains the bundled network and prints its gain on the validation split."""
    options = parser_of(__doc__, BATCHES, RATE).parse_args()
    torch.set_num_threads(1)
    source = PatchSource(Corpus.open(options.data / "train"))
    start = load_noise() if options.further else None
    network = train(source, options.batches, options.seed, options.run, start, options.rate)
    gain = gains(network, PatchSource(Corpus.open(options.data / "val")))
    print(f"{gain:+.2f} dB over the classical estimate on the validation split")
    print(bundle_helper(NOISE, network, {**settings_of(options), "gain": gain}))


if __name__ == "__main__":
    main()
