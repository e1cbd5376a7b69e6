"""Trains the blur estimator: ``python -m llars.train.optics CORPUS``; ten minutes on one core.

Sharp patches are blurred by a random kernel, most get some noise, and the Wiener filter of the estimated kernel is
applied to them. The loss is the logarithm of the remaining error plus the cross-entropy of the kernel.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llars.data.corpus import Corpus
from llars.data.patches import PatchSource
from llars.degrade import get
from llars.initial.deconvolution import SIDE, corner_windows, kernels, transfers, wiener
from llars.initial.filters import deconvolve
from llars.model.optics import OpticsEstimator
from llars.weights.estimators import OPTICS
from llars.weights.helpers import bundle_helper

KINDS = {"gaussian_blur": 0.5, "motion_blur": 0.25, "defocus_blur": 0.15, "none": 0.1}
CROP, MARGIN = 120, 16
"""Side of a patch in pixels, and width of the margin at its edges that the loss ignores."""

COUNTS = (1, 3, 4)
"""Possible numbers of bands of a patch."""

BATCH, STEPS, RATE = 16, 4000, 2e-3
NOISE_FREE_SHARE = 0.3
"""Share of batches without noise; the others have standard deviations from 3e-5 to 1e-2 in unit values."""

SIMILAR = 2e-4
"""Mean square difference of two transfer functions at which kernels count as nearly the same."""

LIKELIHOOD = 0.1
"""Weight of the cross-entropy of the kernel."""


@dataclass(frozen=True)
class Blurred:
    """A batch of patches."""

    image: Tensor
    clean: Tensor
    target: Tensor
    """``(batch, kernel)`` target probabilities, shared among the kernels that are nearly the true one."""


def blurred(source: PatchSource, seed: int) -> Blurred:
    """A batch of blurred patches; a pure function of the seed."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    count = int(rng.choice([count for count in COUNTS if source.serves(count, CROP, sharp=True)]))
    patches = source.draw(count, CROP, BATCH, rng, averaged=0.25, sharp=True)
    severity = torch.from_numpy(rng.uniform(0.05, 1.0, BATCH)).float()
    impulse = torch.zeros(BATCH, 1, SIDE, SIDE)
    impulse[:, :, SIDE // 2, SIDE // 2] = 1.0
    image, kind = patches.clean, str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind != "none":
        state = generator.get_state()
        image = get(kind)(image, severity, generator=generator)
        impulse = get(kind)(impulse, severity, generator=generator.set_state(state))
    transfer = torch.fft.rfft2(torch.fft.ifftshift(impulse[:, 0], dim=(1, 2))).real
    distances = (transfer[:, None] - transfers()).square().mean((-2, -1))
    if rng.random() > NOISE_FREE_SHARE:
        sigma = 10 ** rng.uniform(-4.5, -2.0)
        image = image + sigma * torch.randn(image.shape, generator=generator)
    return Blurred(image, patches.clean, torch.softmax(-distances / SIMILAR, -1))


def losses(network: OpticsEstimator, batch: Blurred, windows: int) -> tuple[Tensor, Tensor]:
    """Per patch: log of the remaining mean square error over the ground's variance, and the kernel's cross-entropy."""
    logits, roughness = network(corner_windows(batch.image)[:, :windows])
    restored = deconvolve(batch.image, wiener(logits.softmax(-1), roughness))
    inner = (..., slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    error = (restored - batch.clean)[inner].square().mean((1, 2, 3))
    ground = batch.clean.var((2, 3)).mean(1).clamp_min(1e-6)
    return (error / ground + 1e-7).log(), -(batch.target * logits.log_softmax(-1)).sum(-1)


def train(source: PatchSource, steps: int) -> OpticsEstimator:
    """The estimator after ``steps`` training steps."""
    torch.manual_seed(0)
    network = OpticsEstimator(len(kernels()))
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.05)
    start = time.monotonic()
    for step in range(steps):
        remaining, cross_entropy = losses(network, blurred(source, step), 1 + step % 4)
        loss = remaining.mean() + LIKELIHOOD * cross_entropy.mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 199:
            seconds = time.monotonic() - start
            print(
                f"step {step + 1}: left {remaining.mean():.3f}, unlikely {cross_entropy.mean():.3f}, {seconds:.0f} s",
                flush=True,
            )
    return network.eval()


@torch.no_grad()
def report(network: OpticsEstimator, source: PatchSource, batches: int = 40) -> list[str]:
    """Lines that state the error before and after on held-out patches, by kind of blur."""
    errors: dict[str, list[tuple[float, float]]] = {}
    for seed in range(batches):
        batch = blurred(source, 1_000_000 + seed)
        before = (batch.image - batch.clean).square().mean((1, 2, 3)) / batch.clean.var((2, 3)).mean(1)
        after = losses(network, batch, 4)[0]
        kind = kernels()[int(batch.target.mean(0).argmax())].kind
        errors.setdefault(kind, []).append((float((before + 1e-7).log().mean()), float(after.mean())))
    lines = []
    for kind, pairs in errors.items():
        before, after = (10 / np.log(10) * np.mean(side) for side in zip(*pairs, strict=True))
        lines.append(f"{kind}: error of {before:.1f} dB relative to the ground, {after:.1f} dB after ({len(pairs)})")
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder that `llars data build` wrote")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    network = train(PatchSource(Corpus.open(options.corpus / "train")), options.steps)
    for line in report(network, PatchSource(Corpus.open(options.corpus / "val"))):
        print(line)
    print(bundle_helper(OPTICS, network, {"steps": options.steps, "kernels": len(kernels())}))


if __name__ == "__main__":
    main()
