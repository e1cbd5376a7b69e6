"""Trains the estimator of clouds on simulated ones over a corpus of clean scenes: a few minutes on one core.

``python -m llars.train.opacity DATA`` writes the bundled weights; DATA is what ``llars data build`` wrote.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import Band, plain_bands
from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.degrade.clouds import cloudy
from llars.model.normalise import Statistics
from llars.model.opacity import CELL, OpacityNetwork

__all__ = ["Examples", "Figures", "draw", "figures", "loss", "train"]

SEED = 0
BATCHES, SIZE, SIDE, RATE = 1600, 12, 128, 2e-3
LOOKS = 2
"""Steps on each batch, every second one turned: drawing clouds takes longer than a step."""

BAND_ODDS = {1: 0.1, 2: 0.05, 3: 0.4, 4: 0.2, 6: 0.15, 10: 0.06, 12: 0.04}
CLEAN = 0.3
"""Share of patches without a cloud."""

UNTOLD = 0.15
"""Share of patches of whose bands nothing is told but their number."""

NOISY = 0.3
"""Share of patches with noise: a cloud is not always without detail."""

DIMMED = (0.5, 1.1)
"""Range of the gain on the whole image: of a low sun, or other processing."""

GREYED = (0.35, 1.0)
"""Range of the brightness of clouds relative to that of simulated ones: real ones are often darker."""

BILLOWS = 0.2
"""Largest standard deviation of the brightness within a cloud, relative to it: simulated ones are smooth."""

BRIGHTENED = 0.2
"""Share of patches that are made brighter first: sand, roofs and snow must not be taken for clouds."""

VISIBLE_CHANGE = 0.02
"""A pixel is touched where some band changed by more than this, in unit values."""

OPAQUE = 0.5
"""Half of the light is lost: from here on the ground is hidden."""


@dataclass(frozen=True)
class Examples:
    """Patches under clouds, and what is to be found in them."""

    image: Tensor
    """``(batch, band, y, x)`` unit values."""

    bands: list[tuple[Band, ...]]
    statistics: Statistics

    target: Tensor
    """``(batch, 2, y, x)`` of cells: opacity, and the share of pixels that are touched."""


@dataclass(frozen=True)
class Figures:
    """How well clouds are found; shares of pixels, counted in cells."""

    found: float
    """Of the opaque cells, those that are called opaque."""

    false: float
    """Of the cells without a trace of cloud or shadow, under cloudy skies, those that are called opaque."""

    false_clean: float
    """Of all cells of clean patches, those that are called opaque."""

    touched_found: float
    """Of the touched cells, those that are called touched."""

    touched_false: float
    """Of the others, those that are called touched."""


def draw(source: PatchSource, size: int, side: int, rng: np.random.Generator) -> Examples:
    """``size`` patches of one number of bands, some clean, some under thin or thick clouds of any severity."""
    counts = [count for count in BAND_ODDS if source.serves(count, side, optical=True)]
    odds = np.array([BAND_ODDS[count] for count in counts])
    count = int(rng.choice(counts, p=odds / odds.sum()))
    patches = source.draw(count, side, size, rng, averaged=0.25, optical=True)
    told = rng.random(size) >= UNTOLD
    bands = [one if known else plain_bands(count) for one, known in zip(patches.bands, told, strict=True)]
    bright = 1.0 + (rng.random(size) < BRIGHTENED) * rng.exponential(0.7, size)
    clean = patches.clean * torch.from_numpy(bright.astype(np.float32)).view(-1, 1, 1, 1)
    severity = rng.uniform(0.03, 1.0, size) * (rng.random(size) >= CLEAN)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    image, opacity = torch.empty_like(clean), torch.empty_like(clean[:, :1])
    for thin in (False, True):
        rows = slice(int(thin), None, 2)
        image[rows], opacity[rows] = cloudy(clean[rows], severity[rows], generator, patches.bands[rows], thin=thin)
    greyed = torch.from_numpy(rng.uniform(*GREYED, size)).float().view(-1, 1, 1, 1)
    image = image * (1.0 + opacity * (greyed * (1.0 + _billows(size, side, rng)) - 1.0))
    least, most = DIMMED
    dimmed = torch.from_numpy(least * (most / least) ** rng.random(size)).float().view(-1, 1, 1, 1)
    touched = ((image - clean).abs().amax(1, keepdim=True) > VISIBLE_CHANGE).float()
    image = image * dimmed
    sigma = torch.from_numpy((rng.random(size) < NOISY) * rng.uniform(0.0, 0.025, size)).float().view(-1, 1, 1, 1)
    image = image + sigma * torch.randn(image.shape, generator=generator)
    target = functional.avg_pool2d(torch.cat((opacity, touched), 1), CELL)
    shift, factor = rng.normal(0.0, 0.3, (size, 1)), np.exp(rng.normal(0.0, 0.25, (size, 1)))
    statistics = Statistics.of(image).jittered(*(torch.from_numpy(one.astype(np.float32)) for one in (shift, factor)))
    return Examples(image, bands, statistics, target)


def _billows(size: int, side: int, rng: np.random.Generator) -> Tensor:
    """Relief of clouds ``(size, 1, side, side)``, as rough at every scale from 2 pixels to 32."""
    relief = torch.zeros(size, 1, side, side)
    for cell in (2, 4, 8, 16, 32):
        noise = torch.from_numpy(rng.normal(size=(size, 1, side // cell + 1, side // cell + 1))).float()
        relief += functional.interpolate(noise, size=(side, side), mode="bicubic", align_corners=True)
    strength = torch.from_numpy(rng.uniform(0.0, BILLOWS, (size, 1, 1, 1))).float()
    return strength * relief / relief.std((2, 3), keepdim=True)


def loss(network: OpacityNetwork, examples: Examples, turned: bool = False) -> Tensor:
    """Cross-entropy of opacity and of being touched, over all cells; with x and y exchanged where ``turned``."""
    shown, target = network.features(examples.image, examples.bands, examples.statistics), examples.target
    if turned:
        shown, target = shown.transpose(-1, -2), target.transpose(-1, -2)
    return functional.binary_cross_entropy_with_logits(network(shown), target)


def train(
    source: PatchSource,
    batches: int = BATCHES,
    size: int = SIZE,
    side: int = SIDE,
    seed: int = SEED,
    network: OpacityNetwork | None = None,
) -> OpacityNetwork:
    """A network trained on ``batches`` of ``size`` patches; the same for the same seed on the same machine.

    Sets out from ``network``, or from scratch.
    """
    torch.manual_seed(seed)
    network = (network or OpacityNetwork()).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=LOOKS * batches, pct_start=0.1)
    running, start = 0.0, time.monotonic()
    for batch in range(batches):
        examples = draw(source, size, side, np.random.default_rng((seed, batch)))
        for look in range(LOOKS):
            value = loss(network, examples, turned=look % 2 == 1)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        running += 0.01 * (float(value.detach()) - running) if batch else float(value.detach())
        if (batch + 1) % 100 == 0:
            print(f"batch {batch + 1}/{batches}: loss {running:.4f}, {time.monotonic() - start:.0f} s", flush=True)
    return network.half().float().eval()  # what is measured is what is stored


@torch.inference_mode()
def figures(network: OpacityNetwork, batches: Iterator[Examples]) -> Figures:
    """What is found in some batches and what is mistaken."""
    said, true = [], []
    for examples in batches:
        logits = network(network.features(examples.image, examples.bands, examples.statistics))
        said.append(logits.sigmoid().transpose(0, 1).flatten(2))
        true.append(examples.target.transpose(0, 1).flatten(2))
    (opaque, touched), (opacity, share) = (torch.cat(parts, 1) for parts in (said, true))
    clean = (share.amax(1) == 0)[:, None].expand_as(share)
    bare, called = (share == 0) & ~clean, opaque > OPAQUE
    return Figures(
        found=float(called[opacity > OPAQUE].float().mean()),
        false=float(called[bare].float().mean()),
        false_clean=float(called[clean].float().mean()),
        touched_found=float((touched > 0.5)[share > 0.5].float().mean()),
        touched_false=float((touched > 0.5)[bare | clean].float().mean()),
    )


def main() -> None:
    """Trains the bundled estimator and prints what it finds on the validation split."""
    from llars.weights.opacity import bundle_opacity, load_opacity

    parser = argparse.ArgumentParser(description="Train the estimator of clouds.")
    parser.add_argument("data", type=Path, help="folder of a corpus with the splits train and val")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--go-on", action="store_true", help="set out from the bundled weights")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    first = load_opacity() if arguments.go_on else None
    network = train(
        PatchSource(Corpus.open(arguments.data / "train")), arguments.batches, seed=arguments.seed, network=first
    )
    held_out = PatchSource(Corpus.open(arguments.data / "val"))
    scores = figures(network, (draw(held_out, SIZE, SIDE, np.random.default_rng((1, n))) for n in range(40)))
    print(scores)
    path = bundle_opacity(network, {"batches": arguments.batches, "seed": arguments.seed, "figures": asdict(scores)})
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
