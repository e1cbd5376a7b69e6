"""The network's output, and its assembly from the direct path and the slot outputs carried back to bands."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.direct import DirectPath

__all__ = ["OUTPUTS_PER_BAND", "PLANES", "Output", "assemble"]

PLANES = 3
"""Gate, correction and log-scale of every pixel."""

OUTPUTS_PER_BAND = PLANES * 4
"""The planes of the four pixels of a half-resolution cell, plane by plane."""

MIN_LOG_SCALE, MAX_LOG_SCALE = -7.0, 3.0
FIRST_LOG_SCALE = -2.0


@dataclass(frozen=True)
class Output:
    """A restored image and its uncertainty, in normalised values."""

    image: Float[Tensor, "batch band y x"]
    """The estimate, float32."""

    raw_log_scale: Float[Tensor, "batch band y x"] | None
    """``log_scale`` as the head gives it, in the backbone's precision; None where it was left out."""

    @property
    def log_scale(self) -> Float[Tensor, "batch band y x"]:
        """Natural logarithm of the scale b of a Laplace distribution of the error, float32; made when asked for."""
        if self.raw_log_scale is None:
            raise ValueError("this network was folded without uncertainty")
        return (self.raw_log_scale.float() + FIRST_LOG_SCALE).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)


def assemble(
    image: Float[Tensor, "batch band y x"], outputs: Float[Tensor, "batch channel y/2 x/2"], direct: DirectPath
) -> Output:
    """``direct(image) + gate * target + correction`` in float32: the network can discard its input, but need not.

    The targets are the first bands of ``image``; the rest are guides.

    ``outputs`` holds the planes one after the other, each with four channels per band; the last plane may be missing.
    The gate is a departure from 0, not a factor near 1, so that half precision in the backbone loses little.
    """
    image = image.float()
    # Shuffling before the conversion to float32 and keeping the memory layout each halve the time of large tiles.
    gate, correction, *log_scale = torch.split(nn.functional.pixel_shuffle(outputs, 2), direct.targets, 1)
    restored = direct(image).addcmul(gate.float(), image[:, : direct.targets]).add(correction)
    return Output(restored, log_scale[0] if log_scale else None)
