"""Correlation of noise between pixels, as left by resampling, demosaicing and compression.

Independent noise has the same power at all frequencies; interpolation lowers it at high ones, down, across or both. In
the flattest blocks of a scene, noise is what remains where the ground has been predicted from other bands. It has the
same power in all of them, which distinguishes it from fine texture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from llars.initial.block_spectra import SQUARES, USED, block_coefficients, complete_blocks, fit, gaussians
from llars.initial.shrinkage import SIDE, TINY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["WHITE", "NoiseSpectrum", "noise_spectrum"]

FLAT_SHARE, FLATTEST_SHARE = 0.12, 0.03
"""Shares of the blocks in which the noise is measured, and among which its power must be the same."""

MIN_EVIDENCE = 1.2
"""Gain in log-likelihood over independent noise, with each frequency counted once, that a correlation needs."""

SPREAD, SPREAD_PER_EVIDENCE, MAX_SPREAD = 1.08, 0.025, 1.3
"""Ratio of the power in flat blocks to that in the flattest above which it is attributed to texture: increases with the
evidence, up to a maximum. Chosen on scenes of training and validation, with and without noise."""

MIN_BLOCKS = 500
"""Fewest blocks: a small image may consist of a single texture, which is as uniform as noise."""

DECAYS = torch.cartesian_prod(*[torch.linspace(0.0, 0.13, 14).double()] * 2)
"""``(shape, 2)``: decays of the possible spectra, the white one first; 0.06 stands for means of two pixels."""

MIN_POWER = 1e-10
"""Power below which a band is constant but for rounding."""

MIN_SHARE = 1e-3
"""Lower bound of the noise in a fit, relative to the median power."""

RIDGE = 1e-3
"""Share of a band's power added to the diagonal of the covariance when bands are predicted from each other."""

OBLIQUE = USED & (SQUARES > 0).all(0)
"""``(64,)``: frequencies at which noise is measured: those along the axes contain stripes."""

ODD = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)).flatten() % 2 == 1
"""``(64,)``: every second frequency."""


def _second_differences() -> Tensor:
    response = (2.0 - 2.0 * (math.pi / SIDE * torch.arange(SIDE).double()).cos()).square()
    return torch.outer(response, response).flatten() / 36.0


SECOND_DIFFERENCES = _second_differences()
"""``(64,)``: power at each frequency of the second differences by which ``noise_law`` measures independent noise."""


@dataclass(frozen=True)
class NoiseSpectrum:
    """How noise is correlated between pixels."""

    power: Float[Tensor, " 64"]
    """Power at each pair of frequencies of a block, 1 on average."""

    variance_ratio: float = 1.0
    """Variance of the noise relative to that found by second differences, which are blind to low frequencies."""


WHITE = NoiseSpectrum(torch.ones(SIDE * SIDE))
"""Independent noise."""


def noise_spectrum(windows: NDArray[np.float32], valid: NDArray[np.bool_]) -> NoiseSpectrum:
    """The correlation of the noise, the same for all bands; ``WHITE`` without clear evidence of any.

    Args:
        windows: ``(window, band, y, x)`` unit values at native resolution, from all over the scene.
        valid: same shape: measured, not filled.
    """
    if min(windows.shape[-2:]) < SIDE:
        return WHITE
    coefficients, complete = block_coefficients(torch.from_numpy(windows)), complete_blocks(torch.from_numpy(valid))
    blocks = coefficients.permute(0, 3, 4, 1, 2)[complete]
    if len(blocks) < MIN_BLOCKS:
        return WHITE
    flat, flattest = (_flat_power(blocks, share) for share in (FLAT_SHARE, FLATTEST_SHARE))
    means = flat[:, OBLIQUE].mean(1, keepdim=True)
    varies = means[:, 0] > MIN_POWER
    if not bool(varies.any()):
        return WHITE
    flat, flattest = flat[varies], flattest[varies]
    level = (flat / means[varies]).mean(0)
    shapes = gaussians(DECAYS)
    amplitudes, costs = fit(level, shapes, MIN_SHARE, OBLIQUE)
    best = int(costs.argmin())
    weight = torch.where(OBLIQUE, 1.0 / shapes[best], 0.0)
    spread = float((flat @ weight / (flattest @ weight).clamp(min=TINY)).mean())
    evidence = float(costs[0] - costs[best])
    if evidence < MIN_EVIDENCE or spread > min(SPREAD + SPREAD_PER_EVIDENCE * evidence, MAX_SPREAD):
        return WHITE
    mean = shapes[best].mean()
    ratio = float(amplitudes[best] * mean / (level * SECOND_DIFFERENCES).mean())
    return NoiseSpectrum((shapes[best] / mean).float(), max(ratio, 1.0))


def _flat_power(blocks: Float[Tensor, "block band 64"], share: float) -> Float[Tensor, "band 64"]:
    """Mean power of the flattest blocks, of the band itself or of its residual, whichever is smaller.

    Blocks are chosen by every second frequency, and the others are measured in them: the choice does not favour blocks
    in which the noise happens to be low.
    """
    kinds = [blocks] if blocks.shape[1] < 2 else [blocks, _prediction_residual(blocks)]
    count = math.ceil(share * len(blocks))
    found = []
    for kind in kinds:
        power = kind.square()
        relative = power / power[:, :, OBLIQUE].mean(2).median(0).values.clamp(min=TINY)[:, None]
        means = torch.zeros(power.shape[1:], dtype=torch.float64)
        for parity in (ODD, ~ODD):
            chosen = relative[:, :, OBLIQUE & ~parity].mean((1, 2)).argsort()[:count]
            means[:, parity] = power[chosen][:, :, parity].double().mean(0)
        found.append(means)
    return torch.stack(found).amin(0)


def _prediction_residual(blocks: Float[Tensor, "block band 64"]) -> Float[Tensor, "block band 64"]:
    """Residual of every band after linear prediction from the others, the same for all blocks and frequencies."""
    flat = blocks[:, :, OBLIQUE].transpose(0, 1).flatten(1).double()
    covariance = flat @ flat.mT / flat.shape[1]
    own = covariance.diagonal()
    precision = torch.linalg.inv(covariance + (RIDGE * own + TINY).diag())
    return torch.einsum("bc,ncf->nbf", (precision / precision.diagonal()[:, None]).float(), blocks)
