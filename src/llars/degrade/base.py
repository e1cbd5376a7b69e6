"""The parts common to all degradations: shapes, severities, random numbers, missing values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from llars.bands import Band
from llars.errors import BandError, ConfigError, DataError

__all__ = ["Bands", "Case", "Degradation"]

Bands = Sequence[Band] | Sequence[Sequence[Band]]
"""Bands of the image, or of each image of a batch."""

Image = TypeVar("Image", Tensor, np.ndarray[Any, Any])


@dataclass(frozen=True)
class Case:
    """The input of an operator: everything in batched form, with its only source of random numbers."""

    image: Tensor
    """``(batch, band, y, x)`` unit values, float32 or float64, without NaN."""

    severity: Tensor
    """``(batch, 1, 1, 1)``, same dtype and device."""

    generator: torch.Generator
    """All random numbers come from here."""

    bands: tuple[tuple[Band, ...], ...] | None
    """Bands of each image, where known."""

    valid: Tensor | None = None
    """``(batch, band, y, x)`` boolean: samples that were measured rather than missing and filled; None means all."""

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform random numbers in [low, high), drawn where the generator lives."""
        drawn = torch.rand(shape, generator=self.generator, device=self.generator.device, dtype=self.image.dtype)
        return (drawn * (high - low) + low if (low, high) != (0.0, 1.0) else drawn).to(self.image.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal random numbers, drawn where the generator lives."""
        drawn = torch.randn(shape, generator=self.generator, device=self.generator.device, dtype=self.image.dtype)
        return drawn.to(self.image.device)

    def extremes(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest value that a detector could have recorded, ``(batch, 1, 1, 1)`` each.

        Nominally 0 and 1; an image with values beyond them shows that the detector reaches further.
        """
        return (
            self.image.amin(dim=(1, 2, 3), keepdim=True).clamp(max=0.0),
            self.image.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1.0),
        )

    def recorded(self, values: Tensor) -> Tensor:
        """``values`` as a detector records them: clipped at dark and at saturation.

        For disturbances that are added before the number is stored (noise, offsets). So a dark scene shows less noise
        than sigma, as with any real sensor.
        """
        low, high = self.extremes()
        return torch.minimum(torch.maximum(values, low), high)


@dataclass(frozen=True)
class Degradation:
    """One kind of degradation, with adjustable severity.

    Call it with an image in unit values, ``(band, y, x)`` or ``(batch, band, y, x)``, a severity for all or one for
    each image of the batch, and optionally a generator and the bands. The result has the image's type, shape, dtype
    and device; at severity 0 it equals the image, and NaN (no data) stays NaN.
    """

    name: str
    """Key: ``gaussian_noise``."""

    task: str
    """Key of the task that undoes it: ``denoise``."""

    summary: str
    """One line for people."""

    law: str
    """What a severity s means, in one line."""

    operate: Callable[[Case], Tensor]
    """The operator itself: the degraded batch, same shape."""

    signed: bool = False
    """Whether severities down to -1 are allowed: they do the opposite."""

    def __call__(
        self,
        image: Image,
        severity: float | Sequence[float] | Tensor | np.ndarray[Any, Any],
        generator: torch.Generator | np.random.Generator | None = None,
        bands: Bands | None = None,
    ) -> Image:
        """Degrade ``image``.

        Args:
            image: unit values, floating point, ``(band, y, x)`` or ``(batch, band, y, x)``; NaN is no data, and so is
                what a NumPy array masks: the result has the same mask.
            severity: in [0, 1] ([-1, 1] where ``signed``), one number or one for each image of the batch.
            generator: source of all random numbers, or a NumPy generator, from which the seed is drawn; None takes a
                fresh one with a random seed.
            bands: bands of the image, or of each image of the batch.

        Raises:
            ConfigError: a severity that is not a number, out of range, or not one for each image; ``generator`` is of
                another type.
            DataError: an image of another type or shape, or of other than floating point numbers of up to 64 bits.
            BandError: ``bands`` does not match the image's number of bands.
        """
        if isinstance(image, np.ndarray):
            values, mask = _of_array(image)
            degraded = self(torch.from_numpy(values), severity, generator, bands).numpy()
            return degraded if mask is None else np.ma.masked_array(degraded, mask)
        batch = _batched(image)
        strength = self.strengths(severity, len(batch)).reshape(-1, 1, 1, 1)
        drawing = _drawing(generator, batch.device)
        if not bool(strength.any()):
            return image.clone()
        # Half precision is enough for storing images, but not for sums over a kernel.
        working = batch if batch.dtype in (torch.float32, torch.float64) else batch.float()
        missing = torch.isnan(working)
        some_missing = bool(missing.any())
        if some_missing:
            working = _filled(working.masked_fill(missing, 0.0), (~missing).to(working))
        strength = strength.to(working)
        valid = ~missing if some_missing else None
        lists = None if bands is None else band_lists(bands, batch)
        result = self.operate(Case(working, strength, drawing, lists, valid))
        if bool((strength == 0).any()):
            result = torch.where(strength == 0, working, result)
        if some_missing:
            result = result.masked_fill(missing, torch.nan)
        return result.to(image.dtype).reshape(image.shape)

    def strengths(self, severity: Any, count: int = 1) -> Tensor:
        """Severities of ``count`` images as ``(count,)`` float64.

        Raises:
            ConfigError: a severity that is no number, out of range, or not one for each image.
        """
        try:
            strength = torch.as_tensor(severity).detach().cpu().double().reshape(-1)
        except (TypeError, ValueError, RuntimeError):
            raise ConfigError(f"{self.name}: severity {severity!r}; expected a number, 0.5 for example") from None
        if strength.numel() not in (1, count):
            raise ConfigError(
                f"{strength.numel()} severities for {count} images; give one number, or one for each image"
            )
        lowest = -1.0 if self.signed else 0.0
        if not bool(((strength >= lowest) & (strength <= 1.0)).all()):
            raise ConfigError(
                f"{self.name}: severity {', '.join(f'{one:g}' for one in strength.tolist())}; "
                f"expected numbers from {lowest:g} to 1"
            )
        return strength.expand(count)


def _drawing(generator: object, device: torch.device) -> torch.Generator:
    """The torch generator that random numbers are drawn from."""
    if isinstance(generator, torch.Generator):
        return generator
    if isinstance(generator, np.random.Generator):
        return torch.Generator(device).manual_seed(int(generator.integers(2**63)))
    if generator is not None:
        raise ConfigError(
            f"found a generator of type {type(generator).__name__}, expected torch.Generator().manual_seed(7), "
            "numpy.random.default_rng(7) or None"
        )
    fresh = torch.Generator(device)
    fresh.seed()
    return fresh


def _of_array(image: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """A copy in the byte order of this machine, NaN where it is masked, and a copy of the mask, if there is one."""
    if image.dtype.kind != "f" or image.dtype.itemsize > 8:
        raise DataError(
            f"an image of {image.dtype}; expected floating point unit values, (physical - lo) / (hi - lo), "
            "in float16, float32 or float64"
        )
    values = np.array(np.ma.getdata(image), dtype=image.dtype.newbyteorder("="), order="C")
    if not isinstance(image, np.ma.MaskedArray):
        return values, None
    mask = np.ma.getmaskarray(image).copy()
    values[mask] = np.nan
    return values, mask


def _batched(image: Tensor) -> Tensor:
    """The image as ``(batch, band, y, x)``."""
    if not isinstance(image, Tensor):
        raise DataError(
            f"an image of type {type(image).__name__}; expected a tensor or a NumPy array (scene.values of a DataArray)"
        )
    if image.ndim not in (3, 4) or image.numel() == 0:
        raise DataError(f"an image of shape {tuple(image.shape)}; expected (band, y, x) or (batch, band, y, x)")
    if not image.is_floating_point():
        raise DataError(f"an image of {image.dtype}; expected floating point unit values, (physical - lo) / (hi - lo)")
    return image if image.ndim == 4 else image[None]


def _filled(total: Tensor, weight: Tensor) -> Tensor:
    """Fill missing samples (weight 0) with the mean of the smallest neighbourhood that holds any value.

    So an operator that looks at neighbours finds plausible values near a gap. Each level of the pyramid holds sums of
    2 by 2 cells of the finer one; a band without any value becomes 0.
    """
    present = weight > 0
    values = torch.where(present, total / weight.clamp(min=1.0), 0.0)
    height, width = total.shape[-2:]
    if bool(present.all()) or (height == 1 and width == 1):
        return values
    coarse = _filled(*(4.0 * functional.avg_pool2d(x, 2, ceil_mode=True, divisor_override=4) for x in (total, weight)))
    fine = coarse.repeat_interleave(2, dim=2)[:, :, :height].repeat_interleave(2, dim=3)[..., :width]
    return torch.where(present, values, fine)


def band_lists(bands: Bands, batch: Tensor) -> tuple[tuple[Band, ...], ...]:
    """Bands of each image of a batch, from those of all images or of each.

    Raises:
        BandError: they are not as many as the images and their bands.
    """
    flat = tuple(band for band in bands if isinstance(band, Band))
    lists = (flat,) * len(batch) if flat else tuple(tuple(one) for one in bands if not isinstance(one, Band))
    if len(lists) != len(batch) or any(len(one) != batch.shape[1] for one in lists):
        raise BandError(
            f"bands for {len(lists)} images, {sorted({len(one) for one in lists})} each; "
            f"expected {len(batch)} images of {batch.shape[1]} bands"
        )
    return lists
