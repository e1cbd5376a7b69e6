"""Pansharpening in closed form: the detail of a panchromatic band is injected into multispectral bands.

A band lacks the detail that its coarse pixels averaged out. Coarse pixels simulated from the PAN show what is lost, and
a share of it is injected: ``enlarged(band) + gain * (PAN - enlarged(PAN at coarse pixels))``, a generalised Laplacian
pyramid (Aiazzi et al. 2006, PE&RS 72(5)).

- The MTF of coarse pixels is estimated: of several candidates, the one after which the bands explain the PAN best.
- A band's gain is its regression on the PAN over the finest details that both show: around a pixel where these are
  rich, over the whole scene where they are not.
- Finally the result is corrected so that, at coarse pixels, it reproduces the given image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from llars.degrade.resolution import PROJECTION_REACH, enlarge, enlarge_exactly, project, reduce
from llars.degrade.wald import mtf_reduce
from llars.model.means import local_mean

__all__ = ["BLUR_REACH", "Injection", "Transfer", "find_injection"]

NYQUIST = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Candidate responses at the coarse grid's Nyquist frequency."""

ACCEPTED_RATIO = 0.9
"""A sensor's blur is accepted if it leaves less than this share of the power that area means leave unexplained."""

ROUNDS = 3
"""Back-projections through a sensor's blur: each restores finer detail, and more of the bands' noise."""

RADIUS = 3
"""Coarse pixels on each side that are a pixel's surroundings."""

PRIOR = 0.5
"""Weight of the scene's gain beside that of the surroundings, in multiples of the scene's mean power of detail."""

RIDGE = 1e-6
"""Share of the power of the bands added to the diagonal, so that the system is solvable for identical bands."""

TINY = 1e-12

BLUR_REACH = 20
"""As ``PROJECTION_REACH``, for coarse pixels with a blur: two for each cubic kernel, three more for each blur."""


@dataclass(frozen=True)
class Transfer:
    """How a fine image appears at pixels ``factor`` times as wide."""

    factor: int
    nyquist: float | None = None
    """Response of the Gaussian MTF at the coarse grid's Nyquist frequency; None: the mean over the pixel's area."""

    @property
    def reach(self) -> int:
        """Halo of ``enforce``, in coarse pixels."""
        return PROJECTION_REACH if self.nyquist is None else BLUR_REACH

    def __call__(self, fine: Float[Tensor, "batch band y x"]) -> Float[Tensor, "batch band y_ x_"]:
        """The image at those pixels."""
        return reduce(fine, self.factor) if self.nyquist is None else mtf_reduce(fine, self.factor, self.nyquist)

    def enforce(
        self,
        fine: Float[Tensor, "batch band y x"],
        coarse: Float[Tensor, "batch band y_ x_"],
        valid: Bool[Tensor, "batch band y_ x_"] | None = None,
    ) -> Float[Tensor, "batch band y x"]:
        """``fine``, corrected to reproduce ``coarse`` where that is ``valid``: means exactly, a blur approximately."""
        if self.nyquist is None:
            return project(fine, coarse, self.factor, valid)
        for _ in range(ROUNDS):
            residual = coarse - self(fine)
            fine = fine + enlarge(residual if valid is None else residual.where(valid, 0.0), self.factor)
        return fine


@dataclass(frozen=True)
class Injection:
    """How the detail of a scene's PAN is injected into its bands."""

    transfer: Transfer
    gain: Float[Tensor, "1 band 1 1"]
    """Gain of each band over the whole scene."""

    power: float
    """Mean square of the finest details of the PAN at coarse pixels, in unit values."""

    def of_band(self, band: int) -> Injection:
        """The injection for a single band."""
        return replace(self, gain=self.gain[:, [band]])

    def __call__(
        self, bands: Float[Tensor, "1 band y_ x_"], pan: Float[Tensor, "1 1 y x"]
    ) -> Float[Tensor, "1 band y x"]:
        """``bands`` on the grid of ``pan``, with its detail.

        Exact except for ``BLUR_REACH`` coarse pixels at sides inside the scene.
        """
        factor, low = self.transfer.factor, self.transfer(pan)
        own, shared = _details(bands), _details(low)
        prior = PRIOR * self.power
        product, power = local_mean(own * shared, RADIUS), local_mean(shared.square(), RADIUS)
        gain = (product + prior * self.gain) / (power + prior).clamp_min(TINY)
        detail = pan - enlarge_exactly(low, factor)
        return self.transfer.enforce(enlarge_exactly(bands, factor) + enlarge(gain, factor) * detail, bands)


def find_injection(
    bands: Float[Tensor, "window band y_ x_"],
    pan: Float[Tensor, "window 1 y x"],
    valid: Bool[Tensor, "window 1 y_ x_"] | None = None,
) -> Injection:
    """The injection for a scene, fitted to windows from all over it.

    Args:
        bands: unit values without gaps, at their own resolution.
        pan: the same windows of the PAN, a whole number of times finer.
        valid: where both were measured; None: everywhere.
    """
    factor = pan.shape[-1] // bands.shape[-1]
    mask = torch.ones_like(bands[:, :1]) if valid is None else valid.to(bands)
    own = _details(bands) * mask
    area, *blurs = (Transfer(factor, nyquist) for nyquist in (None, *NYQUIST))
    residual = {transfer: _unexplained_share(_details(transfer(pan)) * mask, own) for transfer in (area, *blurs)}
    best = min(blurs, key=residual.__getitem__)
    transfer = best if residual[best] < ACCEPTED_RATIO * residual[area] else area
    shared = _details(transfer(pan)) * mask
    power = shared.square().mean()
    gain = (own * shared).mean((0, 2, 3)) / power.clamp_min(TINY)
    return Injection(transfer, gain.view(1, -1, 1, 1), float(power))


def _details(image: Tensor) -> Tensor:
    """Difference of each pixel from the mean of the 3 x 3 pixels around it."""
    return image - local_mean(image, 1)


def _unexplained_share(response: Tensor, predictors: Tensor) -> float:
    """Share of the power of ``response``, ``(window, 1, y, x)``, left after regression on the bands ``predictors``."""
    target, parts = (image.transpose(0, 1).flatten(1).double() for image in (response, predictors))
    square = parts @ parts.T
    square += RIDGE * square.diagonal().mean().clamp_min(TINY) * torch.eye(len(square)).to(square)
    product = parts @ target[0]
    explained = product @ torch.linalg.solve(square, product)
    return float(1.0 - explained / target.square().sum().clamp_min(TINY))
