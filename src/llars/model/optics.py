"""Blur of a scene from its power spectrum: probabilities of kernels, and the noise that limits deconvolution."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["SIDE", "OpticsEstimator"]

SIDE = 64
"""Side in pixels of the windows whose spectrum is computed, and of the grid on which filters are designed."""

RINGS, SECTORS = 32, 16
"""Divisions of the half plane of frequencies: a motion path of 16 pixels leaves zeros every 4 rings."""

FEATURES = 256

MIN_POWER = 1e-9
"""Power, relative to that of the band, below which there is only rounding error."""


class OpticsEstimator(nn.Module):
    """Estimates the blur from log power in rings and sectors of frequency; features are averaged over bands."""

    def __init__(self, kernels: int) -> None:
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(RINGS * SECTORS, FEATURES), nn.ReLU(), nn.Linear(FEATURES, FEATURES), nn.ReLU()
        )
        self.kernel = nn.Linear(FEATURES, kernels)
        self.roughness = nn.Linear(FEATURES, 1)

    def forward(
        self, windows: Float[Tensor, "batch window band side side"]
    ) -> tuple[Float[Tensor, "batch kernel"], Float[Tensor, "batch"]]:
        """Logits of the kernels, and the noise-to-ground power ratio (``roughness`` of ``llars.initial.filters``).

        Args:
            windows: values of any scale at the scene's own resolution, ``SIDE`` pixels wide.
        """
        features = self.each(log_power(windows)).mean(1)
        # Between 1e-8 and 1; about 1e-4 at initialisation.
        roughness = 10.0 ** (8.0 * (torch.sigmoid(self.roughness(features)[:, 0]) - 1.0))
        return self.kernel(features), roughness


def log_power(windows: Float[Tensor, "batch window band side side"]) -> Float[Tensor, "batch band cell"]:
    """Logarithm of the mean power in every ring and sector, minus its mean over all of them."""
    fade = torch.hann_window(SIDE, periodic=False, device=windows.device)
    centred = windows.float() - windows.float().mean((-2, -1), keepdim=True)
    power = torch.fft.rfft2(centred * fade[:, None] * fade).abs().square().mean(1)
    power = power / power.mean((-2, -1), keepdim=True).clamp_min(1e-20)
    cells = power.flatten(-2) @ _cells().to(power.device)
    logarithm = (cells + MIN_POWER).log()
    about: Tensor = logarithm - logarithm.mean(-1, keepdim=True)
    return about


@functools.cache
def _cells() -> Tensor:
    """``(frequency, cell)`` weights whose columns sum to 1; cells without any frequency take the mean of their ring."""
    # The cached tensor serves training too, even if it is first made in inference mode.
    with torch.inference_mode(False):
        return _weights()


def _weights() -> Tensor:
    y, x = torch.meshgrid(torch.fft.fftfreq(SIDE), torch.fft.rfftfreq(SIDE), indexing="ij")
    ring = (torch.hypot(y, x) * SIDE).round().long().flatten()
    sector = (torch.atan2(y, x).remainder(math.pi) / math.pi * SECTORS).round().long().flatten() % SECTORS
    in_ring = nn.functional.one_hot(ring.clamp(max=RINGS), RINGS + 1)[:, 1:].float()
    in_sector = nn.functional.one_hot(sector, SECTORS).float()
    # rfft2 keeps half the spectrum: each value outside the first and last columns represents two conjugates.
    weight = torch.full((SIDE, SIDE // 2 + 1), 2.0)
    weight[:, [0, -1]] = 1.0
    cells = torch.einsum("fr,fs,f->frs", in_ring, in_sector, weight.flatten())
    rings = (in_ring * weight.flatten()[:, None])[..., None].expand_as(cells)
    cells = torch.where(cells.sum(0, keepdim=True) > 0, cells, rings)
    return (cells / cells.sum(0, keepdim=True)).flatten(1)
