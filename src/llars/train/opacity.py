"""Trains the cloud estimator on simulated clouds over a corpus of clean scenes: within an hour on one core.

``python -m llars.train.opacity DATA`` writes the bundled weights; DATA is the folder that ``llars data build`` wrote.
With ``--run FOLDER`` an interrupted run is resumed; with ``--further`` the bundled weights are trained further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.nn import functional

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.initial.clearing import ground_under
from llars.model.opacity import Cover, OpacityNetwork
from llars.model.precision import autocast
from llars.train.cloud_examples import Examples, draw
from llars.train.options import parser_of, settings_of
from llars.train.real_clouds import Scene, draw_real, read_scenes
from llars.train.trainer import Trainer

__all__ = ["Figures", "cover_loss", "figures", "ground_loss", "loss", "train"]

BATCHES, RATE, WARM_UP, STEPS_PER_BATCH = 6000, 2e-3, 300, 2
"""``STEPS_PER_BATCH`` is the number of steps on each batch, every second one with x and y swapped: simulating the
clouds of a batch takes as long as a step."""

DECAY = 0.999
"""Decay per step of the moving average of the weights."""

PIXELS = 3 * 192**2
"""Pixels per batch: the larger its patches, the fewer they are."""

SIDES = {64: 0.05, 128: 0.3, 192: 0.4, 256: 0.25}
"""Probability of each side of a patch: large patches show the interior of clouds, small ones stand for small scenes."""

HELD_OUT_EVERY = 20
"""One scene in this many is left out of training, for model selection."""

REAL_CLOUDS = Path("configs/train/clouds.yaml")
"""List of the images under real clouds."""

REAL_SHARE, REAL_SIDES = 0.25, {64: 0.5, 128: 0.2, 192: 0.15, 256: 0.15}
"""Share of the batches with real clouds, if there are any, and probability of each side: most real scenes are small."""

SHADOW_WEIGHT = 0.5
"""Weight of the shadow loss relative to the losses of opacity and of ``touched``."""

GROUND_WEIGHT = 0.3
"""Weight of the error of the recovered ground relative to the losses of opacity and of ``touched``."""

SMALLEST, FLOOR = 1e-6, 2e-3
"""Lower bound of the share of pixels that errors are divided by, and the error in unit values below which less is no
gain."""

OPAQUE = 0.5
"""Opacity from which the ground counts as hidden: half of the light is lost."""


@dataclass(frozen=True)
class Figures:
    """How well clouds are detected, as shares of pixels."""

    found: float
    """Share of the opaque pixels that are detected as opaque."""

    false: float
    """Share of the untouched pixels of cloudy patches that are falsely detected as opaque."""

    false_clean: float
    """Share of the pixels of clean patches that are falsely detected as opaque."""

    touched_found: float
    """Share of the touched pixels (visibly changed by cloud or shadow) that are detected as touched."""

    touched_false: float
    """Share of the untouched pixels that are falsely detected as touched."""


def loss(network: OpacityNetwork, examples: Examples, turned: bool = False) -> Tensor:
    """``cover_loss`` and, if the ground is known, ``GROUND_WEIGHT`` times ``ground_loss``; ``turned`` swaps x and y."""
    if turned:
        examples = examples.turned()
    inputs = network.features(examples.image, examples.bands, examples.statistics)
    with autocast(examples.image.device):
        logits = network(*(one.contiguous(memory_format=torch.channels_last) for one in inputs)).float()
    of_cover = cover_loss(logits, examples)
    if examples.ground is None:
        return of_cover
    return of_cover + GROUND_WEIGHT * ground_loss(logits, examples, examples.ground)


def cover_loss(logits: Tensor, examples: Examples) -> Tensor:
    """Weighted cross-entropy of opacity, ``touched`` and shadow over all pixels.

    The shadow term is weighted by the transmission of the clouds in front of it.
    """
    target = examples.target
    losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if examples.weight is not None:
        losses = examples.weight * losses
    return losses[:, :2].mean() + SHADOW_WEIGHT * ((1.0 - target[:, 0]) * losses[:, 2]).mean()


def ground_loss(logits: Tensor, examples: Examples, truth: Tensor) -> Tensor:
    """Logarithm of the mean absolute error of the ground that follows from the logits; mean over images.

    Errors count where clouds or shadows are, or are seen.
    """
    cover = Cover(*logits.sigmoid().chunk(3, 1))
    ground, clouds, known = ground_under(cover, examples.image, examples.bands)
    counted = ((clouds.changed | (examples.target[:, 1:2] > 0)) & known).float()
    total = (counted * (ground - truth).abs()).mean((1, 2, 3))
    return (total / counted.mean((1, 2, 3)).clamp(min=SMALLEST) + FLOOR).log().mean()


def train(
    source: PatchSource,
    batches: int = BATCHES,
    size: int | None = None,
    side: int | None = None,
    seed: int = 0,
    run: Path | None = None,
    network: OpacityNetwork | None = None,
    rate: float = RATE,
    real: Sequence[Scene] = (),
) -> OpacityNetwork:
    """A network trained on ``batches`` of ``size`` patches; the same for the same seed on the same machine.

    Args:
        source: source of clean patches.
        batches: number of batches.
        size: patches per batch; None: as many as ``PIXELS`` allows.
        side: side of the patches in pixels; None: drawn from ``SIDES``.
        seed: seed of all random numbers.
        run: folder of the checkpoint, to resume from and to write to.
        network: network to train further; None: from scratch.
        rate: peak learning rate.
        real: scenes under real clouds, which make up ``REAL_SHARE`` of the batches.
    """
    torch.manual_seed(seed)
    trainer = Trainer(network or OpacityNetwork(), STEPS_PER_BATCH * batches, rate, WARM_UP, DECAY)

    def losses(batch: int) -> Iterator[Tensor]:
        rng = np.random.default_rng((seed, batch))
        is_real = bool(real) and rng.random() < REAL_SHARE
        odds = REAL_SIDES if is_real else SIDES
        chosen = side or int(rng.choice(list(odds), p=list(odds.values())))
        many = size or max(2, PIXELS // chosen**2)
        examples = draw_real(real, many, chosen, rng) if is_real else draw(source, many, chosen, rng)
        for repeat in range(STEPS_PER_BATCH):
            yield loss(trainer.network, examples, turned=repeat % 2 == 1)

    return trainer.run(batches, losses, run)


@torch.inference_mode()
def figures(network: OpacityNetwork, batches: Iterator[Examples]) -> Figures:
    """Detection and false-alarm rates over some batches."""
    predicted, targets = [], []
    for examples in batches:
        cover = network.cover(examples.image, examples.bands, examples.statistics)
        predicted.append(torch.cat((cover.opacity, cover.touched, cover.shadow), 1).transpose(0, 1).flatten(2))
        targets.append(examples.target.transpose(0, 1).flatten(2))
    (opaque, touched, _), (opacity, share, _) = (torch.cat(parts, 1) for parts in (predicted, targets))
    clean = (share.amax(1) == 0)[:, None].expand_as(share)
    untouched, detected = (share == 0) & ~clean, opaque > OPAQUE
    return Figures(
        found=float(detected[opacity > OPAQUE].float().mean()),
        # A cloud over ground that is as bright as itself changes nothing, and is there all the same.
        false=float(detected[untouched & (opacity <= OPAQUE)].float().mean()),
        false_clean=float(detected[clean].float().mean()),
        touched_found=float((touched > 0.5)[share > 0.5].float().mean()),
        touched_false=float((touched > 0.5)[untouched | clean].float().mean()),
    )


def part(corpus: Corpus, left_out: bool) -> PatchSource:
    """Every ``HELD_OUT_EVERY``-th scene if ``left_out``, otherwise all the others."""
    chosen = (scene for index, scene in enumerate(corpus.scenes) if (index % HELD_OUT_EVERY == 0) == left_out)
    return PatchSource(Corpus(corpus.path, corpus.split, tuple(chosen)))


def main() -> None:
    """Trains the bundled estimator and prints its ``Figures`` on the validation split."""
    from llars.weights.estimators import OPACITY, load_opacity
    from llars.weights.helpers import bundle_helper

    parser = parser_of(__doc__, BATCHES, RATE)
    parser.add_argument("--real", type=Path, help="folder of the images that configs/train/clouds.yaml lists")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    source = part(Corpus.open(arguments.data / "train"), left_out=False)
    network = train(
        source,
        arguments.batches,
        seed=arguments.seed,
        run=arguments.run,
        network=load_opacity() if arguments.further else None,
        rate=arguments.rate,
        real=read_scenes(arguments.real, yaml.safe_load(REAL_CLOUDS.read_text())) if arguments.real else (),
    )
    held_out = PatchSource(Corpus.open(arguments.data / "val"))
    scores = figures(network, (draw(held_out, 12, 128, np.random.default_rng((1, n))) for n in range(40)))
    print(scores)
    settings = {**settings_of(arguments), "real": bool(arguments.real)}
    path = bundle_helper(OPACITY, network, {**settings, "figures": asdict(scores)})
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
