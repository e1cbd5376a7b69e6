"""Trains the networks that correct classical estimates: half an hour on one core each.

``python -m llars.train.corrections DATA noise`` (or ``stripes``) writes the bundled weights; DATA is the folder that
``llars data build`` wrote. With ``--run FOLDER`` an interrupted run is resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.model.correction import CorrectionNetwork
from llars.train.accuracy import log_error, mean_gain
from llars.train.correction_examples import Examples, noisy, striped
from llars.train.options import parser_of, settings_of
from llars.train.trainer import Trainer
from llars.weights.estimators import NOISE, STRIPES, load_correction
from llars.weights.helpers import bundle_helper

__all__ = ["FAULTS", "Fault", "gains", "loss", "train"]

BATCHES, RATE, WARM_UP, STEPS_PER_BATCH, DECAY = 9000, 1.5e-3, 300, 2, 0.998
"""``STEPS_PER_BATCH`` is the number of steps on each batch, every second one with x and y swapped: the classical
estimates of a batch take as long as a step."""


@dataclass(frozen=True)
class Fault:
    """What a network corrects."""

    weights: str
    """Name of the bundled weights."""

    draw: Callable[[PatchSource, np.random.Generator], Examples]
    """Draws a batch."""


FAULTS = {"noise": Fault(NOISE, noisy), "stripes": Fault(STRIPES, striped)}


def restored(network: CorrectionNetwork, examples: Examples) -> Tensor:
    """The estimates with the correction of the network."""
    return examples.estimate + network.correction(examples.image, examples.estimate, examples.scale)


def loss(network: CorrectionNetwork, examples: Examples) -> Tensor:
    """See ``log_error``."""
    return log_error(restored(network, examples), examples.truth)


def train(
    fault: Fault,
    source: PatchSource,
    batches: int = BATCHES,
    seed: int = 0,
    run: Path | None = None,
    network: CorrectionNetwork | None = None,
    rate: float = RATE,
) -> CorrectionNetwork:
    """A network trained on that many batches; the same for the same seed on the same machine.

    Args:
        fault: what is to be corrected.
        source: source of clean patches.
        batches: number of batches.
        seed: seed of all random numbers.
        run: folder of the checkpoint, to resume from and to write to.
        network: network to train further; None: from scratch.
        rate: peak learning rate.
    """
    torch.manual_seed(seed)
    trainer = Trainer(network or CorrectionNetwork(), STEPS_PER_BATCH * batches, rate, WARM_UP, DECAY)

    def losses(batch: int) -> Iterator[Tensor]:
        examples = fault.draw(source, np.random.default_rng((seed, batch)))
        for each in (examples, examples.turned()):
            yield loss(trainer.network, each)

    return trainer.run(batches, losses, run)


@torch.inference_mode()
def gains(fault: Fault, network: CorrectionNetwork, source: PatchSource, batches: int = 60) -> float:
    """Mean gain in PSNR over the best classical estimate, in dB."""
    drawn = (fault.draw(source, np.random.default_rng((1, batch))) for batch in range(batches))
    return round(float(np.mean([mean_gain(one.best, restored(network, one), one.truth) for one in drawn])), 2)


def main() -> None:
    """Trains a bundled network and prints its gain on the validation split."""
    parser = parser_of(__doc__, BATCHES, RATE)
    parser.add_argument("fault", choices=FAULTS, help="what the network corrects")
    options = parser.parse_args()
    torch.set_num_threads(1)
    fault, source = FAULTS[options.fault], PatchSource(Corpus.open(options.data / "train"))
    start = load_correction(fault.weights) if options.further else None
    network = train(fault, source, options.batches, options.seed, options.run, start, options.rate)
    gain = gains(fault, network, PatchSource(Corpus.open(options.data / "val")))
    print(f"{gain:+.2f} dB over the best classical estimate on the validation split")
    print(bundle_helper(fault.weights, network, {**settings_of(options), "gain": gain}))


if __name__ == "__main__":
    main()
