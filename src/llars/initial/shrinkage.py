"""Denoising by shrinkage: sliding cosine transforms of decorrelated bands, reduced where they do not exceed the noise.

Ground is similar in all bands and smooth over a few pixels, noise is neither. So bands are transformed to principal
components after noise whitening (Green et al., 1988), and every block of 8 x 8 pixels of a component to cosines
(Yaroslavsky, 1996). The power of a coefficient and its neighbours in excess of the noise gives the share of ground to
keep (an empirical Wiener filter). Overlapping blocks are averaged, with more weight for those that keep few
coefficients (Guleryuz, 2007). With a guide, its power takes the place of the excess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ALIGNED", "COSINES", "MARGIN_PX", "NOISE_FACTOR", "SIDE", "STEP", "TINY", "Noise", "shrunk"]

SIDE = 8
"""Side of a block, in pixels."""

STEP = 4
"""Pixels from one block to the next."""

LATTICES = (0, STEP // 2)
"""Offsets in pixels, across and down, of two lattices of blocks: the second lies midway between the first."""

ALIGNED = 2 * STEP
"""Windows of a scene must start at a multiple of this many pixels, so that their blocks are those of the scene."""

MARGIN_PX = 2 * (SIDE + STEP) + ALIGNED
"""Halo of ``shrunk`` around a window, in pixels."""

NOISE_FACTOR = 1.5
"""Factor on the noise power where no guide is given: residual noise is more visible than lost fine texture."""

MAX_PIXELS = 2**18
"""Pixels, counted over components, that are shrunk in one go."""

TINY = 1e-12
"""Lower bound of the power that is divided by."""


def _cosines() -> Tensor:
    position, frequency = torch.arange(SIDE) + 0.5, torch.arange(SIDE)
    waves = torch.cos(math.pi / SIDE * frequency[:, None] * position) * math.sqrt(2.0 / SIDE)
    waves[0] /= math.sqrt(2.0)
    return torch.einsum("uy,vx->uvyx", waves, waves).reshape(SIDE * SIDE, 1, SIDE, SIDE)


def _neighbours() -> Tensor:
    distance = torch.arange(SIDE)[:, None] - torch.arange(SIDE)
    neighbours = (distance.abs() <= 1).float()
    neighbours /= neighbours.sum(1, keepdim=True)
    return torch.kron(neighbours, neighbours)


COSINES = _cosines()
"""``(64, 1, 8, 8)``: the orthonormal cosines of a block (DCT-II), the mean first."""

NEIGHBOURS = _neighbours()
"""``(64, 64)``: means over each frequency and its neighbours, across and down."""


@dataclass(frozen=True)
class Noise:
    """The noise of a batch of images and the decorrelation of their bands."""

    mix: Tensor
    """``(batch, component, band)``: to components whose noise has unit variance at the mean of the image."""

    unmix: Tensor
    """``(batch, band, component)``: its inverse."""

    constant: Tensor
    """``(batch, band)``: variance of the noise where the image is 0, in unit values."""

    slope: Tensor
    """``(batch, band)``: increase of the variance from image value 0 to 1."""

    spectrum: Tensor
    """``(batch, 64)``: power of the noise at each pair of frequencies, 1 for white noise."""

    shift: Tensor
    """``(batch, band)``: minus the mean of the noise, added to the result; in unit values."""

    impulses: Tensor | None = None
    """``(batch, band)``: see ``find_impulses``; None if no image has impulse noise."""

    looks: tuple[float, ...] = ()
    """Looks of each image, if the noise of all bands of all images is speckle in decibels."""

    mixed: bool = False
    """Some bands of an image have speckle, others do not."""

    def coarser(self) -> Noise:
        """The noise of means over 2 x 2 pixels: the lower half of the frequencies."""
        lower = torch.arange(SIDE) // 2
        spectrum = self.spectrum.view(-1, SIDE, SIDE)[:, lower][:, :, lower].flatten(1)
        constant, slope = self.constant / 4, self.slope / 4
        return replace(self, mix=self.mix * 2, unmix=self.unmix / 2, constant=constant, slope=slope, spectrum=spectrum)

    @classmethod
    def stacked(cls, members: Sequence[Noise]) -> Noise:
        """Several batches joined into one."""
        names = [entry.name for entry in fields(cls) if entry.name not in ("impulses", "looks", "mixed")]
        joined = {name: torch.cat([getattr(member, name) for member in members]) for name in names}
        usual = [torch.zeros_like(one.constant) if one.impulses is None else one.impulses for one in members]
        impulses = None if all(one.impulses is None for one in members) else torch.cat(usual)
        looks = tuple(looks for member in members for looks in member.looks)
        mixed = any(member.mixed for member in members)
        return cls(**joined, impulses=impulses, looks=looks, mixed=mixed)


def shrunk(image: Tensor, noise: Noise, guide: Tensor | None = None) -> Tensor:
    """``(batch, band, y, x)`` unit values without the noise; edges are mirrored.

    Noise with longer waves than a block is removed from means over 2 x 2 pixels, in the same way. The power of the
    ground is taken from ``guide``, a first guess of the same shape, or else from the excess over the noise.
    """
    height, width = image.shape[-2:]
    even = _even(image)
    guide_image = None if guide is None else _even(guide)
    fine = _shrunk_blocks(even, noise, guide_image)
    guide_image = None if guide_image is None else functional.avg_pool2d(guide_image, 2)
    coarse = _shrunk_blocks(functional.avg_pool2d(even, 2), noise.coarser(), guide_image)
    residual = coarse - functional.avg_pool2d(fine, 2)
    restored = fine + functional.interpolate(residual, scale_factor=2.0, mode="bilinear", align_corners=False)
    return restored[..., :height, :width] + noise.shift[..., None, None]


def _even(image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    return functional.pad(image.float(), (0, width % 2, 0, height % 2), mode="replicate")


def _shrunk_blocks(image: Tensor, noise: Noise, guide: Tensor | None) -> Tensor:
    bands, height, width = image.shape[1:]
    padded = _padded(image)
    blocks = COSINES.to(image.device)
    mixed = torch.einsum("ncb,nbyx->ncyx", noise.mix, padded)
    guides = None if guide is None else torch.einsum("ncb,nbyx->ncyx", noise.mix, _padded(guide))
    total, weights = torch.zeros_like(mixed), torch.zeros_like(mixed)
    step = _components_per_pass(padded)
    for start in LATTICES:
        variance = _variance(functional.avg_pool2d(padded[..., start:, start:], SIDE, STEP), noise)
        for first in range(0, bands, step):
            part = slice(first, first + step)
            component = mixed[:, part, start:, start:]
            guide_image = None if guides is None else guides[:, part, start:, start:]
            added, weight = _shrunk_components(component, guide_image, variance[:, part], noise.spectrum, blocks)
            rows, columns = (slice(start, start + side) for side in weight.shape[2:])
            total[:, part, rows, columns] += added
            weights[:, part, rows, columns] += weight
    restored = torch.einsum("nbc,ncyx->nbyx", noise.unmix, total / weights.clamp(min=TINY))
    return restored[..., SIDE : SIDE + height, SIDE : SIDE + width]


def _padded(image: Tensor) -> Tensor:
    # The mirror image of an image no wider than a block is too narrow.
    return functional.pad(image, [SIDE] * 4, mode="reflect" if min(image.shape[-2:]) > SIDE else "replicate")


def _components_per_pass(image: Tensor) -> int:
    """How many components of ``(batch, band, y, x)`` are shrunk in one go: coefficients take four times their memory.

    All of them where a graph is traced, because tracing takes time for every operation.
    """
    batch, bands, height, width = image.shape
    return bands if torch.compiler.is_compiling() else max(1, MAX_PIXELS // (batch * height * width))


def _variance(level: Tensor, noise: Noise) -> Tensor:
    """Noise variance of each component, in blocks whose mean is ``level``, ``(batch, band, row, column)``."""
    variance = noise.constant[..., None, None] + noise.slope[..., None, None] * level.clamp(min=0.0)
    return torch.einsum("ncb,nbyx->ncyx", noise.mix.square(), variance)


def _shrunk_components(
    image: Tensor, guide: Tensor | None, variance: Tensor, spectrum: Tensor, blocks: Tensor
) -> tuple[Tensor, Tensor]:
    """The weighted sum of the blocks over each pixel, and the sum of their weights, ``(batch, component, y, x)``.

    ``variance`` is the noise variance in each block, ``(batch, component, row, column)``. The last rows and columns,
    which lie in the padding, may be in no block; they are left out.
    """
    count = image.shape[1]
    spectrum = spectrum.repeat_interleave(count, 0)[..., None, None]
    variance = variance.flatten(0, 1)[:, None]
    coefficients = _coefficients(image, blocks)
    # In place throughout: memory bandwidth limits the speed.
    if guide is None:
        share = _neighbourhood_mean(coefficients.square()).clamp_(min=TINY).reciprocal_().mul_(variance)
        share.mul_(-NOISE_FACTOR * spectrum).add_(1.0).clamp_(min=0.0)
    else:
        ground = _coefficients(guide, blocks).square_().clamp_(min=TINY)
        share = (variance * spectrum).div_(ground).add_(1.0).reciprocal_()
    share[:, 0] = 1.0
    weight = 1.0 / share.square().sum(1, keepdim=True).clamp_(min=1.0)
    covered = _covered(weight)
    weighted = blocks.flatten(1).T @ coefficients.mul_(share).mul_(weight).flatten(2)
    summed = functional.fold(weighted, covered.shape[2:], SIDE, stride=STEP)
    return summed.view(-1, count, *covered.shape[2:]), covered.view(-1, count, *covered.shape[2:])


def _coefficients(image: Tensor, blocks: Tensor) -> Tensor:
    """``(batch * component, 64, row, column)``: cosine coefficients of every block."""
    return functional.conv2d(image.flatten(0, 1)[:, None], blocks, stride=STEP)


def _covered(weight: Tensor) -> Tensor:
    """Sum of the weights of all blocks over each pixel, ``(batch, 1, y, x)``."""
    over = SIDE // STEP
    cells = over**2 * functional.avg_pool2d(functional.pad(weight, [over - 1] * 4), over, 1)
    return cells.repeat_interleave(STEP, -1).repeat_interleave(STEP, -2)


def _neighbourhood_mean(power: Tensor) -> Tensor:
    """Mean over the 3 x 3 blocks and the 3 x 3 frequencies around each: ``(batch, 64, row, column)``.

    Blocks beyond the edge count as 0; this only affects blocks in the padding.
    """
    for axis in (2, 3):
        before, after = (power.narrow(axis, start, power.shape[axis] - 1) for start in (0, 1))
        wider = power.clone()
        wider.narrow(axis, 1, power.shape[axis] - 1).add_(before)
        wider.narrow(axis, 0, power.shape[axis] - 1).add_(after)
        power = wider
    around: Tensor = (NEIGHBOURS.to(power.device) / 9.0) @ power.flatten(2)
    return around.view(power.shape)
