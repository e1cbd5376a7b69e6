"""Trains the estimator of clouds on simulated ones over a corpus of clean scenes: within an hour on one core.

``python -m llars.train.opacity DATA`` writes the bundled weights; DATA is what ``llars data build`` wrote. With
``--run FOLDER`` it goes on where it was broken off, with ``--further`` the bundled weights are trained further.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.model.opacity import OpacityNetwork
from llars.model.precision import autocast
from llars.train.checkpoint import Average, load_checkpoint, save_checkpoint
from llars.train.skies import Examples, draw

__all__ = ["Figures", "figures", "loss", "train"]

SEED = 0
BATCHES, RATE, WARM_UP, LOOKS = 6000, 2e-3, 300, 2
"""The last are steps on each batch, every second one turned: drawing clouds takes as long as a step."""

DECAY = 0.999
"""Of the average of the weights, by the step."""

PIXELS = 5 * 192**2
"""Of a batch: the larger its patches, the fewer they are."""

SIDES = {64: 0.05, 128: 0.3, 192: 0.4, 256: 0.25}
"""Sides of the patches, and how often each is drawn: large ones show the insides of clouds, small ones small scenes."""

LEFT_OUT = 20
"""One scene in so many is not trained on: to choose by."""

SAVED_S = 90.0
"""Seconds between checkpoints."""

SHADOW_WEIGHT = 0.5
"""Of the loss of shadows beside that of opacity and of being touched."""

OPAQUE = 0.5
"""Half of the light is lost: from here on the ground is hidden."""


@dataclass(frozen=True)
class Figures:
    """How well clouds are found; shares of pixels."""

    found: float
    """Of the opaque pixels, those that are called opaque."""

    false: float
    """Of the pixels without a trace of cloud or shadow, under cloudy skies, those that are called opaque."""

    false_clean: float
    """Of all pixels of clean patches, those that are called opaque."""

    touched_found: float
    """Of the touched pixels, those that are called touched."""

    touched_false: float
    """Of the others, those that are called touched."""


def loss(network: OpacityNetwork, examples: Examples, turned: bool = False) -> Tensor:
    """Cross-entropy of opacity, of being touched and of shadow, over all pixels; ``turned`` exchanges x and y.

    Shadows count as far as they are seen through the clouds.
    """
    image, target = examples.image, examples.target
    if turned:
        image, target = image.mT, target.mT
    shown = network.features(image, examples.bands, examples.statistics)
    with autocast(image.device):
        said = network(*(one.contiguous(memory_format=torch.channels_last) for one in shown))
    each = functional.binary_cross_entropy_with_logits(said.float(), target, reduction="none")
    return each[:, :2].mean() + SHADOW_WEIGHT * ((1.0 - target[:, 0]) * each[:, 2]).mean()


class Trainer:
    """The network, its average and the optimiser, from step to step."""

    def __init__(self, network: OpacityNetwork, steps: int, rate: float) -> None:
        network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network, self.steps, self.rate, self.step = network, steps, rate, 0
        self.average = Average(network, DECAY)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)

    def learn(self, examples: Examples, turned: bool) -> float:
        """One step; returns its loss."""
        done = self.step / self.steps
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(
                (self.step + 1) / WARM_UP, 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done))
            )
        value = loss(self.network, examples, turned)
        self.optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update(self.network, self.step)
        self.step += 1
        return float(value.detach())

    def averaged(self) -> OpacityNetwork:
        """A network with the averaged weights, as it is stored."""
        network = OpacityNetwork()
        network.load_state_dict({name: value.contiguous() for name, value in self.average.values.items()})
        return network.half().float().eval()

    def save(self, path: Path) -> None:
        """Everything that is needed to go on."""
        parts = {"network": self.network.state_dict(), "average": self.average.values}
        save_checkpoint(path, parts, self.optimiser, self.step)

    def load(self, path: Path) -> None:
        """Goes on from what was saved."""
        parts, self.step = load_checkpoint(path, self.optimiser)
        self.network.load_state_dict(parts["network"])
        self.average.values = parts["average"]


def train(
    source: PatchSource,
    batches: int = BATCHES,
    size: int | None = None,
    side: int | None = None,
    seed: int = SEED,
    run: Path | None = None,
    network: OpacityNetwork | None = None,
    rate: float = RATE,
) -> OpacityNetwork:
    """A network trained on ``batches`` of ``size`` patches; the same for the same seed on the same machine.

    Args:
        source: of clean patches.
        batches: how many.
        size: of each; None is what ``PIXELS`` gives.
        side: of the patches in pixels; None is ``SIDES``.
        seed: decides everything.
        run: folder of a checkpoint to go on from, and to write.
        network: what to set out from; None is from scratch.
        rate: highest learning rate.
    """
    torch.manual_seed(seed)
    trainer = Trainer(network or OpacityNetwork(), LOOKS * batches, rate)
    checkpoint = run and run / "checkpoint.safetensors"
    if checkpoint and checkpoint.exists():
        trainer.load(checkpoint)
    first, running, saved = trainer.step // LOOKS, 0.0, time.monotonic()
    for batch in range(first, batches):
        rng = np.random.default_rng((seed, batch))
        chosen = side or int(rng.choice(list(SIDES), p=list(SIDES.values())))
        examples = draw(source, size or PIXELS // chosen**2, chosen, rng)
        value = np.mean([trainer.learn(examples, turned=look % 2 == 1) for look in range(LOOKS)])
        running += float(value - running) / min(batch + 1 - first, 100)
        if (batch + 1) % 50 == 0:
            print(f"{time.strftime('%X')} batch {batch + 1}/{batches}: loss {running:.4f}", flush=True)
        if checkpoint and (time.monotonic() - saved > SAVED_S or batch + 1 == batches):
            trainer.save(checkpoint)
            saved = time.monotonic()
    return trainer.averaged()


@torch.inference_mode()
def figures(network: OpacityNetwork, batches: Iterator[Examples]) -> Figures:
    """What is found in some batches and what is mistaken."""
    said, true = [], []
    for examples in batches:
        cover = network.cover(examples.image, examples.bands, examples.statistics)
        said.append(torch.cat((cover.opacity, cover.touched, cover.shadow), 1).transpose(0, 1).flatten(2))
        true.append(examples.target.transpose(0, 1).flatten(2))
    (opaque, touched, _), (opacity, share, _) = (torch.cat(parts, 1) for parts in (said, true))
    clean = (share.amax(1) == 0)[:, None].expand_as(share)
    bare, called = (share == 0) & ~clean, opaque > OPAQUE
    return Figures(
        found=float(called[opacity > OPAQUE].float().mean()),
        false=float(called[bare].float().mean()),
        false_clean=float(called[clean].float().mean()),
        touched_found=float((touched > 0.5)[share > 0.5].float().mean()),
        touched_false=float((touched > 0.5)[bare | clean].float().mean()),
    )


def part(corpus: Corpus, left_out: bool) -> PatchSource:
    """Of every ``LEFT_OUT`` scenes one, or the others."""
    chosen = (scene for index, scene in enumerate(corpus.scenes) if (index % LEFT_OUT == 0) == left_out)
    return PatchSource(Corpus(corpus.path, corpus.split, tuple(chosen)))


def main() -> None:
    """Trains the bundled estimator and prints what it finds on the validation split."""
    from llars.weights.estimators import OPACITY, load_opacity
    from llars.weights.helpers import bundle_helper

    parser = argparse.ArgumentParser(description="Train the estimator of clouds.")
    parser.add_argument("data", type=Path, help="folder of a corpus with the splits train and val")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--run", type=Path, help="folder to keep a checkpoint in")
    parser.add_argument("--seed", type=int, default=SEED, help="another one for other batches, to train further on")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument("--further", action="store_true", help="set out from the bundled weights")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shown = part(Corpus.open(arguments.data / "train"), left_out=False)
    network = train(
        shown,
        arguments.batches,
        seed=arguments.seed,
        run=arguments.run,
        network=load_opacity() if arguments.further else None,
        rate=arguments.rate,
    )
    held_out = PatchSource(Corpus.open(arguments.data / "val"))
    scores = figures(network, (draw(held_out, 12, 128, np.random.default_rng((1, n))) for n in range(40)))
    print(scores)
    told = {name: getattr(arguments, name) for name in ("batches", "seed", "rate", "further")}
    path = bundle_helper(OPACITY, network, {**told, "figures": asdict(scores)})
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
