"""The network's output, and its assembly from the direct path and the slot outputs carried back to bands."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from llars.model.direct import DirectPath

__all__ = ["LOG_SCALE", "OUTPUTS_PER_BAND", "PLANES", "RESIDUAL_GATE", "Output", "assemble", "planes_used"]

PLANES = 4
"""Gate of the target, correction, gate of the residual, and log-scale of every pixel."""

RESIDUAL_GATE = 2
"""Index of the plane that is left out where there is no residual."""

LOG_SCALE = 3
"""Index of the plane that is left out where no uncertainty is wanted."""

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


def planes_used(residual: bool, uncertainty: bool = True) -> list[int]:
    """The planes that are computed: the gate of the residual only if there is one, the log-scale only if wanted."""
    return [0, 1, *([RESIDUAL_GATE] if residual else []), *([LOG_SCALE] if uncertainty else [])]


def assemble(
    image: Float[Tensor, "batch channel y x"], outputs: Float[Tensor, "batch channel y/2 x/2"], direct: DirectPath
) -> Output:
    """``direct(image) + gate * target + correction + returned * residual`` in float32.

    So the network can discard its input, but need not, and can give back what an initial estimate took by mistake.

    The targets are the first bands of ``image``, followed by the guides, and by the residual of the targets if they
    are an initial estimate.

    ``outputs`` holds the planes in use one after the other (``planes_used``), each with four channels per band.
    The gates are departures from 0, not factors near 1, so that half precision in the backbone loses little.
    """
    image = image.float()
    targets, residual = image[:, : direct.targets], image[:, direct.bands :]
    # Shuffling before the conversion to float32 and keeping the memory layout each halve the time of large tiles.
    gate, correction, *others = torch.split(nn.functional.pixel_shuffle(outputs, 2), direct.targets, 1)
    restored = direct(image).addcmul(gate.float(), targets).add(correction)
    if residual.shape[1]:
        returned, *others = others
        restored = restored.addcmul(returned.float(), residual)
    return Output(restored, others[0] if others else None)
