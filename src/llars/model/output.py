"""What the network gives, and how it is put together from a band's filter and the carried-back slots."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from llars.model.filters import BandFilter

__all__ = ["OUTPUTS_PER_BAND", "Output", "assemble"]

OUTPUTS_PER_BAND = 12
"""Gate, correction and log-scale for each of the four pixels of a half-resolution cell."""

MIN_LOG_SCALE, MAX_LOG_SCALE = -7.0, 3.0


@dataclass(frozen=True)
class Output:
    """A restored image and how far it may be off, in normalised values."""

    image: Float[Tensor, "batch band y x"]
    """The estimate."""

    log_scale: Float[Tensor, "batch band y x"]
    """Natural logarithm of the scale b of a Laplace distribution of the error."""


def assemble(
    image: Float[Tensor, "batch band y x"], carried: Float[Tensor, "batch band output y/2 x/2"], filters: BandFilter
) -> Output:
    """``filter(image) + gate * image + correction`` in float32: the network may drop its input, and need not.

    The gate is a departure from 0, not a factor near 1, so that half precision in the backbone costs little.
    """
    batch, bands, _, height, width = carried.shape
    pixels = nn.functional.pixel_shuffle(carried.reshape(batch, -1, height, width).float(), 2)
    gate, correction, log_scale = pixels.view(batch, bands, 3, *image.shape[-2:]).unbind(2)
    restored = filters(image.float()) + gate * image.float() + correction
    return Output(restored, (log_scale - 2.0).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE))
